//! Tests the estimate that refused clients get.

use std::time::Duration;

use super::Pace;

#[track_caller]
fn check(took_ms: &[u64], waiting: usize, at_once: usize, expected_s: u64) {
    let pace = Pace::default();
    for &ms in took_ms {
        pace.record(Duration::from_millis(ms));
    }
    assert_eq!(pace.retry_after(waiting, at_once), Duration::from_secs(expected_s));
}

#[test]
fn retry_after_is_the_time_to_drain_the_queue_within_bounds() {
    check(&[], 64, 8, 5);
    check(&[2_000], 16, 8, 4);
    check(&[2_000], 17, 8, 6);
    check(&[1], 1, 8, 1);
    check(&[600_000], 64, 1, 60);
    check(&[0], 0, 1, 1);
}

#[test]
fn recent_work_outweighs_old_work() {
    let mut took = vec![10_000; 10];
    took.extend([1_000; 40]);
    check(&took, 2, 1, 3);
}

#[test]
fn absurd_durations_stay_bounded() {
    let pace = Pace::default();
    pace.record(Duration::MAX);
    pace.record(Duration::MAX);
    assert_eq!(pace.retry_after(usize::MAX, 1), Duration::from_secs(60));
}
