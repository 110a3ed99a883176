//! Checks policies, examples and tickets before they are stored.

use serde_json::Value;

use super::{NewExample, NewTicket, TicketLabels};
use crate::document::to_json;
use crate::{LedgerError, validate};

const MAX_LABEL_CHARS: usize = 80;
const MAX_TEXT_CHARS: usize = 8_000;
const MAX_EXTERNAL_ID_CHARS: usize = 500;
const MAX_CHANNEL_CHARS: usize = 40;
const MAX_SENDER_CHARS: usize = 320;
const MAX_SUBJECT_CHARS: usize = 1_000;
const MAX_BODY_CHARS: usize = 100_000;
const MAX_CONFIG_BYTES: usize = 512 << 10;
const MAX_DECISION_BYTES: usize = 64 << 10;

pub(super) fn config(config: &Value) -> Result<String, LedgerError> {
    json("policy", config, MAX_CONFIG_BYTES)
}

pub(super) fn example(example: &NewExample) -> Result<(), LedgerError> {
    at_most("text", &example.text, MAX_TEXT_CHARS)?;
    if example.text.trim().is_empty() {
        return invalid("text", "is empty".to_owned());
    }
    if example.labels == TicketLabels::default() {
        return invalid("labels", "has none; give at least one".to_owned());
    }
    labels(&example.labels)
}

/// Checks a ticket; gives its decision as it is stored.
pub(super) fn ticket(new: &NewTicket) -> Result<String, LedgerError> {
    if let Some(id) = &new.external_id {
        validate::text("external_id", id, MAX_EXTERNAL_ID_CHARS)?;
    }
    at_most("channel", &new.channel, MAX_CHANNEL_CHARS)?;
    at_most("from", &new.sender, MAX_SENDER_CHARS)?;
    at_most("subject", &new.subject, MAX_SUBJECT_CHARS)?;
    at_most("body", &new.body, MAX_BODY_CHARS)?;
    if new.subject.trim().is_empty() && new.body.trim().is_empty() {
        return invalid("body", "is empty, and so is the subject".to_owned());
    }
    labels(&new.proposed)?;
    json("decision", &new.decision, MAX_DECISION_BYTES)
}

pub(super) fn labels(labels: &TicketLabels) -> Result<(), LedgerError> {
    for (name, label) in
        [("category", &labels.category), ("urgency", &labels.urgency), ("team", &labels.team)]
    {
        if let Some(label) = label {
            validate::text(name, label, MAX_LABEL_CHARS)?;
        }
    }
    Ok(())
}

pub(super) fn at_most(name: &'static str, text: &str, max_chars: usize) -> Result<(), LedgerError> {
    let chars = text.chars().count();
    if chars <= max_chars {
        return Ok(());
    }
    invalid(name, format!("has {chars} characters, the limit is {max_chars}"))
}

pub(super) fn invalid<T>(name: &'static str, reason: String) -> Result<T, LedgerError> {
    Err(LedgerError::Invalid { name, reason })
}

fn json(name: &'static str, value: &Value, max_bytes: usize) -> Result<String, LedgerError> {
    let text = to_json(value);
    if text.len() <= max_bytes {
        return Ok(text);
    }
    invalid(name, format!("has {} bytes of JSON, the limit is {max_bytes}", text.len()))
}
