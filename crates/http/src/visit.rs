//! Holds what is known of a request while it is answered, for its accounting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::{Extensions, StatusCode};
use intramuros_engine::{Caller, Consumed, Meter, Priority};
use intramuros_ledger::{AuditEntry, AuditOutcome, Lines, UsageEntry};
use intramuros_types::{Consumption, KeyId, Principal, RequestId};
use serde_json::{Map, Value, json};

use crate::error::Code;
use crate::operation::{Operation, Trace};
use crate::track::RequestRecord;

/// Documents that one entry of the audit trail names; a search shows up to 100 passages.
const MAX_DOCUMENTS: usize = 100;

/// The longest part of a path that is taken for an id.
const MAX_ID_BYTES: usize = 80;

/// The longest id of a key: `imk_` and eight characters, and some more.
const MAX_KEY_ID_BYTES: usize = 16;

/// A request that is answered. Handlers find it in the extensions and note what they did.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) caller: Arc<Principal>,
    pub(crate) operation: &'static Operation,
    pub(crate) request: RequestId,
    /// The path after `/api/v1/` or `/`, which names what the request is about.
    target: String,
    pub(crate) meter: Meter,
    /// What the log and the metrics say of it.
    record: RequestRecord,
    started: Instant,
    /// Locked for a note at a time, by the handler and at the end.
    notes: Mutex<Notes>,
}

/// What the handler says.
#[derive(Debug, Default)]
struct Notes {
    target: Option<String>,
    user: Option<String>,
    documents: Vec<String>,
    failed: bool,
    /// Nothing was shown that is not the caller's own.
    quiet: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With this status, and all of its body.
    Answered(StatusCode),
    /// With this status, and an error within its body.
    Broken(StatusCode),
    /// The caller left.
    Left,
}

impl Visit {
    pub(crate) fn new(
        caller: Arc<Principal>,
        operation: &'static Operation,
        request: RequestId,
        path: &str,
        (meter, record): (Meter, RequestRecord),
    ) -> Self {
        let target = path.strip_prefix("/api/v1/").unwrap_or(path.trim_start_matches('/'));
        Self {
            caller,
            operation,
            request,
            target: readable(target),
            meter,
            record,
            started: Instant::now(),
            notes: Mutex::default(),
        }
    }

    /// The entry that is written before an act.
    pub(crate) fn begun(&self) -> AuditEntry {
        self.entry(AuditOutcome::Begun, Value::Object(Map::new()), None)
    }

    /// What is written at the end: an entry of the audit trail, where the operation has one, and
    /// what was consumed.
    pub(crate) fn lines(&self, end: End, audited: bool, content: Option<String>) -> Lines {
        let consumed = self.meter.take();
        let outcome = self.outcome(end);
        let is_traced = self.operation.trace != Trace::None && !self.lock().quiet;
        let audit = if audited && is_traced {
            let details = self.details(end, &consumed);
            vec![self.entry(outcome, details, content)]
        } else {
            Vec::new()
        };
        let counted = outcome == AuditOutcome::Done && self.operation.trace == Trace::Answer;
        Lines { audit, usage: self.usage(consumed, counted), events: Vec::new() }
    }

    /// What was consumed after the end, by work that nobody waited for any more.
    pub(crate) fn usage(&self, consumed: Consumed, counted: bool) -> Vec<UsageEntry> {
        usage_entries(&self.caller, self.lock().user.clone(), self.operation, consumed, counted)
    }

    fn outcome(&self, end: End) -> AuditOutcome {
        match end {
            End::Left => AuditOutcome::Left,
            End::Broken(_) => AuditOutcome::Failed,
            End::Answered(_) if self.lock().failed => AuditOutcome::Failed,
            End::Answered(status) if status.is_server_error() => AuditOutcome::Failed,
            End::Answered(status) if status.is_client_error() => AuditOutcome::Refused,
            End::Answered(_) => AuditOutcome::Done,
        }
    }

    fn details(&self, end: End, consumed: &Consumed) -> Value {
        let mut details = Map::new();
        if let End::Answered(status) | End::Broken(status) = end {
            details.insert("status".to_owned(), json!(status.as_u16()));
        }
        details.insert("elapsed_ms".to_owned(), json!(self.started.elapsed().as_millis() as u64));
        let documents = &self.lock().documents;
        if !documents.is_empty() {
            details.insert("documents".to_owned(), json!(documents));
        }
        let models: Vec<Value> = consumed
            .iter()
            .map(|(model, took)| {
                json!({
                    "model": model.as_str(),
                    "prompt_tokens": took.prompt_tokens,
                    "completion_tokens": took.completion_tokens,
                })
            })
            .collect();
        if !models.is_empty() {
            details.insert("models".to_owned(), Value::Array(models));
        }
        if let (Some(_), Some(user)) = (&self.caller.key, &self.caller.user) {
            details.insert("owner".to_owned(), json!(user.as_str()));
        }
        Value::Object(details)
    }

    fn entry(&self, outcome: AuditOutcome, details: Value, content: Option<String>) -> AuditEntry {
        AuditEntry {
            actor: self.caller.name(),
            action: self.operation.name.to_owned(),
            target: self.lock().target.clone().unwrap_or_else(|| self.target.clone()),
            outcome,
            request: Some(self.request.clone()),
            details,
            content,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path as the audit trail may keep it for years: what is no id within it is left out, because
/// people paste secrets and sentences where an id belongs.
fn readable(path: &str) -> String {
    let is_id = |part: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        part.len() <= MAX_ID_BYTES && part.bytes().all(plain) && !is_secret(part)
    };
    let parts = path.split('/').map(|part| Some(part).filter(is_id).unwrap_or("(not an id)"));
    parts.collect::<Vec<_>>().join("/")
}

/// Whether `part` is longer than the visible prefix of a key's or a session's secret.
fn is_secret(part: &str) -> bool {
    let is_begun = ["imk_", "ims_", "imw_"].iter().any(|begin| part.starts_with(begin));
    is_begun && part.len() > MAX_KEY_ID_BYTES
}

/// What a request consumed, by model. It counts as a request of the model that wrote most.
pub(crate) fn usage_entries(
    caller: &Principal,
    named: Option<String>,
    operation: &Operation,
    consumed: Consumed,
    counted: bool,
) -> Vec<UsageEntry> {
    let user = caller.user.as_ref().map(ToString::to_string).or(named);
    let weight = |took: &Consumption| (took.completion_tokens, took.prompt_tokens);
    let main = consumed.iter().max_by_key(|(_, took)| weight(took)).map(|(model, _)| model.clone());
    let entry = |model, requests, consumption| UsageEntry {
        key: caller.family.clone(),
        user: user.clone(),
        model,
        use_case: operation.use_case().to_owned(),
        requests,
        consumption,
    };
    if consumed.is_empty() && counted {
        return vec![entry(None, 1, Consumption::default())];
    }
    let entries = consumed.into_iter().map(|(model, consumption)| {
        let requests = u32::from(counted && Some(&model) == main.as_ref());
        entry(Some(model), requests, consumption)
    });
    entries.collect()
}

/// Who did something: a user, else the key's family.
pub(crate) fn who(caller: &Principal) -> String {
    match (&caller.user, &caller.family) {
        (Some(user), _) => user.to_string(),
        (None, Some(family)) => family.to_string(),
        (None, None) => String::new(),
    }
}

/// For whom an engine works when it works for the request of `extensions`.
pub(crate) fn caller(extensions: &Extensions, priority: Priority) -> Caller {
    let id = crate::request_id::request_id(extensions);
    match extensions.get::<Arc<Visit>>() {
        Some(visit) => Caller {
            id,
            client: Some(KeyId::new(visit.caller.account())),
            priority,
            meter: visit.meter.clone(),
        },
        None => Caller { id, client: None, priority, meter: Meter::default() },
    }
}

/// Notes what the audit trail should name as what the request was about: an id that it created.
pub(crate) fn note_target(extensions: &Extensions, target: impl Into<String>) {
    if let Some(visit) = extensions.get::<Arc<Visit>>() {
        visit.lock().target = Some(target.into());
    }
}

/// Notes whom an application asks for; counted where the key has no owner.
pub(crate) fn note_user(extensions: &Extensions, user: Option<&str>) {
    if let (Some(visit), Some(user)) = (extensions.get::<Arc<Visit>>(), user) {
        visit.lock().user = Some(user.to_owned());
    }
}

/// Notes documents that the answer shows or stands on.
pub(crate) fn note_documents<'a>(
    extensions: &Extensions,
    documents: impl IntoIterator<Item = &'a str>,
) {
    let Some(visit) = extensions.get::<Arc<Visit>>() else { return };
    let mut notes = visit.lock();
    for document in documents {
        let known = notes.documents.iter().any(|known| known == document);
        if !known && notes.documents.len() < MAX_DOCUMENTS {
            notes.documents.push(document.to_owned());
        }
    }
}

/// Keeps a request out of the audit trail by which nobody was shown anything that is not their own:
/// whoever waits for an answer asks again and again.
pub(crate) fn note_nothing_shown(extensions: &Extensions) {
    if let Some(visit) = extensions.get::<Arc<Visit>>() {
        visit.lock().quiet = true;
    }
}

/// Notes that a stream ended with an error, which its status does not show.
pub(crate) fn note_failure(visit: Option<&Arc<Visit>>, code: Code) {
    if let Some(visit) = visit {
        visit.lock().failed = true;
        visit.record.failed_late(code);
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn only_ids_stay_in_the_trail() {
        let all = "knowledge-bases/docs/documents/doc_0190abcdef/file";
        assert_eq!(readable(all), all);
        assert_eq!(readable("keys/imk_12345678"), "keys/imk_12345678");
        let secret = format!("keys/imk_{}", "a".repeat(43));
        assert_eq!(readable(&secret), "keys/(not an id)");
        assert_eq!(
            readable("groups/a/members/ims_0123456789abcdef"),
            "groups/a/members/(not an id)"
        );
        assert_eq!(readable("documents/Texte%20secret%00x/file"), "documents/(not an id)/file");
        assert_eq!(readable(&format!("users/{}", "x".repeat(81))), "users/(not an id)");
    }
}
