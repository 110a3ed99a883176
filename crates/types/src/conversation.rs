//! Says which states a conversation has and what leads from one to the next.
//!
//! `bot → waiting → human → bot | closed`. Here and not beside the assistants, because the ledger
//! holds conversations to it and the assistants ask it: there must be one of it.

use serde::{Deserialize, Serialize};

/// Who is to speak next in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// The assistant answers.
    Bot,
    /// It was handed over and nobody has it yet.
    Waiting,
    /// A person has it.
    Human,
    /// It is over.
    Closed,
}

impl ConversationState {
    /// Every state.
    pub const ALL: [ConversationState; 4] = [
        ConversationState::Bot,
        ConversationState::Waiting,
        ConversationState::Human,
        ConversationState::Closed,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ConversationState::Bot => "bot",
            ConversationState::Waiting => "waiting",
            ConversationState::Human => "human",
            ConversationState::Closed => "closed",
        }
    }

    /// Whether the assistant answers what the customer writes now.
    pub fn bot_answers(self) -> bool {
        self == ConversationState::Bot
    }

    /// Where `act` leads.
    ///
    /// Who may do it is for others to say: that of two people only who has a conversation answers
    /// in it, for example.
    ///
    /// # Errors
    /// `Forbidden`, with what to do instead.
    pub fn after(self, act: ConversationAct) -> Result<ConversationState, Forbidden> {
        use ConversationAct as Act;
        use ConversationState::{Bot, Closed, Human, Waiting};
        let refused = |reason| Err(Forbidden { state: self, act, reason });
        match (self, act) {
            (Bot | Waiting | Human, Act::CustomerMessage) => Ok(self),
            (Bot, Act::BotAnswered) => Ok(Bot),
            (Bot, Act::HandOver) | (Human, Act::Release) => Ok(Waiting),
            (Bot | Waiting | Human, Act::Take) => Ok(Human),
            (Human, Act::HumanAnswered) => Ok(Human),
            (Waiting | Human, Act::HandBack) => Ok(Bot),
            (Bot | Waiting | Human, Act::Close) => Ok(Closed),
            (Closed, Act::Reopen) => Ok(Human),

            (Closed, Act::Close) => refused("is closed already"),
            (Closed, Act::CustomerMessage) => refused("is closed; start a new conversation"),
            (
                Closed,
                Act::BotAnswered
                | Act::HandOver
                | Act::Take
                | Act::HumanAnswered
                | Act::Release
                | Act::HandBack,
            ) => refused("is closed; reopen it first"),
            (Waiting, Act::BotAnswered) => {
                refused("waits for a person, and the assistant is silent; hand it back first")
            }
            (Human, Act::BotAnswered) => {
                refused("is with a person, and the assistant is silent; hand it back first")
            }
            (Waiting, Act::HandOver) => refused("waits for a person already"),
            (Human, Act::HandOver) => {
                refused("is with a person already; release it for others to take")
            }
            (Bot | Waiting, Act::HumanAnswered) => refused("is with nobody; take it first"),
            (Bot | Waiting, Act::Release) => refused("is with nobody, so nobody can release it"),
            (Bot, Act::HandBack) => refused("is with the assistant already"),
            (Bot | Waiting | Human, Act::Reopen) => refused("is not closed"),
        }
    }
}

/// What happens in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationAct {
    /// The customer writes.
    CustomerMessage,
    /// The assistant answers.
    BotAnswered,
    /// The assistant gives it to people, for a reason.
    HandOver,
    /// A person takes it, from the queue, from the assistant, or as an administrator from another.
    Take,
    /// The person who has it answers.
    HumanAnswered,
    /// The person who has it puts it back in the queue.
    Release,
    /// A person gives it back to the assistant.
    HandBack,
    /// Somebody ends it, for a reason.
    Close,
    /// A person goes on with one that was closed, and has it then.
    Reopen,
}

impl ConversationAct {
    /// Every act.
    pub const ALL: [ConversationAct; 9] = [
        ConversationAct::CustomerMessage,
        ConversationAct::BotAnswered,
        ConversationAct::HandOver,
        ConversationAct::Take,
        ConversationAct::HumanAnswered,
        ConversationAct::Release,
        ConversationAct::HandBack,
        ConversationAct::Close,
        ConversationAct::Reopen,
    ];

    /// The name in the API and the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ConversationAct::CustomerMessage => "customer_message",
            ConversationAct::BotAnswered => "bot_answered",
            ConversationAct::HandOver => "hand_over",
            ConversationAct::Take => "take",
            ConversationAct::HumanAnswered => "human_answered",
            ConversationAct::Release => "release",
            ConversationAct::HandBack => "hand_back",
            ConversationAct::Close => "close",
            ConversationAct::Reopen => "reopen",
        }
    }
}

/// An act that the state of a conversation does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// How it stands.
    pub state: ConversationState,
    /// What was to happen.
    pub act: ConversationAct,
    /// Continues "the conversation …", with what to do instead.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{ConversationAct as Act, ConversationState as State};

    #[test]
    fn every_act_is_allowed_where_it_leads_somewhere() {
        let allowed = [
            (State::Bot, Act::CustomerMessage, State::Bot),
            (State::Bot, Act::BotAnswered, State::Bot),
            (State::Bot, Act::HandOver, State::Waiting),
            (State::Bot, Act::Take, State::Human),
            (State::Bot, Act::Close, State::Closed),
            (State::Waiting, Act::CustomerMessage, State::Waiting),
            (State::Waiting, Act::Take, State::Human),
            (State::Waiting, Act::HandBack, State::Bot),
            (State::Waiting, Act::Close, State::Closed),
            (State::Human, Act::CustomerMessage, State::Human),
            (State::Human, Act::Take, State::Human),
            (State::Human, Act::HumanAnswered, State::Human),
            (State::Human, Act::Release, State::Waiting),
            (State::Human, Act::HandBack, State::Bot),
            (State::Human, Act::Close, State::Closed),
            (State::Closed, Act::Reopen, State::Human),
        ];
        for state in State::ALL {
            for act in Act::ALL {
                let expected = allowed.iter().find(|one| (one.0, one.1) == (state, act));
                let found = state.after(act);
                assert_eq!(found.ok(), expected.map(|one| one.2), "{state:?} {act:?}");
                if let Err(forbidden) = found {
                    assert_eq!((forbidden.state, forbidden.act), (state, act));
                }
            }
        }
    }

    #[test]
    fn the_assistant_is_silent_while_people_have_it() {
        let speaks: Vec<State> = State::ALL.into_iter().filter(|one| one.bot_answers()).collect();
        assert_eq!(speaks, [State::Bot]);
        for state in [State::Waiting, State::Human, State::Closed] {
            assert!(state.after(Act::BotAnswered).is_err());
        }
        let closed = State::Closed.after(Act::CustomerMessage).unwrap_err();
        assert_eq!(closed.reason, "is closed; start a new conversation");
    }
}
