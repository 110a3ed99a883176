//! Describes the command line of webhooks and e-mail.

use clap::Subcommand;

/// `webhooks` …
#[derive(Debug, Subcommand)]
pub(crate) enum Webhooks {
    /// List webhooks, without their secrets.
    List,
    /// Add a webhook; egress.allow must name its address. The secret is shown once.
    Add {
        /// Where events are posted.
        address: String,
        /// Kinds of events, such as document.failed,job.failed [default: all].
        #[arg(long = "events", value_delimiter = ',', value_name = "KINDS", default_value = "*")]
        events: Vec<String>,
        /// What you call it.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Enable a webhook again, and send what waits for it.
    Enable {
        /// Id (whk_…).
        id: String,
    },
    /// Send nothing more to a webhook until it is enabled.
    Disable {
        /// Id (whk_…).
        id: String,
    },
    /// Remove a webhook with its deliveries.
    Remove {
        /// Id (whk_…).
        id: String,
    },
    /// Give a webhook a new secret; the one before signs too for 24 hours.
    Rotate {
        /// Id (whk_…).
        id: String,
    },
    /// Send a webhook an event of the kind ping.
    Ping {
        /// Id (whk_…).
        id: String,
    },
    /// List what was sent to a webhook, the newest first.
    Deliveries {
        /// Id (whk_…).
        id: String,
        /// Only those that are pending, delivered or dead.
        #[arg(long)]
        state: Option<String>,
    },
    /// Send again what was given up.
    Retry {
        /// Id of the webhook (whk_…).
        id: String,
        /// Id of the delivery (dlv_…).
        delivery: String,
    },
}

/// `mail` …
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Send a test message and say whether the mail server took it.
    Test {
        /// Whom to send it.
        to: String,
    },
    /// List e-mails, the newest first.
    List {
        /// Only those that are pending, delivered or dead.
        #[arg(long)]
        state: Option<String>,
    },
    /// Send again what was given up.
    Retry {
        /// Id (eml_…).
        id: String,
    },
}
