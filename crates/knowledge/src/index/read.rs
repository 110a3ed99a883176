//! Reads a document's file and cuts its text into passages, away from the async threads.

use std::sync::Arc;

use intramuros_ingest::worker::cancellation;
use intramuros_ingest::{EmbeddedFile, Extraction, IngestError, chunk};
use intramuros_ledger::DocumentRecord;
use intramuros_types::{Chunk, ExtractedDocument, ReadWarning};

use crate::target::Target;
use crate::{Knowledge, KnowledgeError};

/// What a file holds.
pub(crate) struct Reading {
    /// Its text; `None` for a container without any.
    pub(crate) document: Option<ExtractedDocument>,
    /// The passages of the text.
    pub(crate) chunks: Vec<Chunk>,
    /// The files within it.
    pub(crate) files: Vec<EmbeddedFile>,
    /// What could not be read well.
    pub(crate) warnings: Vec<ReadWarning>,
}

impl Knowledge {
    /// Reads the file in a process of its own, which ends with this future.
    pub(crate) async fn read(
        &self,
        record: &DocumentRecord,
        target: &Target,
    ) -> Result<Reading, KnowledgeError> {
        let (held, cancelled) = cancellation()
            .map_err(|error| IngestError::Unavailable { reason: error.to_string() })?;
        let shared = Arc::clone(&self.shared);
        let (codec, chunks) = (Arc::clone(target.encoder.codec()), target.chunks());
        let (digest, file_name) = (record.sha256.clone(), record.file_name.clone());
        let reading = tokio::task::spawn_blocking(move || {
            // Passages of a damaged file would be found as if they were its own.
            shared.blobs.verify(&digest)?;
            let path = shared.blobs.path(&digest)?;
            let config = &shared.config.extract;
            let extraction =
                shared.reader.read_file(&path, &file_name, config, Some(&cancelled))?;
            let Extraction { document, files, warnings } = extraction;
            let Some(mut document) = document else {
                return Ok(Reading { document: None, chunks: Vec::new(), files, warnings });
            };
            // A text that the tokenizer refuses counts as too large, so that it is split further.
            let count = |text: &str| codec.count_tokens(text).unwrap_or(usize::MAX / 2);
            let chunks = chunk(&document, &chunks, &count);
            if chunks.is_empty() && files.is_empty() {
                return Err(KnowledgeError::from(IngestError::Empty));
            }
            let warnings = std::mem::take(&mut document.warnings);
            Ok(Reading { document: Some(document), chunks, files, warnings })
        })
        .await?;
        drop(held);
        reading
    }
}
