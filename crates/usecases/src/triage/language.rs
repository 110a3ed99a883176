//! The language in which people who handle tickets are told why.

use serde::{Deserialize, Serialize};

/// A language of reasons and alerts; tickets themselves may be in any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriageLanguage {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

impl TriageLanguage {
    /// One of two wordings.
    pub(super) fn pick<T>(self, french: T, english: T) -> T {
        match self {
            TriageLanguage::Fr => french,
            TriageLanguage::En => english,
        }
    }
}
