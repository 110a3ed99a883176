//! Holds the parts together and changes what the knowledge bases contain.

use std::sync::Arc;

use intramuros_engine::{EmbedEngine, TextModels};
use intramuros_ledger::{
    DocumentPage, DocumentRecord, DocumentState, Inserted, KnowledgeBase, KnowledgeBaseState,
    Ledger, LedgerError, NewDocument, NewKnowledgeBase, Page,
};
use intramuros_store::{BlobWriter, Blobs, PassageTable, Store, TableSpec};
use intramuros_types::{DocumentId, KnowledgeBaseId};
use tokio::sync::{Mutex, Notify};

use crate::index::MediaType;
use crate::{KnowledgeConfig, KnowledgeError};

/// What a [`Knowledge`] works with.
pub struct KnowledgeParts {
    /// Knowledge bases and documents.
    pub ledger: Ledger,
    /// Passages and vectors.
    pub store: Store,
    /// Uploaded files.
    pub blobs: Blobs,
    /// The encoder.
    pub embed: EmbedEngine,
    /// The generators, of which the default one writes answers; without one only search works.
    pub text: TextModels,
}

/// The knowledge bases of this server. Clones share everything.
#[derive(Clone)]
pub struct Knowledge {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) embed: EmbedEngine,
    pub(crate) text: TextModels,
    pub(crate) config: KnowledgeConfig,
    /// Wakes the lanes of the indexer. They register before they look at the queue, so that no
    /// upload can slip between.
    pub(crate) work: Notify,
    /// Wakes those who wait for a document to be indexed.
    pub(crate) progress: Notify,
    /// Held while a blob is tied to a ledger row or loses its last one, so that an upload of
    /// the same bytes cannot meet their removal half way. Never held across a model.
    pub(crate) blob_gate: Mutex<()>,
}

/// A file on its way in. Its bytes are in a temporary file; dropping it leaves nothing.
pub struct Upload {
    file_name: String,
    content: BlobWriter,
}

impl Upload {
    /// Appends a piece. Blocks for as long as the page cache takes.
    ///
    /// # Errors
    /// [`KnowledgeError::TooLarge`], or a failure of the disk.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), KnowledgeError> {
        Ok(self.content.write(piece)?)
    }
}

impl Knowledge {
    /// Ties the parts together. [`run_indexer`](Self::run_indexer) must run for uploads to become
    /// searchable.
    pub fn new(parts: KnowledgeParts, config: KnowledgeConfig) -> Self {
        let KnowledgeParts { ledger, store, blobs, embed, text } = parts;
        Self {
            shared: Arc::new(Shared {
                ledger,
                store,
                blobs: Arc::new(blobs),
                embed,
                text,
                config,
                work: Notify::new(),
                progress: Notify::new(),
                blob_gate: Mutex::new(()),
            }),
        }
    }

    /// Creates a knowledge base for the encoder that runs.
    ///
    /// # Errors
    /// A ledger conflict when `id` exists, an invalid field, or a failure of the store.
    pub async fn create(
        &self,
        id: KnowledgeBaseId,
        title: String,
        language: String,
    ) -> Result<KnowledgeBase, KnowledgeError> {
        let embedding_model = self.shared.embed.info().id.clone();
        let new = NewKnowledgeBase { id, title, embedding_model, language };
        let base = self.shared.ledger.create_knowledge_base(new).await?;
        self.table(&base).await?;
        Ok(base)
    }

    /// The knowledge base `id`.
    ///
    /// # Errors
    /// Not found, also while it is being erased.
    pub async fn get(&self, id: &KnowledgeBaseId) -> Result<KnowledgeBase, KnowledgeError> {
        let base = self.shared.ledger.get_knowledge_base(id).await?;
        match base.state {
            KnowledgeBaseState::Active => Ok(base),
            KnowledgeBaseState::Deleting => {
                Err(LedgerError::NotFound { what: "knowledge base", id: id.to_string() }.into())
            }
        }
    }

    /// Every knowledge base that is not being erased.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn list(&self) -> Result<Vec<KnowledgeBase>, KnowledgeError> {
        let mut bases = self.shared.ledger.list_knowledge_bases().await?;
        bases.retain(|base| base.state == KnowledgeBaseState::Active);
        Ok(bases)
    }

    /// Erases a knowledge base with its passages and files. A crash half way is finished at the
    /// next start.
    ///
    /// # Errors
    /// Not found, or a failure of the store or the ledger.
    pub async fn delete(&self, id: &KnowledgeBaseId) -> Result<(), KnowledgeError> {
        self.shared.ledger.delete_knowledge_base(id).await?;
        self.finish_deleting_base(id).await
    }

    pub(crate) async fn finish_deleting_base(
        &self,
        id: &KnowledgeBaseId,
    ) -> Result<(), KnowledgeError> {
        self.shared.store.drop_knowledge_base(id).await?;
        let _gate = self.shared.blob_gate.lock().await;
        let unused = self.shared.ledger.forget_knowledge_base(id).await?;
        self.remove_blobs(unused).await
    }

    /// Starts to receive a file of at most `max_bytes`; `file_name` is shown, never a path.
    ///
    /// # Errors
    /// A failure of the disk.
    pub async fn receive(
        &self,
        file_name: String,
        max_bytes: u64,
    ) -> Result<Upload, KnowledgeError> {
        let blobs = Arc::clone(&self.shared.blobs);
        let content = tokio::task::spawn_blocking(move || blobs.writer(max_bytes)).await??;
        Ok(Upload { file_name, content })
    }

    /// Makes a received file durable and queues it for indexing. When this returns, the document
    /// survives a crash.
    ///
    /// # Errors
    /// Not found for the knowledge base, an empty file, an invalid name, or a failure of the disk.
    pub async fn add(
        &self,
        base: &KnowledgeBaseId,
        upload: Upload,
    ) -> Result<Inserted, KnowledgeError> {
        self.get(base).await?;
        let Upload { file_name, content } = upload;
        if content.is_empty() {
            return Err(KnowledgeError::invalid("file", format!("'{file_name}' is empty")));
        }
        let bytes = content.len();
        let media_type = MediaType::of(&file_name).as_str().to_string();
        let _gate = self.shared.blob_gate.lock().await;
        let sha256 = tokio::task::spawn_blocking(move || content.finish()).await??;
        let knowledge_base = base.clone();
        let digest = sha256.clone();
        let new = NewDocument { knowledge_base, file_name, media_type, bytes, sha256 };
        let inserted = match self.shared.ledger.insert_document(new).await {
            Ok(inserted) => inserted,
            Err(error) => {
                self.remove_unneeded(vec![digest]).await;
                return Err(error.into());
            }
        };
        self.shared.work.notify_waiters();
        Ok(inserted)
    }

    /// The document `id` of `base`.
    ///
    /// # Errors
    /// Not found, also when it belongs to another knowledge base or is being erased.
    pub async fn document(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
    ) -> Result<DocumentRecord, KnowledgeError> {
        let record = self.shared.ledger.get_document(id).await?;
        if record.knowledge_base != *base || record.state == DocumentState::Deleting {
            return Err(LedgerError::NotFound { what: "document", id: id.to_string() }.into());
        }
        Ok(record)
    }

    /// A page of the documents of `base`, oldest first.
    ///
    /// # Errors
    /// Not found, or an invalid page.
    pub async fn documents(
        &self,
        base: &KnowledgeBaseId,
        page: Page,
    ) -> Result<DocumentPage, KnowledgeError> {
        self.get(base).await?;
        Ok(self.shared.ledger.list_documents(base, page).await?)
    }

    /// Waits until the document is ready or failed; the caller bounds the time.
    ///
    /// # Errors
    /// Not found when it is deleted meanwhile.
    pub async fn indexed(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
    ) -> Result<DocumentRecord, KnowledgeError> {
        loop {
            // Registered before the state is read, so that no change can slip between.
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            let record = self.document(base, id).await?;
            if matches!(record.state, DocumentState::Ready | DocumentState::Failed) {
                return Ok(record);
            }
            progress.await;
        }
    }

    /// Erases a document: its passages, its file, its record. A crash half way is finished at the
    /// next start.
    ///
    /// # Errors
    /// Not found, or a failure of the store or the ledger.
    pub async fn delete_document(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
    ) -> Result<(), KnowledgeError> {
        let record = self.document(base, id).await?;
        self.shared.ledger.mark_deleting(id).await?;
        self.shared.progress.notify_waiters();
        self.finish_deleting_document(&record).await
    }

    pub(crate) async fn finish_deleting_document(
        &self,
        record: &DocumentRecord,
    ) -> Result<(), KnowledgeError> {
        let base = self.shared.ledger.get_knowledge_base(&record.knowledge_base).await?;
        let table = self.table(&base).await?;
        table.delete_document(&record.id).await?;
        table.maintain().await?;
        let _gate = self.shared.blob_gate.lock().await;
        let unused = self.shared.ledger.forget_document(&record.id).await?;
        self.remove_blobs(unused.into_iter().collect()).await
    }

    /// Removes those files that no document has; the caller holds the gate. What fails is tried
    /// again at the next start.
    pub(crate) async fn remove_unneeded(&self, mut digests: Vec<String>) {
        let removed = async {
            let needed = self.shared.ledger.file_digests().await?;
            digests.retain(|digest| !needed.contains(digest));
            self.remove_blobs(digests).await
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "files without a document were not removed");
        }
    }

    async fn remove_blobs(&self, digests: Vec<String>) -> Result<(), KnowledgeError> {
        let blobs = Arc::clone(&self.shared.blobs);
        let remove = move || digests.iter().try_for_each(|digest| blobs.remove(digest));
        Ok(tokio::task::spawn_blocking(remove).await??)
    }

    /// The passages of `base` under the encoder that runs.
    pub(crate) async fn table(&self, base: &KnowledgeBase) -> Result<PassageTable, KnowledgeError> {
        let info = self.shared.embed.info();
        if base.embedding_model != info.id {
            return Err(KnowledgeError::OtherEncoder {
                indexed: base.embedding_model.to_string(),
                running: info.id.to_string(),
            });
        }
        let spec = TableSpec {
            knowledge_base: base.id.clone(),
            model: info.id.clone(),
            dimension: info.dimension,
        };
        Ok(self.shared.store.table(&spec).await?)
    }
}
