//! Keeps what was consumed: tokens and computing time by day, key, user, model and use case.

use intramuros_types::{Consumption, KeyId, ModelId};

mod csv;
mod records;
mod tariff;

pub use csv::{csv_line, usage_csv};
pub use records::{UsageFilter, UsageGroup, UsageRow};
pub use tariff::Tariff;

/// What a request consumed of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageEntry {
    /// The first of the key's rotations; `None` for a session or the server itself.
    pub key: Option<KeyId>,
    /// Who signed in, the key's owner, or whom the application names.
    pub user: Option<String>,
    /// The model; `None` when none was used.
    pub model: Option<ModelId>,
    /// What it was for: `chat`, `ask`, `search`, `indexing`.
    pub use_case: String,
    /// Requests that this counts for: a request that used two models is one of the first.
    pub requests: u32,
    /// What it took.
    pub consumption: Consumption,
}

#[cfg(test)]
mod tests;
