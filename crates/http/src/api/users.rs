//! Creates, shows, changes and removes users.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::{Extension, Json};
use intramuros_ledger::{Password, UserChanges, UserRecord, UserRequest};
use intramuros_types::{Access, Principal, UserId, UserRole};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::grant;
use crate::body::{JsonBody, RequestBody};
use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::note_target;

const DEFAULT_PAGE: u32 = 100;
const MAX_PAGE: u32 = 1_000;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserDto {
    /// The id, which stays when the name changes.
    id: String,
    /// What they sign in with.
    name: String,
    /// What people call them.
    full_name: String,
    /// `reader`, `reviewer`, `operator` or `admin`; each may do what the one before may.
    #[schema(value_type = String)]
    role: UserRole,
    /// Whose documents they read beside those that are open to everybody; `*` for all.
    labels: Vec<String>,
    /// Labels whose documents they do not read, whatever else they hold.
    denied: Vec<String>,
    /// Whether the password was given by somebody else and must be changed before anything else.
    must_change_password: bool,
    /// When they were made.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// Since when they cannot sign in, nor their keys be used.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    disabled: Option<OffsetDateTime>,
    /// When they signed in last.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    last_sign_in: Option<OffsetDateTime>,
}

impl From<UserRecord> for UserDto {
    fn from(user: UserRecord) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name,
            full_name: user.full_name,
            role: user.role,
            labels: user.labels,
            denied: user.denied,
            must_change_password: user.must_change,
            created: user.created,
            disabled: user.disabled,
            last_sign_in: user.last_sign_in,
        }
    }
}

/// Some users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    /// By name.
    users: Vec<UserDto>,
    /// `after` of the next page; null at the end.
    next: Option<String>,
}

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// The name after which to begin.
    after: Option<String>,
    /// The most users, up to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A user to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateUser {
    /// What they sign in with: no spaces; case does not matter.
    #[schema(min_length = 2, max_length = 100)]
    name: String,
    /// What people call them; the name when left out.
    #[schema(min_length = 1, max_length = 200)]
    full_name: Option<String>,
    /// `reader`, `reviewer`, `operator` or `admin`.
    #[schema(value_type = String)]
    role: UserRole,
    /// Whose documents they read beside those that are open to everybody; `*` for all.
    labels: Option<Vec<String>>,
    /// Labels whose documents they do not read.
    denied: Option<Vec<String>>,
    /// The first password, which they must change when they first sign in: 12 characters or more.
    #[schema(min_length = 12, max_length = 512, format = "password")]
    password: String,
}

impl RequestBody for CreateUser {
    const FIELDS: &'static [&'static str] =
        &["name", "full_name", "role", "labels", "denied", "password"];
}

/// What of a user is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateUser {
    /// What people call them.
    #[schema(min_length = 1, max_length = 200)]
    full_name: Option<String>,
    /// `reader`, `reviewer`, `operator` or `admin`.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
    /// Whose documents they read.
    labels: Option<Vec<String>>,
    /// Labels whose documents they do not read.
    denied: Option<Vec<String>>,
    /// Whether they are signed out, cannot sign in, and their keys are refused.
    disabled: Option<bool>,
}

impl RequestBody for UpdateUser {
    const FIELDS: &'static [&'static str] = &["full_name", "role", "labels", "denied", "disabled"];
}

/// A password that somebody gives to a user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPassword {
    /// The password, which they must change when they next sign in: 12 characters or more.
    #[schema(min_length = 12, max_length = 512, format = "password")]
    password: String,
}

impl RequestBody for SetPassword {
    const FIELDS: &'static [&'static str] = &["password"];
}

/// Lists users.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity", params(UsersQuery),
    responses((status = 200, description = "some users, by name", body = UserList)),
    security(("key" = [])))]
pub(crate) async fn list_users(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<UsersQuery>,
) -> Result<Json<UserList>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        let message = format!("'limit' is {limit}, it must be 1 to {MAX_PAGE}");
        return Err(ApiError::invalid("limit", message));
    }
    let mut users = state.ledger.list_users(query.after.as_deref(), limit + 1).await?;
    let more = users.len() > limit as usize;
    users.truncate(limit as usize);
    let next = users.last().filter(|_| more).map(|user| user.name.clone());
    Ok(Json(UserList { users: users.into_iter().map(UserDto::from).collect(), next }))
}

/// Makes a user. Nobody gives one more than they have themselves.
#[utoipa::path(post, path = "/api/v1/users", tag = "identity", request_body = CreateUser,
    responses((status = 201, description = "made", body = UserDto),
        (status = 409, description = "the name is taken")),
    security(("key" = [])))]
pub(crate) async fn create_user(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateUser>,
) -> Result<(StatusCode, Json<UserDto>), ApiError> {
    let (labels, denied) = (body.labels.unwrap_or_default(), body.denied.unwrap_or_default());
    grant::check(&caller, &body.role.scopes(), &Access::of(&labels).without(&denied))?;
    let request = UserRequest {
        full_name: body.full_name.unwrap_or_else(|| body.name.clone()),
        name: body.name,
        role: body.role,
        labels,
        denied,
        password: Password::new(body.password),
        must_change: true,
    };
    let user = state.ledger.create_user(request).await?;
    note_target(&extensions, user.id.as_str());
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Shows a user.
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "identity",
    params(("user" = String, Path, description = "id of the user")),
    responses((status = 200, description = "the user", body = UserDto),
        (status = 404, description = "no such user")),
    security(("key" = [])))]
pub(crate) async fn get_user(
    State(state): State<AppState>,
    Path(user): Path<String>,
) -> Result<Json<UserDto>, ApiError> {
    Ok(Json(state.ledger.get_user(&UserId::new(user)).await?.into()))
}

/// Changes what is said about a user.
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "identity",
    params(("user" = String, Path, description = "id of the user")),
    request_body = UpdateUser,
    responses((status = 200, description = "the user as it is now", body = UserDto),
        (status = 404, description = "no such user")),
    security(("key" = [])))]
pub(crate) async fn update_user(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(user): Path<String>,
    JsonBody(body): JsonBody<UpdateUser>,
) -> Result<Json<UserDto>, ApiError> {
    let id = UserId::new(user);
    let old = state.ledger.get_user(&id).await?;
    check_no_stronger(&state, &caller, &old).await?;
    let role = body.role.unwrap_or(old.role);
    let labels = body.labels.clone().unwrap_or_else(|| old.labels.clone());
    let denied = body.denied.clone().unwrap_or_else(|| old.denied.clone());
    grant::check(&caller, &role.scopes(), &Access::of(&labels).without(&denied))?;
    grant::check_lifted(&caller, &old.denied, &denied)?;
    let changes = UserChanges {
        full_name: body.full_name,
        role: body.role,
        labels: body.labels,
        denied: body.denied,
        disabled: body.disabled,
    };
    Ok(Json(state.ledger.update_user(&id, changes).await?.into()))
}

/// Gives a user another password, which they must change, and signs them out.
#[utoipa::path(post, path = "/api/v1/users/{user}/password", tag = "identity",
    params(("user" = String, Path, description = "id of the user")),
    request_body = SetPassword,
    responses((status = 204, description = "set"),
        (status = 404, description = "no such user")),
    security(("key" = [])))]
pub(crate) async fn set_password(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(user): Path<String>,
    JsonBody(body): JsonBody<SetPassword>,
) -> Result<StatusCode, ApiError> {
    let id = UserId::new(user);
    check_no_stronger(&state, &caller, &state.ledger.get_user(&id).await?).await?;
    state.ledger.set_password(&id, Password::new(body.password), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a user: signed out, out of all groups, their keys revoked.
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "identity",
    params(("user" = String, Path, description = "id of the user")),
    responses((status = 204, description = "removed"),
        (status = 403, description = "a user who may do or read more than you"),
        (status = 404, description = "no such user"),
        (status = 409, description = "the last administrator")),
    security(("key" = [])))]
pub(crate) async fn delete_user(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(user): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = UserId::new(user);
    check_no_stronger(&state, &caller, &state.ledger.get_user(&id).await?).await?;
    state.ledger.delete_user(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a user from those who may do or read less. Who sets a password can do what the user can;
/// who takes rights away or removes somebody leaves fewer above them.
async fn check_no_stronger(
    state: &AppState,
    caller: &Principal,
    user: &UserRecord,
) -> Result<(), ApiError> {
    let powers = state.ledger.principal_of_user(user).await?;
    if caller.may_give(&powers.scopes, &powers.access) {
        return Ok(());
    }
    let message = "this user may do or read more than you: somebody who may as much changes them";
    Err(ApiError::new(Code::InsufficientScope, message))
}
