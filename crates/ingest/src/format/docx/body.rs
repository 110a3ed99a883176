//! Reads the body of a DOCX, or one of its headers or footers, into paragraphs and tables.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::numbering::Numbering;
use super::styles::{Styles, outline_level};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, Paragraph, Row};
use crate::format::xml::{Step, Xml, attribute, is_on, number};

/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;
/// Columns that a cell may span.
const MAX_SPAN: u32 = 63;

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
                if reader.in_text && reader.skipped_from.is_none() {
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
    /// Depth of the element that is left out with all below it.
    skipped_from: Option<u32>,
}

#[derive(Default)]
struct OpenTable {
    rows: Vec<Row>,
    /// Whether the open row is a tracked deletion.
    row_is_deleted: bool,
    span: u32,
    goes_on: bool,
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
    /// change, the second copy of a drawing for old programs, tab stops.
    fn is_skipped(&mut self, tag: &BytesStart<'_>) -> bool {
        let name = tag.local_name();
        if name.as_ref() == "del"
            && self.properties == Properties::Row
            && let Some(table) = self.tables.last_mut()
        {
            table.row_is_deleted = true;
        }
        matches!(name.as_ref(), "del" | "moveFrom" | "Fallback" | "instrText" | "tabs")
            || name.as_ref().ends_with("Change")
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "p" => self.paragraphs.push(OpenParagraph::default()),
            "pPr" => self.properties = Properties::Paragraph,
            // Within pPr this describes the mark at the paragraph's end, which nobody sees.
            "rPr" if self.properties == Properties::None => self.properties = Properties::Run,
            "trPr" => self.properties = Properties::Row,
            "r" => self.set_bold(false),
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
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.rows.push(Row::default());
                    table.row_is_deleted = false;
                }
            }
            "tblHeader" if is_on(tag) => {
                if let Some(row) = self.tables.last_mut().and_then(|t| t.rows.last_mut()) {
                    row.header = true;
                }
            }
            "tc" => self.open_cell(),
            "gridSpan" => {
                if let Some(table) = self.tables.last_mut() {
                    table.span = number(tag).unwrap_or(1).saturating_sub(1).min(MAX_SPAN);
                }
            }
            "vMerge" => {
                if let Some(table) = self.tables.last_mut() {
                    table.goes_on = attribute(tag, "val").as_deref() != Some("restart");
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" => self.close_paragraph(),
            "pPr" | "trPr" => self.properties = Properties::None,
            "rPr" if self.properties == Properties::Run => self.properties = Properties::None,
            "t" => self.in_text = false,
            "tc" => self.close_cell(),
            "tr" => {
                if let Some(table) = self.tables.last_mut()
                    && table.row_is_deleted
                {
                    table.rows.pop();
                    table.row_is_deleted = false;
                }
            }
            "tbl" => {
                if let Some(table) = self.tables.pop() {
                    self.push(Item::Table(table.rows));
                }
            }
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

    fn open_cell(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            table.span = 0;
            table.goes_on = false;
            self.sinks.push(Vec::new());
        }
    }

    /// Places a cell, and empty ones for the other columns it spans.
    fn close_cell(&mut self) {
        // The first sink is the body's.
        if self.sinks.len() < 2 {
            return;
        }
        let Some(mut cell) = self.sinks.pop() else { return };
        let Some(table) = self.tables.last_mut() else { return };
        let Some((row, above)) = table.rows.split_last_mut() else { return };
        let column = row.cells.len();
        if table.goes_on
            && cell.is_empty()
            && let Some(over) = above.last().and_then(|above| above.cells.get(column))
            && let [Item::Paragraph(paragraph)] = over.as_slice()
            && paragraph.text.len() <= MAX_REPEATED_BYTES
        {
            let notes = Vec::new();
            cell = vec![Item::Paragraph(Paragraph { notes, ..paragraph.clone() })];
        }
        row.cells.push(cell);
        row.cells.extend((0..table.span).map(|_| Vec::new()));
    }
}
