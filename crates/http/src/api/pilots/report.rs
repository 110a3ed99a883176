//! Hands out reports and figures of runs.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use intramuros_types::{PilotRunId, Principal};
use intramuros_usecases::pilot::{
    EngineerFigures, Language, ManagerFigures, Report, ReportOptions, Run, Volumes,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Code};
use crate::query::QueryParams;
use crate::state::AppState;

/// What a report is to be like.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// `html` or `markdown`; default `html`.
    format: Option<String>,
    /// `fr` or `en`; default `fr`.
    language: Option<String>,
    /// Another run, which came before this one, to compare with.
    before: Option<String>,
    /// Whether texts of items and answers are in it: reports travel.
    #[serde(default)]
    texts: bool,
    /// Items a week, to say what is saved; with `minutes_by_hand`.
    per_week: Option<f64>,
    /// Minutes that one takes by hand.
    minutes_by_hand: Option<f64>,
    /// Minutes that checking one takes; default 0.
    minutes_to_check: Option<f64>,
    /// What an hour costs; default 0.
    hourly_rate: Option<f64>,
}

impl ReportQuery {
    fn language(&self) -> Result<Language, ApiError> {
        match self.language.as_deref() {
            None | Some("fr") => Ok(Language::French),
            Some("en") => Ok(Language::English),
            Some(_) => Err(ApiError::invalid("language", "'language' must be fr or en")),
        }
    }

    fn volumes(&self) -> Result<Option<Volumes>, ApiError> {
        let (Some(per_week), Some(minutes_by_hand)) = (self.per_week, self.minutes_by_hand) else {
            return Ok(None);
        };
        let volumes = Volumes {
            per_week,
            minutes_by_hand,
            minutes_to_check: self.minutes_to_check.unwrap_or(0.0),
            hourly_rate: self.hourly_rate.unwrap_or(0.0),
        };
        volumes.check().map_err(|error| ApiError::invalid("per_week", error.to_string()))?;
        Ok(Some(volumes))
    }
}

/// The figures of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PilotFigures {
    /// Right, handed over, wrong, times.
    #[schema(value_type = Object)]
    manager: Value,
    /// Accuracy, F1, confusion, calibration, coverage, promises.
    #[schema(value_type = Object)]
    engineer: Value,
}

/// Shows the figures of a run.
#[utoipa::path(get, path = "/api/v1/pilots/runs/{run}/figures", tag = "pilots",
    params(("run" = String, Path, description = "id of the run")),
    responses((status = 200, description = "the figures", body = PilotFigures),
        (status = 404, description = "no such run")),
    security(("key" = [])))]
pub(crate) async fn pilot_figures(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(run): Path<String>,
) -> Result<Json<PilotFigures>, ApiError> {
    let run = state.pilots.run(&PilotRunId::new(run), &caller.access).await?;
    let made = move || PilotFigures {
        manager: json!(ManagerFigures::of(&run, None)),
        engineer: json!(EngineerFigures::of(&run)),
    };
    Ok(Json(tokio::task::spawn_blocking(made).await.map_err(|_| broken())?))
}

/// Hands out the report of a run, or of two runs of one set, as a page by itself.
#[utoipa::path(get, path = "/api/v1/pilots/runs/{run}/report", tag = "pilots",
    params(("run" = String, Path, description = "id of the run"), ReportQuery),
    responses((status = 200, description = "the report",
            content((String = "text/html"), (String = "text/markdown"))),
        (status = 404, description = "no such run"),
        (status = 409, description = "the runs are of different sets")),
    security(("key" = [])))]
pub(crate) async fn pilot_report(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    Path(run): Path<String>,
    QueryParams(query): QueryParams<ReportQuery>,
) -> Result<Response, ApiError> {
    let (language, volumes) = (query.language()?, query.volumes()?);
    let is_html = match query.format.as_deref() {
        None | Some("html") => true,
        Some("markdown") => false,
        Some(_) => return Err(ApiError::invalid("format", "'format' must be html or markdown")),
    };
    let (id, access) = (PilotRunId::new(run), &caller.access);
    let run: Run = state.pilots.run(&id, access).await?;
    let before = match &query.before {
        Some(before) => Some(state.pilots.run(&PilotRunId::new(before.as_str()), access).await?),
        None => None,
    };
    let texts = if query.texts { Some(state.pilots.set_of(&id, access).await?) } else { None };
    let made = move || {
        let options = ReportOptions { language, volumes, currency: "", texts: texts.as_ref() };
        let report = match &before {
            None => Ok(Report::of_run(&run, &options)),
            Some(before) => Report::of_comparison(before, &run, &options),
        };
        report.map(|report| if is_html { report.html() } else { report.markdown() })
    };
    let text = tokio::task::spawn_blocking(made).await.map_err(|_| broken())?;
    let text = text.map_err(|error| ApiError::new(Code::Conflict, error.to_string()))?;
    let kind = if is_html { "text/html; charset=utf-8" } else { "text/markdown; charset=utf-8" };
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn broken() -> ApiError {
    ApiError::new(Code::Internal, "the report could not be made")
}
