//! Creates, changes, publishes, shows and deletes assistants under `/api/v1/assistants`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{
    AssistantChanges, AssistantRecord, AssistantSummary, LedgerError, NewAssistant,
};
use intramuros_types::{AssistantId, Principal};
use intramuros_usecases::chat::AssistantConfig;
use serde_json::Value;

use super::widget;
use crate::body::JsonBody;
use crate::error::{ApiError, Code};
use crate::state::AppState;
use crate::visit::{note_target, who};

mod dto;
pub(crate) mod figures;
pub(crate) mod preview;
pub(crate) mod versions;

use dto::{AssistantDto, AssistantList, CreateAssistant, UpdateAssistant};

/// The assistant of this id or slug.
pub(super) async fn find(state: &AppState, name: &str) -> Result<AssistantSummary, ApiError> {
    // No slug has an underscore.
    if name.starts_with("ast_") {
        return Ok(state.ledger.get_assistant(&AssistantId::new(name)).await?.summary);
    }
    Ok(state.ledger.find_assistant(name).await?)
}

/// An assistant that the caller may manage: whose labels, of the draft and of what is published, they
/// hold. Of others they are told the same as of one that is not there.
pub(super) async fn managed(
    state: &AppState,
    caller: &Principal,
    name: &str,
) -> Result<AssistantRecord, ApiError> {
    let found = find(state, name).await?;
    let record = state.ledger.get_assistant(&found.id).await?;
    let published = match record.summary.published {
        Some(number) => Some(state.ledger.assistant_version(&found.id, number).await?.config),
        None => None,
    };
    let holds = |config: &Value| {
        let labels = config["labels"].as_array().map(Vec::as_slice).unwrap_or_default();
        let labels: Vec<&str> = labels.iter().filter_map(Value::as_str).collect();
        caller.access.holds(&labels)
    };
    if holds(&record.draft) && published.as_ref().is_none_or(holds) {
        return Ok(record);
    }
    let id = name.to_owned();
    Err(LedgerError::NotFound { what: "assistant", id }.into())
}

/// Reads a configuration and checks it, with who writes it: an assistant must not read for them what
/// they may not read themselves, nor tell everybody what is not for everybody.
async fn checked(
    state: &AppState,
    caller: &Principal,
    config: &Value,
) -> Result<AssistantConfig, ApiError> {
    let config = state.chat.check(config).await?;
    if !caller.access.holds(&config.labels) {
        let message = "'labels' names labels that you do not hold; an assistant reads for others \
                       only what whoever configures it may read";
        let code = Code::InsufficientScope;
        return Err(ApiError { param: Some("labels".to_owned()), ..ApiError::new(code, message) });
    }
    if config.widget.enabled && !config.labels.is_empty() {
        let message = "'labels' must be empty where 'widget.enabled' is true: visitors of web pages \
                       are anybody, and the assistant reads for them only what everybody may read";
        return Err(ApiError::invalid("labels", message));
    }
    for address in &config.hand_over.email {
        state.notify.mailer().permit(address).map_err(|error| {
            let message = format!("'hand_over.email' has '{address}': {error}");
            ApiError::invalid("hand_over.email", message)
        })?;
    }
    Ok(config)
}

fn check_slug(slug: &str) -> Result<(), ApiError> {
    if widget::FIXED.contains(&slug) {
        let message =
            format!("'slug' is '{slug}', which the server's own paths have; choose another");
        return Err(ApiError::invalid("slug", message));
    }
    Ok(())
}

/// The configuration with what was left out, so that a later default changes nothing.
fn stored(config: &AssistantConfig) -> Result<Value, ApiError> {
    serde_json::to_value(config).map_err(|error| ApiError::invalid("config", error.to_string()))
}

/// Lists the assistants whose labels the caller holds, by name.
#[utoipa::path(get, path = "/api/v1/assistants", tag = "assistants",
    responses((status = 200, description = "the assistants", body = AssistantList)),
    security(("key" = [])))]
pub(crate) async fn list_assistants(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
) -> Result<Json<AssistantList>, ApiError> {
    let mut assistants = Vec::new();
    for assistant in state.ledger.list_assistants().await? {
        match managed(&state, &caller, assistant.id.as_str()).await {
            Ok(_) => assistants.push(assistant.into()),
            Err(error) if error.code == Code::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Json(AssistantList { assistants }))
}

/// Creates an assistant. Nobody can talk to it before it is published.
#[utoipa::path(post, path = "/api/v1/assistants", tag = "assistants",
    request_body = CreateAssistant,
    responses((status = 201, description = "created", body = AssistantDto),
        (status = 409, description = "its slug or name is taken, or there are 200")),
    security(("key" = [])))]
pub(crate) async fn create_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateAssistant>,
) -> Result<(StatusCode, Json<AssistantDto>), ApiError> {
    check_slug(&body.slug)?;
    let config = checked(&state, &caller, &body.config).await?;
    let new = NewAssistant {
        slug: body.slug,
        name: body.name.unwrap_or_else(|| config.name.clone()),
        retention_days: config.retention_days,
        config: stored(&config)?,
        by: who(&caller),
    };
    let made = state.ledger.create_assistant(new).await?;
    note_target(&extensions, made.summary.id.as_str());
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Shows an assistant with its draft.
#[utoipa::path(get, path = "/api/v1/assistants/{assistant}", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    responses((status = 200, description = "the assistant", body = AssistantDto),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn get_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
) -> Result<Json<AssistantDto>, ApiError> {
    Ok(Json(managed(&state, &caller, &assistant).await?.into()))
}

/// Changes the draft of an assistant, its slug or its name, or retires it. What is published stays as
/// it is.
#[utoipa::path(patch, path = "/api/v1/assistants/{assistant}", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    request_body = UpdateAssistant,
    responses((status = 200, description = "the assistant as it is now", body = AssistantDto),
        (status = 404, description = "no such assistant"),
        (status = 409, description = "somebody else changed it, or its slug or name is taken")),
    security(("key" = [])))]
pub(crate) async fn update_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
    JsonBody(body): JsonBody<UpdateAssistant>,
) -> Result<Json<AssistantDto>, ApiError> {
    let mut record = managed(&state, &caller, &assistant).await?;
    let id = record.summary.id.clone();
    let changes = changes(&state, &caller, &record, &body).await?;
    let is_changed = changes.slug.is_some() || changes.name.is_some() || changes.config.is_some();
    if is_changed {
        record = state.ledger.update_assistant(&id, changes, &who(&caller)).await?;
    } else if body.version != record.summary.version {
        let (now, seen) = (record.summary.version, body.version);
        let message =
            format!("assistant `{id}` is at version {now}, you saw {seen}; look at it again");
        return Err(ApiError::new(Code::Conflict, message));
    }
    if let Some(retired) = body.retired {
        record = state.ledger.retire_assistant(&id, retired).await?;
    }
    Ok(Json(record.into()))
}

async fn changes(
    state: &AppState,
    caller: &Principal,
    record: &AssistantRecord,
    body: &UpdateAssistant,
) -> Result<AssistantChanges, ApiError> {
    let mut changes = AssistantChanges {
        version: body.version,
        slug: body.slug.clone(),
        name: body.name.clone(),
        ..AssistantChanges::default()
    };
    if let Some(slug) = &body.slug {
        check_slug(slug)?;
    }
    if let Some(config) = &body.config {
        let config = checked(state, caller, config).await?;
        // One that was named like its configuration goes on to be.
        let is_named_alike = record.draft["name"] == record.summary.name.as_str();
        if changes.name.is_none() && is_named_alike && config.name != record.summary.name {
            changes.name = Some(config.name.clone());
        }
        changes.retention_days = Some(config.retention_days);
        changes.config = Some(stored(&config)?);
    }
    Ok(changes)
}

/// Deletes an assistant with its versions and all of its conversations. To keep these, retire it.
#[utoipa::path(delete, path = "/api/v1/assistants/{assistant}", tag = "assistants",
    params(("assistant" = String, Path, description = "its id or slug")),
    responses((status = 204, description = "deleted"),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn delete_assistant(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(assistant): Path<String>,
) -> Result<StatusCode, ApiError> {
    let found = managed(&state, &caller, &assistant).await?;
    state.ledger.delete_assistant(&found.summary.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks a stored configuration before it answers: what it names may be gone meanwhile, and whoever
/// publishes is not always who wrote it.
async fn check_stored(
    state: &AppState,
    caller: &Principal,
    config: &Value,
) -> Result<(), ApiError> {
    match checked(state, caller, config).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = format!("it cannot be published: {}", error.message);
            Err(ApiError { message, ..error })
        }
    }
}
