//! Checks values before they are stored.

use intramuros_types::{Access, Limits};
use serde_json::Value;

use crate::LedgerError;

/// The most labels that a key, a user or a group has.
const MAX_LABELS: usize = 100;
/// Levels of arrays and objects within one another.
const MAX_DEPTH: usize = 32;

/// Refuses `value` unless it has 1 to `max_chars` characters, none of them a control character.
pub(crate) fn text(name: &'static str, value: &str, max_chars: usize) -> Result<(), LedgerError> {
    let chars = value.chars().count();
    let reason = if value.trim().is_empty() {
        "is empty".to_owned()
    } else if chars > max_chars {
        format!("has {chars} characters, the limit is {max_chars}")
    } else if value.chars().any(char::is_control) {
        "holds a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(LedgerError::Invalid { name, reason })
}

/// Refuses `value` unless it can be a label: 1 to 100 characters, no control characters, no white
/// space at the ends.
pub(crate) fn label(name: &'static str, value: &str) -> Result<(), LedgerError> {
    text(name, value, 100)?;
    if value.trim() == value {
        return Ok(());
    }
    let reason = format!("has `{value}` with white space at an end");
    Err(LedgerError::Invalid { name, reason })
}

/// Puts labels in order, each once, and refuses what cannot be one, or more than 100 of them.
pub(crate) fn labels(name: &'static str, labels: &mut Vec<String>) -> Result<(), LedgerError> {
    labels.iter().try_for_each(|one| label(name, one))?;
    labels.sort_unstable();
    labels.dedup();
    if labels.len() > MAX_LABELS {
        let reason = format!("lists {} labels, the limit is {MAX_LABELS}", labels.len());
        return Err(LedgerError::Invalid { name, reason });
    }
    Ok(())
}

/// Puts denied labels in order like others; there is none for all documents.
pub(crate) fn denied(labels: &mut Vec<String>) -> Result<(), LedgerError> {
    if labels.iter().any(|label| label == Access::WILDCARD) {
        let reason = "has `*`, which is for labels only; name what is closed".to_owned();
        return Err(LedgerError::Invalid { name: "denied", reason });
    }
    self::labels("denied", labels)
}

/// Refuses limits of 0, which would be a key that does nothing.
pub(crate) fn limits(limits: &Limits) -> Result<(), LedgerError> {
    let Limits { requests_per_minute, tokens_per_minute, concurrent_requests, monthly_tokens } =
        *limits;
    let all = [
        ("requests_per_minute", requests_per_minute.map(u64::from)),
        ("tokens_per_minute", tokens_per_minute.map(u64::from)),
        ("concurrent_requests", concurrent_requests.map(u64::from)),
        ("monthly_tokens", monthly_tokens),
    ];
    match all.into_iter().find(|(_, limit)| *limit == Some(0)) {
        Some((name, _)) => {
            let reason =
                "is 0; leave it out for the server's own limit, or revoke the key".to_owned();
            Err(LedgerError::Invalid { name, reason })
        }
        None => Ok(()),
    }
}

/// Refuses `value` unless it matches `[a-z0-9][a-z0-9-]{0,62}`.
pub(crate) fn slug(name: &'static str, value: &str) -> Result<(), LedgerError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sound = value.len() <= 63
        && value.bytes().next().is_some_and(allowed)
        && value.bytes().all(|byte| allowed(byte) || byte == b'-');
    if sound {
        return Ok(());
    }
    let reason =
        "must be 1 to 63 lower-case letters, digits or hyphens, the first one not a hyphen";
    Err(LedgerError::Invalid { name, reason: reason.to_owned() })
}

/// Refuses `value` unless it matches `[a-z][a-z0-9_.-]*` and has at most `max_chars` characters.
pub(crate) fn kind(name: &'static str, value: &str, max_chars: usize) -> Result<(), LedgerError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    let sound = value.len() <= max_chars
        && value.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && value.bytes().all(allowed);
    if sound {
        return Ok(());
    }
    let reason = format!(
        "must be 1 to {max_chars} lower-case letters, digits, `_`, `.` or `-`, a letter first"
    );
    Err(LedgerError::Invalid { name, reason })
}

/// Refuses `value` unless it is two lower-case letters, as ISO 639-1 codes are.
pub(crate) fn language(name: &'static str, value: &str) -> Result<(), LedgerError> {
    if value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(());
    }
    let reason = "must be an ISO 639-1 code of two lower-case letters, such as `fr`".to_owned();
    Err(LedgerError::Invalid { name, reason })
}

/// Refuses `value` unless it is a SHA-256 digest in lower-case hexadecimal.
pub(crate) fn digest(name: &'static str, value: &str) -> Result<(), LedgerError> {
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if value.len() == 64 && value.bytes().all(hexadecimal) {
        return Ok(());
    }
    let reason = "must be a SHA-256 digest, 64 lower-case hexadecimal digits".to_owned();
    Err(LedgerError::Invalid { name, reason })
}

/// `value` as it is stored, unless it has more bytes or nests deeper than allowed.
pub(crate) fn json(
    name: &'static str,
    value: &Value,
    max_bytes: usize,
) -> Result<String, LedgerError> {
    if is_deeper(value, MAX_DEPTH) {
        let reason = format!("nests deeper than {MAX_DEPTH} levels");
        return Err(LedgerError::Invalid { name, reason });
    }
    let text = value.to_string();
    if text.len() > max_bytes {
        let reason = format!("has {} bytes of JSON, the limit is {max_bytes}", text.len());
        return Err(LedgerError::Invalid { name, reason });
    }
    Ok(text)
}

/// Whether `value` nests deeper than `levels`; looks no deeper than that.
fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(fields) => {
            levels == 0 || fields.values().any(|value| is_deeper(value, levels - 1))
        }
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Refuses `text` beyond `max_chars` characters; it may be empty and have several lines.
pub(crate) fn long_text(
    name: &'static str,
    text: &str,
    max_chars: usize,
) -> Result<(), LedgerError> {
    let chars = text.chars().count();
    if chars > max_chars {
        let reason = format!("has {chars} characters, the limit is {max_chars}");
        return Err(LedgerError::Invalid { name, reason });
    }
    if text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
        let reason = "holds a control character".to_owned();
        return Err(LedgerError::Invalid { name, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
