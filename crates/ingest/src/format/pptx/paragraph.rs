//! Builds the paragraphs of a shape and numbers them.

use quick_xml::events::BytesStart;

use crate::format::flow::Paragraph;
use crate::format::numeral::Numeral;
use crate::format::xml::attribute;

/// Levels of a list. Source: ECMA-376 part 1, 21.1.2.2.7: 0 to 8.
const LEVELS: usize = 9;

/// A paragraph that is open.
#[derive(Default)]
pub(super) struct OpenParagraph {
    text: String,
    level: usize,
    bullet: Bullet,
}

/// How a paragraph is set off.
#[derive(Default, Clone)]
enum Bullet {
    /// As its placeholder says.
    #[default]
    Inherited,
    None,
    Sign,
    /// Counted in this way, between these two texts, from this number.
    Number(Numeral, &'static str, &'static str, u32),
}

impl OpenParagraph {
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Reads one of the properties of the paragraph.
    pub(super) fn describe(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "pPr" => {
                let level = attribute(tag, "lvl").and_then(|v| v.trim().parse().ok());
                self.level = level.unwrap_or(0).min(LEVELS - 1);
            }
            "buNone" => self.bullet = Bullet::None,
            "buChar" | "buBlip" => self.bullet = Bullet::Sign,
            "buAutoNum" => {
                let kind = attribute(tag, "type").unwrap_or_default();
                let start = attribute(tag, "startAt").and_then(|v| v.trim().parse().ok());
                let numeral = numeral(&kind);
                let (before, after) = match () {
                    () if kind.ends_with("ParenBoth") => ("(", ")"),
                    () if kind.ends_with("ParenR") => ("", ")"),
                    () if kind.ends_with("Plain") => ("", ""),
                    () => ("", "."),
                };
                self.bullet = Bullet::Number(numeral, before, after, start.unwrap_or(1));
            }
            _ => {}
        }
    }
}

/// How far the numbered paragraphs of a shape have counted, by level.
#[derive(Default)]
pub(super) struct Counters([Option<u32>; LEVELS]);

impl Counters {
    /// Ends a paragraph. `is_list` says whether the placeholder sets its paragraphs off.
    pub(super) fn finish(&mut self, open: OpenParagraph, is_list: bool) -> Option<Paragraph> {
        if open.text.trim().is_empty() {
            return None;
        }
        let level = open.level;
        self.0[level + 1..].fill(None);
        let marker = match open.bullet {
            Bullet::Number(numeral, before, after, start) => {
                let number = self.0[level].map_or(start, |last| last.saturating_add(1));
                self.0[level] = Some(number);
                Some(format!("{before}{}{after} ", numeral.write(number)))
            }
            Bullet::Sign => Some("- ".to_owned()),
            Bullet::Inherited if is_list => Some("- ".to_owned()),
            Bullet::Inherited | Bullet::None => None,
        };
        Some(Paragraph { text: open.text, marker, ..Paragraph::default() })
    }
}

/// Source: ECMA-376 part 1, 20.1.10.61.
fn numeral(kind: &str) -> Numeral {
    let known = [
        ("alphaLc", Numeral::LowerLetters),
        ("alphaUc", Numeral::UpperLetters),
        ("romanLc", Numeral::LowerRoman),
        ("romanUc", Numeral::UpperRoman),
    ];
    let found = known.iter().find(|(prefix, _)| kind.starts_with(prefix));
    found.map_or(Numeral::Figures, |(_, numeral)| *numeral)
}
