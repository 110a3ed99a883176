//! Checks what is proposed and decided before it is stored.

use intramuros_types::UserRole;
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

use super::{Evidence, NewReview};
use crate::document::{checked_labels, to_json};
use crate::{LedgerError, validate};

const MAX_KIND_CHARS: usize = 64;
const MAX_EXTERNAL_ID_CHARS: usize = 500;
const MAX_TITLE_CHARS: usize = 200;
const MAX_CODE_CHARS: usize = 64;
const MAX_REASON_CHARS: usize = 1_000;
const MAX_COMMENT_CHARS: usize = 4_000;
const MAX_ID_CHARS: usize = 100;
const MAX_EVIDENCE: usize = 64;
const MAX_QUOTE_BYTES: usize = 4 << 10;
const MAX_VALUE_BYTES: usize = 256 << 10;
const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// Values of a schema times values of what it checks: bounds the time of a check to a second or so.
const MAX_CHECKS: usize = 4_000_000;
/// Regular expressions of a schema.
const MAX_PATTERNS: usize = 64;
/// A compiled regular expression.
const MAX_PATTERN_BYTES: usize = 256 << 10;
/// Keywords that lead elsewhere. Without them a check takes no longer than schema times value.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// What of a review is stored as JSON.
pub(crate) struct Texts {
    pub(super) labels: String,
    pub(super) proposal: String,
    pub(super) schema: Option<String>,
}

pub(super) fn review(new: &NewReview) -> Result<Texts, LedgerError> {
    validate::kind("kind", &new.kind, MAX_KIND_CHARS)?;
    if let Some(id) = &new.external_id {
        validate::text("external_id", id, MAX_EXTERNAL_ID_CHARS)?;
    }
    validate::text("title", &new.title, MAX_TITLE_CHARS)?;
    validate::text("reason.code", &new.reason.code, MAX_CODE_CHARS)?;
    validate::long_text("reason.text", &new.reason.text, MAX_REASON_CHARS)?;
    if let Some(confidence) = new.confidence
        && !(0.0..=1.0).contains(&confidence)
    {
        return invalid("confidence", format!("is {confidence}, it must be 0 to 1"));
    }
    if new.role < UserRole::Reviewer {
        let reason = format!("is {}, it must be reviewer, operator or admin", new.role);
        return invalid("role", reason);
    }
    if new.evidence.len() > MAX_EVIDENCE {
        let reason = format!("has {} entries, the limit is {MAX_EVIDENCE}", new.evidence.len());
        return invalid("evidence", reason);
    }
    new.evidence.iter().try_for_each(evidence)?;
    let proposal = validate::json("proposal", &new.proposal, MAX_VALUE_BYTES)?;
    let schema = match &new.value_schema {
        Some(wanted) => {
            let text = validate::json("value_schema", wanted, MAX_SCHEMA_BYTES)?;
            validator(wanted)?;
            Some(text)
        }
        None => None,
    };
    let labels = to_json(&checked_labels(new.labels.clone())?);
    Ok(Texts { labels, proposal, schema })
}

fn evidence(one: &Evidence) -> Result<(), LedgerError> {
    let Evidence { knowledge_base, document, page, span, quote } = one;
    if document.is_some() && knowledge_base.is_none() {
        return invalid("evidence", "names a document without its knowledge base".to_owned());
    }
    for id in
        [knowledge_base.as_ref().map(|id| id.as_str()), document.as_ref().map(|id| id.as_str())]
    {
        id.map_or(Ok(()), |id| validate::text("evidence", id, MAX_ID_CHARS))?;
    }
    if *page == Some(0) {
        return invalid("evidence", "names page 0; pages count from 1".to_owned());
    }
    if let Some(span) = span
        && span.start > span.end
    {
        let reason = format!("has a span from {} to {}", span.start, span.end);
        return invalid("evidence", reason);
    }
    if quote.len() > MAX_QUOTE_BYTES {
        let reason = format!("quotes {} bytes, the limit is {MAX_QUOTE_BYTES}", quote.len());
        return invalid("evidence", reason);
    }
    Ok(())
}

/// A corrected value as it is stored.
pub(super) fn correction(corrected: &Value) -> Result<String, LedgerError> {
    validate::json("value", corrected, MAX_VALUE_BYTES)
}

pub(super) fn comment(text: &str) -> Result<(), LedgerError> {
    validate::long_text("comment", text, MAX_COMMENT_CHARS)
}

/// Refuses `value` where it is not what `schema` asks for, with the place.
///
/// # Errors
/// `Invalid` with the place, in JSON Pointer, and without a word of the value.
pub(super) fn against(schema: &Value, value: &Value) -> Result<(), LedgerError> {
    let checks = count(schema).saturating_mul(count(value));
    if checks > MAX_CHECKS {
        let reason = format!(
            "is too large to be checked: values times those of value_schema are {checks}, the limit \
             is {MAX_CHECKS}"
        );
        return invalid("value", reason);
    }
    let validator = validator(schema)?;
    match validator.validate(value) {
        Ok(()) => Ok(()),
        Err(error) => {
            let place = error.instance_path().to_string();
            let reason = error.masked().to_string();
            invalid("value", format!("is not what value_schema asks for, at `{place}`: {reason}"))
        }
    }
}

fn validator(schema: &Value) -> Result<Validator, LedgerError> {
    if !schema.is_object() && !schema.is_boolean() {
        return invalid("value_schema", "must be an object, a JSON Schema".to_owned());
    }
    if let Some(keyword) = reference(schema) {
        let reason = format!("has `{keyword}`; write what it refers to in its place");
        return invalid("value_schema", reason);
    }
    let patterns = patterns(schema);
    if patterns > MAX_PATTERNS {
        let reason = format!("has {patterns} patterns, the limit is {MAX_PATTERNS}");
        return invalid("value_schema", reason);
    }
    jsonschema::options()
        .should_validate_formats(false)
        // Linear in the text, where the default one backtracks.
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN_BYTES))
        .build(schema)
        .map_err(|error| LedgerError::Invalid {
            name: "value_schema",
            reason: format!(
                "is no JSON Schema, at `{}`: {}",
                error.instance_path(),
                error.masked()
            ),
        })
}

/// A keyword of `schema` that refers elsewhere. Depth is bounded before.
fn reference(schema: &Value) -> Option<&'static str> {
    match schema {
        Value::Object(fields) => {
            let own = REFERENCES.into_iter().find(|name| fields.contains_key(*name));
            own.or_else(|| fields.values().find_map(reference))
        }
        Value::Array(items) => items.iter().find_map(reference),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Regular expressions of `schema`, or what looks like one.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Object(fields) => {
            let named = fields.get("patternProperties").and_then(Value::as_object);
            let own = usize::from(fields.contains_key("pattern")) + named.map_or(0, Map::len);
            own + fields.values().map(patterns).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(patterns).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Values within `value`, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

pub(super) fn invalid<T>(name: &'static str, reason: String) -> Result<T, LedgerError> {
    Err(LedgerError::Invalid { name, reason })
}
