//! Checks what a schema says about strings: patterns, formats, constants.

use llguidance::derivre::RegexBuilder;
use llguidance::regex_to_lark;
use serde_json::Value;

use super::Place;
use super::keyword::Node;
use super::number::MAX_EXACT;
use crate::constraint::limits::check;
use crate::constraint::{ConstraintError, ConstraintLimits};

/// Bytes of a compiled pattern in the verifier.
const MAX_COMPILED_PATTERN: usize = 2 << 20;
/// Formats that llguidance has a regular expression for (`json/formats.rs`).
const STRING_FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];
/// Formats of whole numbers in OpenAPI and schemars, as bounds.
const INTEGER_FORMATS: [(&str, f64, f64); 6] = [
    ("int8", -128.0, 127.0),
    ("uint8", 0.0, 255.0),
    ("int16", -32_768.0, 32_767.0),
    ("uint16", 0.0, 65_535.0),
    ("int32", -2_147_483_648.0, 2_147_483_647.0),
    ("uint32", 0.0, 4_294_967_295.0),
];
/// Formats that are no more than every JSON number of this model's making is.
const NUMBER_FORMATS: [&str; 6] = ["int64", "uint64", "int", "uint", "float", "double"];

/// Lowers `format`: strings get a rule, small integers get bounds, the rest is refused.
pub(super) fn format(node: &mut Node, value: &Value, place: &Place) -> Result<(), ConstraintError> {
    let name = value.as_str().ok_or_else(|| place.invalid("format", "it has to be a string"))?;
    if STRING_FORMATS.contains(&name) {
        node.plain("format", value.clone());
        return Ok(());
    }
    let numeric = !node.may_be("string") && node.plain.contains_key("type");
    if let Some((_, low, high)) = INTEGER_FORMATS.iter().find(|(known, ..)| *known == name)
        && numeric
    {
        tighten(node, "minimum", *low, f64::max);
        tighten(node, "maximum", *high, f64::min);
        return Ok(());
    }
    if NUMBER_FORMATS.contains(&name) && numeric {
        if name.starts_with('u') {
            tighten(node, "minimum", 0.0, f64::max);
        }
        return Ok(());
    }
    let reason = format!("\"{name}\" has no rule; known are {}", STRING_FORMATS.join(", "));
    Err(place.unsupported("format", reason))
}

fn tighten(node: &mut Node, key: &str, bound: f64, stricter: fn(f64, f64) -> f64) {
    let given = node.plain.get(key).and_then(Value::as_f64).unwrap_or(bound);
    node.plain(key, Value::from(stricter(given, bound)));
}

/// Refuses a regular expression that the grammar's engine does not take: look-around,
/// back-references, lazy matching.
pub(super) fn check_pattern(
    pattern: &str,
    key: &str,
    place: &Place,
    limits: &ConstraintLimits,
) -> Result<(), ConstraintError> {
    let path = place.child(&[key], true).path();
    check("bytes of the pattern", &path, pattern.len() as u64, limits.max_regex_bytes as u64)?;
    let refused = |text: &str| {
        let line = text.lines().last().unwrap_or_default();
        place.unsupported(key, line.trim_start_matches("error: "))
    };
    let pattern = regex_to_lark(pattern, "dw");
    let mut grammar_engine = RegexBuilder::new();
    grammar_engine.mk_regex_for_serach(&pattern).map_err(|error| refused(&error.to_string()))?;
    // The verifier's engine, which counts every repetition.
    regex::RegexBuilder::new(&pattern)
        .size_limit(MAX_COMPILED_PATTERN)
        .build()
        .map_err(|error| refused(&error.to_string()))?;
    Ok(())
}

/// Refuses constants that cannot be written exactly: whole numbers past 2^53, and characters
/// that JSON has no short escape for (`\u…` is not written, so that a text has one spelling).
pub(super) fn check_literal(
    value: &Value,
    key: &str,
    place: &Place,
) -> Result<(), ConstraintError> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) => {
            if number.as_f64().is_some_and(|number| number.abs() <= MAX_EXACT) {
                return Ok(());
            }
            Err(place.unsupported(key, "numbers past 2^53 are not exact"))
        }
        Value::String(text) => {
            let short = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{8}' | '\u{c}');
            if text.chars().any(|c| (c < ' ' || c == '\u{7f}') && !short(c)) {
                return Err(place.unsupported(key, "it holds a control character"));
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| check_literal(item, key, place)),
        Value::Object(fields) => {
            fields.values().try_for_each(|field| check_literal(field, key, place))
        }
    }
}
