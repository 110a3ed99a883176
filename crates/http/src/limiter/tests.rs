//! Tests limits against a clock that the test moves.

use std::time::{Duration, Instant};

use intramuros_types::Limits;
use time::OffsetDateTime;

use super::{Budget, Limiter, Now, Refusal, Running};

/// A moment so many seconds after the beginning of 2026-11-27.
fn at(seconds: f64) -> Now {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let passed = Duration::from_secs_f64(seconds);
    let date = OffsetDateTime::from_unix_timestamp(1_795_737_600).unwrap();
    Now { instant: *START.get_or_init(Instant::now) + passed, date: date + passed }
}

fn begin(limiter: &Limiter, limits: &Limits, now: Now) -> Result<Running, Refusal> {
    if limiter.is_unknown("a", now) {
        limiter.remember("a", limits, 0, now);
    }
    limiter.begin("a", (limits, true), now).0
}

#[test]
fn a_minutes_worth_may_come_at_once_and_then_steadily() {
    let limits = Limits { requests_per_minute: Some(6), ..Limits::default() };
    let limiter = Limiter::default();
    for _ in 0..6 {
        begin(&limiter, &limits, at(0.0)).unwrap();
    }
    let Err(Refusal::Rate { what: "requests", limit: 6, retry_after }) =
        begin(&limiter, &limits, at(1.0))
    else {
        panic!("the seventh is too many")
    };
    assert_eq!(retry_after.as_millis(), 9_000);
    begin(&limiter, &limits, at(10.0)).unwrap();
    assert!(begin(&limiter, &limits, at(10.0)).is_err());
    // A refused one does not cost.
    begin(&limiter, &limits, at(20.0)).unwrap();

    let (_, standing) = limiter.begin("a", (&limits, true), at(80.0));
    assert_eq!(standing.requests, Some((6, 5, Duration::from_secs(10))));
    assert_eq!((standing.tokens, standing.month), (None, None));
}

#[test]
fn tokens_are_a_debt_that_is_paid_before_the_next_request() {
    let limits = Limits { tokens_per_minute: Some(600), ..Limits::default() };
    let limiter = Limiter::default();
    begin(&limiter, &limits, at(0.0)).unwrap();
    limiter.consume("a", &limits, 1_200, at(0.0));
    let Err(Refusal::Rate { what: "tokens", retry_after, .. }) = begin(&limiter, &limits, at(0.0))
    else {
        panic!("600 tokens are missing")
    };
    assert_eq!(retry_after.as_millis(), 60_100);
    assert!(begin(&limiter, &limits, at(60.0)).is_err());
    begin(&limiter, &limits, at(60.2)).unwrap();
    let (_, standing) = limiter.begin("a", (&limits, true), at(90.0));
    assert_eq!(standing.tokens.map(|(limit, left, _)| (limit, left)), Some((600, 300)));
}

#[test]
fn so_many_run_at_the_same_time() {
    let limits = Limits { concurrent_requests: Some(2), ..Limits::default() };
    let limiter = Limiter::default();
    let first = begin(&limiter, &limits, at(0.0)).unwrap();
    let _second = begin(&limiter, &limits, at(0.0)).unwrap();
    for _ in 0..3 {
        let refused = begin(&limiter, &limits, at(0.0)).unwrap_err();
        assert_eq!(refused, Refusal::Concurrency { limit: 2 });
    }
    drop(first);
    let _third = begin(&limiter, &limits, at(0.0)).unwrap();
    assert!(begin(&limiter, &limits, at(0.0)).is_err());
}

#[test]
fn a_month_has_its_tokens() {
    let limits = Limits { monthly_tokens: Some(1_000), ..Limits::default() };
    let limiter = Limiter::default();
    assert!(limiter.is_unknown("a", at(0.0)));
    limiter.remember("a", &limits, 700, at(0.0));
    assert_eq!(limiter.consume("a", &limits, 99, at(0.0)), []);
    let warned = limiter.consume("a", &limits, 1, at(0.0));
    assert_eq!(warned, [Budget::Warning { used: 800, limit: 1_000 }]);
    assert_eq!(limiter.consume("a", &limits, 100, at(0.0)), [], "told once");
    begin(&limiter, &limits, at(0.0)).unwrap();
    let exceeded = limiter.consume("a", &limits, 300, at(0.0));
    assert_eq!(exceeded, [Budget::Exceeded { used: 1_200, limit: 1_000 }]);
    let Err(Refusal::Budget { limit: 1_000, retry_after }) = begin(&limiter, &limits, at(0.0))
    else {
        panic!("the month's tokens are used up")
    };
    // What takes no tokens goes on.
    let (free, _) = limiter.begin("a", (&limits, false), at(0.0));
    free.unwrap();
    // From 27 November to 1 December.
    assert_eq!(retry_after, Duration::from_secs(4 * 86_400));
    let (_, standing) = limiter.begin("a", (&limits, true), at(0.0));
    assert_eq!(standing.month, Some((1_000, 0)));

    let december = at(4.0 * 86_400.0);
    assert!(limiter.is_unknown("a", december));
    begin(&limiter, &limits, december).unwrap();
}

#[test]
fn one_answer_may_cross_both_borders() {
    let limits = Limits { monthly_tokens: Some(100), ..Limits::default() };
    let limiter = Limiter::default();
    limiter.remember("a", &limits, 10, at(0.0));
    let (used, limit) = (110, 100);
    let both = [Budget::Warning { used, limit }, Budget::Exceeded { used, limit }];
    assert_eq!(limiter.consume("a", &limits, 100, at(0.0)), both);
}

#[test]
fn without_limits_everything_passes() {
    let limiter = Limiter::default();
    let running: Vec<_> =
        (0..1_000).map(|_| begin(&limiter, &Limits::default(), at(0.0)).unwrap()).collect();
    assert_eq!(limiter.consume("a", &Limits::default(), u64::MAX, at(0.0)), []);
    drop(running);
    assert_eq!(limiter.lock()["a"].running, 0);
}

#[test]
fn accounts_at_rest_are_forgotten_before_there_are_too_many() {
    let limits = Limits { tokens_per_minute: Some(1), ..Limits::default() };
    let limiter = Limiter::default();
    let busy = begin(&limiter, &limits, at(0.0)).unwrap();
    for number in 0..20_000 {
        limiter.remember(&format!("account {number}"), &limits, 0, at(0.0));
        assert!(limiter.lock().len() <= super::MAX_ACCOUNTS + 1);
    }
    assert_eq!(limiter.lock()["a"].running, 1);
    drop(busy);
}
