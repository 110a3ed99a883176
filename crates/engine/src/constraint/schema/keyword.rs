//! Lowers one keyword at a time.

use serde_json::{Map, Value};

use super::{Lowering, Place};
use crate::constraint::ConstraintError;
use crate::constraint::limits::check;

const TYPES: [&str; 7] = ["null", "boolean", "number", "integer", "string", "array", "object"];

/// A lowered schema under construction.
///
/// llguidance intersects the plain keywords with each applicator in the order of appearance, and
/// the order decides in which order properties are written. Plain keywords are kept together:
/// `additionalProperties` has to see all of `patternProperties`.
#[derive(Default)]
pub(super) struct Node {
    pub plain: Map<String, Value>,
    pub applicators: Map<String, Value>,
    applicators_first: Option<bool>,
}

impl Node {
    pub(super) fn plain(&mut self, key: &str, value: Value) {
        // `type` alone decides no order.
        if key != "type" {
            self.applicators_first.get_or_insert(false);
        }
        self.plain.insert(key.to_owned(), value);
    }

    fn applicator(&mut self, key: &str, value: Value) {
        self.applicators_first.get_or_insert(true);
        self.applicators.insert(key.to_owned(), value);
    }

    /// Whether the value may be of this type, as far as `type` says.
    pub(super) fn may_be(&self, name: &str) -> bool {
        match self.plain.get("type") {
            Some(Value::String(only)) => only == name,
            Some(Value::Array(names)) => names.iter().any(|each| each == name),
            _ => true,
        }
    }

    pub(super) fn into_value(self) -> Value {
        let (mut first, second) = match self.applicators_first {
            Some(true) => (self.applicators, self.plain),
            _ => (self.plain, self.applicators),
        };
        first.extend(second);
        Value::Object(first)
    }
}

impl Lowering<'_> {
    /// Lowers the keyword `key` of the schema `fields`.
    pub(super) fn keyword(
        &mut self,
        node: &mut Node,
        fields: &Map<String, Value>,
        key: &str,
        value: &Value,
        place: &Place,
    ) -> Result<(), ConstraintError> {
        match key {
            "type" => node.plain(key, types(value, place)?),
            "const" => {
                super::text::check_literal(value, key, place)?;
                node.applicator(key, value.clone());
            }
            "enum" => node.applicator(key, self.choices(value, place)?),
            "$ref" => node.applicator(key, self.reference(value, place)?),
            "allOf" | "anyOf" | "oneOf" => {
                node.applicator(key, self.list(key, value, place, true)?)
            }
            "properties" => {
                let lowered = self.map(key, value, place)?;
                node.plain(key, lowered);
            }
            "patternProperties" => {
                let lowered = self.map(key, value, place)?;
                for pattern in lowered.as_object().into_iter().flat_map(Map::keys) {
                    super::text::check_pattern(pattern, key, place, self.limits)?;
                }
                node.plain(key, lowered);
            }
            "additionalProperties" => {
                node.plain(key, self.schema(value, &place.child(&[key], false))?);
            }
            "prefixItems" | "items" | "additionalItems" => {
                self.items(node, fields, key, value, place)?;
            }
            "required" => node.plain(key, names(value, key, place)?),
            "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                node.plain(key, count(value, key, place, self.limits.max_items)?);
            }
            "minLength" | "maxLength" => {
                node.plain(key, count(value, key, place, self.limits.max_length)?);
            }
            "pattern" => {
                let pattern =
                    value.as_str().ok_or_else(|| place.invalid(key, "it has to be a string"))?;
                super::text::check_pattern(pattern, key, place, self.limits)?;
                node.plain(key, value.clone());
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                self.bound(node, fields, key, value, place)?;
            }
            // Needs to know `type`.
            "format" => {}
            _ => return refuse(node, fields, key, value, place),
        }
        Ok(())
    }

    /// What needs to have seen all keywords of a schema.
    pub(super) fn finish(
        &mut self,
        node: &mut Node,
        fields: &Map<String, Value>,
        place: &Place,
    ) -> Result<(), ConstraintError> {
        if let Some(format) = fields.get("format") {
            super::text::format(node, format, place)?;
        }
        let required = node.plain.get("required").and_then(Value::as_array).map_or(0, Vec::len);
        let least = node.plain.get("minProperties").and_then(Value::as_u64).unwrap_or(0);
        if least > required as u64 + 1 && node.may_be("object") {
            let reason = "names that the schema does not list could repeat; list them in required";
            return Err(place.unsupported("minProperties", reason));
        }
        Ok(())
    }

    fn choices(&self, value: &Value, place: &Place) -> Result<Value, ConstraintError> {
        let items =
            value.as_array().ok_or_else(|| place.invalid("enum", "it has to be an array"))?;
        let path = place.child(&["enum"], true).path();
        check("number of values", &path, items.len() as u64, self.limits.max_enum as u64)?;
        items.iter().try_for_each(|item| super::text::check_literal(item, "enum", place))?;
        Ok(value.clone())
    }

    /// Lowers the keywords of arrays to the meaning that 2020-12 gives them.
    fn items(
        &mut self,
        node: &mut Node,
        fields: &Map<String, Value>,
        key: &str,
        value: &Value,
        place: &Place,
    ) -> Result<(), ConstraintError> {
        let old = self.draft.items_may_be_array();
        let tuple = old && fields.get("items").is_some_and(Value::is_array);
        match key {
            "prefixItems" if !old => node.plain(key, self.list(key, value, place, false)?),
            "items" if tuple => node.plain("prefixItems", self.list(key, value, place, false)?),
            "items" => node.plain(key, self.schema(value, &place.child(&[key], false))?),
            "additionalItems" if tuple => {
                node.plain("items", self.schema(value, &place.child(&[key], false))?);
            }
            // Not a keyword in this draft, or void without a tuple.
            _ => {}
        }
        Ok(())
    }
}

/// Keywords without a rule: refused, unless their value demands nothing.
fn refuse(
    node: &mut Node,
    fields: &Map<String, Value>,
    key: &str,
    value: &Value,
    place: &Place,
) -> Result<(), ConstraintError> {
    let empty = value.as_object().is_some_and(Map::is_empty);
    let anything = empty || *value == Value::Bool(true);
    let reason = match key {
        "not" if *value == Value::Bool(false) => return Ok(()),
        "if" if !fields.contains_key("then") && !fields.contains_key("else") => return Ok(()),
        "then" | "else" if !fields.contains_key("if") || anything => return Ok(()),
        "minContains" | "maxContains" if !fields.contains_key("contains") => return Ok(()),
        "uniqueItems" if *value == Value::Bool(false) => return Ok(()),
        "propertyNames" | "unevaluatedProperties" | "unevaluatedItems" if anything => return Ok(()),
        "dependentRequired" | "dependentSchemas" | "dependencies" if empty => return Ok(()),
        "unevaluatedProperties" if stands_alone(fields, "additionalProperties") => {
            if *value == Value::Bool(false) {
                node.plain("additionalProperties", Value::Bool(false));
                return Ok(());
            }
            "write additionalProperties"
        }
        "not" => "describe what is allowed instead",
        "if" | "then" | "else" => "write the cases as anyOf",
        "contains" | "minContains" | "maxContains" => "describe every item with items",
        "uniqueItems" => "items cannot be compared with each other; drop it or set it to false",
        "propertyNames" => "write patternProperties with additionalProperties: false",
        "dependentRequired" | "dependentSchemas" | "dependencies" => "write the cases as anyOf",
        "unevaluatedProperties" => "write additionalProperties",
        "unevaluatedItems" => "write items",
        "$dynamicRef" | "$recursiveRef" => "write $ref",
        "x-guidance" => "settings of the grammar are not the client's",
        // Annotations and whatever JSON Schema does not know.
        _ => return Ok(()),
    };
    Err(place.unsupported(key, reason))
}

/// Whether nothing but the schema's plain keywords evaluates properties.
fn stands_alone(fields: &Map<String, Value>, sibling: &str) -> bool {
    let others = ["$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef"];
    !fields.contains_key(sibling) && others.iter().all(|other| !fields.contains_key(*other))
}

fn types(value: &Value, place: &Place) -> Result<Value, ConstraintError> {
    let known = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    let valid = match value.as_array() {
        Some(names) => !names.is_empty() && names.iter().all(known),
        None => known(value),
    };
    if valid {
        Ok(value.clone())
    } else {
        Err(place.invalid("type", format!("it has to be one of {}", TYPES.join(", "))))
    }
}

fn names(value: &Value, key: &str, place: &Place) -> Result<Value, ConstraintError> {
    match value.as_array() {
        Some(names) if names.iter().all(Value::is_string) => Ok(value.clone()),
        _ => Err(place.invalid(key, "it has to be an array of strings")),
    }
}

/// A count; JSON Schema allows `2.0`.
fn count(value: &Value, key: &str, place: &Place, limit: u64) -> Result<Value, ConstraintError> {
    let whole = value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0);
    let number =
        whole.ok_or_else(|| place.invalid(key, "it has to be a whole number, 0 or more"))?;
    check("the number", &place.child(&[key], true).path(), number as u64, limit)?;
    Ok(Value::from(number as u64))
}
