//! Describes what becomes of a customer's message while it is answered.

use intramuros_ledger::{ConversationSummary, MessageRecord};
use tokio::sync::mpsc;

use super::ChatError;

/// What an assistant is doing for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyStep {
    /// It makes out what the message asks, from what was said before.
    Understanding,
    /// It looks for passages and judges whether they answer.
    Searching,
    /// It writes, and what it writes is checked.
    Writing,
    /// It tells people what they need to know.
    HandingOver,
}

impl ReplyStep {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            ReplyStep::Understanding => "understanding",
            ReplyStep::Searching => "searching",
            ReplyStep::Writing => "writing",
            ReplyStep::HandingOver => "handing_over",
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The customer's message.
    pub message: MessageRecord,
    /// What was said after it: an answer, that people were called. Empty while people have the
    /// conversation.
    pub replies: Vec<MessageRecord>,
    /// How the conversation stands.
    pub conversation: ConversationSummary,
    /// That an AI answers, where the assistant says so and it did.
    pub ai_notice: Option<String>,
}

/// What a [`Replying`] yields: the message as it was taken in, steps, the end.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyEvent {
    /// It is in the ledger and will not be lost.
    Accepted(Box<MessageRecord>),
    /// What is being done.
    Step(ReplyStep),
    /// The end.
    Finished(Box<Reply>),
}

/// An answer in the making. It goes on when nobody waits for it any more: what it says is then in
/// the conversation.
pub struct Replying {
    pub(super) events: mpsc::UnboundedReceiver<Result<ReplyEvent, ChatError>>,
}

impl Replying {
    /// The next event; `None` after the end or an error.
    pub async fn next(&mut self) -> Option<Result<ReplyEvent, ChatError>> {
        self.events.recv().await
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What kept the message from being answered. It is in the conversation all the same: sent again
    /// under the same id, it is answered then.
    pub async fn collect(mut self) -> Result<Reply, ChatError> {
        while let Some(event) = self.next().await {
            if let ReplyEvent::Finished(reply) = event? {
                return Ok(*reply);
            }
        }
        // The task ends with one or the other; a server that stops ends with neither.
        Err(intramuros_engine::EngineError::Stopped.into())
    }
}
