//! Reads the list of sheets of a workbook, and where its tables have their headers.

use super::reference;
use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml, attribute};

/// The sheets, in the order of their tabs.
#[derive(Debug, Default)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<SheetEntry>,
    /// Whether days are counted from 1904, as old Macintosh versions did.
    pub(super) dates_from_1904: bool,
}

/// A sheet as the workbook lists it.
#[derive(Debug)]
pub(super) struct SheetEntry {
    pub(super) name: String,
    /// Id of the relation to its part.
    pub(super) relation: String,
    pub(super) hidden: bool,
}

/// Reads `xl/workbook.xml`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Workbook, IngestError> {
    let mut workbook = Workbook::default();
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        let Step::Open(tag) = step else { continue };
        match tag.local_name().as_ref() {
            "sheet" => workbook.sheets.push(SheetEntry {
                name: attribute(&tag, "name").unwrap_or_default(),
                relation: attribute(&tag, "id").unwrap_or_default(),
                hidden: matches!(
                    attribute(&tag, "state").as_deref(),
                    Some("hidden" | "veryHidden")
                ),
            }),
            "workbookPr" => {
                let value = attribute(&tag, "date1904");
                workbook.dates_from_1904 = matches!(value.as_deref(), Some("1" | "true"));
            }
            _ => {}
        }
    }
    Ok(workbook)
}

/// The row of headers, from 1, of the table that a part describes.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn header_row_of_table(
    source: &str,
    builder: &Builder<'_>,
) -> Result<Option<u32>, IngestError> {
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        let Step::Open(tag) = step else { continue };
        if tag.local_name().as_ref() == "table" {
            let has_headers = attribute(&tag, "headerRowCount").as_deref() != Some("0");
            let range = attribute(&tag, "ref").and_then(|text| reference::range(&text));
            return Ok(range.filter(|_| has_headers).map(|((_, row), _)| row));
        }
    }
    Ok(None)
}
