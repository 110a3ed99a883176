//! Constraints made to exhaust the server: each ends in an error or works, in bounded time.

use std::time::Instant;

use intramuros_types::{Constraint, Fault};
use serde_json::{Map, Value, json};

use crate::constraint::testing::{Drawer, compile};
use crate::constraint::{ConstraintError, ConstraintLimits, Grammar, Verifier};

/// Compiles, and draws some if that worked.
#[track_caller]
fn check(name: &str, constraint: &Constraint) -> Result<Grammar, ConstraintError> {
    let start = Instant::now();
    let result = compile(constraint);
    let compiled = start.elapsed();
    match &result {
        Ok(grammar) => {
            let mut matcher = grammar.matcher();
            let mut logits = [0.0; 300];
            for _ in 0..50 {
                if matcher.is_finished() || matcher.mask(&mut logits).is_err() {
                    break;
                }
                let token = logits.iter().position(|&logit| logit == 0.0).expect("one") as u32;
                logits.fill(0.0);
                match matcher.accept(token) {
                    Ok(()) => {}
                    Err(ConstraintError::TooComplex { .. }) => break,
                    Err(error) => panic!("{name}: {error:?}"),
                }
            }
        }
        Err(error) => assert_eq!(error.fault(), Fault::User, "{name}: {error:?}"),
    }
    let shown = result.as_ref().map(|_| "compiles").map_err(ToString::to_string);
    eprintln!("{name}: {shown:?} {compiled:?}, then {:?}", start.elapsed() - compiled);
    result
}

fn check_schema(name: &str, schema: Value) -> Result<Grammar, ConstraintError> {
    check(name, &Constraint::JsonSchema(schema))
}

#[track_caller]
fn check_too_large(name: &str, schema: Value) {
    let error = check_schema(name, schema).map(drop).expect_err("too large");
    assert!(matches!(error, ConstraintError::TooLarge { .. }), "{name}: {error}");
}

fn object(fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(Map::from_iter(fields))
}

#[test]
fn size_and_nesting_are_limited() {
    let mut deep = json!({"type": "null"});
    for _ in 0..60 {
        deep = json!({"items": deep});
    }
    check_too_large("deep", deep);
    check_too_large("many values", json!({"enum": (0..5_000).collect::<Vec<_>>()}));
    check_too_large(
        "many properties",
        json!({"properties": object((0..1_100).map(|at| (format!("p{at}"), json!({}))))}),
    );
    check_too_large("long", json!({"const": "x".repeat(300_000)}));
    check_too_large("many items", json!({"type": "array", "maxItems": 1_000_000_000}));
    check_too_large("least items", json!({"type": "array", "minItems": 1e18}));
    check_too_large("length", json!({"type": "string", "maxLength": 4_000_000_000_u64}));
    check_too_large("pattern", json!({"pattern": "a".repeat(5_000)}));
}

#[test]
fn large_but_allowed_schemas_work() {
    let properties = object((0..1_000).map(|at| (format!("p{at}"), json!({"type": "integer"}))));
    check_schema("thousand optional", json!({"type": "object", "properties": properties}))
        .expect("compiles");
    let texts: Vec<String> = (0..4_000).map(|at| format!("value {at}")).collect();
    check_schema("large enum", json!({"enum": texts})).expect("compiles");
    for (name, schema) in [
        ("maxItems", json!({"type": "array", "items": {"type": "integer"}, "maxItems": 4_000})),
        ("minItems", json!({"type": "array", "items": {"type": "integer"}, "minItems": 4_000})),
        ("maxLength", json!({"type": "string", "maxLength": 1_000_000})),
        ("minLength", json!({"type": "string", "minLength": 1_000_000})),
        (
            "length and pattern",
            json!({"type": "string", "pattern": "^(a|b)*$", "minLength": 900_000}),
        ),
        ("divisor", json!({"type": "integer", "multipleOf": 9_973})),
        ("properties by number", json!({"type": "object", "maxProperties": 4_000})),
    ] {
        drop(check_schema(name, schema));
    }
}

#[test]
fn chains_and_circles_of_references_end() {
    let link = |at: usize| {
        (format!("d{at}"), json!({"properties": {"x": {"$ref": format!("#/$defs/d{}", at + 1)}}}))
    };
    let chain = object((0..3_000).map(link).chain([("d3000".to_owned(), json!({"type": "null"}))]));
    drop(check_schema("chain", json!({"$ref": "#/$defs/d0", "$defs": chain})));
    let link = |at: usize| (format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)}));
    let chain = object((0..3_000).map(link).chain([("d3000".to_owned(), json!({"type": "null"}))]));
    check_too_large("chain in place", json!({"$ref": "#/$defs/d0", "$defs": chain}));
    for schema in [
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"anyOf": [{"type": "null"}, {"allOf": [{"$ref": "#"}]}]}),
    ] {
        let error = check_schema("circle", schema).map(drop).expect_err("refused");
        assert!(matches!(error, ConstraintError::Unsupported { .. }), "{error}");
    }
    let endless = json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]});
    let error = check_schema("endless", endless).map(drop).expect_err("refused");
    assert!(matches!(error, ConstraintError::Unsatisfiable { .. }), "{error}");
    let inner = json!({"type": "object", "properties": {"l": {"$ref": "#/$defs/list"}},
        "$defs": {"list": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/list"}}}});
    let error = check_schema("endless inside", inner).map(drop).expect_err("refused");
    assert!(error.to_string().ends_with("no finite value satisfies #/$defs/list"), "{error}");
}

/// The answer's second check recurses through the schema on a thread that is not ours to size.
#[test]
fn a_deep_schema_is_verified_and_dropped_on_an_ordinary_stack() {
    let link = |at: usize| {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        (format!("d{at}"), json!({"items": {"items": {"items": {"items": next}}}}))
    };
    let end = ("d2500".to_owned(), json!({"type": "null"}));
    let chain = object((0..2_500).map(link).chain([end]));
    let schema = json!({"$ref": "#/$defs/d0", "$defs": chain});
    let chained = |at: usize| {
        let next = if at == 40 { "d0".to_owned() } else { format!("d{}", at + 1) };
        let next = json!({"$ref": format!("#/$defs/{next}")});
        (format!("d{at}"), if at == 40 { json!({"items": next}) } else { json!({"allOf": [next]}) })
    };
    let circle = object((0..=40).map(chained));
    let circle = json!({"$ref": "#/$defs/d0", "$defs": circle});
    let small = std::thread::Builder::new().stack_size(512 << 10).spawn(move || {
        let limits = ConstraintLimits::default();
        let answer = format!("{}{}", "[".repeat(120), "]".repeat(120));
        for schema in [schema, circle] {
            let verifier = Verifier::of_schema(&schema, &limits).expect("allowed");
            assert_eq!(verifier.verify(&answer), Ok(()));
        }
    });
    small.expect("starts").join().expect("does not overflow");
}

#[test]
fn a_validator_does_not_try_alternatives_without_end() {
    let link = |at: usize| {
        let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
        (format!("d{at}"), json!({"anyOf": [next, next]}))
    };
    let defs = object((0..40).map(link).chain([("d40".to_owned(), json!({"const": "z"}))]));
    check_too_large(
        "doubling alternatives",
        json!({"anyOf": [{"$ref": "#/$defs/d0"}, {"type": "string"}], "$defs": defs}),
    );
}

#[test]
fn multiplying_schemas_is_limited_before_it_happens() {
    let big = object((0..500).map(|at| (format!("p{at}"), json!({"type": "integer"}))));
    let options: Vec<Value> =
        (0..500).map(|at| json!({"properties": {format!("q{at}"): {"const": at}}})).collect();
    check_too_large(
        "alternatives by properties",
        json!({
            "allOf": [{"anyOf": options}, {"properties": {"x": {"properties": big.clone()}}}, {"properties": big}]
        }),
    );
    let pair = |key: &str| json!({"anyOf": [{"properties": {key: {"const": 1}}}, {"properties": {key: {"const": 2}}}]});
    let pairs: Vec<Value> = (0..40).map(|at| pair(&format!("k{at}"))).collect();
    check_too_large("two to the 40", json!({"allOf": pairs}));
    let doubling = |at: usize| {
        let next = format!("#/$defs/d{}", at + 1);
        (format!("d{at}"), json!({"properties": {"x": {"$ref": next}, "y": {"$ref": next}}}))
    };
    let defs = object((0..40).map(doubling).chain([("d40".to_owned(), json!({"type": "null"}))]));
    drop(check_schema(
        "doubling",
        json!({"allOf": [{"$ref": "#/$defs/d0"}, {"$ref": "#/$defs/d1"}], "$defs": defs}),
    ));
}

#[test]
fn hostile_regular_expressions_end() {
    for pattern in [
        "(a|aa)*{1000}",
        "((a|aa)*)*b",
        "(.*a){30}",
        "((((a{100}){100}){100}){100})",
        "(x+x+)+y",
        "[^a]{1000}b",
        "(a?){1000}a{1000}",
        r"\p{L}{0,1000}",
        "(.{0,1000}a){5}",
    ] {
        drop(check(pattern, &Constraint::Regex(pattern.into())));
        drop(check_schema(pattern, json!({"type": "string", "pattern": pattern})));
        drop(check_schema(
            pattern,
            json!({"patternProperties": {pattern: {}, "b$": {}}, "type": "object"}),
        ));
    }
    let nested = format!("{}a{}", "(".repeat(1_500), ")".repeat(1_500));
    drop(check("nested groups", &Constraint::Regex(nested)));
}

#[test]
fn hostile_grammars_end() {
    let nested = format!("start: {}\"a\"{}", "(".repeat(30_000), ")".repeat(30_000));
    let error = check("nested groups", &Constraint::Lark(nested)).map(drop).expect_err("refused");
    assert!(matches!(error, ConstraintError::TooLarge { .. }), "{error}");
    let chain: String = (0..10_000).map(|at| format!("r{at}: \"a\" r{}\n", at + 1)).collect();
    drop(check("chain of rules", &Constraint::Lark(format!("start: r0\n{chain}r10000: \"b\"\n"))));
    let terminals: String = (0..10_000).map(|at| format!("T{at}: \"a\" T{}\n", at + 1)).collect();
    drop(check(
        "chain of terminals",
        &Constraint::Lark(format!("start: T0\n{terminals}T10000: \"b\"\n")),
    ));
    let doubling: String = (0..60).map(|at| format!("r{at}: r{} r{}\n", at + 1, at + 1)).collect();
    drop(check("doubling", &Constraint::Lark(format!("start: r0\n{doubling}r60: \"b\"\n"))));
    for lark in [
        "start: start",
        "start: start start | \"a\"",
        "start: start?",
        "start: a\na: b\nb: a",
        "start: (\"a\"*)*",
        "start: \"a\"{1000000000}",
        "start: A\nA: \"a\"{1000000000}",
        "start: %regex {\"substring_chars\": \"abcdefgh\"}",
        "start: ~~~~\"a\"",
        "start: <[0-99999]>",
        "start: /a{4000000000}/",
        "start: A\nA: ~/(?s:.*)a(?s:.{200})/",
        "start: x\nx[max_tokens=3]: /.*/",
        "start: x \"b\"\nx[stop=\"c\"]: /.*/",
    ] {
        drop(check(lark, &Constraint::Lark(lark.into())));
    }
    for repeated in ["\"a\"{5000}", "\"a\" ~ 1..100000", "/a{4000000000}/", "/(b{2}a{3,5000})/"] {
        let error = compile(&Constraint::Lark(format!("start: {repeated}"))).map(drop);
        let error = error.expect_err("refused");
        assert!(matches!(error, ConstraintError::TooLarge { .. }), "{repeated}: {error}");
    }
    let tildes = format!("start: A\nA: {}\"a\"", "~".repeat(60_000));
    drop(check("tildes", &Constraint::Lark(tildes)));
    let mut drawer = Drawer::new(3);
    let ambiguous =
        compile(&Constraint::Lark("start: \"a\" | start start".into())).expect("compiles");
    assert!((0..5).filter_map(|_| drawer.draw(&ambiguous, 200)).count() > 0);
}
