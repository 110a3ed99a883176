//! Knows what an assistant shows to web pages, and to which.

use std::collections::BTreeMap;
use std::sync::Arc;

use intramuros_ledger::{AssistantSummary, ConversationSummary, LedgerError};
use intramuros_usecases::chat::{AssistantConfig, ChatError, Widget};

use crate::error::{ApiError, Code};
use crate::state::AppState;

/// What a published version of an assistant shows to web pages.
#[derive(Debug)]
pub(crate) struct Face {
    pub(super) name: String,
    pub(super) languages: Vec<String>,
    /// By language.
    pub(super) greeting: BTreeMap<String, String>,
    /// That an AI answers, by language; empty where it is not said.
    pub(super) ai_notice: BTreeMap<String, String>,
    widget: Widget,
}

impl Face {
    fn new(config: AssistantConfig) -> Self {
        let of = |text: &dyn Fn(&str) -> Option<String>| {
            let said = |code: &String| Some((code.clone(), text(code)?));
            config.languages.iter().filter_map(said).collect::<BTreeMap<_, _>>()
        };
        Self {
            greeting: of(&|code| Some(config.greeting(code).to_owned())),
            ai_notice: of(&|code| config.ai_notice(code).map(str::to_owned)),
            name: config.name,
            languages: config.languages,
            widget: config.widget,
        }
    }

    /// Whether a page of this origin may have it.
    pub(super) fn allows(&self, origin: &str) -> bool {
        self.widget.allows(origin)
    }

    /// Whether any page may have it.
    pub(super) fn is_offered(&self) -> bool {
        self.widget.enabled
    }
}

/// What the published version of an assistant shows; `None` where it was never published.
pub(super) async fn of_assistant(
    state: &AppState,
    assistant: &AssistantSummary,
) -> Result<Option<Arc<Face>>, ApiError> {
    let Some(number) = assistant.published else { return Ok(None) };
    let key = (assistant.id.clone(), number);
    if let Some(face) = state.widgets.face(&key) {
        return Ok(Some(face));
    }
    let version = state.ledger.assistant_version(&assistant.id, number).await?;
    let config = serde_json::from_value(version.config).map_err(|error| {
        let id = assistant.id.to_string();
        ApiError::from(ChatError::Unreadable { id, number, reason: error.to_string() })
    })?;
    let face = Arc::new(Face::new(config));
    state.widgets.keep(key, face.clone());
    Ok(Some(face))
}

/// What the assistant of a slug shows. One that is not offered to pages is told of as one that is not
/// there: visitors are anybody.
pub(super) async fn of_slug(state: &AppState, slug: &str) -> Result<Arc<Face>, ApiError> {
    let missing = || LedgerError::NotFound { what: "assistant", id: slug.to_owned() };
    let found = state.ledger.find_assistant(slug).await?;
    if found.retired.is_some() {
        return Err(missing().into());
    }
    let face = of_assistant(state, &found).await?;
    face.filter(|face| face.is_offered()).ok_or_else(|| missing().into())
}

/// What the assistant of a visitor's conversation shows, as it is published now: a page that may not
/// have it any more may not go on either.
pub(super) async fn of_conversation(
    state: &AppState,
    conversation: &ConversationSummary,
) -> Result<Arc<Face>, ApiError> {
    let assistant = state.ledger.assistant_summary(&conversation.assistant).await?;
    let face = of_assistant(state, &assistant).await?;
    face.filter(|face| face.is_offered()).ok_or_else(|| {
        let message = "the assistant is not offered to web pages any more";
        ApiError::new(Code::OriginNotAllowed, message)
    })
}

/// Whether a page of this origin may have any assistant.
pub(super) async fn is_known(state: &AppState, origin: &str) -> Result<bool, ApiError> {
    for assistant in state.ledger.list_assistants().await? {
        // One that cannot be read allows nobody, and keeps nobody from another one.
        let face = of_assistant(state, &assistant).await.ok().flatten();
        if face.is_some_and(|face| face.allows(origin)) {
            return Ok(true);
        }
    }
    Ok(false)
}
