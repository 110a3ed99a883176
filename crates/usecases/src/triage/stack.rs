//! Weighs the opinions of several learners by how right each was on texts that it had not seen.
//!
//! Their log-probabilities are added with weights that are not negative, and normalised: the weights
//! make the sum as sharp as it is right, so that what comes out are calibrated probabilities.
//!
//! Source: Wolpert 1992, "Stacked generalization"; Guo et al. 2017 (arXiv 1706.04599), section 4.2
//! (temperature scaling is the case of one learner).

use super::logistic::log_softmax;

/// Examples that weights are found with; more do not change them.
const MAX_EXAMPLES: usize = 4_000;
/// Steps at most.
const STEPS: usize = 300;
/// How strongly weights are held to where they begin, as if so many examples spoke for it.
const HOLD: f32 = 8.0;
/// What a probability is at least: nothing is certain.
const FLOOR: f32 = -12.0;

/// How much each opinion counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stack {
    weights: Vec<f32>,
}

impl Stack {
    /// Finds weights from opinions about examples that those who have them did not learn from: shape
    /// `(learners, examples, labels)`. They begin at `start`, one for each learner.
    pub(super) fn fit(opinions: &[Vec<Vec<f32>>], labels: &[usize], start: &[f32]) -> Self {
        let step_over = labels.len().div_ceil(MAX_EXAMPLES).max(1);
        let chosen: Vec<usize> = (0..labels.len()).step_by(step_over).collect();
        let mut weights = start.to_vec();
        let loss = |weights: &[f32]| loss(opinions, labels, &chosen, weights, start);
        let (mut value, mut slope) = loss(&weights);
        let mut step = 1.0 / (1.0 + chosen.len() as f32);
        for _ in 0..STEPS {
            let next: Vec<f32> = weights
                .iter()
                .zip(&slope)
                .map(|(weight, slope)| (weight - step * slope).max(0.0))
                .collect();
            let (reached, its_slope) = loss(&next);
            if reached < value {
                let gained = value - reached;
                (weights, value, slope) = (next, reached, its_slope);
                step *= 1.5;
                if gained < 1e-6 * value.abs() {
                    break;
                }
            } else {
                step /= 2.0;
                if step < 1e-9 {
                    break;
                }
            }
        }
        Self { weights }
    }

    /// The logarithms of the labels' probabilities, from one opinion of each learner.
    pub(super) fn combine(&self, opinions: &[Vec<f32>]) -> Vec<f32> {
        combine(&self.weights, opinions.iter().map(Vec::as_slice))
    }
}

fn combine<'a>(weights: &[f32], opinions: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut sums: Vec<f32> = Vec::new();
    for (weight, opinion) in weights.iter().zip(opinions) {
        sums.resize(opinion.len(), 0.0);
        for (sum, told) in sums.iter_mut().zip(opinion) {
            *sum += weight * told.max(FLOOR);
        }
    }
    log_softmax(&mut sums);
    sums
}

/// How badly weighted opinions explain the labels, and in which direction that grows.
fn loss(
    opinions: &[Vec<Vec<f32>>],
    labels: &[usize],
    chosen: &[usize],
    weights: &[f32],
    start: &[f32],
) -> (f32, Vec<f32>) {
    let mut value = 0.0_f64;
    let mut slope: Vec<f32> =
        weights.iter().zip(start).map(|(weight, start)| HOLD * (weight - start)).collect();
    for (weight, start) in weights.iter().zip(start) {
        value += f64::from(0.5 * HOLD * (weight - start).powi(2));
    }
    for at in chosen {
        let told = combine(weights, opinions.iter().map(|all| all[*at].as_slice()));
        let label = labels[*at];
        value -= f64::from(told[label]);
        for (slope, opinion) in slope.iter_mut().zip(opinions.iter().map(|all| &all[*at])) {
            let expected: f32 =
                told.iter().zip(opinion).map(|(told, one)| told.exp() * one.max(FLOOR)).sum();
            *slope += expected - opinion[label].max(FLOOR);
        }
    }
    (value as f32, slope)
}

#[cfg(test)]
mod tests {
    use super::Stack;

    /// An opinion that gives `label` of three this probability.
    fn sure(label: usize, probability: f32) -> Vec<f32> {
        let rest = ((1.0 - probability) / 2.0).ln();
        (0..3).map(|at| if at == label { probability.ln() } else { rest }).collect()
    }

    #[test]
    fn who_is_right_counts_and_who_guesses_does_not() {
        let labels: Vec<usize> = (0..300).map(|at| at % 3).collect();
        // Right nine times of ten, and sure of it; and one who always says the same.
        let knows = labels.iter().enumerate().map(|(at, label)| {
            let said = if at % 10 == 0 { (label + 1) % 3 } else { *label };
            sure(said, 0.9)
        });
        let guesses = labels.iter().map(|_| sure(0, 0.98));
        let stack = Stack::fit(&[knows.collect(), guesses.collect()], &labels, &[0.5, 0.5]);
        assert!((0.8..1.2).contains(&stack.weights[0]), "{:?}", stack.weights);
        assert!(stack.weights[1] < 0.1, "{:?}", stack.weights);
        let told = stack.combine(&[sure(1, 0.9), sure(0, 0.98)]);
        assert!((told[1].exp() - 0.9).abs() < 0.05, "{told:?}");
    }

    #[test]
    fn who_exaggerates_is_believed_less() {
        let labels: Vec<usize> = (0..200).map(|at| at % 3).collect();
        let opinions: Vec<Vec<f32>> = labels
            .iter()
            .enumerate()
            .map(|(at, label)| sure(if at % 5 == 0 { (label + 1) % 3 } else { *label }, 0.999))
            .collect();
        let stack = Stack::fit(&[opinions], &labels, &[1.0]);
        let told = stack.combine(&[sure(2, 0.999)]);
        assert!((told[2].exp() - 0.8).abs() < 0.05, "{told:?}");
    }

    #[test]
    fn without_examples_weights_stay() {
        assert_eq!(Stack::fit(&[vec![], vec![]], &[], &[0.3, 0.7]).weights, [0.3, 0.7]);
        let told = Stack::fit(&[vec![]], &[], &[1.0]).combine(&[vec![f32::NEG_INFINITY, 0.0]]);
        assert!(told.iter().all(|one| one.is_finite()));
    }
}
