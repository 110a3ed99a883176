//! Says how well triage does: on its examples, and on what people settled.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::{Extension, Json};
use intramuros_engine::Priority;
use intramuros_types::Principal;
use intramuros_usecases::pilot::Interval;
use intramuros_usecases::triage::{
    CategoryPractice, EffortReport, FieldReport, LearntReport, practice,
};
use serde::Serialize;
use time::Duration;
use utoipa::ToSchema;

use super::super::reviews::period;
use super::policy;
use super::query::TriageFiguresQuery;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::caller as calling;

/// Days of figures when none are given.
const DAYS: i64 = 30;

/// A share with what it may be by chance (95 %).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShareDto {
    /// The share, 0 to 1.
    share: f64,
    /// It may as well be this.
    low: f64,
    /// Or this.
    high: f64,
}

impl From<Interval> for ShareDto {
    fn from(share: Interval) -> Self {
        let Interval { share, low, high, .. } = share;
        Self { share, low, high }
    }
}

/// How well a policy does on its examples, asked about those that were not learnt from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageLearntDto {
    /// The version of the policy.
    version: u32,
    /// How many examples there are.
    examples: usize,
    /// How many of them the generator has read.
    read_by_generator: usize,
    /// With the encoder alone, and with both models.
    efforts: Vec<TriageEffortDto>,
}

/// What was learnt with the encoder alone, or with both models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageEffortDto {
    /// `quick` or `full`.
    effort: &'static str,
    /// Each field; none while there are fewer than thirty examples.
    fields: Vec<TriageFieldDto>,
    /// Probability of the category from which on a ticket is sent on by itself; null where none is.
    threshold: Option<f64>,
    /// The share of tickets that reaches it.
    coverage: Option<ShareDto>,
    /// Why none is sent on by itself: `too_few_examples`, `no_threshold`, `no_category`.
    doubt: Option<String>,
    /// Probability from which on an alert is raised.
    alert_from: f32,
}

/// How well a field is decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageFieldDto {
    /// `category`, `urgency` or `team`.
    field: &'static str,
    /// The share of right labels.
    accuracy: Option<ShareDto>,
    /// The mean over labels of F1.
    macro_f1: f64,
    /// How far probabilities are from how often they are right, 0 to 1.
    calibration_error: f64,
}

/// What came in a time, and how decisions did that people settled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageFiguresDto {
    /// Tickets by state and route, as `routed/auto`.
    tickets: BTreeMap<String, u64>,
    /// Tickets by category, as it stands.
    categories: BTreeMap<String, u64>,
    /// Alerts that were raised.
    alerts: u64,
    /// Those of them that nobody has acknowledged.
    open_alerts: u64,
    /// Tickets that people settled, up to 10,000.
    settled: usize,
    /// Of these, the share whose category was right.
    category: Option<ShareDto>,
    /// Whose urgency was.
    urgency: Option<ShareDto>,
    /// Whose team was.
    team: Option<ShareDto>,
    /// Of these, by category: what to know before one in shadow is switched on.
    by_category: BTreeMap<String, CategoryFiguresDto>,
}

/// How decisions about one category did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CategoryFiguresDto {
    /// Tickets that turned out to be of it.
    tickets: u64,
    /// Those of them that were proposed as such.
    found: u64,
    /// Tickets that were proposed as such, rightly or not.
    proposed: u64,
}

impl From<FieldReport> for TriageFieldDto {
    fn from(report: FieldReport) -> Self {
        Self {
            field: report.field.as_str(),
            accuracy: report.accuracy.map(Into::into),
            macro_f1: report.macro_f1,
            calibration_error: report.calibration_error,
        }
    }
}

impl From<EffortReport> for TriageEffortDto {
    fn from(report: EffortReport) -> Self {
        Self {
            effort: if report.with_generator { "full" } else { "quick" },
            fields: report.fields.into_iter().map(Into::into).collect(),
            threshold: report.threshold,
            coverage: report.coverage.map(Into::into),
            doubt: report.doubt.map(|doubt| doubt.as_str().to_owned()),
            alert_from: report.alert_from,
        }
    }
}

/// Says how well a policy does on its examples: each is asked about by learners that have not seen it.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/learnt", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "what was learnt", body = TriageLearntDto),
        (status = 404, description = "no such policy"),
        (status = 429, description = "the encoder has too much to do")),
    security(("key" = [])))]
pub(crate) async fn triage_learnt(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    Path(id): Path<String>,
) -> Result<Json<TriageLearntDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let calling = calling(&extensions, Priority::Interactive);
    let LearntReport { version, examples, read_by_generator, efforts } =
        state.triage.learnt(&policy.id, &calling).await?;
    let efforts = efforts.into_iter().map(Into::into).collect();
    Ok(Json(TriageLearntDto { version, examples, read_by_generator, efforts }))
}

/// Adds up the tickets of a time, and how often people found their decisions right.
#[utoipa::path(get, path = "/api/v1/triage/policies/{policy}/figures", tag = "triage",
    params(("policy" = String, Path, description = "id of the policy"), TriageFiguresQuery),
    responses((status = 200, description = "the figures", body = TriageFiguresDto),
        (status = 404, description = "no such policy")),
    security(("key" = [])))]
pub(crate) async fn triage_figures(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(id): Path<String>,
    QueryParams(query): QueryParams<TriageFiguresQuery>,
) -> Result<Json<TriageFiguresDto>, ApiError> {
    let policy = policy(&state, &caller, &id).await?;
    let now = state.ledger.now();
    let (from, before) = period(query.from.as_deref(), query.to.as_deref())?;
    let from = from.unwrap_or(now - Duration::days(DAYS));
    let before = before.unwrap_or(now + Duration::days(1));
    let figures = state.ledger.ticket_figures(&policy.id, from, before).await?;
    let practice = practice(&figures);
    let of_category = |(name, one): (String, CategoryPractice)| {
        let CategoryPractice { tickets, found, proposed } = one;
        (name, CategoryFiguresDto { tickets, found, proposed })
    };
    Ok(Json(TriageFiguresDto {
        tickets: figures.tickets,
        categories: figures.categories,
        alerts: figures.alerts,
        open_alerts: figures.open_alerts,
        settled: figures.settled.len(),
        category: practice.category.map(Into::into),
        urgency: practice.urgency.map(Into::into),
        team: practice.team.map(Into::into),
        by_category: practice.categories.into_iter().map(of_category).collect(),
    }))
}
