//! Orders passages by how likely they make the question, as a generator sees it.
//!
//! A question in the words of a layman and the page in those of the manual have few words and little
//! of an encoder's space in common; a generator has read enough of both to know that one leads to
//! the other. It reads each passage and is asked nothing: what counts is how probable it finds the
//! question after it. That takes a pass over the passage, so only the first hits are read.
//!
//! Source: Sachan et al. 2022, "Improving Passage Retrieval with Zero-Shot Question Generation".

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _};
use intramuros_engine::{Caller, Completion, GenerateRequest, Prompt, PromptToken, TextEngine};
use intramuros_ingest::context_line;
use intramuros_types::{DocumentId, SamplingParams};
use unicode_normalization::UnicodeNormalization as _;

use crate::fuse::{OF_LIKELIHOOD, convex_combination};
use crate::language::Language;
use crate::search::Hit;
use crate::{Knowledge, KnowledgeError};

/// Hits that are read, and characters of each. Measured on kb_gimp.
pub(crate) const READ: usize = 20;
const PASSAGE_CHARS: usize = 700;

/// Passages of one document that are read before those of others.
const OF_A_DOCUMENT: usize = 2;

/// Characters of the question that are read.
const QUESTION_CHARS: usize = 1_000;

/// Passages of one search that wait for the generator at the same time.
const AT_ONCE: usize = 4;

/// Tokens by which the end of a prompt can have more than the question alone.
const MARGIN: usize = 4;

impl Knowledge {
    /// Orders the first hits by how likely they make `question`, with the order that they had beside
    /// it; the others follow as they were.
    pub(crate) async fn order_by_likelihood(
        &self,
        question: &str,
        hits: Vec<Hit>,
        language: Language,
        caller: &Caller,
    ) -> Result<Vec<Hit>, KnowledgeError> {
        let engine = self.generator().await?;
        let question = readable(question);
        let tokens = engine.tokenize(question.clone(), false).await?.len();
        let mut hits = spread(hits);
        let rest = hits.split_off(hits.len().min(READ));
        let mut prompts = Vec::with_capacity(hits.len());
        for hit in &hits {
            prompts.push(prompt(&question, hit, language));
        }
        let read = prompts
            .into_iter()
            .map(|prompt| complete(engine.clone(), prompt, tokens + MARGIN, caller.clone()));
        let read: Vec<Completion> =
            futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
        let per_token = |read| likelihood(read, &question).map(|sum| sum / tokens.max(1) as f32);
        let likelihoods: Option<Vec<f32>> = read.iter().map(per_token).collect();
        let Some(likelihoods) = likelihoods else {
            // A tokenizer that spells differently; the order is that before.
            hits.extend(rest);
            hits.sort_by(|a, b| b.score.total_cmp(&a.score));
            return Ok(hits);
        };
        let mut hits = ordered(hits, &likelihoods);
        let lowest = hits.last().map_or(1.0, |hit| hit.score);
        hits.extend(rest.into_iter().map(|hit| Hit { score: hit.score.min(lowest), ..hit }));
        Ok(hits)
    }
}

/// The hits with those after the second of a document behind: what else a document has is less
/// likely to answer than another document.
fn spread(hits: Vec<Hit>) -> Vec<Hit> {
    let mut counts: HashMap<DocumentId, usize> = HashMap::new();
    let (mut first, others): (Vec<Hit>, Vec<Hit>) = hits.into_iter().partition(|hit| {
        let count = counts.entry(hit.passage.document.clone()).or_default();
        *count += 1;
        *count <= OF_A_DOCUMENT
    });
    first.extend(others);
    first
}

/// The beginning of a question as tokenizers spell it.
pub(crate) fn readable(question: &str) -> String {
    question.trim().nfc().take(QUESTION_CHARS).collect()
}

/// What the generator reads.
fn prompt(question: &str, hit: &Hit, language: Language) -> String {
    let line = context_line(&hit.passage.title, &hit.passage.section_path);
    let text: String = hit.passage.text.trim().chars().take(PASSAGE_CHARS).collect();
    match language {
        Language::French => format!(
            "Extrait d'un document :\n{line}\n{text}\n\nQuestion d'un utilisateur à laquelle cet \
             extrait répond : {question}"
        ),
        Language::English => format!(
            "Extract of a document:\n{line}\n{text}\n\nQuestion of a user that this extract \
             answers: {question}"
        ),
    }
}

async fn complete(
    engine: TextEngine,
    prompt: String,
    last: usize,
    caller: Caller,
) -> Result<Completion, KnowledgeError> {
    let sampling = SamplingParams { logprobs: Some(0), ..SamplingParams::greedy(0) };
    let request = GenerateRequest {
        prompt_logprobs: last,
        ..GenerateRequest::of(&caller, Prompt::Text(prompt), sampling)
    };
    Ok(engine.submit(request).await?.collect().await?)
}

/// `hits` by `likelihoods`, which are in their order, and by the scores that they had.
fn ordered(hits: Vec<Hit>, likelihoods: &[f32]) -> Vec<Hit> {
    let by_likelihood: Vec<(usize, f32)> = likelihoods.iter().copied().enumerate().collect();
    let by_score: Vec<(usize, f32)> = hits.iter().map(|hit| hit.score).enumerate().collect();
    let fused = convex_combination(&by_likelihood, &by_score, OF_LIKELIHOOD);
    let mut hits: Vec<Option<Hit>> = hits.into_iter().map(Some).collect();
    let take = |(at, score): (usize, f32)| {
        let likelihood = likelihoods.get(at).copied();
        Some(Hit { score, likelihood, ..hits.get_mut(at)?.take()? })
    };
    fused.into_iter().filter_map(take).collect()
}

/// The logarithm of the probability of `question` where it stands last in the prompt; `None` where
/// it cannot be found.
pub(crate) fn likelihood(completion: &Completion, question: &str) -> Option<f32> {
    let mut text = Vec::new();
    let mut tokens = Vec::with_capacity(completion.prompt.len());
    for token in &completion.prompt {
        let (bytes, logprob) = match token {
            PromptToken::First(token) => (&token.bytes, 0.0),
            PromptToken::Next(next) => (&next.token.bytes, next.logprob),
        };
        text.extend_from_slice(bytes);
        tokens.push((text.len(), logprob));
    }
    let wanted = question.as_bytes();
    let start = text.windows(wanted.len().max(1)).rposition(|part| part == wanted)?;
    let end = start + question.len();
    let mut before = 0;
    let mut sum = 0.0;
    for (after, logprob) in tokens {
        if before < end && after > start {
            sum += logprob;
        }
        before = after;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use intramuros_engine::{Completion, PromptToken, TokenLogprob, TokenText};
    use intramuros_types::{FinishReason, Usage};

    use super::{likelihood, ordered, spread};
    use crate::search::Hit;

    fn documents(hits: Vec<Hit>) -> Vec<String> {
        hits.into_iter().map(|hit| hit.passage.document.to_string()).collect()
    }

    #[test]
    fn a_third_passage_of_a_document_is_read_after_others() {
        let hits = ["a", "a", "a", "b", "a", "c"].map(|document| Hit::of(document, "x")).to_vec();
        assert_eq!(documents(spread(hits)), ["a", "a", "b", "c", "a", "a"]);
    }

    #[test]
    fn likelihood_and_the_order_before_count_alike() {
        let hit = |(document, score)| Hit { score, ..Hit::of(document, "x") };
        let hits: Vec<Hit> = [("a", 1.0), ("b", 0.9), ("c", 0.1)].map(hit).to_vec();
        let ordered = ordered(hits, &[-4.0, -1.0, -2.0]);
        assert_eq!(ordered[0].likelihood, Some(-1.0));
        assert!(ordered.is_sorted_by(|a, b| a.score >= b.score));
        assert_eq!(documents(ordered), ["b", "a", "c"]);
    }

    fn token(text: &str) -> TokenText {
        TokenText { id: 0, bytes: text.as_bytes().to_vec(), special: None }
    }

    #[test]
    fn the_question_is_where_it_stands_last() {
        let next = |text, logprob| {
            PromptToken::Next(TokenLogprob { token: token(text), logprob, top: Vec::new() })
        };
        let prompt = vec![
            PromptToken::First(token("<s>")),
            next("prix ?", -1.0),
            next("Question : pr", -2.0),
            next("ix", -4.0),
            next(" ?", -8.0),
            next(" Oui", -16.0),
        ];
        let completion = Completion {
            prompt,
            hidden: Vec::new(),
            text: String::new(),
            tool_calls: Vec::new(),
            logprobs: Vec::new(),
            reason: FinishReason::Length,
            usage: Usage::default(),
        };
        assert_eq!(likelihood(&completion, "prix ?"), Some(-14.0));
        assert_eq!(likelihood(&completion, "délai ?"), None);
    }
}
