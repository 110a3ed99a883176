//! Gathers the questions that an assistant did not answer, those about the same together, for those
//! who write the documents.
//!
//! Two questions are alike by meaning (the cosine of their vectors, from which the mean of all was
//! taken, so that what every question here has in common counts for nothing) and by their words.
//! Groups are joined while those in them are alike on average (UPGMA). Measured on BANKING77, whose
//! intents are close to each other (40 of them, 1 to 12 questions of each, six draws, e5-small): 71 %
//! of the pairs that are put together belong together, and 41 % of those that do are; meaning alone
//! has 66 and 40 %, the plain cosine 75 and 37 %.

use std::collections::{BTreeMap, HashSet};

use intramuros_ledger::{Gap, Reviewer};
use intramuros_types::AssistantId;
use time::OffsetDateTime;

use super::ChatError;
use super::desk::Chat;
use super::words::{content, stem};

/// The newest questions that are looked at.
const LOOKED_AT: u32 = 2_000;
/// Questions that a group shows.
const EXAMPLES: usize = 5;
/// How alike those of a group are on average.
const ALIKE: f32 = 0.4;
/// What the share of common words counts beside meaning.
const OF_WORDS: f32 = 0.25;
/// From how many questions on their mean says what all have in common; fewer are told apart by
/// their words.
const ENOUGH: usize = 12;
/// The share of common words from which on two questions are alike by these alone.
const SAME_WORDS: f32 = 0.5;

/// Questions that ask about the same.
#[derive(Debug, Clone, PartialEq)]
pub struct GapGroup {
    /// The one that is most like the others, which stands for all.
    pub question: String,
    /// How often it was asked.
    pub count: u64,
    /// In how many conversations.
    pub conversations: u64,
    /// Why there was no answer, and how often for which reason.
    pub reasons: BTreeMap<String, u64>,
    /// When it was asked first.
    pub first: OffsetDateTime,
    /// When it was asked last.
    pub last: OffsetDateTime,
    /// Some of the questions, the newest first, up to 5.
    pub examples: Vec<Gap>,
}

impl Chat {
    /// The questions that an assistant did not answer from `from` and before `to`, those about the
    /// same together, the most asked first; of the newest 2,000, in conversations that `reader` may
    /// see.
    ///
    /// # Errors
    /// Not found; a failure of the ledger.
    pub async fn gaps(
        &self,
        assistant: &AssistantId,
        between: (OffsetDateTime, OffsetDateTime),
        reader: &Reviewer,
    ) -> Result<Vec<GapGroup>, ChatError> {
        let ledger = &self.shared.ledger;
        ledger.get_assistant(assistant).await?;
        let gaps = ledger.list_gaps(assistant, between, LOOKED_AT, reader).await?;
        Ok(tokio::task::spawn_blocking(move || grouped(gaps)).await?)
    }
}

/// `gaps`, newest first, by what they ask.
fn grouped(gaps: Vec<Gap>) -> Vec<GapGroup> {
    let likeness = likeness(&gaps);
    let groups = join(&likeness, gaps.len());
    let mut found: Vec<GapGroup> =
        groups.iter().filter_map(|members| group(members, &gaps, &likeness)).collect();
    found.sort_by_key(|group| std::cmp::Reverse((group.count, group.last)));
    found
}

fn group(members: &[usize], gaps: &[Gap], likeness: &[Vec<f32>]) -> Option<GapGroup> {
    let of = |at: usize| -> f32 { members.iter().map(|other| likeness[at][*other]).sum() };
    let middle = members.iter().copied().max_by(|a, b| of(*a).total_cmp(&of(*b)))?;
    let all: Vec<&Gap> = members.iter().map(|at| &gaps[*at]).collect();
    let mut reasons = BTreeMap::new();
    for gap in &all {
        *reasons.entry(gap.reason.clone()).or_insert(0) += 1;
    }
    let conversations: HashSet<&str> = all.iter().map(|gap| gap.conversation.as_str()).collect();
    Some(GapGroup {
        question: gaps[middle].question.clone(),
        count: all.len() as u64,
        conversations: conversations.len() as u64,
        reasons,
        first: all.iter().map(|gap| gap.at).min()?,
        last: all.iter().map(|gap| gap.at).max()?,
        examples: all.into_iter().take(EXAMPLES).cloned().collect(),
    })
}

/// How alike each two of `gaps` are.
fn likeness(gaps: &[Gap]) -> Vec<Vec<f32>> {
    let stems: Vec<HashSet<String>> = gaps
        .iter()
        .map(|gap| content(&gap.question).iter().map(|word| stem(word).to_owned()).collect())
        .collect();
    let vectors = centred(gaps);
    let alike = |a: usize, b: usize| {
        let common = stems[a].intersection(&stems[b]).count();
        let all = stems[a].union(&stems[b]).count();
        let words = common as f32 / all.max(1) as f32;
        match (&vectors[a], &vectors[b]) {
            (Some(one), Some(other)) => dot(one, other) + OF_WORDS * words,
            _ => words * ALIKE / SAME_WORDS,
        }
    };
    let row = |a: usize| (0..gaps.len()).map(|b| alike(a, b)).collect();
    (0..gaps.len()).map(row).collect()
}

/// The vectors of `gaps` by the model of most of them, without their mean, of length 1; none of few
/// questions.
fn centred(gaps: &[Gap]) -> Vec<Option<Vec<f32>>> {
    let mut models: BTreeMap<&str, usize> = BTreeMap::new();
    for (model, _) in gaps.iter().filter_map(|gap| gap.embedding.as_ref()) {
        *models.entry(model).or_default() += 1;
    }
    let Some((model, count)) = models.into_iter().max_by_key(|(_, count)| *count) else {
        return vec![None; gaps.len()];
    };
    if count < ENOUGH {
        return vec![None; gaps.len()];
    }
    let read = |gap: &Gap| {
        let (of, bytes) = gap.embedding.as_ref()?;
        let value = |bytes: &[u8]| Some(f32::from_le_bytes(bytes.try_into().ok()?));
        (of == model).then(|| bytes.chunks_exact(4).filter_map(value).collect::<Vec<f32>>())
    };
    let mut vectors: Vec<Option<Vec<f32>>> = gaps.iter().map(read).collect();
    let size = vectors.iter().flatten().map(Vec::len).max().unwrap_or_default();
    let mut mean = vec![0.0; size];
    for vector in vectors.iter().flatten() {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / count as f32);
    }
    for vector in vectors.iter_mut().flatten() {
        vector.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        let length = dot(vector, vector).sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vectors
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Joins the two groups that are most alike on average until none are alike enough. Each group keeps
/// its nearest, so that this takes little more than the square of the number of questions.
///
/// Source: Sokal and Michener 1958 (unweighted pair-group method using arithmetic averages); Müllner
/// 2011, "Modern hierarchical, agglomerative clustering algorithms" (arXiv 1109.2378), section 3.1.
fn join(likeness: &[Vec<f32>], count: usize) -> Vec<Vec<usize>> {
    let mut alike: Vec<Vec<f32>> = likeness.to_vec();
    let mut groups: Vec<Vec<usize>> = (0..count).map(|at| vec![at]).collect();
    let mut nearest: Vec<Option<usize>> = Vec::with_capacity(count);
    for at in 0..count {
        nearest.push(nearest_of(at, &alike, &groups));
    }
    loop {
        let best = (0..count)
            .filter_map(|at| nearest[at].map(|other| (at, other)))
            .max_by(|(a, b), (c, d)| alike[*a][*b].total_cmp(&alike[*c][*d]));
        let Some((a, b)) = best.filter(|(a, b)| alike[*a][*b] >= ALIKE) else { break };
        let (of_a, of_b) = (groups[a].len() as f32, groups[b].len() as f32);
        let mean = |(one, other): (&f32, &f32)| (one * of_a + other * of_b) / (of_a + of_b);
        let joined: Vec<f32> = alike[a].iter().zip(&alike[b]).map(mean).collect();
        for (row, likeness) in alike.iter_mut().zip(&joined) {
            row[a] = *likeness;
        }
        alike[a] = joined;
        let moved = std::mem::take(&mut groups[b]);
        groups[a].extend(moved);
        nearest[b] = None;
        for at in 0..count {
            if at == a || nearest[at] == Some(a) || nearest[at] == Some(b) {
                nearest[at] = nearest_of(at, &alike, &groups);
            } else if let Some(near) = nearest[at]
                && alike[at][a] > alike[at][near]
            {
                nearest[at] = Some(a);
            }
        }
    }
    groups.retain(|members| !members.is_empty());
    for members in &mut groups {
        members.sort_unstable();
    }
    groups
}

/// The group that is most like the one at `at`; `None` where there is no other, or it is gone.
fn nearest_of(at: usize, alike: &[Vec<f32>], groups: &[Vec<usize>]) -> Option<usize> {
    if groups[at].is_empty() {
        return None;
    }
    let others = (0..groups.len()).filter(|other| *other != at && !groups[*other].is_empty());
    others.max_by(|a, b| alike[at][*a].total_cmp(&alike[at][*b]))
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::Gap;
    use intramuros_types::ConversationId;
    use time::{Duration, OffsetDateTime};

    use super::grouped;

    fn gap(number: i64, question: &str, vector: Option<[f32; 3]>) -> Gap {
        let bytes = |vector: [f32; 3]| vector.iter().flat_map(|one| one.to_le_bytes()).collect();
        Gap {
            conversation: ConversationId::new(format!("conv_{}", number / 2)),
            message: u32::try_from(number).unwrap(),
            at: OffsetDateTime::UNIX_EPOCH + Duration::days(number),
            language: "fr".to_owned(),
            reason: if number % 2 == 0 { "no_answer" } else { "low_evidence" }.to_owned(),
            question: question.to_owned(),
            embedding: vector.map(|vector| ("e5".to_owned(), bytes(vector))),
        }
    }

    #[test]
    fn few_questions_are_told_apart_by_their_words() {
        let gaps = vec![
            gap(3, "Livrez-vous en Corse ?", None),
            gap(2, "la livraison en Corse est possible ?", None),
            gap(1, "Acceptez-vous les chèques ?", None),
        ];
        let groups = grouped(gaps);
        assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [2, 1]);
        let first = &groups[0];
        assert_eq!((first.conversations, first.reasons.len()), (1, 2));
        assert_eq!(first.last - first.first, Duration::days(1));
        assert_eq!(first.examples[0].message, 3);
        assert!(grouped(Vec::new()).is_empty());
    }

    #[test]
    fn many_are_told_apart_by_what_they_mean() {
        let direction = |number: i64| match number % 3 {
            0 => [1.0, 0.1, 0.0],
            1 => [0.0, 1.0, 0.1],
            _ => [0.1, 0.0, 1.0],
        };
        let word = |number: i64| format!("mot{number}");
        let gaps = (0..18).rev().map(|at| gap(at, &word(at), Some(direction(at)))).collect();
        let groups = grouped(gaps);
        assert_eq!(groups.iter().map(|group| group.count).collect::<Vec<_>>(), [6, 6, 6]);
        assert!(groups.iter().all(|group| group.examples.len() == 5));
    }
}
