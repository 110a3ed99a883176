//! Takes JSONL apart: one object a line.

use serde_json::Value;

use super::SetError;
use super::fields::Row;

/// Gives each object of `text` to `add`, until one is refused; empty lines are passed over.
pub(super) fn each(
    text: &str,
    add: &mut dyn FnMut(Row) -> Result<(), SetError>,
) -> Result<(), SetError> {
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let line_number = at + 1;
        let wrong = |found: String, remedy: &str| {
            Err(SetError::Line { line: line_number, found, remedy: remedy.to_owned() })
        };
        match serde_json::from_str(line) {
            Ok(Value::Object(map)) => add(Row::new(line_number, map, false))?,
            Ok(Value::Array(_)) => {
                return wrong("is a list".to_owned(), "write one JSON object a line, without [ ]");
            }
            Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                return wrong("is no JSON object".to_owned(), "write {\"id\": …} on each line");
            }
            // The library's message may quote the line, its position does not.
            Err(error) => {
                let found = format!("is no JSON from character {} on", error.column());
                return wrong(
                    found,
                    "write one whole JSON object a line; line breaks within texts are \\n",
                );
            }
        }
    }
    Ok(())
}
