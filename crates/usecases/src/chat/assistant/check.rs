//! Refuses what an assistant cannot be: the first part that is wrong, with the limit and the
//! remedy.

use std::collections::HashSet;
use std::fmt::Display;

use super::{AssistantConfig, AssistantError, FixedAnswer, HandOverRules, Texts, Widget};
use crate::chat::words::words;

const MAX_NAME_CHARS: usize = 100;
const MAX_BASES: usize = 20;
const MAX_LABELS: usize = 100;
const MAX_PERSONA_CHARS: usize = 4_000;
const MAX_LANGUAGES: usize = 10;
const MAX_TEXT_CHARS: usize = 1_000;
const MAX_FIXED_ANSWERS: usize = 500;
const MAX_QUESTIONS: usize = 20;
const MAX_QUESTION_CHARS: usize = 300;
const MAX_ANSWER_CHARS: usize = 4_000;
const MAX_TOPICS: usize = 100;
const MAX_TOPIC_CHARS: usize = 80;
const MAX_PHRASES: usize = 50;
const MAX_KEYWORDS: usize = 100;
const MAX_PHRASE_CHARS: usize = 100;
const MAX_MAILS: usize = 20;
const MAX_MAIL_CHARS: usize = 320;
const MAX_ID_CHARS: usize = 64;
const MAX_ORIGINS: usize = 50;
const MAX_ORIGIN_CHARS: usize = 200;
const MAX_PER_DAY: u32 = 1_000_000;

type Checked = Result<(), AssistantError>;

impl AssistantConfig {
    /// Refuses what cannot be: names and numbers beyond their limits, languages without words,
    /// answers that contradict each other, origins that are none.
    ///
    /// Whether knowledge bases and teams are there is for the caller to say.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn check(&self) -> Checked {
        text("name", &self.name, MAX_NAME_CHARS)?;
        if self.knowledge_bases.is_empty() {
            return wrong("knowledge_bases", "is empty; name where it looks for answers");
        }
        list("knowledge_bases", &self.knowledge_bases, MAX_BASES, MAX_ID_CHARS)?;
        list("labels", &self.labels, MAX_LABELS, MAX_NAME_CHARS)?;
        long("persona", &self.persona, MAX_PERSONA_CHARS)?;
        self.check_languages()?;
        if let Some(evidence) = self.thresholds.evidence {
            within("thresholds.evidence", evidence, 0.0, 1.0)?;
        }
        within("thresholds.fixed_answers", self.thresholds.fixed_answers, 0.5, 1.0)?;
        self.check_fixed_answers()?;
        count("forbidden_topics", self.forbidden_topics.len(), MAX_TOPICS)?;
        let mut names = HashSet::new();
        for topic in &self.forbidden_topics {
            let place = format!("forbidden_topics.{}", topic.name);
            self.check_topic(&place, &topic.name, &topic.phrases, &mut names)?;
            self.check_texts(&format!("{place}.answer"), &topic.answer)?;
        }
        self.check_hand_over(&self.hand_over)?;
        if let Some(hours) = &self.opening_hours {
            hours.check()?;
            self.check_texts("opening_hours.message", &hours.message)?;
        }
        if let Some(days) = self.retention_days {
            within("retention_days", days, 1, 3_650)?;
        }
        within("memory.turns", self.memory.turns, 1, 50)?;
        within("memory.chars", self.memory.chars, 200, 20_000)?;
        check_widget(&self.widget)
    }

    fn check_languages(&self) -> Checked {
        if self.languages.is_empty() {
            return wrong("languages", "is empty; name the languages that it speaks, such as `fr`");
        }
        list("languages", &self.languages, MAX_LANGUAGES, 2)?;
        let is_code =
            |code: &&String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        if let Some(code) = self.languages.iter().find(|code| !is_code(code)) {
            return wrong("languages", format!("has `{code}`, which is no ISO 639-1 code"));
        }
        self.check_texts("greeting", &self.greeting)?;
        self.check_texts("ai_notice.text", &self.ai_notice.text)?;
        // People must understand that an AI answers; there are words in French and English only.
        let unsaid = self.languages.iter().find(|code| {
            let known = ["fr", "en"].contains(&code.as_str());
            self.ai_notice.enabled && !known && !self.ai_notice.text.contains_key(*code)
        });
        match unsaid {
            None => Ok(()),
            Some(code) => wrong("ai_notice.text", format!("has no text in `{code}`; write one")),
        }
    }

    fn check_texts(&self, place: &str, texts: &Texts) -> Checked {
        for (language, said) in texts {
            if !self.languages.contains(language) {
                let reason =
                    format!("has a text in `{language}`, which is not among the languages");
                return wrong(place, reason);
            }
            text(&format!("{place}.{language}"), said, MAX_TEXT_CHARS)?;
        }
        Ok(())
    }

    /// The same question with two answers would have none.
    fn check_fixed_answers(&self) -> Checked {
        count("fixed_answers", self.fixed_answers.len(), MAX_FIXED_ANSWERS)?;
        let (mut ids, mut asked) = (HashSet::new(), HashSet::new());
        for FixedAnswer { id, questions, answer, language } in &self.fixed_answers {
            let place = format!("fixed_answers.{id}");
            text(&place, id, MAX_ID_CHARS)?;
            if !ids.insert(id) {
                return wrong(place, "is there twice");
            }
            if questions.is_empty() {
                return wrong(place, "has no questions; write how people ask for it");
            }
            list(&place, questions, MAX_QUESTIONS, MAX_QUESTION_CHARS)?;
            text(&format!("{place}.answer"), answer, MAX_ANSWER_CHARS)?;
            if let Some(code) = language
                && !self.languages.contains(code)
            {
                return wrong(place, format!("is in `{code}`, which is not among the languages"));
            }
            for question in questions {
                let said = words(question);
                if said.is_empty() {
                    return wrong(place, "has a question without a word");
                }
                if !asked.insert((said, language)) {
                    return wrong(place, "has a question that is there twice; it needs one answer");
                }
            }
        }
        Ok(())
    }

    fn check_topic<'a>(
        &self,
        place: &str,
        name: &'a str,
        phrases: &[String],
        names: &mut HashSet<&'a str>,
    ) -> Checked {
        text(place, name, MAX_TOPIC_CHARS)?;
        if !names.insert(name) {
            return wrong(place, "is there twice");
        }
        if phrases.is_empty() {
            return wrong(place, "has no phrases; write the words that tell it");
        }
        check_phrases(place, phrases, MAX_PHRASES)
    }

    fn check_hand_over(&self, rules: &HandOverRules) -> Checked {
        check_phrases("hand_over.keywords", &rules.keywords, MAX_KEYWORDS)?;
        count("hand_over.topics", rules.topics.len(), MAX_TOPICS)?;
        let mut names = HashSet::new();
        for topic in &rules.topics {
            let place = format!("hand_over.topics.{}", topic.name);
            self.check_topic(&place, &topic.name, &topic.phrases, &mut names)?;
            if let Some(team) = &topic.team {
                text(&format!("{place}.team"), team, MAX_ID_CHARS)?;
            }
        }
        if let Some(failures) = rules.failures_in_a_row {
            within("hand_over.failures_in_a_row", failures, 1, 10)?;
        }
        if let Some(team) = &rules.team {
            text("hand_over.team", team, MAX_ID_CHARS)?;
        }
        list("hand_over.email", &rules.email, MAX_MAILS, MAX_MAIL_CHARS)?;
        if let Some(address) = rules.email.iter().find(|address| !is_address(address)) {
            return wrong(
                "hand_over.email",
                format!("has `{address}`, which is no e-mail address"),
            );
        }
        self.check_texts("hand_over.message", &rules.message)
    }
}

fn check_phrases(place: &str, phrases: &[String], most: usize) -> Checked {
    list(place, phrases, most, MAX_PHRASE_CHARS)?;
    match phrases.iter().find(|phrase| words(phrase).is_empty()) {
        None => Ok(()),
        Some(phrase) => wrong(place, format!("has `{phrase}`, in which there is no word")),
    }
}

fn check_widget(widget: &Widget) -> Checked {
    if widget.enabled && widget.origins.is_empty() {
        let reason = "is empty; name the pages that may have it, such as `https://www.example.org`";
        return wrong("widget.origins", reason);
    }
    list("widget.origins", &widget.origins, MAX_ORIGINS, MAX_ORIGIN_CHARS)?;
    if let Some(origin) = widget.origins.iter().find(|origin| !is_origin(origin)) {
        let reason = format!(
            "has `{origin}`; an origin is a scheme, a host and perhaps a port, without path, `*` and \
             slash at the end, such as `https://www.example.org`"
        );
        return wrong("widget.origins", reason);
    }
    for (name, value) in [
        ("widget.messages_per_visitor_per_day", widget.messages_per_visitor_per_day),
        ("widget.conversations_per_day", widget.conversations_per_day),
        ("widget.messages_per_day", widget.messages_per_day),
    ] {
        within(name, value, 1, MAX_PER_DAY)?;
    }
    Ok(())
}

/// Scheme, host and perhaps a port, as browsers send it. Source: RFC 6454, section 6.2.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, place)) = origin.split_once("://") else { return false };
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok().filter(|port| *port > 0)),
        None => (place, Some(1)),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_name = !host.is_empty()
        && host.bytes().all(allowed)
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-'));
    matches!(scheme, "http" | "https") && is_name && port.is_some()
}

/// One `@` between something and something with a dot or a bare host, and no white space.
fn is_address(address: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;".contains(c))
    };
    let parts: Vec<&str> = address.split('@').collect();
    matches!(parts[..], [name, host] if plain(name) && plain(host))
}

fn text(place: &str, text: &str, max_chars: usize) -> Checked {
    if text.trim().is_empty() {
        return wrong(place, "is empty");
    }
    long(place, text, max_chars)
}

fn long(place: &str, text: &str, max_chars: usize) -> Checked {
    let chars = text.chars().count();
    if chars > max_chars {
        return wrong(place, format!("has {chars} characters, the limit is {max_chars}"));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return wrong(place, "holds a control character");
    }
    Ok(())
}

/// Texts that are there, each once, each with a limit.
fn list(place: &str, texts: &[String], most: usize, max_chars: usize) -> Checked {
    count(place, texts.len(), most)?;
    let mut seen = HashSet::new();
    for one in texts {
        text(place, one, max_chars)?;
        if !seen.insert(one) {
            return wrong(place, format!("has `{one}` twice"));
        }
    }
    Ok(())
}

fn count(place: &str, found: usize, most: usize) -> Checked {
    if found > most {
        return wrong(place, format!("has {found} entries, the limit is {most}"));
    }
    Ok(())
}

fn within<T: PartialOrd + Display>(place: &str, found: T, least: T, most: T) -> Checked {
    if found >= least && found <= most {
        return Ok(());
    }
    wrong(place, format!("is {found}, it must be {least} to {most}"))
}

pub(in crate::chat) fn wrong<T>(
    name: impl Into<String>,
    reason: impl Into<String>,
) -> Result<T, AssistantError> {
    Err(AssistantError { name: name.into(), reason: reason.into() })
}
