//! Tests of lowering.

use serde_json::{Value, json};

use super::lower;
use crate::constraint::ConstraintLimits;

#[track_caller]
fn check(schema: Value, expected: Value) {
    let lowered = lower(&schema, &ConstraintLimits::default()).map(|lowered| lowered.root);
    assert_eq!(lowered.map_err(|error| error.to_string()), Ok(expected), "{schema}");
}

#[test]
fn annotations_and_unknown_keywords_are_dropped() {
    check(
        json!({"title": "t", "type": "null", "mine": 1, "$comment": "c"}),
        json!({"type": "null"}),
    );
    check(json!(true), json!({}));
    check(json!({"properties": {"a": false}}), json!({"properties": {"a": false}}));
}

#[test]
fn references_become_numbers() {
    check(
        json!({"properties": {"a": {"$ref": "#/definitions/x~1y"}, "b": {"$ref": "#here"}, "c": {"$ref": "#"}},
            "definitions": {"x/y": {"type": "null"}}, "$defs": {"z": {"$anchor": "here", "const": 1}}}),
        json!({"properties": {"a": {"$ref": "#/$defs/1"}, "b": {"$ref": "#/$defs/2"}, "c": {"$ref": "#"}},
            "$defs": {"1": {"type": "null"}, "2": {"const": 1}}}),
    );
    check(
        json!({"$id": "https://example.com/s", "items": {"$ref": "https://example.com/s#/$defs/a%20b"}, "$defs": {"a b": {}}}),
        json!({"items": {"$ref": "#/$defs/1"}, "$defs": {"1": {}}}),
    );
}

#[test]
fn drafts_are_told_apart() {
    let seven = "http://json-schema.org/draft-07/schema#";
    check(
        json!({"$schema": seven, "$ref": "#/definitions/a", "type": "null", "definitions": {"a": {}}}),
        json!({"$ref": "#/$defs/1", "$defs": {"1": {}}}),
    );
    check(
        json!({"$schema": seven, "items": [{"type": "null"}], "additionalItems": false}),
        json!({"prefixItems": [{"type": "null"}], "items": false}),
    );
    check(
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": true}),
        json!({"minimum": 1, "exclusiveMinimum": 1}),
    );
    check(json!({"additionalItems": false, "minItems": 2.0}), json!({"minItems": 2}));
}

#[test]
fn formats_of_numbers_are_bounds() {
    check(
        json!({"type": "integer", "format": "uint8", "maximum": 9}),
        json!({"type": "integer", "maximum": 9.0, "minimum": 0.0}),
    );
    check(json!({"type": "number", "format": "double"}), json!({"type": "number"}));
}

#[test]
fn plain_keywords_stay_together_in_the_order_of_the_first() {
    check(
        json!({"type": "object", "allOf": [{"const": 1}], "additionalProperties": false, "properties": {"a": true}}),
        json!({"allOf": [{"const": 1}], "type": "object", "additionalProperties": false, "properties": {"a": true}}),
    );
}
