//! Decides what happens to a message before a model is asked, and when people take over after it.

use super::{AssistantConfig, FixedAnswers, SmallTalk, phrase_in, signals};

/// What happens to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The conversation goes to people.
    HandOver(HandOverReason),
    /// The assistant does not talk about that: the forbidden topic of this number.
    Forbidden(usize),
    /// The fixed answer of this number is given.
    Fixed(usize),
    /// It is courtesy; documents need not be searched.
    SmallTalk(SmallTalk),
    /// The customer is done.
    Resolved,
    /// Documents are searched and the model answers.
    Model,
}

/// Why a conversation goes to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandOverReason {
    /// The customer asks for a person.
    AsksForHuman,
    /// The customer is angry.
    Anger,
    /// A word of the rules.
    Keyword(String),
    /// The topic of this number.
    Topic(usize),
    /// The assistant had no answer several times in a row.
    Failures,
    /// The documents do not say enough.
    LowEvidence,
    /// The models failed.
    Unavailable,
}

impl HandOverReason {
    /// The code in the API, the ledger and figures.
    pub fn code(&self) -> &'static str {
        match self {
            HandOverReason::AsksForHuman => "asks_for_human",
            HandOverReason::Anger => "anger",
            HandOverReason::Keyword(_) => "keyword",
            HandOverReason::Topic(_) => "topic",
            HandOverReason::Failures => "failures",
            HandOverReason::LowEvidence => "low_evidence",
            HandOverReason::Unavailable => "unavailable",
        }
    }

    /// The group that takes it.
    pub fn team<'a>(&self, config: &'a AssistantConfig) -> Option<&'a str> {
        let of_topic = match self {
            HandOverReason::Topic(number) => {
                config.hand_over.topics.get(*number).and_then(|topic| topic.team.as_deref())
            }
            HandOverReason::AsksForHuman
            | HandOverReason::Anger
            | HandOverReason::Keyword(_)
            | HandOverReason::Failures
            | HandOverReason::LowEvidence
            | HandOverReason::Unavailable => None,
        };
        of_topic.or(config.hand_over.team.as_deref())
    }
}

/// What happens to `message` before a model is asked. Who wants a person gets one whatever else
/// they say; what is forbidden is not talked about, by fixed answers neither. `meanings` as for
/// [`FixedAnswers::find`].
pub fn before_model(
    config: &AssistantConfig,
    fixed: &FixedAnswers,
    message: &str,
    (language, meanings): (&str, Option<&[f32]>),
) -> Step {
    let rules = &config.hand_over;
    let signals = signals(message);
    if rules.asks_for_human && signals.asks_for_human {
        return Step::HandOver(HandOverReason::AsksForHuman);
    }
    if rules.anger && signals.anger {
        return Step::HandOver(HandOverReason::Anger);
    }
    if let Some(keyword) = phrase_in(message, &rules.keywords) {
        return Step::HandOver(HandOverReason::Keyword(keyword.to_owned()));
    }
    let is_about = |phrases: &Vec<String>| phrase_in(message, phrases).is_some();
    if let Some(number) = rules.topics.iter().position(|topic| is_about(&topic.phrases)) {
        return Step::HandOver(HandOverReason::Topic(number));
    }
    if let Some(number) = config.forbidden_topics.iter().position(|topic| is_about(&topic.phrases))
    {
        return Step::Forbidden(number);
    }
    if let Some(found) = fixed.find(message, language, meanings) {
        return Step::Fixed(found.answer);
    }
    if signals.resolved {
        return Step::Resolved;
    }
    signals.small_talk.map_or(Step::Model, Step::SmallTalk)
}

/// Whether people take over after the model had no answer, for the time `failures` in a row, this
/// one counted.
pub fn after_model(config: &AssistantConfig, failures: u32) -> Option<HandOverReason> {
    let rules = &config.hand_over;
    if rules.failures_in_a_row.is_some_and(|limit| failures >= limit) {
        return Some(HandOverReason::Failures);
    }
    (rules.low_evidence && failures > 0).then_some(HandOverReason::LowEvidence)
}

#[cfg(test)]
mod tests {
    use super::super::{AssistantConfig, FixedAnswers, SmallTalk};
    use super::{HandOverReason, Step, after_model, before_model};

    const CONFIG: &str = r#"{
        "name": "SAV", "knowledge_bases": ["sav"],
        "fixed_answers": [
            {"id": "horaires", "questions": ["Quels sont vos horaires ?"], "answer": "9 h à 18 h."},
            {"id": "prix", "questions": ["Quel est le prix du concurrent ?"], "answer": "?"}
        ],
        "forbidden_topics": [{"name": "concurrents", "phrases": ["concurrent"]}],
        "hand_over": {
            "keywords": ["rétractation"], "team": "sav",
            "topics": [{"name": "compta", "phrases": ["avoir", "facture impayée"], "team": "compta"}]
        }
    }"#;

    fn config() -> AssistantConfig {
        let config: AssistantConfig = serde_json::from_str(CONFIG).unwrap();
        config.check().unwrap();
        config
    }

    #[track_caller]
    fn check(config: &AssistantConfig, message: &str, expected: Step) {
        let fixed = FixedAnswers::new(&config.fixed_answers, config.thresholds.fixed_answers);
        assert_eq!(before_model(config, &fixed, message, ("fr", None)), expected, "{message}");
    }

    #[test]
    fn who_wants_a_person_comes_before_everything() {
        let config = config();
        let topic = HandOverReason::Topic(0);
        assert_eq!((topic.team(&config), topic.code()), (Some("compta"), "topic"));
        assert_eq!(HandOverReason::Anger.team(&config), Some("sav"));
        let human = Step::HandOver(HandOverReason::AsksForHuman);
        check(&config, "Je veux parler à un conseiller, ma facture impayée est fausse", human);
        check(&config, "Bande d'escrocs, et mes horaires ?", Step::HandOver(HandOverReason::Anger));
        let keyword = Step::HandOver(HandOverReason::Keyword("rétractation".to_owned()));
        check(&config, "droit de RETRACTATION ?", keyword);
        check(&config, "J'ai deux factures impayées", Step::HandOver(topic));
        check(&config, "Quel est le prix du concurrent ?", Step::Forbidden(0));
        check(&config, "vos horaires svp", Step::Fixed(0));
        check(&config, "Merci beaucoup", Step::SmallTalk(SmallTalk::Thanks));
        check(&config, "Merci, au revoir", Step::Resolved);
        check(&config, "Mon écran est noir", Step::Model);
    }

    #[test]
    fn rules_that_are_off_do_nothing() {
        let mut config = config();
        config.hand_over.asks_for_human = false;
        config.hand_over.anger = false;
        check(&config, "Je veux parler à un conseiller", Step::Model);
        check(&config, "Bande d'escrocs", Step::Model);
        assert_eq!(after_model(&config, 1), Some(HandOverReason::LowEvidence));
        assert_eq!(after_model(&config, 2), Some(HandOverReason::Failures));
        config.hand_over.low_evidence = false;
        assert_eq!(after_model(&config, 1), None);
        config.hand_over.failures_in_a_row = None;
        assert_eq!(after_model(&config, 9), None);
    }
}
