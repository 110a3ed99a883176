//! Holds what the handlers share.

use std::sync::Arc;
use std::time::Duration;

use intramuros_datalife::DataLife;
use intramuros_engine::{Encoders, TextModels};
use intramuros_knowledge::Knowledge;
use intramuros_ledger::{Ledger, SessionRules, Tariff};
use intramuros_notify::Notifier;
use intramuros_usecases::chat::Chat;
use intramuros_usecases::pilots::Pilots;
use intramuros_usecases::triage::Triage;
use tokio::sync::Semaphore;

use crate::accounting::Accounting;
use crate::metrics::Metrics;
use crate::policy::HttpPolicy;
use crate::readiness::Readiness;
use crate::running::Running;
use crate::widgets::Widgets;

/// Bounds of the HTTP surface; the binary fills them from its settings.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Largest JSON body.
    pub max_body_bytes: usize,
    /// Largest uploaded file.
    pub max_upload_bytes: u64,
    /// Bytes of the disk that uploads leave free.
    pub min_free_bytes: u64,
    /// Longest time to receive a JSON body, and longest silence during an upload.
    pub body_timeout: Duration,
    /// Longest time for a request's head to arrive, counted from the connection or the answer
    /// before, and so also the longest time that an idle connection is kept.
    pub head_timeout: Duration,
    /// Longest time for a request that is not a generation.
    pub request_timeout: Duration,
    /// The most open connections; further clients wait in the system's backlog.
    pub max_connections: usize,
    /// The most open connections of one address other than this machine's own; `None` is no bound.
    pub max_connections_per_address: Option<usize>,
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
    /// Tickets.
    pub triage: Triage,
    /// Assistants that answer customers.
    pub chat: Chat,
    /// What requests of web pages share.
    pub widgets: Widgets,
    /// Labelled sets and their runs.
    pub pilots: Pilots,
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
    /// How long a claim on a review holds.
    pub review_claim: Duration,
    /// Bounds.
    pub limits: Arc<HttpLimits>,
    /// Who may call, and how.
    pub policy: Arc<HttpPolicy>,
    /// Whether the server takes work.
    pub readiness: Readiness,
    /// The requests that are being answered.
    pub running: Running,
    /// What was measured of requests.
    pub metrics: Metrics,
    /// When the models were loaded, seconds since the Unix epoch.
    pub started_at: i64,
}
