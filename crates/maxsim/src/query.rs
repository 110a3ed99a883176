//! Compares a question with passages.

use std::ops::Range;

use crate::Space;
use crate::kernel::Matrix;
use crate::pack::words_in;

/// A question, ready to be compared with many passages of one collection.
#[derive(Debug, Clone)]
pub struct Query {
    dimension: usize,
    /// The words, then what a passage's words are freed of: the mean, then the directions.
    matrix: Matrix,
    /// How much each word counts; the sum is 1.
    weights: Vec<f32>,
    /// The dot product of the mean with each row of `matrix`.
    mean_products: Vec<f32>,
    height: usize,
}

impl Query {
    /// Prepares `vectors`, shape `(words, dimension)`, each word counting as much as its weight
    /// says. Words without a positive weight count for nothing.
    ///
    /// # Panics
    /// When there are not as many weights as words: a bug.
    pub fn new(vectors: &[f32], weights: &[f32], space: &Space) -> Self {
        let dimension = space.dimension;
        assert_eq!(vectors.len(), weights.len() * dimension, "one weight a word");
        let counts = |weight: f32| if weight > 0.0 && weight.is_finite() { weight } else { 0.0 };
        let total: f32 = weights.iter().map(|weight| counts(*weight)).sum();
        let scale = if total > 0.0 { 1.0 / total } else { 0.0 };
        let mut rows = vectors.to_vec();
        rows.chunks_exact_mut(dimension).for_each(|vector| space.strip(vector));
        rows.extend(&space.mean);
        rows.extend(&space.directions);
        let mean_products = rows
            .chunks_exact(dimension)
            .map(|row| row.iter().zip(&space.mean).map(|(a, b)| a * b).sum())
            .collect();
        Self {
            dimension,
            matrix: Matrix::new(&rows, dimension),
            weights: weights.iter().map(|weight| counts(*weight) * scale).collect(),
            mean_products,
            height: space.height(),
        }
    }

    /// How well a passage fits, -1 to 1, as [`pack`](crate::pack) packed it; `None` for a passage
    /// without words, or bytes that it cannot have packed.
    pub fn score(&self, packed: &[u8]) -> Option<f32> {
        let all = 0..usize::MAX;
        self.score_parts(packed, std::slice::from_ref(&all)).map(|scores| scores[0])
    }

    /// How well each part of a passage fits by itself; a part is a range of its words. 0 for a part
    /// without words. `None` as for [`score`](Self::score).
    pub fn score_parts(&self, packed: &[u8], parts: &[Range<usize>]) -> Option<Vec<f32>> {
        let similarities = self.similarities(packed)?;
        let asked = self.weights.len();
        let words = similarities.len() / asked.max(1);
        let score = |part: &Range<usize>| {
            let part = part.start.min(words)..part.end.min(words);
            if part.is_empty() {
                return 0.0;
            }
            let best = |at: usize| {
                let found = part.clone().map(|word| similarities[word * asked + at]);
                found.fold(f32::NEG_INFINITY, f32::max)
            };
            self.weights.iter().enumerate().map(|(at, weight)| best(at) * weight).sum()
        };
        Some(parts.iter().map(score).collect())
    }

    /// The cosine of each word of a passage with each word of the question, freed of what is
    /// common; shape `(words, asked)`.
    fn similarities(&self, packed: &[u8]) -> Option<Vec<f32>> {
        if words_in(packed, self.dimension)? == 0 {
            return None;
        }
        let products = self.matrix.products(packed);
        let asked = self.weights.len();
        let rows = asked + 1 + self.height;
        let mut similarities = Vec::with_capacity(products.squares.len() * asked);
        for (with_rows, square) in products.with_rows.chunks_exact(rows).zip(products.squares) {
            let inverse = if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 };
            let length = self.stripped_length(with_rows, inverse);
            let scale = if length > 1e-6 { 1.0 / length } else { 0.0 };
            let own = with_rows[..asked].iter().zip(&self.mean_products);
            similarities.extend(own.map(|(product, mean)| (product * inverse - mean) * scale));
        }
        Some(similarities)
    }

    /// The length of a passage's word, as a unit vector, once it is freed of what is common. From
    /// the products alone: |x - m|² = 1 - 2xm + m², less what lies along the directions.
    fn stripped_length(&self, with_rows: &[f32], inverse: f32) -> f32 {
        let asked = self.weights.len();
        let mean_square = self.mean_products[asked];
        let centred = 1.0 - 2.0 * with_rows[asked] * inverse + mean_square;
        let along: f32 = (asked + 1..with_rows.len())
            .map(|row| with_rows[row] * inverse - self.mean_products[row])
            .map(|along| along * along)
            .sum();
        (centred - along).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::Query;
    use crate::{Space, pack};

    fn axis(number: usize) -> Vec<f32> {
        (0..64).map(|at| if at == number { 1.0 } else { 0.0 }).collect()
    }

    fn rows(axes: &[usize]) -> Vec<f32> {
        axes.iter().flat_map(|number| axis(*number)).collect()
    }

    #[track_caller]
    fn check(asked: &[usize], weights: &[f32], passage: &[usize], expected: f32) {
        let query = Query::new(&rows(asked), weights, &Space::plain(64));
        let score = query.score(&pack(&rows(passage), 64)).unwrap();
        assert!((score - expected).abs() < 1e-3, "{score}");
    }

    #[test]
    fn each_word_finds_its_like_and_counts_as_its_weight_says() {
        check(&[1, 2], &[1.0, 1.0], &[2, 5, 1], 1.0);
        check(&[1, 2], &[1.0, 1.0], &[5, 1], 0.5);
        check(&[1, 2], &[3.0, 1.0], &[5, 1], 0.75);
        check(&[1, 2], &[3.0, 1.0], &[5, 6], 0.0);
        check(&[1, 2], &[f32::NAN, 1.0], &[2], 1.0);
        check(&[1], &[0.0], &[1], 0.0);
    }

    #[test]
    fn parts_are_compared_by_themselves() {
        let query = Query::new(&rows(&[1, 2]), &[1.0, 1.0], &Space::plain(64));
        let packed = pack(&rows(&[9, 2, 1, 2]), 64);
        let scores = query.score_parts(&packed, &[0..2, 2..4, 1..1, 3..9, 7..9]).unwrap();
        let rounded: Vec<f32> =
            scores.iter().map(|score| (score * 100.0).round() / 100.0).collect();
        assert_eq!(rounded, [0.5, 1.0, 0.0, 0.5, 0.0]);
        assert_eq!(query.score(&[]), None);
        assert_eq!(query.score(&[1, 2, 3]), None);
    }

    #[test]
    fn stripping_from_products_is_stripping_of_vectors() {
        let random = |at: usize| ((at * 7919 % 1009) as f32 / 504.5) - 1.0;
        let vectors: Vec<f32> = (0..600 * 64).map(|at| random(at) + 0.8).collect();
        let packed = pack(&vectors, 64);
        let space = Space::fit([packed.as_slice()], 64);
        assert!(space.height() > 0);
        let asked: Vec<f32> = (0..64).map(|at| random(at * 31 + 5) + 0.8).collect();
        let query = Query::new(&asked, &[1.0], &space);
        let found = query.score_parts(&packed, std::slice::from_ref(&(17..18))).unwrap()[0];
        let mut word = vec![0.0; 64];
        crate::pack::unpack(crate::pack::rows(&packed, 64).nth(17).unwrap(), &mut word);
        space.strip(&mut word);
        let mut plain = asked;
        space.strip(&mut plain);
        let cosine: f32 = word.iter().zip(&plain).map(|(a, b)| a * b).sum();
        assert!((cosine - found).abs() < 1e-3, "{cosine} {found}");
    }
}
