//! Tells figures and dates from words.

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Words, or nothing that is known.
    Text,
    /// A number, with or without a unit of money or a percent sign.
    Number,
    /// A date or a time.
    Date,
}

/// The longest number or date, in bytes.
const MAX_FIGURE_BYTES: usize = 40;

impl Kind {
    /// What `text` looks like.
    pub(crate) fn of(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_FIGURE_BYTES {
            Self::Text
        } else if is_date(text) {
            Self::Date
        } else if is_number(text) {
            Self::Number
        } else {
            Self::Text
        }
    }
}

/// `12/03/2026`, `2026-03-12`, `12.3.26`, each with or without a time.
fn is_date(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or_default();
    let time = &text[day.len()..];
    let is_time = time.chars().skip(1).all(|c| c.is_ascii_digit() || ":.+-Zh".contains(c));
    ['/', '-', '.'].iter().any(|mark| {
        let parts: Vec<&str> = day.split(*mark).collect();
        let figures =
            |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        parts.len() == 3
            && parts.iter().all(figures)
            && is_time
            && matches!(lengths[..], [1 | 2, 1 | 2, 2 | 4] | [4, 2, 2])
    })
}

/// Figures with separators, a sign, a unit of money or a percent sign; `1,2E+05` too.
fn is_number(text: &str) -> bool {
    let signs = |c: char| c.is_whitespace() || "+-−()€$£%".contains(c);
    let mut core = text.trim_matches(signs);
    for unit in ["EUR", "USD", "GBP", "CHF", "HT", "TTC"] {
        core = core.strip_prefix(unit).or_else(|| core.strip_suffix(unit)).unwrap_or(core);
        core = core.trim_matches(signs);
    }
    let (mantissa, exponent) = core.split_once(['e', 'E']).unwrap_or((core, "0"));
    let figures = mantissa.bytes().filter(u8::is_ascii_digit).count();
    figures > 0
        && mantissa.starts_with(|c: char| c.is_ascii_digit() || c == ',' || c == '.')
        && mantissa.chars().all(|c| c.is_ascii_digit() || c.is_whitespace() || ",.'’".contains(c))
        && !exponent.is_empty()
        && exponent.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests;
