//! Takes a customer's message in and answers it.
//!
//! In this order: rules that need no model (who wants a person gets one, what is forbidden is not
//! talked about, what people wrote beforehand is given word for word), then documents. The message is
//! in the ledger before anything else happens; its answer is made by a task of its own, which goes on
//! when the customer's connection is lost, and messages of one conversation are answered in their
//! order.

use std::sync::Arc;

use intramuros_engine::Caller;
use intramuros_ledger::{
    Accepted, AnswerOutcome, BotAnswer, CitedDocument, ConversationChannel, ConversationSummary,
    LedgerError, MessageRecord, MessageRole, SentMessage,
};
use intramuros_types::{ConversationId, ConversationState};
use serde_json::Value;
use tokio::sync::mpsc;

use super::begin::caps;
use super::consult::SearchedFor;
use super::decide::{Asked, Decided, accepts_person, language};
use super::desk::{Chat, MAX_WAITING};
use super::hand::HandOver;
use super::known::Known;
use super::understand::History;
use super::{ChatError, HandOverReason, Reply, ReplyEvent, ReplyStep, Replying, after_model};

/// Messages that are read of a conversation: more than any memory holds.
const READ: u32 = 120;
/// Messages that one reply may have.
const REPLIES: u32 = 20;

/// Where a message stands.
pub(super) struct Place {
    pub(super) conversation: ConversationSummary,
    pub(super) ordinal: u32,
    /// The last messages, this one included.
    pub(super) messages: Vec<MessageRecord>,
}

type Sender = mpsc::UnboundedSender<Result<ReplyEvent, ChatError>>;

/// Where it is told how an answer goes.
pub(super) struct Events(Option<Sender>);

impl Events {
    /// Nobody listens.
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn step(&self, step: ReplyStep) {
        if let Some(sender) = &self.0 {
            // Nobody may be listening any more.
            let _ = sender.send(Ok(ReplyEvent::Step(step)));
        }
    }
}

impl Chat {
    /// Takes a customer's message in and answers it: by rules, by what people wrote beforehand, or
    /// from documents; or gives the conversation to people. Of a web page's conversation it is
    /// counted. Who the caller is, is checked by whoever calls.
    ///
    /// # Errors
    /// Not found; an empty or too long text; a conflict for a conversation that is closed; the
    /// day's limit; [`ChatError::Busy`]. What goes wrong later comes through the [`Replying`].
    pub async fn say(
        &self,
        id: &ConversationId,
        message: SentMessage,
        caller: Caller,
    ) -> Result<Replying, ChatError> {
        let Ok(place) = self.shared.places.clone().try_acquire_owned() else {
            return Err(ChatError::Busy { limit: MAX_WAITING });
        };
        let ledger = &self.shared.ledger;
        let conversation = ledger.conversation_summary(id).await?;
        let known = self.known(&conversation.assistant, conversation.config, &caller).await?;
        let is_widget = conversation.channel == ConversationChannel::Widget;
        let caps = is_widget.then(|| caps(&known.config));
        let accepted = ledger.take_message(id, &message, caps.as_ref()).await?;
        let (sender, events) = mpsc::unbounded_channel();
        let _ = sender.send(Ok(ReplyEvent::Accepted(Box::new(accepted.message.clone()))));
        let chat = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let turn = chat.turn(&accepted.conversation.id);
            let _turn = turn.lock().await;
            let reply = chat.reply(accepted, known, caller, Events(Some(sender.clone()))).await;
            if let Err(error) = &reply {
                tracing::warn!(%error, "a message was not answered");
            }
            let _ = sender.send(reply.map(|reply| ReplyEvent::Finished(Box::new(reply))));
        });
        Ok(Replying { events })
    }

    /// Gives a conversation to people because its customer asks for one, by a button for example.
    /// Nothing happens to one that people have already.
    ///
    /// # Errors
    /// Not found; a conflict for a conversation that is closed; a failure of the ledger.
    pub async fn call_person(
        &self,
        id: &ConversationId,
        caller: &Caller,
    ) -> Result<ConversationSummary, ChatError> {
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let ledger = &self.shared.ledger;
        let conversation = ledger.conversation_summary(id).await?;
        if conversation.state == ConversationState::Closed {
            let (what, id) = ("conversation", id.to_string());
            let reason = "is closed; begin another one".to_owned();
            return Err(LedgerError::Conflict { what, id, reason }.into());
        }
        let known = self.known(&conversation.assistant, conversation.config, caller).await?;
        let messages = ledger.last_messages(id, READ).await?;
        let hand_over = HandOver {
            known: &known,
            conversation: &conversation,
            messages: &messages,
            reason: &HandOverReason::AsksForHuman,
            language: &conversation.language,
            searched: Vec::new(),
            draft: None,
        };
        self.hand_over(hand_over, caller).await
    }

    async fn reply(
        &self,
        accepted: Accepted,
        known: Arc<Known>,
        caller: Caller,
        events: Events,
    ) -> Result<Reply, ChatError> {
        let ledger = &self.shared.ledger;
        let id = accepted.conversation.id.clone();
        // It may have changed while the message waited for its turn.
        let conversation = ledger.conversation_summary(&id).await?;
        let messages = ledger.last_messages(&id, READ).await?;
        let message = accepted.message;
        let ordinal = message.ordinal;
        let is_answered =
            accepted.answer.is_some() || messages.iter().any(|one| one.answers == Some(ordinal));
        // One that was sent again after people had the conversation is theirs, not the assistant's.
        let is_theirs = !accepted.is_new
            && messages.iter().any(|one| {
                let of_people = matches!(one.role, MessageRole::Human | MessageRole::Notice);
                one.ordinal > ordinal && of_people
            });
        if conversation.state.bot_answers() && !is_theirs {
            let asked = Asked {
                text: message.text.clone(),
                history: History::new(&messages, ordinal, known.config.memory),
                accepts_person: accepts_person(&messages, ordinal, &message.text),
                language: language(&known, &conversation.language, &message.text),
                known: known.clone(),
                caller,
                events,
            };
            let place = Place { conversation, ordinal, messages };
            if is_answered {
                self.finish(&asked, &place).await?;
            } else {
                let decided = self.decide(&asked).await?;
                self.act(&asked, &place, decided).await?;
            }
        }
        let replies = ledger.messages_after(&id, ordinal, REPLIES).await?;
        let replies: Vec<MessageRecord> =
            replies.into_iter().take_while(|one| one.role != MessageRole::Customer).collect();
        let by_ai = replies.iter().any(|one| one.role == MessageRole::Assistant);
        let conversation = ledger.conversation_summary(&id).await?;
        let notice = known.config.ai_notice(&conversation.language).map(str::to_owned);
        Ok(Reply { message, replies, conversation, ai_notice: notice.filter(|_| by_ai) })
    }

    /// Does what was decided of a message.
    async fn act(&self, asked: &Asked, place: &Place, decided: Decided) -> Result<(), ChatError> {
        match decided {
            Decided::Call(reason) => self.call(asked, place, &reason, None).await,
            Decided::Tell(text, outcome, details) => {
                self.store(place, text, (outcome, details), Vec::new()).await.map(|_| ())
            }
            Decided::Consulted(question, consulted) => match consulted.answer() {
                Some(written) => {
                    match self.give(place, &question, &consulted.material, written).await {
                        // A document that it quotes was erased meanwhile: nobody quotes it any more.
                        Err(ChatError::Ledger(LedgerError::Invalid {
                            name: "documents", ..
                        })) => self.call(asked, place, &HandOverReason::Unavailable, None).await,
                        given => given,
                    }
                }
                None => self.abstain(asked, place, question, *consulted).await,
            },
        }
    }

    /// Calls people after an answer that was none, where a crash came between: the message was sent
    /// again.
    async fn finish(&self, asked: &Asked, place: &Place) -> Result<(), ChatError> {
        let last = place.messages.last();
        let is_last = last.is_some_and(|last| last.answers == Some(place.ordinal));
        let failed = last.is_some_and(|last| last.outcome == Some(AnswerOutcome::Abstained));
        match after_model(&asked.known.config, place.conversation.failures) {
            Some(reason) if is_last && failed => self.call(asked, place, &reason, None).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Stores an answer; `None` when somebody else has the word meanwhile.
    pub(super) async fn store(
        &self,
        place: &Place,
        text: String,
        (outcome, details): (AnswerOutcome, Value),
        documents: Vec<CitedDocument>,
    ) -> Result<Option<ConversationSummary>, ChatError> {
        let answers = Some(place.ordinal);
        let answer = BotAnswer { answers, text, outcome, details, documents };
        match self.shared.ledger.add_bot_answer(&place.conversation.id, &answer).await {
            Ok((_, conversation)) => Ok(Some(conversation)),
            // A person took the conversation while this was made, or it was closed.
            Err(LedgerError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives the conversation to people, with what was searched for and what was kept back.
    pub(super) async fn call(
        &self,
        asked: &Asked,
        place: &Place,
        reason: &HandOverReason,
        searched: Option<(SearchedFor, Option<String>)>,
    ) -> Result<(), ChatError> {
        asked.events.step(ReplyStep::HandingOver);
        let (searched, draft) = searched.unzip();
        let hand_over = HandOver {
            known: &asked.known,
            conversation: &place.conversation,
            messages: &place.messages,
            reason,
            language: &asked.language,
            searched: searched.into_iter().collect(),
            draft: draft.flatten(),
        };
        self.hand_over(hand_over, &asked.caller).await.map(|_| ())
    }
}
