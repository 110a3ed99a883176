//! Holds the knobs of indexing and answering.

use std::time::Duration;

use intramuros_ingest::{ChunkConfig, ExtractConfig};

/// Knobs of [`Knowledge`](crate::Knowledge), validated by the binary.
#[derive(Debug, Clone)]
pub struct KnowledgeConfig {
    /// How documents are cut.
    pub chunks: ChunkConfig,
    /// How one document is read, and what that may cost.
    pub extract: ExtractConfig,
    /// Passages given to the generator for one answer.
    pub passages: usize,
    /// Candidates of a search that the cross-encoder orders, where one is served.
    pub rerank_candidates: usize,
    /// The most tokens of one answer.
    pub answer_tokens: u32,
    /// How long questions that the documents did not answer are kept; `None` keeps none.
    pub unanswered_kept: Option<Duration>,
    /// Bytes of the disk that uploads leave free.
    pub min_free_bytes: u64,
    /// How deep files may be within one another: an archive attached to an e-mail is 2.
    pub max_depth: usize,
}
