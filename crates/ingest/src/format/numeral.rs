//! Writes the numbers of lists: figures, letters and Roman numerals.

/// How a number is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Numeral {
    /// 1, 2, 3.
    #[default]
    Figures,
    /// 01, 02, 03.
    TwoFigures,
    /// a, b, c.
    LowerLetters,
    /// A, B, C.
    UpperLetters,
    /// i, ii, iii.
    LowerRoman,
    /// I, II, III.
    UpperRoman,
}

impl Numeral {
    /// `value` written this way.
    pub(crate) fn write(self, value: u32) -> String {
        match self {
            Self::Figures => value.to_string(),
            Self::TwoFigures => format!("{value:02}"),
            Self::LowerLetters => letters(value),
            Self::UpperLetters => letters(value).to_uppercase(),
            Self::LowerRoman => roman(value),
            Self::UpperRoman => roman(value).to_uppercase(),
        }
    }
}

/// a … z, then aa, bb … as office programs count; beyond 26 letters, figures.
fn letters(value: u32) -> String {
    if value == 0 || value > 26 * 26 {
        return value.to_string();
    }
    let letter = (b'a' + ((value - 1) % 26) as u8) as char;
    letter.to_string().repeat(((value - 1) / 26 + 1) as usize)
}

fn roman(value: u32) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    if value == 0 || value >= 4000 {
        return value.to_string();
    }
    let mut rest = value;
    let mut out = String::new();
    for (worth, digit) in DIGITS {
        while rest >= worth {
            out.push_str(digit);
            rest -= worth;
        }
    }
    out
}

#[cfg(test)]
mod tests;
