//! Bounds how large a schema grows when its parts are multiplied out, before that is done.
//!
//! llguidance intersects `allOf`, `anyOf`, `oneOf`, `enum`, `$ref` and the keywords beside them
//! by copying: a thousand alternatives beside a thousand properties are a million nodes. It
//! bounds the number of intersections (50,000), not the size of the copies.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::constraint::limits::check as within;
use crate::constraint::{ConstraintError, ConstraintLimits};

const APPLICATORS: [&str; 6] = ["$ref", "enum", "const", "allOf", "anyOf", "oneOf"];

/// An upper bound of what a schema becomes.
#[derive(Clone, Copy)]
struct Size {
    /// Nodes that it has.
    nodes: u64,
    /// How often a part of another schema is copied when the two are intersected.
    copies: u64,
}

impl Size {
    const ONE: Size = Size { nodes: 1, copies: 1 };

    /// Both at the same place.
    fn and(self, other: Size) -> Size {
        let mine = self.nodes.saturating_mul(other.copies);
        let theirs = other.nodes.saturating_mul(self.copies);
        Size {
            nodes: mine.saturating_add(theirs),
            copies: self.copies.saturating_mul(other.copies),
        }
    }

    /// One or the other.
    fn or(self, other: Size) -> Size {
        Size {
            nodes: self.nodes.saturating_add(other.nodes),
            copies: self.copies.saturating_add(other.copies),
        }
    }
}

/// Refuses a lowered schema that would grow past the limit.
///
/// # Errors
/// [`ConstraintError::TooLarge`].
pub(super) fn check(root: &Value, limits: &ConstraintLimits) -> Result<(), ConstraintError> {
    let mut estimate = Estimate { root, sizes: HashMap::new(), worst: 0, fan: widest(root) };
    let size = estimate.schema(root, true);
    let found = estimate.worst.max(size.nodes);
    within("size multiplied out", "#", found, limits.max_expansion)
}

struct Estimate<'a> {
    root: &'a Value,
    /// Of definitions; 1 while one is being looked at, as recursion is not followed.
    sizes: HashMap<String, Size>,
    worst: u64,
    /// Properties of the largest object: each of them may take a copy of another schema's
    /// `additionalProperties`.
    fan: u64,
}

impl Estimate<'_> {
    /// `alone` when nothing is intersected with it: a lone reference stays a reference.
    fn schema(&mut self, schema: &Value, alone: bool) -> Size {
        let Value::Object(fields) = schema else { return Size::ONE };
        let mut total: Option<Size> = None;
        let join = |total: &mut Option<Size>, size: Size| {
            *total = Some(total.map_or(size, |total| total.and(size)));
        };
        let alone = alone && applicators(fields) < 2;
        let plain = self.plain(fields);
        if let Some(plain) = plain {
            join(&mut total, plain);
        }
        for (key, value) in fields {
            match key.as_str() {
                "$ref" => {
                    let size = self.reference(value.as_str().unwrap_or_default());
                    let lone = alone && plain.is_none();
                    join(&mut total, if lone { Size { nodes: 1, ..size } } else { size });
                }
                "enum" => {
                    let count = value.as_array().map_or(1, Vec::len) as u64;
                    join(&mut total, Size { nodes: count, copies: count.max(1) });
                }
                "anyOf" | "oneOf" => {
                    let parts = value.as_array().map_or(&[][..], Vec::as_slice);
                    let sizes = parts.iter().map(|part| self.schema(part, true));
                    if let Some(size) = sizes.reduce(Size::or) {
                        join(&mut total, size);
                    }
                }
                "allOf" => {
                    for part in value.as_array().map_or(&[][..], Vec::as_slice) {
                        let size = self.schema(part, false);
                        join(&mut total, size);
                    }
                }
                _ => {}
            }
        }
        let size = total.unwrap_or(Size::ONE);
        self.worst = self.worst.max(size.nodes);
        size
    }

    /// The keywords that describe the value itself.
    fn plain(&mut self, fields: &Map<String, Value>) -> Option<Size> {
        let mut size = Size::ONE;
        let mut some = false;
        for (key, value) in fields {
            some |= !APPLICATORS.contains(&key.as_str()) && key != "$defs";
            let parts: Vec<&Value> = match (key.as_str(), value) {
                ("properties" | "patternProperties", Value::Object(map)) => map.values().collect(),
                ("prefixItems", Value::Array(items)) => items.iter().collect(),
                ("items" | "additionalProperties", one) => vec![one],
                _ => continue,
            };
            for part in parts {
                let mut part = self.schema(part, true);
                if key == "additionalProperties" {
                    part.nodes = part.nodes.saturating_mul(self.fan);
                }
                size.nodes = size.nodes.saturating_add(part.nodes);
                size.copies = size.copies.max(part.copies);
            }
        }
        some.then_some(size)
    }

    fn reference(&mut self, target: &str) -> Size {
        if let Some(size) = self.sizes.get(target) {
            return *size;
        }
        self.sizes.insert(target.to_owned(), Size::ONE);
        let pointer = target.trim_start_matches('#');
        let size = match self.root.pointer(pointer) {
            Some(schema) if !pointer.is_empty() => self.schema(schema, true),
            _ => Size::ONE,
        };
        self.sizes.insert(target.to_owned(), size);
        size
    }
}

fn widest(schema: &Value) -> u64 {
    match schema {
        Value::Array(items) => items.iter().map(widest).max().unwrap_or(1),
        Value::Object(fields) => {
            let own = fields.get("properties").and_then(Value::as_object).map_or(1, Map::len);
            fields.values().map(widest).fold((own as u64).max(1), u64::max)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// How many keywords are intersected one after the other.
fn applicators(fields: &Map<String, Value>) -> usize {
    APPLICATORS.iter().filter(|key| fields.contains_key(**key)).count()
}
