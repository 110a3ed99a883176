//! Begins conversations.

use std::time::Duration;

use intramuros_engine::Caller;
use intramuros_ledger::{
    AssistantVersion, NewConversation, NewWidget, Opened, WidgetCaps, WidgetSession,
};
use intramuros_types::AssistantId;

use super::desk::Chat;
use super::known::DRAFT;
use super::{AssistantConfig, ChatError};

/// How long a visitor's token opens their conversation.
const SESSION: Duration = Duration::from_secs(24 * 60 * 60);

/// A conversation to be begun by an application.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    /// With whom.
    pub assistant: AssistantId,
    /// With the draft instead of the published version, to try it.
    pub draft: bool,
    /// A user or a key's family.
    pub who: String,
    /// Their own name for it: while one is open, opening it again gives that one back.
    pub external_id: Option<String>,
    /// ISO 639-1, where it is known.
    pub language: Option<String>,
    /// Who may see it, as with documents; they hold all of these themselves. With none, who holds one
    /// of the assistant's.
    pub labels: Vec<String>,
}

impl Chat {
    /// Begins a conversation: with the greeting, and that an AI answers.
    ///
    /// # Errors
    /// Not found, also for an assistant that was never published; a conflict for a retired one; a
    /// field beyond its limits; a failure of the ledger.
    pub async fn open(&self, request: OpenRequest, caller: &Caller) -> Result<Opened, ChatError> {
        let ledger = &self.shared.ledger;
        let number =
            if request.draft { DRAFT } else { self.published(&request.assistant).await?.number };
        let known = self.known(&request.assistant, number, caller).await?;
        let language = known.config.language(request.language.as_deref()).to_owned();
        let new = NewConversation {
            assistant: request.assistant,
            config: number,
            who: request.who,
            external_id: request.external_id,
            notices: notices(&known.config, &language),
            language,
            // What it quotes is for those who may read what the assistant reads.
            labels: if request.labels.is_empty() {
                known.config.labels.clone()
            } else {
                request.labels
            },
        };
        Ok(ledger.open_conversation(new).await?)
    }

    /// The version of an assistant that answers.
    pub(super) async fn published(&self, id: &AssistantId) -> Result<AssistantVersion, ChatError> {
        let ledger = &self.shared.ledger;
        let summary = ledger.get_assistant(id).await?.summary;
        Ok(ledger.published_assistant(&summary.slug).await?.1)
    }

    /// Begins a conversation of a visitor of a page of `origin`; `visitor` is a keyed hash.
    ///
    /// # Errors
    /// Not found, also for an assistant that was never published or is retired;
    /// [`ChatError::Origin`]; the day's limit; a failure of the ledger.
    pub async fn open_widget(
        &self,
        slug: &str,
        (origin, visitor): (&str, &str),
        language: Option<&str>,
        caller: &Caller,
    ) -> Result<WidgetSession, ChatError> {
        let ledger = &self.shared.ledger;
        let (assistant, version) = ledger.published_assistant(slug).await?;
        let known = self.known(&assistant.id, version.number, caller).await?;
        let config = &known.config;
        if !config.widget.allows(origin) {
            return Err(ChatError::Origin { origin: origin.to_owned() });
        }
        let language = config.language(language).to_owned();
        let conversation = NewConversation {
            assistant: assistant.id,
            config: version.number,
            who: visitor.to_owned(),
            external_id: None,
            notices: notices(config, &language),
            language,
            labels: Vec::new(),
        };
        let caps = caps(config);
        let new = NewWidget { conversation, caps, lifetime: SESSION };
        Ok(ledger.open_widget_conversation(new).await?)
    }
}

/// How much visitors may do in a day.
pub(super) fn caps(config: &AssistantConfig) -> WidgetCaps {
    WidgetCaps {
        messages_per_visitor: Some(config.widget.messages_per_visitor_per_day),
        messages: Some(config.widget.messages_per_day),
        conversations: Some(config.widget.conversations_per_day),
    }
}

/// What is said first.
fn notices(config: &AssistantConfig, language: &str) -> Vec<String> {
    let notice = config.ai_notice(language).map(str::to_owned);
    notice.into_iter().chain([config.greeting(language).to_owned()]).collect()
}
