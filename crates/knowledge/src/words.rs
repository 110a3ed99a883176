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

/// Letters of a stem: long enough to tell words apart, short enough to join inflected forms.
const STEM_LETTERS: usize = 6;

/// The words of `text` in order, without those that carry no fact.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let folded: String = fold(text);
    folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .filter_map(classify)
        .collect()
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
    fn numbers_are_kept_exact() {
        check("caution de 1500 €, code E-403", &[
            content("cautio"),
            number("1500"),
            content("code"),
            number("403"),
        ]);
        check("le 05/03", &[number("5"), number("3")]);
    }
}
