//! Ties an index to its table and to the encoder that made it.

use intramuros_engine::EmbedEngine;
use intramuros_ingest::ChunkConfig;
use intramuros_ledger::{Chunking, IndexRecord};
use intramuros_store::{PassageTable, TableSpec};
use intramuros_types::KnowledgeBaseId;

use crate::{Knowledge, KnowledgeError};

/// An index that can be written to and searched.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) index: IndexRecord,
    pub(crate) table: PassageTable,
    pub(crate) encoder: EmbedEngine,
    /// A table whose vectors are of the same encoder.
    pub(crate) reuse: Option<PassageTable>,
}

impl Target {
    /// How its documents are cut.
    pub(crate) fn chunks(&self) -> ChunkConfig {
        let Chunking { version: _, target_tokens, max_tokens } = self.index.chunking;
        ChunkConfig {
            target_tokens: target_tokens as usize,
            max_tokens: max_tokens as usize,
            overlap_tokens: 0,
        }
    }
}

impl Knowledge {
    /// The index that searches of `base` look in.
    pub(crate) async fn active(&self, base: &KnowledgeBaseId) -> Result<Target, KnowledgeError> {
        self.target(self.shared.ledger.active_index(base).await?).await
    }

    /// An index with its table and its encoder.
    pub(crate) async fn target(&self, index: IndexRecord) -> Result<Target, KnowledgeError> {
        let encoder = self.encoder(index.embedding_model.as_str())?.clone();
        let table = self.shared.store.table(&self.spec(&index)?).await?;
        Ok(Target { index, table, encoder, reuse: None })
    }

    /// The tables of every index of `base`: what is erased is erased in all of them.
    pub(crate) async fn tables(
        &self,
        base: &KnowledgeBaseId,
    ) -> Result<Vec<PassageTable>, KnowledgeError> {
        let mut tables = Vec::new();
        for index in self.shared.ledger.indexes(base).await? {
            tables.push(self.shared.store.table(&self.spec(&index)?).await?);
        }
        Ok(tables)
    }

    /// The encoder `model`.
    pub(crate) fn encoder(&self, model: &str) -> Result<&EmbedEngine, KnowledgeError> {
        let encoders = &self.shared.encoders;
        encoders.get(model).ok_or_else(|| {
            let running: Vec<&str> = encoders.ids().into_iter().map(|id| id.as_str()).collect();
            KnowledgeError::OtherEncoder {
                indexed: model.to_owned(),
                running: running.join("', '"),
            }
        })
    }

    pub(crate) fn spec(&self, index: &IndexRecord) -> Result<TableSpec, KnowledgeError> {
        let dimension = match index.dimension {
            Some(dimension) => dimension as usize,
            None => self.encoder(index.embedding_model.as_str())?.info().dimension,
        };
        Ok(TableSpec {
            knowledge_base: index.knowledge_base.clone(),
            model: index.embedding_model.clone(),
            dimension,
            generation: index.generation,
        })
    }
}
