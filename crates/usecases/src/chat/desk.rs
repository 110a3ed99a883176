//! Ties an assistant's configuration, the documents and the conversations together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use intramuros_engine::{Encoders, TextModels};
use intramuros_knowledge::Knowledge;
use intramuros_ledger::Ledger;
use intramuros_types::{AssistantId, ConversationId};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, Semaphore};

use super::known::Known;
use super::wish::Wishes;

/// Messages that may wait for an answer at once, on all conversations together.
pub(super) const MAX_WAITING: usize = 64;

/// What assistants work with.
pub struct ChatParts {
    /// Assistants and conversations.
    pub ledger: Ledger,
    /// Where answers come from.
    pub knowledge: Knowledge,
    /// The encoders, of which the default one compares messages with fixed answers.
    pub encoders: Encoders,
    /// The generators, of which the default one understands what a message follows up.
    pub text: TextModels,
}

/// The assistants of this server. Clones share everything.
#[derive(Clone)]
pub struct Chat {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) ledger: Ledger,
    pub(super) knowledge: Knowledge,
    pub(super) encoders: Encoders,
    pub(super) text: TextModels,
    /// Published versions, which never change, and states of drafts, by number and by version of the
    /// draft. Held for a look only.
    pub(super) known: Mutex<HashMap<(AssistantId, u32, u32), Arc<Known>>>,
    /// What asks for a person, as the encoder sees it; read at the first message.
    pub(super) wishes: OnceCell<Option<Wishes>>,
    /// One for each conversation in which an answer is being made: messages are answered in their
    /// order. Held for a look only.
    turns: Mutex<HashMap<ConversationId, Arc<AsyncMutex<()>>>>,
    /// Places for messages that wait for an answer.
    pub(super) places: Arc<Semaphore>,
}

impl Chat {
    /// Ties the parts together.
    pub fn new(parts: ChatParts) -> Self {
        let ChatParts { ledger, knowledge, encoders, text } = parts;
        Self {
            shared: Arc::new(Shared {
                ledger,
                knowledge,
                encoders,
                text,
                known: Mutex::default(),
                wishes: OnceCell::new(),
                turns: Mutex::default(),
                places: Arc::new(Semaphore::new(MAX_WAITING)),
            }),
        }
    }

    /// The turn of a conversation, to be waited for.
    pub(super) fn turn(&self, id: &ConversationId) -> Arc<AsyncMutex<()>> {
        let mut turns = self.shared.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody has or waits for are over.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry(id.clone()).or_default().clone()
    }
}
