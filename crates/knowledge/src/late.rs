//! Compares a question with candidate passages word by word.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use intramuros_engine::{EmbedEngine, Embedding, EncodedWords, InputKind};
use intramuros_maxsim::{Query, Space};
use intramuros_store::{Snapshot, TableSpec};
use tokio::sync::Mutex;

use crate::{Knowledge, KnowledgeError};

/// Passages that are looked at to learn what a collection's words have in common.
const SAMPLE: usize = 256;

/// What the words of each collection have in common, with the number of passages it had then.
#[derive(Default)]
pub(crate) struct Spaces {
    known: Mutex<HashMap<String, (u64, Arc<Space>)>>,
}

/// A question, ready for comparison.
pub(crate) struct LateQuery {
    query: Query,
}

impl LateQuery {
    /// How well the passage of `tokens` fits; `None` for one that carries no words.
    pub(crate) fn score(&self, tokens: &[u8]) -> Option<f32> {
        self.query.score(tokens)
    }

    /// How well each part of a passage fits by itself; a part is a range of its words.
    pub(crate) fn score_parts(&self, tokens: &[u8], parts: &[Range<usize>]) -> Option<Vec<f32>> {
        self.query.score_parts(tokens, parts)
    }
}

impl Knowledge {
    /// Prepares a question for the passages of `snapshot`; `None` when it has no word that says
    /// anything.
    pub(crate) async fn late_query(
        &self,
        encoder: &EmbedEngine,
        snapshot: &Snapshot,
        question: &str,
        embedding: &Embedding,
    ) -> Result<Option<LateQuery>, KnowledgeError> {
        let encoded = encoder.codec().encode_words(question, InputKind::Query);
        let EncodedWords { words, .. } = encoded.map_err(intramuros_engine::EngineError::from)?;
        let dimension = snapshot.spec().dimension;
        if words.is_empty() || embedding.groups.len() != words.len() * dimension {
            return Ok(None);
        }
        let weights: Vec<f32> = words.iter().map(|word| word.weight).collect();
        let space = self.space(snapshot).await?;
        Ok(Some(LateQuery { query: Query::new(&embedding.groups, &weights, &space) }))
    }

    /// What the words of a collection have in common; learnt anew when it has grown or shrunk by a
    /// quarter.
    async fn space(&self, snapshot: &Snapshot) -> Result<Arc<Space>, KnowledgeError> {
        let rows = snapshot.count_rows().await?;
        let name = key(snapshot.spec());
        let known = self.shared.spaces.known.lock().await.get(&name).cloned();
        if let Some((then, space)) = known
            && rows.abs_diff(then) <= then / 4
        {
            return Ok(space);
        }
        // Not under the lock: searches of other collections go on, and two that learn the same at
        // the same time learn the same.
        let sample = snapshot.sample_tokens(SAMPLE).await?;
        let dimension = snapshot.spec().dimension;
        let fit = move || Space::fit(sample.iter().map(Vec::as_slice), dimension);
        let space = Arc::new(tokio::task::spawn_blocking(fit).await?);
        self.shared.spaces.known.lock().await.insert(name, (rows, Arc::clone(&space)));
        Ok(space)
    }
}

fn key(spec: &TableSpec) -> String {
    let TableSpec { knowledge_base, model, dimension, generation } = spec;
    format!("{knowledge_base}/{model}/{dimension}/{generation}")
}
