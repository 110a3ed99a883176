//! Says when a schedule runs.

use chrono::{DateTime, Local, TimeZone};
use time::OffsetDateTime;

/// A cron expression: minute, hour, day of the month, month, day of the week, in the time zone of
/// the machine.
///
/// What names an hour runs once on the two days of the year when clocks change: after the gap when
/// its time is left out, the first time when it comes twice.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    pattern: croner::Cron,
}

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cron expression '{text}' cannot be used: {reason}; an example is '30 2 * * *'")]
pub struct CronError {
    /// The expression.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// One that is not an expression, or never comes about.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let wrong = |reason: String| CronError { text: text.to_owned(), reason };
        let pattern: croner::Cron =
            text.parse().map_err(|error: croner::errors::CronError| wrong(error.to_string()))?;
        let cron = Self { text: text.to_owned(), pattern };
        match cron.next_in(&Local, OffsetDateTime::now_utc()) {
            Some(_) => Ok(cron),
            None => Err(wrong("it never comes about".to_owned())),
        }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The next time after `after`, in the machine's time zone; `None` when there is none for
    /// years.
    pub fn next(&self, after: OffsetDateTime) -> Option<OffsetDateTime> {
        self.next_in(&Local, after)
    }

    fn next_in<Z: TimeZone>(&self, zone: &Z, after: OffsetDateTime) -> Option<OffsetDateTime>
    where
        DateTime<Z>: croner::CronDateTime,
    {
        let after = zone.timestamp_opt(after.unix_timestamp(), 0).single()?;
        let next = self.pattern.find_next_occurrence(&after, false).ok()?;
        OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()
    }
}

#[cfg(test)]
mod tests;
