//! Multiplies every packed word of a passage with every row of a matrix.

use pulp::{Simd, WithSimd};

use crate::pack::{rows, unpack};

/// The dot products of each word with each row, and of each word with itself.
pub(crate) struct Products {
    /// Shape `(words, rows)`.
    pub(crate) with_rows: Vec<f32>,
    /// Squared lengths, shape `(words)`.
    pub(crate) squares: Vec<f32>,
}

/// Multiplies. `matrix` has shape `(rows, dimension)`, row-major; the caller has looked at `packed`.
pub(crate) fn products(packed: &[u8], matrix: &[f32], dimension: usize) -> Products {
    let words = rows(packed, dimension).count();
    let height = matrix.len() / dimension;
    let mut products = Products { with_rows: vec![0.0; words * height], squares: vec![0.0; words] };
    dispatch(Multiply { packed, matrix, dimension, out: &mut products });
    products
}

struct Multiply<'a> {
    packed: &'a [u8],
    matrix: &'a [f32],
    dimension: usize,
    out: &'a mut Products,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { packed, matrix, dimension, out } = self;
        let height = matrix.len() / dimension;
        let mut values = vec![0.0_f32; dimension];
        for (at, word) in rows(packed, dimension).enumerate() {
            unpack(word, &mut values);
            out.squares[at] = dot(simd, &values, &values);
            let products = &mut out.with_rows[at * height..(at + 1) * height];
            for (product, row) in products.iter_mut().zip(matrix.chunks_exact(dimension)) {
                *product = dot(simd, row, &values);
            }
        }
    }
}

/// Four sums at a time keep the multipliers busy: each addition waits for the one before it.
#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = S::as_simd_f32s(a);
    let (b, b_rest) = S::as_simd_f32s(b);
    let mut sums = [simd.splat_f32s(0.0); 4];
    let mut fours = a.chunks_exact(4).zip(b.chunks_exact(4));
    for (a, b) in &mut fours {
        sums[0] = simd.mul_add_f32s(a[0], b[0], sums[0]);
        sums[1] = simd.mul_add_f32s(a[1], b[1], sums[1]);
        sums[2] = simd.mul_add_f32s(a[2], b[2], sums[2]);
        sums[3] = simd.mul_add_f32s(a[3], b[3], sums[3]);
    }
    let done = a.len() / 4 * 4;
    for (a, b) in a[done..].iter().zip(&b[done..]) {
        sums[0] = simd.mul_add_f32s(*a, *b, sums[0]);
    }
    let left = simd.add_f32s(sums[0], sums[1]);
    let right = simd.add_f32s(sums[2], sums[3]);
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    simd.reduce_sum_f32s(simd.add_f32s(left, right)) + rest
}

/// Runs a kernel with the best vector instructions that there are.
fn dispatch(kernel: impl WithSimd<Output = ()>) {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx512) = pulp::x86::V4::try_new() {
            return Simd::vectorize(avx512, kernel);
        }
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return Simd::vectorize(avx2, kernel);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(neon) = pulp::aarch64::Neon::try_new() {
        return Simd::vectorize(neon, kernel);
    }
    pulp::Scalar128b.vectorize(kernel);
}

#[cfg(test)]
mod tests {
    use super::products;
    use crate::pack::{pack, rows, unpack};

    #[test]
    fn products_are_those_of_plain_loops() {
        for dimension in [2, 6, 34, 384] {
            let vectors: Vec<f32> =
                (0..5 * dimension).map(|at| ((at * 29 % 83) as f32 - 41.0) / 7.0).collect();
            let matrix: Vec<f32> =
                (0..3 * dimension).map(|at| ((at * 17 % 59) as f32 - 29.0) / 11.0).collect();
            let packed = pack(&vectors, dimension);
            let found = products(&packed, &matrix, dimension);
            for (word, row) in rows(&packed, dimension).enumerate() {
                let mut values = vec![0.0; dimension];
                unpack(row, &mut values);
                let square: f32 = values.iter().map(|value| value * value).sum();
                assert!((found.squares[word] - square).abs() <= 1e-3 * square.max(1.0));
                for (column, row) in matrix.chunks_exact(dimension).enumerate() {
                    let plain: f32 = row.iter().zip(&values).map(|(a, b)| a * b).sum();
                    let product = found.with_rows[word * 3 + column];
                    assert!((product - plain).abs() < 1e-2, "{product} {plain}");
                }
            }
        }
    }
}
