use std::time::Duration;

use super::Histogram;

#[test]
fn a_bound_belongs_to_its_bucket() {
    let histogram = Histogram::new(&[1.0, 10.0]);
    for value in [0.0, 1.0, 1.5, 10.0, 10.5, 1e12] {
        histogram.observe(value);
    }
    let read = histogram.read();
    assert_eq!(read.buckets, [(1.0, 2), (10.0, 2), (f64::INFINITY, 2)]);
    assert_eq!(read.count(), 6);
}

#[test]
fn what_is_no_measurement_counts_as_nothing() {
    let histogram = Histogram::new(&[1.0]);
    for value in [f64::NAN, -3.0, f64::NEG_INFINITY] {
        histogram.observe(value);
    }
    assert_eq!(histogram.read().buckets, [(1.0, 3), (f64::INFINITY, 0)]);
    assert!(histogram.read().sum.abs() < 1e-9);
}

#[test]
fn times_are_seconds_and_add_up() {
    let histogram = Histogram::new(&[0.1]);
    histogram.observe_time(Duration::from_millis(250));
    histogram.observe_time(Duration::from_micros(50));
    let read = histogram.read();
    assert!((read.sum - 0.250_05).abs() < 1e-9, "{}", read.sum);
    assert_eq!(read.buckets, [(0.1, 1), (f64::INFINITY, 1)]);
}
