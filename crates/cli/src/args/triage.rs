//! Declares the commands about tickets.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `triage` …
#[derive(Debug, Subcommand)]
pub(crate) enum Triage {
    /// List the policies.
    Policies,
    /// Show a policy.
    Show {
        /// The policy.
        policy: String,
    },
    /// Create a policy from a file, or put the file in the place of what it says.
    Set {
        /// The policy: a-z, 0-9 and -.
        policy: String,
        /// File with categories, urgencies, teams and rules, as docs/triage.md describes it; - for
        /// standard input.
        file: PathBuf,
        /// Only readers with this label may read its tickets; can be repeated.
        #[arg(long = "label")]
        labels: Vec<String>,
    },
    /// Remove a policy with its tickets and examples.
    Remove {
        /// The policy.
        policy: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Add labelled tickets as examples, from JSON lines or a table (CSV).
    Learn {
        /// The policy.
        policy: String,
        /// File with subject, body, category, urgency, team and alert.
        file: PathBuf,
    },
    /// Show what was learnt: how often decisions are right, and which tickets are sent on.
    Learnt {
        /// The policy.
        policy: String,
    },
    /// Decide about tickets: text, an e-mail (.eml) or a table (.csv).
    Submit(Submit),
    /// List tickets, newest first.
    List {
        /// The policy.
        policy: String,
        /// Only those that are routed, waiting or settled.
        #[arg(long)]
        state: Option<String>,
        /// Only those with this category.
        #[arg(long)]
        category: Option<String>,
        /// The most tickets to list, 1 to 1,000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a ticket and why it was decided so.
    Ticket {
        /// The policy.
        policy: String,
        /// The ticket's id (tkt_…).
        id: String,
    },
    /// Say what is right about a ticket; the next one is decided with it.
    Settle {
        /// The policy.
        policy: String,
        /// The ticket's id (tkt_…).
        id: String,
        /// The right category.
        #[arg(long)]
        category: Option<String>,
        /// The right urgency.
        #[arg(long)]
        urgency: Option<String>,
        /// The right team.
        #[arg(long)]
        team: Option<String>,
        /// Whether somebody had to be told at once.
        #[arg(long)]
        alert: Option<bool>,
    },
    /// List the alerts that nobody has acknowledged.
    Alerts {
        /// The policy.
        policy: String,
        /// The others too.
        #[arg(long)]
        all: bool,
    },
    /// Say that you have seen an alert.
    Acknowledge {
        /// The policy.
        policy: String,
        /// The alert's id (alt_…).
        id: String,
        /// What you have to say about it.
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Show what came, and how often decisions were right.
    Figures {
        /// The policy.
        policy: String,
        /// From this day (YYYY-MM-DD, UTC) on [default: 30 days ago].
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Up to and with this day.
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
    },
}

/// `triage submit`
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The policy.
    pub(crate) policy: String,
    /// File with the ticket: text, .eml or .csv; - for text from standard input.
    pub(crate) file: PathBuf,
    /// The subject, of a text.
    #[arg(long, default_value = "")]
    pub(crate) subject: String,
    /// Whom it came from, of a text.
    #[arg(long, default_value = "")]
    pub(crate) from: String,
    /// Use the encoder alone: some hundredths of a second.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Decide without filing it; only of a text.
    #[arg(long)]
    pub(crate) preview: bool,
}
