//! Scores passages against a question with a cross-encoder.

use std::fmt;
use std::time::Duration;

use intramuros_backend::EmbedModelInfo;

use crate::{Caller, Distributions, EmbedEngine, EngineError, EngineStatus};

/// A loaded cross-encoder: it reads question and passage together, so it judges better than vectors
/// that were made apart, and takes a forward pass a passage. Cloning is cheap.
#[derive(Clone)]
pub struct Reranker {
    engine: EmbedEngine,
}

/// How well passages answer a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Relevance {
    /// One a passage, 0 to 1, in order.
    pub scores: Vec<f32>,
    /// Tokens that were read, those of the question once a passage.
    pub tokens: u32,
}

impl fmt::Debug for Reranker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.engine.fmt(f)
    }
}

impl Reranker {
    /// Makes a reranker of an engine whose encoder gives one number a pair.
    ///
    /// # Errors
    /// [`EngineError::InvalidConfig`] for an encoder of vectors.
    pub fn new(engine: EmbedEngine) -> Result<Self, EngineError> {
        let dimension = engine.info().dimension;
        if dimension != 1 {
            return Err(EngineError::InvalidConfig {
                name: "rerank.model",
                reason: format!("is an encoder of vectors of {dimension} numbers"),
            });
        }
        Ok(Self { engine })
    }

    /// What the model is.
    pub fn info(&self) -> &EmbedModelInfo {
        self.engine.info()
    }

    /// How well each of `passages` answers `query`, the logistic function of the model's logit. What
    /// is too long for the model loses its end where it may be `shorten`ed, and is refused else.
    ///
    /// # Errors
    /// Those of [`EmbedEngine::embed`].
    pub async fn score(
        &self,
        query: String,
        passages: Vec<String>,
        shorten: bool,
        caller: &Caller,
    ) -> Result<Relevance, EngineError> {
        let (logits, tokens) = self.engine.score(query, passages, shorten, caller).await?;
        let scores = logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect();
        Ok(Relevance { scores, tokens })
    }

    /// Scores one pair.
    ///
    /// # Errors
    /// Those of [`score`](Self::score).
    pub async fn warm_up(&self) -> Result<(), EngineError> {
        let passage = vec!["bonjour".to_owned()];
        let caller = Caller::interactive("warm_up");
        self.score("bonjour".to_owned(), passage, true, &caller).await.map(|_| ())
    }

    /// How the engine is doing.
    pub fn status(&self) -> EngineStatus {
        self.engine.status()
    }

    /// How its waits and batches are distributed.
    pub fn distributions(&self) -> Distributions {
        self.engine.distributions()
    }

    /// Stops as [`EmbedEngine::stop`] does.
    pub async fn stop(&self, grace: Duration) {
        self.engine.stop(grace).await;
    }
}
