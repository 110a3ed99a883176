//! Reads a Lark grammar far enough to take its JSON Schemas out and to bound its nesting.

use std::fmt::Write as _;

use serde_json::Value;

use super::limits::check;
use super::{ConstraintError, ConstraintLimits};

/// A Lark grammar and the schemas that it refers to as `@name`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    /// The grammar.
    pub lark: String,
    /// Names (letters, digits, `_` and `-`) and schemas.
    pub schemas: Vec<(String, Value)>,
}

/// Replaces every `%json {…}` of `lark` by a reference, so that its schemas go the way of all
/// schemas: lowered, bounded, with our white space.
///
/// # Errors
/// [`ConstraintError::TooLarge`], or [`ConstraintError::InvalidGrammar`] when no JSON follows
/// `%json`.
pub(super) fn take_schemas(
    lark: &str,
    limits: &ConstraintLimits,
) -> Result<Template, ConstraintError> {
    let mut template = Template { lark: String::with_capacity(lark.len()), schemas: Vec::new() };
    let (mut at, mut depth) = (0, 0_u64);
    while let Some(character) = lark[at..].chars().next() {
        let rest = &lark[at..];
        let length = match character {
            '"' => quoted(rest, '"'),
            '/' if !rest.starts_with("//") => quoted(rest, '/'),
            '#' | '/' => rest.find('\n').unwrap_or(rest.len()),
            '<' => special(rest),
            '%' if rest.starts_with("%json") => {
                let (schema, length) = json_prefix(&rest[5..])?;
                let name = format!("inline-json-{}", template.schemas.len());
                template.lark.push_str(&format!(" @{name} "));
                template.schemas.push((name, schema));
                at += 5 + length;
                continue;
            }
            '(' | '[' | '{' | '~' => {
                depth += 1;
                1
            }
            ')' | ']' | '}' | '\n' => {
                // A rule may go over several lines, but `~` has no end of its own.
                depth = if character == '\n' { depth } else { depth.saturating_sub(1) };
                1
            }
            other => other.len_utf8(),
        };
        check("nesting depth", "grammar", depth, 4 * limits.max_depth as u64)?;
        let repeated = match character {
            '/' => largest_repeat(&rest[..length]),
            '{' | '~' => largest_repeat(rest.lines().next().unwrap_or_default()),
            _ => 0,
        };
        check("the number of repetitions", "grammar", repeated, limits.max_items)?;
        template.lark.push_str(&rest[..length]);
        at += length;
    }
    Ok(template)
}

/// `text` as a string of a Lark grammar.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // `write!` to a String cannot fail.
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The largest number in the repetitions (`{2,40}`, `~2..40`) of `text`. What is certain to be
/// repeated is forced at once, so a step takes time in proportion to it.
fn largest_repeat(text: &str) -> u64 {
    let number = |digits: &str| -> u64 {
        let digits = digits.trim();
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if end == 0 { 0 } else { digits[..end].parse().unwrap_or(u64::MAX) }
    };
    let bounds = |part: &str| -> u64 {
        let rest = part.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let second = rest.strip_prefix(',').or_else(|| rest.strip_prefix(".."));
        number(part).max(second.map_or(0, number))
    };
    text.split(['{', '~']).skip(1).map(bounds).max().unwrap_or(0)
}

/// Bytes of what `text` opens with: from its first character to the same one, unescaped.
fn quoted(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the name of a special token (`<|im_end|>`, `<[7]>`), or of `<` alone.
fn special(text: &str) -> usize {
    let end = text[1..].find(|c: char| c.is_whitespace() || matches!(c, '<' | '>'));
    match end {
        Some(end) if end > 0 && text[1 + end..].starts_with('>') => end + 2,
        _ => 1,
    }
}

/// The JSON value that `text` begins with, and its length.
fn json_prefix(text: &str) -> Result<(Value, usize), ConstraintError> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter();
    match stream.next() {
        Some(Ok(schema)) => Ok((schema, stream.byte_offset())),
        _ => Err(ConstraintError::InvalidGrammar {
            what: "grammar",
            reason: "no JSON value follows %json".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
