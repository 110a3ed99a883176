//! Says what an assistant would answer, without a conversation: to try a configuration, and to
//! measure it.

use intramuros_engine::Caller;
use intramuros_knowledge::{Citation, Judgement};
use intramuros_ledger::{AnswerOutcome, MessageRole};
use intramuros_types::AssistantId;

use super::decide::{Asked, Decided, language};
use super::desk::Chat;
use super::known::DRAFT;
use super::say::Events;
use super::understand::History;
use super::{ChatError, after_model};

/// A message to try.
#[derive(Debug, Clone)]
pub struct PreviewRequest {
    /// With whom.
    pub assistant: AssistantId,
    /// With the draft instead of the published version.
    pub draft: bool,
    /// What a customer would write.
    pub text: String,
    /// What was said before, in its order.
    pub history: Vec<(MessageRole, String)>,
    /// ISO 639-1, where it is known.
    pub language: Option<String>,
}

/// What would become of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What the customer would read; `None` where people would be called at once.
    pub text: Option<String>,
    /// How it would count; `None` likewise.
    pub outcome: Option<AnswerOutcome>,
    /// Why people would be called: a code; `None` where they would not.
    pub hand_over: Option<String>,
    /// What supports the answer.
    pub citations: Vec<Citation>,
    /// Why there is no answer from documents: a code.
    pub why: Option<&'static str>,
    /// What was written and kept back.
    pub draft: Option<String>,
    /// Whether what was found answers; `None` where documents were not asked, or nothing was found.
    pub judgement: Option<Judgement>,
}

impl Chat {
    /// What an assistant would answer to a customer's message.
    ///
    /// # Errors
    /// Not found, also for an assistant that was never published; too much to do; a failure of the
    /// ledger.
    pub async fn preview(
        &self,
        request: PreviewRequest,
        caller: &Caller,
    ) -> Result<Preview, ChatError> {
        let number =
            if request.draft { DRAFT } else { self.published(&request.assistant).await?.number };
        let known = self.known(&request.assistant, number, caller).await?;
        let spoken = known.config.language(request.language.as_deref()).to_owned();
        let asked = Asked {
            history: History::of(&request.history, known.config.memory),
            accepts_person: false,
            language: language(&known, &spoken, &request.text),
            text: request.text,
            caller: caller.clone(),
            events: Events::none(),
            known: known.clone(),
        };
        let nothing = Preview {
            text: None,
            outcome: None,
            hand_over: None,
            citations: Vec::new(),
            why: None,
            draft: None,
            judgement: None,
        };
        Ok(match self.decide(&asked).await? {
            Decided::Call(reason) => {
                Preview { hand_over: Some(reason.code().to_owned()), ..nothing }
            }
            Decided::Tell(text, outcome, _) => {
                Preview { text: Some(text), outcome: Some(outcome), ..nothing }
            }
            Decided::Consulted(_, consulted) => {
                let judgement = consulted.material.judgement.clone();
                if let Some(written) = consulted.answer() {
                    return Ok(Preview {
                        text: Some(written.text.clone()),
                        outcome: Some(AnswerOutcome::Answered),
                        citations: written.citations.clone(),
                        judgement,
                        ..nothing
                    });
                }
                let goes_on = after_model(&known.config, 1);
                Preview {
                    text: Some(known.config.no_answer(goes_on.is_none(), &asked.language)),
                    outcome: Some(AnswerOutcome::Abstained),
                    hand_over: goes_on.map(|reason| reason.code().to_owned()),
                    why: Some(consulted.why()),
                    draft: consulted.written.map(|written| written.draft),
                    judgement,
                    ..nothing
                }
            }
        })
    }
}
