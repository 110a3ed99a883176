//! Says what a kind of job is, and how it can end.

use std::time::Duration;

use futures::future::BoxFuture;
use intramuros_ledger::{FailureReason, LedgerError};

use crate::JobContext;

/// What one kind of job does.
pub trait JobKind: Send + Sync + 'static {
    /// Its name in the ledger: lower-case letters, digits, `-`, `_` and `.`.
    fn name(&self) -> &'static str;

    /// How many of them may run at the same time.
    fn slots(&self) -> Slots {
        Slots::Shared
    }

    /// Does one job, or goes on with it: an attempt before may have done a part. Ends soon after
    /// [`JobContext::stopped`], with [`JobError::Stopped`]; a panic fails this attempt only.
    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>>;
}

/// How many jobs of a kind may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slots {
    /// As many as the setting `jobs.concurrency` leaves room for, beside those of other kinds.
    Shared,
    /// So many of this kind, whatever others do: for what waits more than it works, or has bounds
    /// of its own.
    Own(usize),
}

/// How an attempt at a job ends without having done all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Another attempt may succeed.
    #[error("{text}")]
    Retry {
        /// A stable name.
        code: String,
        /// What people read; no content of documents.
        text: String,
        /// When; the runner decides when left out.
        after: Option<Duration>,
    },
    /// No attempt will succeed.
    #[error("{text}")]
    Failed {
        /// A stable name.
        code: String,
        /// What people read; no content of documents.
        text: String,
    },
    /// It was told to stop, and did.
    #[error("the job was told to stop")]
    Stopped,
}

impl JobError {
    /// Another attempt may succeed; the runner decides when.
    pub fn retry(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Retry { code: code.into(), text: text.into(), after: None }
    }

    /// Another attempt may succeed after `after`.
    pub fn later(code: impl Into<String>, text: impl Into<String>, after: Duration) -> Self {
        Self::Retry { code: code.into(), text: text.into(), after: Some(after) }
    }

    /// No attempt will succeed.
    pub fn failed(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Failed { code: code.into(), text: text.into() }
    }
}

impl From<LedgerError> for JobError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "one error of many is another ending")]
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::LeaseLost { .. } => Self::Stopped,
            other => Self::retry("ledger", causes(&other)),
        }
    }
}

/// How an attempt at an item ends without result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ItemError {
    /// Another attempt may succeed.
    #[error("{text}")]
    Retry {
        /// A stable name.
        code: String,
        /// What people read; no content of documents.
        text: String,
        /// When; the policy decides when left out.
        after: Option<Duration>,
    },
    /// No attempt will succeed; the job goes on with the other items.
    #[error("{text}")]
    Failed {
        /// A stable name.
        code: String,
        /// What people read; no content of documents.
        text: String,
    },
    /// Others have precedence, or a queue is full: the attempt does not count.
    #[error("not now")]
    Later {
        /// When to try again.
        after: Duration,
    },
    /// It was told to stop, and did: the attempt does not count.
    #[error("the job was told to stop")]
    Stopped,
    /// The whole job ends.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl ItemError {
    /// Another attempt may succeed; the policy decides when.
    pub fn retry(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Retry { code: code.into(), text: text.into(), after: None }
    }

    /// No attempt will succeed.
    pub fn failed(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Failed { code: code.into(), text: text.into() }
    }
}

impl From<LedgerError> for ItemError {
    fn from(error: LedgerError) -> Self {
        Self::Job(error.into())
    }
}

pub(crate) fn reason(code: impl Into<String>, text: impl Into<String>) -> FailureReason {
    FailureReason { code: code.into(), text: text.into() }
}

/// An error with what caused it.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
