//! Serves several encoders by their ids, and a cross-encoder beside them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use intramuros_types::ModelId;
use tokio::task::JoinSet;

use crate::{EmbedEngine, EngineError, Reranker};

/// The loaded encoders, the default one first. Cloning is cheap.
#[derive(Clone)]
pub struct Encoders {
    engines: Arc<[EmbedEngine]>,
    default: EmbedEngine,
    reranker: Option<Reranker>,
}

impl fmt::Debug for Encoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.engines.iter()).finish()
    }
}

impl Encoders {
    /// Serves `default` and `more`; ids are distinct.
    pub fn new(default: EmbedEngine, more: Vec<EmbedEngine>) -> Self {
        let engines = [default.clone()].into_iter().chain(more).collect();
        Self { engines, default, reranker: None }
    }

    /// The same with a cross-encoder beside them; its id is none of theirs.
    pub fn with_reranker(self, reranker: Option<Reranker>) -> Self {
        Self { reranker, ..self }
    }

    /// The cross-encoder, when one is served.
    pub fn reranker(&self) -> Option<&Reranker> {
        self.reranker.as_ref()
    }

    /// The one that new knowledge bases use.
    pub fn default_encoder(&self) -> &EmbedEngine {
        &self.default
    }

    /// The encoder `id`, when it is served.
    pub fn get(&self, id: &str) -> Option<&EmbedEngine> {
        self.engines.iter().find(|engine| engine.info().id.as_str() == id)
    }

    /// Every encoder, the default one first.
    pub fn all(&self) -> &[EmbedEngine] {
        &self.engines
    }

    /// The ids, the default one first.
    pub fn ids(&self) -> Vec<&ModelId> {
        self.engines.iter().map(|engine| &engine.info().id).collect()
    }

    /// Whether every encoder can be given work.
    pub fn healthy(&self) -> bool {
        self.engines.iter().all(|engine| engine.status().healthy)
            && self.reranker.iter().all(|reranker| reranker.status().healthy)
    }

    /// Lets each encoder compute once.
    ///
    /// # Errors
    /// That of the first that cannot.
    pub async fn warm_up(&self) -> Result<(), EngineError> {
        for engine in self.engines.iter() {
            engine.warm_up().await?;
        }
        if let Some(reranker) = &self.reranker {
            reranker.warm_up().await?;
        }
        Ok(())
    }

    /// Stops them all; work in progress may end within `drain`.
    pub async fn stop(&self, drain: Duration) {
        let mut stopping = JoinSet::new();
        for engine in self.engines.iter() {
            let engine = engine.clone();
            stopping.spawn(async move { engine.stop(drain).await });
        }
        if let Some(reranker) = self.reranker.clone() {
            stopping.spawn(async move { reranker.stop(drain).await });
        }
        stopping.join_all().await;
    }
}
