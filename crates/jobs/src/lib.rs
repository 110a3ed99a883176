//! Runs the ledger's jobs: work that outlives the request that asked for it, and the process.
//!
//! Entry types: [`Runner`], which is given the kinds of jobs that this process can do, and
//! [`JobKind`], which each of them implements. What a running job has of its surroundings is its
//! [`JobContext`].
//!
//! One attempt at a time has the lease of a job. The runner renews the leases of its attempts; what
//! an attempt writes into the ledger is written only while its lease holds. An attempt whose
//! process died is taken back when its lease ran out, or at the next start. Items of a job are
//! recorded once each; the ones that were in work are tried again.
//!
//! Attempts are told to stop ([`JobContext::stopped`]) when people pause or cancel the job, when the
//! server stops and when the lease is lost. A kind that waits for something long, a model for
//! example, waits for that too.
//!
//! What is absent: any idea of what jobs are about; documents, models and HTTP are elsewhere.

mod backoff;
mod context;
mod cron;
mod kind;
mod runner;

pub use context::{Item, ItemPolicy, JobContext, Stop};
pub use cron::{Cron, CronError};
pub use kind::{ItemError, JobError, JobKind, Slots};
pub use runner::{Runner, RunnerConfig, Schedule};
