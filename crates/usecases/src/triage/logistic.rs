//! Learns labels from vectors: multinomial logistic regression, fitted by L-BFGS.
//!
//! The same examples give the same weights, bit for bit: there is no chance in it.
//!
//! Source: Nocedal and Wright 2006, "Numerical Optimization", algorithm 7.4 (two-loop recursion) and
//! section 3.1 (backtracking).

use std::collections::VecDeque;

use super::span::Span;

/// Corrections that L-BFGS remembers.
const MEMORY: usize = 8;
/// Steps at most.
const MAX_STEPS: usize = 200;
/// Where the largest slope is smaller than this share of the number of examples, it is done.
const TOLERANCE: f32 = 1e-4;
/// Of the decrease that the slope promises, what a step must bring.
const SUFFICIENT: f32 = 1e-4;
/// By how much the label of a text that is learnt alone is likelier than every other, in nats.
const MARGIN: f32 = 1.0;
/// What may be missing of it.
const SETTLED: f32 = 1e-4;
/// Halvings of a step before it is given up.
const MAX_HALVINGS: usize = 30;
/// Sums that are made beside one another, so that the processor's vectors are used.
const LANES: usize = 16;

/// How weights are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// How much the squares of the weights cost; smaller trusts the examples more.
    pub(super) penalty: f32,
    /// Whether rare labels weigh as much as frequent ones.
    pub(super) balanced: bool,
}

/// What is known of one text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    /// All values.
    Dense(Vec<f32>),
    /// The values that are not 0, with their places, each once.
    Sparse(Vec<(u32, f32)>),
}

/// What was learnt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Logistic {
    /// Shape `(labels, dimension + 1)`, row-major; the last column is added to each label's sum.
    weights: Vec<f32>,
    dimension: usize,
}

/// What is learnt from.
#[derive(Debug, Clone, Default)]
pub(super) struct Examples<'a> {
    /// One an example, of one dimension.
    pub(super) rows: Vec<&'a Row>,
    /// The right label of each.
    pub(super) labels: Vec<usize>,
    /// What each counts; 1 for a text that a person labelled.
    pub(super) counts: Vec<f32>,
}

impl<'a> Examples<'a> {
    pub(super) fn push(&mut self, row: &'a Row, label: usize, counts: f32) {
        self.rows.push(row);
        self.labels.push(label);
        self.counts.push(counts);
    }
}

/// Examples with what they weigh.
struct Weighed<'a> {
    examples: &'a Examples<'a>,
    weights: Vec<f32>,
    count: usize,
    penalty: f32,
}

impl Logistic {
    /// Learns from `examples`, whose rows are of `dimension` and whose labels are below `count`.
    /// Without examples every label is equally likely.
    pub(super) fn fit(examples: &Examples<'_>, dimension: usize, count: usize, fit: Fit) -> Self {
        if examples.rows.is_empty() {
            return Self { weights: vec![0.0; count * (dimension + 1)], dimension };
        }
        let Some(span) = Span::of(&examples.rows, dimension) else {
            return Self { weights: learn(examples, dimension, count, fit), dimension };
        };
        let rows = span.rows();
        let (labels, counts) = (examples.labels.clone(), examples.counts.clone());
        let small = Examples { rows: rows.iter().collect(), labels, counts };
        let weights = learn(&small, rows.len(), count, fit);
        Self { weights: span.back(&weights, &examples.rows, dimension), dimension }
    }

    /// The logarithm of each label's probability.
    pub(super) fn log_probabilities(&self, row: &Row) -> Vec<f32> {
        let mut scores = scores(&self.weights, row, self.dimension);
        log_softmax(&mut scores);
        scores
    }

    /// Learns one more example without the others: moves the weights as little as makes its label
    /// likelier than every other.
    ///
    /// Source: Crammer et al. 2006, "Online Passive-Aggressive Algorithms", section 7.
    pub(super) fn amend(&mut self, row: &Row, label: usize) {
        let width = self.dimension + 1;
        let count = self.weights.len() / width;
        // One more for the last column.
        let squares = row.squares() + 1.0;
        // Each round settles one label that was likelier; those before it stay about where they are.
        for _ in 0..count {
            let scores = scores(&self.weights, row, self.dimension);
            let others = scores.iter().enumerate().filter(|(at, _)| *at != label);
            let Some((other, rival)) = others.max_by(|a, b| a.1.total_cmp(b.1)) else { return };
            let missing = MARGIN - (scores[label] - rival);
            if missing <= SETTLED {
                return;
            }
            let step = missing / (2.0 * squares);
            for (at, step) in [(label, step), (other, -step)] {
                let weights = &mut self.weights[at * width..(at + 1) * width];
                row.add_to(&mut weights[..width - 1], step);
                weights[width - 1] += step;
            }
        }
    }

    /// What the value at `place` adds to the score of `label`, by its weight.
    pub(super) fn weight(&self, label: usize, place: usize) -> f32 {
        self.weights.get(label * (self.dimension + 1) + place).copied().unwrap_or(0.0)
    }
}

impl Row {
    /// The scalar product with weights.
    pub(super) fn dot(&self, weights: &[f32]) -> f32 {
        match self {
            Row::Dense(values) => dot(weights, values),
            Row::Sparse(values) => {
                values.iter().map(|(place, value)| weights[*place as usize] * value).sum()
            }
        }
    }

    /// The sum of the squares of its values.
    fn squares(&self) -> f32 {
        match self {
            Row::Dense(values) => dot(values, values),
            Row::Sparse(values) => values.iter().map(|(_, value)| value * value).sum(),
        }
    }

    /// Adds `factor` times this to `to`.
    pub(super) fn add_to(&self, to: &mut [f32], factor: f32) {
        match self {
            Row::Dense(values) => add(to, factor, values),
            Row::Sparse(values) => {
                for (place, value) in values {
                    to[*place as usize] += factor * value;
                }
            }
        }
    }
}

fn learn(examples: &Examples<'_>, dimension: usize, count: usize, fit: Fit) -> Vec<f32> {
    let mut weights = vec![0.0; count * (dimension + 1)];
    let each = weigh(examples, count, fit.balanced);
    let weighed = Weighed { examples, weights: each, count, penalty: fit.penalty };
    minimise(&mut weights, |at| weighed.loss(at));
    weights
}

/// What each example weighs.
fn weigh(examples: &Examples<'_>, count: usize, balanced: bool) -> Vec<f32> {
    let mut of_label = vec![0.0_f32; count];
    for (label, counts) in examples.labels.iter().zip(&examples.counts) {
        of_label[*label] += counts;
    }
    let present = of_label.iter().filter(|sum| **sum > 0.0).count();
    let share = of_label.iter().sum::<f32>() / present.max(1) as f32;
    let weight = |(label, counts): (&usize, &f32)| {
        if balanced { counts * share / of_label[*label] } else { *counts }
    };
    examples.labels.iter().zip(&examples.counts).map(weight).collect()
}

fn scores(weights: &[f32], row: &Row, dimension: usize) -> Vec<f32> {
    let labels = weights.chunks_exact(dimension + 1);
    labels.map(|weights| row.dot(&weights[..dimension]) + weights[dimension]).collect()
}

/// Makes logarithms of probabilities of scores.
pub(super) fn log_softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
    let norm = highest + sum.ln();
    scores.iter_mut().for_each(|score| *score -= norm);
}

/// The scalar product.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Adds `factor` times `from` to `to`.
fn add(to: &mut [f32], factor: f32, from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

impl Weighed<'_> {
    /// How badly `weights` explain the examples, and in which direction that grows.
    fn loss(&self, weights: &[f32]) -> (f32, Vec<f32>) {
        let width = weights.len() / self.count;
        let dimension = width - 1;
        let mut slope = vec![0.0; weights.len()];
        let mut loss = 0.0_f64;
        let Examples { rows, labels, .. } = self.examples;
        for ((example, label), weight) in rows.iter().zip(labels).zip(&self.weights) {
            let mut told = scores(weights, example, dimension);
            log_softmax(&mut told);
            loss -= f64::from(weight * told[*label]);
            for (at, row) in slope.chunks_exact_mut(width).enumerate() {
                let error = weight * (told[at].exp() - f32::from(u8::from(at == *label)));
                example.add_to(&mut row[..dimension], error);
                row[dimension] += error;
            }
        }
        for (row, weights) in slope.chunks_exact_mut(width).zip(weights.chunks_exact(width)) {
            let weights = &weights[..dimension];
            add(&mut row[..dimension], self.penalty, weights);
            loss += f64::from(0.5 * self.penalty * dot(weights, weights));
        }
        (loss as f32, slope)
    }
}

/// Moves `at` to where `loss` is least.
fn minimise(at: &mut Vec<f32>, loss: impl Fn(&[f32]) -> (f32, Vec<f32>)) {
    let (mut value, mut slope) = loss(at);
    let steepest = |slope: &[f32]| slope.iter().fold(0.0_f32, |most, one| most.max(one.abs()));
    let enough = TOLERANCE * value.max(1.0);
    let mut memory: VecDeque<(Vec<f32>, Vec<f32>, f32)> = VecDeque::new();
    for _ in 0..MAX_STEPS {
        if steepest(&slope) <= enough {
            return;
        }
        let direction = direction(&slope, &memory);
        let promised = dot(&direction, &slope);
        let mut step = if memory.is_empty() { 1.0 / steepest(&slope).max(1.0) } else { 1.0 };
        let mut found = None;
        for _ in 0..MAX_HALVINGS {
            let mut next = at.clone();
            add(&mut next, step, &direction);
            let (reached, its_slope) = loss(&next);
            if reached <= value + SUFFICIENT * step * promised {
                found = Some((next, reached, its_slope));
                break;
            }
            step /= 2.0;
        }
        // No step helps: as good as numbers of 32 bits can tell.
        let Some((next, reached, next_slope)) = found else { return };
        let mut moved = next.clone();
        add(&mut moved, -1.0, at);
        let mut turned = next_slope.clone();
        add(&mut turned, -1.0, &slope);
        let curvature = dot(&moved, &turned);
        if curvature > f32::EPSILON {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((moved, turned, 1.0 / curvature));
        }
        (*at, value, slope) = (next, reached, next_slope);
    }
}

/// The direction of the next step, from what the last ones taught of the curvature.
fn direction(slope: &[f32], memory: &VecDeque<(Vec<f32>, Vec<f32>, f32)>) -> Vec<f32> {
    let mut direction: Vec<f32> = slope.iter().map(|one| -one).collect();
    let mut factors = Vec::with_capacity(memory.len());
    for (moved, turned, inverse) in memory.iter().rev() {
        let factor = inverse * dot(moved, &direction);
        add(&mut direction, -factor, turned);
        factors.push(factor);
    }
    if let Some((_, turned, inverse)) = memory.back() {
        let scale = 1.0 / (inverse * dot(turned, turned));
        direction.iter_mut().for_each(|one| *one *= scale);
    }
    for ((moved, turned, inverse), factor) in memory.iter().zip(factors.iter().rev()) {
        let back = inverse * dot(turned, &direction);
        add(&mut direction, factor - back, moved);
    }
    direction
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::{Examples, Fit, Logistic, Row};

    const FIT: Fit = Fit { penalty: 1.0, balanced: false };

    fn fit(rows: &[Row], dimension: usize, labels: &[usize], count: usize, fit: Fit) -> Logistic {
        let counts = vec![1.0; rows.len()];
        let examples = Examples { rows: rows.iter().collect(), labels: labels.to_vec(), counts };
        Logistic::fit(&examples, dimension, count, fit)
    }

    /// Vectors around one of three corners, and which.
    fn drawn(count: usize, noise: f32) -> (Vec<Row>, Vec<usize>) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let one = |at: usize| {
            let label = at % 3;
            let mut value = |place: usize| {
                let corner = f32::from(u8::from(place == label));
                corner + noise * (random.random::<f32>() - 0.5)
            };
            (Row::Dense((0..20).map(&mut value).collect()), label)
        };
        (0..count).map(one).unzip()
    }

    #[test]
    fn one_more_is_learnt_and_the_others_stay() {
        let (rows, labels) = drawn(60, 0.5);
        let mut learner = fit(&rows, 20, &labels, 3, FIT);
        let right = |learner: &Logistic| {
            let likeliest = |row| {
                let told = learner.log_probabilities(row);
                (0..3).max_by(|a: &usize, b| told[*a].total_cmp(&told[*b])).unwrap()
            };
            rows.iter().zip(&labels).filter(|(row, label)| likeliest(row) == **label).count()
        };
        let before = right(&learner);
        // A little like the first label, and much like nothing that was seen.
        let mut values = vec![0.0; 20];
        (values[0], values[9], values[12]) = (0.3, 1.0, 1.0);
        let new = Row::Dense(values);
        assert!(learner.log_probabilities(&new)[2] < 0.5_f32.ln());
        learner.amend(&new, 2);
        let told = learner.log_probabilities(&new);
        assert!(told[2] - told[0] > 0.9 && told[2] - told[1] > 0.9, "{told:?}");
        assert!(right(&learner) + 6 >= before, "{} of {before}", right(&learner));
        let kept = learner.clone();
        learner.amend(&new, 2);
        assert_eq!(learner, kept, "what is known well is learnt again");
        let sparse = Row::Sparse(vec![(3, 0.5), (11, 2.0)]);
        learner.amend(&sparse, 1);
        assert!(learner.log_probabilities(&sparse)[1] > 0.4_f32.ln());
    }

    // scikit-learn 1.9.1, LogisticRegression(C=1).fit([[0,0],[1,0],[0,1],[1,1],[2,1],[1,2]],
    // [0,1,2,0,1,2]).predict_proba([[2, 0]]).
    #[test]
    fn probabilities_are_those_of_scikit_learn() {
        let vectors = [[0., 0.], [1., 0.], [0., 1.], [1., 1.], [2., 1.], [1., 2.]];
        let dense = vectors.map(|vector| Row::Dense(vector.to_vec()));
        let sparse = vectors.map(|[x, y]| Row::Sparse(vec![(1, y), (0, x)]));
        for rows in [dense, sparse] {
            let learnt = fit(&rows, 2, &[0, 1, 2, 0, 1, 2], 3, FIT);
            let told = learnt.log_probabilities(&Row::Dense(vec![2.0, 0.0]));
            for (told, expected) in told.iter().zip([0.2008, 0.7355, 0.0636]) {
                assert!((told.exp() - expected).abs() < 2e-3, "{told:?}");
            }
        }
    }

    #[test]
    fn what_can_be_told_apart_is() {
        let (vectors, labels) = drawn(150, 1.0);
        let learnt = fit(&vectors[..120], 20, &labels[..120], 3, FIT);
        let is_right = |(vector, label): (&Row, &usize)| {
            let told = learnt.log_probabilities(vector);
            let sum: f32 = told.iter().map(|one| one.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-4);
            (0..3).max_by(|a, b| told[*a].total_cmp(&told[*b])) == Some(*label)
        };
        let right = vectors[120..].iter().zip(&labels[120..]).filter(|one| is_right(*one)).count();
        assert!(right >= 28, "{right} of 30");
        assert_eq!(learnt, fit(&vectors[..120], 20, &labels[..120], 3, FIT));
    }

    #[test]
    fn few_examples_of_many_values_are_learnt_from_alike() {
        let (vectors, labels) = drawn(18, 1.0);
        let few = fit(&vectors, 20, &labels, 3, FIT);
        let examples = Examples {
            rows: vectors.iter().collect(),
            labels: labels.clone(),
            counts: vec![1.0; vectors.len()],
        };
        let weights = super::learn(&examples, 20, 3, FIT);
        let plain = Logistic { weights, dimension: 20 };
        for row in drawn(30, 1.0).0 {
            let (a, b) = (few.log_probabilities(&row), plain.log_probabilities(&row));
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.03), "{a:?} {b:?}");
        }
    }

    #[test]
    fn rare_labels_count_where_that_is_wanted() {
        let vectors = vec![Row::Dense(vec![0.0]); 100];
        let labels: Vec<usize> = (0..100).map(|at| usize::from(at < 10)).collect();
        let rare = |balanced| {
            let learnt = fit(&vectors, 1, &labels, 2, Fit { balanced, ..FIT });
            learnt.log_probabilities(&Row::Dense(vec![0.0]))[1].exp()
        };
        assert!((rare(false) - 0.1).abs() < 1e-2 && (rare(true) - 0.5).abs() < 1e-2);
    }

    #[test]
    fn nothing_learnt_is_every_label_alike() {
        let learnt = fit(&[], 0, &[], 4, FIT);
        assert!(
            learnt
                .log_probabilities(&Row::Dense(Vec::new()))
                .iter()
                .all(|one| (one.exp() - 0.25).abs() < 1e-6)
        );
    }
}
