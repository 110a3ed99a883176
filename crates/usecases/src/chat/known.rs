//! Keeps an assistant's configuration as it is used: read, checked, with its fixed answers ready.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use intramuros_engine::{Caller, InputKind};
use intramuros_ledger::LedgerError;
use intramuros_types::{AssistantId, GroupId, KnowledgeBaseId};
use serde_json::Value;

use super::desk::Chat;
use super::{AssistantConfig, AssistantError, ChatError, FixedAnswers};

/// The number of the draft, which answers whoever tries it.
pub(super) const DRAFT: u32 = 0;
/// The most versions that are kept ready.
const MAX_KNOWN: usize = 256;
/// Texts that the encoder is given at once.
const BATCH: usize = 64;

/// A version of an assistant, ready to answer.
pub(super) struct Known {
    pub(super) assistant: AssistantId,
    pub(super) config: AssistantConfig,
    pub(super) fixed: FixedAnswers,
    /// The vectors of the questions of `fixed`, in their order; none where no encoder read them.
    pub(super) meanings: Vec<Vec<f32>>,
}

impl Chat {
    /// Reads a configuration and checks it, with what it names: knowledge bases and groups.
    ///
    /// # Errors
    /// The first part that is wrong; a failure of the ledger.
    pub async fn check(&self, config: &Value) -> Result<AssistantConfig, ChatError> {
        let config: AssistantConfig = serde_json::from_value(config.clone()).map_err(|error| {
            AssistantError { name: "config".to_owned(), reason: format!("cannot be read: {error}") }
        })?;
        config.check()?;
        for id in &config.knowledge_bases {
            match self.shared.ledger.get_knowledge_base(&KnowledgeBaseId::new(id)).await {
                Ok(_) => {}
                Err(LedgerError::NotFound { .. }) => {
                    let reason = format!("names `{id}`, which is no knowledge base");
                    let name = "knowledge_bases".to_owned();
                    return Err(AssistantError { name, reason }.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
        let teams = config.hand_over.topics.iter().filter_map(|topic| topic.team.as_ref());
        for team in teams.chain(&config.hand_over.team) {
            if self.team(team).await?.is_none() {
                let reason =
                    format!("names `{team}`, which is neither the id nor the title of a group");
                return Err(AssistantError { name: "hand_over.team".to_owned(), reason }.into());
            }
        }
        Ok(config)
    }

    /// The group of this id or title.
    pub(super) async fn team(&self, team: &str) -> Result<Option<GroupId>, ChatError> {
        let groups = self.shared.ledger.list_groups().await?;
        let by_id = groups.iter().find(|group| group.id.as_str() == team);
        let found = by_id.or_else(|| groups.iter().find(|group| group.title == team));
        Ok(found.map(|group| group.id.clone()))
    }

    /// A version of an assistant; 0 is the draft.
    ///
    /// # Errors
    /// Not found, one that cannot be read, a failure of the ledger.
    pub(super) async fn known(
        &self,
        id: &AssistantId,
        number: u32,
        caller: &Caller,
    ) -> Result<Arc<Known>, ChatError> {
        let ledger = &self.shared.ledger;
        // A draft changes; each state of it is kept like a version.
        let draft = if number == DRAFT { Some(ledger.get_assistant(id).await?) } else { None };
        let state = draft.as_ref().map_or(0, |draft| draft.summary.version);
        let key = (id.clone(), number, state);
        let found = self.all_known().get(&key).cloned();
        if let Some(known) = found {
            return Ok(known);
        }
        let config = match draft {
            Some(draft) => draft.draft,
            None => ledger.assistant_version(id, number).await?.config,
        };
        let known = Arc::new(self.read(id, number, config, caller).await?);
        let mut all = self.all_known();
        if all.len() >= MAX_KNOWN {
            all.clear();
        }
        all.insert(key, known.clone());
        Ok(known)
    }

    fn all_known(&self) -> MutexGuard<'_, HashMap<(AssistantId, u32, u32), Arc<Known>>> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(
        &self,
        id: &AssistantId,
        number: u32,
        config: Value,
        caller: &Caller,
    ) -> Result<Known, ChatError> {
        let config: AssistantConfig = serde_json::from_value(config).map_err(|error| {
            ChatError::Unreadable { id: id.to_string(), number, reason: error.to_string() }
        })?;
        let fixed = FixedAnswers::new(&config.fixed_answers, config.thresholds.fixed_answers);
        let questions: Vec<String> = config
            .fixed_answers
            .iter()
            .flat_map(|answer| answer.questions.iter().cloned())
            .collect();
        let meanings = self.encode(questions, caller).await?;
        Ok(Known { assistant: id.clone(), config, fixed, meanings })
    }

    /// Vectors of texts, in their order.
    pub(super) async fn encode(
        &self,
        texts: Vec<String>,
        caller: &Caller,
    ) -> Result<Vec<Vec<f32>>, ChatError> {
        let encoder = self.shared.encoders.default_encoder();
        let mut vectors = Vec::with_capacity(texts.len());
        for some in texts.chunks(BATCH) {
            let encoded = encoder.embed_beginnings(some.to_vec(), InputKind::Query, caller).await?;
            vectors.extend(encoded.vectors);
        }
        Ok(vectors)
    }
}
