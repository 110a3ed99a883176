//! Creates, shows, changes and removes groups, and says who is in them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{GroupChanges, GroupRecord, GroupRequest, Member};
use intramuros_types::{Access, GroupId, KeyId, Principal, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::grant;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::note_target;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupDto {
    /// Its id.
    id: String,
    /// What people call it.
    title: String,
    /// Whose documents it opens to its members; `*` for all.
    labels: Vec<String>,
    /// Labels whose documents it closes to its members, whatever else they hold.
    denied: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// Ids of the users and keys in it; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
}

impl GroupDto {
    fn with_members(group: GroupRecord) -> Self {
        let members = group.members.iter().map(|member| member.as_str().to_owned()).collect();
        Self { members: Some(members), ..Self::from(group) }
    }
}

impl From<GroupRecord> for GroupDto {
    fn from(group: GroupRecord) -> Self {
        Self {
            id: group.id.to_string(),
            title: group.title,
            labels: group.labels,
            denied: group.denied,
            created: group.created,
            members: None,
        }
    }
}

/// The groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupList {
    /// By id.
    groups: Vec<GroupDto>,
}

/// A group to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateGroup {
    /// A slug that names it for good: lower-case letters, digits and hyphens, up to 63.
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    id: String,
    /// What people call it; the id when left out.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Whose documents it opens to its members; `*` for all.
    labels: Option<Vec<String>>,
    /// Labels whose documents it closes to its members.
    denied: Option<Vec<String>>,
}

impl RequestBody for CreateGroup {
    const FIELDS: &'static [&'static str] = &["id", "title", "labels", "denied"];
}

/// What of a group is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateGroup {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// Whose documents it opens.
    labels: Option<Vec<String>>,
    /// Labels whose documents it closes.
    denied: Option<Vec<String>>,
}

impl RequestBody for UpdateGroup {
    const FIELDS: &'static [&'static str] = &["title", "labels", "denied"];
}

/// Lists the groups.
#[utoipa::path(get, path = "/api/v1/groups", tag = "identity",
    responses((status = 200, description = "every group", body = GroupList)),
    security(("key" = [])))]
pub(crate) async fn list_groups(
    State(state): State<AppState>,
) -> Result<Json<GroupList>, ApiError> {
    let groups = state.ledger.list_groups().await?.into_iter().map(GroupDto::from).collect();
    Ok(Json(GroupList { groups }))
}

/// Makes a group without members. Nobody gives one more than they have themselves.
#[utoipa::path(post, path = "/api/v1/groups", tag = "identity", request_body = CreateGroup,
    responses((status = 201, description = "made", body = GroupDto),
        (status = 409, description = "the id is taken")),
    security(("key" = [])))]
pub(crate) async fn create_group(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateGroup>,
) -> Result<(StatusCode, Json<GroupDto>), ApiError> {
    let (labels, denied) = (body.labels.unwrap_or_default(), body.denied.unwrap_or_default());
    grant::check(&caller, &[], &Access::of(&labels).without(&denied))?;
    note_target(&extensions, body.id.as_str());
    let request = GroupRequest {
        title: body.title.unwrap_or_else(|| body.id.clone()),
        id: GroupId::new(body.id),
        labels,
        denied,
    };
    let group = state.ledger.create_group(request).await?;
    Ok((StatusCode::CREATED, Json(GroupDto::with_members(group))))
}

/// Shows a group with its members.
#[utoipa::path(get, path = "/api/v1/groups/{group}", tag = "identity",
    params(("group" = String, Path, description = "id of the group")),
    responses((status = 200, description = "the group", body = GroupDto),
        (status = 404, description = "no such group")),
    security(("key" = [])))]
pub(crate) async fn get_group(
    State(state): State<AppState>,
    Path(group): Path<String>,
) -> Result<Json<GroupDto>, ApiError> {
    let group = state.ledger.get_group(&GroupId::new(group)).await?;
    Ok(Json(GroupDto::with_members(group)))
}

/// Changes what is said about a group.
#[utoipa::path(patch, path = "/api/v1/groups/{group}", tag = "identity",
    params(("group" = String, Path, description = "id of the group")),
    request_body = UpdateGroup,
    responses((status = 200, description = "the group as it is now", body = GroupDto),
        (status = 404, description = "no such group")),
    security(("key" = [])))]
pub(crate) async fn update_group(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(group): Path<String>,
    JsonBody(body): JsonBody<UpdateGroup>,
) -> Result<Json<GroupDto>, ApiError> {
    let id = GroupId::new(group);
    let old = state.ledger.get_group(&id).await?;
    let labels = body.labels.clone().unwrap_or_else(|| old.labels.clone());
    let denied = body.denied.clone().unwrap_or_else(|| old.denied.clone());
    grant::check(&caller, &[], &Access::of(&labels).without(&denied))?;
    grant::check_lifted(&caller, &old.denied, &denied)?;
    let changes = GroupChanges { title: body.title, labels: body.labels, denied: body.denied };
    let group = state.ledger.update_group(&id, changes).await?;
    Ok(Json(GroupDto::with_members(group)))
}

/// Removes a group; its members lose what it gave and what it denied.
#[utoipa::path(delete, path = "/api/v1/groups/{group}", tag = "identity",
    params(("group" = String, Path, description = "id of the group")),
    responses((status = 204, description = "removed"),
        (status = 404, description = "no such group")),
    security(("key" = [])))]
pub(crate) async fn delete_group(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(group): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = GroupId::new(group);
    grant::check_lifted(&caller, &state.ledger.get_group(&id).await?.denied, &[])?;
    state.ledger.delete_group(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user or a key into a group.
#[utoipa::path(put, path = "/api/v1/groups/{group}/members/{member}", tag = "identity",
    params(("group" = String, Path, description = "id of the group"),
        ("member" = String, Path, description = "id of a user or a key")),
    responses((status = 204, description = "it is in the group"),
        (status = 404, description = "no such group, user or key")),
    security(("key" = [])))]
pub(crate) async fn add_member(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((group, member)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id = GroupId::new(group);
    let group = state.ledger.get_group(&id).await?;
    grant::check(&caller, &[], &Access::of(&group.labels).without(&group.denied))?;
    state.ledger.add_member(&id, &member_of(member)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user or a key out of a group.
#[utoipa::path(delete, path = "/api/v1/groups/{group}/members/{member}", tag = "identity",
    params(("group" = String, Path, description = "id of the group"),
        ("member" = String, Path, description = "id of a user or a key")),
    responses((status = 204, description = "it is not in the group any more"),
        (status = 404, description = "no such group, or it is not in it")),
    security(("key" = [])))]
pub(crate) async fn remove_member(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path((group, member)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let id = GroupId::new(group);
    grant::check_lifted(&caller, &state.ledger.get_group(&id).await?.denied, &[])?;
    state.ledger.remove_member(&id, &member_of(member)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ids say by their beginning what they are of.
fn member_of(id: String) -> Member {
    if id.starts_with("usr_") { Member::User(UserId::new(id)) } else { Member::Key(KeyId::new(id)) }
}
