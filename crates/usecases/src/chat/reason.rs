//! Says in words why a conversation went to people or ended, and why a question has no answer.

/// Codes, in French and in English.
const WORDS: [(&str, &str, &str); 13] = [
    ("asks_for_human", "demande une personne", "asks for a person"),
    ("anger", "est en colère", "is angry"),
    ("keyword", "mot des règles", "word of the rules"),
    ("topic", "sujet des règles", "topic of the rules"),
    ("failures", "sans réponse plusieurs fois de suite", "no answer several times in a row"),
    ("low_evidence", "documents insuffisants", "documents do not say enough"),
    ("unavailable", "modèles indisponibles", "models unavailable"),
    ("taken", "reprise par une personne", "taken over by a person"),
    ("customer", "terminée par le client", "ended by the customer"),
    ("resolved", "résolue", "resolved"),
    ("no_answer", "sans réponse", "no answer"),
    ("nothing_found", "rien de trouvé", "nothing found"),
    (
        "unsupported",
        "réponse sans appui dans les documents",
        "answer that documents do not support",
    ),
];

/// A reason as the API has it, such as `anger` or `keyword: remboursement`, in French for `fr` and in
/// English for every other language; codes that people made up stay as they are.
pub fn reason_in_words(reason: &str, language: &str) -> String {
    let (code, detail) = reason.split_once(": ").unwrap_or((reason, ""));
    let Some((_, french, english)) = WORDS.iter().find(|(known, ..)| *known == code) else {
        return reason.to_owned();
    };
    let is_french = language == "fr";
    let words = if is_french { french } else { english };
    match (detail, is_french) {
        ("", _) => (*words).to_owned(),
        (detail, true) => format!("{words} : {detail}"),
        (detail, false) => format!("{words}: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::reason_in_words;
    use crate::chat::HandOverReason;

    #[test]
    fn every_reason_of_a_hand_over_has_words() {
        let all = [
            HandOverReason::AsksForHuman,
            HandOverReason::Anger,
            HandOverReason::Keyword(String::new()),
            HandOverReason::Topic(0),
            HandOverReason::Failures,
            HandOverReason::LowEvidence,
            HandOverReason::Unavailable,
        ];
        for reason in all {
            let words = ["fr", "en"].map(|language| reason_in_words(reason.code(), language));
            assert!(words.iter().all(|words| *words != reason.code()) && words[0] != words[1]);
        }
    }

    #[test]
    fn details_stay_and_unknown_codes_too() {
        assert_eq!(reason_in_words("keyword: avocat", "fr"), "mot des règles : avocat");
        assert_eq!(reason_in_words("keyword: avocat", "en"), "word of the rules: avocat");
        assert_eq!(reason_in_words("doublon", "fr"), "doublon");
        assert_eq!(reason_in_words("", "fr"), "");
    }
}
