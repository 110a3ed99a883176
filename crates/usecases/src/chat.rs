//! Configures assistants that answer customers, and has the rules of their conversations that need
//! no model.
//!
//! An [`AssistantConfig`] is what a customer types, checked before it is stored. What a message
//! says by itself (that somebody wants a person, is angry, only says thank you) is read by
//! [`signals()`], without a model, so that it is the same every time and cannot be talked out of it.
//! [`before_model`] and [`after_model`] put these together: what happens to a message, and why a
//! conversation goes to people.
//!
//! Conversations themselves are the ledger's; retrieval and answers are `knowledge`'s.

mod assistant;
mod card;
mod fixed;
mod opening;
mod rules;
mod signals;
mod state;
mod words;

pub use assistant::{
    Address, AiNotice, AssistantConfig, AssistantError, FixedAnswer, ForbiddenTopic, HandOverRules,
    HandOverTopic, Memory, Texts, Thresholds, Widget,
};
pub use card::{Fact, FoundPassage, HandOverCard, Searched, Urgency};
pub use fixed::{FixedAnswers, FixedMatch};
pub use opening::{Holiday, Interval, OpeningHours, TimeOfDay, Weekday};
pub use rules::{HandOverReason, Step, after_model, before_model};
pub use signals::{Signals, SmallTalk, phrase_in, signals};
pub use state::{ConversationAct, ConversationState, Forbidden};
