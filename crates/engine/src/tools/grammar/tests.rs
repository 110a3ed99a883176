//! Tests of the grammars, by llguidance itself over a vocabulary of single bytes.

use std::sync::Arc;

use intramuros_backend::ToolFormat;
use intramuros_types::{ToolChoice, ToolDefinition};
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};

use super::ToolGrammar;
use ToolFormat::{Hermes, Llama3, MistralArgs, MistralList};

/// Special tokens behind the 256 bytes; the last one ends an answer.
const SPECIALS: [&str; 5] = ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>", "</s>"];

fn special(text: &str) -> Option<u32> {
    SPECIALS.iter().position(|special| *special == text).map(|index| 256 + index as u32)
}

fn vocabulary() -> TokEnv {
    let bytes = (0..=255_u8).map(|byte| vec![byte]);
    let specials = SPECIALS.map(|text| [b"\xFF", text.as_bytes()].concat());
    let words: Vec<Vec<u8>> = bytes.chain(specials).collect();
    let info = TokRxInfo::new(words.len() as u32, words.len() as u32 - 1);
    Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)))
}

fn tool(name: &str, parameters: Value) -> ToolDefinition {
    ToolDefinition { name: name.to_owned(), description: None, parameters }
}

fn tools() -> Vec<ToolDefinition> {
    let city = json!({
        "type": "object",
        "properties": {"ville": {"$ref": "#/$defs/ville"}, "jours": {"type": "integer"}},
        "required": ["ville"],
        "additionalProperties": false,
        "$defs": {"ville": {"enum": ["Brest", "Lyon"]}},
    });
    vec![tool("météo", city), tool("stop", json!({}))]
}

/// The grammar, with or without special tokens.
fn lark(format: ToolFormat, choice: &ToolChoice, parallel: bool, specials: bool) -> String {
    let tools = tools();
    let grammar = ToolGrammar { format, tools: &tools, choice, parallel };
    grammar.lark(|text| special(text).filter(|_| specials))
}

/// Whether the grammar takes `answer`, with special tokens between `‹` and `›`.
fn accepts(lark: &str, answer: &str) -> bool {
    let mut factory = ParserFactory::new_simple(&vocabulary()).unwrap();
    let parser = factory.quiet().create_parser(TopLevelGrammar::from_lark(lark.to_owned()));
    let mut matcher = Matcher::new(parser);
    assert!(!matcher.is_error(), "{:?}\n{lark}", matcher.get_error());
    let mut tokens = Vec::new();
    for (number, part) in answer.split(['‹', '›']).enumerate() {
        match number % 2 {
            1 => tokens.push(special(part).unwrap()),
            _ => tokens.extend(part.bytes().map(u32::from)),
        }
    }
    let taken = matcher.try_consume_tokens(&tokens).unwrap();
    taken == tokens.len() && matcher.is_accepting().unwrap()
}

/// `expected` for each choice: automatic, automatic without parallel calls, required, the tool
/// `stop`, none; `+` where the answer is taken.
#[track_caller]
fn check(format: ToolFormat, answer: &str, expected: &str) {
    let named = ToolChoice::Named("stop".to_owned());
    let choices = [
        (&ToolChoice::Auto, true),
        (&ToolChoice::Auto, false),
        (&ToolChoice::Required, true),
        (&named, true),
        (&ToolChoice::None, true),
    ];
    let specials = format != Hermes;
    let got = choices.map(|(choice, parallel)| {
        if accepts(&lark(format, choice, parallel, specials), answer) { '+' } else { '-' }
    });
    assert_eq!(got.iter().collect::<String>(), expected, "{format:?}: {answer}");
}

const CITY: &str = r#"{"ville": "Brest", "jours": 3}"#;

#[test]
fn text_is_free_unless_a_call_is_required() {
    for format in [Hermes, Llama3, MistralList, MistralArgs] {
        for text in ["Bonjour, l'été !\n\n", " a {\"name\": 1} <tool <|x|> [TOOL", ""] {
            check(format, text, "++--+");
        }
    }
    check(Llama3, "{\"a\": 1}", "----+");
    check(Hermes, "a <tool_call> b", "-----");
    check(MistralArgs, "a [TOOL_CALLS] b", "++--+");
}

#[test]
fn hermes_calls_are_held_to_their_schemas() {
    let call = |name: &str, arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    check(Hermes, &call("météo", CITY), "+++--");
    check(Hermes, &call("stop", "{}"), "++++-");
    check(Hermes, &call("stop", "{\"a\": [1, null]}"), "++++-");
    check(Hermes, &format!("Je regarde.\n{}", call("stop", "{}")), "++---");
    check(Hermes, &format!("{}\n{}", call("stop", "{}"), call("météo", CITY)), "+-+--");
    check(Hermes, &call("météo", "{\"ville\": \"Paris\"}"), "-----");
    check(Hermes, &call("météo", "{\"jours\": 3}"), "-----");
    check(Hermes, &call("inconnu", "{}"), "-----");
    check(Hermes, &call("stop", "[]"), "-----");
    check(Hermes, &call("stop", "{").replace('}', ""), "-----");
}

#[test]
fn a_hermes_call_without_marks_is_held_to_its_schema() {
    let call = |name: &str, arguments: &str| {
        [
            format!("{{\"name\": \"{name}\", \"arguments\": {arguments}}}"),
            format!("```json\n{{\n  \"name\": \"{name}\",\n  \"arguments\": {arguments}\n}}\n```"),
            format!("{{{{\"name\": \"{name}\", \"arguments\": {arguments}}}}}"),
        ]
    };
    for answer in call("météo", CITY).iter().chain(&call("stop", "{}")) {
        check(Hermes, answer, "++--+");
    }
    for answer in call("météo", "{\"ville\": \"Paris\"}").iter().chain(&call("stop", "[]")) {
        check(Hermes, answer, "----+");
    }
    for answer in call("inconnu", "{\"ville\": \"Paris\"}") {
        check(Hermes, &answer, "++--+");
    }
    check(Hermes, "{\"name\": \"stop\", \"arguments\": {}} a", "----+");
    check(Hermes, " {\"name\": \"stop\", \"arguments\": 1}", "++--+");
}

#[test]
fn llama_calls_are_whole_turns() {
    let call = format!("{{\"name\": \"météo\", \"parameters\": {CITY}}}");
    let stop = "{\"name\": \"stop\", \"parameters\": {}}";
    check(Llama3, &call, "+++-+");
    check(Llama3, stop, "+++++");
    check(Llama3, &format!("‹<|python_tag|>›{stop}"), "++++-");
    check(Llama3, &format!("{stop}; {stop}"), "----+");
    check(Llama3, &format!("Voici : {stop}"), "++--+");
    check(Llama3, &call.replace("Brest", "Paris"), "----+");
}

#[test]
fn mistral_lists_are_held_to_their_schemas() {
    let city = format!("{{\"name\": \"météo\", \"arguments\": {CITY}}}");
    let stop = "{\"name\": \"stop\", \"arguments\": {}}";
    check(MistralList, &format!("‹[TOOL_CALLS]›[{stop}]"), "++++-");
    check(MistralList, &format!("‹[TOOL_CALLS]› [{city}]"), "+++--");
    check(MistralList, &format!("‹[TOOL_CALLS]›[{city}, {stop}]"), "+-+--");
    check(MistralList, &format!("Oui.‹[TOOL_CALLS]›[{stop}]"), "++---");
    check(MistralList, "‹[TOOL_CALLS]›[]", "-----");
    check(MistralList, &format!("‹[TOOL_CALLS]›[{stop}] b"), "-----");
}

#[test]
fn mistral_calls_with_marks_are_held_to_their_schemas() {
    check(MistralArgs, "‹[TOOL_CALLS]›stop‹[ARGS]›{}", "++++-");
    check(MistralArgs, &format!("‹[TOOL_CALLS]›météo‹[ARGS]›{CITY}"), "+++--");
    check(MistralArgs, "‹[TOOL_CALLS]›stop‹[CALL_ID]›abcDEF123‹[ARGS]›{}", "++++-");
    check(MistralArgs, "‹[TOOL_CALLS]›stop‹[CALL_ID]›abc‹[ARGS]›{}", "-----");
    let two = "‹[TOOL_CALLS]›stop‹[ARGS]›{}‹[TOOL_CALLS]›stop‹[ARGS]›{}";
    check(MistralArgs, two, "+-+--");
    check(MistralArgs, &format!("Oui.{two}"), "+----");
    check(MistralArgs, "‹[TOOL_CALLS]›inconnu‹[ARGS]›{}", "-----");
}

#[test]
fn marks_that_are_text_are_written_as_text() {
    let takes = |format, choice, answer| accepts(&lark(format, &choice, true, false), answer);
    let args = "a [TOOL_CALLS]stop[ARGS]{}[TOOL_CALLS]stop[ARGS]{}";
    assert!(takes(MistralArgs, ToolChoice::Auto, args));
    assert!(!takes(MistralArgs, ToolChoice::None, args));
    assert!(takes(MistralArgs, ToolChoice::Required, &args[2..]));
    assert!(!takes(MistralArgs, ToolChoice::Auto, "a [TOOL_CALLS] b"));
    let list = "[TOOL_CALLS] [{\"name\": \"stop\", \"arguments\": {}}]";
    assert!(takes(MistralList, ToolChoice::Auto, list));
    assert!(takes(Llama3, ToolChoice::Auto, "{\"name\": \"stop\", \"parameters\": {}}"));
}

#[test]
fn the_text_of_a_grammar_is_this() {
    let tools = [tool("stop", json!({"type": "object", "properties": {}}))];
    let grammar = ToolGrammar {
        format: MistralArgs,
        tools: &tools,
        choice: &ToolChoice::Auto,
        parallel: true,
    };
    let expected = r#"%llguidance {}
start: TEXT calls?
TEXT: /(?s:.*)/
calls: <[256]> call (<[256]> call)*
call: tool_0
arguments_0: %json {"type":"object","properties":{}}
tool_0: "stop" (<[258]> /[a-zA-Z0-9]{9}/)? <[257]> arguments_0
"#;
    assert_eq!(grammar.lark(special), expected);
}
