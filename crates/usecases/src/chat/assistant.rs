//! Describes an assistant, in the customer's own words.
//!
//! Everything but the name and the knowledge bases has a default. Texts that customers of the
//! company read are by language; where one is left out there is a default in French and English, in
//! the form of address that was chosen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::OpeningHours;

mod check;
mod texts;

pub(super) use check::wrong;
pub(super) use texts::Courtesy;

/// Texts by language, ISO 639-1.
pub type Texts = BTreeMap<String, String>;

/// What an assistant is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistantConfig {
    /// What people read, up to 100 characters.
    pub name: String,
    /// Where it looks for answers, 1 to 20.
    pub knowledge_bases: Vec<String>,
    /// The labels that it may read, whoever asks; with none, what everybody may read. Public
    /// assistants read only that.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Who it is and how it speaks, for the model, up to 4,000 characters.
    #[serde(default)]
    pub persona: String,
    /// How it addresses people in French.
    #[serde(default)]
    pub address: Address,
    /// The languages that it speaks; the first is the one where none is known.
    #[serde(default = "languages")]
    pub languages: Vec<String>,
    /// What it says first.
    #[serde(default)]
    pub greeting: Texts,
    /// That an AI answers.
    #[serde(default)]
    pub ai_notice: AiNotice,
    /// From when on it is sure.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Whether the best passage is quoted where the model has no answer though the passages seem to
    /// have one.
    #[serde(default = "yes")]
    pub quotes: bool,
    /// Answers that people wrote beforehand, given before the model is asked; up to 500.
    #[serde(default)]
    pub fixed_answers: Vec<FixedAnswer>,
    /// What it does not talk about, up to 100.
    #[serde(default)]
    pub forbidden_topics: Vec<ForbiddenTopic>,
    /// When it gives a conversation to people.
    #[serde(default)]
    pub hand_over: HandOverRules,
    /// When people are there; always, where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_hours: Option<OpeningHours>,
    /// Days that conversations are kept after the last message, 1 to 3,650; null for ever.
    #[serde(default = "retention_days")]
    pub retention_days: Option<u32>,
    /// How much of a conversation it remembers.
    #[serde(default)]
    pub memory: Memory,
    /// How it is put into web pages.
    #[serde(default)]
    pub widget: Widget,
}

fn languages() -> Vec<String> {
    vec!["fr".to_owned(), "en".to_owned()]
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be none")]
fn retention_days() -> Option<u32> {
    Some(90)
}

/// How people are addressed in French.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Formally.
    #[default]
    Vous,
    /// Informally.
    Tu,
}

/// That an AI answers, which people must be told (AI Act, Article 50).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AiNotice {
    /// Whether it is said, in the conversation and in every answer of the API.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// In which words.
    #[serde(default)]
    pub text: Texts,
}

impl Default for AiNotice {
    fn default() -> Self {
        Self { enabled: true, text: Texts::new() }
    }
}

fn yes() -> bool {
    true
}

/// From when on an assistant is sure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The least evidence of an answer, 0 to 1; null for what the knowledge base was calibrated to.
    #[serde(default)]
    pub evidence: Option<f64>,
    /// How alike a message and the question of a fixed answer must be, 0.5 to 1.
    #[serde(default = "fixed_answers")]
    pub fixed_answers: f64,
}

fn fixed_answers() -> f64 {
    0.72
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { evidence: None, fixed_answers: fixed_answers() }
    }
}

/// An answer that people wrote beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedAnswer {
    /// What it is called in figures, up to 64 characters.
    pub id: String,
    /// Ways to ask for it, 1 to 20 of up to 300 characters.
    pub questions: Vec<String>,
    /// Word for word, up to 4,000 characters.
    pub answer: String,
    /// Only in conversations in this language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Something that an assistant does not talk about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForbiddenTopic {
    /// What it is called in figures, up to 80 characters.
    pub name: String,
    /// Words that tell it, found as whole words without case, accents and plurals; 1 to 50.
    pub phrases: Vec<String>,
    /// What is said instead, by language.
    #[serde(default)]
    pub answer: Texts,
}

/// When an assistant gives a conversation to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverRules {
    /// Words at which it does, found as those of topics are; up to 100.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// Topics at which it does, up to 100.
    #[serde(default)]
    pub topics: Vec<HandOverTopic>,
    /// When the customer asks for a person.
    #[serde(default = "yes")]
    pub asks_for_human: bool,
    /// When the customer is angry.
    #[serde(default = "yes")]
    pub anger: bool,
    /// After so many failures in a row, 1 to 10; null for never.
    #[serde(default = "failures")]
    pub failures_in_a_row: Option<u32>,
    /// When the documents do not say enough, at the first time.
    #[serde(default = "yes")]
    pub low_evidence: bool,
    /// The group that it is given to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Who gets an e-mail, up to 20 addresses.
    #[serde(default)]
    pub email: Vec<String>,
    /// What the customer is told, by language.
    #[serde(default)]
    pub message: Texts,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be none")]
fn failures() -> Option<u32> {
    Some(2)
}

impl Default for HandOverRules {
    fn default() -> Self {
        Self {
            keywords: Vec::new(),
            topics: Vec::new(),
            asks_for_human: true,
            anger: true,
            failures_in_a_row: failures(),
            low_evidence: true,
            team: None,
            email: Vec::new(),
            message: Texts::new(),
        }
    }
}

/// A topic that people take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverTopic {
    /// What it is called in figures, up to 80 characters.
    pub name: String,
    /// Words that tell it, 1 to 50.
    pub phrases: Vec<String>,
    /// The group that takes it, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// How much of a conversation an assistant remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Questions with their answers, 1 to 50.
    #[serde(default = "turns")]
    pub turns: u32,
    /// Characters of them, 200 to 20,000.
    #[serde(default = "chars")]
    pub chars: u32,
}

fn turns() -> u32 {
    6
}

fn chars() -> u32 {
    4_000
}

impl Default for Memory {
    fn default() -> Self {
        Self { turns: turns(), chars: chars() }
    }
}

/// How an assistant is put into web pages, where visitors need no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    /// Whether it is.
    #[serde(default)]
    pub enabled: bool,
    /// The pages that may: `https://www.example.org`, up to 50.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Messages of one visitor, 1 to 1,000,000.
    #[serde(default = "of_visitor")]
    pub messages_per_visitor_per_day: u32,
    /// Conversations that are begun.
    #[serde(default = "conversations")]
    pub conversations_per_day: u32,
    /// Messages of all visitors.
    #[serde(default = "messages")]
    pub messages_per_day: u32,
}

fn of_visitor() -> u32 {
    50
}

fn conversations() -> u32 {
    1_000
}

fn messages() -> u32 {
    5_000
}

impl Default for Widget {
    fn default() -> Self {
        Self {
            enabled: false,
            origins: Vec::new(),
            messages_per_visitor_per_day: of_visitor(),
            conversations_per_day: conversations(),
            messages_per_day: messages(),
        }
    }
}

impl Widget {
    /// Whether a page of this origin may have it: the same scheme, host and port, letter by letter.
    pub fn allows(&self, origin: &str) -> bool {
        self.enabled && self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// Why an assistant cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' {reason}")]
pub struct AssistantError {
    /// The part of the configuration.
    pub name: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

#[cfg(test)]
mod tests;
