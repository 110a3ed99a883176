//! Tests when schedules run, above all on the days when clocks change.

use chrono_tz::Europe::Paris;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Cron;

fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

/// The runs after `from`, in Paris.
#[track_caller]
fn check(cron: &str, from: &str, expected: &[&str]) {
    let cron = Cron::parse(cron).unwrap();
    let mut now = at(from);
    for expected in expected {
        now = cron.next_in(&Paris, now).unwrap();
        assert_eq!(now, at(expected), "{} after {from}", cron.as_str());
    }
}

#[test]
fn hours_are_those_of_the_place() {
    let summer = ["2026-07-01T00:30:00Z", "2026-07-02T00:30:00Z"];
    check("30 2 * * *", "2026-06-30T12:00:00Z", &summer);
    check("30 2 * * *", "2026-01-01T00:00:00Z", &["2026-01-01T01:30:00Z"]);
    // Exactly then is not after.
    check("30 2 * * *", "2026-01-01T01:30:00Z", &["2026-01-02T01:30:00Z"]);
    check("0 6 1 * *", "2026-01-15T00:00:00Z", &["2026-02-01T05:00:00Z"]);
}

#[test]
fn an_hour_that_is_left_out_or_comes_twice_runs_once() {
    // 2026-03-29: after 01:59 comes 03:00. 2026-10-25: after 02:59 comes 02:00.
    let spring = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    check("30 2 * * *", "2026-03-28T00:00:00Z", &spring);
    let autumn = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
    check("30 2 * * *", "2026-10-24T12:00:00Z", &autumn);
}

#[test]
fn what_runs_every_quarter_goes_on_through_both() {
    let spring = ["2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"];
    check("*/15 * * * *", "2026-03-29T00:30:00Z", &spring);
    let autumn = ["2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:15:00Z"];
    check("*/15 * * * *", "2026-10-25T00:30:00Z", &autumn);
}

#[test]
fn what_cannot_be_used_is_refused_with_an_example() {
    for wrong in ["", "*", "61 * * * *", "every day", "0 0 31 2 *", "* * * * * * * * *"] {
        let error = Cron::parse(wrong).unwrap_err().to_string();
        assert!(error.contains("an example is '30 2 * * *'"), "{wrong}: {error}");
    }
}
