//! Shows conversations: to their customers what was said, to people also what they need to know.

use intramuros_ledger::{ActRecord, ConversationRecord, ConversationSummary, MessageRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::body::RequestBody;

/// As whom a conversation is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Viewer {
    /// Who opened it.
    Customer,
    /// The visitor of a web page who opened it: anybody.
    Visitor,
    /// Who answers customers.
    Person,
}

/// A conversation to open.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct OpenBody {
    /// The assistant: its id or slug.
    pub(super) assistant: String,
    /// Whether its draft answers instead of the published version, to try it; not counted in its
    /// figures. Takes the scope `assistants:read`.
    #[serde(default)]
    pub(super) draft: bool,
    /// Your own name for it: while one is open, opening it again gives that one back.
    #[schema(max_length = 500)]
    pub(super) external_id: Option<String>,
    /// The customer's language, ISO 639-1; else that of the assistant.
    #[schema(max_length = 2)]
    pub(super) language: Option<String>,
    /// Who may see it beside you: people with one of these labels; everybody who answers customers
    /// when left out.
    pub(super) labels: Option<Vec<String>>,
}

impl RequestBody for OpenBody {
    const FIELDS: &'static [&'static str] =
        &["assistant", "draft", "external_id", "language", "labels"];
}

/// A conversation without what was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationDto {
    /// `conv_…`; ids sort by time.
    id: String,
    /// The assistant's id.
    assistant: String,
    /// The published version that answers; 0 for the draft.
    assistant_version: u32,
    /// `api` or `widget`.
    channel: &'static str,
    /// Your own name for it.
    external_id: Option<String>,
    /// ISO 639-1.
    language: String,
    /// Who may see it; empty for everybody who answers customers.
    labels: Vec<String>,
    /// Who is to speak: `bot` (the assistant), `waiting` (nobody yet), `human` (a person), `closed`.
    state: &'static str,
    /// Counts the changes of who is to speak; to act, name the one that you saw.
    version: u32,
    /// Messages so far.
    message_count: u32,
    /// Whether it helped, where the customer said so.
    resolved: Option<bool>,
    /// Why it was closed.
    close_reason: Option<String>,
    /// When it was closed.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    closed: Option<OffsetDateTime>,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    created: OffsetDateTime,
    /// When something was last said or changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    updated: OffsetDateTime,
    /// When something of it was erased last.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    erased: Option<OffsetDateTime>,
    /// What people see and its customer does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    handling: Option<HandlingDto>,
}

/// What people see of a conversation and its customer does not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandlingDto {
    /// Who opened it: a user, a key's family, or what stands for a visitor.
    opened_by: String,
    /// The group that it is for; null for everybody who answers customers.
    team: Option<String>,
    /// Who has it: a user or a key's family.
    assignee: Option<String>,
    /// Why it was handed over last.
    reason: Option<String>,
    /// Answers in a row that the assistant did not have.
    failures: u32,
    /// Since when it waits for a person.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    waiting_since: Option<OffsetDateTime>,
    /// When it came to people first.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    handed_over: Option<OffsetDateTime>,
}

impl ConversationDto {
    pub(in crate::api) fn new(conversation: ConversationSummary, viewer: Viewer) -> Self {
        let handling = (viewer == Viewer::Person).then(|| HandlingDto {
            opened_by: conversation.who,
            team: conversation.team.map(|team| team.to_string()),
            assignee: conversation.assignee,
            reason: conversation.reason,
            failures: conversation.failures,
            waiting_since: conversation.waiting_since,
            handed_over: conversation.handed_over,
        });
        Self {
            id: conversation.id.to_string(),
            assistant: conversation.assistant.to_string(),
            assistant_version: conversation.config,
            channel: conversation.channel.as_str(),
            external_id: conversation.external_id,
            language: conversation.language,
            labels: conversation.labels,
            state: conversation.state.as_str(),
            version: conversation.version,
            message_count: conversation.messages,
            resolved: conversation.resolved,
            // Visitors see that it is closed; why is for the company.
            close_reason: conversation.close_reason.filter(|_| viewer != Viewer::Visitor),
            closed: conversation.closed,
            created: conversation.created,
            updated: conversation.touched,
            erased: conversation.erased,
            handling,
        }
    }
}

/// A page of conversations, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationList {
    /// The conversations.
    pub(super) conversations: Vec<ConversationDto>,
    /// The `cursor` of the next page; null at the end.
    pub(super) next: Option<String>,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationMessageDto {
    /// Its place in the conversation, from 1.
    ordinal: u32,
    /// The customer's own name for it.
    message_id: Option<String>,
    /// Who says it: `customer`, `assistant`, `human` or `notice` (the server).
    role: &'static str,
    /// Who wrote it, of a person's; for people only.
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    at: OffsetDateTime,
    /// What is said; empty once it was erased.
    text: String,
    /// Of an answer of the assistant: `answered` from documents, `fixed` (written beforehand),
    /// `abstained` (it had none) or `other`.
    outcome: Option<&'static str>,
    /// The ordinal of the message that it answers.
    answers: Option<u32>,
    /// What the customer thinks of it: `up` or `down`.
    thumb: Option<&'static str>,
    /// What the customer says of it.
    comment: String,
    /// How an answer came to be: what it quotes, the model, what was understood.
    #[schema(value_type = Option<Object>)]
    details: Option<Value>,
    /// When it was erased.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    erased: Option<OffsetDateTime>,
}

impl ConversationMessageDto {
    pub(in crate::api) fn new(message: MessageRecord, viewer: Viewer) -> Self {
        Self {
            ordinal: message.ordinal,
            message_id: message.message_id,
            role: message.role.as_str(),
            author: message.author.filter(|_| viewer == Viewer::Person),
            at: message.at,
            text: message.text,
            outcome: message.outcome.map(|outcome| outcome.as_str()),
            answers: message.answers,
            thumb: message.thumb.map(|up| if up { "up" } else { "down" }),
            comment: message.comment,
            details: match viewer {
                Viewer::Customer | Viewer::Person => message.details,
                Viewer::Visitor => message.details.as_ref().map(quoted),
            },
            erased: message.erased,
        }
    }
}

/// What visitors see of how an answer came to be: what it quotes, by title and pages, and nothing
/// that leads further within the company.
fn quoted(details: &Value) -> Value {
    const SHOWN: [&str; 4] = ["title", "quote", "page", "pages"];
    let shown = |citation: &Value| {
        let fields = SHOWN.iter().filter_map(|name| {
            let value = citation.get(name).filter(|value| !value.is_null())?;
            Some(((*name).to_owned(), value.clone()))
        });
        Value::Object(fields.collect())
    };
    let citations = details["citations"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({"citations": citations.iter().map(shown).collect::<Vec<_>>()})
}

/// A change of who is to speak.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActDto {
    /// `hand_over`, `take`, `release`, `hand_back`, `close` or `reopen`.
    act: &'static str,
    /// Who was to speak afterwards.
    state: &'static str,
    /// Why.
    reason: Option<String>,
    /// Who did it.
    by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    at: OffsetDateTime,
}

impl From<ActRecord> for ActDto {
    fn from(act: ActRecord) -> Self {
        let ActRecord { act, state, reason, actor, at } = act;
        Self { act: act.as_str(), state: state.as_str(), reason, by: actor, at }
    }
}

/// A conversation with what was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WholeConversationDto {
    /// What lists show.
    #[serde(flatten)]
    conversation: ConversationDto,
    /// What people were told at the last hand-over: what the customer wants, what they said already,
    /// what was searched and found, a draft. For people only; left out where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    card: Option<Value>,
    /// What changed who is to speak, in order; for people only.
    #[serde(skip_serializing_if = "Option::is_none")]
    acts: Option<Vec<ActDto>>,
    /// What was said, in order.
    messages: Vec<ConversationMessageDto>,
}

impl WholeConversationDto {
    pub(super) fn new(record: ConversationRecord, viewer: Viewer) -> Self {
        let ConversationRecord { summary, card, acts, messages } = record;
        let is_person = viewer == Viewer::Person;
        let shown = |message| ConversationMessageDto::new(message, viewer);
        Self {
            conversation: ConversationDto::new(summary, viewer),
            card: card.filter(|_| is_person),
            acts: is_person.then(|| acts.into_iter().map(ActDto::from).collect()),
            messages: messages.into_iter().map(shown).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::quoted;

    #[test]
    fn visitors_see_titles_quotations_and_pages_only() {
        let details = json!({"model": "m", "judgement": 0.7, "citations": [{
            "document": "doc_1", "passage": "p", "title": "CGV", "quote": "sous 5 jours",
            "pages": {"first": 3, "last": 3}, "score": 0.4, "section_path": ["Interne"]
        }]});
        let shown = json!({"citations": [
            {"title": "CGV", "quote": "sous 5 jours", "pages": {"first": 3, "last": 3}}
        ]});
        assert_eq!(quoted(&details), shown);
        for odd in [json!({}), json!(null), json!({"citations": "x"}), json!([1])] {
            assert_eq!(quoted(&odd), json!({"citations": []}), "{odd}");
        }
    }
}
