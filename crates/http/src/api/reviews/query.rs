//! Reads which reviews are asked for.

use intramuros_ledger::{ReviewPage, ReviewState, ReviewVerdict};
use intramuros_types::{GroupId, ReviewId};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;

use super::super::jobs::named;
use super::super::usage::day;
use crate::error::ApiError;

const DEFAULT_LIMIT: u32 = 100;
/// Reviews of a page with contents.
const MAX_EXPORT: u32 = 100;

/// Which reviews to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReviewsQuery {
    /// Only those that are `open` (nobody has them), `claimed`, `decided` or `withdrawn`.
    state: Option<String>,
    /// Only those of this kind.
    kind: Option<String>,
    /// Only those of this team.
    team: Option<String>,
    /// Only those that were `approved`, `corrected` or `rejected`.
    verdict: Option<String>,
    /// Only those of this external id.
    external_id: Option<String>,
    /// Only those that the caller has, or that are assigned to them.
    #[serde(default)]
    mine: bool,
    /// Only those whose time has passed and that still wait.
    #[serde(default)]
    overdue: bool,
    /// Only those decided or withdrawn on this day (`2026-11-30`, UTC) or later.
    from: Option<String>,
    /// Only those decided or withdrawn on this day or earlier.
    to: Option<String>,
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Which reviews to export.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Only those that are `open` (nobody has them), `claimed`, `decided` or `withdrawn`.
    state: Option<String>,
    /// Only those of this kind.
    kind: Option<String>,
    /// Only those of this team.
    team: Option<String>,
    /// Only those that were `approved`, `corrected` or `rejected`.
    verdict: Option<String>,
    /// Only those of this external id.
    external_id: Option<String>,
    /// Only those decided or withdrawn on this day (`2026-11-30`, UTC) or later.
    from: Option<String>,
    /// Only those decided or withdrawn on this day or earlier.
    to: Option<String>,
    /// 1 to 100; default 100. A page may have fewer: it ends at 4 MiB.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl ReviewsQuery {
    pub(super) fn page(self) -> Result<ReviewPage, ApiError> {
        let state = self.state.as_deref();
        let verdict = self.verdict.as_deref();
        let (ended_from, ended_before) = period(self.from.as_deref(), self.to.as_deref())?;
        Ok(ReviewPage {
            state: state
                .map(|name| named("state", name, &ReviewState::ALL, ReviewState::as_str))
                .transpose()?,
            kind: self.kind,
            team: self.team.map(GroupId::new),
            verdict: verdict
                .map(|name| named("verdict", name, &ReviewVerdict::ALL, ReviewVerdict::as_str))
                .transpose()?,
            external_id: self.external_id,
            mine: self.mine,
            overdue: self.overdue,
            ended_from,
            ended_before,
            after: self.cursor.map(ReviewId::new),
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        })
    }
}

impl ExportQuery {
    pub(super) fn page(self) -> Result<ReviewPage, ApiError> {
        let limit = self.limit.unwrap_or(MAX_EXPORT);
        if !(1..=MAX_EXPORT).contains(&limit) {
            let message = format!("'limit' is {limit}, it must be 1 to {MAX_EXPORT}");
            return Err(ApiError::invalid("limit", message));
        }
        let query = ReviewsQuery {
            state: self.state,
            kind: self.kind,
            team: self.team,
            verdict: self.verdict,
            external_id: self.external_id,
            mine: false,
            overdue: false,
            from: self.from,
            to: self.to,
            limit: Some(limit),
            cursor: self.cursor,
        };
        query.page()
    }
}

/// The moments of two days, both included, of which the first is not after the last.
pub(in crate::api) fn period(
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(Option<OffsetDateTime>, Option<OffsetDateTime>), ApiError> {
    let from = from.map(|text| day("from", text)).transpose()?;
    let to = to.map(|text| day("to", text)).transpose()?;
    if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
        return Err(ApiError::invalid("to", format!("'to' ({to}) is before 'from' ({from})")));
    }
    let after = match to {
        None => None,
        Some(day) => Some(day.next_day().ok_or_else(|| {
            ApiError::invalid("to", "'to' is the last day that there is; leave it out")
        })?),
    };
    Ok((from.map(|day| day.midnight().assume_utc()), after.map(|day| day.midnight().assume_utc())))
}
