//! Counts what searches and indexing took, for monitoring.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use intramuros_types::{Distribution, Histogram};

use crate::Knowledge;

/// Seconds of a search.
const SEARCHES: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of a document.
const DOCUMENTS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// What is counted since the start. Written by searches and by the lanes of the indexer.
#[derive(Debug)]
pub(crate) struct Counters {
    searches: Histogram,
    documents: Histogram,
    failed: AtomicU64,
    passages: AtomicU64,
}

/// What knowledge bases did since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Seconds of searches, those for answers included, without what the generator reads for them.
    pub searches: Distribution,
    /// Seconds that documents took which were indexed.
    pub documents: Distribution,
    /// Documents that could not be indexed.
    pub failed_documents: u64,
    /// Passages that were made searchable.
    pub passages: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            searches: Histogram::new(SEARCHES),
            documents: Histogram::new(DOCUMENTS),
            failed: AtomicU64::new(0),
            passages: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub(crate) fn searched(&self, took: Duration) {
        self.searches.observe_time(took);
    }

    pub(crate) fn indexed(&self, passages: u32, took: Duration) {
        self.documents.observe_time(took);
        self.passages.fetch_add(u64::from(passages), Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Knowledge {
    /// What the knowledge bases did since the start.
    pub fn figures(&self) -> Figures {
        let counters = &self.shared.figures;
        Figures {
            searches: counters.searches.read(),
            documents: counters.documents.read(),
            failed_documents: counters.failed.load(Ordering::Relaxed),
            passages: counters.passages.load(Ordering::Relaxed),
        }
    }
}
