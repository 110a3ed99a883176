//! Passes on how conversations stand and what leads where.
//!
//! The machine is [`intramuros_types`]'s, because the ledger holds every change to it in the
//! transaction that makes it; asked here it is the same one. What follows for an assistant:
//!
//! - It answers only where [`ConversationState::bot_answers`]; what it was writing when a person
//!   took the
//!   conversation is refused by the ledger.
//! - A message to a closed conversation opens nothing again: it is refused, and the remedy is a new
//!   conversation.

pub use intramuros_types::{ConversationAct, ConversationState, Forbidden};
