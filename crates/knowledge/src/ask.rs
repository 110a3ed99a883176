//! Answers a question from the documents of a knowledge base.

use intramuros_engine::{Caller, EngineError, GenerateRequest, Prompt, TextEngine};
use intramuros_types::{KnowledgeBaseId, Message, SamplingParams};

use crate::answer::{Answering, unwritten};
use crate::language::Language;
use crate::prompt::conversation;
use crate::request::{Ranking, Scope, SearchRequest, check_text};
use crate::search::Hit;
use crate::{Knowledge, KnowledgeError};

/// The most passages that an answer may be written from.
const MAX_PASSAGES: usize = 20;

/// Hits among which the best by words is looked for.
pub(crate) const LOOKED_AT: usize = 20;

/// A question.
#[derive(Debug, Clone)]
pub struct AskRequest {
    /// Who asks.
    pub caller: Caller,
    /// The question.
    pub question: String,
    /// Passages to write from; `None` takes the configured number.
    pub passages: Option<usize>,
    /// How passages are found and ordered.
    pub ranking: Ranking,
    /// Where to look.
    pub scope: Scope,
}

impl Knowledge {
    /// Retrieves passages and starts to write an answer from them, in the question's language.
    ///
    /// # Errors
    /// Not found, an invalid question, an overloaded or missing generator, or a failure of the
    /// store.
    pub async fn ask(
        &self,
        base: &KnowledgeBaseId,
        request: AskRequest,
    ) -> Result<Answering, KnowledgeError> {
        let engine = &self.generator().await?;
        let limit = request.passages.unwrap_or(self.shared.config.passages);
        if !(1..=MAX_PASSAGES).contains(&limit) {
            let reason = format!("is {limit}, it must be 1 to {MAX_PASSAGES}");
            return Err(KnowledgeError::invalid("passages", reason));
        }
        check_text("question", &request.question)?;
        let default_language = self.get(base).await?.language;
        let language = Language::detect(&request.question, &default_language);
        let is_calibrated = self.applying_calibration(base).await?.is_some();
        let search = SearchRequest {
            query: request.question.clone(),
            limit: limit.max(LOOKED_AT),
            per_document: None,
            scope: request.scope.clone(),
            ranking: request.ranking,
            caller: request.caller.clone(),
        };
        let mut hits = self.find(base, &search).await?;
        let gap = self.gap(base, &request.question, &request.scope);
        if hits.is_empty() {
            return Ok(Answering::nothing_found(language, gap));
        }
        let model = engine.info().id.clone();
        let mut judgement = None;
        // Uncalibrated, what the generator writes is as good a judgement as what it says of itself.
        if is_calibrated {
            let judged = self.judge(base, &request.question, &hits, &search.caller).await?;
            if !judged.answers() {
                keep_best(&mut hits, limit);
                return Ok(Answering::refused(hits, language, judged, gap));
            }
            judgement = Some(judged);
        }
        keep_best(&mut hits, limit);
        let answer_tokens = self.shared.config.answer_tokens;
        let conversation = |hits: &[Hit]| conversation(&request.question, hits, language, true);
        fit(engine, &mut hits, answer_tokens, conversation).await?;
        let prompt = Prompt::Chat(conversation(&hits));
        let generation = engine
            .submit(GenerateRequest::of(
                &request.caller,
                prompt,
                SamplingParams::greedy(answer_tokens),
            ))
            .await?;
        let unwritten = unwritten(language, Some(model), judgement);
        Ok(Answering::new(&request.question, hits, generation, unwritten, gap))
    }
}

/// Keeps the first `limit` hits. The last of them gives way to the best by words when that is not
/// among them: a row of a price list that has every word of the question is little like a sentence,
/// and late interaction puts it behind whole paragraphs about the same thing.
pub(crate) fn keep_best(hits: &mut Vec<Hit>, limit: usize) {
    let by_words = |hit: &Hit| hit.lexical.unwrap_or(0.0);
    let border = limit.min(hits.len());
    let (kept, others) = hits.split_at_mut(border);
    let known = kept.iter().map(by_words).fold(0.0, f32::max);
    let better = others.iter_mut().max_by(|a, b| by_words(a).total_cmp(&by_words(b)));
    // A single passage is the first one.
    if let (Some(last), Some(better)) = (kept.get_mut(1..).and_then(<[Hit]>::last_mut), better)
        && by_words(better) > known
    {
        std::mem::swap(last, better);
    }
    hits.truncate(limit);
}

/// Takes the last passages away until prompt and answer fit the context. The passages that are
/// left are reported to the client, so that nothing is cut silently.
pub(crate) async fn fit(
    engine: &TextEngine,
    hits: &mut Vec<Hit>,
    answer_tokens: u32,
    conversation: impl Fn(&[Hit]) -> Vec<Message>,
) -> Result<(), KnowledgeError> {
    let context_tokens = engine.info().context_tokens;
    loop {
        let prompt = Prompt::Chat(conversation(hits));
        let prompt_tokens = engine.count_prompt_tokens(&prompt).await?;
        if prompt_tokens.saturating_add(answer_tokens) <= context_tokens {
            return Ok(());
        }
        if hits.len() <= 1 {
            let max_tokens = Some(answer_tokens);
            return Err(
                EngineError::PromptTooLong { prompt_tokens, context_tokens, max_tokens }.into()
            );
        }
        hits.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::keep_best;
    use crate::search::Hit;

    /// Hits of these scores by words, in their order; gives the scores of those that are kept.
    fn kept(by_words: &[Option<f32>], limit: usize) -> Vec<Option<f32>> {
        let hit = |lexical: &Option<f32>| Hit { lexical: *lexical, ..Hit::of("doc_1", "x") };
        let mut hits: Vec<Hit> = by_words.iter().map(hit).collect();
        keep_best(&mut hits, limit);
        hits.into_iter().map(|hit| hit.lexical).collect()
    }

    #[test]
    fn the_last_passage_gives_way_to_the_best_by_words() {
        let all = [Some(3.0), None, Some(2.0), Some(1.0), Some(9.0), Some(4.0)];
        assert_eq!(kept(&all, 3), [Some(3.0), None, Some(9.0)]);
        assert_eq!(kept(&all, 1), [Some(3.0)]);
        assert_eq!(kept(&all, 5), all[..5]);
        assert_eq!(kept(&[Some(3.0), Some(1.0), Some(3.0)], 2), [Some(3.0), Some(1.0)]);
        assert_eq!(kept(&[None, None, None], 2), [None, None]);
        assert_eq!(kept(&[None], 6), [None]);
    }
}
