//! Computes exponentials in loops that become vector instructions.

use crate::decoder::simd::multiply_add;

#[cfg(test)]
mod tests;

/// eˣ for `x` ≤ 0, to within 2 units in the last place; below -87 it stays at e⁻⁸⁷, 10⁻³⁸. Without
/// branches or calls. NaN stays NaN.
///
/// Source: Cephes `expf.c` (S. Moshier): ln 2 in two parts, polynomial of degree 5.
#[inline(always)]
pub(super) fn exp<const FUSED: bool>(x: f32) -> f32 {
    /// Adding it rounds to whole numbers: its last bit is worth 1.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let turns = multiply_add::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let power = turns - ROUND;
    let rest = multiply_add::<FUSED>(power, -LN_2_HIGH, x);
    let rest = multiply_add::<FUSED>(power, -LN_2_LOW, rest);
    let mut sum = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = multiply_add::<FUSED>(sum, rest, coefficient);
    }
    let value = multiply_add::<FUSED>(sum, rest * rest, rest) + 1.0;
    // 2 to the power, by its exponent's bits.
    let exponent = turns.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    value * f32::from_bits(exponent << 23)
}
