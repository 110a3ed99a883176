//! Writes the numbers of cells as a person sees them.
//!
//! A workbook keeps numbers and the codes of their formats; separators, the names of months and
//! the order of some dates come from the computer that shows it. Here they come from the language
//! of the workbook's texts: a decimal comma unless that is English. Dates whose day could be taken
//! for their month are written as `2026-03-12`.
//!
//! Source: ECMA-376 part 1, 18.8.30 and 18.8.31.

use std::collections::HashMap;

use ssfmt::{DateSystem, FormatOptions, Locale, NumberFormat};

use crate::format::sheet::Kind;

/// The longest code of a format. Source: Excel's limits.
const MAX_CODE_CHARS: usize = 255;
/// The longest number, formatted; more is a format gone wrong.
const MAX_SHOWN_CHARS: usize = 400;
/// The numbers of days that stand for dates: up to the year 9999.
const MAX_DAYS: f64 = 2_958_466.0;

/// How numbers are written in a workbook.
pub(super) struct Manner {
    options: FormatOptions,
    english: bool,
    french: bool,
    /// Formats that were parsed, by id; `None` for those shown plainly.
    parsed: HashMap<u32, Option<Shown>>,
}

/// A format and what it is for.
struct Shown {
    format: NumberFormat,
    kind: Kind,
}

impl Manner {
    /// The manner of a workbook whose days count from 1904, or else 1900.
    pub(super) fn new(dates_from_1904: bool) -> Self {
        let date_system = if dates_from_1904 { DateSystem::Date1904 } else { DateSystem::Date1900 };
        let options = FormatOptions { date_system, locale: Locale::default() };
        Self { options, english: false, french: false, parsed: HashMap::new() }
    }

    /// Sets the language of the workbook's texts.
    pub(super) fn language(&mut self, code: Option<&str>) {
        self.english = code == Some("en");
        self.french = matches!(code, Some("fr") | None);
        self.options.locale = if self.english { Locale::en_us() } else { continental() };
        self.parsed.clear();
    }

    /// TRUE and FALSE as they are shown.
    pub(super) fn boolean(&self, value: bool) -> &'static str {
        match (self.french, value) {
            (true, true) => "VRAI",
            (true, false) => "FAUX",
            (false, true) => "TRUE",
            (false, false) => "FALSE",
        }
    }

    /// `value` in the format `id`, whose code is `code` unless it is built in.
    pub(super) fn number(&mut self, value: f64, id: u32, code: Option<&str>) -> (String, Kind) {
        if !self.parsed.contains_key(&id) {
            let shown = self.parse(id, code);
            self.parsed.insert(id, shown);
        }
        let plain = || (self.plain(value), Kind::Number);
        let Some(Some(shown)) = self.parsed.get(&id) else { return plain() };
        if shown.kind == Kind::Date && !(0.0..MAX_DAYS).contains(&value) {
            return plain();
        }
        let Ok(text) = shown.format.try_format(value, &self.options) else { return plain() };
        // A format of nothing hides the value, as `;;;` does.
        if text.chars().count() > MAX_SHOWN_CHARS || (text.trim().is_empty() && value != 0.0) {
            return plain();
        }
        (text, shown.kind)
    }

    fn parse(&self, id: u32, code: Option<&str>) -> Option<Shown> {
        let code = match code {
            Some(code) => code,
            None => self.built_in(id)?,
        };
        if code.chars().count() > MAX_CODE_CHARS || is_general(code) {
            return None;
        }
        let format = NumberFormat::parse(code).ok()?;
        if !format.is_date_format() {
            return Some(Shown { format, kind: Kind::Number });
        }
        let code = self.unambiguous(code);
        let format = NumberFormat::parse(&code).ok()?;
        Some(Shown { format, kind: Kind::Date })
    }

    /// The codes that files leave out. Source: ECMA-376 part 1, 18.8.30; 14 and 22 are those of
    /// the computer that shows them.
    fn built_in(&self, id: u32) -> Option<&'static str> {
        let by_day = !self.english;
        Some(match id {
            1 => "0",
            2 => "0.00",
            3 | 37 | 38 => "#,##0",
            4 | 39 | 40 => "#,##0.00",
            9 => "0%",
            10 => "0.00%",
            11 => "0.00E+00",
            12 => "# ?/?",
            13 => "# ??/??",
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 if by_day => "dd/mm/yyyy",
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => "yyyy-mm-dd",
            18..=21 | 32..=35 | 45 | 55 | 56 => "hh:mm:ss",
            22 if by_day => "dd/mm/yyyy hh:mm",
            22 => "yyyy-mm-dd hh:mm",
            41 | 43 | 44 => "#,##0.00",
            42 => "#,##0",
            46 => "[h]:mm:ss",
            47 => "mm:ss.0",
            48 => "##0.0E+0",
            _ => return None,
        })
    }

    /// The code of a date format without what can be misread: years of two figures become four,
    /// and a month before its day, or a name of a month in a language not known here, becomes
    /// `yyyy-mm-dd`.
    fn unambiguous(&self, code: &str) -> String {
        let first = code.split(';').next().unwrap_or(code);
        let parts = date_parts(first);
        let has = |wanted: char| parts.iter().any(|(part, _)| *part == wanted);
        let at = |wanted: char| parts.iter().position(|(part, _)| *part == wanted);
        // An `m` beside hours or seconds stands for minutes.
        let month = parts.iter().enumerate().position(|(at, (part, _))| {
            let before = at.checked_sub(1).map(|before| parts[before].0);
            let after = parts.get(at + 1).map(|(part, _)| *part);
            *part == 'm' && before != Some('h') && after != Some('s')
        });
        let Some(month) = month else { return first.to_owned() };
        let named = parts[month].1 >= 3;
        let named_here = self.french || self.english;
        let time = if has('h') { " hh:mm" } else { "" };
        if has('d') && at('d') > Some(month) && at('y').is_none_or(|year| year > month) && !named {
            return format!("yyyy-mm-dd{time}");
        }
        if named && !named_here {
            return if has('d') { format!("yyyy-mm-dd{time}") } else { "yyyy-mm".to_owned() };
        }
        with_long_years(first)
    }

    /// `value` as it is typed: all of its figures, without separators of thousands.
    fn plain(&self, value: f64) -> String {
        if value == value.trunc() && value.abs() < 1e15 {
            return format!("{value:.0}");
        }
        // Fifteen figures are what spreadsheets keep; the rest is the noise of binary fractions.
        let magnitude = value.abs().log10().floor();
        let text = if (-6.0..15.0).contains(&magnitude) {
            let decimals = (14.0 - magnitude).clamp(0.0, 20.0) as usize;
            let text = format!("{value:.decimals$}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            format!("{value:E}")
        };
        if self.english { text } else { text.replace('.', ",") }
    }
}

/// Whether a number is shown as it was typed. Codes that hold `General` among other parts count
/// too: the parser of formats panics on some of them.
fn is_general(code: &str) -> bool {
    let code = code.trim().to_ascii_lowercase();
    matches!(code.as_str(), "" | "@" | "standard") || code.contains("general")
}

/// The parts of a date's code with their lengths: `d`, `m`, `y`, `h`, `s`; quoted text and what
/// stands in brackets left out.
fn date_parts(code: &str) -> Vec<(char, usize)> {
    let mut parts: Vec<(char, usize)> = Vec::new();
    let mut previous = None;
    for_unquoted(code, |c, _| {
        let part = c.to_ascii_lowercase();
        if "dmyhs".contains(part) {
            match parts.last_mut() {
                Some((last, count)) if *last == part && previous == Some(part) => *count += 1,
                _ => parts.push((part, 1)),
            }
        }
        previous = Some(part);
    });
    parts
}

/// `code` with `yy` written `yyyy`, and a day or month of one figure with two.
fn with_long_years(code: &str) -> String {
    let mut out = String::new();
    let mut run = 0;
    let end = |out: &mut String, run: &mut usize| {
        out.push_str(if *run > 0 { "yyyy" } else { "" });
        *run = 0;
    };
    let mut last = 0;
    for_unquoted(code, |c, at| {
        if c.eq_ignore_ascii_case(&'y') {
            if run == 0 {
                out.push_str(&code[last..at]);
            }
            run += 1;
            last = at + 1;
        } else if run > 0 {
            end(&mut out, &mut run);
            out.push_str(&code[last..at]);
            last = at;
        }
    });
    end(&mut out, &mut run);
    out.push_str(&code[last..]);
    out
}

/// Calls `seen` for each character of `code`, and its place, that is neither quoted nor escaped
/// nor in brackets.
fn for_unquoted(code: &str, mut seen: impl FnMut(char, usize)) {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    for (at, c) in code.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '"' => quoted = !quoted,
            '\\' | '_' | '*' if !quoted => escaped = true,
            '[' if !quoted => bracketed = true,
            ']' if !quoted => bracketed = false,
            _ if !quoted && !bracketed => seen(c, at),
            _ => {}
        }
    }
}

/// Decimal comma, thousands apart by a no-break space, French names.
fn continental() -> Locale {
    Locale {
        decimal_separator: ',',
        thousands_separator: '\u{a0}',
        currency_symbol: "€",
        month_names_short: [
            "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.",
            "nov.", "déc.",
        ],
        month_names_full: [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        day_names_short: ["dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."],
        day_names_full: ["dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"],
        ..Locale::en_us()
    }
}

#[cfg(test)]
mod tests;
