//! Declares the commands about reviews.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// `reviews` …
#[derive(Debug, Subcommand)]
pub(crate) enum Reviews {
    /// List reviews, newest first.
    List {
        #[command(flatten)]
        filter: ReviewFilter,
        /// Only those that are open, claimed, decided or withdrawn.
        #[arg(long)]
        state: Option<String>,
        /// Only those that you have, or that are assigned to you.
        #[arg(long)]
        mine: bool,
        /// Only those whose time has passed and that still wait.
        #[arg(long)]
        overdue: bool,
        /// The most reviews to list, 1 to 1,000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a review: what is proposed, why, on what it stands, what was decided.
    Show {
        /// The review's id (rev_…).
        id: String,
    },
    /// Take up the most urgent review that nobody has.
    Next {
        /// Only one of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// Only one of this team.
        #[arg(long)]
        team: Option<String>,
    },
    /// Take up a review, or keep it for longer.
    Claim {
        /// The review's id (rev_…).
        id: String,
    },
    /// Let a review go again.
    Release {
        /// The review's id (rev_…).
        id: String,
    },
    /// Decide that a proposal is right.
    Approve(Decide),
    /// Decide that something else is right.
    Correct {
        #[command(flatten)]
        decide: Decide,
        /// File with what is right, as JSON; - for standard input.
        #[arg(long, value_name = "FILE")]
        value: PathBuf,
    },
    /// Decide that a proposal is of no use.
    Reject(Decide),
    /// Change whom and when a review is for.
    Assign {
        /// The review's id (rev_…).
        id: String,
        /// Only for this user (usr_…); '' for everybody.
        #[arg(long)]
        assignee: Option<String>,
        /// Only for members of this group; '' for everybody.
        #[arg(long)]
        team: Option<String>,
        /// high, normal or low.
        #[arg(long)]
        priority: Option<String>,
        /// When it should be decided, such as 2027-01-31T17:00:00Z; never for no time.
        #[arg(long)]
        due: Option<String>,
    },
    /// File a review.
    Add {
        /// File with the review as JSON, as docs/api.md describes it; - for standard input.
        file: PathBuf,
    },
    /// Take back a review that is not wanted any more.
    Withdraw {
        /// The review's id (rev_…).
        id: String,
    },
    /// Show how reviews go: what waits, how often the machine is right, how long people take.
    Stats {
        /// Only of this kind.
        #[arg(long)]
        kind: Option<String>,
        /// Only of this team.
        #[arg(long)]
        team: Option<String>,
        /// Only what was decided on this day (YYYY-MM-DD, UTC) or later.
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Only what was decided on this day or earlier.
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
    },
    /// Write decided reviews with proposals, corrections and their differences.
    Export {
        #[command(flatten)]
        filter: ReviewFilter,
        /// Only those decided on this day (YYYY-MM-DD, UTC) or later.
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Only those decided on this day or earlier.
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
        /// One JSON object a line, or comma-separated values.
        #[arg(long, value_enum, default_value = "jsonl")]
        format: ExportFormat,
    },
}

/// Which reviews.
#[derive(Debug, clap::Args)]
pub(crate) struct ReviewFilter {
    /// Only those of this kind.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only those of this team.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Only those that were approved, corrected or rejected.
    #[arg(long)]
    pub(crate) verdict: Option<String>,
}

/// A decision.
#[derive(Debug, clap::Args)]
pub(crate) struct Decide {
    /// The review's id (rev_…).
    pub(crate) id: String,
    /// What you have to say about it.
    #[arg(long, default_value = "")]
    pub(crate) comment: String,
    /// The version that you saw; if somebody decided since, yours is refused [default: that of now].
    #[arg(long, value_name = "VERSION")]
    pub(crate) seen: Option<u32>,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}
