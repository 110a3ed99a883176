use std::time::{Duration, Instant};

use super::{Summary, gaps, per_second, percentile};

#[track_caller]
fn check_summary(values: &[f64], expected: Option<(f64, f64, f64)>) {
    let expected = expected.map(|(median, min, max)| Summary { median, min, max });
    assert_eq!(Summary::of(values), expected, "{values:?}");
}

#[track_caller]
fn check_percentile(values: &[f64], percent: f64, expected: Option<f64>) {
    assert_eq!(percentile(values, percent), expected, "{percent} of {values:?}");
}

#[test]
fn a_summary_has_the_median_and_both_ends() {
    check_summary(&[], None);
    check_summary(&[4.0], Some((4.0, 4.0, 4.0)));
    check_summary(&[9.0, 1.0, 2.0], Some((2.0, 1.0, 9.0)));
    check_summary(&[4.0, 1.0, 3.0, 2.0], Some((2.5, 1.0, 4.0)));
}

#[test]
fn percentiles_are_values_that_occurred() {
    let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    check_percentile(&[], 50.0, None);
    check_percentile(&[7.0], 0.0, Some(7.0));
    check_percentile(&[7.0], 95.0, Some(7.0));
    check_percentile(&hundred, 50.0, Some(50.0));
    check_percentile(&hundred, 95.0, Some(95.0));
    check_percentile(&hundred, 100.0, Some(100.0));
    check_percentile(&[1.0, 2.0, 3.0], 50.0, Some(2.0));
}

#[test]
fn gaps_lie_between_moments() {
    let start = Instant::now();
    assert!(gaps(&[]).is_empty() && gaps(&[start]).is_empty());
    let moments = [0, 5, 25].map(|after| start + Duration::from_millis(after));
    let found = gaps(&moments);
    assert!((found[0] - 5.0).abs() < 1e-6 && (found[1] - 20.0).abs() < 1e-6, "{found:?}");
}

#[test]
fn a_rate_without_time_is_zero() {
    assert_eq!(per_second(10, Duration::ZERO).to_bits(), 0.0_f64.to_bits());
    assert!((per_second(10, Duration::from_secs(4)) - 2.5).abs() < 1e-9);
}
