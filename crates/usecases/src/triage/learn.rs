//! Learns to give a label from examples, and how sure to be of it.
//!
//! Several learners look at a text: one for each thing that a model made of it, and one at its words.
//! The phrases of the labels' descriptions are examples too, which count little: they are all there is
//! in the beginning, and matter less the more people have labelled. Each learner is asked about examples that it did not learn from; by their answers they are
//! weighed against one another, and from the same answers comes the probability from which on a label
//! may stand without a person.

use super::logistic::{Examples, Fit, Logistic, Row};
use super::phrases::Target;
use super::stack::Stack;

/// Parts of the examples, each of which is asked about by learners that have not seen it.
const FOLDS: usize = 5;
/// Examples from which on one part is enough.
const MANY: usize = 3_000;
/// Examples below which learners are not weighed by them.
const FEWEST: usize = 30;
/// What opinions count together in the beginning: several that err differently are right more often
/// than the surest of them believes.
const START: f32 = 1.2;
/// How learners are fitted to vectors.
const DENSE: Fit = Fit { penalty: 0.05, balanced: true };
/// How they are fitted to words.
const SPARSE: Fit = Fit { penalty: 0.1, balanced: true };
/// What a phrase of a description counts, beside a text that a person labelled.
const PHRASE: f32 = 0.3;

/// What is known of the examples and the phrases by one source.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// One an example; `None` for those that the source has not seen yet.
    pub(super) examples: Vec<Option<Row>>,
    /// One a phrase; none for a source that does not know them.
    pub(super) phrases: Vec<Row>,
    /// Of each row.
    pub(super) dimension: usize,
    /// Whether rows are words.
    pub(super) is_words: bool,
}

/// The right labels, each below `count`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right<'a> {
    /// Of the examples.
    pub(super) examples: &'a [usize],
    /// Of the phrases.
    pub(super) phrases: &'a [usize],
    /// How many there are.
    pub(super) count: usize,
}

/// What was learnt for one field.
#[derive(Debug, Clone)]
pub(super) struct Learnt {
    /// One a source.
    learners: Vec<Logistic>,
    views: Vec<View>,
    count: usize,
}

/// How some of the sources are weighed: a ticket is judged by those that are there.
#[derive(Debug, Clone)]
pub(super) struct View {
    sources: Vec<usize>,
    stack: Stack,
    /// Of examples that were asked about: the labels' log-probabilities and the right one.
    pub(super) asked: Vec<(Vec<f32>, usize)>,
}

impl Learnt {
    /// Learns from sources about the same examples; each of `views` names sources that are weighed
    /// against one another.
    pub(super) fn of(sources: &[Source], right: Right<'_>, views: &[Vec<usize>]) -> Self {
        let folds = folds(right);
        let asked_folds = match right.examples.len() {
            0..FEWEST => 0,
            FEWEST..MANY => FOLDS,
            _ => 1,
        };
        let asked: Vec<usize> =
            (0..folds.len()).filter(|example| folds[*example] < asked_folds).collect();
        let opinions: Vec<Vec<Vec<f32>>> =
            sources.iter().map(|source| unseen(source, right, &folds, &asked)).collect();
        let labels: Vec<usize> = asked.iter().map(|example| right.examples[*example]).collect();
        let view = |chosen: &Vec<usize>| {
            let opinions: Vec<Vec<Vec<f32>>> =
                chosen.iter().map(|source| opinions[*source].clone()).collect();
            View::of(chosen.clone(), &opinions, &labels)
        };
        let learners = sources.iter().map(|source| fit(source, right, |_| true)).collect();
        Self { learners, views: views.iter().map(view).collect(), count: right.count }
    }

    /// The log-probabilities of the labels for a text, by one of the views; what each source knows of
    /// it is in the order of the sources.
    pub(super) fn judge(&self, view: usize, known: &[Option<Row>]) -> Vec<f32> {
        let view = &self.views[view];
        let opinion = |source: &usize| match &known[*source] {
            Some(row) => self.learners[*source].log_probabilities(row),
            // Who was not asked has no opinion.
            None => vec![0.0; self.count],
        };
        let opinions: Vec<Vec<f32>> = view.sources.iter().map(opinion).collect();
        view.stack.combine(&opinions)
    }

    /// Learns one more example without asking anew who is right how often; what each source knows of
    /// it is in the order of the sources.
    pub(super) fn amend(&mut self, known: &[Option<Row>], label: usize) {
        for (learner, row) in self.learners.iter_mut().zip(known) {
            if let Some(row) = row {
                learner.amend(row, label);
            }
        }
    }

    /// One of the views.
    pub(super) fn view(&self, view: usize) -> &View {
        &self.views[view]
    }

    /// What was learnt from a source.
    pub(super) fn learner(&self, source: usize) -> Option<&Logistic> {
        self.learners.get(source)
    }
}

impl View {
    fn of(sources: Vec<usize>, opinions: &[Vec<Vec<f32>>], labels: &[usize]) -> Self {
        let start = vec![START / (sources.len() as f32).sqrt(); sources.len()];
        let stack = Stack::fit(opinions, labels, &start);
        let told = |(at, label): (usize, &usize)| {
            let opinions: Vec<Vec<f32>> = opinions.iter().map(|all| all[at].clone()).collect();
            (stack.combine(&opinions), *label)
        };
        let asked = labels.iter().enumerate().map(told).collect();
        Self { sources, stack, asked }
    }
}

/// Which part each example is in: every label is spread over the parts.
fn folds(right: Right<'_>) -> Vec<usize> {
    let mut seen = vec![0; right.count];
    let fold = |label: &usize| {
        seen[*label] += 1;
        // The first of each label are not all in one part.
        (seen[*label] + label) % FOLDS
    };
    right.examples.iter().map(fold).collect()
}

/// The opinions about `asked` of learners that have not seen their part.
fn unseen(source: &Source, right: Right<'_>, folds: &[usize], asked: &[usize]) -> Vec<Vec<f32>> {
    // Who has not seen a text has no opinion about it.
    let mut opinions = vec![vec![0.0; right.count]; asked.len()];
    for fold in 0..FOLDS {
        if !asked.iter().any(|example| folds[*example] == fold) {
            continue;
        }
        let learner = fit(source, right, |example| folds[example] != fold);
        for (opinion, example) in opinions.iter_mut().zip(asked) {
            if folds[*example] == fold
                && let Some(row) = &source.examples[*example]
            {
                *opinion = learner.log_probabilities(row);
            }
        }
    }
    opinions
}

/// Learns from the phrases and those examples that are `wanted`.
fn fit(source: &Source, right: Right<'_>, wanted: impl Fn(usize) -> bool) -> Logistic {
    let Source { examples: rows, phrases, dimension, is_words } = source;
    let mut examples = Examples::default();
    for (at, (row, label)) in rows.iter().zip(right.examples).enumerate() {
        if wanted(at)
            && let Some(row) = row
        {
            examples.push(row, *label, 1.0);
        }
    }
    for (row, label) in phrases.iter().zip(right.phrases) {
        examples.push(row, *label, PHRASE);
    }
    let how = if *is_words { SPARSE } else { DENSE };
    Logistic::fit(&examples, *dimension, right.count, how)
}

/// What is judged about a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) target: Target,
    /// Probabilities, in the order of the labels.
    pub(super) probabilities: Vec<f32>,
}

impl Judged {
    /// The label that half of the probability is before or at.
    pub(super) fn middle(&self) -> Option<usize> {
        let mut sum = 0.0;
        self.probabilities.iter().position(|probability| {
            sum += probability;
            sum >= 0.5
        })
    }

    /// The labels by their probability, likeliest first.
    pub(super) fn order(&self) -> Vec<(usize, f32)> {
        let mut all: Vec<(usize, f32)> = self.probabilities.iter().copied().enumerate().collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Rows that are noise but for one value, which tells the label.
    fn drawn(count: usize, noise: f32) -> (Vec<Row>, Vec<usize>) {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let labels: Vec<usize> = (0..count).map(|at| at * 7 % 3).collect();
        let mut row = |label: &usize| {
            let mut value = |place: usize| {
                f32::from(u8::from(place == *label)) + noise * (random.random::<f32>() - 0.5)
            };
            Row::Dense((0..12).map(&mut value).collect())
        };
        (labels.iter().map(&mut row).collect(), labels)
    }

    fn rows(examples: Vec<Row>, phrases: Vec<Row>) -> Source {
        let examples = examples.into_iter().map(Some).collect();
        Source { examples, phrases, dimension: 12, is_words: false }
    }

    fn right<'a>(examples: &'a [usize], phrases: &'a [usize]) -> Right<'a> {
        Right { examples, phrases, count: 3 }
    }

    fn best(told: &[f32]) -> usize {
        let judged = Judged { target: Target::Alert, probabilities: told.to_vec() };
        judged.order()[0].0
    }

    #[test]
    fn a_source_that_knows_outweighs_one_that_does_not() {
        let (examples, labels) = drawn(120, 0.5);
        let noise = drawn(120, 1e4).0;
        let sources = [rows(examples.clone(), Vec::new()), rows(noise.clone(), Vec::new())];
        let learnt = Learnt::of(&sources, right(&labels, &[]), &[vec![0, 1], vec![1]]);
        assert_eq!(learnt.view(0).asked.len(), 120);
        let found = examples.iter().zip(&noise).zip(&labels).filter(|((row, noise), label)| {
            let told = learnt.judge(0, &[Some((*row).clone()), Some((*noise).clone())]);
            assert!((told.iter().map(|one| one.exp()).sum::<f32>() - 1.0).abs() < 1e-4);
            best(&told) == **label
        });
        assert!(found.count() >= 115);
        let unasked = learnt.judge(1, &[None, None]);
        assert!(unasked.iter().all(|one| (one.exp() - 1.0 / 3.0).abs() < 1e-6));
    }

    #[test]
    fn what_was_asked_had_not_been_seen() {
        // Pure noise: who had seen the examples would be right about all of them.
        let (examples, labels) = drawn(60, 1e4);
        let learnt = Learnt::of(&[rows(examples, Vec::new())], right(&labels, &[]), &[vec![0]]);
        let found =
            learnt.view(0).asked.iter().filter(|(told, label)| best(told) == *label).count();
        assert!(found < 40, "{found} of 60");
    }

    #[test]
    fn the_middle_is_where_half_is_reached() {
        let middle = |probabilities: &[f32]| {
            let probabilities = probabilities.to_vec();
            Judged { target: Target::Alert, probabilities }.middle()
        };
        assert_eq!(middle(&[0.4, 0.2, 0.4]), Some(1));
        assert_eq!(middle(&[0.6, 0.2, 0.2]), Some(0));
        assert_eq!(middle(&[]), None);
    }

    #[test]
    fn descriptions_are_enough_to_begin_with() {
        let (examples, labels) = drawn(90, 0.4);
        let (phrases, of) = drawn(6, 0.4);
        let begun = Learnt::of(&[rows(Vec::new(), phrases.clone())], right(&[], &of), &[vec![0]]);
        assert!(begun.view(0).asked.is_empty());
        let judge = |row: &Row| best(&begun.judge(0, &[Some(row.clone())]));
        let found = examples.iter().zip(&labels).filter(|(row, label)| judge(row) == **label);
        assert!(found.count() > 75);
        // What people say counts more.
        let others: Vec<usize> = labels.iter().map(|label| (label + 1) % 3).collect();
        let learnt =
            Learnt::of(&[rows(examples.clone(), phrases)], right(&others, &of), &[vec![0]]);
        let judge = |row: &Row| best(&learnt.judge(0, &[Some(row.clone())]));
        let found = examples.iter().zip(&others).filter(|(row, label)| judge(row) == **label);
        assert!(found.count() > 75);
    }

    #[test]
    fn of_many_examples_one_part_is_asked_about() {
        let (examples, labels) = drawn(MANY, 0.5);
        let learnt = Learnt::of(&[rows(examples, Vec::new())], right(&labels, &[]), &[vec![0]]);
        assert_eq!(learnt.view(0).asked.len(), MANY / FOLDS);
    }
}
