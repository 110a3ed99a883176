//! Reads the styles of a DOCX: which ones are headings, and which are numbered.

use std::collections::HashMap;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml, attribute, number};

/// Styles can be based on one another, in circles too; chains are followed this far.
const MAX_CHAIN: usize = 20;

/// The styles of a document, by id.
#[derive(Debug, Default)]
pub(super) struct Styles(HashMap<String, Style>);

#[derive(Debug, Default)]
struct Style {
    name: String,
    based_on: Option<String>,
    outline: Option<u32>,
    list: Option<u32>,
    level: Option<u32>,
}

/// What a style says about a paragraph.
#[derive(Debug, Default, PartialEq)]
pub(super) struct StyleFacts {
    /// Level of the heading, from 1.
    pub(super) heading: Option<u8>,
    /// List and level within it, as in `numPr`.
    pub(super) list: Option<(u32, u32)>,
    /// Whether it is an entry of a table of contents.
    pub(super) is_contents: bool,
}

impl Styles {
    /// What the style called `id`, and those it is based on, say.
    pub(super) fn facts(&self, id: &str) -> StyleFacts {
        let mut facts = StyleFacts::default();
        let mut outline = None;
        let (mut list, mut level) = (None, None);
        let mut next = Some(id);
        for _ in 0..MAX_CHAIN {
            let Some(style) = next.and_then(|id| self.0.get(id)) else { break };
            facts.is_contents |= is_contents(&style.name);
            facts.heading = facts.heading.or_else(|| heading_level(&style.name));
            outline = outline.or(style.outline);
            list = list.or(style.list);
            level = level.or(style.level);
            next = style.based_on.as_deref();
        }
        if self.0.is_empty() {
            facts.heading = heading_level(id);
        }
        facts.heading = outline_level(outline).or(facts.heading);
        facts.list = list.filter(|list| *list > 0).map(|list| (list, level.unwrap_or(0)));
        facts
    }
}

/// The level of heading that an outline level stands for; 9 means body text.
/// Source: ECMA-376 part 1, 17.3.1.20.
pub(super) fn outline_level(outline: Option<u32>) -> Option<u8> {
    outline.filter(|level| *level < 9).map(|level| (level as u8 + 1).min(6))
}

/// Reads `word/styles.xml`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Styles, IngestError> {
    let mut styles = Styles::default();
    let mut open: Option<(String, Style)> = None;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => {
                let name = tag.local_name();
                if name.as_ref() == "style" {
                    open = attribute(&tag, "styleId").map(|id| (id, Style::default()));
                }
                let Some((_, style)) = &mut open else { continue };
                match name.as_ref() {
                    "name" => style.name = attribute(&tag, "val").unwrap_or_default(),
                    "basedOn" => style.based_on = attribute(&tag, "val"),
                    "outlineLvl" => style.outline = number(&tag),
                    "numId" => style.list = number(&tag),
                    "ilvl" => style.level = number(&tag),
                    _ => {}
                }
            }
            Step::Close(name) if name == "style" => styles.0.extend(open.take()),
            Step::Close(_) | Step::Text(_) => {}
        }
    }
    Ok(styles)
}

/// The level that a style's name gives: Word stores its own names in English, other programs in
/// the author's language.
fn heading_level(name: &str) -> Option<u8> {
    let name = name.trim().to_lowercase();
    if matches!(name.as_str(), "title" | "titre" | "titel" | "título" | "titolo") {
        return Some(1);
    }
    let words = ["heading", "titre", "überschrift", "encabezado", "título", "titolo", "kop"];
    let rest = words.iter().find_map(|word| name.strip_prefix(word))?;
    let level: u8 = rest.trim().parse().ok()?;
    (1..=9).contains(&level).then(|| level.min(6))
}

fn is_contents(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    let rest = ["toc ", "tm "].iter().find_map(|word| name.strip_prefix(word));
    rest.is_some_and(|rest| rest.trim().parse::<u8>().is_ok())
}
