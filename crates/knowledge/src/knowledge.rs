//! Holds the parts together and changes what the knowledge bases contain.

use std::sync::Arc;

use intramuros_engine::{Caller, EmbedEngine, Encoders, Meter, TextModels};
use intramuros_ingest::worker::Reader;
use intramuros_ingest::{CHUNKING_VERSION, ChunkConfig};
use intramuros_ledger::{
    Chunking, DocumentCounts, DocumentDetails, DocumentPage, DocumentRecord, DocumentState,
    Inserted, KnowledgeBase, KnowledgeBaseState, Ledger, LedgerError, NewDocument,
    NewKnowledgeBase, Page,
};
use intramuros_store::{BlobWriter, Blobs, DiskSpace, Store};
use intramuros_types::{Access, DocumentId, KnowledgeBaseId};
use tokio::sync::{Mutex, Notify, OnceCell};

use crate::figures::Counters;
use crate::folder::Reports;
use crate::index::MediaType;
use crate::late::Spaces;
use crate::turns::Turns;
use crate::{KnowledgeConfig, KnowledgeError};

/// What a [`Knowledge`] works with.
pub struct KnowledgeParts {
    /// Knowledge bases and documents.
    pub ledger: Ledger,
    /// Passages and vectors.
    pub store: Store,
    /// Uploaded files.
    pub blobs: Blobs,
    /// Reads documents.
    pub reader: Reader,
    /// The encoders.
    pub encoders: Encoders,
    /// The generators, of which the default one writes answers; without one only search works.
    pub text: TextModels,
    /// Makes the sum of what the server does by itself for a purpose, such as `indexing`.
    pub meter: ServerMeter,
}

/// Makes the sum of what the server does by itself for a purpose.
pub type ServerMeter = Arc<dyn Fn(&'static str) -> Meter + Send + Sync>;

/// The knowledge bases of this server. Clones share everything.
#[derive(Clone)]
pub struct Knowledge {
    pub(crate) shared: Arc<Shared>,
    /// The generators.
    pub(crate) text: TextModels,
}

pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) reader: Reader,
    pub(crate) encoders: Encoders,
    pub(crate) meter: ServerMeter,
    pub(crate) config: KnowledgeConfig,
    /// Wakes the lanes of the jobs that index. They register before they look at the queue, so that
    /// no upload can slip between.
    pub(crate) work: Notify,
    /// Wakes those who wait for a document to be indexed.
    pub(crate) progress: Notify,
    /// Held while a blob is tied to a ledger row or loses its last one, so that an upload of
    /// the same bytes cannot meet their removal half way. Never held across a model.
    pub(crate) blob_gate: Mutex<()>,
    /// Held while the passages of a document and its record change together. Never held across a
    /// model; taken before `blob_gate`.
    pub(crate) placing: Mutex<()>,
    /// Held while documents are erased. Taken before `placing`.
    pub(crate) erasing: Mutex<()>,
    /// What late interaction knows of each collection.
    pub(crate) spaces: Spaces,
    /// How it goes with the folders that are watched.
    pub(crate) folders: Reports,
    /// One document at a time is indexed as it came,
    pub(crate) lane: Turns,
    /// and one small one beside it.
    pub(crate) small_lane: Turns,
    /// Whether what a crash interrupted is finished.
    pub(crate) recovered: OnceCell<()>,
    /// What searches and indexing took.
    pub(crate) figures: Counters,
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
    /// Ties the parts together. The jobs of [`job_kinds`](Self::job_kinds) must run for uploads to
    /// become searchable.
    pub fn new(parts: KnowledgeParts, config: KnowledgeConfig) -> Self {
        let KnowledgeParts { ledger, store, blobs, reader, encoders, text, meter } = parts;
        Self {
            text,
            shared: Arc::new(Shared {
                ledger,
                store,
                blobs: Arc::new(blobs),
                reader,
                encoders,
                meter,
                config,
                work: Notify::new(),
                progress: Notify::new(),
                blob_gate: Mutex::new(()),
                placing: Mutex::new(()),
                erasing: Mutex::new(()),
                spaces: Spaces::default(),
                folders: Reports::default(),
                lane: Turns::default(),
                small_lane: Turns::default(),
                recovered: OnceCell::new(),
                figures: Counters::default(),
            }),
        }
    }

    /// The same knowledge bases, with `text` for generators.
    #[must_use]
    pub fn with_generators(&self, text: TextModels) -> Self {
        Self { shared: self.shared.clone(), text }
    }

    /// Creates a knowledge base for the encoder `model`, the default one when left out.
    ///
    /// # Errors
    /// A ledger conflict when `id` exists, an encoder that is not served, an invalid field, or a
    /// failure of the store.
    pub async fn create(
        &self,
        id: KnowledgeBaseId,
        title: String,
        language: String,
        model: Option<&str>,
    ) -> Result<KnowledgeBase, KnowledgeError> {
        let info = match model {
            Some(model) => self.served_encoder(model)?.info(),
            None => self.shared.encoders.default_encoder().info(),
        };
        let new = NewKnowledgeBase {
            id,
            title,
            embedding_model: info.id.clone(),
            language,
            dimension: u32::try_from(info.dimension).unwrap_or(u32::MAX),
            chunking: self.chunking(),
        };
        let base = self.shared.ledger.create_knowledge_base(new).await?;
        self.active(&base.id).await?;
        Ok(base)
    }

    /// The server itself, for `purpose`.
    pub(crate) fn server(&self, purpose: &'static str) -> Caller {
        Caller { meter: (self.shared.meter)(purpose), ..Caller::server(purpose) }
    }

    /// The encoder that a request names.
    pub(crate) fn served_encoder(&self, model: &str) -> Result<&EmbedEngine, KnowledgeError> {
        self.shared.encoders.get(model).ok_or_else(|| {
            let ids: Vec<&str> =
                self.shared.encoders.ids().into_iter().map(|id| id.as_str()).collect();
            let reason = format!("is '{model}'; this server has '{}'", ids.join("', '"));
            KnowledgeError::invalid("embedding_model", reason)
        })
    }

    /// How the settings say that documents are cut.
    pub(crate) fn chunking(&self) -> Chunking {
        let ChunkConfig { target_tokens, max_tokens, .. } = self.shared.config.chunks;
        let tokens = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Chunking {
            version: CHUNKING_VERSION,
            target_tokens: tokens(target_tokens),
            max_tokens: tokens(max_tokens),
        }
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

    /// How full the disk of the uploaded files is.
    ///
    /// # Errors
    /// A failure of the disk.
    pub async fn disk_space(&self) -> Result<DiskSpace, KnowledgeError> {
        let blobs = Arc::clone(&self.shared.blobs);
        Ok(tokio::task::spawn_blocking(move || blobs.disk_space()).await??)
    }

    /// Starts to receive a file of at most `max_bytes`; `file_name` is shown, never a path.
    ///
    /// # Errors
    /// [`KnowledgeError::DiskLow`]; a failure of the disk.
    pub async fn receive(
        &self,
        file_name: String,
        max_bytes: u64,
    ) -> Result<Upload, KnowledgeError> {
        let blobs = Arc::clone(&self.shared.blobs);
        let floor_bytes = self.shared.config.min_free_bytes;
        let begin = move || {
            // Before the disk is full: the ledger and the index must still be written then.
            let free_bytes = blobs.disk_space()?.free_bytes;
            if free_bytes < floor_bytes {
                return Err(KnowledgeError::DiskLow { free_bytes, floor_bytes });
            }
            Ok(blobs.writer(max_bytes)?)
        };
        let content = tokio::task::spawn_blocking(begin).await??;
        Ok(Upload { file_name, content })
    }

    /// Makes a received file durable and queues it for indexing. When this returns, the document
    /// survives a crash.
    ///
    /// # Errors
    /// Not found for the knowledge base, an empty file, an invalid name or detail, a label or an
    /// external id that `access` does not reach, or a failure of the disk.
    pub async fn add(
        &self,
        base: &KnowledgeBaseId,
        upload: Upload,
        details: DocumentDetails,
        access: &Access,
    ) -> Result<Inserted, KnowledgeError> {
        self.get(base).await?;
        check_labels(&details.labels, access)?;
        let Upload { file_name, content } = upload;
        if content.is_empty() {
            return Err(KnowledgeError::invalid("file", format!("'{file_name}' is empty")));
        }
        let bytes = content.len();
        let media_type = MediaType::of(&file_name).as_str().to_string();
        let gate = self.shared.blob_gate.lock().await;
        // Under the gate, so that no other upload can take the id in between.
        self.check_external_id(base, details.external_id.as_deref(), access).await?;
        let sha256 = tokio::task::spawn_blocking(move || content.finish()).await??;
        let knowledge_base = base.clone();
        let digest = sha256.clone();
        let new = NewDocument {
            knowledge_base,
            file_name,
            media_type,
            bytes,
            sha256,
            details,
            parent: None,
        };
        let inserted = match self.shared.ledger.insert_document(new).await {
            Ok(inserted) => inserted,
            Err(error) => {
                self.remove_unneeded(vec![digest]).await;
                return Err(error.into());
            }
        };
        if let Inserted::Replaced { previous, .. } = &inserted {
            self.remove_unneeded(vec![previous.clone()]).await;
        }
        drop(gate);
        if !matches!(inserted, Inserted::Duplicate(_)) && inserted.record().revision > 0 {
            self.settle_replaced(inserted.record()).await?;
        }
        self.shared.work.notify_waiters();
        Ok(inserted)
    }

    /// Refuses to replace a document that the caller may not read, without saying that it is there.
    async fn check_external_id(
        &self,
        base: &KnowledgeBaseId,
        external_id: Option<&str>,
        access: &Access,
    ) -> Result<(), KnowledgeError> {
        let Some(external_id) = external_id else { return Ok(()) };
        let page = Page { external_id: Some(external_id.to_owned()), ..Page::of(1) };
        let found =
            self.shared.ledger.list_documents(base, page, &Access::EVERYTHING).await?.documents;
        match found.first() {
            Some(record) if !access.allows(&record.details.labels) => {
                let reason = "is taken by a document that this key may not change";
                Err(KnowledgeError::invalid("external_id", reason))
            }
            _ => Ok(()),
        }
    }

    /// The document `id` of `base`.
    ///
    /// # Errors
    /// Not found, also when it belongs to another knowledge base, is being erased, or may not be
    /// read with `access`.
    pub async fn document(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        access: &Access,
    ) -> Result<DocumentRecord, KnowledgeError> {
        let record = self.shared.ledger.get_document(id).await?;
        if record.knowledge_base != *base
            || record.state == DocumentState::Deleting
            || !access.allows(&record.details.labels)
        {
            return Err(LedgerError::NotFound { what: "document", id: id.to_string() }.into());
        }
        Ok(record)
    }

    /// The file of a document, open for reading.
    ///
    /// # Errors
    /// Not found; a failure of the disk.
    pub async fn file(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        access: &Access,
    ) -> Result<(DocumentRecord, std::fs::File), KnowledgeError> {
        let record = self.document(base, id, access).await?;
        let blobs = Arc::clone(&self.shared.blobs);
        let digest = record.sha256.clone();
        let file = tokio::task::spawn_blocking(move || blobs.open_file(&digest)).await??;
        Ok((record, file))
    }

    /// A page of the documents of `base` that `access` allows to read, oldest first.
    ///
    /// # Errors
    /// Not found, or an invalid page.
    pub async fn documents(
        &self,
        base: &KnowledgeBaseId,
        page: Page,
        access: &Access,
    ) -> Result<DocumentPage, KnowledgeError> {
        self.get(base).await?;
        Ok(self.shared.ledger.list_documents(base, page, access).await?)
    }

    /// How many documents of `base` that `access` allows to read are in each state.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn counts(
        &self,
        base: &KnowledgeBaseId,
        access: &Access,
    ) -> Result<DocumentCounts, KnowledgeError> {
        Ok(self.shared.ledger.count_documents(base, access).await?)
    }

    /// Waits until the document is ready or failed; the caller bounds the time.
    ///
    /// # Errors
    /// Not found when it is deleted meanwhile.
    pub async fn indexed(
        &self,
        base: &KnowledgeBaseId,
        id: &DocumentId,
        access: &Access,
    ) -> Result<DocumentRecord, KnowledgeError> {
        loop {
            // Registered before the state is read, so that no change can slip between.
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            let record = self.document(base, id, access).await?;
            if matches!(record.state, DocumentState::Ready | DocumentState::Failed) {
                return Ok(record);
            }
            progress.await;
        }
    }
}

/// Nobody gives a document to readers of whom they are none.
pub(crate) fn check_labels(labels: &[String], access: &Access) -> Result<(), KnowledgeError> {
    if access.holds(labels) {
        return Ok(());
    }
    let reason = "has a label that this key does not hold";
    Err(KnowledgeError::invalid("labels", reason))
}
