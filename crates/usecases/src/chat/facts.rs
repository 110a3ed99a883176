//! Reads from what a customer wrote what people need to have: references, dates, amounts, addresses;
//! and what they did not say.
//!
//! Patterns, not a model: what stands on a card is what the customer wrote, letter by letter.

use std::sync::LazyLock;

use regex::Regex;

use super::Fact;
use super::words::{fold, singular, words};

/// Letters before a reference in which the thing that it numbers is named.
const BEFORE: usize = 40;

struct Kind {
    name: [&'static str; 2],
    pattern: Regex,
}

/// What is looked for, with its name in French and English. An earlier kind has what it finds.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    const MONTHS: &str = "janvier|février|fevrier|mars|avril|mai|juin|juillet|août|aout|septembre|\
        octobre|novembre|décembre|decembre|january|february|march|april|may|june|july|august|\
        september|october|november|december";
    let date = format!(
        r"(?i)\b(?:\d{{1,2}}[/.\-]\d{{1,2}}[/.\-]\d{{2,4}}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:er|st|nd|rd|th)?\s+(?:{MONTHS})\b(?:\s+\d{{4}})?)"
    );
    let kinds = [
        (["e-mail", "e-mail"], r"(?i)\b[a-z0-9._%+\-]+@[a-z0-9.\-]+\.[a-z]{2,}\b"),
        (["date", "date"], date.as_str()),
        (["téléphone", "phone"], r"(?:\+\d{2}[ .]?|\b0)[1-9](?:[ .\-]?\d{2}){4}\b"),
        (
            ["montant", "amount"],
            r"(?i)\b\d+(?:[ \u{a0}\u{202f}.]\d{3})*(?:[,.]\d{1,2})?[ \u{a0}\u{202f}]?(?:€|eur\b|euros?\b)",
        ),
        (
            ["référence", "reference"],
            r"(?i)\b(?:[a-z]{1,6}[\-_/]?)?\d{4,}(?:[\-_/]?[a-z0-9]+)*\b|\b[a-z]{1,5}-?\d{2,}(?:-[a-z0-9]+)*\b",
        ),
    ];
    // Constants of this file: one that is wrong is found by the first test.
    let made = |(name, pattern): ([&'static str; 2], &str)| {
        Some(Kind { name, pattern: Regex::new(pattern).ok()? })
    };
    kinds.into_iter().filter_map(made).collect()
});

/// What has a number that people look it up by: as customers call it, in French and English.
const NUMBERED: [([&str; 2], &[&str]); 7] = [
    (["commande", "order"], &["commande", "colis", "livraison", "order", "parcel", "delivery"]),
    (["facture", "invoice"], &["facture", "avoir", "invoice"]),
    (["contrat", "contract"], &["contrat", "abonnement", "contract", "subscription"]),
    (["dossier", "case"], &["dossier", "sinistre", "reclamation", "case", "claim"]),
    (["ticket", "ticket"], &["ticket", "incident"]),
    (["numéro de série", "serial number"], &["serie", "serial"]),
    (["client", "customer"], &["client", "compte", "customer", "account"]),
];

/// Of these a person asks for the number first.
const ASKED_FOR: usize = 4;

/// What customers said in `messages` that people need to have, in the order in which they said it.
pub(super) fn facts(messages: &[&str], language: &str) -> Vec<Fact> {
    let french = language == "fr";
    let mut found: Vec<Fact> = Vec::new();
    for message in messages {
        let mut taken: Vec<(usize, usize, &'static str, String)> = Vec::new();
        for kind in KINDS.iter() {
            for one in kind.pattern.find_iter(message) {
                let overlaps = |(from, to, ..): &(usize, usize, &str, String)| {
                    one.start() < *to && *from < one.end()
                };
                if !taken.iter().any(overlaps) {
                    let [in_french, in_english] = kind.name;
                    let mut name = if french { in_french } else { in_english };
                    if in_french == "référence" {
                        name = numbered(&message[..one.start()], french).unwrap_or(name);
                    }
                    taken.push((one.start(), one.end(), name, one.as_str().trim().to_owned()));
                }
            }
        }
        taken.sort_by_key(|(from, ..)| *from);
        for (_, _, name, value) in taken {
            if !found.iter().any(|fact| fact.value == value) {
                found.push(Fact { name: name.to_owned(), value });
            }
        }
    }
    found
}

/// What the number that follows `before` numbers.
fn numbered(before: &str, french: bool) -> Option<&'static str> {
    let start = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let near = words(&before[start..]);
    near.iter().rev().find_map(|word| {
        let known = NUMBERED
            .iter()
            .find(|(_, words)| words.iter().any(|known| singular(known) == singular(word)));
        known.map(|([in_french, in_english], _)| if french { *in_french } else { *in_english })
    })
}

/// What people will have to ask for: the number of what the customer speaks of, and how to reach
/// them, where `is_away` says that they will not read an answer here.
pub(super) fn missing(
    messages: &[&str],
    facts: &[Fact],
    is_away: bool,
    language: &str,
) -> Vec<String> {
    let french = language == "fr";
    let said: Vec<String> = messages.iter().flat_map(|message| words(&fold(message))).collect();
    let speaks_of = |words: &&[&str]| {
        said.iter().any(|word| words.iter().any(|known| singular(known) == singular(word)))
    };
    let mut missing = Vec::new();
    for ([in_french, in_english], words) in NUMBERED.iter().take(ASKED_FOR) {
        let name = if french { in_french } else { in_english };
        let has = |fact: &Fact| {
            fact.name == *name || matches!(fact.name.as_str(), "référence" | "reference")
        };
        if speaks_of(words) && !facts.iter().any(has) {
            missing.push(if french {
                format!("le numéro ({in_french})")
            } else {
                format!("the number ({in_english})")
            });
        }
    }
    let reaches = |fact: &Fact| matches!(fact.name.as_str(), "e-mail" | "téléphone" | "phone");
    if is_away && !facts.iter().any(reaches) {
        let how = if french {
            "un moyen de joindre le client (e-mail ou téléphone)"
        } else {
            "how to reach the customer (e-mail or phone)"
        };
        missing.push(how.to_owned());
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::{facts, missing};

    #[track_caller]
    fn check(message: &str, language: &str, expected: &[(&str, &str)]) {
        let found = facts(&[message], language);
        let found: Vec<_> =
            found.iter().map(|fact| (fact.name.as_str(), fact.value.as_str())).collect();
        assert_eq!(found, expected, "{message}");
    }

    #[test]
    fn what_people_look_things_up_by_is_found() {
        check(
            "Ma commande FR-104233 du 3 mai 2026 n'est pas arrivée",
            "fr",
            &[("commande", "FR-104233"), ("date", "3 mai 2026")],
        );
        check(
            "facture n° 2026-0457, 1 250,00 € ; écrivez à jean@exemple.fr ou 06 12 34 56 78",
            "fr",
            &[
                ("facture", "2026-0457"),
                ("montant", "1 250,00 €"),
                ("e-mail", "jean@exemple.fr"),
                ("téléphone", "06 12 34 56 78"),
            ],
        );
        check("The order 48213 of 12/04/2026", "en", &[("order", "48213"), ("date", "12/04/2026")]);
        check("Comment changer la couleur de 2 calques ?", "fr", &[]);
        check("l'écran E-403 clignote", "fr", &[("référence", "E-403")]);
    }

    #[test]
    fn what_was_not_said_is_told() {
        let message = "Où est ma commande ?";
        assert_eq!(missing(&[message], &[], false, "fr"), ["le numéro (commande)"]);
        assert_eq!(missing(&[message], &[], true, "fr").len(), 2);
        let known = facts(&["commande 48213, a@b.fr"], "fr");
        assert!(missing(&[message], &known, true, "fr").is_empty());
        assert!(missing(&["Bonjour"], &[], false, "fr").is_empty());
    }
}
