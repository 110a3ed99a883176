//! Tests RMSNorm on rows worked out by hand.

use super::*;

#[track_caller]
fn check(x: &[f32], weight: &[f32], expected: &[f32]) {
    let mut out = vec![f32::NAN; x.len()];
    rms_norm(x, weight, 1e-6, &mut out);
    for (out, expected) in out.iter().zip(expected) {
        assert!((out - expected).abs() < 1e-5, "{out} is not {expected}");
    }
}

#[test]
fn rows_are_scaled_to_a_mean_square_of_one() {
    check(&[3.0, -3.0], &[1.0, 2.0], &[1.0, -2.0]);
    check(&[1.0, 7.0], &[1.0, 1.0], &[0.2, 1.4]);
    check(&[0.0, 0.0], &[1.0, 1.0], &[0.0, 0.0]);
}

#[test]
fn tiny_and_huge_rows_stay_finite() {
    check(&[1e-30, 1e-30], &[1.0, 1.0], &[0.0, 0.0]);
    check(&[1e30, -1e30], &[1.0, 1.0], &[1.0, -1.0]);
}
