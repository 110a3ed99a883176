//! Multiplies every packed word of a passage with every row of a matrix, in whole numbers.
//!
//! Packed values are whole numbers from -7 to 7, and rows are rounded to 14 bits, so that a product
//! of two rows is a sum of 16-bit products: twice as many a vector instruction as 32-bit floats, and
//! exact. Rows hold their even values first, then the odd ones, as halves of bytes unpack.

use intramuros_simd::dispatch;
use pulp::{Simd, WithSimd};

use crate::pack::rows;

/// The largest whole number of a row. 384 products of it and 7 are below 2³¹.
const LARGEST: f32 = 8191.0;

/// Rows to multiply words with.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    dimension: usize,
    /// Shape `(rows, dimension)`, even values first.
    values: Vec<i16>,
    /// What a row's whole numbers are to be multiplied with.
    scales: Vec<f32>,
}

/// The dot products of each word with each row, and of each word with itself.
pub(crate) struct Products {
    /// Shape `(words, rows)`.
    pub(crate) with_rows: Vec<f32>,
    /// Squared lengths, shape `(words)`.
    pub(crate) squares: Vec<f32>,
}

impl Matrix {
    /// Takes over `rows`, shape `(rows, dimension)`, row-major.
    pub(crate) fn new(rows: &[f32], dimension: usize) -> Self {
        let mut values = Vec::with_capacity(rows.len());
        let mut scales = Vec::with_capacity(rows.len() / dimension.max(1));
        for row in rows.chunks_exact(dimension) {
            let largest = row.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = if largest > 0.0 { LARGEST / largest } else { 0.0 };
            let whole = |value: &f32| (value * scale).round() as i16;
            values.extend(row.iter().step_by(2).map(whole));
            values.extend(row.iter().skip(1).step_by(2).map(whole));
            scales.push(largest / LARGEST);
        }
        Self { dimension, values, scales }
    }

    /// Multiplies; the caller has looked at `packed`.
    pub(crate) fn products(&self, packed: &[u8]) -> Products {
        let words = rows(packed, self.dimension).count();
        let mut out =
            Products { with_rows: vec![0.0; words * self.scales.len()], squares: vec![0.0; words] };
        dispatch(Multiply { packed, matrix: self, out: &mut out });
        out
    }
}

struct Multiply<'a> {
    packed: &'a [u8],
    matrix: &'a Matrix,
    out: &'a mut Products,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { packed, matrix, out } = self;
        let height = matrix.scales.len();
        let mut values = vec![0_i16; matrix.dimension];
        for (at, word) in rows(packed, matrix.dimension).enumerate() {
            unpack(word, &mut values);
            out.squares[at] = dot(&values, &values) as f32;
            let products = &mut out.with_rows[at * height..(at + 1) * height];
            let rows = matrix.values.chunks_exact(matrix.dimension).zip(&matrix.scales);
            for (product, (row, scale)) in products.iter_mut().zip(rows) {
                *product = dot(row, &values) as f32 * scale;
            }
        }
    }
}

/// The even values of a word, then the odd ones.
#[inline(always)]
fn unpack(word: &[u8], values: &mut [i16]) {
    let (even, odd) = values.split_at_mut(word.len());
    for (value, byte) in even.iter_mut().zip(word) {
        *value = i16::from(byte & 0x0f) - 8;
    }
    for (value, byte) in odd.iter_mut().zip(word) {
        *value = i16::from(byte >> 4) - 8;
    }
}

/// A sum of whole numbers may be added up in any order, so the compiler makes vector instructions
/// of this loop. It is a plain loop because the adaptors of iterators may stay functions of their
/// own, which know nothing of the instructions that the kernel was compiled for.
#[inline(always)]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    let mut sum = 0;
    for at in 0..len {
        sum += i32::from(a[at]) * i32::from(b[at]);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::Matrix;
    use crate::pack::{pack, rows, unpack};

    #[test]
    fn products_are_those_of_plain_loops() {
        for dimension in [2, 6, 34, 384] {
            let vectors: Vec<f32> =
                (0..5 * dimension).map(|at| ((at * 29 % 83) as f32 - 41.0) / 7.0).collect();
            let matrix: Vec<f32> =
                (0..3 * dimension).map(|at| ((at * 17 % 59) as f32 - 29.0) / 290.0).collect();
            let packed = pack(&vectors, dimension);
            let found = Matrix::new(&matrix, dimension).products(&packed);
            for (word, row) in rows(&packed, dimension).enumerate() {
                let mut values = vec![0.0; dimension];
                unpack(row, &mut values);
                let square: f32 = values.iter().map(|value| value * value).sum();
                assert!((found.squares[word] - square).abs() < 1e-3);
                for (column, row) in matrix.chunks_exact(dimension).enumerate() {
                    let plain: f32 = row.iter().zip(&values).map(|(a, b)| a * b).sum();
                    let product = found.with_rows[word * 3 + column];
                    assert!((product - plain).abs() < 1e-2, "{product} {plain}");
                }
            }
        }
    }

    #[test]
    fn the_largest_products_do_not_overflow() {
        let ones = vec![1.0; 384];
        let found = Matrix::new(&ones, 384).products(&pack(&ones, 384));
        assert!((found.with_rows[0] - 7.0 * 384.0).abs() < 1e-2, "{}", found.with_rows[0]);
        let zeros = Matrix::new(&[0.0; 384], 384).products(&pack(&ones, 384));
        assert_eq!(zeros.with_rows, [0.0]);
    }
}
