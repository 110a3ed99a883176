//! Numbers the paragraphs of a DOCX, which stores the rules and not the numbers.
//!
//! Source: ECMA-376 part 1, 17.9.

use std::collections::HashMap;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::numeral::Numeral;
use crate::format::xml::{Step, Xml, attribute, number};

/// Levels of a list. Source: ECMA-376 part 1, 17.9.6.
const LEVELS: usize = 9;

/// The rules of all lists and how far each has counted.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Levels of each abstract list.
    rules: HashMap<u32, [Level; LEVELS]>,
    /// The abstract list that each list follows.
    lists: HashMap<u32, u32>,
    /// Last numbers, by abstract list: lists that share one go on counting.
    counters: HashMap<u32, [Option<u32>; LEVELS]>,
}

#[derive(Debug, Clone, Default)]
struct Level {
    format: String,
    text: String,
    start: Option<u32>,
}

impl Numbering {
    /// The marker of the next paragraph of `list` at `level`, with a space behind. A list that is
    /// not described has bullets; one whose numbers are not shown has no marker.
    pub(super) fn marker(&mut self, list: u32, level: u32) -> String {
        let level = (level as usize).min(LEVELS - 1);
        let rule = self.lists.get(&list).copied();
        let Some((id, levels)) = rule.and_then(|id| Some((id, self.rules.get(&id)?))) else {
            return "- ".to_owned();
        };
        if matches!(levels[level].format.as_str(), "bullet" | "") {
            return "- ".to_owned();
        }
        let counters = self.counters.entry(id).or_default();
        let first = levels[level].start.unwrap_or(1);
        counters[level] = Some(counters[level].map_or(first, |last| last.saturating_add(1)));
        counters[level + 1..].fill(None);
        if levels[level].format == "none" {
            return String::new();
        }
        let mut text = levels[level].text.clone();
        for at in 0..=level {
            let shown = counters[at].unwrap_or_else(|| levels[at].start.unwrap_or(1));
            text = text.replace(&format!("%{}", at + 1), &numeral(&levels[at].format).write(shown));
        }
        if text.trim().is_empty() { String::new() } else { format!("{} ", text.trim()) }
    }
}

/// Reads `word/numbering.xml`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Numbering, IngestError> {
    let mut numbering = Numbering::default();
    // Within `num`, levels are overrides, which are left aside.
    let mut rule = None;
    let mut list = 0;
    let mut level = None;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        let Step::Open(tag) = step else { continue };
        let id = |name| attribute(&tag, name).and_then(|v| v.trim().parse::<u32>().ok());
        match tag.local_name().as_ref() {
            "abstractNum" => rule = id("abstractNumId"),
            "num" => {
                list = id("numId").unwrap_or(0);
                rule = None;
            }
            "abstractNumId" => {
                numbering.lists.insert(list, number(&tag).unwrap_or(0));
            }
            "lvl" => level = id("ilvl").map(|at| at as usize).filter(|at| *at < LEVELS),
            name @ ("numFmt" | "lvlText" | "start") => {
                let Some((rule, at)) = rule.zip(level) else { continue };
                let level = &mut numbering.rules.entry(rule).or_default()[at];
                match name {
                    "numFmt" => level.format = attribute(&tag, "val").unwrap_or_default(),
                    "lvlText" => {
                        let text = attribute(&tag, "val").unwrap_or_default();
                        level.text = text.chars().take(80).collect();
                    }
                    _ => level.start = number(&tag),
                }
            }
            _ => {}
        }
    }
    Ok(numbering)
}

/// How a number format of the specification writes; those not known count in figures.
fn numeral(format: &str) -> Numeral {
    match format {
        "lowerLetter" => Numeral::LowerLetters,
        "upperLetter" => Numeral::UpperLetters,
        "lowerRoman" => Numeral::LowerRoman,
        "upperRoman" => Numeral::UpperRoman,
        "decimalZero" => Numeral::TwoFigures,
        _ => Numeral::Figures,
    }
}
