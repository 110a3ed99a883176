//! Finds definitions that no finite value satisfies: those that demand themselves again inside.
//!
//! A grammar of one would let an answer begin and never end.

use serde_json::{Map, Value};

use crate::constraint::ConstraintError;

/// Refuses a lowered schema with such a definition. `definitions` are the originals' pointers.
///
/// # Errors
/// [`ConstraintError::Unsatisfiable`].
pub(super) fn check(parts: &[Value], definitions: &[String]) -> Result<(), ConstraintError> {
    let mut finite = vec![false; parts.len()];
    // The least fixed point: a definition is finite once all that it demands is.
    loop {
        let next: Vec<bool> = parts.iter().map(|part| is_finite(part, &finite)).collect();
        if next == finite {
            break;
        }
        finite = next;
    }
    match finite.iter().position(|finite| !finite) {
        None => Ok(()),
        Some(at) => Err(ConstraintError::Unsatisfiable {
            what: "schema",
            reason: format!("no finite value satisfies #{}", definitions[at]),
        }),
    }
}

/// Whether a finite value may satisfy `schema`, as far as what is known of the definitions shows.
fn is_finite(schema: &Value, known: &[bool]) -> bool {
    let Value::Object(fields) = schema else { return *schema != Value::Bool(false) };
    let list = |key: &str| fields.get(key).and_then(Value::as_array);
    let target = fields.get("$ref").and_then(Value::as_str).map(definition);
    target.is_none_or(|target| known.get(target).copied().unwrap_or(true))
        && list("allOf").is_none_or(|parts| parts.iter().all(|part| is_finite(part, known)))
        && ["anyOf", "oneOf"].iter().all(|key| {
            list(key).is_none_or(|parts| parts.iter().any(|part| is_finite(part, known)))
        })
        && match fields.get("type").and_then(Value::as_str) {
            Some("object") => properties(fields).all(|part| is_finite(part, known)),
            Some("array") => items(fields).all(|part| is_finite(part, known)),
            _ => true,
        }
}

/// The number of the definition that `#/$defs/<n>` or `#` means.
fn definition(reference: &str) -> usize {
    reference.strip_prefix("#/$defs/").and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Schemas of the properties that an object has to have.
fn properties(fields: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let required = fields.get("required").and_then(Value::as_array).into_iter().flatten();
    let described = fields.get("properties").and_then(Value::as_object);
    required.filter_map(Value::as_str).filter_map(move |name| described?.get(name))
}

/// Schemas of the items that an array has to have.
fn items(fields: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize;
    let prefix = fields.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let rest = fields.get("items").filter(|_| least > prefix.len());
    prefix.iter().take(least).chain(rest)
}
