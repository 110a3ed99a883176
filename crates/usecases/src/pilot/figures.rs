//! Makes figures of a run: a few that a manager decides by, and those that an engineer looks for.

use serde::Serialize;

use super::interval::{Interval, share};
use super::run::{Details, ItemResult, Outcome, Run};

mod engineer;
mod extraction;
mod jobs;
mod savings;

pub(super) use jobs::{NONE, aligned};

pub use engineer::{EngineerFigures, Point, Sureness, proposals};
pub use extraction::{ExtractionFigures, FieldFigures};
pub use jobs::{ChatFigures, JobFigures, SearchFigures, TriageFigures};
pub use savings::{Savings, Volumes, VolumesError};

/// How long items took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Times {
    /// Half of them took no longer, in milliseconds.
    pub median_ms: u64,
    /// 95 of 100 took no longer.
    pub p95_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Times {
    /// Of all items but the failed; `None` of none.
    pub fn of(items: &[ItemResult]) -> Option<Self> {
        let mut all: Vec<u64> = items
            .iter()
            .filter(|item| item.outcome != Outcome::Failed)
            .map(|item| item.latency_ms)
            .collect();
        all.sort_unstable();
        // The nearest rank: a value that an item took, whatever their number.
        let at = |part: f64| {
            let rank = (part * all.len() as f64).ceil() as usize;
            all.get(rank.max(1) - 1).copied()
        };
        Some(Self { median_ms: at(0.5)?, p95_ms: at(0.95)?, max_ms: *all.last()? })
    }
}

/// What a manager decides by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ManagerFigures {
    /// Items of the run.
    pub items: usize,
    /// How many are right. Those that were rightly handed over are among them.
    pub right: usize,
    /// How many were handed over though the server could have done them.
    pub handed_over: usize,
    /// How many are wrong.
    pub wrong: usize,
    /// How many failed.
    pub failed: usize,
    /// Of the right ones, how many were rightly handed over.
    pub rightly_handed_over: usize,
    /// Of the wrong ones, how many have a part of what is right.
    pub partly: usize,
    /// The four as shares with their 95 % intervals; `None` of no items.
    pub shares: Option<Shares>,
    /// How long items took.
    pub times: Option<Times>,
    /// What it saves, where volumes are known.
    pub savings: Option<Savings>,
}

/// Shares of all items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shares {
    /// Right.
    pub right: Interval,
    /// Handed over.
    pub handed_over: Interval,
    /// Wrong.
    pub wrong: Interval,
    /// Failed.
    pub failed: Interval,
    /// Done without a person, rightly or not.
    pub automatic: Interval,
    /// Of those that were done without a person, the wrong ones; `None` where there are none.
    pub wrong_of_automatic: Option<Interval>,
}

impl ManagerFigures {
    /// Computes them; what is saved only where `volumes` are given.
    pub fn of(run: &Run, volumes: Option<&Volumes>) -> Self {
        let items = &run.items;
        let count = |outcome| items.iter().filter(|item| item.outcome == outcome).count();
        let right = count(Outcome::Right);
        let handed_over = count(Outcome::HandedOver);
        let (wrong, failed) = (count(Outcome::Wrong), count(Outcome::Failed));
        let automatic = items.iter().filter(|item| is_automatic(item)).count();
        let of = |count| share(count, items.len());
        let shares = || {
            Some(Shares {
                right: of(right)?,
                handed_over: of(handed_over)?,
                wrong: of(wrong)?,
                failed: of(failed)?,
                automatic: of(automatic)?,
                wrong_of_automatic: share(wrong, automatic),
            })
        };
        Self {
            items: items.len(),
            right,
            handed_over,
            wrong,
            failed,
            rightly_handed_over: items
                .iter()
                .filter(|item| item.outcome == Outcome::Right && item.handed_over)
                .count(),
            partly: items.iter().filter(|item| is_partly(item)).count(),
            shares: shares(),
            times: Times::of(items),
            savings: volumes.and_then(|volumes| Savings::of(items, volumes)),
        }
    }
}

/// Whether no person has to do the item, right or not.
pub(super) fn is_automatic(item: &ItemResult) -> bool {
    !item.handed_over && item.outcome != Outcome::Failed
}

/// Whether a wrong item has a part of what is right.
pub(super) fn is_partly(item: &ItemResult) -> bool {
    item.outcome == Outcome::Wrong
        && matches!(&item.details, Details::Chat(details) if details.partly)
}

#[cfg(test)]
pub(super) mod tests;
