//! Lists what can be done over HTTP, what each needs, and what the audit trail keeps of it.
//!
//! The one place where it is decided who may call what. A route without a row here answers nobody;
//! a test holds the table to the routes.

use axum::http::Method;
use intramuros_types::Scope;

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing, not even a key.
    Nothing,
    /// A key or a session, whatever it allows.
    Caller,
    /// A key or a session that allows this.
    Scope(Scope),
    /// A key or a session that allows one of these; the handler says what each sees.
    Either(Scope, Scope),
    /// The token of a conversation of a web page, which is checked where these routes are.
    Visitor,
}

/// What the audit trail keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// Nothing: lists, states, metadata.
    None,
    /// That something was read, when it was.
    Read,
    /// That something was answered, when it was; with its content where the settings say so.
    Answer,
    /// That something was done: once before, and once with how it ended.
    Act,
}

/// Something that can be done over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    /// What a caller needs.
    pub(crate) needs: Needs,
    /// What the audit trail keeps.
    pub(crate) trace: Trace,
    /// Thing and verb, as the audit trail calls it.
    pub(crate) name: &'static str,
}

impl Operation {
    /// What its consumption is counted under: the thing, such as `chat` or `search`.
    pub(crate) fn use_case(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }
}

/// Why there is no operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoOperation {
    /// The path has others.
    Method,
    /// The path has none: the table lacks a row.
    Path,
}

/// The operation of a method and a path as the router writes it (`/api/v1/things/{id}`).
pub(crate) fn find(method: &Method, path: &str) -> Result<&'static Operation, NoOperation> {
    // A GET handler answers HEAD too.
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut of_path = TABLE.iter().filter(|operation| operation.path == path).peekable();
    if of_path.peek().is_none() {
        return Err(NoOperation::Path);
    }
    of_path.find(|operation| operation.method == method).ok_or(NoOperation::Method)
}

const fn row(
    method: &'static str,
    path: &'static str,
    needs: Needs,
    trace: Trace,
    name: &'static str,
) -> Operation {
    Operation { method, path, needs, trace, name }
}

const PUBLIC: Needs = Needs::Nothing;
const INFERENCE: Needs = Needs::Scope(Scope::Inference);
const READ: Needs = Needs::Scope(Scope::KnowledgeRead);
const WRITE: Needs = Needs::Scope(Scope::KnowledgeWrite);
const REVIEWS: Needs = Needs::Scope(Scope::ReviewsRead);
const REVIEWS_WRITE: Needs = Needs::Scope(Scope::ReviewsWrite);
const TRIAGE: Needs = Needs::Scope(Scope::TriageRead);
const TRIAGE_WRITE: Needs = Needs::Scope(Scope::TriageWrite);
const TRIAGE_MANAGE: Needs = Needs::Scope(Scope::TriageManage);
const ASSISTANTS: Needs = Needs::Scope(Scope::AssistantsRead);
const ASSISTANTS_WRITE: Needs = Needs::Scope(Scope::AssistantsWrite);
const CONVERSATIONS: Needs = Needs::Scope(Scope::ConversationsRead);
const CONVERSE: Needs = Needs::Scope(Scope::ConversationsWrite);
const ANSWER: Needs = Needs::Scope(Scope::ConversationsAnswer);
/// Customers see their own, people those of others.
const FOLLOW: Needs = Needs::Either(Scope::ConversationsRead, Scope::ConversationsWrite);
const FORGET: Needs = Needs::Either(Scope::ConversationsWrite, Scope::Admin);
const VISITOR: Needs = Needs::Visitor;
const PILOTS: Needs = Needs::Scope(Scope::PilotsRead);
const PILOTS_WRITE: Needs = Needs::Scope(Scope::PilotsWrite);
const JOBS: Needs = Needs::Scope(Scope::JobsRead);
const JOBS_WRITE: Needs = Needs::Scope(Scope::JobsWrite);
const METRICS: Needs = Needs::Scope(Scope::MetricsRead);
const USAGE: Needs = Needs::Scope(Scope::UsageRead);
const AUDIT: Needs = Needs::Scope(Scope::AuditRead);
const ADMIN: Needs = Needs::Scope(Scope::Admin);

/// Every operation.
#[rustfmt::skip]
pub(crate) const TABLE: &[Operation] = &[
    row("GET", "/healthz", PUBLIC, Trace::None, "health.live"),
    row("GET", "/readyz", PUBLIC, Trace::None, "health.ready"),
    row("GET", "/metrics", METRICS, Trace::None, "metrics.read"),
    row("GET", "/openapi.json", PUBLIC, Trace::None, "docs.openapi"),
    row("GET", "/docs", PUBLIC, Trace::None, "docs.page"),

    row("GET", "/v1/models", INFERENCE, Trace::None, "models.list"),
    row("GET", "/v1/models/{model}", INFERENCE, Trace::None, "models.show"),
    row("POST", "/v1/chat/completions", INFERENCE, Trace::Answer, "chat.complete"),
    row("POST", "/v1/completions", INFERENCE, Trace::Answer, "completions.create"),
    row("POST", "/v1/responses", INFERENCE, Trace::Answer, "responses.create"),
    row("POST", "/v1/embeddings", INFERENCE, Trace::Answer, "embeddings.create"),
    row("POST", "/v1/rerank", INFERENCE, Trace::Answer, "rerank.create"),
    row("POST", "/v1/tokenize", INFERENCE, Trace::None, "tokens.encode"),
    row("POST", "/v1/detokenize", INFERENCE, Trace::None, "tokens.decode"),
    row("GET", "/api/v1/status", INFERENCE, Trace::None, "status.show"),

    row("GET", "/api/v1/knowledge-bases", READ, Trace::None, "knowledge_bases.list"),
    row("POST", "/api/v1/knowledge-bases", WRITE, Trace::Act, "knowledge_bases.create"),
    row("GET", "/api/v1/knowledge-bases/{kb}", READ, Trace::None, "knowledge_bases.show"),
    row("DELETE", "/api/v1/knowledge-bases/{kb}", WRITE, Trace::Act, "knowledge_bases.delete"),
    row("GET", "/api/v1/knowledge-bases/{kb}/documents", READ, Trace::None, "documents.list"),
    row("POST", "/api/v1/knowledge-bases/{kb}/documents", WRITE, Trace::Act, "documents.create"),
    row("POST", "/api/v1/knowledge-bases/{kb}/documents/delete", WRITE, Trace::Act, "documents.delete"),
    row("GET", "/api/v1/knowledge-bases/{kb}/documents/{document}", READ, Trace::None, "documents.show"),
    row("PATCH", "/api/v1/knowledge-bases/{kb}/documents/{document}", WRITE, Trace::Act, "documents.update"),
    row("DELETE", "/api/v1/knowledge-bases/{kb}/documents/{document}", WRITE, Trace::Act, "documents.delete"),
    row("GET", "/api/v1/knowledge-bases/{kb}/documents/{document}/file", READ, Trace::Read, "documents.read"),
    row("GET", "/api/v1/knowledge-bases/{kb}/documents/{document}/passages", READ, Trace::Read, "passages.read"),
    row("POST", "/api/v1/knowledge-bases/{kb}/search", READ, Trace::Answer, "search.run"),
    row("POST", "/api/v1/knowledge-bases/{kb}/ask", READ, Trace::Answer, "ask.answer"),
    row("GET", "/api/v1/knowledge-bases/{kb}/indexes", READ, Trace::None, "indexes.list"),
    row("POST", "/api/v1/knowledge-bases/{kb}/indexes", WRITE, Trace::Act, "indexes.create"),
    row("POST", "/api/v1/knowledge-bases/{kb}/indexes/{generation}/activate", WRITE, Trace::Act, "indexes.activate"),
    row("DELETE", "/api/v1/knowledge-bases/{kb}/indexes/{generation}", WRITE, Trace::Act, "indexes.delete"),
    row("GET", "/api/v1/knowledge-bases/{kb}/test-questions", READ, Trace::None, "test_questions.list"),
    row("PUT", "/api/v1/knowledge-bases/{kb}/test-questions", WRITE, Trace::Act, "test_questions.replace"),
    row("GET", "/api/v1/knowledge-bases/{kb}/calibration", READ, Trace::None, "calibration.show"),
    row("POST", "/api/v1/knowledge-bases/{kb}/calibration", WRITE, Trace::Act, "calibration.begin"),
    row("GET", "/api/v1/knowledge-bases/{kb}/unanswered", READ, Trace::Read, "unanswered.read"),
    row("DELETE", "/api/v1/knowledge-bases/{kb}/unanswered", WRITE, Trace::Act, "unanswered.delete"),
    row("DELETE", "/api/v1/knowledge-bases/{kb}/unanswered/{question}", WRITE, Trace::Act, "unanswered.delete"),
    row("GET", "/api/v1/folders", READ, Trace::None, "folders.list"),

    row("POST", "/api/v1/sessions", PUBLIC, Trace::None, "sessions.create"),
    row("DELETE", "/api/v1/sessions/current", Needs::Caller, Trace::Act, "sessions.delete"),
    row("GET", "/api/v1/me", Needs::Caller, Trace::None, "me.show"),
    row("POST", "/api/v1/me/password", Needs::Caller, Trace::Act, "me.set_password"),
    row("GET", "/api/v1/keys", ADMIN, Trace::None, "keys.list"),
    row("POST", "/api/v1/keys", ADMIN, Trace::Act, "keys.create"),
    row("GET", "/api/v1/keys/{key}", ADMIN, Trace::None, "keys.show"),
    row("PATCH", "/api/v1/keys/{key}", ADMIN, Trace::Act, "keys.update"),
    row("DELETE", "/api/v1/keys/{key}", ADMIN, Trace::Act, "keys.revoke"),
    row("POST", "/api/v1/keys/{key}/rotate", ADMIN, Trace::Act, "keys.rotate"),
    row("GET", "/api/v1/users", ADMIN, Trace::None, "users.list"),
    row("POST", "/api/v1/users", ADMIN, Trace::Act, "users.create"),
    row("GET", "/api/v1/users/{user}", ADMIN, Trace::None, "users.show"),
    row("PATCH", "/api/v1/users/{user}", ADMIN, Trace::Act, "users.update"),
    row("DELETE", "/api/v1/users/{user}", ADMIN, Trace::Act, "users.delete"),
    row("POST", "/api/v1/users/{user}/password", ADMIN, Trace::Act, "users.set_password"),
    row("GET", "/api/v1/groups", ADMIN, Trace::None, "groups.list"),
    row("POST", "/api/v1/groups", ADMIN, Trace::Act, "groups.create"),
    row("GET", "/api/v1/groups/{group}", ADMIN, Trace::None, "groups.show"),
    row("PATCH", "/api/v1/groups/{group}", ADMIN, Trace::Act, "groups.update"),
    row("DELETE", "/api/v1/groups/{group}", ADMIN, Trace::Act, "groups.delete"),
    row("PUT", "/api/v1/groups/{group}/members/{member}", ADMIN, Trace::Act, "groups.add_member"),
    row("DELETE", "/api/v1/groups/{group}/members/{member}", ADMIN, Trace::Act, "groups.remove_member"),

    row("GET", "/api/v1/usage", USAGE, Trace::None, "usage.read"),
    row("GET", "/api/v1/audit", AUDIT, Trace::Read, "audit.read"),
    row("GET", "/api/v1/audit/head", AUDIT, Trace::None, "audit.head"),
    row("GET", "/api/v1/audit/verification", AUDIT, Trace::Read, "audit.verify"),
    row("GET", "/api/v1/audit/{seq}/content", AUDIT, Trace::Read, "audit.read_content"),

    row("GET", "/api/v1/jobs", JOBS, Trace::None, "jobs.list"),
    row("GET", "/api/v1/jobs/{id}", JOBS, Trace::None, "jobs.show"),
    row("PATCH", "/api/v1/jobs/{id}", JOBS_WRITE, Trace::Act, "jobs.update"),
    row("GET", "/api/v1/jobs/{id}/items", JOBS, Trace::None, "jobs.items"),
    row("POST", "/api/v1/jobs/{id}/pause", JOBS_WRITE, Trace::Act, "jobs.pause"),
    row("POST", "/api/v1/jobs/{id}/resume", JOBS_WRITE, Trace::Act, "jobs.resume"),
    row("POST", "/api/v1/jobs/{id}/cancel", JOBS_WRITE, Trace::Act, "jobs.cancel"),
    row("POST", "/api/v1/jobs/{id}/retry", JOBS_WRITE, Trace::Act, "jobs.retry"),
    row("GET", "/api/v1/schedules", JOBS, Trace::None, "schedules.list"),

    row("GET", "/api/v1/reviews", REVIEWS, Trace::None, "reviews.list"),
    row("POST", "/api/v1/reviews", REVIEWS_WRITE, Trace::Act, "reviews.create"),
    row("POST", "/api/v1/reviews/next", REVIEWS_WRITE, Trace::Act, "reviews.claim"),
    row("GET", "/api/v1/reviews/stats", REVIEWS, Trace::None, "reviews.stats"),
    row("GET", "/api/v1/reviews/export", REVIEWS, Trace::Read, "reviews.export"),
    row("GET", "/api/v1/reviews/{review}", REVIEWS, Trace::Read, "reviews.read"),
    row("PATCH", "/api/v1/reviews/{review}", REVIEWS_WRITE, Trace::Act, "reviews.update"),
    row("POST", "/api/v1/reviews/{review}/claim", REVIEWS_WRITE, Trace::Act, "reviews.claim"),
    row("DELETE", "/api/v1/reviews/{review}/claim", REVIEWS_WRITE, Trace::Act, "reviews.release"),
    row("POST", "/api/v1/reviews/{review}/approve", REVIEWS_WRITE, Trace::Act, "reviews.approve"),
    row("POST", "/api/v1/reviews/{review}/correct", REVIEWS_WRITE, Trace::Act, "reviews.correct"),
    row("POST", "/api/v1/reviews/{review}/reject", REVIEWS_WRITE, Trace::Act, "reviews.reject"),
    row("POST", "/api/v1/reviews/{review}/withdraw", REVIEWS_WRITE, Trace::Act, "reviews.withdraw"),

    row("GET", "/api/v1/triage/policies", TRIAGE, Trace::None, "triage_policies.list"),
    row("POST", "/api/v1/triage/policies", TRIAGE_MANAGE, Trace::Act, "triage_policies.create"),
    row("GET", "/api/v1/triage/policies/{policy}", TRIAGE, Trace::None, "triage_policies.show"),
    row("PATCH", "/api/v1/triage/policies/{policy}", TRIAGE_MANAGE, Trace::Act, "triage_policies.update"),
    row("DELETE", "/api/v1/triage/policies/{policy}", TRIAGE_MANAGE, Trace::Act, "triage_policies.delete"),
    row("GET", "/api/v1/triage/policies/{policy}/versions", TRIAGE, Trace::None, "triage_policies.list"),
    row("GET", "/api/v1/triage/policies/{policy}/learnt", TRIAGE, Trace::None, "triage.figures"),
    row("GET", "/api/v1/triage/policies/{policy}/figures", TRIAGE, Trace::None, "triage.figures"),
    row("GET", "/api/v1/triage/policies/{policy}/examples", TRIAGE_MANAGE, Trace::Read, "triage_examples.read"),
    row("POST", "/api/v1/triage/policies/{policy}/examples", TRIAGE_MANAGE, Trace::Act, "triage_examples.create"),
    row("DELETE", "/api/v1/triage/policies/{policy}/examples", TRIAGE_MANAGE, Trace::Act, "triage_examples.delete"),
    row("DELETE", "/api/v1/triage/policies/{policy}/examples/{example}", TRIAGE_MANAGE, Trace::Act, "triage_examples.delete"),
    row("GET", "/api/v1/triage/policies/{policy}/tickets", TRIAGE, Trace::None, "tickets.list"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets", TRIAGE_WRITE, Trace::Answer, "triage.decide"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/preview", TRIAGE_WRITE, Trace::Answer, "triage.preview"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/mail", TRIAGE_WRITE, Trace::Answer, "triage.decide"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/hook", TRIAGE_WRITE, Trace::Answer, "triage.decide"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/batch", TRIAGE_WRITE, Trace::Act, "triage.batch"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/csv", TRIAGE_WRITE, Trace::Act, "triage.batch"),
    row("GET", "/api/v1/triage/policies/{policy}/tickets/{ticket}", TRIAGE, Trace::Read, "tickets.read"),
    row("DELETE", "/api/v1/triage/policies/{policy}/tickets/{ticket}", TRIAGE_WRITE, Trace::Act, "tickets.erase"),
    row("POST", "/api/v1/triage/policies/{policy}/tickets/{ticket}/settle", TRIAGE_WRITE, Trace::Act, "tickets.settle"),
    row("GET", "/api/v1/triage/policies/{policy}/alerts", TRIAGE, Trace::None, "ticket_alerts.list"),
    row("POST", "/api/v1/triage/policies/{policy}/alerts/{alert}/acknowledge", TRIAGE_WRITE, Trace::Act, "ticket_alerts.acknowledge"),
    row("GET", "/api/v1/triage/policies/{policy}/outbreaks", TRIAGE, Trace::None, "outbreaks.list"),

    row("GET", "/api/v1/assistants", ASSISTANTS, Trace::None, "assistants.list"),
    row("POST", "/api/v1/assistants", ASSISTANTS_WRITE, Trace::Act, "assistants.create"),
    row("GET", "/api/v1/assistants/{assistant}", ASSISTANTS, Trace::None, "assistants.show"),
    row("PATCH", "/api/v1/assistants/{assistant}", ASSISTANTS_WRITE, Trace::Act, "assistants.update"),
    row("DELETE", "/api/v1/assistants/{assistant}", ASSISTANTS_WRITE, Trace::Act, "assistants.delete"),
    row("POST", "/api/v1/assistants/{assistant}/preview", ASSISTANTS, Trace::Answer, "assistants.preview"),
    row("POST", "/api/v1/assistants/{assistant}/publish", ASSISTANTS_WRITE, Trace::Act, "assistants.publish"),
    row("POST", "/api/v1/assistants/{assistant}/restore", ASSISTANTS_WRITE, Trace::Act, "assistants.restore"),
    row("GET", "/api/v1/assistants/{assistant}/versions", ASSISTANTS, Trace::None, "assistants.list"),
    row("GET", "/api/v1/assistants/{assistant}/versions/{number}", ASSISTANTS, Trace::None, "assistants.show"),
    row("GET", "/api/v1/assistants/{assistant}/stats", CONVERSATIONS, Trace::None, "conversations.stats"),
    row("GET", "/api/v1/assistants/{assistant}/gaps", CONVERSATIONS, Trace::Read, "conversations.gaps"),

    row("GET", "/api/v1/conversations", FOLLOW, Trace::None, "conversations.list"),
    row("POST", "/api/v1/conversations", CONVERSE, Trace::Act, "conversations.open"),
    row("GET", "/api/v1/conversations/{conversation}", FOLLOW, Trace::Read, "conversations.read"),
    row("DELETE", "/api/v1/conversations/{conversation}", FORGET, Trace::Act, "conversations.delete"),
    row("GET", "/api/v1/conversations/{conversation}/messages", FOLLOW, Trace::Read, "conversations.read"),
    row("POST", "/api/v1/conversations/{conversation}/messages", CONVERSE, Trace::Answer, "conversations.say"),
    row("PUT", "/api/v1/conversations/{conversation}/messages/{ordinal}/feedback", CONVERSE, Trace::Act, "conversations.judge"),
    row("PUT", "/api/v1/conversations/{conversation}/feedback", CONVERSE, Trace::Act, "conversations.judge"),
    row("POST", "/api/v1/conversations/{conversation}/call-person", CONVERSE, Trace::Act, "conversations.call_person"),
    row("POST", "/api/v1/conversations/{conversation}/end", CONVERSE, Trace::Act, "conversations.end"),
    row("POST", "/api/v1/conversations/{conversation}/take", ANSWER, Trace::Act, "conversations.take"),
    row("POST", "/api/v1/conversations/{conversation}/release", ANSWER, Trace::Act, "conversations.release"),
    row("POST", "/api/v1/conversations/{conversation}/hand-back", ANSWER, Trace::Act, "conversations.hand_back"),
    row("POST", "/api/v1/conversations/{conversation}/reopen", ANSWER, Trace::Act, "conversations.reopen"),
    row("POST", "/api/v1/conversations/{conversation}/close", ANSWER, Trace::Act, "conversations.close"),
    row("POST", "/api/v1/conversations/{conversation}/answers", ANSWER, Trace::Act, "conversations.answer"),

    row("GET", "/api/v1/widget/{slug}", PUBLIC, Trace::None, "widget.show"),
    row("POST", "/api/v1/widget/{slug}/conversations", PUBLIC, Trace::None, "widget.open"),
    row("GET", "/api/v1/widget/messages", VISITOR, Trace::None, "widget.read"),
    row("POST", "/api/v1/widget/messages", VISITOR, Trace::None, "widget.say"),
    row("PUT", "/api/v1/widget/messages/{ordinal}/feedback", VISITOR, Trace::None, "widget.judge"),
    row("PUT", "/api/v1/widget/feedback", VISITOR, Trace::None, "widget.judge"),
    row("POST", "/api/v1/widget/call-person", VISITOR, Trace::None, "widget.call_person"),
    row("DELETE", "/api/v1/widget/conversation", VISITOR, Trace::None, "widget.delete"),

    row("GET", "/api/v1/pilots/sets", PILOTS, Trace::None, "pilot_sets.list"),
    row("POST", "/api/v1/pilots/sets", PILOTS_WRITE, Trace::Act, "pilot_sets.create"),
    row("DELETE", "/api/v1/pilots/sets/{set}", PILOTS_WRITE, Trace::Act, "pilot_sets.delete"),
    row("GET", "/api/v1/pilots/runs", PILOTS, Trace::None, "pilots.list"),
    row("POST", "/api/v1/pilots/runs", PILOTS_WRITE, Trace::Act, "pilots.begin"),
    row("GET", "/api/v1/pilots/runs/{run}", PILOTS, Trace::None, "pilots.show"),
    row("DELETE", "/api/v1/pilots/runs/{run}", PILOTS_WRITE, Trace::Act, "pilots.delete"),
    row("GET", "/api/v1/pilots/runs/{run}/figures", PILOTS, Trace::None, "pilots.figures"),
    row("GET", "/api/v1/pilots/runs/{run}/report", PILOTS, Trace::Read, "pilots.report"),
    row("GET", "/api/v1/pilots/thresholds", PILOTS, Trace::None, "thresholds.list"),
    row("POST", "/api/v1/pilots/thresholds", PILOTS_WRITE, Trace::Act, "thresholds.accept"),
    row("DELETE", "/api/v1/pilots/thresholds/{job}/{target}", PILOTS_WRITE, Trace::Act, "thresholds.take_back"),
    row("GET", "/api/v1/pilots/models", PILOTS, Trace::None, "models.switches"),
    row("POST", "/api/v1/pilots/models", ADMIN, Trace::Act, "models.switch"),
    row("POST", "/api/v1/pilots/models/{switch}/roll-back", ADMIN, Trace::Act, "models.roll_back"),

    row("GET", "/api/v1/erasures", ADMIN, Trace::None, "erasures.list"),
    row("POST", "/api/v1/erasures", ADMIN, Trace::Act, "erasures.create"),
    row("GET", "/api/v1/erasures/{erasure}", ADMIN, Trace::None, "erasures.show"),
    row("GET", "/api/v1/users/{user}/export", ADMIN, Trace::Read, "users.export"),
    row("GET", "/api/v1/me/export", Needs::Caller, Trace::Read, "me.export"),
    row("POST", "/api/v1/exports", ADMIN, Trace::Read, "exports.create"),
    row("GET", "/api/v1/retention", ADMIN, Trace::None, "retention.show"),
    row("POST", "/api/v1/retention/run", ADMIN, Trace::Act, "retention.run"),

    row("GET", "/api/v1/webhooks", ADMIN, Trace::None, "webhooks.list"),
    row("POST", "/api/v1/webhooks", ADMIN, Trace::Act, "webhooks.create"),
    row("GET", "/api/v1/webhooks/{webhook}", ADMIN, Trace::None, "webhooks.show"),
    row("PATCH", "/api/v1/webhooks/{webhook}", ADMIN, Trace::Act, "webhooks.update"),
    row("DELETE", "/api/v1/webhooks/{webhook}", ADMIN, Trace::Act, "webhooks.delete"),
    row("POST", "/api/v1/webhooks/{webhook}/rotate", ADMIN, Trace::Act, "webhooks.rotate"),
    row("POST", "/api/v1/webhooks/{webhook}/ping", ADMIN, Trace::Act, "webhooks.ping"),
    row("GET", "/api/v1/webhooks/{webhook}/deliveries", ADMIN, Trace::None, "deliveries.list"),
    row("POST", "/api/v1/webhooks/{webhook}/deliveries/{delivery}/retry", ADMIN, Trace::Act, "deliveries.retry"),
    row("GET", "/api/v1/mail", ADMIN, Trace::None, "mail.list"),
    row("GET", "/api/v1/mail/{mail}", ADMIN, Trace::None, "mail.show"),
    row("POST", "/api/v1/mail/test", ADMIN, Trace::Act, "mail.test"),
    row("POST", "/api/v1/mail/{mail}/retry", ADMIN, Trace::Act, "mail.retry"),
];

#[cfg(test)]
mod tests {
    use axum::http::Method;

    use super::{NoOperation, Operation, TABLE, find};

    #[test]
    fn rows_are_found_once() {
        for (at, operation) in TABLE.iter().enumerate() {
            let twice = |other: &Operation| {
                other.path == operation.path && other.method == operation.method
            };
            assert_eq!(TABLE.iter().position(twice), Some(at), "{operation:?}");
            assert!(operation.name.contains('.'), "{operation:?}");
        }
        let name = |method, path| find(&method, path).map(|operation| operation.name);
        assert_eq!(name(Method::HEAD, "/healthz"), Ok("health.live"));
        assert_eq!(name(Method::POST, "/healthz"), Err(NoOperation::Method));
        assert_eq!(name(Method::OPTIONS, "/api/v1/keys"), Err(NoOperation::Method));
        assert_eq!(name(Method::GET, "/api/v1/forgotten"), Err(NoOperation::Path));
    }
}
