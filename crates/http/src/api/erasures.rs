//! Erases documents, users and what is known of people, and shows the reports.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use intramuros_datalife::{ErasureRequest, Findings, Person, Subject};
use intramuros_knowledge::Mentioning;
use intramuros_ledger::{ErasedDocument, ErasureRecord, ErasureReport};
use intramuros_types::{Access, DocumentId, ErasureId, KnowledgeBaseId, Principal, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::everything;
use crate::body::{JsonBody, RequestBody};
use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::AppState;
use crate::visit::{note_documents, note_target};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1_000;

/// What a person is known by.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonBody {
    /// Names, addresses, numbers as they stand in documents: up to 20 of 3 to 200 characters.
    /// Compared without case, accents and the length of white space, as whole words.
    #[serde(default)]
    texts: Vec<String>,
    /// Metadata that all documents about them have.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl From<PersonBody> for Person {
    fn from(body: PersonBody) -> Self {
        Self { texts: body.texts, metadata: body.metadata }
    }
}

/// What to erase: a user, a person, or documents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseBody {
    /// Id of a user of this server.
    user: Option<String>,
    /// Somebody of whom documents speak. Erases questions, results of jobs and e-mails with their
    /// texts, and of the documents only those that `documents` names.
    person: Option<PersonBody>,
    /// Where a dry run looks; everywhere when left out.
    knowledge_bases: Option<Vec<String>>,
    /// Documents to erase with the files within them, up to 1,000.
    documents: Option<Vec<String>>,
    /// With `person`: says which documents speak of them, and erases nothing.
    dry_run: Option<bool>,
}

impl RequestBody for EraseBody {
    const FIELDS: &'static [&'static str] =
        &["user", "person", "knowledge_bases", "documents", "dry_run"];
}

/// What is known of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingsDto {
    /// Documents that speak of them; who asks decides which of them are erased.
    documents: Vec<FoundDto>,
    /// Documents whose text is not known: they wait to be read, or could not be.
    unread: Vec<String>,
    /// Whether all documents were looked at: not with a key that may not read all.
    complete: bool,
    /// Keyed hashes of the texts, as the report of an erasure has them.
    fingerprints: Vec<String>,
}

/// A document that speaks of a person, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundDto {
    /// Its id.
    id: String,
    /// Where it is.
    knowledge_base: String,
    /// The name it was uploaded under.
    file_name: String,
    /// Its title.
    title: Option<String>,
    /// `file_name`, `title`, `author`, `external_id`, `source`, `metadata.<name>`.
    fields: Vec<String>,
    /// The first twenty passages.
    passages: Vec<FoundPassageDto>,
    /// How many passages there are.
    passage_count: u32,
}

/// A passage that speaks of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FoundPassageDto {
    /// Its place in the document, from 0.
    passage: u32,
    /// Its page, where the format has pages.
    page: Option<u32>,
}

/// Some erasures.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasureList {
    /// The newest first.
    erasures: Vec<ErasureDto>,
    /// The `cursor` of the next page; null at the end.
    next: Option<String>,
}

/// Which erasures to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasuresQuery {
    /// 1 to 1,000; default 100.
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// An erasure.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasureDto {
    /// `era_…`.
    id: String,
    /// `documents`, `user` or `person`.
    subject: String,
    /// Id of the user, for a user.
    user: Option<String>,
    /// Keyed hashes of the texts that were given.
    fingerprints: Vec<String>,
    /// `running`, `done`, or `stopped`: then its job says why, and goes on with `retry`.
    state: &'static str,
    /// Who asked.
    requested_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When all was done.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    finished: Option<OffsetDateTime>,
    /// The job that does it.
    job: String,
    /// What was removed and found; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportDto>,
}

/// What an erasure removed and found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportDto {
    /// The documents, the files within them too.
    documents: Vec<ErasedDto>,
    /// How much was removed, by place.
    removed: BTreeMap<String, u64>,
    /// The indexes of the knowledge bases: passages of the documents that are left, and versions of
    /// the table on the disk (one: nothing of earlier rows).
    #[schema(value_type = Object, nullable)]
    indexes: Option<Value>,
    /// The search of the data directory for the texts and for pieces of the documents: files that
    /// have one, each with what explains it, such as documents that were kept; only for who may read
    /// everything. `clean`: nothing unexplained was found.
    #[schema(value_type = Object, nullable)]
    search: Option<Value>,
    /// What is about the person and stays: entries of the audit trail, users, keys.
    #[schema(value_type = Object, nullable)]
    left: Option<Value>,
    /// What an erasure cannot reach.
    notes: Vec<&'static str>,
}

/// An erased document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasedDto {
    /// Its id.
    id: String,
    /// Where it was.
    knowledge_base: String,
    /// The document that it was in.
    parent: Option<String>,
    /// SHA-256 of its file.
    sha256: String,
    /// Size of its file.
    bytes: u64,
    /// Passages that were removed, in all indexes together.
    passages: u64,
    /// Indexes that had some.
    indexes: u32,
    /// `erased`; `file_kept` where another document has the same file; null until then.
    outcome: Option<String>,
}

/// Said in every report, because no search of this server can tell.
const NOTES: [&str; 4] = [
    "documents that a watched folder or 'kb sync' brought come back while their file is there: remove \
     it there first",
    "backups keep what they hold until they are rotated: the server does not know where they are",
    "sealed contents of the audit trail cannot be searched for a text; those of erased documents and \
     of erased users are erased, the others go with audit.content_days",
    "what is compressed (PDF and office files, columns of an index) cannot be searched by bytes; \
     'indexes' tells what is left of the documents there",
];

impl From<Findings> for FindingsDto {
    fn from(found: Findings) -> Self {
        Self {
            documents: found.documents.into_iter().map(FoundDto::from).collect(),
            unread: found.unread.into_iter().map(|id| id.to_string()).collect(),
            complete: found.complete,
            fingerprints: found.fingerprints,
        }
    }
}

impl From<Mentioning> for FoundDto {
    fn from(one: Mentioning) -> Self {
        let passages = one.passages.into_iter();
        Self {
            id: one.record.id.to_string(),
            knowledge_base: one.record.knowledge_base.to_string(),
            file_name: one.record.file_name,
            title: one.record.title,
            fields: one.fields,
            passages: passages.map(|(passage, page)| FoundPassageDto { passage, page }).collect(),
            passage_count: one.passage_count,
        }
    }
}

impl From<ErasureRecord> for ErasureDto {
    fn from(erasure: ErasureRecord) -> Self {
        Self {
            id: erasure.id.to_string(),
            subject: erasure.subject,
            user: Some(erasure.target).filter(|user| !user.is_empty()),
            fingerprints: erasure.fingerprints,
            state: erasure.state.as_str(),
            requested_by: erasure.requested_by,
            created: erasure.created,
            finished: erasure.finished,
            job: erasure.job.to_string(),
            report: None,
        }
    }
}

impl From<ErasureReport> for ReportDto {
    fn from(mut report: ErasureReport) -> Self {
        let mut finding = |name: &str| report.findings.remove(name);
        let (indexes, search, left) = (finding("indexes"), finding("search"), finding("left"));
        Self {
            documents: report.documents.into_iter().map(ErasedDto::from).collect(),
            removed: report.removed,
            indexes,
            search,
            left,
            notes: NOTES.to_vec(),
        }
    }
}

impl From<ErasedDocument> for ErasedDto {
    fn from(one: ErasedDocument) -> Self {
        Self {
            id: one.id.to_string(),
            knowledge_base: one.knowledge_base.to_string(),
            parent: one.parent.map(|parent| parent.to_string()),
            sha256: one.sha256,
            bytes: one.bytes,
            passages: one.passages,
            indexes: one.indexes,
            outcome: one.outcome,
        }
    }
}

/// Erases a user, what is known of a person, or documents, and then searches the disk for it; or
/// says, with `dry_run`, which documents speak of a person.
#[utoipa::path(post, path = "/api/v1/erasures", tag = "data life", request_body = EraseBody,
    responses((status = 200, description = "what a dry run found", body = FindingsDto),
        (status = 202, description = "queued, or being done already", body = ErasureDto),
        (status = 403, description = "what is known of a person is erased by who may read everything"),
        (status = 404, description = "no such user, document or knowledge base"),
        (status = 409, description = "oneself, or the last administrator")),
    security(("key" = [])))]
pub(crate) async fn create_erasure(
    State(state): State<AppState>,
    Extension(caller): Extension<Arc<Principal>>,
    extensions: Extensions,
    JsonBody(body): JsonBody<EraseBody>,
) -> Result<Response, ApiError> {
    let bases: Vec<KnowledgeBaseId> =
        body.knowledge_bases.unwrap_or_default().into_iter().map(KnowledgeBaseId::new).collect();
    let documents: Vec<DocumentId> =
        body.documents.unwrap_or_default().into_iter().map(DocumentId::new).collect();
    let dry_run = body.dry_run.unwrap_or(false);
    let subject = match (body.user, body.person) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("person", "'person' and 'user' exclude each other"));
        }
        (Some(_), None) if !documents.is_empty() => {
            return Err(ApiError::invalid(
                "documents",
                "'documents' and 'user' exclude each other",
            ));
        }
        (Some(user), None) => Subject::User(UserId::new(user)),
        (None, Some(person)) => Subject::Person(person.into()),
        (None, None) => Subject::Documents,
    };
    if let (Subject::Person(person), true) = (&subject, dry_run) {
        let found = state.data_life.find(person, &bases, &caller.access).await?;
        note_documents(&extensions, found.documents.iter().map(|one| one.record.id.as_str()));
        return Ok(Json(FindingsDto::from(found)).into_response());
    }
    if dry_run {
        let message = "'dry_run' is for a person; users and documents are erased as they are named";
        return Err(ApiError::invalid("dry_run", message));
    }
    if !bases.is_empty() {
        let message = "'knowledge_bases' is for a dry run; an erasure takes the documents that are \
                       named";
        return Err(ApiError::invalid("knowledge_bases", message));
    }
    if matches!(subject, Subject::Person(_)) {
        // It takes traces out of what has any label, and its report tells where the texts stand.
        everything::check(
            &caller.access,
            "this erases traces in documents and reviews of all labels",
        )?;
    }
    let request = ErasureRequest { subject, documents };
    let (erasure, _) = state.data_life.begin_erasure(request, &caller).await?;
    note_target(&extensions, erasure.id.as_str());
    Ok((StatusCode::ACCEPTED, Json(ErasureDto::from(erasure))).into_response())
}

/// Lists erasures, the newest first.
#[utoipa::path(get, path = "/api/v1/erasures", tag = "data life", params(ErasuresQuery),
    responses((status = 200, description = "the erasures", body = ErasureList)),
    security(("key" = [])))]
pub(crate) async fn list_erasures(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<ErasuresQuery>,
) -> Result<Json<ErasureList>, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("'limit' is {limit}, it must be 1 to {MAX_LIMIT}");
        return Err(ApiError::invalid("limit", message));
    }
    let after = query.cursor.map(ErasureId::new);
    let mut erasures = state.ledger.list_erasures(after.as_ref(), limit + 1).await?;
    let more = erasures.len() > limit as usize;
    erasures.truncate(limit as usize);
    let next = erasures.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Json(ErasureList { erasures: erasures.into_iter().map(ErasureDto::from).collect(), next }))
}

/// Shows an erasure with its report.
#[utoipa::path(get, path = "/api/v1/erasures/{erasure}", tag = "data life",
    params(("erasure" = String, Path, description = "id of the erasure")),
    responses((status = 200, description = "the erasure", body = ErasureDto),
        (status = 404, description = "no such erasure")),
    security(("key" = [])))]
pub(crate) async fn get_erasure(
    State(state): State<AppState>,
    Extension(access): Extension<Access>,
    Path(erasure): Path<String>,
) -> Result<Json<ErasureDto>, ApiError> {
    let id = ErasureId::new(erasure);
    let record = state.ledger.get_erasure(&id).await?;
    let mut report = state.ledger.erasure_report(&id).await?;
    // Which files have a text tells what stands in documents of other labels.
    if !access.is_everything()
        && let Some(Value::Object(search)) = report.findings.get_mut("search")
    {
        search.remove("found");
    }
    Ok(Json(ErasureDto { report: Some(report.into()), ..ErasureDto::from(record) }))
}
