//! Reads which tickets are asked for.

use intramuros_ledger::{TicketPage, TicketRoute, TicketState};
use intramuros_types::{OutbreakId, TicketId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::jobs::named;
use super::super::reviews::period;
use crate::error::ApiError;

const DEFAULT_LIMIT: u32 = 100;

/// Which tickets to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TicketsQuery {
    /// Only those that are `routed`, `waiting` or `settled`.
    state: Option<String>,
    /// Only those sent on `auto`, to a `dispatcher` or in `shadow`.
    route: Option<String>,
    /// Only those with this category, as it stands.
    category: Option<String>,
    /// Only those with this urgency.
    urgency: Option<String>,
    /// Only those of this team.
    team: Option<String>,
    /// Only those of this outbreak.
    outbreak: Option<String>,
    /// Only the one with this name.
    external_id: Option<String>,
    /// Only those that came on this day (`2026-11-30`, UTC) or later.
    from: Option<String>,
    /// Only those that came on this day or earlier.
    to: Option<String>,
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

impl TicketsQuery {
    /// The page that it asks for.
    pub(super) fn page(self) -> Result<TicketPage, ApiError> {
        let (from, before) = period(self.from.as_deref(), self.to.as_deref())?;
        let state = self.state.as_deref();
        let state = state.map(|name| named("state", name, &TicketState::ALL, TicketState::as_str));
        let route = self.route.as_deref();
        let route = route.map(|name| named("route", name, &TicketRoute::ALL, TicketRoute::as_str));
        Ok(TicketPage {
            state: state.transpose()?,
            route: route.transpose()?,
            category: self.category,
            urgency: self.urgency,
            team: self.team,
            outbreak: self.outbreak.map(OutbreakId::new),
            external_id: self.external_id,
            from,
            before,
            after: self.cursor.map(TicketId::new),
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
        })
    }
}

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TriagePageQuery {
    /// 1 to 1,000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    pub(super) cursor: Option<String>,
}

impl TriagePageQuery {
    /// The most to list.
    pub(super) fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

/// A time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TriageFiguresQuery {
    /// From this day (`2026-11-30`, UTC) on; default 30 days ago.
    pub(super) from: Option<String>,
    /// Up to and with this day; default today.
    pub(super) to: Option<String>,
}

/// Which alerts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AlertsQuery {
    /// Only those that nobody has acknowledged.
    #[serde(default)]
    pub(super) open: bool,
}
