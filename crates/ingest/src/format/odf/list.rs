//! Numbers the items of lists and the headings of an OpenDocument, which stores the rules only.
//!
//! Source: OpenDocument 1.3 part 3, 5.3 and 16.30 to 16.36.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::styles::Styles;
use crate::format::numeral::Numeral;
use crate::format::xml::attribute;

/// Levels of a list. Source: OpenDocument 1.3 part 3, 19.880.
pub(super) const LEVELS: usize = 10;

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
type Counters = [Option<u32>; LEVELS];

/// The lists that are open, and how far those before them and the headings have counted.
#[derive(Default)]
pub(super) struct Lists {
    /// Innermost last.
    open: Vec<OpenList>,
    /// By style, for lists that go on.
    counted: HashMap<String, Counters>,
    headings: Counters,
}

struct OpenList {
    style: Option<String>,
    counters: Counters,
    /// Whether the first paragraph of the open item is still to come, and its number if it is set.
    pending: Option<Option<u32>>,
}

impl Lists {
    /// Opens a list.
    pub(super) fn open(&mut self, tag: &BytesStart<'_>) {
        let around = self.open.last().and_then(|list| list.style.clone());
        let style = attribute(tag, "style-name").or(around);
        let goes_on = attribute(tag, "continue-numbering").as_deref() == Some("true")
            || attribute(tag, "continue-list").is_some();
        let counters = match (self.open.last(), &style) {
            (Some(outer), _) => outer.counters,
            (None, Some(style)) if goes_on => self.counted.get(style).copied().unwrap_or_default(),
            (None, _) => Counters::default(),
        };
        self.open.push(OpenList { style, counters, pending: None });
    }

    /// Closes the innermost list.
    pub(super) fn close(&mut self) {
        if let Some(list) = self.open.pop()
            && self.open.is_empty()
            && let Some(style) = list.style
        {
            self.counted.insert(style, list.counters);
        }
    }

    /// Opens an item of the innermost list.
    pub(super) fn open_item(&mut self, tag: &BytesStart<'_>) {
        let start = attribute(tag, "start-value").and_then(|v| v.trim().parse().ok());
        if let Some(list) = self.open.last_mut() {
            list.pending = Some(start);
        }
    }

    /// Closes an item of the innermost list.
    pub(super) fn close_item(&mut self) {
        if let Some(list) = self.open.last_mut() {
            list.pending = None;
        }
    }

    /// The marker of the item whose first paragraph, in this style, opens now.
    pub(super) fn marker(&mut self, styles: &Styles, paragraph_style: &str) -> Option<String> {
        let level = self.open.len().checked_sub(1)?;
        let list = self.open.last_mut()?;
        let start = list.pending.take()?;
        let bullets: [Level; LEVELS] = Default::default();
        let named = list.style.as_deref().or_else(|| styles.list_of(paragraph_style));
        let rules = named.and_then(|name| styles.lists.get(name)).unwrap_or(&bullets);
        let marker = next_marker(rules, &mut list.counters, level, start);
        // What a level counts, the levels around it show.
        let counters = list.counters;
        for outer in &mut self.open[..level] {
            outer.counters = counters;
        }
        Some(marker)
    }

    /// The number of the next heading of `level`, from 1, where headings are numbered.
    pub(super) fn heading(&mut self, styles: &Styles, level: u8) -> Option<String> {
        let is_numbered = styles.outline.iter().any(|level| level.numeral.is_some());
        let at = usize::from(level.max(1) - 1);
        is_numbered.then(|| next_marker(&styles.outline, &mut self.headings, at, None))
    }
}

/// Counts an item at `level`, from 0, and answers its marker with a space behind; empty for
/// levels that show none. `start` sets the number.
fn next_marker(
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
