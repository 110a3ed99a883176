//! Makes one vector of an input's token vectors.

use std::ops::Range;

use intramuros_types::Pooling;

use crate::math;

/// Pools the rows of `states`, shape `(tokens, hidden)` with at least one row.
pub(crate) fn pool(states: &[f32], hidden: usize, pooling: Pooling) -> Vec<f32> {
    match pooling {
        Pooling::Cls => states[..hidden].to_vec(),
        Pooling::Mean => {
            let mut mean = vec![0.0; hidden];
            for row in states.chunks_exact(hidden) {
                for (total, value) in mean.iter_mut().zip(row) {
                    *total += value;
                }
            }
            let inverse = hidden as f32 / states.len() as f32;
            for value in &mut mean {
                *value *= inverse;
            }
            mean
        }
    }
}

/// The mean of the rows of `states` in each of `groups`, less `common`; shape `(groups, hidden)`.
/// `common` has shape `(hidden)`; the groups are within the rows and not empty.
pub(crate) fn groups(states: &[f32], groups: &[Range<usize>], common: &[f32]) -> Vec<f32> {
    let hidden = common.len();
    let mut rows = Vec::with_capacity(groups.len() * hidden);
    for group in groups {
        let own = &states[group.start * hidden..group.end * hidden];
        let mean = pool(own, hidden, Pooling::Mean);
        rows.extend(mean.iter().zip(common).map(|(value, common)| value - common));
    }
    rows
}

/// Divides `vector` by its Euclidean length; a vector of zeros stays one.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = math::sum_of_squares(vector).sqrt();
    // The guard of torch.nn.functional.normalize.
    let inverse = 1.0 / length.max(1e-12);
    for value in vector {
        *value *= inverse;
    }
}

#[cfg(test)]
mod tests;
