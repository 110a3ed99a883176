//! Splits text into comparable words: lower case, accents folded, light stems.

use unicode_normalization::UnicodeNormalization as _;

/// One comparable word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Word {
    /// A number or a reference with digits (`2`, `E-403` gives `e` and `403`); compared exactly.
    Number(String),
    /// A word that carries meaning; compared by its stem.
    Content(String),
}

/// French and English words that carry no fact by themselves, accents folded, 3 letters and up:
/// shorter ones are dropped by length.
const STOP_WORDS: &[&str] = &[
    "about", "afin", "ainsi", "alors", "and", "any", "apres", "are", "aussi", "autre", "aux",
    "avant", "avec", "avez", "avoir", "avons", "been", "bien", "but", "can", "car", "ceci", "cela",
    "ces", "cet", "cette", "chaque", "chez", "comme", "dans", "depuis", "des", "does", "doit",
    "donc", "dont", "elle", "elles", "entre", "est", "etes", "etre", "faire", "fait", "faut",
    "for", "from", "has", "have", "her", "his", "how", "ils", "into", "its", "les", "leur",
    "leurs", "lors", "lui", "mais", "may", "mes", "meme", "moins", "mon", "must", "nos", "not",
    "notre", "nous", "ont", "our", "par", "pas", "peut", "peuvent", "plus", "pour", "pouvez",
    "puis", "quand", "que", "quel", "quelle", "quelles", "quels", "qui", "sans", "ses", "sera",
    "seront", "should", "soit", "son", "sont", "sous", "sur", "ses", "tel", "telle", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "tous", "tout",
    "toute", "toutes", "tres", "une", "upon", "vers", "via", "vos", "votre", "vous", "was", "were",
    "what", "when", "where", "which", "who", "will", "with", "would", "you", "your",
];

/// Letters behind a number in which its unit stands.
const UNIT_LETTERS: usize = 24;

/// Letters of a stem: long enough to tell words apart, short enough to join inflected forms.
const STEM_LETTERS: usize = 6;

/// The words of `text` in order, without those that carry no fact.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let letters: Vec<char> = fold(text).chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if !letters[at].is_alphanumeric() {
            at += 1;
            continue;
        }
        let (word, end) = match amount(&letters, at) {
            Some((number, end)) => (Some(Word::Number(number)), end),
            None => {
                let length = letters[at..].iter().take_while(|letter| letter.is_alphanumeric());
                let end = at + length.count();
                (classify(&letters[at..end].iter().collect::<String>()), end)
            }
        };
        found.extend(word);
        at = end;
    }
    found
}

/// A number that starts at `at`, with the position after it: groups of thousands are joined and
/// trailing zeros of decimals dropped, so that `1 500`, `1.500,00` and `1500` are one number.
/// Digits that belong to a word or a reference (`E-403`, `MP18`) are not amounts.
fn amount(letters: &[char], at: usize) -> Option<(String, usize)> {
    let before = at.checked_sub(1).and_then(|before| letters.get(before));
    if before.is_some_and(|before| matches!(before, '-' | '/')) {
        return None;
    }
    let (mut digits, mut end) = digit_run(letters, at)?;
    let leading = digits.len();
    while let Some((group, after)) = separated(letters, end, &[' ', '.', ',']) {
        if leading > 3 || digits == "0" || group.len() != 3 {
            break;
        }
        digits.push_str(&group);
        end = after;
    }
    let mut decimals = String::new();
    if let Some((fraction, after)) = separated(letters, end, &[',', '.']) {
        decimals = fraction.trim_end_matches('0').to_string();
        end = after;
    }
    if letters.get(end).is_some_and(|next| next.is_alphabetic()) {
        return None;
    }
    let whole = digits.trim_start_matches('0');
    let separator = if decimals.is_empty() { "" } else { "," };
    Some((format!("{whole}{separator}{decimals}"), end))
}

/// The numbers of `text` that are amounts, written one way, each with what follows it, folded.
pub(crate) fn amount_of(text: &str) -> Vec<(String, String)> {
    let letters: Vec<char> = fold(text).chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if !letters[at].is_alphanumeric() {
            at += 1;
            continue;
        }
        if let Some((number, end)) = amount(&letters, at) {
            found.push((number, letters[end..].iter().take(UNIT_LETTERS).collect()));
            at = end;
        } else {
            at += letters[at..].iter().take_while(|letter| letter.is_alphanumeric()).count();
        }
    }
    found
}

/// All the words of `text` in order, folded; those before an apostrophe are words of their own.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let folded = fold(text);
    let split = folded.split(|letter: char| !letter.is_alphanumeric());
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The ASCII digits from `at` on; `None` when there is none.
fn digit_run(letters: &[char], at: usize) -> Option<(String, usize)> {
    let digits: String =
        letters.get(at..)?.iter().take_while(|letter| letter.is_ascii_digit()).collect();
    let end = at + digits.len();
    (!digits.is_empty()).then_some((digits, end))
}

/// One of `separators` at `at`, then digits.
fn separated(letters: &[char], at: usize, separators: &[char]) -> Option<(String, usize)> {
    letters.get(at).filter(|letter| separators.contains(letter))?;
    digit_run(letters, at + 1)
}

/// Lower case without accents.
pub(crate) fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|letter| !unicode_normalization::char::is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .collect()
}

fn classify(word: &str) -> Option<Word> {
    if word.chars().any(|letter| letter.is_ascii_digit()) {
        return Some(Word::Number(word.trim_start_matches('0').to_string()));
    }
    if word.chars().count() < 3 || STOP_WORDS.contains(&word) {
        return None;
    }
    let stem = word.strip_suffix(['s', 'x']).unwrap_or(word);
    Some(Word::Content(stem.chars().take(STEM_LETTERS).collect()))
}

#[cfg(test)]
mod tests {
    use super::{Word, words};

    fn content(stem: &str) -> Word {
        Word::Content(stem.to_string())
    }

    fn number(digits: &str) -> Word {
        Word::Number(digits.to_string())
    }

    #[track_caller]
    fn check(text: &str, expected: &[Word]) {
        assert_eq!(words(text), expected);
    }

    #[test]
    fn inflected_and_accented_forms_meet() {
        check("La LOCATION des nacelles", &[content("locati"), content("nacell")]);
        check("l'état d’une location", &[content("etat"), content("locati")]);
    }

    #[test]
    fn amounts_are_one_number_however_they_are_written() {
        for written in ["2 500 €", "2\u{202f}500 €", "2500 €", "2.500,00 €", "2500.00 €"]
        {
            check(written, &[number("2500")]);
        }
        check("159,60 € et 0,5 t", &[number("159,6"), number(",5")]);
        check("1 234 567", &[number("1234567")]);
        check("de 3 a 12 150", &[number("3"), number("12150")]);
    }

    #[test]
    fn references_are_no_amounts() {
        check("NA-12 150 €", &[number("12"), number("150")]);
        check("MP18 500", &[number("mp18"), number("500")]);
    }

    #[test]
    fn numbers_are_kept_exact() {
        check(
            "caution de 1500 €, code E-403",
            &[content("cautio"), number("1500"), content("code"), number("403")],
        );
        check("le 05/03", &[number("5"), number("3")]);
    }
}
