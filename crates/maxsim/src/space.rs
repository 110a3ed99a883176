//! Finds what the words of a collection have in common.
//!
//! Every word of a manual about pumps points a little towards pumps. That says nothing about which
//! passage answers a question, but it makes up much of every similarity. So the mean of the words
//! and the few directions in which they vary most are taken away before anything is compared.

use crate::pack::{rows, unpack, words_in};

/// Directions that are taken away. On 3,535 passages of one manual 8 and 16 do about equally well,
/// none a tenth worse.
const DIRECTIONS: usize = 8;
/// The most words that are looked at; more do not move the directions.
const MAX_SAMPLE: usize = 8192;
/// Below so many words the directions would be those of single sentences.
const MIN_SAMPLE: usize = 512;
/// What is left of a row of length 1 that others span, at most: rounding.
const SPANNED: f32 = 1e-4;
/// Rounds of the power iteration; the directions are far apart in size.
const ROUNDS: usize = 12;

/// What the words of a collection have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    pub(crate) dimension: usize,
    /// The mean of the words, as unit vectors.
    pub(crate) mean: Vec<f32>,
    /// Orthonormal, shape `(directions, dimension)`.
    pub(crate) directions: Vec<f32>,
}

impl Space {
    /// A space of vectors of this length in which nothing is known to be common.
    pub fn plain(dimension: usize) -> Self {
        Self { dimension, mean: vec![0.0; dimension], directions: Vec::new() }
    }

    /// Looks at a sample of the passages of a collection, as [`pack`](crate::pack) packed them; what
    /// it cannot have packed is left out. The order of the sample matters in the last bits only.
    pub fn fit<'p>(sample: impl IntoIterator<Item = &'p [u8]>, dimension: usize) -> Self {
        let words = words_of(sample, dimension);
        let count = words.len() / dimension.max(1);
        if count < MIN_SAMPLE {
            return Self::plain(dimension);
        }
        let mut mean = vec![0.0_f32; dimension];
        for word in words.chunks_exact(dimension) {
            mean.iter_mut().zip(word).for_each(|(sum, value)| *sum += value);
        }
        mean.iter_mut().for_each(|sum| *sum /= count as f32);
        let directions = principal(&words, &mean);
        Self { dimension, mean, directions }
    }

    /// Number of directions that are taken away.
    pub(crate) fn height(&self) -> usize {
        self.directions.len() / self.dimension.max(1)
    }

    /// Takes what is common away from `vector` and makes its length 1; one that is nothing else
    /// becomes zeros.
    pub(crate) fn strip(&self, vector: &mut [f32]) {
        normalise(vector);
        vector.iter_mut().zip(&self.mean).for_each(|(value, mean)| *value -= mean);
        for direction in self.directions.chunks_exact(self.dimension) {
            let along = dot(vector, direction);
            vector.iter_mut().zip(direction).for_each(|(value, d)| *value -= along * d);
        }
        normalise(vector);
    }
}

/// The words of a sample as unit vectors.
fn words_of<'p>(sample: impl IntoIterator<Item = &'p [u8]>, dimension: usize) -> Vec<f32> {
    let mut words = Vec::new();
    for packed in sample {
        if words_in(packed, dimension).is_none() {
            continue;
        }
        for row in rows(packed, dimension) {
            if words.len() >= MAX_SAMPLE * dimension {
                return words;
            }
            let start = words.len();
            words.resize(start + dimension, 0.0);
            unpack(row, &mut words[start..]);
            normalise(&mut words[start..]);
        }
    }
    words
}

/// The directions in which `words` vary most around `mean`, by block power iteration.
/// Source: Golub and Van Loan, "Matrix Computations", section 7.3.2 (orthogonal iteration).
fn principal(words: &[f32], mean: &[f32]) -> Vec<f32> {
    let dimension = mean.len();
    let wanted = DIRECTIONS.min(dimension / 4);
    // Any start will do that is the same each time.
    let mut directions: Vec<f32> = (0..wanted * dimension)
        .map(|at| ((at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / 8e6 - 1.0)
        .collect();
    orthonormalise(&mut directions, dimension);
    let mut centred = vec![0.0_f32; dimension];
    for _ in 0..ROUNDS {
        let mut next = vec![0.0_f32; wanted * dimension];
        for word in words.chunks_exact(dimension) {
            for ((value, word), mean) in centred.iter_mut().zip(word).zip(mean) {
                *value = word - mean;
            }
            let pairs = directions.chunks_exact(dimension).zip(next.chunks_exact_mut(dimension));
            for (direction, sum) in pairs {
                let along = dot(&centred, direction);
                sum.iter_mut().zip(&centred).for_each(|(sum, value)| *sum += along * value);
            }
        }
        directions = next;
        orthonormalise(&mut directions, dimension);
    }
    directions
}

/// Makes rows orthogonal to one another, of length 1; a row that the ones before it span becomes
/// zeros. Twice, because a row that was nearly spanned is left with rounding. Source: modified
/// Gram-Schmidt with reorthogonalisation, Golub and Van Loan, section 5.2.9.
fn orthonormalise(rows: &mut [f32], dimension: usize) {
    let count = rows.len() / dimension;
    for at in 0..count {
        let (before, rest) = rows.split_at_mut(at * dimension);
        let row = &mut rest[..dimension];
        for _ in 0..2 {
            normalise(row);
            for other in before.chunks_exact(dimension) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
            if dot(row, row) < SPANNED * SPANNED {
                row.fill(0.0);
            }
        }
        normalise(row);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen sums side by side, which become vector instructions.
    let mut sums = [0.0_f32; 16];
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + rest
}

/// Makes the length 1; zeros, and what has no length, become zeros.
fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    let inverse = if length > 1e-9 && length.is_finite() { 1.0 / length } else { 0.0 };
    vector.iter_mut().for_each(|value| *value *= inverse);
}

#[cfg(test)]
mod tests {
    use super::{MIN_SAMPLE, Space, dot};
    use crate::pack;

    /// Words that all share axis 0, vary much along axis 1 and little elsewhere.
    fn sample(words: usize) -> Vec<u8> {
        let random = |at: usize| {
            let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / 8_388_608.0
                - 1.0
        };
        let vectors: Vec<f32> = (0..words)
            .flat_map(|word| {
                (0..64).map(move |axis| match axis {
                    0 => 3.0,
                    1 => 2.0 * random(word * 64 + axis),
                    _ => 0.5 * random(word * 64 + axis),
                })
            })
            .collect();
        pack(&vectors, 64)
    }

    #[test]
    fn what_is_common_is_found_and_taken_away() {
        let packed: Vec<Vec<u8>> = (0..4).map(|_| sample(400)).collect();
        let space = Space::fit(packed.iter().map(Vec::as_slice), 64);
        assert!(space.mean[0] > 0.7, "{:?}", &space.mean[..3]);
        let first = &space.directions[..64];
        assert!(first[1].abs() > 0.9, "{first:?}");
        let rows: Vec<&[f32]> = space.directions.chunks_exact(64).collect();
        for (at, row) in rows.iter().enumerate() {
            let square = dot(row, row);
            assert!(square == 0.0 || (square - 1.0).abs() < 1e-4, "{square}");
            let along: Vec<f32> = rows[..at].iter().map(|other| dot(row, other)).collect();
            assert!(along.iter().all(|along| along.abs() < 1e-4), "{at} {along:?}");
        }
        let mut vector = vec![0.1; 64];
        vector[0] = 3.0;
        vector[1] = 2.0;
        space.strip(&mut vector);
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-4);
        assert!(vector[1].abs() < 0.2, "{:?}", &vector[..3]);
    }

    #[test]
    fn small_and_foreign_samples_change_nothing() {
        let small = sample(MIN_SAMPLE - 1);
        assert_eq!(Space::fit([small.as_slice()], 64), Space::plain(64));
        assert_eq!(Space::fit([&[1_u8, 2, 3][..], &[][..]], 64), Space::plain(64));
        let mut zeros = vec![0.0; 64];
        Space::plain(64).strip(&mut zeros);
        assert!(zeros.iter().all(|value| *value == 0.0));
    }
}
