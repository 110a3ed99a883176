//! Describes conversations: what customers and assistants, or people, say to each other.
//!
//! Who is to speak next is [`ConversationState`], and what leads from one state to the next is
//! decided in one place ([`ConversationState::after`]). Every change is a transaction that is the
//! writer from its first statement: of two people who take the same conversation one gets it, and
//! its event and its e-mails are there with it or not at all.
//!
//! A person who has a conversation has it until they release it, hand it back or close it; an
//! administrator may take it over. The version counts these changes, so that nobody acts on what
//! they saw before another did. Messages do not change it.
//!
//! A message that the customer sends twice under the same id is accepted once, and answered by the
//! assistant once: what a client repeats after a lost connection does no harm.

use std::collections::BTreeMap;
use std::time::Duration;

use intramuros_types::{
    AssistantId, ConversationAct, ConversationId, ConversationState, DocumentId, GroupId,
    KnowledgeBaseId,
};
use serde_json::Value;
use time::OffsetDateTime;

use crate::NewMail;

mod acts;
mod answers;
mod check;
mod erase;
mod feedback;
mod gaps;
mod hand_over;
mod list;
mod messages;
mod open;
mod records;
mod sight;
mod stats;
mod traces;
mod widget;

pub(crate) use erase::{erase_of_base, erase_of_document, forget_person, remove};
pub use gaps::{Gap, NewGap};
pub use widget::{NewWidget, WidgetCaps, WidgetSession};

/// Where customers write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationChannel {
    /// An application, with a key.
    Api,
    /// A web page.
    Widget,
}

impl ConversationChannel {
    /// Every channel.
    pub const ALL: [ConversationChannel; 2] =
        [ConversationChannel::Api, ConversationChannel::Widget];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ConversationChannel::Api => "api",
            ConversationChannel::Widget => "widget",
        }
    }
}

/// A conversation to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConversation {
    /// With whom.
    pub assistant: AssistantId,
    /// The published version that answers in it; 0 for the draft, to try it.
    pub config: u32,
    /// A user, a key's family, or a visitor's keyed hash; up to 200 characters.
    pub who: String,
    /// The opener's own name for it, up to 500 characters: while one is open, opening it again
    /// gives that one back.
    pub external_id: Option<String>,
    /// ISO 639-1.
    pub language: String,
    /// Who may see it, as with documents; empty for everybody who answers customers.
    pub labels: Vec<String>,
    /// What is said first, such as the greeting and that an AI answers; up to 5.
    pub notices: Vec<String>,
}

/// What an opening led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is new.
    New(ConversationSummary),
    /// An open one of the same opener, assistant and external id; nothing was changed.
    Existing(ConversationSummary),
}

impl Opened {
    /// The conversation, whichever.
    pub fn conversation(self) -> ConversationSummary {
        match self {
            Self::New(conversation) | Self::Existing(conversation) => conversation,
        }
    }
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageRole {
    /// The customer.
    Customer,
    /// The assistant.
    Assistant,
    /// A person who has the conversation.
    Human,
    /// The server: a greeting, that an AI answers, that people were called.
    Notice,
}

impl MessageRole {
    /// Every role.
    pub const ALL: [MessageRole; 4] =
        [MessageRole::Customer, MessageRole::Assistant, MessageRole::Human, MessageRole::Notice];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageRole::Customer => "customer",
            MessageRole::Assistant => "assistant",
            MessageRole::Human => "human",
            MessageRole::Notice => "notice",
        }
    }
}

/// How an answer of the assistant is to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerOutcome {
    /// From documents; ends a row of failures.
    Answered,
    /// One that people wrote beforehand; ends a row of failures.
    Fixed,
    /// It had no answer: one failure more in a row.
    Abstained,
    /// A thank-you or a question back: counts for nothing.
    Other,
}

impl AnswerOutcome {
    /// Every outcome.
    pub const ALL: [AnswerOutcome; 4] = [
        AnswerOutcome::Answered,
        AnswerOutcome::Fixed,
        AnswerOutcome::Abstained,
        AnswerOutcome::Other,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            AnswerOutcome::Answered => "answered",
            AnswerOutcome::Fixed => "fixed",
            AnswerOutcome::Abstained => "abstained",
            AnswerOutcome::Other => "other",
        }
    }
}

/// A document that an answer or a card quotes. When it is erased, they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CitedDocument {
    /// Where it is.
    pub knowledge_base: KnowledgeBaseId,
    /// Which it is; one that is there.
    pub document: DocumentId,
}

/// What a customer writes, or who answers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The sender's own name for it, up to 100 characters: accepted once.
    pub message_id: Option<String>,
    /// Up to 8,000 characters.
    pub text: String,
}

/// What became of a customer's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// Whether it is new; else the same id was accepted before.
    pub is_new: bool,
    /// The message.
    pub message: MessageRecord,
    /// The assistant's answer to it, of one that was answered already.
    pub answer: Option<MessageRecord>,
    /// How the conversation stands.
    pub conversation: ConversationSummary,
}

/// What the assistant answers.
#[derive(Debug, Clone, PartialEq)]
pub struct BotAnswer {
    /// The ordinal of the customer's message, which is answered once.
    pub answers: Option<u32>,
    /// Up to 8,000 characters.
    pub text: String,
    /// How it counts.
    pub outcome: AnswerOutcome,
    /// How it came to be: citations, model, what was understood; JSON of up to 64 KiB.
    pub details: Value,
    /// The documents that it quotes, up to 64.
    pub documents: Vec<CitedDocument>,
}

/// What people are told when the assistant gives a conversation to them.
#[derive(Clone, PartialEq)]
pub struct NewHandOver {
    /// Why: a code of up to 64 characters, such as `asks_for_human` or `topic.payment`.
    pub reason: String,
    /// What they need to know: JSON of up to 64 KiB.
    pub card: Value,
    /// The documents that the card quotes, up to 64.
    pub documents: Vec<CitedDocument>,
    /// The group that it is for; one that is gone counts as none, for the customer must not wait
    /// for nobody.
    pub team: Option<GroupId>,
    /// What the customer is told.
    pub notice: Option<String>,
    /// E-mails about it, up to 20.
    pub mails: Vec<NewMail>,
}

/// Leaves out what it says.
impl std::fmt::Debug for NewHandOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewHandOver").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// A message as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRecord {
    /// Its place in the conversation, from 1.
    pub ordinal: u32,
    /// The client's own name for it.
    pub message_id: Option<String>,
    /// Who says it.
    pub role: MessageRole,
    /// Who wrote it, of a person's: a user, a key's family, or what is left of one who was
    /// forgotten.
    pub author: Option<String>,
    /// When.
    pub at: OffsetDateTime,
    /// How an answer counts.
    pub outcome: Option<AnswerOutcome>,
    /// The ordinal of the message that it answers.
    pub answers: Option<u32>,
    /// Whether the customer likes it.
    pub thumb: Option<bool>,
    /// What the customer says of it.
    pub comment: String,
    /// What is said; empty once it was erased.
    pub text: String,
    /// How an answer came to be.
    pub details: Option<Value>,
    /// When it was erased.
    pub erased: Option<OffsetDateTime>,
}

/// A change of who is to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActRecord {
    /// What happened.
    pub act: ConversationAct,
    /// How it stood afterwards.
    pub state: ConversationState,
    /// Why.
    pub reason: Option<String>,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: OffsetDateTime,
}

/// A conversation as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// `conv_` and a UUID v7, so that ids sort by time.
    pub id: ConversationId,
    /// With whom.
    pub assistant: AssistantId,
    /// The published version that answers; 0 for the draft.
    pub config: u32,
    /// Where the customer writes.
    pub channel: ConversationChannel,
    /// Who opened it.
    pub who: String,
    /// The opener's own name for it.
    pub external_id: Option<String>,
    /// ISO 639-1.
    pub language: String,
    /// Who may see it.
    pub labels: Vec<String>,
    /// Who is to speak.
    pub state: ConversationState,
    /// Counts the changes of who is to speak.
    pub version: u32,
    /// The group that it is for.
    pub team: Option<GroupId>,
    /// Who has it.
    pub assignee: Option<String>,
    /// Why it was handed over last.
    pub reason: Option<String>,
    /// Why it was closed.
    pub close_reason: Option<String>,
    /// Answers in a row that the assistant did not have.
    pub failures: u32,
    /// Messages so far.
    pub messages: u32,
    /// Since when it waits for a person.
    pub waiting_since: Option<OffsetDateTime>,
    /// When it came to people first.
    pub handed_over: Option<OffsetDateTime>,
    /// When it was closed.
    pub closed: Option<OffsetDateTime>,
    /// When it was opened.
    pub created: OffsetDateTime,
    /// When something was last said or changed.
    pub touched: OffsetDateTime,
    /// Whether it helped, where the customer said so.
    pub resolved: Option<bool>,
    /// When something of it was erased last.
    pub erased: Option<OffsetDateTime>,
}

/// A conversation with its contents.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRecord {
    /// What lists show.
    pub summary: ConversationSummary,
    /// What people were told at the last hand-over; `None` once it was erased.
    pub card: Option<Value>,
    /// What changed who is to speak, in order.
    pub acts: Vec<ActRecord>,
    /// What was said, in order.
    pub messages: Vec<MessageRecord>,
}

/// What a customer thought of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedbackFilter {
    /// It helped.
    Resolved,
    /// It did not.
    Unresolved,
    /// They liked an answer.
    ThumbUp,
    /// They disliked one.
    ThumbDown,
}

/// A part of the list of conversations to fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationPage {
    /// Only those in this state.
    pub state: Option<ConversationState>,
    /// Only those with this assistant.
    pub assistant: Option<AssistantId>,
    /// Only those of this channel.
    pub channel: Option<ConversationChannel>,
    /// Only those of this team.
    pub team: Option<GroupId>,
    /// Only those that this person has.
    pub assignee: Option<String>,
    /// Only those of this name.
    pub external_id: Option<String>,
    /// Only those begun at this moment or later.
    pub since: Option<OffsetDateTime>,
    /// Only those begun before this moment.
    pub before: Option<OffsetDateTime>,
    /// Only those of which the customer thinks so.
    pub feedback: Option<FeedbackFilter>,
    /// Continue after this conversation.
    pub after: Option<ConversationId>,
    /// The most conversations to return, 1 to [`ConversationPage::MAX_LIMIT`].
    pub limit: u32,
}

impl ConversationPage {
    /// The most conversations that one page may have.
    pub const MAX_LIMIT: u32 = 1000;
}

/// Figures of the conversations that were begun in a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationStats {
    /// How many, those that tried a draft not counted.
    pub conversations: u64,
    /// Those that the assistant answered in and that never came to people.
    pub answered_by_bot: u64,
    /// Those that came to people.
    pub handed_over: u64,
    /// How often they came to people, by reason; `taken` where nobody asked for it.
    pub reasons: BTreeMap<String, u64>,
    /// Those of which the customer says that they helped.
    pub resolved: u64,
    /// Those of which the customer says that they did not.
    pub unresolved: u64,
    /// Answers that customers liked.
    pub thumbs_up: u64,
    /// Answers that they disliked.
    pub thumbs_down: u64,
    /// From hand-overs to the first answers of people, in the middle.
    pub median_wait: Option<Duration>,
    /// What customers wrote.
    pub customer_messages: u64,
}

#[cfg(test)]
mod tests;
