//! Decides how long data live: retention by the clock, erasure with a report, export of what is
//! known of a person.
//!
//! Entry type: [`DataLife`], a cheap handle. Its [`job_kinds`](DataLife::job_kinds) and its
//! [`schedule`](DataLife::schedule) are for the runner; everything else is for whoever answers
//! people.
//!
//! - **Retention** (`retention`): what is kept how long is a [`RetentionConfig`]; each part is an
//!   item of the job, so that an interruption costs one of them.
//! - **Erasure** (`erase`): [`DataLife::find`] says which documents speak of somebody,
//!   [`DataLife::begin_erasure`] queues the erasure of what was chosen. The job erases, counts, and
//!   ends with a search of the bytes of the data directory (`proof`).
//! - **Export** (`export`): a ZIP that is written as fast as it is read.
//!
//! Invariants: a text match alone erases no document; nothing of what was erased stays in a report,
//! but ids, hashes and numbers; a job that is taken up again ends with the same report.
//!
//! What is absent: HTTP, the settings file, models, LanceDB.

mod config;
mod data_life;
mod erase;
mod error;
mod export;
mod find;
mod proof;
mod retention;

pub use config::{DocumentRule, RetentionConfig};
pub use data_life::{DataLife, DataLifeConfig, DataLifeParts};
pub use erase::{ErasureRequest, Subject};
pub use error::DataLifeError;
pub use export::Export;
pub use find::{Findings, Person};
