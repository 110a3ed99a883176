//! Reads the shapes of a slide: what each is for, its paragraphs and its table.

use quick_xml::events::BytesStart;

use super::paragraph::{Counters, OpenParagraph};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, Paragraph, Row};
use crate::format::xml::{Step, Xml, attribute, relation_attribute};

/// A cell over several rows is repeated in each when it is at most this long, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// What a shape is for. Source: ECMA-376 part 1, 19.7.10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Role {
    Title,
    /// The text of the slide, or of its notes.
    Body,
    /// What every slide repeats.
    Frame,
    /// A text box or a drawing.
    #[default]
    Text,
}

/// A shape with something in it.
#[derive(Default)]
pub(super) struct Shape {
    pub(super) role: Role,
    pub(super) items: Vec<Item>,
    /// Id of the relation to the texts of a diagram (SmartArt).
    pub(super) diagram: Option<String>,
    /// Whether it shows a chart.
    pub(super) chart: bool,
}

/// Reads the shapes of a slide in their order, those in groups too.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Vec<Shape>, IngestError> {
    let mut reader = Reader::default();
    let mut skipped_from: Option<u32> = None;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(_) | Step::Text(_) if skipped_from.is_some() => {}
            Step::Open(tag) if is_skipped(&tag) => skipped_from = Some(xml.depth()),
            Step::Open(tag) => reader.open(&tag),
            Step::Text(text) => {
                if reader.in_text
                    && let Some(open) = &mut reader.paragraph
                {
                    open.push_text(&text);
                }
            }
            Step::Close(name) => match skipped_from {
                Some(depth) if xml.depth() + 1 == depth => skipped_from = None,
                Some(_) => {}
                None => reader.close(&name),
            },
        }
    }
    reader.end_shape();
    Ok(reader.shapes)
}

/// The texts of a diagram, a paragraph each.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read_texts(source: &str, builder: &Builder<'_>) -> Result<Vec<String>, IngestError> {
    let items = read(source, builder)?.into_iter().flat_map(|shape| shape.items);
    let text = |item| match item {
        Item::Paragraph(paragraph) => Some(paragraph.text),
        Item::Table(_) => None,
    };
    Ok(items.filter_map(text).collect())
}

/// The second copy of a drawing for old programs; fields that every slide repeats; prompts of the
/// editor in diagrams.
fn is_skipped(tag: &BytesStart<'_>) -> bool {
    let field = || attribute(tag, "type").unwrap_or_default();
    match tag.local_name().as_ref() {
        "Fallback" => true,
        "fld" => field() == "slidenum" || field().starts_with("datetime"),
        _ => false,
    }
}

#[derive(Default)]
struct Reader {
    shapes: Vec<Shape>,
    shape: Shape,
    /// Whether the shape is not shown.
    hidden: bool,
    paragraph: Option<OpenParagraph>,
    counters: Counters,
    in_text: bool,
    table: Option<Table>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Row>,
    has_headers: bool,
    /// Whether a cell is open, and whether it goes on from above.
    cell: Option<Vec<Item>>,
    goes_on: bool,
}

impl Reader {
    fn open(&mut self, tag: &BytesStart<'_>) {
        let is_on = |name: &str| matches!(attribute(tag, name).as_deref(), Some("1" | "true"));
        match tag.local_name().as_ref() {
            "sp" | "graphicFrame" | "cxnSp" | "pic" | "grpSp" => self.end_shape(),
            "cNvPr" => self.hidden |= is_on("hidden"),
            "ph" => {
                self.shape.role = match attribute(tag, "type").as_deref() {
                    Some("title" | "ctrTitle") => Role::Title,
                    Some("dt" | "ftr" | "hdr" | "sldNum" | "sldImg") => Role::Frame,
                    Some("body" | "obj") | None => Role::Body,
                    Some(_) => Role::Text,
                };
            }
            "p" => self.paragraph = Some(OpenParagraph::default()),
            "pPr" | "buNone" | "buChar" | "buBlip" | "buAutoNum" => {
                if let Some(open) = &mut self.paragraph {
                    open.describe(tag);
                }
            }
            "t" => self.in_text = true,
            "br" => {
                if let Some(open) = &mut self.paragraph {
                    open.push_text("\n");
                }
            }
            "tbl" => self.table = Some(Table::default()),
            "relIds" => self.shape.diagram = relation_attribute(tag, "dm"),
            "chart" if relation_attribute(tag, "id").is_some() => self.shape.chart = true,
            name => {
                let Some(table) = &mut self.table else { return };
                match name {
                    "tblPr" => table.has_headers = is_on("firstRow"),
                    "tr" => table.rows.push(Row::default()),
                    "tc" => {
                        table.cell = Some(Vec::new());
                        table.goes_on = is_on("vMerge");
                    }
                    _ => {}
                }
            }
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" => self.close_paragraph(),
            "tc" => {
                if let Some(table) = &mut self.table {
                    table.close_cell();
                }
                self.counters = Counters::default();
            }
            "tbl" => {
                if let Some(mut table) = self.table.take() {
                    if let Some(first) = table.rows.first_mut() {
                        first.header = table.has_headers;
                    }
                    self.shape.items.push(Item::Table(table.rows));
                }
            }
            "sp" | "graphicFrame" => self.end_shape(),
            _ => {}
        }
    }

    fn close_paragraph(&mut self) {
        let Some(open) = self.paragraph.take() else { return };
        let in_cell = self.table.is_some();
        let is_list = self.shape.role == Role::Body && !in_cell;
        let Some(paragraph) = self.counters.finish(open, is_list) else { return };
        let cell = self.table.as_mut().map(|table| table.cell.as_mut());
        match cell {
            Some(Some(cell)) => cell.push(Item::Paragraph(paragraph)),
            Some(None) => {}
            None => self.shape.items.push(Item::Paragraph(paragraph)),
        }
    }

    /// Ends the shape; what stands outside of shapes, as in the texts of a diagram, counts as one.
    fn end_shape(&mut self) {
        let mut shape = std::mem::take(&mut self.shape);
        self.counters = Counters::default();
        // One paragraph is no list.
        if let [Item::Paragraph(only)] = shape.items.as_mut_slice()
            && shape.role == Role::Body
        {
            *only = Paragraph { marker: None, ..only.clone() };
        }
        let says = !shape.items.is_empty() || shape.diagram.is_some() || shape.chart;
        if says && !std::mem::take(&mut self.hidden) {
            self.shapes.push(shape);
        }
        self.hidden = false;
    }
}

impl Table {
    /// Places a cell; one that goes on from above repeats it when it is short.
    fn close_cell(&mut self) {
        let Some(mut cell) = self.cell.take() else { return };
        let Some((row, above)) = self.rows.split_last_mut() else { return };
        let column = row.cells.len();
        if self.goes_on
            && cell.is_empty()
            && let Some(over) = above.last().and_then(|above| above.cells.get(column))
            && let [Item::Paragraph(paragraph)] = over.as_slice()
            && paragraph.text.len() <= MAX_REPEATED_BYTES
        {
            cell = vec![Item::Paragraph(paragraph.clone())];
        }
        row.cells.push(cell);
    }
}
