//! Finds out whether the server takes work, and what is in the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::state::AppState;

/// How long what was found counts; monitors may ask as often as they like.
const REMEMBERED: Duration = Duration::from_secs(1);

/// How long another writer of the ledger may hold up the look at it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ready after the warm-up, not ready again while stopping. Shared by the warm-up task (sets it),
/// the signal handler (clears it) and `/readyz`.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    warm: AtomicBool,
    stopping: AtomicBool,
    /// What the slow looks found, and when. Held while they look, so that one does for all who ask
    /// meanwhile.
    found: Mutex<Option<(Instant, Vec<Check>)>>,
}

/// One thing that the server's work depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Fine,
    /// The server works all the same, in part.
    Warning(String),
    /// The server does not take work.
    Failed(String),
}

impl Readiness {
    /// The models answered.
    pub fn set_warm(&self) {
        self.0.warm.store(true, Ordering::Release);
    }

    /// The server drains.
    pub fn set_stopping(&self) {
        self.0.stopping.store(true, Ordering::Release);
    }

    /// Whether the server drains.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    fn is_warm(&self) -> bool {
        self.0.warm.load(Ordering::Acquire)
    }
}

/// Looks at everything that the server's work depends on. The first that failed is the reason why
/// it takes none.
pub(crate) async fn checks(state: &AppState) -> Vec<Check> {
    let readiness = &state.readiness;
    let failed_if = |name, bad: bool, reason: &str| {
        let outcome = if bad { Outcome::Failed(reason.to_owned()) } else { Outcome::Fine };
        Check { name, outcome }
    };
    let warming_up = "warming up: the models have not answered yet";
    let generator = "the generator failed several steps in a row; see the log";
    let encoders = "an encoder failed several batches in a row; see the log";
    let mut checks = vec![
        failed_if("running", readiness.is_stopping(), "stopping"),
        failed_if("models", !readiness.is_warm(), warming_up),
        failed_if("generator", !state.text.healthy(), generator),
        failed_if("encoders", !state.encoders.healthy(), encoders),
    ];
    checks.extend(slow_checks(state).await);
    checks
}

/// Why the server takes no work, `None` when it does.
pub(crate) fn reason(checks: &[Check]) -> Option<&str> {
    checks.iter().find_map(|check| match &check.outcome {
        Outcome::Failed(reason) => Some(reason.as_str()),
        Outcome::Fine | Outcome::Warning(_) => None,
    })
}

async fn slow_checks(state: &AppState) -> Vec<Check> {
    let mut found = state.readiness.0.found.lock().await;
    match &*found {
        Some((when, checks)) if when.elapsed() < REMEMBERED => checks.clone(),
        Some(_) | None => {
            let (ledger, disk) = tokio::join!(ledger(state), disk(state));
            let checks = vec![
                Check { name: "ledger", outcome: ledger },
                Check { name: "disk_space", outcome: disk },
            ];
            *found = Some((Instant::now(), checks.clone()));
            checks
        }
    }
}

async fn ledger(state: &AppState) -> Outcome {
    match tokio::time::timeout(PATIENCE, state.ledger.check_writable()).await {
        Ok(Ok(())) => Outcome::Fine,
        Ok(Err(error)) => {
            tracing::error!(error = crate::error::causes(&error), "the ledger takes no writes");
            Outcome::Failed("the ledger cannot be written; see the log".to_owned())
        }
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            Outcome::Failed(format!("the ledger was held by another writer for {seconds} s"))
        }
    }
}

/// Searches and answers go on on a full disk, so that this alone takes no server out of service.
async fn disk(state: &AppState) -> Outcome {
    let floor = state.limits.min_free_bytes;
    match state.knowledge.disk_space().await {
        Ok(space) if space.free_bytes >= floor => Outcome::Fine,
        Ok(space) => Outcome::Warning(format!(
            "{} MiB free, less than server.min_free_mib ({} MiB): uploads are refused",
            space.free_bytes >> 20,
            floor >> 20
        )),
        Err(_) => Outcome::Warning("the free space of data_dir is not known".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Outcome, reason};

    #[test]
    fn the_first_failure_is_the_reason_and_a_warning_is_none() {
        let check = |name, outcome| Check { name, outcome };
        let warning = check("disk_space", Outcome::Warning("low".to_owned()));
        assert_eq!(reason(&[check("models", Outcome::Fine), warning.clone()]), None);
        let failed = |name: &'static str| check(name, Outcome::Failed(name.to_owned()));
        assert_eq!(reason(&[warning, failed("ledger"), failed("later")]), Some("ledger"));
    }
}
