//! Holds what is known for a policy: its descriptions, its examples, and what was learnt from them.
//!
//! A mind is made of one version of a policy and one state of its examples, and never changed; when
//! either changes, another one is made. Where that takes long, one is made of the last and what
//! people have said since ([`Mind::amended`]), which takes no time and lasts until all is learnt.

use std::time::{Duration, Instant};

use intramuros_ledger::{ExampleRecord, Reading, TicketLabels};
use intramuros_types::{TicketId, TriageExampleId};
use time::OffsetDateTime;

use super::learn::{Judged, Learnt, Right, Source};
use super::logistic::Row;
use super::outbreak::cosine;
use super::phrases::{Phrase, Target};
use super::space::Space;
use super::words::{PLACES, Words};
use super::{Field, Policy};

/// Without the generator, and with it.
const QUICK: usize = 0;
const FULL: usize = 1;
/// The source that words are; the encoder comes before it, the generator's questions after it.
const WORDS: usize = 1;

/// What a mind is made of.
pub(super) struct Material {
    pub(super) policy: Policy,
    /// When the policy was created: another one may have had its id before.
    pub(super) created: OffsetDateTime,
    /// Of the policy.
    pub(super) version: u32,
    /// Of the examples.
    pub(super) learnt: u64,
    pub(super) phrases: Vec<Phrase>,
    /// The encoder's, one a phrase.
    pub(super) phrase_vectors: Vec<Vec<f32>>,
    /// The encoder's of texts of every kind, to tell what texts have in common.
    pub(super) common: Vec<Vec<f32>>,
    pub(super) examples: Vec<ExampleRecord>,
    /// The encoder's, one an example.
    pub(super) vectors: Vec<Vec<f32>>,
    /// What the generator made of the examples, a list for each question, named; `None` for what it
    /// has not read.
    pub(super) answers: Vec<(String, Vec<Option<Vec<f32>>>)>,
}

/// What is known for a policy.
#[derive(Clone)]
pub(super) struct Mind {
    pub(super) policy: Policy,
    pub(super) created: OffsetDateTime,
    pub(super) version: u32,
    pub(super) learnt: u64,
    /// How long it took to learn from all examples.
    pub(super) took: Duration,
    /// Whether something was added to it since.
    pub(super) is_amended: bool,
    /// When the newest of its examples was labelled.
    pub(super) newest: OffsetDateTime,
    /// What tells the middle of texts.
    pub(super) common: Vec<Vec<f32>>,
    space: Space,
    /// Of the generator's answers, with their names.
    answers: Vec<(String, Option<Space>)>,
    words: Words,
    learnt_of: Vec<(Target, Learnt)>,
    examples: Vec<Remembered>,
    /// How many of them the generator has read.
    read: usize,
}

/// An example to compare with.
#[derive(Clone)]
struct Remembered {
    id: TriageExampleId,
    ticket: Option<TicketId>,
    labels: TicketLabels,
    /// In [`Mind::space`].
    vector: Vec<f32>,
}

impl Remembered {
    fn of(example: &ExampleRecord, vector: Vec<f32>) -> Self {
        let ExampleRecord { id, ticket, labels, .. } = example;
        Self { id: id.clone(), ticket: ticket.clone(), labels: labels.clone(), vector }
    }
}

/// An example that is like a ticket.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Similar {
    pub(super) id: TriageExampleId,
    pub(super) ticket: Option<TicketId>,
    pub(super) labels: TicketLabels,
    /// 0 to 1.
    pub(super) likeness: f32,
}

/// A ticket that was labelled.
pub(super) struct Labelled {
    pub(super) example: ExampleRecord,
    /// The encoder's.
    pub(super) vector: Vec<f32>,
    /// What models made of it.
    pub(super) answers: Vec<Reading>,
}

/// What the models made of a ticket.
pub(super) struct Read<'a> {
    pub(super) text: &'a str,
    /// The encoder's.
    pub(super) vector: &'a [f32],
    /// The generator's; none where it was not asked.
    pub(super) answers: &'a [Reading],
}

impl Mind {
    /// Makes up a mind; takes a while with many examples.
    pub(super) fn of(material: Material) -> Self {
        let start = Instant::now();
        let Material { policy, phrases, phrase_vectors, common, .. } = &material;
        let (texts, vectors) = (&material.examples, &material.vectors);
        // With few examples what texts have in common is told by others.
        let others = if vectors.len() < common.len() { common.as_slice() } else { &[] };
        let all = vectors.iter().chain(others).map(Vec::as_slice);
        let space = Space::of(all);
        // Descriptions are written in another way than tickets are: they have a middle of their own.
        let of_phrases = space.moved(phrase_vectors.iter().map(Vec::as_slice));
        let spoken = texts.iter().map(|example| example.text.as_str());
        let words = Words::of(spoken.chain(phrases.iter().map(|phrase| phrase.text.as_str())));
        let answers: Vec<(String, Option<Space>)> =
            material.answers.iter().map(|(name, read)| (name.clone(), space_of(read))).collect();
        let sources = |target| {
            let chosen = phrases.iter().zip(phrase_vectors);
            let chosen: Vec<(&Phrase, &Vec<f32>)> =
                chosen.filter(|(one, _)| one.target == target).collect();
            let mut sources = vec![
                Source {
                    examples: vectors.iter().map(|vector| Some(space.row(vector))).collect(),
                    phrases: chosen.iter().map(|(_, vector)| of_phrases.row(vector)).collect(),
                    dimension: space.dimension(),
                    is_words: false,
                },
                Source {
                    examples: texts.iter().map(|one| Some(words.row(&one.text))).collect(),
                    phrases: chosen.iter().map(|(phrase, _)| words.row(&phrase.text)).collect(),
                    dimension: PLACES,
                    is_words: true,
                },
            ];
            for ((_, space), (_, read)) in answers.iter().zip(&material.answers) {
                let row = |vector: &Option<Vec<f32>>| {
                    let (space, vector) = (space.as_ref()?, vector.as_ref()?);
                    Some(space.row(vector))
                };
                sources.push(Source {
                    examples: read.iter().map(row).collect(),
                    phrases: Vec::new(),
                    dimension: space.as_ref().map_or(0, Space::dimension),
                    is_words: false,
                });
            }
            let labels: Vec<usize> = chosen.iter().map(|(phrase, _)| phrase.label).collect();
            (sources, labels)
        };
        let views = [vec![0, WORDS], (0..2 + answers.len()).collect()];
        let learn = |target: Target| {
            let (sources, described) = sources(target);
            let (sources, labels) = labelled(sources, texts, policy, target);
            let count = match target {
                Target::Field(field) => policy.choices(field).len(),
                Target::Alert => 2,
            };
            let right = Right { examples: &labels, phrases: &described, count };
            // Nothing says what is not asked for.
            (count > 0 && !(labels.is_empty() && described.is_empty()))
                .then(|| (target, Learnt::of(&sources, right, &views)))
        };
        let targets = Field::ALL.map(Target::Field).into_iter().chain([Target::Alert]);
        let learnt_of = targets.filter_map(learn).collect();
        let examples = texts.iter().zip(vectors);
        let examples =
            examples.map(|(one, vector)| Remembered::of(one, space.place(vector))).collect();
        let (policy, common) = (policy.clone(), common.clone());
        let newest = texts.iter().map(|example| example.created).max();
        let read = material.answers.first().map_or(0, |(_, read)| read.iter().flatten().count());
        Self {
            policy,
            created: material.created,
            version: material.version,
            learnt: material.learnt,
            took: start.elapsed(),
            is_amended: false,
            newest: newest.unwrap_or(OffsetDateTime::UNIX_EPOCH),
            common,
            space,
            answers,
            words,
            learnt_of,
            examples,
            read,
        }
    }

    /// Judges every field of a ticket; with what the generator made of it, if it was asked.
    pub(super) fn judge(&self, read: &Read<'_>) -> Vec<Judged> {
        let known = self.rows(read);
        let view = if read.answers.is_empty() { QUICK } else { FULL };
        let judged = |(target, learnt): &(Target, Learnt)| {
            let probabilities = learnt.judge(view, &known).iter().map(|one| one.exp()).collect();
            Judged { target: *target, probabilities }
        };
        self.learnt_of.iter().map(judged).collect()
    }

    /// What each source knows of a text.
    fn rows(&self, read: &Read<'_>) -> Vec<Option<Row>> {
        let mut known = vec![Some(self.space.row(read.vector)), Some(self.words.row(read.text))];
        for (name, space) in &self.answers {
            let answer = read.answers.iter().find(|answer| answer.reader == *name);
            let row = space.as_ref().zip(answer).map(|(space, answer)| space.row(&answer.vector));
            known.push(row);
        }
        known
    }

    /// The same with what was labelled since, by `learnt` of the policy.
    pub(super) fn amended(&self, changed: &[Labelled], learnt: u64) -> Self {
        let mut mind = self.clone();
        (mind.learnt, mind.is_amended) = (learnt, true);
        for Labelled { example, vector, answers } in changed {
            mind.newest = mind.newest.max(example.created);
            let before = mind.examples.iter_mut().find(|one| one.id == example.id);
            match before {
                Some(before) if before.labels == example.labels => continue,
                Some(before) => before.labels = example.labels.clone(),
                None => mind.examples.push(Remembered::of(example, self.space.place(vector))),
            }
            let known = self.rows(&Read { text: &example.text, vector, answers });
            for (target, learnt) in &mut mind.learnt_of {
                if let Some(label) = label(example, &self.policy, *target) {
                    learnt.amend(&known, label);
                }
            }
        }
        mind
    }

    /// What came of asking about examples that were not learnt from: log-probabilities and the right
    /// label. None while there are too few.
    pub(super) fn asked(&self, target: Target, with_generator: bool) -> &[(Vec<f32>, usize)] {
        let view = if with_generator { FULL } else { QUICK };
        self.of_target(target).map_or(&[], |learnt| &learnt.view(view).asked)
    }

    fn of_target(&self, target: Target) -> Option<&Learnt> {
        self.learnt_of.iter().find(|(known, _)| *known == target).map(|(_, learnt)| learnt)
    }

    /// The words of a text that speak most for a label, as they are written.
    pub(super) fn reasons(
        &self,
        text: &str,
        field: Field,
        label: usize,
        most: usize,
    ) -> Vec<String> {
        let learnt = self.of_target(Target::Field(field));
        let learner = learnt.and_then(|learnt| learnt.learner(WORDS));
        learner.map_or(Vec::new(), |learner| self.words.reasons(learner, text, label, most))
    }

    /// The examples that are most like a ticket, most first.
    pub(super) fn similar(&self, vector: &[f32], most: usize) -> Vec<Similar> {
        let placed = self.space.place(vector);
        let mut all: Vec<Similar> = self
            .examples
            .iter()
            .map(|one| Similar {
                id: one.id.clone(),
                ticket: one.ticket.clone(),
                labels: one.labels.clone(),
                likeness: cosine(&placed, &one.vector).max(0.0),
            })
            .filter(|similar| similar.likeness > 0.0)
            .collect();
        all.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        all.truncate(most);
        all
    }

    /// How many examples the generator has read.
    pub(super) fn read_count(&self) -> usize {
        self.read
    }

    /// How many examples it was made of.
    pub(super) fn example_count(&self) -> usize {
        self.examples.len()
    }
}

fn space_of(read: &[Option<Vec<f32>>]) -> Option<Space> {
    let vectors = read.iter().flatten().map(Vec::as_slice);
    (vectors.clone().count() > 1).then(|| Space::of(vectors))
}

/// Leaves those examples that have a label of `target`.
fn labelled(
    sources: Vec<Source>,
    examples: &[ExampleRecord],
    policy: &Policy,
    target: Target,
) -> (Vec<Source>, Vec<usize>) {
    let labels: Vec<Option<usize>> =
        examples.iter().map(|example| label(example, policy, target)).collect();
    let kept = |rows: Vec<Option<Row>>| {
        rows.into_iter().zip(&labels).filter(|(_, label)| label.is_some()).map(|(row, _)| row)
    };
    let sources = sources
        .into_iter()
        .map(|source| Source { examples: kept(source.examples).collect(), ..source });
    (sources.collect(), labels.iter().flatten().copied().collect())
}

/// The label of an example; none that the policy has no more.
fn label(example: &ExampleRecord, policy: &Policy, target: Target) -> Option<usize> {
    match target {
        Target::Field(field) => policy.position(field, of(&example.labels, field)?),
        Target::Alert => example.labels.alert.map(usize::from),
    }
}

/// A field's label.
pub(super) fn of(labels: &TicketLabels, field: Field) -> Option<&str> {
    match field {
        Field::Category => labels.category.as_deref(),
        Field::Urgency => labels.urgency.as_deref(),
        Field::Team => labels.team.as_deref(),
    }
}

#[cfg(test)]
pub(super) mod tests;
