//! Runs one attempt at a job and records how it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use intramuros_ledger::{Lease, Ledger, LedgerError};

use crate::backoff::backoff;
use crate::context::message;
use crate::kind::{causes, reason};
use crate::{JobContext, JobError, JobKind};

/// Wait after the first attempt at a job that failed; doubled after each.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How often an ending is written before it is left to the end of the lease.
const ENDINGS: u32 = 3;

/// Runs an attempt to its end; gives back the owner of its lease.
pub(super) async fn run(kind: Arc<dyn JobKind>, context: JobContext) -> String {
    let started = Instant::now();
    let (ledger, lease) = (context.ledger().clone(), context.lease().clone());
    let attempts = context.record().attempts;
    tracing::debug!(job = lease.job.as_str(), kind = kind.name(), attempts, "a job begins");
    let running = async { kind.run(context).await };
    let outcome = AssertUnwindSafe(running).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = message(&*panic);
        tracing::error!(
            job = lease.job.as_str(),
            kind = kind.name(),
            panic = text,
            "a job panicked"
        );
        Err(JobError::retry("panic", text))
    });
    let elapsed_ms = started.elapsed().as_millis();
    tell(kind.name(), &lease, &outcome, elapsed_ms);
    for attempt in 1..=ENDINGS {
        match end(&ledger, &lease, &outcome, attempts).await {
            // It is finished already, in one transaction with its result, or is not ours any more.
            Ok(()) | Err(LedgerError::LeaseLost { .. }) => break,
            Err(error) => {
                let error = causes(&error);
                tracing::error!(
                    job = lease.job.as_str(),
                    error,
                    "how a job ended was not recorded"
                );
                tokio::time::sleep(backoff(attempt, Duration::from_millis(200), FIRST_WAIT)).await;
            }
        }
    }
    lease.owner
}

async fn end(
    ledger: &Ledger,
    lease: &Lease,
    outcome: &Result<(), JobError>,
    attempts: u32,
) -> Result<(), LedgerError> {
    match outcome {
        Ok(()) => ledger.finish_job(lease).await,
        Err(JobError::Stopped) => ledger.release_job(lease).await,
        Err(JobError::Failed { code, text }) => ledger.fail_job(lease, &reason(code, text)).await,
        Err(JobError::Retry { code, text, after }) => {
            // One that got on begins to count anew.
            let attempts = ledger.get_job(&lease.job).await.map_or(attempts, |job| job.attempts);
            let wait = after.unwrap_or_else(|| backoff(attempts, FIRST_WAIT, LONGEST_WAIT));
            ledger.retry_job(lease, &reason(code, text), ledger.now() + wait).await
        }
    }
}

fn tell(kind: &str, lease: &Lease, outcome: &Result<(), JobError>, elapsed_ms: u128) {
    let job = lease.job.as_str();
    match outcome {
        Ok(()) => tracing::info!(job, kind, elapsed_ms, "a job is done"),
        Err(JobError::Stopped) => tracing::info!(job, kind, elapsed_ms, "a job stopped"),
        Err(JobError::Failed { code, text }) => {
            tracing::warn!(job, kind, code, text, elapsed_ms, "a job failed");
        }
        Err(JobError::Retry { code, text, .. }) => {
            tracing::warn!(job, kind, code, text, elapsed_ms, "a job is to be tried again");
        }
    }
}
