//! Decides what is to become of a customer's message: what is certain first, then what the encoder
//! hears, then what the documents say.

use std::sync::Arc;

use intramuros_engine::Caller;
use intramuros_knowledge::Language;
use intramuros_ledger::{AnswerOutcome, MessageRecord, MessageRole};
use intramuros_types::Fault;
use serde_json::{Value, json};

use super::assistant::Courtesy;
use super::consult::Consulted;
use super::desk::Chat;
use super::known::Known;
use super::say::Events;
use super::understand::{History, MAX_QUESTION_CHARS};
use super::wish::{Wishes, sentences};
use super::words::words;
use super::{ChatError, HandOverReason, SmallTalk, Step, before_model};

/// What an answer says of itself when it asks whether a person shall be called.
pub(super) const OFFERS_PERSON: &str = "offers_person";

/// Words of a consent, folded; a message of nothing else is one.
const CONSENT: &str = "oui yes ok okay d accord volontiers svp stp s il vous te plait please merci \
    sure bien sur je veux le souhaite avec plaisir absolument parfait go ouais yep merci beaucoup \
    faites le fais transmettez transmets do it";
/// Of these it has one at least.
const CONSENTS: [&str; 16] = [
    "oui",
    "yes",
    "ok",
    "okay",
    "accord",
    "volontiers",
    "sure",
    "veux",
    "souhaite",
    "absolument",
    "ouais",
    "yep",
    "transmettez",
    "transmets",
    "faites",
    "plaisir",
];

/// What a customer's message says, with all that its answer depends on.
pub(super) struct Asked {
    pub(super) known: Arc<Known>,
    pub(super) text: String,
    /// What was said before, as far as it is remembered.
    pub(super) history: History,
    /// Whether it consents to a person being called, which the assistant has just offered.
    pub(super) accepts_person: bool,
    pub(super) language: String,
    pub(super) caller: Caller,
    pub(super) events: Events,
}

/// What is to become of a message.
pub(super) enum Decided {
    /// People are called.
    Call(HandOverReason),
    /// This is said, without documents.
    Tell(String, AnswerOutcome, Value),
    /// Documents were asked the question.
    Consulted(String, Box<Consulted>),
}

/// What an encoder makes of a message.
#[derive(Default)]
struct Meaning {
    /// How alike it is to each question of the fixed answers.
    of_fixed: Option<Vec<f32>>,
    /// Whether it asks for a person.
    wants_person: bool,
}

impl Chat {
    /// Decides what is to become of a message. Nothing is changed by it.
    pub(super) async fn decide(&self, asked: &Asked) -> Result<Decided, ChatError> {
        let meaning = self.meaning(asked).await;
        let Asked { known, text, language, .. } = asked;
        let config = &known.config;
        let about = (language.as_str(), meaning.of_fixed.as_deref());
        let wants_person = config.hand_over.asks_for_human && meaning.wants_person;
        let plain = |said: Courtesy| {
            let said = config.courtesy(said, language).to_owned();
            Decided::Tell(said, AnswerOutcome::Other, Value::Null)
        };
        Ok(match before_model(config, &known.fixed, text, about) {
            Step::HandOver(reason) => Decided::Call(reason),
            Step::SmallTalk(_) | Step::Model | Step::Resolved
                if asked.accepts_person || wants_person =>
            {
                Decided::Call(HandOverReason::AsksForHuman)
            }
            Step::Forbidden(number) => {
                let topic = config.forbidden_topics.get(number).map(|topic| topic.name.as_str());
                let details = json!({"forbidden_topic": topic, OFFERS_PERSON: true});
                let said = config.forbidden(number, language).to_owned();
                Decided::Tell(said, AnswerOutcome::Other, details)
            }
            Step::Fixed(number) => {
                let fixed = &config.fixed_answers[number];
                let details = json!({"fixed_answer": fixed.id});
                Decided::Tell(fixed.answer.clone(), AnswerOutcome::Fixed, details)
            }
            Step::SmallTalk(SmallTalk::Greeting) => plain(Courtesy::Greeting),
            Step::SmallTalk(SmallTalk::Thanks) => plain(Courtesy::Thanks),
            Step::Resolved => plain(Courtesy::Leave),
            Step::Model => match self.consult(asked).await {
                Ok((question, consulted)) => Decided::Consulted(question, Box::new(consulted)),
                // Too much to do: the customer's program asks again in a moment.
                Err(error) if error.fault() == Fault::Capacity => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "a customer goes to people: the models failed");
                    Decided::Call(HandOverReason::Unavailable)
                }
            },
        })
    }

    /// What the encoder makes of a message; nothing where it has no time: words alone decide then.
    async fn meaning(&self, asked: &Asked) -> Meaning {
        match self.read_meaning(asked).await {
            Ok(meaning) => meaning,
            Err(error) => {
                tracing::warn!(%error, "a message is understood by its words alone");
                Meaning::default()
            }
        }
    }

    async fn read_meaning(&self, asked: &Asked) -> Result<Meaning, ChatError> {
        let wishes = self.shared.wishes.get_or_try_init(|| async {
            let vectors = self.encode(Wishes::sentences(), &asked.caller).await?;
            Ok::<_, ChatError>(Wishes::new(&vectors))
        });
        let wishes = wishes.await?;
        let whole = asked.text.chars().take(MAX_QUESTION_CHARS).collect();
        let texts: Vec<String> = std::iter::once(whole).chain(sentences(&asked.text)).collect();
        let vectors = self.encode(texts, &asked.caller).await?;
        let Some((whole, parts)) = vectors.split_first() else { return Ok(Meaning::default()) };
        let dot = |one: &Vec<f32>| one.iter().zip(whole).map(|(a, b)| a * b).sum();
        let hears = |wishes: &Wishes| parts.iter().any(|part| wishes.hears(part));
        Ok(Meaning {
            of_fixed: Some(asked.known.meanings.iter().map(dot).collect()),
            wants_person: wishes.as_ref().is_some_and(hears),
        })
    }
}

/// The language of a message: its own where the assistant speaks it, else the conversation's.
pub(super) fn language(known: &Known, conversation: &str, text: &str) -> String {
    let told = Language::detect(text, conversation).code();
    // Other languages cannot be told from these two.
    let is_told = matches!(conversation, "fr" | "en");
    let is_spoken = known.config.languages.iter().any(|one| one == told);
    if is_told && is_spoken { told.to_owned() } else { conversation.to_owned() }
}

/// Whether a message consents to what the assistant asked last: whether a person shall be called.
pub(super) fn accepts_person(messages: &[MessageRecord], ordinal: u32, text: &str) -> bool {
    let before = messages.iter().filter(|one| one.ordinal < ordinal);
    let asked = before.rev().find(|one| one.role != MessageRole::Notice);
    let offered = asked
        .and_then(|one| one.details.as_ref())
        .is_some_and(|details| details.get(OFFERS_PERSON) == Some(&Value::Bool(true)));
    let said = words(text);
    let consents = |word: &String| CONSENTS.contains(&word.as_str());
    let known = |word: &String| CONSENT.split_ascii_whitespace().any(|one| one == word);
    offered && said.iter().any(consents) && said.iter().all(known)
}
