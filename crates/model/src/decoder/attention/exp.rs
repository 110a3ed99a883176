//! Computes exponentials of whole vectors.

use pulp::Simd;

#[cfg(test)]
mod tests;

/// eˣ for `x` ≤ 0, to within 2 units in the last place; below -87 it stays at e⁻⁸⁷, 10⁻³⁸. NaN
/// stays NaN.
///
/// Source: Cephes `expf.c` (S. Moshier): ln 2 in two parts, polynomial of degree 5.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// Adding it rounds to whole numbers: its last bit is worth 1.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let number = |value: f32| simd.splat_f32s(value);
    let least = number(-87.0);
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    let turns = simd.mul_add_e_f32s(x, number(std::f32::consts::LOG2_E), number(ROUND));
    let power = simd.sub_f32s(turns, number(ROUND));
    let rest = simd.mul_add_e_f32s(power, number(-LN_2_HIGH), x);
    let rest = simd.mul_add_e_f32s(power, number(-LN_2_LOW), rest);
    let mut sum = number(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = simd.mul_add_e_f32s(sum, rest, number(coefficient));
    }
    let tail = simd.mul_add_e_f32s(sum, simd.mul_f32s(rest, rest), rest);
    let value = simd.add_f32s(tail, number(1.0));
    // 2 to the power, by its exponent's bits.
    let bias = simd.splat_u32s(127_u32.wrapping_sub(ROUND.to_bits()));
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(turns), bias);
    let scale = simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23));
    simd.mul_f32s(value, simd.transmute_f32s_u32s(scale))
}
