//! Holds what the handlers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use intramuros_datalife::DataLife;
use intramuros_engine::{Encoders, TextModels};
use intramuros_knowledge::Knowledge;
use intramuros_ledger::{Ledger, SessionRules, Tariff};
use tokio::sync::Semaphore;

use crate::accounting::Accounting;
use intramuros_notify::Notifier;

/// Bounds of the HTTP surface; the binary fills them from its settings.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Largest JSON body.
    pub max_body_bytes: usize,
    /// Largest uploaded file.
    pub max_upload_bytes: u64,
    /// Longest time to receive a JSON body, and longest silence during an upload.
    pub body_timeout: Duration,
    /// Longest time for a request's head to arrive, counted from the connection or the answer
    /// before, and so also the longest time that an idle connection is kept.
    pub head_timeout: Duration,
    /// Longest time for a request that is not a generation.
    pub request_timeout: Duration,
}

/// What consumption costs.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    /// Name of the currency, such as `EUR`.
    pub currency: String,
    /// What it costs here.
    pub own: Tariff,
    /// What the same tokens would cost elsewhere.
    pub outside: Vec<Tariff>,
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Keys, knowledge bases and documents.
    pub ledger: Ledger,
    /// The generators; none when none is configured.
    pub text: TextModels,
    /// The encoders.
    pub encoders: Encoders,
    /// The knowledge bases.
    pub knowledge: Knowledge,
    /// Retention, erasure, exports.
    pub data_life: DataLife,
    /// Limits of callers, consumption and the audit trail.
    pub accounting: Accounting,
    /// How long sessions last.
    pub sessions: SessionRules,
    /// Places for sign-ins, whose passwords take long to check: a flood of them must not grow.
    pub sign_ins: Arc<Semaphore>,
    /// What consumption costs.
    pub prices: Arc<Prices>,
    /// Webhooks and e-mails.
    pub notify: Notifier,
    /// Bounds.
    pub limits: Arc<HttpLimits>,
    /// Whether the server takes work.
    pub readiness: Readiness,
    /// When the models were loaded, seconds since the Unix epoch.
    pub started_at: i64,
}

/// Ready after the warm-up, not ready again while stopping. Shared by the warm-up task (sets it),
/// the signal handler (clears it) and `/readyz`.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<ReadinessFlags>);

#[derive(Debug, Default)]
struct ReadinessFlags {
    warm: AtomicBool,
    stopping: AtomicBool,
    /// Written by the watch over the disk, read by `/readyz`.
    storage_fault: RwLock<Option<String>>,
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

    /// Why the disk takes no writes; `None` when it does.
    pub fn set_storage_fault(&self, fault: Option<String>) {
        let mut known =
            self.0.storage_fault.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *known = fault;
    }

    pub(crate) fn storage_fault(&self) -> Option<String> {
        let known = self.0.storage_fault.read();
        known.unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Why the server is not ready, `None` when it is.
    pub fn reason(&self) -> Option<&'static str> {
        if self.0.stopping.load(Ordering::Acquire) {
            Some("stopping")
        } else if !self.0.warm.load(Ordering::Acquire) {
            Some("warming up: the models have not answered yet")
        } else {
            None
        }
    }
}
