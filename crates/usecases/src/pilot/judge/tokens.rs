//! Compares texts as people do: without case and accents, and numbers as numbers.
//!
//! A text becomes a row of words, numbers and signs. `1 234,50 €`, `1.234,50 EUR`, `€1,234.50` and
//! `1234.5 euros` are the same row. A number such as `1,234` has two readings, the French and the
//! English, and is taken for either.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A word, a number or a sign of a text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// Its readings, two at most, as decimals in one form: exact, because a number may be an order's
    /// or an account's, of which each digit counts.
    Number(Vec<String>),
    Sign(char),
}

impl Token {
    fn is(&self, other: &Token) -> bool {
        match (self, other) {
            (Token::Number(a), Token::Number(b)) => a.iter().any(|reading| b.contains(reading)),
            (Token::Word(a), Token::Word(b)) => a == b,
            (Token::Sign(a), Token::Sign(b)) => a == b,
            (Token::Word(_) | Token::Number(_) | Token::Sign(_), _) => false,
        }
    }
}

/// A text as a row of tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tokens(Vec<Token>);

/// Whether a text has anything to look for.
pub(in crate::pilot) fn has_tokens(text: &str) -> bool {
    !Tokens::of(text).is_empty()
}

/// Without case, accents and ligatures.
fn folded(text: &str) -> String {
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    let mut folded = String::with_capacity(text.len());
    for c in plain {
        match c {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            '\u{2044}' => folded.push('/'),
            '\u{2212}' | '\u{2010}' | '\u{2011}' => folded.push('-'),
            '\u{2019}' | '\u{2bc}' => folded.push('\''),
            c => folded.push(c),
        }
    }
    folded
}

impl Tokens {
    /// Takes `text` apart.
    pub(super) fn of(text: &str) -> Self {
        let chars: Vec<char> = folded(text).chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(c) = chars.get(at) {
            if c.is_ascii_digit() {
                let is_negative = at > 0
                    && chars[at - 1] == '-'
                    && !at.checked_sub(2).is_some_and(|before| chars[before].is_alphanumeric());
                let (readings, end) = number(&chars, at);
                let sign = if is_negative { "-" } else { "" };
                let signed = readings.iter().map(|value| format!("{sign}{value}"));
                tokens.push(Token::Number(signed.collect()));
                at = end;
            } else if c.is_alphanumeric() {
                let rest = &chars[at..];
                let length = rest.iter().take_while(|c| c.is_alphanumeric()).count();
                tokens.push(word(rest[..length].iter().collect()));
                at += length;
            } else {
                if matches!(c, '%' | '€' | '$' | '£') {
                    tokens.push(Token::Sign(*c));
                }
                at += 1;
            }
        }
        Self(after_number(tokens))
    }

    /// Whether `text` occurs in it, its tokens one after another. What has no token occurs nowhere.
    pub(super) fn has(&self, text: &str) -> bool {
        let wanted = Self::of(text).0;
        !wanted.is_empty()
            && self
                .0
                .windows(wanted.len())
                .any(|window| window.iter().zip(&wanted).all(|(a, b)| a.is(b)))
    }

    /// Whether there is nothing to compare.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both are the same row.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.is(b))
    }

    /// The readings of a text that is one number, with a currency or a percent sign at most.
    pub(super) fn as_number(&self) -> Option<&[String]> {
        match self.0.as_slice() {
            [Token::Number(readings)] | [Token::Number(readings), Token::Sign(_)] => Some(readings),
            _ => None,
        }
    }

    /// The words and digits without anything between them, for identifiers.
    pub(super) fn squeezed(text: &str) -> String {
        folded(text).chars().filter(|c| c.is_alphanumeric()).collect()
    }
}

/// Currencies have many names; the others are words.
fn word(word: String) -> Token {
    match word.as_str() {
        "euro" | "euros" | "eur" => Token::Sign('€'),
        "dollar" | "dollars" | "usd" => Token::Sign('$'),
        _ => Token::Word(word),
    }
}

/// Puts currency signs after their number, where the English write them before it.
fn after_number(mut tokens: Vec<Token>) -> Vec<Token> {
    for at in 1..tokens.len() {
        let is_before = matches!(tokens[at - 1], Token::Sign('€' | '$' | '£'))
            && matches!(tokens[at], Token::Number(_))
            && !(at >= 2 && matches!(tokens[at - 2], Token::Number(_)));
        if is_before {
            tokens.swap(at - 1, at);
        }
    }
    tokens
}

/// The readings of the number that begins at `start`, and where it ends.
///
/// Groups of three digits may have a space, a point, a comma or an apostrophe before them, the same
/// each time; the last comma or point may be the decimal one.
fn number(chars: &[char], start: usize) -> (Vec<String>, usize) {
    let digits = |from: usize| {
        chars.get(from..).map_or(0, |rest| rest.iter().take_while(|c| c.is_ascii_digit()).count())
    };
    let text = |from: usize, length: usize| chars[from..from + length].iter().collect::<String>();
    let first = digits(start);
    // Within a date, a version or an address, as `2.10.34`: digits and nothing else.
    let is_within = start.checked_sub(2).is_some_and(|before| {
        matches!(chars[start - 1], '.' | ',') && chars[before].is_ascii_digit()
    });
    if is_within {
        return (vec![decimal(&text(start, first), "")], start + first);
    }
    let mut whole = text(start, first);
    let mut at = start + first;
    let mut separator = None;
    let mut groups = 0;
    while (1..=3).contains(&first)
        && let Some(c) = chars.get(at).filter(|c| matches!(c, ' ' | '.' | ',' | '\''))
        && separator.is_none_or(|known| known == *c)
        && digits(at + 1) == 3
    {
        separator = Some(*c);
        groups += 1;
        whole.push_str(&text(at + 1, 3));
        at += 4;
    }
    let is_decimal = |c: &&char| matches!(c, '.' | ',') && separator != Some(**c);
    let mut decimals = String::new();
    if let Some(c) = chars.get(at).filter(is_decimal) {
        let count = digits(at + 1);
        // A date or a version has another point or comma after it.
        let goes_on = chars.get(at + 1 + count) == Some(c) && digits(at + 2 + count) > 0;
        if count > 0 && !goes_on {
            decimals = text(at + 1, count);
            at += 1 + count;
        }
    }
    let mut readings = vec![decimal(&whole, &decimals)];
    if groups == 1 && decimals.is_empty() && matches!(separator, Some('.' | ',')) {
        let (before, after) = whole.split_at(first);
        readings.push(decimal(before, after));
    }
    (readings, at)
}

/// The one form of a decimal: no zeros that say nothing.
fn decimal(whole: &str, decimals: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match decimals.trim_end_matches('0') {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    }
}
