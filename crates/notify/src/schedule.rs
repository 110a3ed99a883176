//! Says when a failed attempt is made again.

use std::time::Duration;

use intramuros_ledger::Outcome;
use time::OffsetDateTime;

use crate::error::NotifyError;

/// Longest wait between two attempts, and most of them: a schedule ends.
const MAX_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
const MAX_ATTEMPTS: usize = 50;

/// The waits after the first, second… failed attempt. After the last one there are no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// Reads waits such as `10s`, `5m`, `2h`, `1d`; none at all for a single attempt.
    ///
    /// # Errors
    /// `Invalid` for what is not a number with a unit, a wait of 0 or of more than 7 days, or more than
    /// 50 of them.
    pub fn read(waits: &[String]) -> Result<Self, NotifyError> {
        let wrong = |reason: String| NotifyError::Invalid { name: "webhooks.retry_after", reason };
        if waits.len() > MAX_ATTEMPTS {
            return Err(wrong(format!("has {} waits, the limit is {MAX_ATTEMPTS}", waits.len())));
        }
        let read = |wait: &String| {
            duration(wait).filter(|wait| !wait.is_zero() && *wait <= MAX_WAIT).ok_or_else(|| {
                wrong(format!("has `{wait}`, must be waits such as 10s, 5m, 2h or 1d, up to 7d"))
            })
        };
        Ok(Self(waits.iter().map(read).collect::<Result<_, _>>()?))
    }

    /// What follows from the failure of attempt `attempt` (from 1) at `now`.
    pub(crate) fn after(
        &self,
        attempt: u32,
        now: OffsetDateTime,
        status: Option<u16>,
        error: String,
    ) -> Outcome {
        let index = usize::try_from(attempt).unwrap_or(usize::MAX).saturating_sub(1);
        match self.0.get(index) {
            Some(wait) => Outcome::Retry { at: now + wait.mul_f64(jitter()), status, error },
            None => Outcome::Dead { status, error, disable: false },
        }
    }
}

/// Between 0.9 and 1.1, so that what failed together does not come back together.
fn jitter() -> f64 {
    let mut byte = [0; 1];
    // Without randomness the waits are what they are called.
    let random = getrandom::fill(&mut byte).map_or(0.5, |()| f64::from(byte[0]) / 255.0);
    0.9 + 0.2 * random
}

fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::Outcome;
    use time::OffsetDateTime;

    use super::Schedule;

    fn read(waits: &[&str]) -> Option<Schedule> {
        Schedule::read(&waits.iter().map(|wait| (*wait).to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn waits_grow_as_they_are_listed_and_end() {
        let schedule = read(&["10s", "1m", "2h", "1d"]).unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        for (attempt, seconds) in [(1, 10), (2, 60), (3, 7_200), (4, 86_400)] {
            let outcome = schedule.after(attempt, now, Some(500), String::new());
            let Outcome::Retry { at, status: Some(500), .. } = outcome else {
                panic!("{outcome:?}")
            };
            let waited = (at - now).as_seconds_f64() / f64::from(seconds);
            assert!((0.9..=1.1).contains(&waited), "{attempt}: {waited}");
        }
        let last = schedule.after(5, now, None, "no".to_owned());
        assert_eq!(last, Outcome::Dead { status: None, error: "no".to_owned(), disable: false });
        let only = read(&[]).unwrap().after(1, now, None, String::new());
        assert!(matches!(only, Outcome::Dead { .. }));
    }

    #[test]
    fn what_is_no_wait_is_refused() {
        for wrong in ["", "10", "s", "-1s", "0s", "8d", "1w", "1.5h", "99999999999999999999s", "é"]
        {
            assert_eq!(read(&[wrong]), None, "{wrong}");
        }
        assert_eq!(read(&["1s"; 51]), None);
    }
}
