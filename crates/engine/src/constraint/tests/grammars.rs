//! Regular expressions, choices, Lark, and the grammars for tool calls.

use intramuros_backend::TextCodec as _;
use intramuros_types::Constraint;
use serde_json::json;

use crate::constraint::testing::{ByteCodec, Drawer, STOP, accepts, compile, vocabulary};
use crate::constraint::{ConstraintError, ConstraintLimits, Grammar, Verifier};

const CALL: u32 = STOP + 3;
const CALL_END: u32 = STOP + 4;

#[test]
fn a_regex_matches_the_whole_answer() {
    for (pattern, yes, no) in [
        ("[a-c]+", "abc", "abcd"),
        ("^a|b$", "b", "ab"),
        (r"\$\d+/\d{2}\$", "$1/23$", "$1/2$"),
        ("(?i)é→?", "É", "e"),
        ("a*", "", "b"),
    ] {
        let grammar = compile(&Constraint::Regex(pattern.into())).expect("compiles");
        assert!(accepts(&grammar, yes).expect("within limits"), "{pattern} {yes}");
        assert!(!accepts(&grammar, no).expect("within limits"), "{pattern} {no}");
        assert!(grammar.verifier().verify(yes).is_ok() && grammar.verifier().verify(no).is_err());
        let mut drawer = Drawer::new(1);
        for answer in (0..20).filter_map(|_| drawer.draw(&grammar, 60)) {
            assert_eq!(grammar.verifier().verify(&answer), Ok(()), "{pattern} {answer}");
        }
    }
    for pattern in ["(", "(?=a)", r"(a)\1", r"\bword\b"] {
        let error = compile(&Constraint::Regex(pattern.into())).map(drop).expect_err("refused");
        assert!(matches!(error, ConstraintError::InvalidGrammar { what: "regex", .. }), "{error}");
    }
}

#[test]
fn a_choice_is_one_of_its_texts() {
    let texts = ["red", "re\"d\n", "", "<call>", "é/\\"];
    let choices = texts.iter().map(|text| (*text).to_owned()).collect();
    let grammar = compile(&Constraint::Choice(choices)).expect("compiles");
    for text in texts {
        assert!(accepts(&grammar, text).expect("within limits"), "{text}");
    }
    assert!(!accepts(&grammar, "blue").expect("within limits"));
    let mut drawer = Drawer::new(2);
    for answer in (0..30).filter_map(|_| drawer.draw(&grammar, 60)) {
        assert!(texts.contains(&answer.as_str()), "{answer}");
    }
    let none = compile(&Constraint::Choice(Vec::new())).map(drop).expect_err("nothing to say");
    assert!(matches!(none, ConstraintError::Unsatisfiable { .. }));
}

#[test]
fn schemas_inside_lark_go_the_way_of_all_schemas() {
    let lark = "// a comment with %json\nstart: \"%json {\" %json {\"type\": \"object\", \"required\": [\"a\"],\n \
                \"properties\": {\"a\": {\"type\": \"integer\"}}} \"}\" /[#]%json/";
    let grammar = compile(&Constraint::Lark(lark.into())).expect("compiles");
    assert!(accepts(&grammar, "%json {{\"a\": 1}}#%json").expect("within limits"));
    for (schema, keyword) in [
        (r#"{"x-guidance": {"lenient": true}}"#, "x-guidance"),
        (r#"{"not": {}}"#, "not"),
        (r#"{"oneOf": [{"minimum": 1}, {"maximum": 3}]}"#, "oneOf"),
    ] {
        let error = compile(&Constraint::Lark(format!("start: %json {schema}"))).map(drop);
        let error = error.expect_err("refused");
        assert!(
            matches!(&error, ConstraintError::Unsupported { keyword: found, .. } if found == keyword),
            "{error}"
        );
    }
    for lark in
        ["start: %json", "start: x", "", "start: <|nowhere|>", "start: @other", "start: \"a"]
    {
        let error = compile(&Constraint::Lark(lark.into())).map(drop).expect_err("refused");
        assert!(matches!(error, ConstraintError::InvalidGrammar { .. }), "{lark}: {error:?}");
    }
}

fn tool_template(lark: &str) -> Grammar {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"const": "ab"}, "arguments": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}},
        "required": ["name", "arguments"],
        "additionalProperties": false
    });
    let lark = lark.replace("@call", &format!("%json {schema}"));
    compile(&Constraint::Lark(lark.clone())).unwrap_or_else(|error| panic!("{lark}: {error}"))
}

/// Whether `parts`, special tokens and texts, are an answer, in every spelling of the texts.
fn takes(grammar: &Grammar, parts: &[Part]) -> bool {
    let codec = ByteCodec::new();
    let spelled = |words: bool| -> Vec<u32> {
        let tokens = |part: &Part| match part {
            Part::Special(token) => vec![*token],
            Part::Text(text) if words => codec.tokens(text.as_bytes()),
            Part::Text(text) => text.bytes().map(u32::from).collect(),
        };
        parts.iter().flat_map(tokens).collect()
    };
    let answers = [true, false].map(|words| {
        let mut matcher = grammar.matcher();
        let tokens = spelled(words);
        tokens.iter().all(|&token| matcher.accept(token).is_ok())
            && matcher.is_accepting().expect("within limits")
    });
    assert_eq!(answers[0], answers[1], "the spelling does not matter");
    answers[0]
}

enum Part {
    Special(u32),
    Text(&'static str),
}
use Part::{Special, Text};

const BODY: &str = "\n{\"name\": \"ab\", \"arguments\": {\"n\": 7}}\n";

#[test]
fn required_calls_in_special_tokens() {
    let marker = vocabulary().lark_marker("<call>");
    let end = vocabulary().lark_marker("</call>");
    let grammar = tool_template(&format!(
        "start: call (\"\\n\" call)*\ncall: {marker} \"\\n\" @call \"\\n\" {end}\n"
    ));
    let call = || [Special(CALL), Text(BODY), Special(CALL_END)];
    assert!(takes(&grammar, &call()));
    let two: Vec<Part> = call().into_iter().chain([Text("\n")]).chain(call()).collect();
    assert!(takes(&grammar, &two));
    assert!(!takes(&grammar, &[Text("<call>"), Text(BODY), Text("</call>")]));
    assert!(!takes(&grammar, &[Text("hello")]));
    assert_eq!(grammar.matcher().forced().first(), Some(&CALL));
}

#[test]
fn free_text_then_calls_in_special_tokens() {
    let grammar = tool_template(&format!(
        "start: TEXT (call (\"\\n\" call)*)?\nTEXT: /(.|\\n)*/\ncall: <[{CALL}]> \"\\n\" @call \"\\n\" <[{CALL_END}]>\n"
    ));
    assert!(takes(&grammar, &[Text("hello, <call> is text here\n")]));
    assert!(takes(&grammar, &[]));
    assert!(takes(&grammar, &[Special(CALL), Text(BODY), Special(CALL_END)]));
    assert!(takes(&grammar, &[Text("hello "), Special(CALL), Text(BODY), Special(CALL_END)]));
    let calls = [
        Special(CALL),
        Text(BODY),
        Special(CALL_END),
        Text("\n"),
        Special(CALL),
        Text(BODY),
        Special(CALL_END),
    ];
    assert!(takes(&grammar, &calls));
    assert!(!takes(&grammar, &[Text("hello "), Special(CALL), Text("\n{\"name\": \"abc\"")]));
    assert!(!takes(&grammar, &[Special(CALL), Text(BODY), Special(CALL_END), Text("and more")]));
}

#[test]
fn free_text_then_calls_in_plain_text() {
    let grammar = tool_template(
        "start: TEXT | opening rest (\"\\n\" call)*\n\
         TEXT: /(?s:.*)/ & ~/(?s:.*)<tool_call>(?s:.*)/\n\
         opening[lazy]: /(?s:.*)<tool_call>/\n\
         rest: \"\\n\" @call \"\\n</tool_call>\"\n\
         call: \"<tool_call>\\n\" @call \"\\n</tool_call>\"\n",
    );
    const CALLED: &str = "<tool_call>\n{\"name\": \"ab\", \"arguments\": {\"n\": 7}}\n</tool_call>";
    assert!(takes(&grammar, &[Text("hello, <tool is near\n")]));
    assert!(takes(&grammar, &[]));
    assert!(takes(&grammar, &[Text(CALLED)]));
    assert!(takes(&grammar, &[Text("hello "), Text(CALLED)]));
    assert!(takes(&grammar, &[Text("hello "), Text(CALLED), Text("\n"), Text(CALLED)]));
    assert!(!takes(&grammar, &[Text("hello <tool_call>")]));
    assert!(!takes(&grammar, &[Text("hello <tool_call> and more")]));
    assert!(!takes(&grammar, &[Text(CALLED), Text("and more")]));
    assert!(!takes(&grammar, &[Text("<tool_call>\n{\"name\": \"abc\"")]));
    // The call is forced as far as it is certain, once the marker is there.
    let (codec, mut matcher) = (ByteCodec::new(), grammar.matcher());
    for token in codec.tokens(b"so: <tool_call>") {
        matcher.accept(token).expect("text, then the marker");
    }
    let forced = matcher.forced();
    let text: Vec<u8> =
        forced.iter().flat_map(|&token| codec.token_bytes(token)).copied().collect();
    assert!(
        text.starts_with(b"\n{\"name\": \"ab\", \"arguments\": {\"n\""),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[test]
fn the_arguments_of_a_call_are_verified_by_their_schema() {
    let schema = json!({"type": "object", "required": ["n"]});
    let verifier = Verifier::of_schema(&schema, &ConstraintLimits::default()).expect("valid");
    assert_eq!(verifier.verify(r#"{"n": 1}"#), Ok(()));
    assert_eq!(verifier.verify("{}"), Err("violates the schema at #/required".to_owned()));
}
