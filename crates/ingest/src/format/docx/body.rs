//! Reads the body of a DOCX, or one of its headers or footers, into paragraphs and tables.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::numbering::Numbering;
use super::styles::{Styles, outline_level};
use super::table::OpenTable;
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, Paragraph};
use crate::format::xml::{Step, Xml, attribute, is_on, number};

/// What the other parts of the document say.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) styles: Styles,
    pub(super) numbering: Numbering,
    /// Texts of the notes, by kind and id; each is taken where it is referred to.
    pub(super) notes: HashMap<(String, String), String>,
}

/// Reads `source`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(
    source: &str,
    builder: &Builder<'_>,
    context: &mut Context,
) -> Result<Vec<Item>, IngestError> {
    let mut reader = Reader {
        context,
        sinks: vec![Vec::new()],
        tables: Vec::new(),
        paragraphs: Vec::new(),
        properties: Properties::None,
        in_text: false,
        is_hidden: false,
        shows_prompt: false,
        skipped_from: None,
    };
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => {
                if reader.skipped_from.is_some() {
                    continue;
                }
                if reader.is_skipped(&tag) {
                    reader.skipped_from = Some(xml.depth());
                } else {
                    reader.open(&tag);
                }
            }
            Step::Close(name) => match reader.skipped_from {
                // The depth was counted down before the element was reported as closed.
                Some(depth) if xml.depth() + 1 == depth => reader.skipped_from = None,
                Some(_) => {}
                None => reader.close(&name),
            },
            Step::Text(text) => {
                if reader.in_text && !reader.is_hidden && reader.skipped_from.is_none() {
                    reader.push_text(&text);
                }
            }
        }
    }
    Ok(reader.sinks.into_iter().next().unwrap_or_default())
}

/// Whose properties are being read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Properties {
    None,
    Paragraph,
    Run,
    Row,
}

struct Reader<'c> {
    context: &'c mut Context,
    /// Where items go: the body, then the cells that are open, innermost last.
    sinks: Vec<Vec<Item>>,
    /// The tables that are open, innermost last.
    tables: Vec<OpenTable>,
    /// The paragraphs that are open: a text box stands within a paragraph.
    paragraphs: Vec<OpenParagraph>,
    properties: Properties,
    in_text: bool,
    /// Whether the open run is hidden.
    is_hidden: bool,
    /// Whether the content of the form field that opened is its prompt.
    shows_prompt: bool,
    /// Depth of the element that is left out with all below it.
    skipped_from: Option<u32>,
}

#[derive(Default)]
struct OpenParagraph {
    paragraph: Paragraph,
    style: Option<String>,
    outline: Option<u32>,
    list: Option<u32>,
    list_level: Option<u32>,
    run_is_bold: bool,
    has_bold: bool,
    has_regular: bool,
}

impl Reader<'_> {
    /// Whether an element is not part of the text: deletions, the former state of a tracked
    /// change, the second copy of a drawing for old programs, tab stops, readings of characters,
    /// prompts of form fields.
    fn is_skipped(&mut self, tag: &BytesStart<'_>) -> bool {
        let name = tag.local_name();
        let name = name.as_ref();
        if name == "del" && self.properties == Properties::Row {
            self.with_table(OpenTable::delete_row);
        }
        // The prompt of an empty form field is not what anybody wrote.
        if name == "sdtContent" && std::mem::take(&mut self.shows_prompt) {
            return true;
        }
        matches!(name, "del" | "moveFrom" | "Fallback" | "instrText" | "tabs" | "rt")
            || name.ends_with("Change")
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "p" => self.paragraphs.push(OpenParagraph::default()),
            "pPr" => self.properties = Properties::Paragraph,
            // Within pPr this describes the mark at the paragraph's end, which nobody sees.
            "rPr" if self.properties == Properties::None => self.properties = Properties::Run,
            "trPr" => self.properties = Properties::Row,
            "r" => {
                self.set_bold(false);
                self.is_hidden = false;
            }
            "vanish" if self.properties == Properties::Run => self.is_hidden = is_on(tag),
            "b" if self.properties == Properties::Run => self.set_bold(is_on(tag)),
            "t" => self.in_text = true,
            "tab" | "ptab" => self.push_text(" "),
            "br" | "cr" => self.push_text("\n"),
            "noBreakHyphen" => self.push_text("-"),
            "pStyle" => self.describe(|p| p.style = attribute(tag, "val")),
            "outlineLvl" => self.describe(|p| p.outline = number(tag)),
            "numId" => self.describe(|p| p.list = number(tag)),
            "ilvl" => self.describe(|p| p.list_level = number(tag)),
            "footnoteReference" => self.refer("footnote", tag),
            "endnoteReference" => self.refer("endnote", tag),
            "tbl" => self.tables.push(OpenTable::default()),
            "tr" => self.with_table(OpenTable::open_row),
            "tblHeader" if is_on(tag) => self.with_table(OpenTable::set_header),
            "gridBefore" => {
                let columns = number(tag).unwrap_or(0);
                self.with_table(|table| table.skip_columns(columns));
            }
            "tc" if !self.tables.is_empty() => {
                self.with_table(OpenTable::open_cell);
                self.sinks.push(Vec::new());
            }
            "gridSpan" => {
                let columns = number(tag).unwrap_or(1);
                self.with_table(|table| table.set_span(columns));
            }
            "vMerge" => {
                let goes_on = attribute(tag, "val").as_deref() != Some("restart");
                self.with_table(|table| table.set_goes_on(goes_on));
            }
            "showingPlcHdr" => self.shows_prompt = is_on(tag),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" => self.close_paragraph(),
            "pPr" | "trPr" => self.properties = Properties::None,
            "rPr" if self.properties == Properties::Run => self.properties = Properties::None,
            "t" => self.in_text = false,
            // The first sink is the body's.
            "tc" if self.sinks.len() > 1 => {
                if let Some(cell) = self.sinks.pop() {
                    self.with_table(|table| table.close_cell(cell));
                }
            }
            "tr" => self.with_table(OpenTable::close_row),
            "tbl" => {
                if let Some(table) = self.tables.pop() {
                    self.push(Item::Table(table.finish()));
                }
            }
            // A prompt stands directly behind what says so.
            "sdt" => self.shows_prompt = false,
            _ => {}
        }
    }

    fn push(&mut self, item: Item) {
        if let Some(sink) = self.sinks.last_mut() {
            sink.push(item);
        }
    }

    fn push_text(&mut self, text: &str) {
        let Some(open) = self.paragraphs.last_mut() else { return };
        open.paragraph.text.push_str(text);
        if !text.trim().is_empty() {
            open.has_bold |= open.run_is_bold;
            open.has_regular |= !open.run_is_bold;
        }
    }

    fn set_bold(&mut self, bold: bool) {
        if let Some(open) = self.paragraphs.last_mut() {
            open.run_is_bold = bold;
        }
    }

    /// Notes a property of the paragraph, when that is whose properties are read.
    fn describe(&mut self, set: impl FnOnce(&mut OpenParagraph)) {
        if self.properties == Properties::Paragraph
            && let Some(open) = self.paragraphs.last_mut()
        {
            set(open);
        }
    }

    fn refer(&mut self, kind: &str, tag: &BytesStart<'_>) {
        let key = (kind.to_owned(), attribute(tag, "id").unwrap_or_default());
        let note = self.context.notes.remove(&key);
        if let Some(open) = self.paragraphs.last_mut() {
            open.paragraph.notes.extend(note);
        }
    }

    fn close_paragraph(&mut self) {
        let Some(open) = self.paragraphs.pop() else { return };
        let mut paragraph = open.paragraph;
        let facts = open.style.map(|id| self.context.styles.facts(&id)).unwrap_or_default();
        if facts.is_contents || paragraph.text.trim().is_empty() {
            return;
        }
        paragraph.bold = open.has_bold && !open.has_regular;
        // A direct outline level of 9 takes a heading's rank away.
        paragraph.level = match open.outline {
            Some(outline) => outline_level(Some(outline)),
            None => facts.heading,
        };
        let list = match (open.list, facts.list) {
            (Some(0), _) | (None, None) => None,
            (Some(list), styled) => {
                Some((list, open.list_level.or(styled.map(|(_, level)| level)).unwrap_or(0)))
            }
            (None, Some((list, level))) => Some((list, open.list_level.unwrap_or(level))),
        };
        paragraph.marker = list.map(|(list, level)| self.context.numbering.marker(list, level));
        self.push(Item::Paragraph(paragraph));
    }

    fn with_table(&mut self, act: impl FnOnce(&mut OpenTable)) {
        if let Some(table) = self.tables.last_mut() {
            act(table);
        }
    }
}
