//! Opens, lists, shows and deletes conversations with assistants under `/api/v1/conversations`.
//!
//! Who opened a conversation speaks in it as its customer, or for one, and sees what was said; who
//! answers customers sees those that are for them, with the card and with who did what. For everybody
//! else a conversation is not there.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_engine::Priority;
use intramuros_ledger::{ConversationSummary, LedgerError, Opened, Reviewer};
use intramuros_types::{ConversationId, Principal, Scope, UserRole};
use intramuros_usecases::chat::OpenRequest;

use crate::body::JsonBody;
use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::{caller as calling, note_target, who};

pub(crate) mod customer;
pub(super) mod dto;
pub(crate) mod feedback;
pub(crate) mod messages;
pub(crate) mod people;
mod query;
pub(super) mod reply;

use dto::{ConversationDto, ConversationList, OpenBody, Viewer, WholeConversationDto};
use query::ConversationsQuery;

/// A caller as conversations see them. Who may not see those of others sees their own.
pub(super) async fn reader(state: &AppState, caller: &Principal) -> Result<Reviewer, ApiError> {
    let reader = state.ledger.reviewer(caller).await?;
    if caller.may(Scope::ConversationsRead) {
        return Ok(reader);
    }
    Ok(Reviewer { role: UserRole::Reader, ..reader })
}

/// A conversation that the caller opened. Of others they are told the same as of one that is not
/// there.
async fn own(
    state: &AppState,
    caller: &Principal,
    id: &ConversationId,
) -> Result<ConversationSummary, ApiError> {
    let found = state.ledger.conversation_summary(id).await?;
    if found.who == who(caller) {
        return Ok(found);
    }
    Err(LedgerError::NotFound { what: "conversation", id: id.to_string() }.into())
}

/// A conversation that the caller may see, and as whom.
async fn seen(
    state: &AppState,
    caller: &Principal,
    id: &ConversationId,
) -> Result<(ConversationSummary, Viewer), ApiError> {
    match own(state, caller, id).await {
        Ok(found) => Ok((found, Viewer::Customer)),
        Err(error) if error.code == Code::NotFound && caller.may(Scope::ConversationsRead) => {
            let reader = reader(state, caller).await?;
            Ok((state.ledger.seen_conversation(id, &reader).await?, Viewer::Person))
        }
        Err(error) => Err(error),
    }
}

/// Opens a conversation with an assistant: with the notice that an AI answers and the greeting. While
/// one of the same assistant and `external_id` that the caller opened is not closed, that one is given
/// back.
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations",
    request_body = OpenBody,
    responses((status = 201, description = "opened", body = WholeConversationDto),
        (status = 200, description = "an open one of this external id",
            body = WholeConversationDto),
        (status = 404, description = "no such assistant, or none that is published"),
        (status = 409, description = "the assistant is retired"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn open_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<OpenBody>,
) -> Result<(StatusCode, Json<WholeConversationDto>), ApiError> {
    if body.draft && !caller.may(Scope::AssistantsRead) {
        let message = format!(
            "'{}' lacks the scope '{}', which trying a draft takes",
            caller.name(),
            Scope::AssistantsRead
        );
        return Err(ApiError::new(Code::InsufficientScope, message));
    }
    let assistant = if body.draft {
        super::assistants::managed(&state, &caller, &body.assistant).await?.summary
    } else {
        super::assistants::find(&state, &body.assistant).await?
    };
    let labels = body.labels.unwrap_or_default();
    // Nobody closes conversations to themselves, or opens them to readers that they do not know.
    if !caller.access.holds(&labels) {
        return Err(ApiError::invalid("labels", "'labels' names labels that you do not hold"));
    }
    let request = OpenRequest {
        assistant: assistant.id,
        draft: body.draft,
        who: who(&caller),
        external_id: body.external_id,
        language: body.language,
        labels,
    };
    let calling = calling(&extensions, Priority::Interactive);
    let opened = state.chat.open(request, &calling).await?;
    let status = match &opened {
        Opened::New(_) => StatusCode::CREATED,
        Opened::Existing(_) => StatusCode::OK,
    };
    let id = opened.conversation().id;
    note_target(&extensions, id.as_str());
    let whole = state.ledger.own_conversation(&id, &who(&caller)).await?;
    Ok((status, Json(WholeConversationDto::new(whole, Viewer::Customer))))
}

/// Lists the conversations that the caller may see, newest first, without what was said.
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations",
    params(ConversationsQuery),
    responses((status = 200, description = "a page of conversations", body = ConversationList),
        (status = 404, description = "no such assistant")),
    security(("key" = [])))]
pub(crate) async fn list_conversations(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<ConversationsQuery>,
) -> Result<Json<ConversationList>, ApiError> {
    let reader = reader(&state, &caller).await?;
    let page = query.page(&state, &reader).await?;
    let (found, next) = state.ledger.list_conversations(&page, &reader).await?;
    let shown = |one: ConversationSummary| {
        let viewer = if one.who == reader.who { Viewer::Customer } else { Viewer::Person };
        ConversationDto::new(one, viewer)
    };
    let conversations = found.into_iter().map(shown).collect();
    Ok(Json(ConversationList { conversations, next: next.map(|id| id.to_string()) }))
}

/// Shows a conversation with all that was said. Who opened it sees no card.
#[utoipa::path(get, path = "/api/v1/conversations/{conversation}", tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    responses((status = 200, description = "the conversation", body = WholeConversationDto),
        (status = 404, description = "no such conversation")),
    security(("key" = [])))]
pub(crate) async fn get_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
) -> Result<Json<WholeConversationDto>, ApiError> {
    let id = ConversationId::new(conversation);
    let (_, viewer) = seen(&state, &caller, &id).await?;
    let whole = match viewer {
        Viewer::Customer | Viewer::Visitor => {
            state.ledger.own_conversation(&id, &who(&caller)).await?
        }
        Viewer::Person => {
            let reader = reader(&state, &caller).await?;
            state.ledger.get_conversation(&id, &reader).await?
        }
    };
    Ok(Json(WholeConversationDto::new(whole, viewer)))
}

/// Deletes a conversation with all that was said; for who opened it, and for administrators.
#[utoipa::path(delete, path = "/api/v1/conversations/{conversation}", tag = "conversations",
    params(("conversation" = String, Path, description = "id of the conversation")),
    responses((status = 204, description = "deleted"),
        (status = 404, description = "no such conversation")),
    security(("key" = [])))]
pub(crate) async fn delete_conversation(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(conversation): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = ConversationId::new(conversation);
    match own(&state, &caller, &id).await {
        Ok(_) => {}
        Err(error) if error.code == Code::NotFound && caller.may(Scope::Admin) => {
            let administrator = state.ledger.reviewer(&caller).await?;
            state.ledger.seen_conversation(&id, &administrator).await?;
        }
        Err(error) => return Err(error),
    }
    state.ledger.delete_conversation(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
