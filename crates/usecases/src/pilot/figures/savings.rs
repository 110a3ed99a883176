//! Says what a job saves each week, with the arithmetic that a reader can redo.
//!
//! An item that the server does saves what it takes by hand, less the time of a check. A wrong one
//! saves nothing and costs the check. One that is handed over, or failed, takes as long as before.

use serde::{Deserialize, Serialize};

use super::is_automatic;
use crate::pilot::compare::paired;
use crate::pilot::run::{ItemResult, Outcome};

/// Weeks of a year.
const WEEKS: f64 = 52.0;
const MAX_PER_WEEK: f64 = 1e9;
const MAX_MINUTES: f64 = 10_080.0;
const MAX_RATE: f64 = 1e6;

/// How much of a job there is, and what it takes today.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volumes {
    /// Items a week.
    pub per_week: f64,
    /// Minutes that one takes by hand.
    pub minutes_by_hand: f64,
    /// Minutes that it takes to check one that the server did; 0 where nobody does.
    pub minutes_to_check: f64,
    /// What an hour of work costs, in the company's currency.
    pub hourly_rate: f64,
}

/// Why volumes cannot be reckoned with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("'{name}' is {value}; it takes a number from 0 to {limit}")]
pub struct VolumesError {
    /// Which one.
    pub name: &'static str,
    /// What it is.
    pub value: f64,
    /// The most that it may be.
    pub limit: f64,
}

impl Volumes {
    /// Refuses what no company has.
    ///
    /// # Errors
    /// The first number that is below 0, above its limit or none.
    pub fn check(&self) -> Result<(), VolumesError> {
        for (name, value, limit) in [
            ("per_week", self.per_week, MAX_PER_WEEK),
            ("minutes_by_hand", self.minutes_by_hand, MAX_MINUTES),
            ("minutes_to_check", self.minutes_to_check, MAX_MINUTES),
            ("hourly_rate", self.hourly_rate, MAX_RATE),
        ] {
            if !(0.0..=limit).contains(&value) {
                return Err(VolumesError { name, value, limit });
            }
        }
        Ok(())
    }
}

/// What is saved, at the shares of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Savings {
    /// What it was reckoned with.
    pub volumes: Volumes,
    /// Items a week that are done rightly without a person.
    pub done_per_week: f64,
    /// Items a week that are wrong.
    pub wrong_per_week: f64,
    /// Items a week that a person does: handed over, or failed.
    pub by_hand_per_week: f64,
    /// Hours a week that are saved; below 0 where the checks cost more than they save.
    pub hours_per_week: f64,
    /// From here
    pub hours_low: f64,
    /// to here, 95 times of 100, by how few items were measured.
    pub hours_high: f64,
    /// Money a week.
    pub money_per_week: f64,
    /// Money in 52 weeks.
    pub money_per_year: f64,
    /// The share of the work by hand that is saved; `None` where there is no work.
    pub share_of_work: Option<f64>,
}

impl Savings {
    /// Reckons with the items of a run; `None` of none, or where the volumes are no numbers.
    pub fn of(items: &[ItemResult], volumes: &Volumes) -> Option<Self> {
        volumes.check().ok()?;
        let minutes: Vec<f64> = items.iter().map(|item| minutes_saved(item, volumes)).collect();
        // The mean of what items save, and what it may be by chance.
        let mean = paired(&vec![0.0; minutes.len()], &minutes)?;
        let hours = |minutes: f64| minutes * volumes.per_week / 60.0;
        let each_week = |is: &dyn Fn(&ItemResult) -> bool| {
            let count = items.iter().filter(|item| is(item)).count();
            count as f64 / items.len() as f64 * volumes.per_week
        };
        let money = hours(mean.mean) * volumes.hourly_rate;
        let work = hours(volumes.minutes_by_hand);
        Some(Self {
            volumes: *volumes,
            done_per_week: each_week(&|item| is_automatic(item) && item.outcome == Outcome::Right),
            wrong_per_week: each_week(&|item| item.outcome == Outcome::Wrong),
            by_hand_per_week: each_week(&|item| !is_automatic(item)),
            hours_per_week: hours(mean.mean),
            hours_low: hours(mean.low),
            hours_high: hours(mean.high),
            money_per_week: money,
            money_per_year: money * WEEKS,
            share_of_work: (work > 0.0).then(|| hours(mean.mean) / work),
        })
    }
}

fn minutes_saved(item: &ItemResult, volumes: &Volumes) -> f64 {
    if !is_automatic(item) {
        return 0.0;
    }
    match item.outcome {
        Outcome::Right => volumes.minutes_by_hand - volumes.minutes_to_check,
        Outcome::Wrong => -volumes.minutes_to_check,
        Outcome::HandedOver | Outcome::Failed => 0.0,
    }
}
