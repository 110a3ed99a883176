//! Learns in the space that a few examples span, instead of the one that their rows are written in.
//!
//! Of weights that cost their squares only what lies in the span of the examples is ever used, so
//! two hundred examples of 32,768 values can be learnt from as two hundred of two hundred: the rows of
//! the Cholesky factor of their products are as far from one another as they are. What is learnt is
//! the same, a hundred times faster.
//!
//! Source: Kimeldorf and Wahba 1971 (the representer theorem); Golub and Van Loan, "Matrix
//! Computations", section 4.2 (Cholesky).

use super::logistic::Row;

/// Examples beyond which their products cost more than they save.
const MAX_EXAMPLES: usize = 1_500;
/// Added to each example's product with itself: equal examples are not the same twice.
const APART: f64 = 1e-4;

/// The space that examples span.
pub(super) struct Span {
    /// Lower triangle, shape `(examples, examples)`, row-major.
    lower: Vec<f64>,
    count: usize,
}

impl Span {
    /// The span of these rows, where it is smaller than their space; `None` where it is not.
    pub(super) fn of(rows: &[&Row], dimension: usize) -> Option<Self> {
        let count = rows.len();
        if count >= dimension || count > MAX_EXAMPLES {
            return None;
        }
        let mut lower = vec![0.0; count * count];
        let mut dense = vec![0.0; dimension];
        for (at, row) in rows.iter().enumerate() {
            dense.fill(0.0);
            row.add_to(&mut dense, 1.0);
            for (other, product) in rows[..=at].iter().zip(&mut lower[at * count..]) {
                *product = f64::from(other.dot(&dense));
            }
            lower[at * count + at] += APART;
        }
        decompose(&mut lower, count);
        Some(Self { lower, count })
    }

    /// The examples in this space, in their order.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |row: &[f64]| Row::Dense(row.iter().map(|value| *value as f32).collect());
        self.lower.chunks_exact(self.count).map(row).collect()
    }

    /// Weights of this space as weights of the space of `rows`; of both the last column is added to
    /// each label's sum.
    pub(super) fn back(&self, weights: &[f32], rows: &[&Row], dimension: usize) -> Vec<f32> {
        let mut all = Vec::with_capacity(weights.len() / (self.count + 1) * (dimension + 1));
        for of_label in weights.chunks_exact(self.count + 1) {
            let mut wide = vec![0.0; dimension + 1];
            let shares = self.shares(&of_label[..self.count]);
            for (row, share) in rows.iter().zip(shares) {
                row.add_to(&mut wide[..dimension], share as f32);
            }
            wide[dimension] = of_label[self.count];
            all.extend(wide);
        }
        all
    }

    /// How much each example is in weights of this space: solves `Lᵀ shares = weights`.
    fn shares(&self, weights: &[f32]) -> Vec<f64> {
        let mut shares: Vec<f64> = weights.iter().map(|weight| f64::from(*weight)).collect();
        for at in (0..self.count).rev() {
            shares[at] /= self.lower[at * self.count + at];
            let share = shares[at];
            for (before, lower) in shares[..at].iter_mut().zip(&self.lower[at * self.count..]) {
                *before -= lower * share;
            }
        }
        shares
    }
}

/// Puts the lower Cholesky factor in the place of a symmetric matrix's lower triangle.
fn decompose(lower: &mut [f64], count: usize) {
    for row in 0..count {
        for column in 0..=row {
            let (above, own) = lower.split_at(row * count);
            let other = if column == row { own } else { &above[column * count..] };
            let sum: f64 = own[..column].iter().zip(&other[..column]).map(|(a, b)| a * b).sum();
            let rest = own[column] - sum;
            let value =
                if column == row { rest.max(APART * APART).sqrt() } else { rest / other[column] };
            lower[row * count + column] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::Span;
    use crate::triage::logistic::Row;

    #[test]
    fn products_stay_and_weights_come_back() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut row = || Row::Dense((0..40).map(|_| random.random::<f32>() - 0.5).collect());
        let rows = [row(), row(), row(), Row::Sparse(vec![(3, 1.0), (7, -2.0)])];
        let rows: Vec<&Row> = rows.iter().collect();
        let span = Span::of(&rows, 40).unwrap();
        let small = span.rows();
        let wide = |row: &Row| {
            let mut wide = vec![0.0; 40];
            row.add_to(&mut wide, 1.0);
            wide
        };
        for (a, small_a) in rows.iter().zip(&small) {
            for (b, small_b) in rows.iter().zip(&small) {
                let Row::Dense(small_b) = small_b else { panic!("dense") };
                assert!((a.dot(&wide(b)) - small_a.dot(small_b)).abs() < 1e-3);
            }
        }
        let weights = [0.5, -1.0, 2.0, 0.25, 7.0];
        let back = span.back(&weights, &rows, 40);
        assert_eq!((back.len(), back[40]), (41, 7.0));
        for (row, small) in rows.iter().zip(&small) {
            assert!((row.dot(&back[..40]) - small.dot(&weights[..4])).abs() < 1e-2);
        }
        assert!(Span::of(&rows, 4).is_none());
    }
}
