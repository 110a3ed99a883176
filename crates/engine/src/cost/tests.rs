//! Tests that estimates follow measurements, and are cautious where there are none.

use std::time::Duration;

use super::StepCost;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn measured(steps: &[(usize, u64)]) -> StepCost {
    let mut cost = StepCost::default();
    for (tokens, took) in steps {
        cost.record(*tokens, ms(*took));
    }
    cost
}

#[track_caller]
fn check(steps: &[(usize, u64)], tokens: usize, expected_ms: f64) {
    let seconds = measured(steps).seconds(tokens).unwrap();
    assert!((seconds * 1000.0 - expected_ms).abs() < 1e-6, "{} ms", seconds * 1000.0);
}

#[test]
fn estimates_interpolate_and_extrapolate() {
    let steps = [(1, 100), (64, 1600), (256, 6000)];
    check(&steps, 1, 100.0);
    check(&steps, 64, 1600.0);
    check(&steps, 160, 3800.0);
    check(&steps, 512, 12_000.0);
    check(&[(64, 1600)], 4, 1600.0);
    check(&[(1, 100)], 3, 300.0);
    assert_eq!(StepCost::default().seconds(1), None);
}

#[test]
fn newer_measurements_count_more() {
    check(&[(1, 100), (1, 200)], 1, 125.0);
    let mut cost = measured(&[(1, 100)]);
    (0..50).for_each(|_| cost.record(1, ms(300)));
    assert!((cost.seconds(1).unwrap() - 0.3).abs() < 1e-3);
}

#[test]
fn the_most_tokens_within_a_time() {
    let cost = measured(&[(1, 100), (64, 1600), (256, 6000)]);
    assert_eq!(cost.tokens_within(ms(1600), 512), Some(64));
    assert_eq!(cost.tokens_within(ms(1600), 32), Some(32));
    assert_eq!(cost.tokens_within(ms(99), 512), Some(0));
    assert_eq!(cost.tokens_within(ms(3801), 512), Some(160));
    assert_eq!(StepCost::default().tokens_within(ms(1), 9), None);
}

#[test]
fn steps_that_take_no_time_are_no_knowledge() {
    assert_eq!(measured(&[(1, 0)]).seconds(1), None);
}
