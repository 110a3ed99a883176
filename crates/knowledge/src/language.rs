//! Chooses the language of an answer.

use whatlang::{Detector, Lang};

/// A language that answers and messages exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English.
    English,
}

impl Language {
    /// ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
        }
    }

    /// The words for yes and no, in lower case.
    pub(crate) fn yes_and_no(self) -> (&'static str, &'static str) {
        match self {
            Language::French => ("oui", "non"),
            Language::English => ("yes", "no"),
        }
    }

    /// The language of `text`; `default` (an ISO 639-1 code) decides where it cannot be told.
    pub fn detect(text: &str, default: &str) -> Self {
        if let Some(language) = by_small_words(text) {
            return language;
        }
        let detector = Detector::with_allowlist(vec![Lang::Fra, Lang::Eng]);
        match detector.detect(text) {
            Some(info) if info.is_reliable() && info.lang() == Lang::Eng => Language::English,
            Some(info) if info.is_reliable() && info.lang() == Lang::Fra => Language::French,
            _ if default == "en" => Language::English,
            _ => Language::French,
        }
    }
}

/// Counts words that only one of the languages has: on the few words of a question this is surer
/// than letter statistics.
fn by_small_words(text: &str) -> Option<Language> {
    const FRENCH: &[&str] = &[
        "au", "aux", "avec", "ça", "ce", "combien", "comment", "dans", "de", "des", "du", "est",
        "et", "il", "j", "je", "la", "le", "les", "ma", "mes", "mon", "ne", "où", "pas", "pour",
        "pourquoi", "quand", "que", "quel", "quelle", "quelles", "quels", "qui", "sur", "une",
        "votre", "vos", "vous",
    ];
    const ENGLISH: &[&str] = &[
        "an", "and", "are", "can", "do", "does", "for", "from", "how", "i", "in", "is", "it", "my",
        "of", "the", "to", "what", "when", "where", "which", "who", "why", "with", "you", "your",
    ];
    let lower = text.to_lowercase();
    let (mut french, mut english) = (0, 0);
    for word in lower.split(|letter: char| !letter.is_alphanumeric()) {
        french += usize::from(FRENCH.contains(&word));
        english += usize::from(ENGLISH.contains(&word));
    }
    match french.cmp(&english) {
        std::cmp::Ordering::Greater => Some(Language::French),
        std::cmp::Ordering::Less => Some(Language::English),
        std::cmp::Ordering::Equal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[track_caller]
    fn check(text: &str, expected: Language) {
        assert_eq!(Language::detect(text, "fr"), expected, "{text}");
    }

    #[test]
    fn short_questions_are_told_apart() {
        check("Combien coûte une mini-pelle à la semaine ?", Language::French);
        check("c koi la caution", Language::French);
        check("How much is the deposit for a scissor lift?", Language::English);
        check("E-403", Language::French);
        check("What does error E-403 mean?", Language::English);
    }
}
