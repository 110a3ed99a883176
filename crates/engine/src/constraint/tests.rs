//! Tests of constraints end to end: compiled, drawn from at random, verified.

mod grammars;
mod hostile;

use intramuros_types::{Constraint, Fault};
use serde_json::{Value, json};

use super::ConstraintError;
use super::testing::{ByteCodec, Drawer, PADDING, STOP, accepts, allowed, compile, vocabulary};
use intramuros_backend::TextCodec as _;

fn schemas() -> Vec<Value> {
    let person = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer", "minimum": 0, "maximum": 130}},
        "required": ["name"],
        "additionalProperties": false
    });
    vec![
        json!({"type": "object"}),
        json!(true),
        person.clone(),
        json!({"type": "array", "items": person, "minItems": 1, "maxItems": 3}),
        json!({"enum": ["a", "é→", "\"quoted\"\n", 3, null, {"x": [1, {"y": 2}]}]}),
        json!({"const": {"b": 1, "a": "x"}}),
        json!({"type": ["number", "null"], "multipleOf": 0.5, "minimum": -3, "exclusiveMaximum": 7.5}),
        json!({"type": "string", "pattern": "^[a-f]{2,4}-\\d+$", "maxLength": 8}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "minLength": 2, "maxLength": 3}),
        json!({"anyOf": [{"type": "boolean"}, {"type": "array", "prefixItems": [{"const": 1}, {"type": "null"}], "items": false}]}),
        json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "b"}, "s": {"type": "string"}}, "required": ["kind", "s"]},
        ]}),
        json!({"$ref": "#/$defs/tree", "$defs": {"tree": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2}},
            "required": ["value"], "additionalProperties": false
        }}}),
        json!({"allOf": [{"$ref": "#/$defs/base"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
            "$defs": {"base": {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}}}),
        json!({"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "null"}}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}], "additionalItems": {"type": "null"}}),
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "minimum": 3, "exclusiveMinimum": true}),
        json!({"type": "integer", "format": "uint8"}),
    ]
}

#[test]
fn every_answer_drawn_at_random_satisfies_its_schema() {
    for (at, schema) in schemas().into_iter().enumerate() {
        let grammar = compile(&Constraint::JsonSchema(schema.clone()))
            .unwrap_or_else(|error| panic!("{schema}: {error}"));
        let mut drawer = Drawer::new(at as u64);
        let answers: Vec<String> = (0..40).filter_map(|_| drawer.draw(&grammar, 400)).collect();
        assert!(answers.len() >= 5, "{schema}: {} of 40 ended", answers.len());
        for answer in answers {
            grammar
                .verifier()
                .verify(&answer)
                .unwrap_or_else(|why| panic!("{schema}: {answer} {why}"));
        }
    }
}

#[test]
fn json_object_is_any_object_and_nothing_else() {
    let grammar = compile(&Constraint::JsonObject).expect("compiles");
    for (text, expected) in [
        ("{}", true),
        (r#"{"a": 1, "b": [true, null, {"c": "d"}]}"#, true),
        ("[]", false),
        (r#"{"a":1}"#, false),
        (r#"{"a": 1,  "b": 2}"#, false),
        ("{ }", false),
        (r#"{"a": 1} "#, false),
    ] {
        assert_eq!(accepts(&grammar, text).expect("within limits"), expected, "{text}");
        assert!(!expected || grammar.verifier().verify(text).is_ok(), "{text}");
    }
}

#[test]
fn a_property_has_one_spelling() {
    let schema = json!({"properties": {"a": {"type": "integer"}}, "type": "object"});
    let grammar = compile(&Constraint::JsonSchema(schema)).expect("compiles");
    assert!(accepts(&grammar, r#"{"a": 1, "b": "x"}"#).expect("within limits"));
    assert!(!accepts(&grammar, r#"{"\u0061": "x"}"#).expect("within limits"));
    assert!(!accepts(&grammar, r#"{"a": "x"}"#).expect("within limits"));
}

#[test]
fn what_is_certain_is_forced_in_one_run() {
    let schema = json!({"type": "object", "properties": {"name": {"const": "ab"}, "tool_call": {"type": "boolean"}},
        "required": ["name", "tool_call"], "additionalProperties": false});
    let grammar = compile(&Constraint::JsonSchema(schema)).expect("compiles");
    let (codec, mut matcher) = (ByteCodec::new(), grammar.matcher());
    let forced = matcher.forced();
    let text: Vec<u8> =
        forced.iter().flat_map(|&token| codec.token_bytes(token)).copied().collect();
    // The last bytes may be part of a longer token together with what follows.
    assert!(
        text.starts_with(br#"{"name": "ab", "tool_call""#),
        "{}",
        String::from_utf8_lossy(&text)
    );
    for token in forced {
        assert_eq!(allowed(&mut matcher), [token]);
        matcher.accept(token).expect("forced");
    }
    assert!(matcher.forced().is_empty());
}

#[test]
fn a_prefix_of_a_draft_is_what_one_by_one_would_take() {
    let grammar =
        compile(&Constraint::JsonSchema(json!({"enum": ["abc", "abd"]}))).expect("compiles");
    let codec = ByteCodec::new();
    for draft in [r#""abc""#, r#""abx""#, "x", "", r#""abd""#] {
        let mut tokens = codec.tokens(draft.as_bytes());
        tokens.extend([STOP + 1, u32::from(b'x')]);
        let mut matcher = grammar.matcher();
        let valid = matcher.valid_prefix(&tokens).expect("within limits");
        assert_eq!(matcher.valid_prefix(&tokens).expect("within limits"), valid, "unchanged");
        let taken = tokens.iter().take_while(|&&token| matcher.accept(token).is_ok()).count();
        assert_eq!(valid, taken, "{draft}");
    }
    let unknown = codec.vocab_size() as u32 + 1;
    assert_eq!(grammar.matcher().valid_prefix(&[unknown]).expect("not an error"), 0);
}

#[test]
fn a_rejected_token_leaves_the_matcher_as_it_was() {
    let grammar = compile(&Constraint::Choice(vec!["yes".into(), "no".into()])).expect("compiles");
    let mut matcher = grammar.matcher();
    let error = matcher.accept(u32::from(b'x')).expect_err("forbidden");
    assert!(matches!(error, ConstraintError::Rejected { token: 120 }));
    assert_eq!(allowed(&mut matcher), [u32::from(b'n'), u32::from(b'y')]);
}

#[test]
fn the_end_allows_every_stop_token_and_only_them() {
    let grammar =
        compile(&Constraint::Choice(vec!["no".into(), "nobody".into()])).expect("compiles");
    let mut matcher = grammar.matcher();
    assert!(!matcher.is_accepting().expect("within limits"));
    matcher.accept(u32::from(b'n')).expect("allowed");
    matcher.accept(u32::from(b'o')).expect("allowed");
    assert!(matcher.is_accepting().expect("within limits") && !matcher.is_finished());
    assert_eq!(allowed(&mut matcher), [u32::from(b'b'), STOP, STOP + 1]);
    matcher.accept(STOP + 1).expect("allowed");
    assert!(matcher.is_finished());
    assert_eq!(allowed(&mut matcher), [STOP, STOP + 1]);
    matcher.accept(STOP).expect("again is harmless");
    assert!(matcher.forced().is_empty());
}

#[test]
fn logits_past_the_vocabulary_are_never_allowed() {
    let grammar = compile(&Constraint::Regex("(?s:.*)".into())).expect("compiles");
    let size = ByteCodec::new().vocab_size();
    let allowed = allowed(&mut grammar.matcher());
    assert!(allowed.iter().all(|&token| (token as usize) < size), "{PADDING} more were offered");
    // Specials other than the stop tokens are not text either.
    assert_eq!(allowed.iter().filter(|&&token| token >= STOP).count(), 2);
}

#[track_caller]
fn check_refused(schema: Value, keyword: &str, path: &str) {
    match compile(&Constraint::JsonSchema(schema)).map(drop) {
        Err(error @ ConstraintError::Unsupported { .. }) => {
            assert_eq!(error.fault(), Fault::User);
            let text = error.to_string();
            assert!(text.contains(&format!("\"{keyword}\" at {path} ")), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_enforced_is_refused_by_name_and_path() {
    let inside = |schema: Value| json!({"properties": {"a/b": {"items": schema}}});
    let at = |keyword: &str| format!("#/properties/a~1b/items/{keyword}");
    for (keyword, schema) in [
        ("not", json!({"not": {"type": "null"}})),
        ("if", json!({"if": {"type": "null"}, "then": {"const": null}})),
        ("contains", json!({"contains": {"type": "null"}})),
        ("uniqueItems", json!({"uniqueItems": true})),
        ("propertyNames", json!({"propertyNames": {"pattern": "a"}})),
        ("dependentRequired", json!({"dependentRequired": {"a": ["b"]}})),
        ("unevaluatedProperties", json!({"allOf": [{}], "unevaluatedProperties": false})),
        ("format", json!({"format": "iri"})),
        ("pattern", json!({"pattern": "(?=a)b"})),
        ("$ref", json!({"$ref": "https://example.com/schema"})),
        ("$ref", json!({"$ref": "file:///etc/passwd"})),
        ("$ref", json!({"$ref": "#/nowhere"})),
        ("$dynamicRef", json!({"$dynamicRef": "#a"})),
        ("x-guidance", json!({"x-guidance": {"lenient": true}})),
        ("oneOf", json!({"oneOf": [{"minimum": 1}, {"maximum": 3}]})),
        ("minProperties", json!({"properties": {"a": {}, "b": {}}, "minProperties": 1})),
        ("patternProperties", json!({"patternProperties": {"a": {"const": 1}, "b": {"const": 2}}})),
        ("multipleOf", json!({"multipleOf": 0.07})),
        ("minimum", json!({"minimum": 1e17})),
        ("const", json!({"const": "\u{1}"})),
    ] {
        check_refused(inside(schema), keyword, &at(keyword));
    }
    check_refused(json!({"x-guidance": {"coerce_one_of": true}}), "x-guidance", "#/x-guidance");
    check_refused(json!({"$schema": "https://example.com/mine"}), "$schema", "#/$schema");
}

#[test]
fn keywords_that_demand_nothing_are_no_reason_to_refuse() {
    let schema = json!({
        "type": "object", "title": "T", "description": "D", "examples": [{"not": 1}], "default": {},
        "properties": {"not": {"type": "integer"}, "l": {"uniqueItems": false, "type": "array", "items": {"type": "null"}}},
        "dependentRequired": {}, "propertyNames": true, "then": {"const": 1}, "unevaluatedProperties": false
    });
    let grammar = compile(&Constraint::JsonSchema(schema)).expect("compiles");
    assert!(accepts(&grammar, r#"{"not": 1, "l": [null]}"#).expect("within limits"));
    assert!(!accepts(&grammar, r#"{"other": 1}"#).expect("within limits"));
}

#[test]
fn a_verifier_says_where_without_a_word_of_the_answer() {
    let schema = json!({"properties": {"a": {"maximum": 3}}});
    let grammar = compile(&Constraint::JsonSchema(schema)).expect("compiles");
    let why = grammar.verifier().verify(r#"{"a": 98765}"#).expect_err("too much");
    assert_eq!(why, "violates the schema at #/properties/a/maximum");
    let why = grammar.verifier().verify("secret").expect_err("not JSON");
    assert_eq!(why, "not JSON at line 1, column 1");
}

#[test]
fn a_schema_that_no_value_satisfies_is_an_error() {
    for schema in [
        json!(false),
        json!({"enum": []}),
        json!({"type": "integer", "minimum": 3, "maximum": 2}),
        json!({"type": "string", "pattern": "^a$", "minLength": 2}),
        json!({"type": "object", "required": ["a"], "properties": {"a": false}}),
        json!({"allOf": [{"type": "string"}, {"type": "null"}]}),
    ] {
        match compile(&Constraint::JsonSchema(schema.clone())).map(drop) {
            Err(ConstraintError::Unsatisfiable { .. }) => {}
            other => panic!("{schema}: {other:?}"),
        }
    }
}

#[test]
fn an_invalid_schema_is_told_where() {
    for (schema, path) in [
        (json!({"type": "text"}), "#/type"),
        (json!({"properties": {"a": {"minLength": -1}}}), "#/properties/a/minLength"),
        (json!({"items": 3}), "#/items"),
        (json!({"required": true}), "#/required"),
        (json!([]), "#"),
    ] {
        match compile(&Constraint::JsonSchema(schema.clone())).map(drop) {
            Err(ConstraintError::InvalidSchema { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{schema}: {other:?}"),
        }
    }
}

#[test]
fn a_vocabulary_needs_no_more_than_its_codec() {
    let vocabulary = vocabulary();
    assert_eq!(vocabulary.special_token("<|end|>"), Some(STOP));
    assert_eq!(vocabulary.special_token("<tool_call>"), None);
    assert_eq!(vocabulary.lark_marker("<call>"), format!("<[{}]>", STOP + 3));
    assert_eq!(vocabulary.lark_marker("<tool_call>\n\"x\""), r#""<tool_call>\n\"x\"""#);
}

#[test]
fn grammars_are_shared_between_threads_and_matchers_move_to_one() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<(super::Vocabulary, super::Grammar, super::verify::Verifier)>();
    moved::<super::Matcher>();
    // Two matchers of one grammar go their own ways.
    let grammar = compile(&Constraint::Choice(vec!["ab".into(), "b".into()])).expect("compiles");
    let (mut one, mut other) = (grammar.matcher(), grammar.matcher());
    one.accept(u32::from(b'b')).expect("allowed");
    assert!(one.is_finished() && !other.is_finished());
    assert_eq!(allowed(&mut other).len(), 3);
}
