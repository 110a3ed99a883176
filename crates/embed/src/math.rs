//! Computes row-wise functions on slices, written so that the compiler vectorises them.
//!
//! The libm functions are called once an element, and GELU and softmax have more elements than
//! the matrix products have time for: a passage of 128 tokens takes 2.4 million of each in twelve
//! layers. Hence polynomials without branches. Reductions keep [`LANES`] partial results, because
//! the order of float additions is not the compiler's to change. All is `#[inline(always)]`, to be
//! compiled for the instructions of the caller (`ops`).

/// Partial results of a reduction.
const LANES: usize = 16;

/// Sum of `values`.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f32 {
    reduce(values, 0.0, |total, value| total + value)
}

/// Sum of the squares of `values`.
#[inline(always)]
pub(crate) fn sum_of_squares(values: &[f32]) -> f32 {
    reduce(values, 0.0, |total, value| total + value * value)
}

/// The largest of `values`, −∞ when there is none.
#[inline(always)]
fn max(values: &[f32]) -> f32 {
    // Not `f32::max`, which drops a NaN on either side; then a broken row would look healthy.
    let larger = |largest: f32, value: f32| if largest > value { largest } else { value };
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *value);
        }
    }
    rest.iter().chain(&lanes).fold(f32::NEG_INFINITY, |largest, value| larger(largest, *value))
}

/// Folds `values` in [`LANES`] interleaved parts, then adds the parts.
#[inline(always)]
fn reduce(values: &[f32], start: f32, step: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [start; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = step(*lane, *value);
        }
    }
    rest.iter().fold(start, |total, value| step(total, *value)) + lanes.iter().sum::<f32>()
}

/// Normalises `row` to mean 0 and variance 1, then scales and shifts it by element.
/// Source: Ba et al. 2016 (Layer Normalization), equation 4; the variance is the biased one.
#[inline(always)]
pub(crate) fn layer_norm(row: &mut [f32], scale: &[f32], shift: &[f32], epsilon: f32) {
    let count = row.len() as f32;
    let mean = sum(row) / count;
    for value in row.iter_mut() {
        *value -= mean;
    }
    let inverse = 1.0 / (sum_of_squares(row) / count + epsilon).sqrt();
    for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
        *value = *value * inverse * scale + shift;
    }
}

/// Replaces `row` by `softmax(factor × row)`; `factor` is positive, `row` is not empty.
#[inline(always)]
pub(crate) fn softmax(row: &mut [f32], factor: f32) {
    let largest = max(row);
    for value in row.iter_mut() {
        *value = exp_of_negative((*value - largest) * factor);
    }
    let inverse = 1.0 / sum(row);
    for value in row.iter_mut() {
        *value *= inverse;
    }
}

/// Adds `other` to `row` by element.
#[inline(always)]
pub(crate) fn add(row: &mut [f32], other: &[f32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value += other;
    }
}

/// Replaces each element `x` of `row` by `gelu(x + bias)`, with the error function, not tanh.
/// Source: Hendrycks and Gimpel 2016 (GELU), section 2.
#[inline(always)]
pub(crate) fn add_bias_gelu(row: &mut [f32], bias: &[f32]) {
    for (value, bias) in row.iter_mut().zip(bias) {
        let x = *value + bias;
        *value = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// The error function, within 4e-7. NaN stays NaN.
/// Source: Eigen, `generic_fast_erf_float` (a rational minimax approximation on −4…4).
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut above = -2.726_142_3e-10;
    for coefficient in [
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_5e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ] {
        above = above * square + coefficient;
    }
    let mut below = -1.456_607_2e-5;
    for coefficient in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2] {
        below = below * square + coefficient;
    }
    x * above / below
}

/// `exp(x)` for `x` ≤ 0, within 2e-7 relative; below −87 it stays at `exp(−87)`, which is 0 beside
/// the 1 of a softmax's largest element. NaN stays NaN.
/// Source: Cephes, `expf.c` (argument reduction by ln 2 in two parts, polynomial of degree 5).
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    /// 1.5 × 2²³: adding it rounds to an integer that stands in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let power = shifted - ROUND;
    let rest = x - power * LN_2_HIGH - power * LN_2_LOW;
    let mut polynomial = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        polynomial = polynomial * rest + coefficient;
    }
    let fraction = polynomial * rest * rest + rest + 1.0;
    let two_to_power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    fraction * two_to_power
}

#[cfg(test)]
mod tests;
