//! Takes CSV apart, as spreadsheets write it.
//!
//! The separator is the one that the first line has most of, because French spreadsheets write
//! semicolons. A quotation mark that is never closed would make one cell of all that follows, and
//! the items in it would be missing without a word: a last line is added to the text, and where it
//! does not come out by itself the mark was left open.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::SetError;
use super::fields::Row;

/// Comes out as a record of its own unless a quotation mark is open.
const END: &str = "\u{1}end";

/// Gives each row of `text` to `add`, until one is refused; empty rows are passed over.
pub(super) fn each(
    text: &str,
    add: &mut dyn FnMut(Row) -> Result<(), SetError>,
) -> Result<(), SetError> {
    let text = format!("{text}\n{END}");
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(&text))
        .from_reader(text.as_bytes());
    let mut names: Option<Vec<String>> = None;
    let mut last = 1;
    let mut is_closed = false;
    for record in reader.records() {
        let Ok(record) = record else { break };
        let line = record.position().map_or(last, |at| line_of(&text, at));
        if record.len() == 1 && record.get(0) == Some(END) {
            is_closed = true;
            break;
        }
        if record.iter().any(|cell| cell.ends_with(END)) {
            last = line;
            break;
        }
        last = line;
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match &names {
            None => names = Some(header(&record, line)?),
            Some(names) => add(Row::new(line, row(names, &record, line)?, true))?,
        }
    }
    if is_closed { Ok(()) } else { Err(open_quote(last)) }
}

/// The line on which a record begins, from 1; its position is before the empty lines above it.
fn line_of(text: &str, at: &::csv::Position) -> usize {
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(place(at.byte())..).unwrap_or_default();
    let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    place(at.line()) + breaks.filter(|byte| **byte == b'\n').count()
}

fn open_quote(line: usize) -> SetError {
    SetError::Line {
        line,
        found: "opens a quotation mark that is never closed".to_owned(),
        remedy: "close it, and write \"\" for a quotation mark within a cell".to_owned(),
    }
}

/// The most frequent of the usual separators in the first line, outside quotation marks.
fn separator(text: &str) -> u8 {
    let (mut counts, mut is_quoted) = ([(b';', 0), (b',', 0), (b'\t', 0)], false);
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            _ if is_quoted => {}
            _ => {
                for (separator, count) in &mut counts {
                    *count += usize::from(*separator == byte);
                }
            }
        }
    }
    // The first of equals: a file of one column has none of them.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| *separator)
}

fn header(record: &::csv::StringRecord, line: usize) -> Result<Vec<String>, SetError> {
    let names: Vec<String> = record.iter().map(|name| name.trim().to_lowercase()).collect();
    let mut seen = HashSet::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            return Err(SetError::Field {
                line,
                field: short(name),
                found: "names two columns".to_owned(),
                remedy: "give each column a name of its own".to_owned(),
            });
        }
    }
    Ok(names)
}

/// A name as errors show it.
fn short(name: &str) -> String {
    name.chars().take(40).collect()
}

fn row(
    names: &[String],
    record: &::csv::StringRecord,
    line: usize,
) -> Result<Map<String, Value>, SetError> {
    let mut map = Map::new();
    for (at, cell) in record.iter().enumerate() {
        let name = names.get(at).filter(|name| !name.is_empty());
        if cell.trim().is_empty() {
            // An empty cell is a field that is not there, but of a document it says that the
            // document does not have it.
            if let Some(name) = name.filter(|name| name.starts_with("fields.")) {
                map.insert(name.clone(), Value::Null);
            }
            continue;
        }
        match name {
            Some(name) => {
                map.insert(name.clone(), Value::from(cell));
            }
            None => {
                return Err(SetError::Line {
                    line,
                    found: format!("has text in column {}, which has no name", at + 1),
                    remedy: "name the column in the first line, or put quotation marks around \
                             texts that have the separator in them"
                        .to_owned(),
                });
            }
        }
    }
    if record.len() < names.iter().rposition(|name| !name.is_empty()).map_or(0, |at| at + 1) {
        return Err(SetError::Line {
            line,
            found: format!("has {} columns, the first line has {}", record.len(), names.len()),
            remedy: "write every column, empty where there is nothing".to_owned(),
        });
    }
    Ok(map)
}
