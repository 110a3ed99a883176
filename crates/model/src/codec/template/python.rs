//! Makes the template engine write values as Python does, which templates are written for.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

/// How Python writes what is not a text, where the engine would write it in lower case.
pub(super) fn python_name(value: &Value) -> Option<&'static str> {
    if value.kind() == ValueKind::Bool {
        return Some(if value.is_true() { "True" } else { "False" });
    }
    (value.kind() == ValueKind::None).then_some("None")
}

/// Ends the rendering with the template's own message.
pub(super) fn raise_exception(message: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.to_owned()))
}

/// Writes a value as Python's `json.dumps(…, ensure_ascii=False)` does: the built-in filter
/// without its escapes for HTML.
pub(super) fn tojson(
    value: &Value,
    indent: Option<Value>,
    options: Kwargs,
) -> Result<String, Error> {
    // Python's options that change nothing here.
    let _ = options.get::<Option<bool>>("ensure_ascii");
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<Value>>("indent")?,
    };
    options.assert_all_used()?;
    let escaped =
        minijinja::filters::tojson(value, indent, Kwargs::from_iter([] as [(&str, Value); 0]))?;
    Ok(without_html_escapes(escaped.as_str().unwrap_or_default()))
}

fn without_html_escapes(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let (sequence, character) = match rest.get(at..at + 6) {
            Some("\\u003c") => (6, "<"),
            Some("\\u003e") => (6, ">"),
            Some("\\u0026") => (6, "&"),
            Some("\\u0027") => (6, "'"),
            // Any other escape: the backslash and what it escapes, which may be a backslash.
            _ => (2, &rest[at..(at + 2).min(rest.len())]),
        };
        plain.push_str(character);
        rest = &rest[(at + sequence).min(rest.len())..];
    }
    plain.push_str(rest);
    plain
}
