//! Notices that the machine's clock was set.
//!
//! Keys expire, and records are dated, by the wall clock. Nothing is lost when it jumps, but keys may
//! expire early or be good again, so the operator is told.

use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Smaller differences are corrections of a time service.
const NOTICED: Duration = Duration::from_secs(30);

/// Compares the wall clock with one that cannot be set.
#[derive(Debug, Clone, Copy)]
pub struct ClockWatch {
    wall: OffsetDateTime,
    steady: Instant,
}

/// How far the wall clock jumped since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// It was set forward, or the machine slept.
    Forward(Duration),
    /// It was set back.
    Back(Duration),
}

impl ClockWatch {
    /// Begins with what both clocks say.
    pub fn new(wall: OffsetDateTime, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// What the wall clock did beside `steady` since the last look.
    pub fn look(&mut self, wall: OffsetDateTime, steady: Instant) -> Option<Jump> {
        let passed = steady.saturating_duration_since(self.steady);
        let expected = self.wall + passed;
        *self = Self { wall, steady };
        let difference = wall - expected;
        let jump = difference.unsigned_abs();
        if jump < NOTICED {
            return None;
        }
        Some(if difference.is_negative() { Jump::Back(jump) } else { Jump::Forward(jump) })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use time::OffsetDateTime;

    use super::{ClockWatch, Jump};

    #[test]
    fn jumps_are_told_from_time_that_passes() {
        let (start, steady) = (OffsetDateTime::UNIX_EPOCH, Instant::now());
        let mut watch = ClockWatch::new(start, steady);
        let mut look = |wall: i64, passed: u64| {
            let at = start + time::Duration::seconds(wall);
            watch.look(at, steady + Duration::from_secs(passed))
        };
        assert_eq!(look(10, 10), None);
        assert_eq!(look(25, 20), None, "a time service corrects");
        assert_eq!(look(3635, 30), Some(Jump::Forward(Duration::from_secs(3600))));
        assert_eq!(look(3645, 40), None, "once");
        assert_eq!(look(55, 50), Some(Jump::Back(Duration::from_secs(3600))));
        assert_eq!(look(1_000_055, 1_000_050), None);
    }
}
