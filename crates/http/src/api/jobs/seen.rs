//! Tells of which jobs a caller may hear.
//!
//! The titles and items of most jobs are the business of whoever looks after the server. Those of
//! tickets and of pilots say what single texts are about, and are for those who may read these; of
//! others they are told the same as of one that is not there.

use intramuros_ledger::{JobRecord, LedgerError};
use intramuros_types::{JobId, PilotRunId, Principal, Scope, TriagePolicyId};

use crate::error::ApiError;
use crate::state::AppState;
use crate::visit::who;

/// A job of which the caller may hear.
pub(super) async fn seen(
    state: &AppState,
    caller: &Principal,
    id: &JobId,
) -> Result<JobRecord, ApiError> {
    let job = state.ledger.get_job(id).await?;
    if may_hear(state, caller, &job).await? {
        return Ok(job);
    }
    Err(LedgerError::NotFound { what: "job", id: id.to_string() }.into())
}

/// Whether the caller may hear of a job.
pub(super) async fn may_hear(
    state: &AppState,
    caller: &Principal,
    job: &JobRecord,
) -> Result<bool, ApiError> {
    let (ledger, access) = (&state.ledger, &caller.access);
    let named = |name: &str| job.params.get(name).and_then(|value| value.as_str());
    let is_own = job.created_by == who(caller);
    let lacks = |name, scope| named(name).is_some() && !is_own && !caller.may(scope);
    if lacks("policy", Scope::TriageRead) || lacks("run", Scope::PilotsRead) {
        return Ok(false);
    }
    if access.is_everything() {
        return Ok(true);
    }
    let is_open = if let Some(policy) = named("policy") {
        let policy = ledger.get_triage_policy(&TriagePolicyId::new(policy)).await;
        policy.map(|policy| access.allows(&policy.labels))
    } else if let Some(run) = named("run") {
        ledger.get_pilot_run(&PilotRunId::new(run), access).await.map(|_| true)
    } else {
        return Ok(true);
    };
    match is_open {
        Ok(is_open) => Ok(is_open),
        // What it was about is gone, and with it who could read that.
        Err(LedgerError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
