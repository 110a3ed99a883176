//! Erases documents, a user, or what is known of a person, and reports it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intramuros_jobs::{JobContext, JobError};
use intramuros_knowledge::{KnowledgeError, Mentions};
use intramuros_ledger::{
    ErasedDocument, ErasureMatter, ErasureRecord, ErasureReport, ErasureSubject, LedgerError,
    NewErasure, document_ids,
};
use intramuros_types::{Access, DocumentId, ErasureId, KnowledgeBaseId, Principal, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::proof::{Hit, Needle, Searched, search};
use crate::{DataLife, DataLifeError, Person};

const ACTOR: &str = "server:erasure";
/// Documents that one erasure of the knowledge bases takes.
const AT_ONCE: usize = 1_000;
/// Pieces of documents that the disk is searched for.
const MAX_PHRASES: usize = 300;
/// Documents that a finding names.
const MAX_NAMED: usize = 100;
/// Looks at the disk before something that nothing explains is reported: a reader may have kept the
/// ledger's log.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// What somebody asks to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureRequest {
    /// What it is about.
    pub subject: Subject,
    /// The documents to erase, with the files within them; none for a user.
    pub documents: Vec<DocumentId>,
}

/// What an erasure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The documents.
    Documents,
    /// A user of this server.
    User(UserId),
    /// Somebody of whom documents speak.
    Person(Person),
}

#[derive(Deserialize)]
struct Params {
    erasure: ErasureId,
}

impl DataLife {
    /// Queues an erasure for `caller`; one that asks for the same and runs is given back instead,
    /// with `false`.
    ///
    /// # Errors
    /// Not found for a user or a document that is not there or may not be read; `Refused` for
    /// oneself; a conflict for the last administrator; `Invalid`; a failure of the ledger.
    pub async fn begin_erasure(
        &self,
        request: ErasureRequest,
        caller: &Principal,
    ) -> Result<(ErasureRecord, bool), DataLifeError> {
        let ErasureRequest { subject, mut documents } = request;
        documents.sort_unstable();
        documents.dedup();
        let mut matter = ErasureMatter { documents, ..ErasureMatter::default() };
        let subject = match subject {
            Subject::Documents if matter.documents.is_empty() => {
                return Err(DataLifeError::invalid("documents", "is empty"));
            }
            Subject::Documents => ErasureSubject::Documents,
            Subject::User(user) => {
                if caller.user.as_ref() == Some(&user) {
                    let reason = "nobody erases themselves; ask another administrator".to_owned();
                    return Err(DataLifeError::Refused { reason });
                }
                let record = self.shared.ledger.get_user(&user).await?;
                // Looked for on the disk afterwards; not in documents, whose people are others.
                matter.phrases = vec![record.name, record.full_name];
                ErasureSubject::User(user)
            }
            Subject::Person(mut person) => {
                person.mentions()?;
                if person.texts.is_empty() && matter.documents.is_empty() {
                    let reason = "is empty, and without texts nothing would be erased";
                    return Err(DataLifeError::invalid("documents", reason));
                }
                person.texts.sort_unstable();
                person.texts.dedup();
                matter.texts = person.texts;
                ErasureSubject::Person
            }
        };
        self.check_readable(&matter.documents, &caller.access).await?;
        let new = NewErasure { subject, matter, requested_by: caller.name() };
        Ok(self.shared.ledger.begin_erasure(new).await?)
    }

    async fn check_readable(
        &self,
        documents: &[DocumentId],
        access: &Access,
    ) -> Result<(), DataLifeError> {
        if documents.len() > AT_ONCE {
            let reason = format!("has {} ids, the limit is {AT_ONCE}", documents.len());
            return Err(DataLifeError::invalid("documents", reason));
        }
        let readable = self.shared.knowledge.readable(documents, access).await?;
        let readable: HashSet<&DocumentId> = readable.iter().map(|record| &record.id).collect();
        match documents.iter().find(|id| !readable.contains(id)) {
            Some(id) => Err(LedgerError::NotFound { what: "document", id: id.to_string() }.into()),
            None => Ok(()),
        }
    }

    /// Does an erasure, or goes on with it.
    pub(crate) async fn run_erasure(&self, job: &JobContext) -> Result<(), JobError> {
        let Params { erasure: id } = job.params()?;
        let ledger = &self.shared.ledger;
        // None: an attempt before did all of it and ended before it could say so.
        let Some(matter) = ledger.erasure_matter(&id).await? else { return Ok(()) };
        let record = ledger.get_erasure(&id).await?;
        let matter = self.surveyed(job, &id, matter).await?;
        self.erase_documents(job, &id).await?;
        if record.subject == "user" {
            ledger.erase_user(job.lease(), &id, &UserId::new(record.target.clone())).await?;
        }
        job.check()?;
        self.erase_elsewhere(job, &id, &matter).await?;
        self.shared.knowledge.forget_prompts();
        self.prove(job, &id, &matter).await?;
        let report = ledger.erasure_report(&id).await?;
        self.note(ACTOR, "erasures.finish", id.as_str(), details(&record, &report)).await?;
        ledger.finish_erasure(job.lease(), &id).await?;
        Ok(())
    }

    /// Notes what there is of the documents before the first of them goes.
    async fn surveyed(
        &self,
        job: &JobContext,
        id: &ErasureId,
        mut matter: ErasureMatter,
    ) -> Result<ErasureMatter, JobError> {
        let ledger = &self.shared.ledger;
        if ledger.erasure_report(id).await?.findings.contains_key("surveyed") {
            return Ok(matter);
        }
        let mut documents: Vec<ErasedDocument> = Vec::new();
        for document in &matter.documents {
            job.check()?;
            for survey in self.shared.knowledge.survey(document).await? {
                let room = MAX_PHRASES.saturating_sub(matter.phrases.len());
                matter.phrases.extend(survey.phrases.into_iter().take(room));
                documents.push(survey.document);
            }
        }
        matter.phrases.sort_unstable();
        matter.phrases.dedup();
        ledger.note_erasure_documents(job.lease(), id, &documents, &matter).await?;
        Ok(matter)
    }

    async fn erase_documents(&self, job: &JobContext, id: &ErasureId) -> Result<(), JobError> {
        let ledger = &self.shared.ledger;
        let documents = ledger.erasure_report(id).await?.documents;
        let mut waiting: BTreeMap<KnowledgeBaseId, Vec<ErasedDocument>> = BTreeMap::new();
        for document in documents.into_iter().filter(|document| document.outcome.is_none()) {
            waiting.entry(document.knowledge_base.clone()).or_default().push(document);
        }
        for (base, documents) in waiting {
            for some in documents.chunks(AT_ONCE) {
                job.check()?;
                let ids: Vec<DocumentId> =
                    some.iter().map(|document| document.id.clone()).collect();
                let knowledge = &self.shared.knowledge;
                match knowledge.delete_documents(&base, &ids, &Access::EVERYTHING).await {
                    Ok(_) => {}
                    // It went with its knowledge base.
                    Err(KnowledgeError::Ledger(LedgerError::NotFound { .. })) => {}
                    Err(error) => return Err(error.into()),
                }
                let mut outcomes = Vec::new();
                for document in some {
                    let kept = knowledge.has_file(&document.sha256).await?;
                    let outcome = if kept { "file_kept" } else { "erased" };
                    outcomes.push((document.id.clone(), outcome));
                }
                ledger.settle_erasure_documents(job.lease(), id, &outcomes).await?;
            }
        }
        Ok(())
    }

    /// Erases what the ledger holds beside documents.
    async fn erase_elsewhere(
        &self,
        job: &JobContext,
        id: &ErasureId,
        matter: &ErasureMatter,
    ) -> Result<(), JobError> {
        let ledger = &self.shared.ledger;
        let documents = ledger.erasure_report(id).await?.documents;
        let ids: HashSet<String> =
            documents.into_iter().map(|document| document.id.to_string()).collect();
        let mentions = Mentions::of(&matter.texts)?;
        let about = |text: &str| {
            document_ids(text).any(|id| ids.contains(id))
                || (!mentions.is_empty() && mentions.stand_in(text))
        };
        if !ids.is_empty() || !mentions.is_empty() {
            ledger.erase_traces(job.lease(), id, &about).await?;
        }
        if !ids.is_empty() {
            ledger.erase_contents_about(job.lease(), id, &ids).await?;
        }
        Ok(())
    }

    /// Looks what is left, in the indexes and in the bytes of the data directory.
    async fn prove(
        &self,
        job: &JobContext,
        id: &ErasureId,
        matter: &ErasureMatter,
    ) -> Result<(), JobError> {
        let ledger = &self.shared.ledger;
        let report = ledger.erasure_report(id).await?;
        let indexes = self.indexes(&report).await?;
        ledger.note_erasure_finding(job.lease(), id, "indexes", &indexes).await?;
        if report.findings.contains_key("search") {
            return Ok(());
        }
        let needles = needles(matter);
        let mut look = 1;
        let (searched, explained) = loop {
            ledger.forget_removed().await;
            let searched = self.searched(job, &needles).await?;
            let explained = self.explained(&searched, &needles).await?;
            if look == LOOKS || explained.iter().all(|one| !one["explained_by"].is_null()) {
                break (searched, explained);
            }
            look += 1;
            tokio::time::sleep(BETWEEN_LOOKS).await;
        };
        let unexplained = explained.iter().filter(|one| one["explained_by"].is_null()).count();
        let value = json!({
            "texts": searched.texts,
            "too_short": searched.too_short,
            "files": searched.files,
            "bytes": searched.bytes,
            "unread": searched.unread,
            "found": explained,
            "more": searched.more,
            "clean": unexplained == 0 && searched.more == 0,
        });
        let left = self.left(matter).await?;
        ledger.note_erasure_finding(job.lease(), id, "left", &left).await?;
        ledger.note_erasure_finding(job.lease(), id, "search", &value).await?;
        Ok(())
    }

    /// What there is of the documents in the indexes of their knowledge bases.
    async fn indexes(&self, report: &ErasureReport) -> Result<Value, JobError> {
        let mut of_base: BTreeMap<&KnowledgeBaseId, Vec<DocumentId>> = BTreeMap::new();
        for document in &report.documents {
            of_base.entry(&document.knowledge_base).or_default().push(document.id.clone());
        }
        let mut found = Vec::new();
        for (base, documents) in of_base {
            let remains = match self.shared.knowledge.remains(base, &documents).await {
                // The knowledge base is gone.
                Err(KnowledgeError::Ledger(LedgerError::NotFound { .. })) => Vec::new(),
                remains => remains?,
            };
            found.extend(remains.into_iter().map(|one| {
                json!({
                    "knowledge_base": base.as_str(),
                    "generation": one.generation,
                    "passages_left": one.passages,
                    "versions": one.versions,
                })
            }));
        }
        Ok(Value::Array(found))
    }

    async fn searched(&self, job: &JobContext, needles: &[Needle]) -> Result<Searched, JobError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (data_dir, needles, told) =
            (self.shared.data_dir.clone(), needles.to_vec(), Arc::clone(&stop));
        let searching = tokio::task::spawn_blocking(move || search(&data_dir, &needles, &told));
        tokio::select! {
            searched = searching => {
                let searched = searched.map_err(|error| JobError::retry("search", error.to_string()))?;
                searched.ok_or(JobError::Stopped)
            }
            _ = job.stopped() => {
                stop.store(true, Ordering::Relaxed);
                Err(JobError::Stopped)
            }
        }
    }

    /// The files that were found, each with what explains it.
    async fn explained(
        &self,
        searched: &Searched,
        needles: &[Needle],
    ) -> Result<Vec<Value>, JobError> {
        if searched.found.is_empty() {
            return Ok(Vec::new());
        }
        let labels: HashSet<&String> = searched.found.iter().flat_map(|hit| &hit.texts).collect();
        let texts: Vec<String> = needles
            .iter()
            .filter(|needle| labels.contains(&needle.label))
            .map(|needle| needle.text.clone())
            .collect();
        let mentions = Mentions::within(&texts);
        let mut kept: BTreeMap<KnowledgeBaseId, Vec<String>> = BTreeMap::new();
        for base in self.bases(&[]).await? {
            let knowledge = &self.shared.knowledge;
            let nothing = BTreeMap::new();
            let found =
                knowledge.find_mentions(&base, &mentions, &nothing, &Access::EVERYTHING).await;
            let documents = match found {
                Ok(found) => found.documents.into_iter().map(|one| one.record.id.to_string()),
                // Too many to tell.
                Err(KnowledgeError::Invalid { .. }) => {
                    kept.insert(base, vec!["more than 1,000 documents".to_owned()]);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            kept.insert(base, documents.take(MAX_NAMED).collect());
        }
        let left = self.shared.ledger.leftovers(&|text| mentions.stand_in(text)).await?;
        let in_ledger = kept.values().flatten().cloned().collect::<Vec<_>>();
        let mut explained = Vec::new();
        for Hit { file, texts } in &searched.found {
            let by = match file.split('/').next() {
                Some("blobs") => self.who_has(file).await?,
                Some("lance") => {
                    let table = file.split('/').nth(1).and_then(|table| table.split('.').next());
                    let documents = table.and_then(|base| kept.get(&KnowledgeBaseId::new(base)));
                    documents.filter(|all| !all.is_empty()).map(|all| json!({"documents": all}))
                }
                Some(name) if name.starts_with("ledger.sqlite") => {
                    let nothing = in_ledger.is_empty()
                        && left.audit_entries == 0
                        && left.users.is_empty()
                        && left.keys.is_empty()
                        && left.assistants.is_empty();
                    (!nothing).then(|| json!({"documents": in_ledger, "ledger": left}))
                }
                _ => None,
            };
            explained.push(json!({"file": file, "texts": texts, "explained_by": by}));
        }
        Ok(explained)
    }

    /// The documents that still have a stored file.
    async fn who_has(&self, file: &str) -> Result<Option<Value>, JobError> {
        let digest = file.rsplit('/').next().unwrap_or_default();
        let limit = u32::try_from(MAX_NAMED).unwrap_or(u32::MAX);
        let documents = self.shared.ledger.documents_with_file(digest, limit).await?;
        let ids: Vec<String> = documents.into_iter().map(|(id, _)| id.to_string()).collect();
        Ok((!ids.is_empty()).then(|| json!({"documents": ids})))
    }

    /// What is about a person and stays.
    async fn left(&self, matter: &ErasureMatter) -> Result<Value, JobError> {
        let mentions = Mentions::of(&matter.texts)?;
        if mentions.is_empty() {
            return Ok(json!({}));
        }
        let left = self.shared.ledger.leftovers(&|text| mentions.stand_in(text)).await?;
        Ok(json!(left))
    }
}

fn needles(matter: &ErasureMatter) -> Vec<Needle> {
    let named = |kind: &'static str, texts: &[String]| {
        let number = |(number, text): (usize, &String)| Needle {
            label: format!("{kind} {}", number + 1),
            text: text.clone(),
        };
        texts.iter().enumerate().map(number).collect::<Vec<_>>()
    };
    let mut needles = named("text", &matter.texts);
    needles.extend(named("piece", &matter.phrases));
    needles
}

/// What the audit trail has of an erasure.
fn details(record: &ErasureRecord, report: &ErasureReport) -> Value {
    let documents: Vec<&str> =
        report.documents.iter().take(MAX_NAMED).map(|document| document.id.as_str()).collect();
    json!({
        "subject": record.subject,
        "user": record.target,
        "requested_by": record.requested_by,
        "texts": record.fingerprints.len(),
        "documents": documents,
        "document_count": report.documents.len(),
        "removed": report.removed,
        "clean": report.findings.get("search").map_or(Value::Null, |search| search["clean"].clone()),
    })
}
