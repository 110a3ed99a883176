//! Says when people are there to answer, in the time zone where they work.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::assistant::{AssistantError, Texts, wrong};

const MINUTES_OF_DAY: u16 = 24 * 60;
/// Intervals of one day.
const MAX_INTERVALS: usize = 8;
const MAX_HOLIDAYS: usize = 400;
/// Days within which it opens again, or not at all.
const MAX_DAYS: u64 = 400;
/// Minutes of a gap in which clocks are put forward; the longest ever was a day.
const MAX_GAP: u16 = 3 * 60;

/// When people are there to answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningHours {
    /// A name of the IANA database, such as `Europe/Paris`.
    #[serde(default = "paris")]
    pub time_zone: String,
    /// By day of the week; days that are left out are closed.
    pub weekly: BTreeMap<Weekday, Vec<Interval>>,
    /// Days on which it is closed, of one year (`2026-04-06`) or of every year (`12-25`).
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// What the customer is told when nobody is there, by language.
    #[serde(default)]
    pub message: Texts,
}

fn paris() -> String {
    "Europe/Paris".to_owned()
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they say themselves")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<chrono::Weekday> for Weekday {
    fn from(day: chrono::Weekday) -> Self {
        match day {
            chrono::Weekday::Mon => Self::Monday,
            chrono::Weekday::Tue => Self::Tuesday,
            chrono::Weekday::Wed => Self::Wednesday,
            chrono::Weekday::Thu => Self::Thursday,
            chrono::Weekday::Fri => Self::Friday,
            chrono::Weekday::Sat => Self::Saturday,
            chrono::Weekday::Sun => Self::Sunday,
        }
    }
}

/// A time of day to the minute, `09:00` to `24:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u16,
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time of day, such as `09:00`");
        let (hours, minutes) = text.split_once(':').ok_or_else(wrong)?;
        let is_pair =
            |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_pair(hours) || !is_pair(minutes) {
            return Err(wrong());
        }
        let number = |part: &str| part.parse::<u16>().map_err(|_| wrong());
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let found = hours * 60 + minutes;
        if minutes >= 60 || found > MINUTES_OF_DAY {
            return Err(wrong());
        }
        Ok(Self { minutes: found })
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.minutes / 60, time.minutes % 60)
    }
}

/// From one time of a day up to another one, which is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// When it opens.
    pub from: TimeOfDay,
    /// When it closes; `24:00` at the end of the day.
    pub to: TimeOfDay,
}

/// A day on which it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Holiday {
    /// `None` for every year.
    year: Option<i32>,
    month: u32,
    day: u32,
}

impl TryFrom<String> for Holiday {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no day, such as `2026-04-06`, or `12-25` for every year");
        // The 29th of February is a day of some years.
        let whole = if text.len() == 5 { format!("2028-{text}") } else { text.clone() };
        if whole.len() != 10 {
            return Err(wrong());
        }
        let date = NaiveDate::parse_from_str(&whole, "%Y-%m-%d").map_err(|_| wrong())?;
        let year = (text.len() == 10).then(|| date.year());
        Ok(Self { year, month: date.month(), day: date.day() })
    }
}

impl From<Holiday> for String {
    fn from(day: Holiday) -> Self {
        let of_year = format!("{:02}-{:02}", day.month, day.day);
        day.year.map_or(of_year.clone(), |year| format!("{year:04}-{of_year}"))
    }
}

impl Holiday {
    fn is(self, date: NaiveDate) -> bool {
        self.year.is_none_or(|year| year == date.year())
            && (self.month, self.day) == (date.month(), date.day())
    }
}

impl OpeningHours {
    /// Refuses a time zone that is not known, and days that cannot be.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub(super) fn check(&self) -> Result<(), AssistantError> {
        if self.zone().is_none() {
            let reason =
                format!("is `{}`, which is no time zone, such as `{}`", self.time_zone, paris());
            return wrong("opening_hours.time_zone", reason);
        }
        if self.weekly.values().all(Vec::is_empty) {
            let reason = "opens on no day; leave opening_hours out where somebody is always there";
            return wrong("opening_hours.weekly", reason);
        }
        for (day, intervals) in &self.weekly {
            let part = format!("opening_hours.weekly.{day:?}").to_lowercase();
            if intervals.len() > MAX_INTERVALS {
                let count = intervals.len();
                return wrong(part, format!("has {count} intervals, the limit is {MAX_INTERVALS}"));
            }
            if intervals.iter().any(|interval| interval.from >= interval.to) {
                let reason = "has an interval that ends before it begins; one over midnight is two";
                return wrong(part, reason);
            }
            if intervals.windows(2).any(|pair| pair[1].from < pair[0].to) {
                return wrong(part, "has intervals that overlap or are not in order");
            }
        }
        if self.holidays.len() > MAX_HOLIDAYS {
            let count = self.holidays.len();
            let reason = format!("has {count} days, the limit is {MAX_HOLIDAYS}");
            return wrong("opening_hours.holidays", reason);
        }
        Ok(())
    }

    /// Whether somebody is there at this moment.
    pub fn is_open(&self, at: OffsetDateTime) -> bool {
        let Some(local) = self.local(at) else { return false };
        let minute = (local.hour() * 60 + local.minute()) as u16;
        let has =
            |interval: &Interval| (interval.from.minutes..interval.to.minutes).contains(&minute);
        self.of(local.date_naive()).iter().any(has)
    }

    /// When somebody is there next: `at` itself where it is open; `None` where it does not open
    /// within 400 days.
    pub fn next_open(&self, at: OffsetDateTime) -> Option<OffsetDateTime> {
        if self.is_open(at) {
            return Some(at);
        }
        let zone = self.zone()?;
        let today = self.local(at)?.date_naive();
        let days = (0..MAX_DAYS).filter_map(|days| today.checked_add_days(chrono::Days::new(days)));
        let moments = days.flat_map(|day| {
            self.of(day).iter().filter_map(move |interval| moment(zone, day, interval.from))
        });
        let after = |moment: &OffsetDateTime| *moment > at && self.is_open(*moment);
        moments.into_iter().find(after)
    }

    /// The intervals of a day; none of a holiday.
    fn of(&self, date: NaiveDate) -> &[Interval] {
        if self.holidays.iter().any(|holiday| holiday.is(date)) {
            return &[];
        }
        self.weekly.get(&Weekday::from(date.weekday())).map_or(&[], Vec::as_slice)
    }

    fn zone(&self) -> Option<Tz> {
        self.time_zone.parse().ok()
    }

    fn local(&self, at: OffsetDateTime) -> Option<DateTime<Tz>> {
        let utc = DateTime::<Utc>::from_timestamp(at.unix_timestamp(), 0)?;
        Some(utc.with_timezone(&self.zone()?))
    }
}

/// When it is this time on this day. Of a time that comes twice the first, and after the gap of one
/// that is left out, on the two days when clocks change.
fn moment(zone: Tz, day: NaiveDate, time: TimeOfDay) -> Option<OffsetDateTime> {
    (0..=MAX_GAP).find_map(|later| {
        let minutes = u32::from(time.minutes + later);
        let local = day.and_hms_opt(minutes / 60, minutes % 60, 0)?;
        let found = zone.from_local_datetime(&local).earliest()?;
        OffsetDateTime::from_unix_timestamp(found.timestamp()).ok()
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::OpeningHours;

    const HOURS: &str = r#"{
        "weekly": {
            "monday": [{"from": "09:00", "to": "12:30"}, {"from": "14:00", "to": "18:00"}],
            "friday": [{"from": "00:00", "to": "24:00"}],
            "sunday": [{"from": "02:30", "to": "04:00"}]
        },
        "holidays": ["12-25", "2026-04-06"]
    }"#;

    fn hours() -> OpeningHours {
        let hours: OpeningHours = serde_json::from_str(HOURS).unwrap();
        hours.check().unwrap();
        hours
    }

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[track_caller]
    fn check(now: &str, next: &str) {
        assert_eq!(hours().next_open(at(now)), Some(at(next)));
        assert_eq!(hours().is_open(at(now)), at(now) == at(next));
    }

    #[test]
    fn it_opens_by_the_clock_of_where_people_work() {
        // A Monday in summer, Paris is two hours ahead.
        check("2026-06-01T06:59:59Z", "2026-06-01T07:00:00Z");
        check("2026-06-01T07:00:00Z", "2026-06-01T07:00:00Z");
        check("2026-06-01T10:30:00Z", "2026-06-01T12:00:00Z");
        check("2026-06-01T15:59:59Z", "2026-06-01T15:59:59Z");
        // After the last hour comes the next day that opens, a Friday from midnight on.
        check("2026-06-01T16:00:00Z", "2026-06-04T22:00:00Z");
        check("2026-06-05T21:59:59Z", "2026-06-05T21:59:59Z");
        check("2026-06-05T22:00:00Z", "2026-06-07T00:30:00Z");
        // In winter it is one hour.
        check("2026-01-12T08:00:00+00:00", "2026-01-12T08:00:00Z");
    }

    #[test]
    fn holidays_of_one_year_and_of_every_year_are_closed() {
        check("2026-04-06T10:00:00+02:00", "2026-04-10T00:00:00+02:00");
        check("2026-12-25T10:00:00+01:00", "2026-12-27T02:30:00+01:00");
        check("2027-04-05T10:00:00+02:00", "2027-04-05T10:00:00+02:00");
    }

    #[test]
    fn clocks_that_change_leave_nobody_out() {
        // 02:30 is left out on 29 March 2026: it opens at 03:00, which is 01:00 UTC.
        check("2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z");
        // And comes twice on 25 October: it opens the first time.
        check("2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let wrong = |from: &str, to: &str| {
            assert!(HOURS.contains(from));
            let read = serde_json::from_str::<OpeningHours>(&HOURS.replace(from, to));
            read.map_or_else(
                |error| error.to_string(),
                |hours| hours.check().unwrap_err().to_string(),
            )
        };
        assert!(
            wrong("\"weekly\"", "\"time_zone\": \"Paris\", \"weekly\"").contains("Europe/Paris")
        );
        assert!(wrong("\"12:30\"", "\"08:00\"").contains("ends before it begins"));
        assert!(wrong("\"12:30\"", "\"15:00\"").contains("overlap"));
        for time in ["9:00", "25:00", "09:60", "24:01", "0x:00"] {
            assert!(
                wrong("\"12:30\"", &format!("\"{time}\"")).contains("no time of day"),
                "{time}"
            );
        }
        assert!(wrong("12-25", "13-25").contains("is no day"));
        assert!(wrong("sunday", "dimanche").contains("dimanche"));
        let again: OpeningHours =
            serde_json::from_str(&serde_json::to_string(&hours()).unwrap()).unwrap();
        assert_eq!(again, hours());
        let closed = OpeningHours { weekly: Default::default(), ..hours() };
        assert!(closed.check().is_err());
        assert_eq!(closed.next_open(at("2026-06-01T07:00:00Z")), None);
    }
}
