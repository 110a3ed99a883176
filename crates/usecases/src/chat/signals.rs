//! Reads from a message, without a model, what decides who answers it: that somebody asks for a
//! person, is angry, only greets or thanks, or is done.
//!
//! French and English. A message is taken apart at its punctuation and reduced to folded words
//! ([`super::words`]); patterns are looked for in each part. Who asks for a person and is not heard
//! is worse off than who gets one unasked, and so the patterns are wide and what is no wish is
//! taken away from them (`I spoke to an agent`, `no need for a human`). What they find is measured
//! on labelled phrases in `golden/signals.tsv`.

use regex::Regex;

use super::words::{clauses, singular, words};

mod anger;
mod courtesy;
mod human;

pub use courtesy::SmallTalk;

/// What a message says about its conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// Its writer wants a person.
    pub asks_for_human: bool,
    /// Its writer is angry.
    pub anger: bool,
    /// It says nothing but a greeting or thanks.
    pub small_talk: Option<SmallTalk>,
    /// Its writer is done: it works, or they take their leave.
    pub resolved: bool,
}

/// What `message` says about its conversation.
pub fn signals(message: &str) -> Signals {
    let clauses = clauses(message);
    Signals {
        asks_for_human: human::asks(&clauses),
        anger: anger::is_angry(message, &clauses),
        small_talk: courtesy::small_talk(&clauses),
        resolved: courtesy::is_resolved(message, &clauses),
    }
}

/// The first of `phrases` that stands in `message`, as whole words in their order, without case,
/// accents and plurals.
pub fn phrase_in<'a>(message: &str, phrases: &'a [String]) -> Option<&'a str> {
    let said = words(message);
    let said: Vec<&str> = said.iter().map(|word| singular(word)).collect();
    let stands = |phrase: &&String| {
        let wanted = words(phrase);
        let wanted: Vec<&str> = wanted.iter().map(|word| singular(word)).collect();
        !wanted.is_empty() && said.windows(wanted.len()).any(|window| window == wanted)
    };
    phrases.iter().find(stands).map(String::as_str)
}

/// A pattern of folded words, each with a space around it. They are constants of this module, so
/// one that is wrong is found by the first test.
fn pattern(words: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "a constant that is wrong is a bug of this file")]
    Regex::new(words).expect("patterns of this module are regular expressions")
}

#[cfg(test)]
mod tests;
