//! Sorts tickets: policies, examples, tickets, alerts and figures under `/api/v1/triage`.

use intramuros_ledger::TriagePolicyRecord;
use intramuros_types::{Principal, TriagePolicyId};

use crate::error::{ApiError, Code};
use crate::state::AppState;

pub(crate) mod alerts;
mod dto;
pub(crate) mod examples;
pub(crate) mod figures;
pub(crate) mod policies;
mod query;
pub(crate) mod tickets;

/// A policy that the caller may use: one whose tickets they may read. Of others they are told the same
/// as of one that is not there.
async fn policy(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<TriagePolicyRecord, ApiError> {
    let record = state.ledger.get_triage_policy(&TriagePolicyId::new(id)).await?;
    if caller.access.allows(&record.labels) {
        return Ok(record);
    }
    Err(ApiError::new(Code::NotFound, format!("triage policy `{id}` does not exist")))
}
