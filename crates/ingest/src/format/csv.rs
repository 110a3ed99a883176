//! Reads files of separated values: CSV with commas or semicolons, and TSV.
//!
//! Nothing in such a file says how it is written. The encoding is told by [`decode`]; the
//! separator is the one that gives the most rows the same number of cells. Rows go through the
//! grid that workbooks use, so a title above the table, a blank row within it, and a file without
//! headers are treated alike.
//! Source: RFC 4180, parsed by the `csv` crate, which also takes rows of different lengths.

use ::csv::{ByteRecord, ReaderBuilder};

use crate::IngestError;
use crate::builder::Builder;
use crate::format::encoding::decode;
use crate::format::sheet::{Cell, CellBudget, Kind, Line, Sheet};

/// Separators, the likeliest first.
const SEPARATORS: [u8; 4] = [b';', b',', b'\t', b'|'];
/// How much is looked at to find the separator, in bytes.
const SAMPLE_BYTES: usize = 64 << 10;
/// Rows that are looked at to find the separator.
const SAMPLE_ROWS: usize = 200;
/// Cells of a row at most; the rest of the row is left out, with a warning.
const MAX_COLUMNS: usize = 16_384;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Unsupported`] for binary data, [`IngestError::LimitExceeded`] for the number of
/// cells, and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let decoded = decode(bytes, None)?;
    let (text, declared) = without_declaration(&decoded);
    let separator = declared.unwrap_or_else(|| separator_of(text));
    let mut reader = reader(text.as_bytes(), separator);
    let mut sheet = Sheet::new();
    let mut budget = CellBudget::default();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(IngestError::damaged)? {
        builder.deadline.check()?;
        let start = record.position().map_or(0, |position| position.byte() as usize);
        if is_blank_line(text, start) {
            sheet.push(Line::default());
        }
        let mut cells = Vec::new();
        for (column, value) in record.iter().take(MAX_COLUMNS).enumerate() {
            let text = String::from_utf8_lossy(value).trim().to_owned();
            if !text.is_empty() {
                budget.spend(&text, builder.limits)?;
                let kind = Kind::of(&text);
                cells.push(Cell { column: column as u32, text, kind, bold: false, columns: 1 });
            }
        }
        if record.len() > MAX_COLUMNS {
            let text = format!("only the first {MAX_COLUMNS} columns were read");
            builder.warn("columns_left_out", &text, None);
        }
        sheet.push(Line { cells, ..Line::default() });
    }
    sheet.finish("", builder)
}

/// Whether a blank line is at `start`, where the parser began to look for a row: it passes over
/// blank lines, which part tables.
fn is_blank_line(text: &str, start: usize) -> bool {
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    // Of `\r\n` the parser may have taken the first half only.
    let after_return = start > 0 && text.as_bytes()[start - 1] == b'\r';
    let rest = rest.strip_prefix(b"\n").filter(|_| after_return).unwrap_or(rest);
    matches!(rest.first(), Some(b'\r' | b'\n'))
}

/// Spreadsheet programs take a first line `sep=;` for a declaration.
fn without_declaration(text: &str) -> (&str, Option<u8>) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        Some([separator]) => (rest, Some(*separator)),
        _ => (text, None),
    }
}

fn reader(text: &[u8], separator: u8) -> ::csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text)
}

/// The separator that the rows agree upon the most: the number of cells that they share counts,
/// times how many rows have it. Commas in figures and in sentences give no such agreement.
fn separator_of(text: &str) -> u8 {
    let mut end = text.len().min(SAMPLE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // The last row may be cut.
    let sample = &text[..end];
    let sample =
        if end < text.len() { sample.rsplit_once('\n').map_or(sample, |s| s.0) } else { sample };
    let agreement = |separator: u8| {
        let rows = reader(sample.as_bytes(), separator).into_byte_records();
        let mut lengths: Vec<usize> =
            rows.take(SAMPLE_ROWS).map_while(Result::ok).map(|row| row.len()).collect();
        lengths.sort_unstable();
        let best = lengths
            .chunk_by(|a, b| a == b)
            .filter(|same| same[0] > 1)
            .map(|same| same.len() * (same[0] - 1).min(8))
            .max();
        best.unwrap_or(0)
    };
    let mut best = (SEPARATORS[0], 0);
    for separator in SEPARATORS {
        let found = agreement(separator);
        if found > best.1 {
            best = (separator, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests;
