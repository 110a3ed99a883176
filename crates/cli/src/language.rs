//! Chooses the language that people are answered in: French, unless the locale is English.
//!
//! Sentences of this crate exist in both languages, side by side where they are said
//! (`tr(french, english)`). JSON output, log lines and the causes that libraries name stay in
//! English: programs and search engines read them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The variable that outranks the locale: `fr` or `en`.
pub(crate) const VARIABLE: &str = "INTRAMUROS_LANG";

/// A language of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    French,
    English,
}

/// Set once, when the command line asks for JSON.
static FOR_PROGRAMS: AtomicBool = AtomicBool::new(false);

/// Answers in English from now on, whatever the locale.
pub(crate) fn speak_to_programs() {
    FOR_PROGRAMS.store(true, Ordering::Relaxed);
}

/// The language of this process; the environment is read once.
pub(crate) fn current() -> Language {
    static CURRENT: OnceLock<Language> = OnceLock::new();
    if FOR_PROGRAMS.load(Ordering::Relaxed) {
        return Language::English;
    }
    *CURRENT.get_or_init(|| detect(|name| std::env::var(name).ok()))
}

/// The words in the language of this process.
pub(crate) fn tr<T>(french: T, english: T) -> T {
    match current() {
        Language::French => french,
        Language::English => english,
    }
}

/// The first of our variable and the locale's variables (in the order of POSIX, "Internationalization
/// Variables") that is set decides.
fn detect(variable: impl Fn(&str) -> Option<String>) -> Language {
    let names = [VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"];
    let locale = names.into_iter().filter_map(variable).find(|value| !value.is_empty());
    match locale {
        Some(locale) if locale.to_ascii_lowercase().starts_with("en") => Language::English,
        _ => Language::French,
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, detect};

    #[track_caller]
    fn check(environment: &[(&str, &str)], expected: Language) {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_string())
        };
        assert_eq!(detect(variable), expected, "{environment:?}");
    }

    #[test]
    fn french_unless_the_locale_is_english() {
        check(&[], Language::French);
        check(&[("LANG", "C.UTF-8")], Language::French);
        check(&[("LANG", "en_GB.UTF-8")], Language::English);
        check(&[("LC_ALL", "fr_FR.UTF-8"), ("LANG", "en_US.UTF-8")], Language::French);
        check(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")], Language::English);
        check(&[("INTRAMUROS_LANG", "en"), ("LC_ALL", "fr_FR.UTF-8")], Language::English);
    }
}
