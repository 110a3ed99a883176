//! Spaces attempts out.

use std::time::Duration;

/// How long to wait after the failed attempt number `attempt`, from 1: `first`, doubled each time up
/// to `most`, and by chance up to a quarter more or less, so that what failed together does not
/// come back together.
pub(crate) fn backoff(attempt: u32, first: Duration, most: Duration) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20));
    doubled.min(most).mul_f64(0.75 + chance() / 2.0)
}

/// A number from 0 to 1. Without randomness of the system nothing is lost but the spread.
fn chance() -> f64 {
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(drawn) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::backoff;

    #[test]
    fn waits_grow_up_to_their_limit() {
        let (first, most) = (Duration::from_secs(2), Duration::from_secs(60));
        for (attempt, expected) in [(0, 2), (1, 2), (2, 4), (3, 8), (6, 60), (u32::MAX, 60)] {
            let wait = backoff(attempt, first, most).as_secs_f64() / f64::from(expected);
            assert!((0.75..=1.25).contains(&wait), "attempt {attempt}: {wait}");
        }
    }
}
