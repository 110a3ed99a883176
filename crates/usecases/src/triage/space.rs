//! Puts the vectors of a model on one scale.
//!
//! Vectors of language models have a few values that are far from 0 in every text and say nothing; in
//! products they drown the others. Each value is measured by its mean and spread over the examples,
//! bounded, and the whole brought to length 1.

use super::logistic::Row;

/// Spreads beyond which a value counts no more.
const BOUND: f32 = 3.0;

/// The scale of one model's vectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Space {
    means: Vec<f32>,
    /// One over the spread.
    inverses: Vec<f32>,
}

impl Space {
    /// The scale of these vectors, which have one length.
    pub(super) fn of<'a>(vectors: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let dimension = vectors.clone().next().map_or(0, <[f32]>::len);
        let (mut sums, mut squares) = (vec![0.0_f64; dimension], vec![0.0_f64; dimension]);
        let mut count = 0.0;
        for vector in vectors {
            count += 1.0;
            for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(vector) {
                let value = f64::from(*value);
                *sum += value;
                *square += value * value;
            }
        }
        let means: Vec<f32> = sums.iter().map(|sum| (sum / count) as f32).collect();
        let spread = |(sum, square): (&f64, &f64)| {
            let mean = sum / count;
            let variance = (square / count - mean * mean).max(0.0);
            // A value that never changes says nothing.
            if variance < 1e-12 { 0.0 } else { (1.0 / variance.sqrt()) as f32 }
        };
        let inverses = sums.iter().zip(&squares).map(spread).collect();
        Self { means, inverses }
    }

    /// The same spreads around the middle of other vectors.
    pub(super) fn moved<'a>(&self, vectors: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let means = Self::of(vectors).means;
        let means = if means.is_empty() { self.means.clone() } else { means };
        Self { means, inverses: self.inverses.clone() }
    }

    /// Values of a vector on this scale.
    pub(super) fn dimension(&self) -> usize {
        self.means.len()
    }

    /// A vector on this scale, of length 1; of another model's length it is nothing.
    pub(super) fn place(&self, vector: &[f32]) -> Vec<f32> {
        let of_scale = |((value, mean), inverse): ((&f32, &f32), &f32)| {
            ((value - mean) * inverse).clamp(-BOUND, BOUND)
        };
        let mut placed: Vec<f32> =
            vector.iter().zip(&self.means).zip(&self.inverses).map(of_scale).collect();
        placed.resize(self.dimension(), 0.0);
        let length = placed.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            placed.iter_mut().for_each(|value| *value /= length);
        }
        placed
    }

    /// The same as a row to learn from.
    pub(super) fn row(&self, vector: &[f32]) -> Row {
        Row::Dense(self.place(vector))
    }
}

#[cfg(test)]
mod tests {
    use super::Space;

    #[test]
    fn values_are_centred_bounded_and_of_length_one() {
        let vectors = [[100.0, 1.0, 5.0], [102.0, -1.0, 5.0], [98.0, 0.0, 5.0]];
        let space = Space::of(vectors.iter().map(<[f32; 3]>::as_slice));
        assert_eq!(space.dimension(), 3);
        let middle = space.place(&[100.0, 0.0, 5.0]);
        assert_eq!(middle, [0.0, 0.0, 0.0]);
        let far = space.place(&[1e6, 0.0, 7.0]);
        assert_eq!(far, [1.0, 0.0, 0.0]);
        let both = space.place(&[102.0, -1.0, 5.0]);
        assert!((both.iter().map(|value| value * value).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(both[0] > 0.0 && both[1] < 0.0 && both[2] == 0.0);
        assert_eq!(space.place(&[1.0]).len(), 3);
        assert!(Space::of(std::iter::empty()).place(&[]).is_empty());
    }
}
