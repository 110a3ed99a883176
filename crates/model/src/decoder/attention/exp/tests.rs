//! Compares exponentials with f64.

use super::*;

#[track_caller]
fn check<const FUSED: bool>(x: f32) {
    let expected = f64::from(x).exp();
    let error = (f64::from(exp::<FUSED>(x)) - expected).abs() / expected;
    assert!(error < 2.5e-7, "e^{x} is off by {error}");
}

#[test]
fn exponentials_agree_with_f64() {
    for step in 0..=87_000 {
        let x = -(step as f32) / 1_000.0;
        check::<true>(x);
        check::<false>(x);
    }
}

#[test]
fn the_ends_are_exact_or_negligible() {
    assert_eq!(exp::<true>(0.0), 1.0);
    assert_eq!(exp::<false>(-0.0), 1.0);
    for x in [-88.0, -1e30, f32::NEG_INFINITY] {
        assert!((0.0..1.7e-38).contains(&exp::<true>(x)));
    }
    assert!(exp::<true>(f32::NAN).is_nan());
}
