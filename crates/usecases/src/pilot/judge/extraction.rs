//! Compares the fields of a document with the right ones.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::tokens::Tokens;
use super::{Judged, outcome};
use crate::pilot::run::{
    Details, ExtractionDetails, ExtractionGiven, FieldMatch, FieldResult, LabelResult,
};
use crate::pilot::set::ExtractionItem;

/// The most entries of a list that are compared one by one.
const MAX_ENTRIES: usize = 1_000;

pub(super) fn judge(item: &ExtractionItem, given: ExtractionGiven) -> Judged {
    let document_type = item.document_type.as_ref().map(|expected| LabelResult {
        expected: expected.clone(),
        given: given.document_type.clone(),
        confidence: None,
    });
    let mut fields = Vec::new();
    for (name, expected) in &item.fields {
        let found = given.fields.get(name);
        let value = found.map_or(&Value::Null, |field| &field.value);
        let flagged = found.is_some_and(|field| field.flagged);
        compare(name, expected, value, flagged, &mut fields);
    }
    // What the labels do not name at all is not judged: the set may be of a few fields only.
    let type_is_right = document_type.as_ref().is_none_or(|label| {
        label.given.as_ref().is_some_and(|given| super::same(given, &label.expected))
    });
    let is_right = type_is_right && fields.iter().all(|field| field.outcome.is_right());
    let is_given = given.document_type.is_some()
        || given.fields.values().any(|field| !field.value.is_null())
        || fields.iter().all(|field| field.expected.is_null()) && document_type.is_none();
    let least = given
        .fields
        .iter()
        .filter(|(name, _)| item.fields.contains_key(*name))
        .filter_map(|(_, field)| field.confidence.filter(|confidence| confidence.is_finite()))
        .reduce(f64::min);
    let proposal_right = is_given.then_some(is_right);
    Judged {
        outcome: outcome(given.handed_over, false, proposal_right),
        handed_over: given.handed_over,
        proposal_right,
        confidence: given.confidence.or(least),
        details: Details::Extraction(ExtractionDetails { document_type, fields }),
    }
}

/// Compares one value, the entries of objects and of lists of objects one by one.
fn compare(
    name: &str,
    expected: &Value,
    given: &Value,
    flagged: bool,
    results: &mut Vec<FieldResult>,
) {
    match (expected, given) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                let given = found.get(key).unwrap_or(&Value::Null);
                compare(&format!("{name}.{key}"), value, given, flagged, results);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.iter().any(Value::is_object) => {
            for at in 0..wanted.len().max(found.len()).min(MAX_ENTRIES) {
                let entry = format!("{name}[{at}]");
                let (wanted, found) = (wanted.get(at), found.get(at));
                match (wanted, found) {
                    (Some(wanted), Some(found)) => {
                        compare(&entry, wanted, found, flagged, results);
                    }
                    (wanted, found) => {
                        let null = Value::Null;
                        let pair = (wanted.unwrap_or(&null), found.unwrap_or(&null));
                        results.push(result(&entry, pair.0, pair.1, flagged));
                    }
                }
            }
        }
        _ => results.push(result(name, expected, given, flagged)),
    }
}

fn result(name: &str, expected: &Value, given: &Value, flagged: bool) -> FieldResult {
    let outcome = match (is_empty(expected), is_empty(given)) {
        (true, true) => FieldMatch::RightlyEmpty,
        (true, false) => FieldMatch::Invented,
        (false, true) => FieldMatch::Missing,
        (false, false) if agree(expected, given) => FieldMatch::Right,
        (false, false) => FieldMatch::Different,
    };
    FieldResult {
        name: name.to_owned(),
        expected: expected.clone(),
        given: given.clone(),
        outcome,
        flagged,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether two values say the same: texts without case, accents, spaces and punctuation, numbers as
/// numbers, lists of plain values in any order.
fn agree(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted.len() <= MAX_ENTRIES
                && same_entries(wanted, found)
        }
        (Value::Object(_), _) | (_, Value::Object(_)) => expected == given,
        (Value::Array(_), _) | (_, Value::Array(_)) => false,
        (Value::Number(wanted), Value::Number(found)) => numbers_agree(wanted, found),
        (Value::Number(number), Value::String(text))
        | (Value::String(text), Value::Number(number)) => Tokens::of(text)
            .as_number()
            .into_iter()
            .flatten()
            .filter_map(|reading| reading.parse().ok())
            .any(|reading| numbers_agree(number, &reading)),
        (Value::String(wanted), Value::String(found)) => texts_agree(wanted, found),
        (Value::Bool(flag), Value::String(text)) | (Value::String(text), Value::Bool(flag)) => {
            let words: &[&str] =
                if *flag { &["true", "oui", "vrai"] } else { &["false", "non", "faux"] };
            words.contains(&text.trim().to_lowercase().as_str())
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {
            expected == given
        }
    }
}

/// Whether two numbers are the same: whole ones in each digit, others but for what binary fractions
/// lose.
fn numbers_agree(a: &Number, b: &Number) -> bool {
    if a == b {
        return true;
    }
    let near = |(a, b): (f64, f64)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    (a.is_f64() || b.is_f64()) && a.as_f64().zip(b.as_f64()).is_some_and(near)
}

fn texts_agree(wanted: &str, found: &str) -> bool {
    let (a, b) = (Tokens::of(wanted), Tokens::of(found));
    if a.is_empty() || b.is_empty() {
        return wanted.trim() == found.trim();
    }
    if let (Some(_), Some(_)) = (a.as_number(), b.as_number()) {
        // Else -5 would be 5, and 1.5 would be 15. A zero in front makes it a name, not a number.
        let is_name = |text: &str| {
            let mut digits = text.trim().bytes();
            digits.next() == Some(b'0') && digits.next().is_some_and(|next| next.is_ascii_digit())
        };
        return match is_name(wanted) || is_name(found) {
            true => Tokens::squeezed(wanted) == Tokens::squeezed(found),
            false => a.equals(&b),
        };
    }
    a.equals(&b) || {
        let squeezed = Tokens::squeezed(wanted);
        !squeezed.is_empty() && squeezed == Tokens::squeezed(found)
    }
}

/// Whether each entry of one list has its own in the other.
fn same_entries(wanted: &[Value], found: &[Value]) -> bool {
    // Most are equal after folding; only what is left is compared one by one.
    let mut left: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for value in found {
        left.entry(squeezed(value)).or_default().push(value);
    }
    let missing: Vec<&Value> = wanted
        .iter()
        .filter(|value| left.get_mut(&squeezed(value)).and_then(Vec::pop).is_none())
        .collect();
    let mut rest: Vec<&Value> = left.into_values().flatten().collect();
    missing.iter().all(|value| {
        let place = rest.iter().position(|other| agree(value, other));
        place.map(|at| rest.swap_remove(at)).is_some()
    })
}

fn squeezed(value: &Value) -> String {
    match value {
        Value::String(text) => Tokens::squeezed(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}
