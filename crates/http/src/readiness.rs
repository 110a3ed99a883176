//! Finds out whether the server takes work, and what is in the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
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
    /// Written by the watch over the disk, read here.
    disk_fault: RwLock<Option<String>>,
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

/// What the checks come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// All work is taken.
    Ready,
    /// Part of it is.
    Degraded,
    /// None is.
    Unavailable,
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

    /// Why the disk takes no writes; `None` when it does.
    pub fn set_disk_fault(&self, fault: Option<String>) {
        *self.0.disk_fault.write().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn disk_fault(&self) -> Option<String> {
        self.0.disk_fault.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_warm(&self) -> bool {
        self.0.warm.load(Ordering::Acquire)
    }
}

/// Looks at everything that the server's work depends on.
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
    let disk = readiness.disk_fault().map_or(Outcome::Fine, Outcome::Warning);
    checks.push(Check { name: "disk", outcome: disk });
    checks.extend(slow_checks(state).await);
    checks
}

/// What the checks come to, and why: the first that failed, or else the first that warns.
pub(crate) fn standing(checks: &[Check]) -> (Standing, Option<String>) {
    let failed = checks.iter().find_map(|check| match &check.outcome {
        Outcome::Failed(reason) => Some(reason.clone()),
        Outcome::Fine | Outcome::Warning(_) => None,
    });
    if failed.is_some() {
        return (Standing::Unavailable, failed);
    }
    let warning = checks.iter().find_map(|check| match &check.outcome {
        Outcome::Warning(reason) => Some(reason.clone()),
        Outcome::Fine | Outcome::Failed(_) => None,
    });
    (if warning.is_some() { Standing::Degraded } else { Standing::Ready }, warning)
}

impl Standing {
    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Standing::Ready => "ok",
            Standing::Degraded => "degraded",
            Standing::Unavailable => "unavailable",
        }
    }
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
        // Questions are answered all the same.
        Ok(Err(error)) if error.is_storage_full() || error.is_read_only() => {
            Outcome::Warning("the ledger's disk is full or read-only".to_owned())
        }
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
    use super::{Check, Outcome, Standing, standing};

    #[test]
    fn the_first_failure_is_the_reason_and_then_the_first_warning() {
        let check = |name, outcome| Check { name, outcome };
        let warning = check("disk_space", Outcome::Warning("low".to_owned()));
        assert_eq!(standing(&[check("models", Outcome::Fine)]), (Standing::Ready, None));
        let found = standing(&[check("models", Outcome::Fine), warning.clone()]);
        assert_eq!(found, (Standing::Degraded, Some("low".to_owned())));
        let failed = |name: &'static str| check(name, Outcome::Failed(name.to_owned()));
        let found = standing(&[warning, failed("ledger"), failed("later")]);
        assert_eq!(found, (Standing::Unavailable, Some("ledger".to_owned())));
    }
}
