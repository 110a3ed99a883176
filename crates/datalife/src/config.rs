//! Says how long what is kept.

use std::time::Duration;

use intramuros_jobs::Cron;
use serde::Serialize;

/// How long what is kept; `None` for ever.
#[derive(Debug, Clone)]
pub struct RetentionConfig {
    /// When the job runs.
    pub schedule: Cron,
    /// Whether documents are only counted.
    pub dry_run: bool,
    /// Entries of the audit trail.
    pub audit: Option<Duration>,
    /// Their sealed contents.
    pub audit_contents: Option<Duration>,
    /// What was consumed.
    pub usage: Option<Duration>,
    /// Jobs that ended, with their items.
    pub jobs: Option<Duration>,
    /// Webhook deliveries, events and e-mails.
    pub outbox: Duration,
    /// Questions without answer.
    pub questions: Option<Duration>,
    /// Reviews that were decided or withdrawn.
    pub reviews: Option<Duration>,
    /// Tickets, with what was learnt from them.
    pub tickets: Option<Duration>,
    /// Pilot runs that ended and vouch for no threshold in force, and sets without runs.
    pub pilots: Option<Duration>,
    /// Keys that were revoked or have expired.
    pub keys: Option<Duration>,
    /// Reports of erasures.
    pub erasures: Option<Duration>,
    /// Documents.
    pub documents: Vec<DocumentRule>,
    /// Sources that watched folders bring: their documents come back when they are erased here.
    pub watched: Vec<(String, String)>,
}

/// How long documents are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentRule {
    /// Where.
    pub knowledge_base: String,
    /// Only those with this label.
    pub label: Option<String>,
    /// Only those that this source brought.
    pub source: Option<String>,
    /// How many days.
    pub days: u32,
    /// Whether the days begin at the date that a document has of itself, where it has one; at its
    /// arrival otherwise.
    pub by_own_date: bool,
}
