//! Reads the styles of an OpenDocument: what is hidden or bold, and how lists count.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::list::{LEVELS, Level};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::numeral::Numeral;
use crate::format::xml::{Step, Xml, attribute};

/// Styles can have one another as parents, in circles too; chains are followed this far.
const MAX_CHAIN: usize = 20;

/// The styles of a document.
#[derive(Debug, Default)]
pub(in crate::format) struct Styles {
    /// By family and name.
    styles: HashMap<(String, String), Style>,
    pub(super) lists: HashMap<String, [Level; LEVELS]>,
    /// How headings are numbered.
    pub(super) outline: [Level; LEVELS],
}

#[derive(Debug, Default)]
struct Style {
    parent: Option<String>,
    hidden: Option<bool>,
    bold: Option<bool>,
    list: Option<String>,
    level: Option<u8>,
}

impl Styles {
    /// The first answer along the chain of parents.
    fn find<'s, T>(
        &'s self,
        family: &str,
        name: &str,
        of: impl Fn(&'s Style) -> Option<T>,
    ) -> Option<T> {
        let mut name = name.to_owned();
        for _ in 0..MAX_CHAIN {
            let style = self.styles.get(&(family.to_owned(), name))?;
            if let Some(found) = of(style) {
                return Some(found);
            }
            name = style.parent.clone()?;
        }
        None
    }

    /// Whether text, a table or a slide in this style is not shown.
    pub(in crate::format) fn is_hidden(&self, family: &str, name: &str) -> bool {
        self.find(family, name, |style| style.hidden).unwrap_or(false)
    }

    /// Whether text or a cell in this style is bold.
    pub(in crate::format) fn is_bold(&self, family: &str, name: &str) -> bool {
        self.find(family, name, |style| style.bold).unwrap_or(false)
    }

    /// The level of heading that a paragraph's style stands for.
    pub(super) fn heading(&self, name: &str) -> Option<u8> {
        self.find("paragraph", name, |style| style.level)
    }

    /// The list style of a paragraph's style.
    pub(super) fn list_of(&self, name: &str) -> Option<&str> {
        self.find("paragraph", name, |style| style.list.as_deref())
    }

    /// Adds the styles of `source`, a `styles.xml` or `content.xml`.
    ///
    /// # Errors
    /// Those of [`Xml::next`].
    pub(super) fn read(&mut self, source: &str, builder: &Builder<'_>) -> Result<(), IngestError> {
        let mut xml = Xml::new(source, builder);
        let mut open: Option<((String, String), Style)> = None;
        let mut list: Option<String> = None;
        while let Some(step) = xml.next()? {
            match step {
                Step::Open(tag) => match tag.local_name().as_ref() {
                    // The styles stand before the text.
                    "body" => return Ok(()),
                    "style" => open = Some(style_of(&tag)),
                    "list-style" => list = attribute(&tag, "name"),
                    "text-properties" => {
                        if let Some((_, style)) = &mut open {
                            read_text_properties(&tag, style);
                        }
                    }
                    "table-properties" | "drawing-page-properties" => {
                        if let Some((_, style)) = &mut open {
                            let display = attribute(&tag, "display");
                            let visibility = attribute(&tag, "visibility");
                            style.hidden = Some(
                                display.as_deref() == Some("false")
                                    || visibility.as_deref() == Some("hidden"),
                            );
                        }
                    }
                    "outline-level-style" => {
                        let (at, level) = level_of(&tag);
                        self.outline[at] = level;
                    }
                    "list-level-style-number"
                    | "list-level-style-bullet"
                    | "list-level-style-image" => {
                        if let Some(name) = &list {
                            let (at, level) = level_of(&tag);
                            self.lists.entry(name.clone()).or_default()[at] = level;
                        }
                    }
                    _ => {}
                },
                Step::Close(name) => match name.as_str() {
                    "style" => self.styles.extend(open.take()),
                    "list-style" => list = None,
                    _ => {}
                },
                Step::Text(_) => {}
            }
        }
        Ok(())
    }
}

fn style_of(tag: &BytesStart<'_>) -> ((String, String), Style) {
    let family = attribute(tag, "family").unwrap_or_default();
    let name = attribute(tag, "name").unwrap_or_default();
    let level = attribute(tag, "default-outline-level").and_then(|v| v.trim().parse().ok());
    let style = Style {
        parent: attribute(tag, "parent-style-name"),
        list: attribute(tag, "list-style-name").filter(|name| !name.is_empty()),
        level: level.filter(|level| *level > 0),
        ..Style::default()
    };
    ((family, name), style)
}

fn read_text_properties(tag: &BytesStart<'_>, style: &mut Style) {
    if let Some(display) = attribute(tag, "display") {
        style.hidden = Some(display == "none");
    }
    if let Some(weight) = attribute(tag, "font-weight") {
        let number = weight.parse::<u32>().ok();
        style.bold = Some(weight == "bold" || number.is_some_and(|number| number >= 600));
    }
}

/// The level, from 0, that an element describes.
fn level_of(tag: &BytesStart<'_>) -> (usize, Level) {
    let number = |name: &str| attribute(tag, name).and_then(|v| v.trim().parse::<u32>().ok());
    let at = (number("level").unwrap_or(1) as usize).clamp(1, LEVELS) - 1;
    let affix = |name| attribute(tag, name).unwrap_or_default().chars().take(20).collect();
    let numeral = match attribute(tag, "num-format").as_deref() {
        Some("1") => Some(Numeral::Figures),
        Some("a") => Some(Numeral::LowerLetters),
        Some("A") => Some(Numeral::UpperLetters),
        Some("i") => Some(Numeral::LowerRoman),
        Some("I") => Some(Numeral::UpperRoman),
        _ => None,
    };
    let level = Level {
        numeral,
        is_bullet: tag.local_name().as_ref() != "list-level-style-number"
            && tag.local_name().as_ref() != "outline-level-style",
        prefix: affix("num-prefix"),
        suffix: affix("num-suffix"),
        shown: number("display-levels").unwrap_or(1) as usize,
        start: number("start-value").unwrap_or(1),
    };
    (at, level)
}
