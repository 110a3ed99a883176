//! Reads the text of an OpenDocument into paragraphs and tables.

use quick_xml::events::BytesStart;

use super::list::Lists;
use super::styles::Styles;
use super::table::OpenTable;
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, Paragraph};
use crate::format::xml::{Step, Xml, attribute};

/// Blanks that one element may stand for.
const MAX_BLANKS: usize = 100;

/// Reads the text of `source` below elements called `within`, such as `office:text`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(in crate::format) fn read(
    source: &str,
    within: &[&str],
    styles: &Styles,
    builder: &Builder<'_>,
) -> Result<Vec<Item>, IngestError> {
    let mut reader = Reader::new(styles);
    let mut inside = None;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match &step {
            Step::Open(tag) if inside.is_none() => {
                if within.contains(&tag.name().as_ref()) {
                    inside = Some(xml.depth());
                }
                continue;
            }
            Step::Close(_) if inside == Some(xml.depth() + 1) => {
                inside = None;
                continue;
            }
            Step::Open(_) | Step::Close(_) | Step::Text(_) if inside.is_none() => continue,
            Step::Open(_) | Step::Close(_) | Step::Text(_) => {}
        }
        reader.step(&step, xml.depth());
    }
    Ok(reader.take())
}

/// Builds items from the steps through a part.
pub(in crate::format) struct Reader<'s> {
    styles: &'s Styles,
    /// Where items go: the text, then the cells that are open, innermost last.
    sinks: Vec<Vec<Item>>,
    tables: Vec<OpenTable>,
    /// The paragraphs that are open: a text box stands within a paragraph.
    paragraphs: Vec<OpenParagraph>,
    /// The notes that are open, each with the number of paragraphs open around it.
    notes: Vec<String>,
    lists: Lists,
    /// Depth of the element that is left out with all below it.
    skipped_from: Option<u32>,
}

struct OpenParagraph {
    paragraph: Paragraph,
    hidden: bool,
    /// Whether the text of each span that is open is bold, the paragraph's own first.
    bold: Vec<bool>,
    has_bold: bool,
    has_regular: bool,
    marker: Option<String>,
}

impl<'s> Reader<'s> {
    /// Nothing read yet.
    pub(in crate::format) fn new(styles: &'s Styles) -> Self {
        Self {
            styles,
            sinks: vec![Vec::new()],
            tables: Vec::new(),
            paragraphs: Vec::new(),
            notes: Vec::new(),
            lists: Lists::default(),
            skipped_from: None,
        }
    }

    /// Takes what was read since the last time, outside of any table.
    pub(in crate::format) fn take(&mut self) -> Vec<Item> {
        self.sinks.first_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Reads one step; `depth` is that of the part after it.
    pub(in crate::format) fn step(&mut self, step: &Step<'_>, depth: u32) {
        match step {
            Step::Open(_) | Step::Text(_) if self.skipped_from.is_some() => {}
            Step::Open(tag) if self.is_skipped(tag) => self.skipped_from = Some(depth),
            Step::Open(tag) => self.open(tag),
            // Line ends of the source mean nothing.
            Step::Text(text) => self.push_text(&text.replace(['\n', '\r', '\t'], " ")),
            Step::Close(name) => match self.skipped_from {
                // The depth was counted down before the element was reported as closed.
                Some(from) if depth + 1 == from => self.skipped_from = None,
                Some(_) => {}
                None => self.close(name),
            },
        }
    }

    /// Whether an element is no text of the document: deletions, comments, generated indexes,
    /// descriptions of pictures, what is hidden.
    fn is_skipped(&self, tag: &BytesStart<'_>) -> bool {
        let on = |name: &str, wanted: &str| attribute(tag, name).as_deref() == Some(wanted);
        match tag.local_name().as_ref() {
            "tracked-changes" | "annotation" | "table-of-content" | "illustration-index"
            | "table-index" | "object-index" | "user-index" | "alphabetical-index" | "forms"
            | "ruby-text" | "note-citation" | "page-number" | "page-count" => true,
            "title" | "desc" => tag.name().as_ref().starts_with("svg:"),
            "hidden-text" => on("is-hidden", "true"),
            "section" => on("display", "none"),
            "span" => {
                let style = attribute(tag, "style-name").unwrap_or_default();
                self.styles.is_hidden("text", &style)
            }
            _ => false,
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "p" | "h" => self.open_paragraph(tag),
            "span" => {
                let style = attribute(tag, "style-name").unwrap_or_default();
                let bold = self.styles.is_bold("text", &style);
                if let Some(open) = self.paragraphs.last_mut() {
                    let around = open.bold.last().copied().unwrap_or(false);
                    open.bold.push(bold || around);
                }
            }
            "s" => {
                let count = attribute(tag, "c").and_then(|v| v.trim().parse().ok()).unwrap_or(1);
                self.push_text(&" ".repeat(count.min(MAX_BLANKS)));
            }
            "tab" => self.push_text(" "),
            "line-break" => self.push_text("\n"),
            "hidden-paragraph" => {
                if attribute(tag, "is-hidden").as_deref() == Some("true")
                    && let Some(open) = self.paragraphs.last_mut()
                {
                    open.hidden = true;
                }
            }
            "note-body" => self.sinks.push(Vec::new()),
            "list" => self.lists.open(tag),
            "list-item" => self.lists.open_item(tag),
            "table" => self.tables.push(OpenTable::default()),
            "table-header-rows" => self.with_table(|table| table.headers(true)),
            "table-row" => self.with_table(|table| table.open_row(tag)),
            "table-cell" | "covered-table-cell" => {
                if let Some(table) = self.tables.last_mut() {
                    table.open_cell(tag);
                    self.sinks.push(Vec::new());
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "p" | "h" => self.close_paragraph(),
            "span" => {
                if let Some(open) = self.paragraphs.last_mut()
                    && open.bold.len() > 1
                {
                    open.bold.pop();
                }
            }
            "note-body" => {
                if let Some(items) = self.close_sink() {
                    let text = |item: Item| match item {
                        Item::Paragraph(paragraph) => Some(paragraph.text),
                        Item::Table(_) => None,
                    };
                    let note: Vec<String> = items.into_iter().filter_map(text).collect();
                    self.notes.push(note.join(" "));
                }
            }
            "note" => {
                let notes = std::mem::take(&mut self.notes);
                if let Some(open) = self.paragraphs.last_mut() {
                    open.paragraph.notes.extend(notes);
                }
            }
            "list" => self.lists.close(),
            "list-item" => self.lists.close_item(),
            "table-header-rows" => self.with_table(|table| table.headers(false)),
            "table-row" => self.with_table(OpenTable::close_row),
            "table-cell" | "covered-table-cell" => {
                if !self.tables.is_empty()
                    && let Some(cell) = self.close_sink()
                {
                    self.with_table(|table| table.close_cell(cell));
                }
            }
            "table" => {
                if let Some(table) = self.tables.pop() {
                    self.push(Item::Table(table.finish()));
                }
            }
            _ => {}
        }
    }

    /// Ends the innermost cell or note; the first sink is the text's own.
    fn close_sink(&mut self) -> Option<Vec<Item>> {
        if self.sinks.len() < 2 { None } else { self.sinks.pop() }
    }

    fn with_table(&mut self, act: impl FnOnce(&mut OpenTable)) {
        if let Some(table) = self.tables.last_mut() {
            act(table);
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
            let bold = open.bold.last().copied().unwrap_or(false);
            open.has_bold |= bold;
            open.has_regular |= !bold;
        }
    }

    fn open_paragraph(&mut self, tag: &BytesStart<'_>) {
        let style = attribute(tag, "style-name").unwrap_or_default();
        let is_heading = tag.local_name().as_ref() == "h";
        let level = attribute(tag, "outline-level").and_then(|v| v.trim().parse::<u8>().ok());
        let level = if is_heading { level.or(Some(1)) } else { None };
        let mut marker = self.lists.marker(self.styles, &style);
        if let Some(level) = level
            && marker.is_none()
            && attribute(tag, "is-list-header").as_deref() != Some("true")
        {
            marker = self.lists.heading(self.styles, level);
        }
        let named = || match style.as_str() {
            "Title" => Some(1),
            _ => self.styles.heading(&style),
        };
        let paragraph = Paragraph { level: level.or_else(named), ..Paragraph::default() };
        self.paragraphs.push(OpenParagraph {
            paragraph,
            hidden: self.styles.is_hidden("paragraph", &style),
            bold: vec![self.styles.is_bold("paragraph", &style)],
            has_bold: false,
            has_regular: false,
            marker: marker.filter(|marker| !marker.is_empty()),
        });
    }

    fn close_paragraph(&mut self) {
        let Some(open) = self.paragraphs.pop() else { return };
        let mut paragraph = open.paragraph;
        if open.hidden || paragraph.text.trim().is_empty() {
            return;
        }
        paragraph.bold = open.has_bold && !open.has_regular;
        paragraph.marker = open.marker;
        self.push(Item::Paragraph(paragraph));
    }
}
