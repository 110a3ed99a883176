//! Answers a question from the documents of a knowledge base.

use intramuros_engine::{EngineError, GenerateRequest, Prompt, TextEngine};
use intramuros_types::{KeyId, KnowledgeBaseId, RequestId, SamplingParams};

use crate::answer::Answering;
use crate::language::Language;
use crate::prompt::conversation;
use crate::search::{Hit, Ranking, Scope, SearchRequest, check_text};
use crate::{Knowledge, KnowledgeError};

/// The most passages that an answer may be written from.
const MAX_PASSAGES: usize = 20;

/// A question.
#[derive(Debug, Clone)]
pub struct AskRequest {
    /// Appears in logs.
    pub id: RequestId,
    /// Whose question it is; keys get equal shares of the generator.
    pub client: Option<KeyId>,
    /// The question.
    pub question: String,
    /// Passages to write from; `None` takes the configured number.
    pub passages: Option<usize>,
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
        let models = &self.shared.text;
        let model = models.default_model().ok_or(KnowledgeError::NoGenerator)?;
        let engine = &models.get(model.as_str()).await?;
        let limit = request.passages.unwrap_or(self.shared.config.passages);
        if !(1..=MAX_PASSAGES).contains(&limit) {
            let reason = format!("is {limit}, it must be 1 to {MAX_PASSAGES}");
            return Err(KnowledgeError::invalid("passages", reason));
        }
        check_text("question", &request.question)?;
        let default_language = self.get(base).await?.language;
        let language = Language::detect(&request.question, &default_language);
        let search = SearchRequest {
            query: request.question.clone(),
            limit,
            scope: request.scope.clone(),
            ranking: Ranking::Hybrid,
        };
        let mut hits = self.find(base, &search).await?;
        let gap = self.gap(base, &request.question, &request.scope);
        if hits.is_empty() {
            return Ok(Answering::nothing_found(language, gap));
        }
        let answer_tokens = self.shared.config.answer_tokens;
        fit(engine, &request.question, &mut hits, language, answer_tokens).await?;
        let prompt = Prompt::Chat(conversation(&request.question, &hits, language));
        let generation = engine
            .submit(GenerateRequest {
                client: request.client,
                ..GenerateRequest::new(request.id, prompt, SamplingParams::greedy(answer_tokens))
            })
            .await?;
        let model = engine.info().id.clone();
        Ok(Answering::new(&request.question, hits, generation, language, model, gap))
    }
}

/// Takes the last passages away until prompt and answer fit the context. The passages that are
/// left are reported to the client, so that nothing is cut silently.
async fn fit(
    engine: &TextEngine,
    question: &str,
    hits: &mut Vec<Hit>,
    language: Language,
    answer_tokens: u32,
) -> Result<(), KnowledgeError> {
    let context_tokens = engine.info().context_tokens;
    loop {
        let prompt = Prompt::Chat(conversation(question, hits, language));
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
