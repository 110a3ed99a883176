//! Compares the vectorised functions with f64 references.

use super::*;

/// The error function by its power series, exact to 1e-9 within −4…4.
fn reference_erf(x: f64) -> f64 {
    let (mut term, mut total) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        total += term / f64::from(2 * n + 1);
    }
    total * 2.0 / std::f64::consts::PI.sqrt()
}

#[track_caller]
fn check_near(found: f32, expected: f64, tolerance: f64) {
    let error = (f64::from(found) - expected).abs();
    assert!(error <= tolerance, "found {found}, expected {expected}, error {error:e}");
}

#[test]
fn erf_agrees_with_its_series() {
    for step in -4000..=4000 {
        let x = step as f32 / 1000.0;
        check_near(erf(x), reference_erf(f64::from(x)), 4e-7);
    }
    check_near(erf(50.0), 1.0, 4e-7);
    check_near(erf(f32::NEG_INFINITY), -1.0, 4e-7);
    assert!(erf(f32::NAN).is_nan());
}

#[test]
fn gelu_adds_the_bias_first() {
    let bias: Vec<f32> = (0..1001).map(|i| (i % 7) as f32 * 0.1 - 0.3).collect();
    let input: Vec<f32> = (0..1001).map(|i| i as f32 / 100.0 - 5.0).collect();
    let mut row = input.clone();
    add_bias_gelu(&mut row, &bias);
    for ((found, x), bias) in row.iter().zip(&input).zip(&bias) {
        let x = f64::from(x + bias);
        let clamped = (x / std::f64::consts::SQRT_2).clamp(-4.0, 4.0);
        check_near(*found, 0.5 * x * (1.0 + reference_erf(clamped)), 2e-6);
    }
}

#[test]
fn exp_agrees_with_f64_down_to_its_floor() {
    for step in 0..=87_000 {
        let x = -(step as f32) / 1000.0;
        let expected = f64::from(x).exp();
        check_near(exp_of_negative(x), expected, 2e-7 * expected);
    }
    assert_eq!(exp_of_negative(0.0), 1.0);
    assert!(exp_of_negative(-1e30) < 1e-37);
    assert!(exp_of_negative(f32::NEG_INFINITY) < 1e-37);
    assert!(exp_of_negative(f32::NAN).is_nan());
}

#[track_caller]
fn check_softmax(row: &[f32], factor: f32) {
    let scaled: Vec<f64> = row.iter().map(|x| f64::from(*x) * f64::from(factor)).collect();
    let largest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scaled.iter().map(|x| (x - largest).exp()).sum();
    let mut found = row.to_vec();
    softmax(&mut found, factor);
    for (found, x) in found.iter().zip(&scaled) {
        check_near(*found, (x - largest).exp() / total, 1e-6);
    }
}

#[test]
fn softmax_agrees_over_odd_lengths() {
    for length in [1, 2, 7, 8, 9, 31, 128, 513] {
        let row: Vec<f32> = (0..length).map(|i| ((i * 37) % 101) as f32 * 0.3 - 12.0).collect();
        check_softmax(&row, 0.176_776_7);
    }
    check_softmax(&[1e4, -1e4, 9.99e3], 1.0);
    check_softmax(&[3.0; 17], 2.0);
}

#[test]
fn softmax_keeps_nan_visible() {
    for place in [0, 3, 8, 10] {
        let mut row = [0.5; 11];
        row[place] = f32::NAN;
        softmax(&mut row, 1.0);
        assert!(row.iter().any(|value| value.is_nan()), "NaN at {place} was lost");
    }
}

#[test]
fn layer_norm_agrees_with_f64() {
    for length in [1_usize, 5, 8, 33, 384] {
        let row: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin() * 3.0 + 10.0).collect();
        let scale: Vec<f32> = (0..length).map(|i| 1.0 + i as f32 * 0.01).collect();
        let shift: Vec<f32> = (0..length).map(|i| i as f32 * -0.02).collect();
        let count = length as f64;
        let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
        let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let mut found = row.clone();
        layer_norm(&mut found, &scale, &shift, 1e-5);
        for index in 0..length {
            let unit = (f64::from(row[index]) - mean) / (variance + 1e-5).sqrt();
            let expected = unit * f64::from(scale[index]) + f64::from(shift[index]);
            check_near(found[index], expected, 1e-4);
        }
    }
}

#[test]
fn sums_take_every_element() {
    for length in [0_usize, 1, 7, 8, 9, 1000] {
        let values: Vec<f32> = (1..=length).map(|i| (i % 10) as f32).collect();
        let expected: f32 = (1..=length).map(|i| (i % 10) as f32).sum();
        assert_eq!(sum(&values), expected);
        let squares: f32 = (1..=length).map(|i| ((i % 10) * (i % 10)) as f32).sum();
        assert_eq!(sum_of_squares(&values), squares);
    }
}
