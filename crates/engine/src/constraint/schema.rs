//! Lowers a client's JSON Schema to the part of the language that the grammar enforces exactly,
//! or says which keyword stands in the way, and where.
//!
//! llguidance compiles a schema too, but its errors have no path, it follows references by its
//! own rules, and `x-guidance` in a schema would switch its enforcement off. So it is given a
//! schema of ours: draft 2020-12, no keyword that it does not implement, no annotation, every
//! reference resolved to `#/$defs/<n>`. A schema is read by the rules of the draft it names.
//!
//! What is refused by name: `not`, `if`/`then`/`else`, `contains`, `uniqueItems`,
//! `propertyNames`, `dependent*`, `unevaluated*`, `$dynamicRef` and `$recursiveRef` (save for the
//! values that demand nothing), references that leave the document, formats without a rule,
//! patterns with look-around, and numbers past 2^53.

mod cost;
mod draft;
mod finite;
mod keyword;
mod number;
mod reference;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use draft::Draft;

use serde_json::{Map, Value};

use self::keyword::Node;
use self::reference::Document;
use super::{ConstraintError, ConstraintLimits};

/// A schema in the part of the language that is enforced.
pub(crate) struct Lowered {
    /// The schema for llguidance.
    pub root: Value,
    /// The draft that the original is written in.
    pub draft: Draft,
    /// JSON pointers of every subschema of the original that matters, outer ones first.
    pub places: Vec<String>,
    /// JSON pointers of the originals of `#/$defs/<n>`; number 0 is the root.
    pub definitions: Vec<String>,
}

/// Lowers `schema`.
///
/// # Errors
/// [`ConstraintError::TooLarge`], [`ConstraintError::InvalidSchema`] or
/// [`ConstraintError::Unsupported`].
pub(crate) fn lower(schema: &Value, limits: &ConstraintLimits) -> Result<Lowered, ConstraintError> {
    limits.check_json(schema)?;
    lower_at(schema, "", limits)
}

/// Lowers the subschema of `schema` at the JSON pointer `start`, as a schema of its own.
///
/// # Errors
/// As [`lower`].
pub(super) fn lower_at(
    schema: &Value,
    start: &str,
    limits: &ConstraintLimits,
) -> Result<Lowered, ConstraintError> {
    let draft = Draft::of(schema)?;
    let mut lowering = Lowering {
        document: Document::new(schema, draft),
        draft,
        limits,
        definitions: vec![start.to_owned()],
        edges: Vec::new(),
        places: Vec::new(),
        divisors: number::Divisors::default(),
    };
    let mut parts = Vec::new();
    // Lowering one definition may discover others.
    while let Some(pointer) = lowering.definitions.get(parts.len()).cloned() {
        let target = schema.pointer(&pointer).unwrap_or(&Value::Null);
        let place =
            Place { pointer, definition: parts.len(), in_place: true, depth: 1, foreign: false };
        parts.push(lowering.schema(target, &place)?);
    }
    reference::check_edges(parts.len(), &lowering.edges, limits)?;
    if start.is_empty() {
        finite::check(&parts, &lowering.definitions)?;
    }
    let (places, definitions) = (lowering.places, lowering.definitions);
    let root = assemble(parts);
    cost::check(&root, limits)?;
    Ok(Lowered { root, draft, places, definitions })
}

/// Puts the definitions below the root; number 0 is the root itself, known as `#`.
fn assemble(parts: Vec<Value>) -> Value {
    let mut parts = parts.into_iter();
    let mut root = match parts.next() {
        Some(Value::Object(root)) => root,
        // `true`: `false` has been refused.
        _ => Map::new(),
    };
    let definitions: Map<String, Value> =
        parts.enumerate().map(|(at, part)| ((at + 1).to_string(), part)).collect();
    if !definitions.is_empty() {
        root.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Value::Object(root)
}

/// Where a subschema stands.
#[derive(Clone)]
struct Place {
    /// JSON pointer to it in the original.
    pointer: String,
    /// The definition that it is part of.
    definition: usize,
    /// Whether it speaks of the same value as that definition does.
    in_place: bool,
    /// Subschemas around it, itself included.
    depth: usize,
    /// Whether an `$id` around it gives references another base.
    foreign: bool,
}

impl Place {
    /// The place `steps` further in. `in_place` says whether it speaks of the same value.
    fn child(&self, steps: &[&str], in_place: bool) -> Place {
        let mut pointer = self.pointer.clone();
        for step in steps {
            pointer.push('/');
            pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        Place { pointer, in_place: self.in_place && in_place, depth: self.depth + 1, ..*self }
    }

    fn path(&self) -> String {
        format!("#{}", self.pointer)
    }

    fn unsupported(&self, keyword: &str, reason: impl Into<String>) -> ConstraintError {
        ConstraintError::Unsupported {
            keyword: keyword.to_owned(),
            path: self.child(&[keyword], true).path(),
            reason: reason.into(),
        }
    }

    fn invalid(&self, keyword: &str, reason: impl Into<String>) -> ConstraintError {
        ConstraintError::InvalidSchema {
            path: self.child(&[keyword], true).path(),
            reason: reason.into(),
        }
    }
}

struct Lowering<'a> {
    document: Document<'a>,
    draft: Draft,
    limits: &'a ConstraintLimits,
    /// Pointers of the targets of references, in the order of their numbers.
    definitions: Vec<String>,
    /// References from one definition to another that speak of the same value.
    edges: Vec<reference::Edge>,
    places: Vec<String>,
    divisors: number::Divisors,
}

impl Lowering<'_> {
    fn schema(&mut self, schema: &Value, place: &Place) -> Result<Value, ConstraintError> {
        super::limits::check(
            "nesting depth",
            &place.path(),
            place.depth as u64,
            self.limits.max_depth as u64,
        )?;
        let fields = match schema {
            Value::Bool(_) => return Ok(schema.clone()),
            Value::Object(fields) => fields,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                return Err(ConstraintError::InvalidSchema {
                    path: place.path(),
                    reason: "a schema is an object, true or false".to_owned(),
                });
            }
        };
        self.places.push(place.pointer.clone());
        let mut place = place.clone();
        place.foreign |= !place.pointer.is_empty() && self.document.is_resource(fields);
        if self.draft.reference_stands_alone() && fields.contains_key("$ref") {
            let target = self.reference(&fields["$ref"], &place)?;
            return Ok(Value::Object(Map::from_iter([("$ref".to_owned(), target)])));
        }
        let mut node = Node::default();
        for (key, value) in fields {
            self.keyword(&mut node, fields, key, value, &place)?;
        }
        self.finish(&mut node, fields, &place)?;
        Ok(node.into_value())
    }

    /// Lowers a list of subschemas.
    fn list(
        &mut self,
        key: &str,
        value: &Value,
        place: &Place,
        in_place: bool,
    ) -> Result<Value, ConstraintError> {
        let items = value.as_array().ok_or_else(|| place.invalid(key, "it has to be an array"))?;
        let lowered = items
            .iter()
            .enumerate()
            .map(|(at, item)| self.schema(item, &place.child(&[key, &at.to_string()], in_place)))
            .collect::<Result<_, _>>()?;
        Ok(Value::Array(lowered))
    }

    /// Lowers a map of subschemas.
    fn map(&mut self, key: &str, value: &Value, place: &Place) -> Result<Value, ConstraintError> {
        let fields =
            value.as_object().ok_or_else(|| place.invalid(key, "it has to be an object"))?;
        let count = fields.len() as u64;
        let limit = self.limits.max_properties as u64;
        super::limits::check(
            "number of properties",
            &place.child(&[key], true).path(),
            count,
            limit,
        )?;
        let mut lowered = Map::new();
        for (name, field) in fields {
            let inner = self.schema(field, &place.child(&[key, name], false))?;
            lowered.insert(name.clone(), inner);
        }
        Ok(Value::Object(lowered))
    }
}
