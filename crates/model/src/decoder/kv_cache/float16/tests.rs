//! Compares conversions with the `half` crate's.

use super::*;

#[test]
fn every_f16_is_read_exactly() {
    for bits in 0..=u16::MAX {
        let expected = half::f16::from_bits(bits).to_f32();
        let actual = from_bits(bits);
        let same = actual.to_bits() == expected.to_bits() || (actual.is_nan() && expected.is_nan());
        assert!(same, "{bits:#06x}: {actual} for {expected}");
    }
}

#[test]
fn numbers_beyond_the_range_become_its_ends() {
    for (value, expected) in [(1e6, MAX), (-1e6, -MAX), (f32::INFINITY, MAX), (1e-9, 0.0)] {
        assert_eq!(from_bits(to_bits(value)), expected);
    }
    assert!(from_bits(to_bits(f32::NAN)).is_nan());
    assert_eq!(from_bits(to_bits(0.1)), half::f16::from_f32(0.1).to_f32());
}
