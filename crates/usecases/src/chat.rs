//! Configures assistants that answer customers, and has the rules of their conversations that need
//! no model.
//!
//! An [`AssistantConfig`] is what a customer types, checked before it is stored. What a message
//! says by itself (that somebody wants a person, is angry, only says thank you) is read by
//! [`signals()`], without a model, so that it is the same every time and cannot be talked out of it.
//! [`before_model`] and [`after_model`] put these together: what happens to a message, and why a
//! conversation goes to people.
//!
//! [`Chat`] answers: it takes a message in, understands what it follows up, has `knowledge` answer
//! from documents, and gives the conversation to people with a card where that is not enough.
//! Conversations themselves are the ledger's.

mod assistant;
mod begin;
mod card;
mod consult;
mod decide;
mod desk;
mod error;
mod facts;
mod fixed;
mod gaps;
mod hand;
mod known;
mod opening;
mod preview;
mod reason;
mod reply;
mod rules;
mod say;
mod signals;
mod state;
mod understand;
mod wish;
mod words;

pub use assistant::{
    Address, AiNotice, AssistantConfig, AssistantError, FixedAnswer, ForbiddenTopic, HandOverRules,
    HandOverTopic, Memory, Texts, Thresholds, Widget,
};
pub use begin::OpenRequest;
pub use card::{Fact, FoundPassage, HandOverCard, Searched, Urgency};
pub use desk::{Chat, ChatParts};
pub use error::ChatError;
pub use fixed::{FixedAnswers, FixedMatch};
pub use gaps::GapGroup;
pub use opening::{Holiday, Interval, OpeningHours, TimeOfDay, Weekday};
pub use preview::{Preview, PreviewRequest};
pub use reason::reason_in_words;
pub use reply::{Reply, ReplyEvent, ReplyStep, Replying};
pub use rules::{HandOverReason, Step, after_model, before_model};
pub use signals::{Signals, SmallTalk, phrase_in, signals};
pub use state::{ConversationAct, ConversationState, Forbidden};
