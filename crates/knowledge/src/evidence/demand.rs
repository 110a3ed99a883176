//! Reads from a sentence what must stand in the very passage that supports it, word for word: names,
//! terms in quotation marks and menu paths, amounts with their units, numbers in letters, promises.
//!
//! A sentence may say something in other words than its passage. Of these things it may not: they are
//! what readers act on.

use std::sync::LazyLock;

use regex::Regex;

use super::names;
use crate::words::{Word, amount_of, tokens, words};

/// Marks that stand between the entries of a menu path.
const ARROWS: [char; 5] = ['→', '⇒', '▸', '►', '➔'];

/// Numbers in letters, from two on: "un" is an article.
const IN_LETTERS: [(&str, &str); 34] = [
    ("deux", "2"),
    ("trois", "3"),
    ("quatre", "4"),
    ("cinq", "5"),
    ("six", "6"),
    ("sept", "7"),
    ("huit", "8"),
    ("neuf", "9"),
    ("dix", "10"),
    ("onze", "11"),
    ("douze", "12"),
    ("treize", "13"),
    ("quatorze", "14"),
    ("quinze", "15"),
    ("seize", "16"),
    ("vingt", "20"),
    ("trente", "30"),
    ("quarante", "40"),
    ("cinquante", "50"),
    ("soixante", "60"),
    ("cent", "100"),
    ("mille", "1000"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("twelve", "12"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("hundred", "100"),
];

/// Units by what they measure in; what stands in one row is the same unit.
const UNITS: [&[&str]; 26] = [
    &["an", "ans", "annee", "annees", "year", "years"],
    &["mois", "month", "months"],
    &["semaine", "semaines", "week", "weeks"],
    &["jour", "jours", "day", "days"],
    &["heure", "heures", "h", "hour", "hours"],
    &["minute", "minutes", "min", "mn"],
    &["seconde", "secondes", "s", "sec", "second", "seconds"],
    &["€", "euro", "euros", "eur"],
    &["$", "dollar", "dollars", "usd"],
    &["%", "pourcent", "percent"],
    &["km", "kilometre", "kilometres"],
    &["m", "metre", "metres"],
    &["cm", "centimetre", "centimetres"],
    &["mm", "millimetre", "millimetres"],
    &["kg", "kilo", "kilos", "kilogramme", "kilogrammes"],
    &["g", "gramme", "grammes"],
    &["t", "tonne", "tonnes"],
    &["l", "litre", "litres"],
    &["px", "pixel", "pixels"],
    &["dpi", "ppp"],
    &["ko", "kb"],
    &["mo", "mb"],
    &["go", "gb"],
    &["w", "watt", "watts"],
    &["v", "volt", "volts"],
    &["°", "degre", "degres", "degree", "degrees"],
];

/// Stems of words that give something away or say that it was done for somebody. A question that has
/// one in it (`La caution est offerte, non ?`) does not make it true.
const GRANTS: [&str; 14] = [
    "gratui", "offert", "inclu", "inclus", "rembou", "accord", "annule", "annula", "exoner",
    "garant", "free", "refund", "includ", "waived",
];

/// What only a person may promise or say that they did, in folded words with a space between. Where
/// a document makes the promise, in these words, it may be told.
static PROMISES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    const PATTERNS: [&str; 8] = [
        r"\b(?:je|nous)(?: (?:ne|vous|te|t|le|la|les|lui|leur|y|en))* [a-z]+r(?:ai|ons)\b",
        r"\b(?:je|nous)(?: (?:vous|te|t|le|la))* (?:promets|promettons|garantis|garantissons|confirme|confirmons|assure|assurons|engage|engageons|rembourse|remboursons)\b",
        r"\b(?:je|nous) (?:vais|allons)(?: (?:vous|te|t|le|la|les))* [a-z]+\b",
        r"\bj ai(?: (?:bien|deja|tout))* [a-z]+(?:e|i|u|is|it)e?s?\b",
        r"\b(?:vous|tu) (?:recevrez|recevras|(?:aurez|auras) droit|(?:serez|seras) (?:rembours|livr|contact|rappel|indemnis|credit|avert|prevenu)[a-z]*)\b",
        r"\bvotre (?:commande|colis|remboursement|demande|dossier|compte) (?:sera|est|a ete|a bien ete) [a-z]+\b",
        r"\b(?:i|we)(?: (?:ll|will|shall|promise|guarantee|confirm|have|ve)) [a-z]+\b",
        r"\byou(?: (?:ll|will)) (?:receive|get|be) [a-z]+\b",
    ];
    // Constants of this file: one that is wrong is found by the first test.
    PATTERNS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
});

/// What a sentence demands of the passage that supports it.
#[derive(Debug, Default)]
pub(super) struct Demand {
    names: Vec<Word>,
    /// Folded words in their order.
    terms: Vec<Vec<String>>,
    /// Numbers with the row of [`UNITS`] behind them.
    measures: Vec<(String, usize)>,
    /// Numbers in letters, with their digits.
    in_letters: Vec<(&'static str, &'static str)>,
    promises: Vec<Vec<String>>,
    grants: Vec<Word>,
}

/// The words of a passage in their order, for comparing.
pub(super) struct Wording {
    tokens: Vec<String>,
    measures: Vec<(String, Option<usize>)>,
    words: std::collections::HashSet<Word>,
}

impl Wording {
    /// That of a text, with its title and headings.
    pub(super) fn new(parts: &[&str]) -> Self {
        let mut found =
            Self { tokens: Vec::new(), measures: Vec::new(), words: Default::default() };
        for part in parts {
            found.tokens.extend(tokens(part));
            found.measures.extend(measures(part));
            found.words.extend(words(part));
        }
        found
    }

    /// Whether these words stand here in their order, nothing between them.
    fn has(&self, wanted: &[String]) -> bool {
        !wanted.is_empty() && self.tokens.windows(wanted.len()).any(|window| window == wanted)
    }

    fn measures(&self, number: &str, unit: usize) -> bool {
        // A number without a unit behind it may have it in the head of its column.
        let fits = |found: &Option<usize>| found.is_none_or(|found| found == unit);
        self.measures.iter().any(|(found, of)| found == number && fits(of))
    }
}

impl Demand {
    /// What `sentence` demands.
    pub(super) fn of(sentence: &str) -> Self {
        let said = tokens(sentence);
        let line = said.join(" ");
        let promises = PROMISES.iter().flat_map(|pattern| pattern.find_iter(&line));
        let split =
            |found: regex::Match<'_>| found.as_str().split(' ').map(str::to_owned).collect();
        let in_letters =
            IN_LETTERS.iter().filter(|(letters, _)| said.iter().any(|word| word == letters));
        let is_grant =
            |word: &Word| matches!(word, Word::Content(stem) if GRANTS.contains(&stem.as_str()));
        Self {
            grants: words(sentence).into_iter().filter(is_grant).collect(),
            names: names(sentence),
            terms: quoted(sentence).into_iter().chain(paths(sentence)).collect(),
            measures: measures(sentence)
                .into_iter()
                .filter_map(|(number, unit)| Some((number, unit?)))
                .collect(),
            in_letters: in_letters.copied().collect(),
            promises: promises.map(split).collect(),
        }
    }

    /// Whether a passage of this wording has all of it.
    pub(super) fn is_met_by(&self, wording: &Wording) -> bool {
        let counts = |(letters, digits): &(&str, &str)| {
            wording.words.contains(&Word::Number((*digits).to_owned()))
                || wording.tokens.iter().any(|token| token == letters)
        };
        self.names.iter().all(|name| wording.words.contains(name))
            && self.grants.iter().all(|grant| wording.words.contains(grant))
            && self.terms.iter().all(|term| wording.has(term))
            && self.measures.iter().all(|(number, unit)| wording.measures(number, *unit))
            && self.in_letters.iter().all(counts)
            && self.promises.iter().all(|promise| wording.has(promise))
    }
}

/// Numbers with the unit behind them.
fn measures(text: &str) -> Vec<(String, Option<usize>)> {
    let unit_of = |after: &str| {
        let mark = after.trim_start().chars().next().filter(|mark| "€$%°".contains(*mark));
        let word = mark.map(String::from).or_else(|| tokens_start(after))?;
        UNITS.iter().position(|unit| unit.contains(&word.as_str()))
    };
    amount_of(text).into_iter().map(|(number, after)| (number, unit_of(&after))).collect()
}

/// The first word of what follows a number, unless something else stands before it.
fn tokens_start(after: &str) -> Option<String> {
    let start = after.trim_start_matches([' ', '\u{a0}', '\u{202f}', '-']);
    let word: String = start.chars().take_while(|letter| letter.is_alphabetic()).collect();
    (!word.is_empty()).then_some(word)
}

/// What stands in quotation marks or is set off, as folded words.
fn quoted(sentence: &str) -> Vec<Vec<String>> {
    const MARKS: [(&str, &str); 5] =
        [("«", "»"), ("“", "”"), ("\"", "\""), ("**", "**"), ("`", "`")];
    let mut found = Vec::new();
    for (open, close) in MARKS {
        let mut rest = sentence;
        while let Some(from) = rest.find(open) {
            let inner = &rest[from + open.len()..];
            let Some(to) = inner.find(close) else { break };
            found.push(tokens(&inner[..to]));
            rest = &inner[to + close.len()..];
        }
    }
    found.retain(|words| !words.is_empty());
    found
}

/// The entries of menu paths (`Filtres → Flou → Flou gaussien`), as folded words. Where the first
/// begins and the last ends is told by capitals.
fn paths(sentence: &str) -> Vec<Vec<String>> {
    let parts: Vec<&str> = sentence.split(ARROWS).collect();
    if parts.len() < 2 {
        return Vec::new();
    }
    let last = parts.len() - 1;
    let entry = |(at, part): (usize, &&str)| {
        let words: Vec<&str> = part.split_whitespace().collect();
        let is_capital = |word: &&str| {
            let letter = word.chars().find(|letter| letter.is_alphanumeric());
            letter.is_some_and(char::is_uppercase)
        };
        let entry = if at == 0 {
            let from = words.iter().rposition(is_capital)?;
            words.get(from..)?.join(" ")
        } else if at == last {
            (*words.first()?).to_owned()
        } else {
            words.join(" ")
        };
        let entry = tokens(&entry);
        (!entry.is_empty()).then_some(entry)
    };
    parts.iter().enumerate().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::{Demand, Wording};

    #[track_caller]
    fn check(sentence: &str, passage: &str, expected: bool) {
        let wording = Wording::new(&[passage]);
        assert_eq!(Demand::of(sentence).is_met_by(&wording), expected, "{sentence} | {passage}");
    }

    #[test]
    fn amounts_keep_their_units() {
        check("La garantie est de 2 ans.", "Garantie : 2 ans", true);
        check("La garantie est de 2 mois.", "Garantie : 2 ans", false);
        check("La garantie est de deux ans.", "Garantie : 2 ans", true);
        check("La garantie est de cinq ans.", "Garantie : 2 ans", false);
        check("Il pèse 12 kg.", "Poids (kg) : 12", true);
        check("La remise est de 10 %.", "La remise est de 10 euros", false);
        check("Le délai est de 14 jours.", "sous 14 jours, soit 2 semaines", true);
    }

    #[test]
    fn menus_and_quoted_terms_stand_in_their_order() {
        let passage = "On y accède par Filtres → Flou → Flou gaussien.";
        check("Ouvrez le menu Filtres → Flou → Flou gaussien pour adoucir.", passage, true);
        check("Ouvrez le menu Couleurs → Flou → Flou gaussien.", passage, false);
        check("Choisissez « Flou gaussien ».", passage, true);
        check("Choisissez « Flou de mouvement ».", passage, false);
        check("Choisissez **Gaussien flou**.", passage, false);
    }

    #[test]
    fn nothing_is_given_away() {
        let passage = "L'assurance coûte 12 € par jour.";
        check("La caution est offerte parce que l'assurance coûte 12 € par jour.", passage, false);
        check("L'assurance est gratuite.", passage, false);
        check("La livraison est gratuite.", "Les livraisons sont gratuites en ville.", true);
    }

    #[test]
    fn promises_are_those_of_the_documents() {
        check("Nous vous rembourserons demain.", "Le remboursement est possible.", false);
        check("Nous vous rembourserons.", "Dans ce cas, nous vous rembourserons.", true);
        check("Je vous garantis un échange.", "Un échange est possible.", false);
        check("J'ai annulé votre commande.", "Une commande peut être annulée.", false);
        check("Vous recevrez un avoir.", "Un avoir est établi.", false);
        check("We will refund you.", "Refunds are possible.", false);
        check("You can ask for a refund.", "Refunds are possible.", true);
        check("Vous pouvez demander un avoir.", "Un avoir est établi.", true);
        check("La demande sera traitée.", "Une demande est traitée.", true);
    }
}
