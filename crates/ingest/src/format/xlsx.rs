//! Reads XLSX: each sheet is a heading, its rows are table rows with the headers above them.
//!
//! Source: ECMA-376 part 1 (SpreadsheetML). Formulas are read as the values that the file keeps
//! for them. What the author hid (sheets, rows, columns) is not read: a price list may carry its
//! margins in a hidden sheet, and a reader could not find a quotation from it. Rows that only a
//! filter hides are read, since a filter is a way to look at a list.
//!
//! The parts are read with this crate's own bounded XML reader, because the known spreadsheet
//! crates decompress and expand whatever a file asks for and know no hidden rows.

use crate::IngestError;
use crate::builder::Builder;
use crate::format::metadata;
use crate::format::package::Package;
use crate::format::sheet::CellBudget;
use crate::language;

mod cells;
mod number;
mod reference;
mod strings;
mod styles;
mod workbook;

use cells::SheetReader;
use number::Manner;

/// Where the workbook is when the archive does not say.
const USUAL_MAIN: &str = "xl/workbook.xml";

/// What the other parts of a workbook say about its cells.
struct Context {
    strings: Vec<String>,
    styles: styles::Styles,
    manner: Manner,
}

/// Reads `bytes` into `builder`.
///
/// # Errors
/// Those of [`Package`], [`IngestError::LimitExceeded`] for the number of cells, and the limits of
/// [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut package = Package::open(bytes, builder)?;
    if let Some(core) = package.part("docProps/core.xml")? {
        metadata::read_office(&core, builder)?;
    }
    let main = package.main_part(USUAL_MAIN, builder)?;
    let Some(source) = package.part(&main)? else {
        return Err(IngestError::damaged(format!("the archive has no {main}")));
    };
    let workbook = workbook::read(&source, builder)?;
    let relations = package.relations(&main, builder)?;
    let of_kind = |kind: &str| relations.values().find(|r| r.kind == kind).map(|r| &r.target);
    let mut context = Context {
        strings: Vec::new(),
        styles: styles::Styles::default(),
        manner: Manner::new(workbook.dates_from_1904),
    };
    if let Some(name) = of_kind("sharedStrings")
        && let Some(part) = package.part(name)?
    {
        context.strings = strings::read(&part, builder)?;
    }
    if let Some(name) = of_kind("styles")
        && let Some(part) = package.part(name)?
    {
        context.styles = styles::read(&part, builder)?;
    }
    let sample: Vec<&str> = context.strings.iter().take(500).map(String::as_str).collect();
    let declared = builder.declared_language.as_deref().and_then(language::from_tag);
    let mut known = language::detect(&sample.join("\n")).or(declared);
    let mut budget = CellBudget::default();
    let (mut hidden, mut missing) = (0, 0);
    for sheet in workbook.sheets {
        let target = relations.get(&sheet.relation);
        if target.is_some_and(|target| target.kind != "worksheet") {
            builder.warn("chart_sheet_left_out", "a sheet that is a chart was not read", None);
            continue;
        }
        if sheet.hidden {
            hidden += 1;
            continue;
        }
        let Some(target) = target else {
            missing += 1;
            continue;
        };
        let Some(part) = package.part(&target.target)? else {
            missing += 1;
            continue;
        };
        if known.is_none() {
            // Texts may stand in the sheet itself.
            known = language::detect(&strings::texts_within(&part, builder)?);
        }
        context.manner.language(known.as_deref());
        let tables = tables_of(&mut package, &target.target, builder)?;
        let reader = SheetReader::new(&mut context, &mut budget, tables);
        let grid = reader.read(&part, builder)?;
        grid.finish(&sheet.name, builder)?;
    }
    if hidden > 0 {
        let text = format!("{hidden} hidden sheets were not read");
        builder.warn("hidden_sheets_left_out", &text, None);
    }
    if missing > 0 {
        let text = format!("{missing} sheets are missing in the file");
        builder.warn("sheets_missing", &text, None);
    }
    Ok(())
}

/// Rows of headers of the tables that the sheet called `name` declares, from 1; warns of what else
/// hangs on the sheet and is not read.
fn tables_of(
    package: &mut Package<'_>,
    name: &str,
    builder: &mut Builder<'_>,
) -> Result<Vec<u32>, IngestError> {
    let mut rows = Vec::new();
    for relation in package.relations(name, builder)?.into_values() {
        match relation.kind.as_str() {
            "table" => {
                if let Some(part) = package.part(&relation.target)? {
                    rows.extend(workbook::header_row_of_table(&part, builder)?);
                }
            }
            "comments" | "threadedComment" => {
                builder.warn("comments_left_out", "its comments were not read", None);
            }
            "drawing" => {
                builder.warn("drawings_left_out", "its pictures and charts were not read", None);
            }
            _ => {}
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
