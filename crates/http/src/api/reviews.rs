//! Files reviews, gives them to people and takes their decisions.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use intramuros_ledger::{Decision, Filed, Filer, NewDecision, ReviewRecord, Reviewer};
use intramuros_types::{Principal, ReviewId};

use crate::body::JsonBody;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::{note_documents, note_target};

mod body;
mod dto;
mod query;
pub(crate) mod stats;

use body::{CorrectBody, CreateReview, DecideBody, NextBody, UpdateReview};
use dto::{ReviewDto, ReviewExport, ReviewList, ReviewSummaryDto};
pub(super) use query::period;
use query::{ExportQuery, ReviewsQuery};

/// Contents of one page of an export.
const MAX_EXPORT_BYTES: usize = 4 << 20;

/// A caller as reviews see them.
async fn reviewer(state: &AppState, caller: &Principal) -> Result<Reviewer, ApiError> {
    Ok(state.ledger.reviewer(caller).await?)
}

/// Notes the documents that a review quotes, whose contents are shown with it.
fn note(extensions: &Extensions, review: &ReviewRecord) {
    let documents = review.evidence.iter().filter_map(|one| one.document.as_ref());
    note_documents(extensions, documents.map(|id| id.as_str()));
}

/// Lists the reviews that the caller may see, newest first, without their contents.
#[utoipa::path(get, path = "/api/v1/reviews", tag = "reviews", params(ReviewsQuery),
    responses((status = 200, description = "a page of reviews", body = ReviewList)),
    security(("key" = [])))]
pub(crate) async fn list_reviews(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<ReviewsQuery>,
) -> Result<Json<ReviewList>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let (reviews, next) = state.ledger.list_reviews(&query.page()?, &reviewer).await?;
    let reviews = reviews.into_iter().map(ReviewSummaryDto::from).collect();
    Ok(Json(ReviewList { reviews, next: next.map(|id| id.to_string()) }))
}

/// Lists reviews with proposals, decisions and corrections: what was corrected becomes examples and
/// test questions.
#[utoipa::path(get, path = "/api/v1/reviews/export", tag = "reviews", params(ExportQuery),
    responses((status = 200, description = "a page of reviews", body = ReviewExport)),
    security(("key" = [])))]
pub(crate) async fn export_reviews(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    QueryParams(query): QueryParams<ExportQuery>,
) -> Result<Json<ReviewExport>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let page = query.page()?;
    let (reviews, next) = state.ledger.export_reviews(&page, &reviewer, MAX_EXPORT_BYTES).await?;
    reviews.iter().for_each(|review| note(&extensions, review));
    let reviews = reviews.into_iter().map(ReviewDto::from).collect();
    Ok(Json(ReviewExport { reviews, next: next.map(|id| id.to_string()) }))
}

/// Files a review. One of the same `kind` and `external_id` that the caller filed before is given
/// back while it is open, and nothing is changed.
#[utoipa::path(post, path = "/api/v1/reviews", tag = "reviews", request_body = CreateReview,
    responses((status = 201, description = "filed", body = ReviewDto),
        (status = 200, description = "an open one of this external id", body = ReviewDto),
        (status = 409, description = "too many wait")),
    security(("key" = [])))]
pub(crate) async fn create_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<CreateReview>,
) -> Result<(StatusCode, Json<ReviewDto>), ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let new = body.into_new()?;
    let (status, review) = match state.ledger.file_review(new, Filer::Caller(&reviewer)).await? {
        Filed::New(review) => (StatusCode::CREATED, review),
        Filed::Existing(review) => (StatusCode::OK, review),
    };
    note_target(&extensions, review.summary.id.as_str());
    Ok((status, Json(review.into())))
}

/// Claims the most urgent review that the caller may decide and nobody has: what is overdue, then by
/// priority, due time and age.
#[utoipa::path(post, path = "/api/v1/reviews/next", tag = "reviews", request_body = NextBody,
    responses((status = 200, description = "it is the caller's for a time", body = ReviewDto),
        (status = 204, description = "there is none"),
        (status = 409, description = "the caller has too many")),
    security(("key" = [])))]
pub(crate) async fn next_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<NextBody>,
) -> Result<Response, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let next = body.into_next();
    let Some(review) = state.ledger.next_review(&next, &reviewer, state.review_claim).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    note_target(&extensions, review.summary.id.as_str());
    note(&extensions, &review);
    Ok(Json(ReviewDto::from(review)).into_response())
}

/// Shows a review with what is proposed, why, on what it stands, and what was decided.
#[utoipa::path(get, path = "/api/v1/reviews/{review}", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    responses((status = 200, description = "the review", body = ReviewDto),
        (status = 404, description = "no such review")),
    security(("key" = [])))]
pub(crate) async fn get_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(review): Path<String>,
) -> Result<Json<ReviewDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let review = state.ledger.get_review(&ReviewId::new(review), &reviewer).await?;
    note(&extensions, &review);
    Ok(Json(review.into()))
}

/// Changes whom and when an open review is for. Who has it keeps it.
#[utoipa::path(patch, path = "/api/v1/reviews/{review}", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    request_body = UpdateReview,
    responses((status = 200, description = "the review as it is now", body = ReviewSummaryDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "it is decided or withdrawn")),
    security(("key" = [])))]
pub(crate) async fn update_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
    JsonBody(body): JsonBody<UpdateReview>,
) -> Result<Json<ReviewSummaryDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let changes = body.into_changes()?;
    let changed = state.ledger.update_review(&ReviewId::new(review), changes, &reviewer).await?;
    Ok(Json(changed.summary.into()))
}

/// Claims a review for `reviews.claim_minutes`, or prolongs the caller's claim by as much.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/claim", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    responses((status = 200, description = "it is the caller's for a time", body = ReviewDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "somebody else has it, or it is not the caller's to decide")),
    security(("key" = [])))]
pub(crate) async fn claim_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(review): Path<String>,
) -> Result<Json<ReviewDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let (id, time) = (ReviewId::new(review), state.review_claim);
    let review = state.ledger.claim_review(&id, &reviewer, time).await?;
    note(&extensions, &review);
    Ok(Json(review.into()))
}

/// Lets a review go that the caller has, or as an administrator anybody.
#[utoipa::path(delete, path = "/api/v1/reviews/{review}/claim", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    responses((status = 200, description = "it waits again", body = ReviewSummaryDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "nobody has it, or somebody else")),
    security(("key" = [])))]
pub(crate) async fn release_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
) -> Result<Json<ReviewSummaryDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let review = state.ledger.release_review(&ReviewId::new(review), &reviewer).await?;
    Ok(Json(review.summary.into()))
}

/// Decides that a proposal is right.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/approve", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    request_body = DecideBody,
    responses((status = 200, description = "decided, or one of two opinions given",
            body = ReviewDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "it changed, somebody else has it, or it is not the caller's \
            to decide")),
    security(("key" = [])))]
pub(crate) async fn approve_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
    JsonBody(body): JsonBody<DecideBody>,
) -> Result<Json<ReviewDto>, ApiError> {
    let decision = (Decision::Approve, body.version, body.comment);
    decide(&state, &caller, review, decision).await
}

/// Decides that something else is right than what is proposed. Both are kept, with the difference.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/correct", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    request_body = CorrectBody,
    responses((status = 200, description = "decided, or one of two opinions given",
            body = ReviewDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "it changed, somebody else has it, or it is not the caller's \
            to decide")),
    security(("key" = [])))]
pub(crate) async fn correct_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
    JsonBody(body): JsonBody<CorrectBody>,
) -> Result<Json<ReviewDto>, ApiError> {
    let decision = (Decision::Correct(body.value), body.version, body.comment);
    decide(&state, &caller, review, decision).await
}

/// Decides that a proposal is of no use.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/reject", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    request_body = DecideBody,
    responses((status = 200, description = "decided, or one of two opinions given",
            body = ReviewDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "it changed, somebody else has it, or it is not the caller's \
            to decide")),
    security(("key" = [])))]
pub(crate) async fn reject_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
    JsonBody(body): JsonBody<DecideBody>,
) -> Result<Json<ReviewDto>, ApiError> {
    let decision = (Decision::Reject, body.version, body.comment);
    decide(&state, &caller, review, decision).await
}

async fn decide(
    state: &AppState,
    caller: &Principal,
    review: String,
    (decision, version, comment): (Decision, u32, Option<String>),
) -> Result<Json<ReviewDto>, ApiError> {
    let reviewer = reviewer(state, caller).await?;
    let new = NewDecision { version, decision, comment: comment.unwrap_or_default() };
    Ok(Json(state.ledger.decide_review(&ReviewId::new(review), new, &reviewer).await?.into()))
}

/// Takes a review back that is not wanted any more, also from who has it. For who filed it and for
/// administrators.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/withdraw", tag = "reviews",
    params(("review" = String, Path, description = "id of the review")),
    responses((status = 200, description = "withdrawn", body = ReviewSummaryDto),
        (status = 404, description = "no such review"),
        (status = 409, description = "it is decided or withdrawn, or somebody else filed it")),
    security(("key" = [])))]
pub(crate) async fn withdraw_review(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(review): Path<String>,
) -> Result<Json<ReviewSummaryDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let review = state.ledger.withdraw_review(&ReviewId::new(review), &reviewer).await?;
    Ok(Json(review.summary.into()))
}
