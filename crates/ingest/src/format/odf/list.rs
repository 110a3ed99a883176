//! Numbers the items of lists and the headings of an OpenDocument, which stores the rules only.
//!
//! Source: OpenDocument 1.3 part 3, 5.3 and 16.30 to 16.36.

/// Levels of a list. Source: OpenDocument 1.3 part 3, 19.880.
pub(super) const LEVELS: usize = 10;

use crate::format::numeral::Numeral;

/// How one level of a list is numbered.
#[derive(Debug, Clone)]
pub(in crate::format) struct Level {
    /// `None`: no number is shown.
    pub(super) numeral: Option<Numeral>,
    pub(super) is_bullet: bool,
    pub(super) prefix: String,
    pub(super) suffix: String,
    /// How many levels are shown: `1.2` shows two.
    pub(super) shown: usize,
    pub(super) start: u32,
}

impl Default for Level {
    fn default() -> Self {
        Self {
            numeral: None,
            is_bullet: true,
            prefix: String::new(),
            suffix: String::new(),
            shown: 1,
            start: 1,
        }
    }
}

/// How far the levels of a list have counted.
pub(super) type Counters = [Option<u32>; LEVELS];

/// Counts an item at `level`, from 0, and answers its marker with a space behind; empty for
/// levels that show none. `start` sets the number.
pub(super) fn next_marker(
    rules: &[Level; LEVELS],
    counters: &mut Counters,
    level: usize,
    start: Option<u32>,
) -> String {
    let level = level.min(LEVELS - 1);
    let rule = &rules[level];
    let next = counters[level].map_or(rule.start, |last| last.saturating_add(1));
    counters[level] = Some(start.unwrap_or(next));
    counters[level + 1..].fill(None);
    if rule.is_bullet {
        return "- ".to_owned();
    }
    if rule.numeral.is_none() {
        return String::new();
    }
    let first = (level + 1).saturating_sub(rule.shown.clamp(1, LEVELS));
    let numbers: Vec<String> = (first..=level)
        .filter_map(|at| {
            let numeral = rules[at].numeral?;
            Some(numeral.write(counters[at].unwrap_or(rules[at].start)))
        })
        .collect();
    format!("{}{}{} ", rule.prefix, numbers.join("."), rule.suffix)
}
