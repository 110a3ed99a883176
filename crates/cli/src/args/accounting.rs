//! Declares the commands about consumption and the audit trail.

use std::path::PathBuf;

use clap::Subcommand;

/// `usage` …
#[derive(Debug, clap::Args)]
pub(crate) struct Usage {
    #[command(flatten)]
    pub(crate) selection: UsageSelection,
    /// What to tell apart, in this order: day, month, key, user, model, use_case.
    #[arg(long, value_delimiter = ',', value_name = "GROUPS", default_values_t = ["key".to_string(), "use_case".to_string()])]
    pub(crate) group: Vec<String>,
    /// Write comma-separated values.
    #[arg(long)]
    pub(crate) csv: bool,
    /// Write the report of a month (YYYY-MM) for people instead, as Markdown.
    #[arg(long, value_name = "MONTH", conflicts_with_all = ["csv", "group", "from", "to"])]
    pub(crate) report: Option<String>,
}

/// Which consumption.
#[derive(Debug, clap::Args)]
pub(crate) struct UsageSelection {
    /// The first day, YYYY-MM-DD [default: the first of this month].
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// The last day, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<String>,
}

/// `audit` …
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List the newest entries.
    List {
        /// Of this actor: key:…, user:…, local:…, server:….
        #[arg(long)]
        actor: Option<String>,
        /// Of this action, such as documents.delete.
        #[arg(long)]
        action: Option<String>,
        /// To this target.
        #[arg(long)]
        target: Option<String>,
        /// The most entries, up to 1,000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Check that nothing in the trail was changed, removed or moved.
    Verify {
        /// A head that was exported before: finds what was cut off the end, too.
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
        /// Check an exported file instead of the ledger.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write the last entry's number and hash, to be kept elsewhere.
    Head,
    /// Write all entries, one JSON object a line.
    Export,
    /// Draw the key pair that seals contents: the public key for audit.public_key, the private one to
    /// be kept off this machine.
    Keygen,
    /// Open the sealed content of an entry.
    Open {
        /// Number of the entry.
        seq: u64,
        /// File with the private key.
        #[arg(long, value_name = "FILE")]
        private_key: PathBuf,
    },
}
