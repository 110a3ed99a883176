//! Tells how reviews go: what waits, how often the machine is right, how long people take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use intramuros_ledger::{
    ConfidenceBand, ReviewStats, ReviewStatsFilter, ReviewerFigures, VerdictCounts,
};
use intramuros_types::{GroupId, Principal};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::query::period;
use super::reviewer;
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;

/// Which reviews to count.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsQuery {
    /// Only what was decided or withdrawn on this day (`2026-11-30`, UTC) or later. What waits is
    /// told as it is now.
    from: Option<String>,
    /// Only what was decided or withdrawn on this day or earlier.
    to: Option<String>,
    /// Only those of this kind.
    kind: Option<String>,
    /// Only those of this team.
    team: Option<String>,
}

/// The figures of the reviews that the caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsDto {
    /// That wait now, and nobody has.
    open: u64,
    /// That somebody has now.
    claimed: u64,
    /// That wait now and whose time has passed.
    overdue: u64,
    /// That were withdrawn in this time.
    withdrawn: u64,
    /// What was decided in this time.
    decided: VerdictsDto,
    /// In the middle, seconds that people had a review, all opinions together.
    median_seconds: Option<f64>,
    /// Seconds that nine tenths stay below.
    p90_seconds: Option<f64>,
    /// Reviews with four eyes that were decided in this time.
    pairs: u64,
    /// The share of them whose first two opinions agreed.
    agreement: Option<f64>,
    /// What was decided by the machine's confidence.
    confidence: Vec<BandDto>,
    /// By person; null for callers who are no administrators.
    reviewers: Option<Vec<ReviewerDto>>,
}

/// How often people decided what.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictsDto {
    /// As proposed.
    approved: u64,
    /// After a correction.
    corrected: u64,
    /// Not at all.
    rejected: u64,
    /// The share that was approved unchanged.
    approved_share: Option<f64>,
    /// The share that was corrected.
    corrected_share: Option<f64>,
}

/// What became of reviews of one band of confidence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BandDto {
    /// The least confidence.
    from: f64,
    /// Below this; the last band includes 1.
    to: f64,
    /// What was decided.
    #[serde(flatten)]
    verdicts: VerdictsDto,
}

/// What one person decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReviewerDto {
    /// A user, a key's family, or what is left of a user who was forgotten.
    reviewer: String,
    /// Their opinions.
    #[serde(flatten)]
    verdicts: VerdictsDto,
    /// In the middle, seconds that they had a review.
    median_seconds: Option<f64>,
}

impl From<VerdictCounts> for VerdictsDto {
    fn from(counts: VerdictCounts) -> Self {
        Self {
            approved: counts.approved,
            corrected: counts.corrected,
            rejected: counts.rejected,
            approved_share: counts.approved_share(),
            corrected_share: counts.corrected_share(),
        }
    }
}

impl From<ConfidenceBand> for BandDto {
    fn from(band: ConfidenceBand) -> Self {
        Self { from: band.from, to: band.to, verdicts: band.verdicts.into() }
    }
}

impl From<ReviewerFigures> for ReviewerDto {
    fn from(figures: ReviewerFigures) -> Self {
        Self {
            reviewer: figures.reviewer,
            verdicts: figures.verdicts.into(),
            median_seconds: seconds(figures.median),
        }
    }
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn dto(stats: ReviewStats, is_admin: bool) -> StatsDto {
    StatsDto {
        open: stats.open,
        claimed: stats.claimed,
        overdue: stats.overdue,
        withdrawn: stats.withdrawn,
        decided: stats.decided.into(),
        median_seconds: seconds(stats.median),
        p90_seconds: seconds(stats.p90),
        pairs: stats.pairs,
        agreement: stats.agreement(),
        confidence: stats.bands.into_iter().map(BandDto::from).collect(),
        reviewers: is_admin.then(|| stats.reviewers.into_iter().map(ReviewerDto::from).collect()),
    }
}

/// Counts reviews: what waits, what was decided, how often the machine was right by its confidence,
/// how long people took, how often two of them agreed.
#[utoipa::path(get, path = "/api/v1/reviews/stats", tag = "reviews", params(StatsQuery),
    responses((status = 200, description = "the figures", body = StatsDto)),
    security(("key" = [])))]
pub(crate) async fn review_stats(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    QueryParams(query): QueryParams<StatsQuery>,
) -> Result<Json<StatsDto>, ApiError> {
    let reviewer = reviewer(&state, &caller).await?;
    let (from, before) = period(query.from.as_deref(), query.to.as_deref())?;
    let team = query.team.map(GroupId::new);
    let filter = ReviewStatsFilter { from, before, kind: query.kind, team };
    let stats = state.ledger.review_stats(&filter, &reviewer).await?;
    Ok(Json(dto(stats, reviewer.is_admin())))
}
