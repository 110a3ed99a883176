//! Compares exponentials with f64.

use pulp::{Scalar128b, Simd, WithSimd};

use super::exp;
use intramuros_simd::dispatch;

/// Replaces numbers by their exponentials.
struct Exponentials<'a>(&'a mut [f32]);

impl WithSimd for Exponentials<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        S::as_mut_simd_f32s(self.0).0.iter_mut().for_each(|x| *x = exp(simd, *x));
    }
}

/// With this machine's instructions and with the least.
fn exponential(x: f32) -> [f32; 2] {
    let (mut best, mut least) = ([x; 16], [x; 16]);
    dispatch(Exponentials(&mut best));
    Scalar128b.vectorize(Exponentials(&mut least));
    [best[0], least[0]]
}

#[test]
fn exponentials_agree_with_f64() {
    for step in 0..=87_000 {
        let x = -(step as f32) / 1_000.0;
        let expected = f64::from(x).exp();
        for found in exponential(x) {
            let error = (f64::from(found) - expected).abs() / expected;
            assert!(error < 2.5e-7, "e^{x} is off by {error}");
        }
    }
}

#[test]
fn the_ends_are_exact_or_negligible() {
    assert_eq!([exponential(0.0), exponential(-0.0)], [[1.0; 2]; 2]);
    for x in [-88.0, -1e30, f32::NEG_INFINITY] {
        assert!(exponential(x).iter().all(|value| (0.0..1.7e-38).contains(value)));
    }
    assert!(exponential(f32::NAN).iter().all(|value| value.is_nan()));
}
