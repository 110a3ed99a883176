//! Checks sets and results before they are stored.

use std::collections::HashSet;

use serde_json::Value;

use super::{NewPilotRun, NewPilotSet};
use crate::document::to_json;
use crate::{LedgerError, validate};

/// The most items of a set.
const MAX_ITEMS: usize = 100_000;
/// The most JSON of an item.
const MAX_ITEM_BYTES: usize = 1 << 20;
/// The most JSON of all items.
const MAX_SET_BYTES: usize = 128 << 20;
/// The most JSON of a result, and of what a run is run with.
pub(super) const MAX_JSON_BYTES: usize = 256 << 10;
pub(super) const MAX_NAME_CHARS: usize = 200;
pub(super) const MAX_KIND_CHARS: usize = 64;
pub(super) const MAX_WHO_CHARS: usize = 100;
const MAX_ID_CHARS: usize = 500;

pub(super) fn invalid<T>(name: &'static str, reason: impl Into<String>) -> Result<T, LedgerError> {
    Err(LedgerError::Invalid { name, reason: reason.into() })
}

/// Puts the labels of a set in order and gives the JSON of its items.
pub(super) fn set(new: &mut NewPilotSet) -> Result<Vec<String>, LedgerError> {
    validate::text("name", &new.name, MAX_NAME_CHARS)?;
    validate::kind("job", &new.job, MAX_KIND_CHARS)?;
    validate::digest("sha256", &new.sha256)?;
    validate::labels("labels", &mut new.labels)?;
    validate::text("created_by", &new.created_by, MAX_WHO_CHARS)?;
    if !(1..=MAX_ITEMS).contains(&new.items.len()) {
        let reason = format!("are {}, it takes 1 to {MAX_ITEMS}", new.items.len());
        return invalid("items", reason);
    }
    let mut ids = HashSet::new();
    let mut texts = Vec::with_capacity(new.items.len());
    let mut bytes = 0_usize;
    for (at, one) in new.items.iter().enumerate() {
        validate::text("id", &one.id, MAX_ID_CHARS)?;
        if !ids.insert(one.id.as_str()) {
            return invalid("id", format!("of item {} is that of another one", at + 1));
        }
        let text = json("item", &one.item, MAX_ITEM_BYTES)?;
        bytes = bytes.saturating_add(text.len());
        if bytes > MAX_SET_BYTES {
            return invalid("items", format!("have more than {MAX_SET_BYTES} bytes of JSON"));
        }
        texts.push(text);
    }
    Ok(texts)
}

/// Puts the labels of a run in order and gives the JSON of what it is run with.
pub(super) fn run(new: &mut NewPilotRun) -> Result<String, LedgerError> {
    validate::labels("labels", &mut new.labels)?;
    validate::text("created_by", &new.created_by, MAX_WHO_CHARS)?;
    json("meta", &new.meta, MAX_JSON_BYTES)
}

/// JSON that is there: null is what an erasure leaves.
pub(super) fn json(
    name: &'static str,
    value: &Value,
    max_bytes: usize,
) -> Result<String, LedgerError> {
    if value.is_null() {
        return invalid(name, "is null, which stands for what was erased");
    }
    let text = to_json(value);
    if text.len() > max_bytes {
        let reason = format!("has {} bytes of JSON, the limit is {max_bytes}", text.len());
        return invalid(name, reason);
    }
    Ok(text)
}

pub(super) fn limit(limit: u32, most: u32) -> Result<(), LedgerError> {
    if (1..=most).contains(&limit) {
        return Ok(());
    }
    invalid("limit", format!("is {limit}, it must be 1 to {most}"))
}
