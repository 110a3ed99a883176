//! Tests that consumption adds up.

use std::time::Duration;

use intramuros_types::Consumption;
use time::{Date, Duration as Span, Month};

use super::{UsageEntry, UsageFilter, UsageGroup};
use crate::ledger::tests::Fixture;
use crate::{Journal, Ledger, LedgerError, Lines};

fn entry(key: &str, user: Option<&str>, model: &str, tokens: u64) -> UsageEntry {
    UsageEntry {
        key: (!key.is_empty()).then(|| key.into()),
        user: user.map(str::to_owned),
        model: Some(model.into()),
        use_case: "chat".to_owned(),
        requests: 1,
        consumption: Consumption {
            prompt_tokens: tokens,
            cached_tokens: tokens / 2,
            completion_tokens: 1,
            compute: Duration::from_micros(tokens),
        },
    }
}

fn date(year: i32, month: Month, day: u8) -> Date {
    Date::from_calendar_date(year, month, day).unwrap()
}

async fn add(ledger: &Ledger, entries: &[UsageEntry]) {
    let mut transaction = ledger.begin_write("add").await.unwrap();
    ledger.add_usage_within(&mut transaction, entries).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn consumption_adds_up_by_what_is_told_apart() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    add(ledger, &[entry("imk_a", None, "m", 10), entry("imk_a", Some("usr_1"), "m", 20)]).await;
    add(ledger, &[entry("imk_b", Some("usr_1"), "n", 40), entry("", Some("usr_2"), "m", 80)]).await;
    fixture.advance(Span::days(31));
    add(ledger, &[entry("imk_a", None, "m", 160)]).await;

    let sums = async |filter: &UsageFilter, groups: &[UsageGroup]| {
        let rows = ledger.usage(filter, groups).await.unwrap();
        let told = |row: super::UsageRow| (row.group.join("/"), row.consumption.prompt_tokens);
        rows.into_iter().map(told).collect::<Vec<_>>()
    };
    let all = UsageFilter::default();
    let rows = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(group, tokens)| ((*group).to_owned(), *tokens)).collect()
    };
    assert_eq!(sums(&all, &[]).await, rows(&[("", 310)]));
    let by_key = rows(&[("", 80), ("imk_a", 190), ("imk_b", 40)]);
    assert_eq!(sums(&all, &[UsageGroup::Key]).await, by_key);
    let by_month = rows(&[("2026-01", 150), ("2026-02", 160)]);
    assert_eq!(sums(&all, &[UsageGroup::Month]).await, by_month);
    let both = rows(&[("m/", 170), ("m/usr_1", 20), ("m/usr_2", 80), ("n/usr_1", 40)]);
    assert_eq!(sums(&all, &[UsageGroup::Model, UsageGroup::User]).await, both);
    let january = UsageFilter { to: Some(date(2026, Month::January, 31)), ..all.clone() };
    assert_eq!(sums(&january, &[UsageGroup::Day]).await, rows(&[("2026-01-01", 150)]));
    let nothing = UsageFilter { from: Some(date(2027, Month::January, 1)), ..all.clone() };
    assert_eq!(sums(&nothing, &[]).await, []);
    assert_eq!(sums(&nothing, &UsageGroup::ALL).await, []);
    let hostile = UsageFilter { user: Some("' OR 1=1 --".to_owned()), ..all.clone() };
    assert_eq!(sums(&hostile, &[]).await, []);

    let whole = &ledger.usage(&all, &[]).await.unwrap()[0];
    assert_eq!((whole.requests, whole.consumption.cached_tokens), (5, 155));
    assert_eq!(whole.consumption.compute, Duration::from_micros(310));

    // The month is that of now; a session's is its user's.
    assert_eq!(ledger.tokens_this_month(Some(&"imk_a".into()), None).await.unwrap(), 161);
    assert_eq!(ledger.tokens_this_month(Some(&"imk_b".into()), None).await.unwrap(), 0);
    assert_eq!(ledger.tokens_this_month(None, Some("usr_2")).await.unwrap(), 0);
    let before = date(2026, Month::February, 1).midnight().assume_utc();
    let mut gone = 0;
    while let removed @ 1.. = ledger.forget_usage_day(before).await.unwrap() {
        gone += removed;
    }
    assert_eq!(gone, 4);
    assert_eq!(sums(&all, &[]).await, rows(&[("", 160)]));
}

#[tokio::test]
async fn an_application_cannot_name_users_without_end() {
    let fixture = Fixture::new().await;
    let users: Vec<UsageEntry> = (0..1_100)
        .map(|number| entry("imk_a", Some(&format!("user {number}")), "m", 1))
        .chain([entry("imk_a", Some("user 3"), "m", 1)])
        .chain([entry("imk_a", Some(&"long".repeat(100)), "m", 1)])
        .collect();
    add(&fixture.ledger, &users).await;
    let by_user = fixture.ledger.usage(&UsageFilter::default(), &[UsageGroup::User]).await.unwrap();
    let of = |name: &str| by_user.iter().find(|row| row.group[0] == name).map(|row| row.requests);
    assert_eq!((by_user.len(), of("user 3"), of("(others)")), (1_001, Some(2), Some(101)));
    let total: u64 = by_user.iter().map(|row| row.requests).sum();
    assert_eq!(total, 1_102, "nothing is lost");
}

#[tokio::test]
async fn a_journal_writes_for_many_at_once() {
    let fixture = Fixture::new().await;
    let journal = Journal::start(fixture.ledger.clone());
    let write = |number: u64| {
        let (journal, key) = (journal.clone(), format!("imk_{}", number % 7));
        async move {
            let lines = Lines { usage: vec![entry(&key, None, "m", number)], ..Lines::default() };
            if number.is_multiple_of(3) {
                journal.note(lines)
            } else {
                journal.write(lines).await.unwrap()
            }
        }
    };
    let tasks: Vec<_> = (0..1_000).map(|number| tokio::spawn(write(number))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    journal.flush().await;
    let rows = fixture.ledger.usage(&UsageFilter::default(), &[UsageGroup::Key]).await.unwrap();
    assert_eq!(rows.len(), 7);
    let sum = |of: fn(&super::UsageRow) -> u64| rows.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.requests), 1_000);
    assert_eq!(sum(|row| row.consumption.prompt_tokens), 499_500);
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_or_kept() {
    let fixture = Fixture::new().await;
    let journal = Journal::start(fixture.ledger.clone());
    let lines =
        |number| Lines { usage: vec![entry("imk_a", None, "m", number)], ..Lines::default() };
    let set = async |statement| {
        sqlx::query(statement).execute(&fixture.ledger.pool).await.unwrap();
    };
    set("ALTER TABLE usage RENAME TO gone").await;
    journal.note(lines(1));
    let error = journal.write(lines(2)).await.unwrap_err();
    assert!(matches!(*error, LedgerError::Database { .. }), "{error}");
    set("ALTER TABLE gone RENAME TO usage").await;
    journal.write(lines(4)).await.unwrap();
    let rows = fixture.ledger.usage(&UsageFilter::default(), &[]).await.unwrap();
    assert_eq!(rows[0].consumption.prompt_tokens, 5, "the refused one was not written");
}
