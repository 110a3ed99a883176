//! Lets another generator serve, and the one before it again.

use intramuros_ledger::{ModelRole, ModelSwitchRecord, NewModelSwitch};
use intramuros_types::{Access, ModelSwitchId, PilotRunId};

use super::{PilotError, Pilots};
use crate::chat::{Chat, ChatParts};
use crate::triage::{Triage, TriageParts};

/// Switches that are followed at a start.
const FOLLOWED: u32 = 1_000;

/// The jobs of this server, with a generator of a run's own.
pub(super) struct Jobs {
    pub(super) knowledge: intramuros_knowledge::Knowledge,
    pub(super) chat: Chat,
    pub(super) triage: Triage,
}

impl Pilots {
    /// The jobs, with `model` for their generator, or the default one.
    pub(super) fn jobs(&self, model: Option<&str>) -> Result<Jobs, PilotError> {
        let parts = &self.shared;
        let Some(model) = model else {
            let (knowledge, chat) = (parts.knowledge.clone(), parts.chat.clone());
            return Ok(Jobs { knowledge, chat, triage: parts.triage.clone() });
        };
        let text = parts.text.with_default(model)?;
        let knowledge = parts.knowledge.with_generators(text.clone());
        let (ledger, encoders) = (parts.ledger.clone(), parts.encoders.clone());
        Ok(Jobs {
            chat: Chat::new(ChatParts {
                ledger: ledger.clone(),
                knowledge: knowledge.clone(),
                encoders: encoders.clone(),
                text: text.clone(),
            }),
            triage: Triage::new(TriageParts { ledger, encoders, text }),
            knowledge,
        })
    }

    /// Lets the generator `to`, which is served, take the place of the default one: for questions,
    /// assistants and triage, from the next request on and after a restart. `runs` are those before
    /// and after that were compared.
    ///
    /// # Errors
    /// A model that is not served, or is the default one already; runs that cannot be compared; a
    /// failure of the ledger.
    pub async fn switch_model(
        &self,
        to: &str,
        runs: Option<(PilotRunId, PilotRunId)>,
        access: &Access,
        by: &str,
    ) -> Result<ModelSwitchRecord, PilotError> {
        let text = &self.shared.text;
        text.with_default(to)?;
        let from = text.default_model().map(ToString::to_string).unwrap_or_default();
        if from == to {
            let reason = format!("is '{to}', which writes already");
            return Err(PilotError::invalid("model", reason));
        }
        let by = by.to_owned();
        let new = NewModelSwitch { role: ModelRole::Generator, from, to: to.to_owned(), runs, by };
        let switched = self.shared.ledger.note_model_switch(new, access).await?;
        self.serve_with(to)?;
        Ok(switched)
    }

    /// Undoes the last switch: the model before it serves again.
    ///
    /// # Errors
    /// Not found; a conflict for one that is not the last that stands; a model that is not served any
    /// more; a failure of the ledger.
    pub async fn roll_back_model(
        &self,
        id: &ModelSwitchId,
        by: &str,
    ) -> Result<ModelSwitchRecord, PilotError> {
        let ledger = &self.shared.ledger;
        let all = ledger.model_switches(Some(ModelRole::Generator), FOLLOWED).await?;
        if let Some(switch) = all.iter().find(|switch| switch.id == *id) {
            self.shared.text.with_default(&switch.from)?;
        }
        let undone = ledger.roll_back_model_switch(id, by).await?;
        self.serve_with(&undone.from)?;
        Ok(undone)
    }

    /// Follows the switches that stand, from the configured model on: at the start of the server.
    ///
    /// # Errors
    /// A failure of the ledger.
    pub async fn follow_switches(&self) -> Result<(), PilotError> {
        let ledger = &self.shared.ledger;
        let mut all = ledger.model_switches(Some(ModelRole::Generator), FOLLOWED).await?;
        all.reverse();
        let text = &self.shared.text;
        let Some(configured) = text.default_model().map(ToString::to_string) else {
            return Ok(());
        };
        let mut model = configured.clone();
        for switch in all.iter().filter(|switch| switch.rolled_back.is_none()) {
            if switch.from == model {
                model.clone_from(&switch.to);
            }
        }
        if model == configured {
            return Ok(());
        }
        match self.serve_with(&model) {
            Ok(()) => tracing::info!(model, "writes, as a switch of models says"),
            // The configuration has the last word on what is served.
            Err(_) => tracing::warn!(model, configured, "is not served: the configured one writes"),
        }
        Ok(())
    }

    fn serve_with(&self, model: &str) -> Result<(), PilotError> {
        self.shared.text.set_default(model)?;
        self.shared.triage.forget_all();
        Ok(())
    }
}
