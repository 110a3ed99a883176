//! Describes what people need to know when a conversation comes to them.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::reason_in_words;

const MAX_SUMMARY_CHARS: usize = 1_000;
const MAX_LINE_CHARS: usize = 300;
const MAX_QUOTE_CHARS: usize = 500;
const MAX_DRAFT_CHARS: usize = 4_000;
const MAX_FACTS: usize = 20;
const MAX_SEARCHES: usize = 5;
const MAX_FOUND: usize = 5;
const MAX_MISSING: usize = 10;

/// How soon somebody must look.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// When there is time.
    Low,
    /// In its turn.
    #[default]
    Normal,
    /// Before others.
    High,
}

/// What people are told at a hand-over, so that the customer need not say it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOverCard {
    /// The language of the conversation.
    pub language: String,
    /// Why it comes to people: the code of a [`HandOverReason`](super::HandOverReason).
    pub reason: String,
    /// What was said so far.
    pub summary: String,
    /// What the customer wants.
    pub wants: String,
    /// What they said already: an order number, a date.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// What was searched for, and what was found.
    #[serde(default)]
    pub searched: Vec<Searched>,
    /// What is not known and needed.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Who should take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// How soon.
    #[serde(default)]
    pub urgency: Urgency,
    /// What could be answered, for a person to check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

/// Something that the customer said already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it is: `commande`, `date d'achat`.
    pub name: String,
    /// As they said it.
    pub value: String,
}

/// A search of the assistant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Searched {
    /// What was searched for.
    pub query: String,
    /// What was found, the best first.
    #[serde(default)]
    pub found: Vec<FoundPassage>,
}

/// A passage that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundPassage {
    /// The document.
    pub document: String,
    /// What it is called.
    pub title: String,
    /// The page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// What stands there.
    pub quote: String,
}

impl HandOverCard {
    /// The same within its limits: texts that are too long are cut, with a mark, and lists end
    /// early. A card is read, not computed with, and a long one must not keep a customer from
    /// people.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.summary, MAX_SUMMARY_CHARS);
        cut(&mut self.wants, MAX_LINE_CHARS);
        cut(&mut self.reason, MAX_LINE_CHARS);
        self.facts.truncate(MAX_FACTS);
        for fact in &mut self.facts {
            cut(&mut fact.name, MAX_LINE_CHARS);
            cut(&mut fact.value, MAX_LINE_CHARS);
        }
        self.searched.truncate(MAX_SEARCHES);
        for searched in &mut self.searched {
            cut(&mut searched.query, MAX_LINE_CHARS);
            searched.found.truncate(MAX_FOUND);
            for found in &mut searched.found {
                cut(&mut found.title, MAX_LINE_CHARS);
                cut(&mut found.quote, MAX_QUOTE_CHARS);
            }
        }
        self.missing.truncate(MAX_MISSING);
        self.missing.iter_mut().for_each(|one| cut(one, MAX_LINE_CHARS));
        if let Some(draft) = &mut self.draft {
            cut(draft, MAX_DRAFT_CHARS);
        }
        self
    }

    /// The card as plain text, in French for `fr` and in English for every other language. What
    /// there is nothing of is left out.
    pub fn render_text(&self, language: &str) -> String {
        let words = if language == "fr" { &FRENCH } else { &ENGLISH };
        let mut text = String::new();
        line(&mut text, words.wants, &self.wants);
        line(&mut text, words.urgency, words.urgencies[self.urgency as usize]);
        line(&mut text, words.reason, &reason_in_words(&self.reason, language));
        line(&mut text, words.team, self.team.as_deref().unwrap_or_default());
        line(&mut text, words.language, &self.language);
        section(&mut text, words.summary, std::iter::once(self.summary.as_str()), "");
        let facts: Vec<String> = self
            .facts
            .iter()
            .map(|fact| format!("{}{}{}", fact.name, words.colon, fact.value))
            .collect();
        section(&mut text, words.facts, facts.iter().map(String::as_str), "- ");
        let searched: Vec<String> = self.searched.iter().map(|one| search(one, words)).collect();
        section(&mut text, words.searched, searched.iter().map(String::as_str), "- ");
        section(&mut text, words.missing, self.missing.iter().map(String::as_str), "- ");
        section(&mut text, words.draft, self.draft.as_deref().into_iter(), "");
        text.trim().to_owned()
    }
}

/// What stands between the parts of a card.
struct Words {
    colon: &'static str,
    wants: &'static str,
    urgency: &'static str,
    /// By [`Urgency`].
    urgencies: [&'static str; 3],
    reason: &'static str,
    team: &'static str,
    language: &'static str,
    summary: &'static str,
    facts: &'static str,
    searched: &'static str,
    nothing: &'static str,
    page: &'static str,
    missing: &'static str,
    draft: &'static str,
    quotes: [&'static str; 2],
}

const FRENCH: Words = Words {
    colon: " : ",
    wants: "Demande : ",
    urgency: "Urgence : ",
    urgencies: ["basse", "normale", "haute"],
    reason: "Motif du transfert : ",
    team: "Équipe proposée : ",
    language: "Langue : ",
    summary: "Résumé de l'échange",
    facts: "Ce que le client a déjà dit",
    searched: "Ce qui a été cherché et trouvé",
    nothing: "rien",
    page: "page",
    missing: "Ce qui manque",
    draft: "Projet de réponse, à relire",
    quotes: ["« ", " »"],
};

const ENGLISH: Words = Words {
    colon: ": ",
    wants: "Request: ",
    urgency: "Urgency: ",
    urgencies: ["low", "normal", "high"],
    reason: "Reason of the hand-over: ",
    team: "Proposed team: ",
    language: "Language: ",
    summary: "Summary of the exchange",
    facts: "What the customer has said already",
    searched: "What was searched for and found",
    nothing: "nothing",
    page: "page",
    missing: "What is missing",
    draft: "Draft of an answer, to be checked",
    quotes: ["\"", "\""],
};

fn search(searched: &Searched, words: &Words) -> String {
    let [open, close] = words.quotes;
    let mut text = format!("{open}{}{close}{}", searched.query, words.colon);
    if searched.found.is_empty() {
        text.push_str(words.nothing);
    }
    for found in &searched.found {
        let page = found.page.map(|page| format!(", {} {page}", words.page)).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ =
            write!(text, "\n    {}{page}{}{open}{}{close}", found.title, words.colon, found.quote);
    }
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(text, "{name}{value}");
    }
}

fn section<'a>(text: &mut String, name: &str, lines: impl Iterator<Item = &'a str>, mark: &str) {
    let mut lines = lines.filter(|line| !line.is_empty()).peekable();
    if lines.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{name}");
    for line in lines {
        let _ = writeln!(text, "{mark}{line}");
    }
}

/// Cuts a text that is too long, with a mark at the end.
fn cut(text: &mut String, max_chars: usize) {
    if let Some((at, _)) = text.char_indices().nth(max_chars) {
        // The mark takes the place of the last one.
        let last = text[..at].chars().next_back().map_or(0, char::len_utf8);
        text.truncate(at - last);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::{Fact, FoundPassage, HandOverCard, Searched, Urgency};

    fn card() -> HandOverCard {
        HandOverCard {
            language: "fr".to_owned(),
            reason: "asks_for_human".to_owned(),
            summary: "Le client attend son colis depuis le 3 mai.".to_owned(),
            wants: "savoir où est son colis".to_owned(),
            facts: vec![Fact { name: "commande".to_owned(), value: "FR-1042".to_owned() }],
            searched: vec![
                Searched {
                    query: "délai de livraison".to_owned(),
                    found: vec![FoundPassage {
                        document: "doc_1".to_owned(),
                        title: "CGV".to_owned(),
                        page: Some(3),
                        quote: "sous 5 jours".to_owned(),
                    }],
                },
                Searched { query: "suivi".to_owned(), found: Vec::new() },
            ],
            missing: vec!["le numéro de suivi".to_owned()],
            team: Some("logistique".to_owned()),
            urgency: Urgency::High,
            draft: Some("Bonjour, votre colis…".to_owned()),
        }
    }

    #[test]
    fn a_card_is_readable_in_french_and_english() {
        let expected = "\
Demande : savoir où est son colis
Urgence : haute
Motif du transfert : demande une personne
Équipe proposée : logistique
Langue : fr

Résumé de l'échange
Le client attend son colis depuis le 3 mai.

Ce que le client a déjà dit
- commande : FR-1042

Ce qui a été cherché et trouvé
- « délai de livraison » : \n    CGV, page 3 : « sous 5 jours »
- « suivi » : rien

Ce qui manque
- le numéro de suivi

Projet de réponse, à relire
Bonjour, votre colis…";
        assert_eq!(card().render_text("fr"), expected);
        let english = card().render_text("en");
        assert!(english.starts_with("Request: savoir où est son colis\nUrgency: high\n"));
        assert!(english.contains("- \"suivi\": nothing"));
        let least = HandOverCard { wants: "un prix".to_owned(), ..HandOverCard::default() };
        assert_eq!(least.render_text("fr"), "Demande : un prix\nUrgence : normale");
    }

    #[test]
    fn what_is_too_long_is_cut_and_marked() {
        let long = HandOverCard {
            summary: "é".repeat(2_000),
            facts: vec![Fact::default(); 50],
            searched: vec![
                Searched {
                    found: vec![FoundPassage::default(); 9],
                    ..Searched::default()
                };
                9
            ],
            missing: vec!["m".repeat(301); 50],
            draft: Some("d".repeat(5_000)),
            ..card()
        };
        let bounded = long.bounded();
        assert_eq!(bounded.summary.chars().count(), 1_000);
        assert!(bounded.summary.ends_with("é…") && bounded.missing[0].ends_with("m…"));
        assert_eq!((bounded.facts.len(), bounded.missing.len()), (20, 10));
        assert_eq!((bounded.searched.len(), bounded.searched[0].found.len()), (5, 5));
        assert_eq!(bounded.draft.as_ref().map(|draft| draft.chars().count()), Some(4_000));
        assert_eq!(card().bounded(), card());
        let stored = serde_json::to_string(&bounded).unwrap();
        assert!(stored.len() < 64 << 10);
        assert_eq!(serde_json::from_str::<HandOverCard>(&stored).unwrap(), bounded);
    }
}
