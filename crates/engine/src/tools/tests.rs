//! Tests of the parser. An answer is cut at every place, so that no result depends on where tokens
//! end; special tokens are written between `‹` and `›`.

use intramuros_backend::ToolFormat;
use intramuros_types::ToolDefinition;
use serde_json::json;

use super::{ToolDelta, ToolParser};

fn tools() -> Vec<ToolDefinition> {
    ["météo", "stop", "get_weather"]
        .map(|name| ToolDefinition {
            name: name.to_owned(),
            description: None,
            parameters: json!({"type": "object"}),
        })
        .to_vec()
}

/// What an answer came to: text and calls in order, calls as `name(arguments)` in braces of `«»`.
fn shown(parser: &ToolParser, deltas: &[ToolDelta]) -> String {
    let mut shown = String::new();
    let mut open = None;
    for delta in deltas {
        match delta {
            ToolDelta::Text(text) => shown.push_str(text),
            ToolDelta::CallStarted { index, name, .. } => {
                assert_eq!(parser.calls()[*index].name, *name);
                open = Some(*index);
                shown.push_str(&format!("«{name}»"));
            }
            ToolDelta::Arguments { index, fragment } => {
                assert_eq!(open, Some(*index), "arguments belong to the call before them");
                shown.push_str(fragment);
            }
        }
    }
    shown
}

/// Parses `answer` in pieces of `size` characters.
fn parse(format: ToolFormat, special: bool, answer: &str, size: usize) -> (String, ToolParser) {
    let mut parser = ToolParser::new(format, &tools(), special, true);
    let mut deltas = Vec::new();
    for (number, part) in answer.split(['‹', '›']).enumerate() {
        if number % 2 == 1 {
            deltas.extend(parser.push_special(part));
            continue;
        }
        let characters: Vec<char> = part.chars().collect();
        for piece in characters.chunks(size) {
            deltas.extend(parser.push(&piece.iter().collect::<String>()));
        }
    }
    deltas.extend(parser.finish());
    (shown(&parser, &deltas), parser)
}

#[track_caller]
fn check(format: ToolFormat, answer: &str, expected: &str) {
    let special = answer.contains('‹');
    for size in [1, 2, 3, 5, 8, 13, 1000] {
        let (got, parser) = parse(format, special, answer, size);
        assert_eq!(got, expected, "in pieces of {size}");
        let calls: usize = expected.matches('«').count();
        assert_eq!(parser.calls().len(), calls);
    }
}

const HERMES: ToolFormat = ToolFormat::Hermes;
const LLAMA: ToolFormat = ToolFormat::Llama3;
const LIST: ToolFormat = ToolFormat::MistralList;
const ARGS: ToolFormat = ToolFormat::MistralArgs;

#[test]
fn hermes_calls_are_cut_out_of_the_text() {
    let one =
        "<tool_call>\n{\"name\": \"météo\", \"arguments\": {\"v\": \"}\\\"{\"}}\n</tool_call>";
    check(HERMES, one, "«météo»{\"v\": \"}\\\"{\"}");
    check(HERMES, &format!("Je regarde.\n\n{one}\n"), "Je regarde.«météo»{\"v\": \"}\\\"{\"}");
    let two = "<tool_call>\n{\"name\": \"stop\", \"arguments\": {}}\n</tool_call>\n";
    check(HERMES, &format!("{two}{two}"), "«stop»{}«stop»{}");
    check(HERMES, &format!("{two}Fini. \n"), "«stop»{}\nFini.");
    check(HERMES, "‹tool_call› a", " a");
    let special =
        two.replace("<tool_call>", "‹<tool_call>›").replace("</tool_call>", "‹</tool_call>›");
    check(HERMES, &format!("a\n{special}{special}"), "a«stop»{}«stop»{}");
}

#[test]
fn a_hermes_call_without_marks_is_the_whole_answer() {
    let fenced = "```json\n{\n  \"name\": \"stop\",\n  \"arguments\": {\"a\": \"```\"}\n}\n```";
    check(HERMES, fenced, "«stop»{\"a\": \"```\"}");
    check(HERMES, "{\"name\": \"stop\", \"arguments\": {}}", "«stop»{}");
    check(HERMES, "{{\"name\": \"stop\", \"arguments\": {}}}", "«stop»{}");
    check(HERMES, "{\"name\": \"stop\", \"arguments\": {}} a", "«stop»{} a");
    for text in [
        "{\"name\": \"Alice\", \"arguments\": {}}",
        "{\"name\": \"stop\"}",
        "{\"name\":\"stop\",\"arguments\":{}}",
        "a {\"name\": \"stop\", \"arguments\": {}}",
        "```json\n{\n  \"name\": ",
    ] {
        check(HERMES, text, text);
    }
    let marked = "‹<tool_call>›\n{\"name\": \"stop\", \"arguments\": {}}\n‹</tool_call>›";
    check(HERMES, &format!("```json\n{marked}"), "```json«stop»{}");
    let mut bound = ToolParser::new(HERMES, &tools(), false, false);
    let text = "{\"name\": \"stop\", \"arguments\": {}}";
    assert_eq!(bound.push(text), [ToolDelta::Text(text.to_owned())]);
}

#[test]
fn text_without_calls_is_passed_on_as_it_is() {
    for text in
        ["", " ", "Bonjour.\n", " <tool <tool_cal", "{\"a\": 1}", "a [TOOL_CALLS] b <", "\n\n"]
    {
        check(HERMES, text, text);
        check(LLAMA, text, text);
        let (got, _) = parse(ARGS, true, text, 1);
        assert_eq!(got, text);
    }
}

#[test]
fn text_is_not_held_longer_than_it_may_be_a_mark() {
    let mut parser = ToolParser::new(HERMES, &tools(), false, true);
    let text = |text: &str| vec![ToolDelta::Text(text.to_owned())];
    assert_eq!(parser.push("Bonjour <to"), text("Bonjour"));
    assert_eq!(parser.push("ol> et"), text(" <tool> et"));
    assert_eq!(parser.push("<"), []);
    assert_eq!(parser.finish(), text("<"));
    let mut parser = ToolParser::new(ARGS, &tools(), true, true);
    assert_eq!(parser.push("[TOOL_CALLS]stop[ARGS]{"), text("[TOOL_CALLS]stop[ARGS]{"));
}

#[test]
fn arguments_are_passed_on_as_they_are_written() {
    let mut parser = ToolParser::new(HERMES, &tools(), false, true);
    assert_eq!(parser.push("<tool_call>{\"name\": \"stop\", \"arguments\":"), []);
    let deltas = parser.push(" {\"a\"");
    let [
        ToolDelta::CallStarted { index: 0, id, name },
        ToolDelta::Arguments { index: 0, fragment },
    ] = deltas.as_slice()
    else {
        panic!("{deltas:?}");
    };
    assert_eq!((name.as_str(), fragment.as_str()), ("stop", "{\"a\""));
    assert_eq!(id.len(), 29);
    assert!(id.starts_with("call_") && id[5..].bytes().all(|b| b.is_ascii_alphanumeric()));
    let more = ToolDelta::Arguments { index: 0, fragment: ": 1}".to_owned() };
    assert_eq!(parser.push(": 1}}\n</tool"), [more]);
    assert_eq!(parser.finish(), []);
    assert_eq!(parser.calls()[0].arguments, "{\"a\": 1}");
    assert_eq!(parser.calls()[0].id, *id);
}

#[test]
fn objects_in_another_order_are_read_when_they_are_whole() {
    let hermes = |object: &str| format!("<tool_call>\n{object}\n</tool_call>");
    check(HERMES, &hermes(r#"{"arguments": {"a": 1}, "name": "stop"}"#), r#"«stop»{"a":1}"#);
    check(HERMES, &hermes(r#"{"name": "stop", "parameters": {"a": 1}}"#), r#"«stop»{"a": 1}"#);
    check(HERMES, &hermes(r#"{"name": "stop", "arguments": "{\"a\": 1}"}"#), r#"«stop»{"a": 1}"#);
    check(HERMES, &hermes(r#"{"name": "stop", "arguments": null}"#), "«stop»{}");
    check(HERMES, &hermes(r#"{"name": "stop"}"#), "«stop»{}");
    check(HERMES, &hermes(r#"{"name": "m\u00e9t\u00e9o", "arguments": {}}"#), "«météo»{}");
    let nested = r#"{"type": "function", "function": {"name": "stop", "parameters": {}}}"#;
    check(LLAMA, nested, "«stop»{}");
    check(HERMES, &hermes(r#"{"name": "stop", "arguments": {}, "id": "}"}"#), "«stop»{}");
}

#[test]
fn what_is_no_call_stays_text() {
    for object in [
        r#"{"name": "inconnu", "arguments": {}}"#,
        r#"{"name": "stop", "arguments": 12}"#,
        r#"{"name": stop, "arguments": {}}"#,
        r#"{"nom": "stop"}"#,
        "stop()",
        "",
        "[1, 2]",
        "{}",
        "{",
        r#"{"name": "stop", "argu"#,
        r#"{"name": "stop", "arguments":"#,
        "<tool_call>",
    ] {
        for answer in [format!("a <tool_call>{object}"), format!("<tool_call>\n{object}\n")] {
            check(HERMES, &answer, &answer);
        }
        let answer = format!("‹[TOOL_CALLS]›{object}");
        let written = answer.replace(['‹', '›'], "");
        check(LIST, &answer, &written);
        check(ARGS, &answer, &written);
        check(LLAMA, object, object);
    }
    check(ARGS, "‹[TOOL_CALLS]›inconnu‹[ARGS]›{}", "[TOOL_CALLS]inconnu[ARGS]{}");
    check(LLAMA, "‹<|python_tag|>›print(1)", "<|python_tag|>print(1)");
    check(LLAMA, r#"{"name": "stop"}"#, r#"{"name": "stop"}"#);
    let quoted = r#"Écris {"name": "stop", "parameters": {}}"#;
    check(LLAMA, quoted, quoted);
}

#[test]
fn a_bad_call_does_not_hide_the_next() {
    let good = "<tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call>";
    let bad = "<tool_call>{\"name\": \"x\", \"arguments\": {}}</tool_call>";
    check(HERMES, &format!("{bad}{good}"), &format!("{bad}«stop»{{}}"));
    check(HERMES, &format!("<tool_call>{good}"), "<tool_call>«stop»{}");
    let open = "‹<tool_call>›{\"name\": \"stop\", \"arguments\": {\"a\": \"b}‹</tool_call>›";
    let next = "‹<tool_call>›{\"name\": \"stop\", \"arguments\": {}}‹</tool_call>›";
    check(HERMES, &format!("{open}{next}"), "«stop»{\"a\": \"b}«stop»{}");
}

#[test]
fn answers_cut_short_keep_what_there_is() {
    let answer =
        "a\n<tool_call>\n{\"name\": \"stop\", \"arguments\": {\"a\": [1, 2]}}\n</tool_call>";
    let begun = answer.find("{\"a\"").unwrap();
    for end in 1..answer.len() {
        let cut = &answer[..end];
        let (got, _) = parse(HERMES, false, cut, 3);
        let whole = begun + "{\"a\": [1, 2]}".len();
        match end {
            _ if end <= begun => assert_eq!(got, cut),
            _ => assert_eq!(got, format!("a«stop»{}", &answer[begun..end.min(whole)])),
        }
    }
}

#[test]
fn llama_calls_are_the_whole_turn() {
    let call = r#"{"name": "get_weather", "parameters": {"v": "Brest"}}"#;
    check(LLAMA, call, r#"«get_weather»{"v": "Brest"}"#);
    check(LLAMA, &format!("\n\n{call}\n"), r#"«get_weather»{"v": "Brest"}"#);
    check(LLAMA, &format!("‹<|python_tag|>›{call}"), r#"«get_weather»{"v": "Brest"}"#);
    check(LLAMA, &format!("<|python_tag|>{call}"), r#"«get_weather»{"v": "Brest"}"#);
    let two = format!("{call}; {call}");
    check(LLAMA, &two, r#"«get_weather»{"v": "Brest"}«get_weather»{"v": "Brest"}"#);
    check(LLAMA, &format!("{call} voilà"), r#"«get_weather»{"v": "Brest"} voilà"#);
    check(LLAMA, &format!("Voici : {call}"), &format!("Voici : {call}"));
}

#[test]
fn mistral_lists_are_taken_apart() {
    let stop = r#"{"name": "stop", "arguments": {"a": 1}}"#;
    check(LIST, &format!("‹[TOOL_CALLS]› [{stop}]"), r#"«stop»{"a": 1}"#);
    check(LIST, &format!("‹[TOOL_CALLS]›[{stop}, {stop}]"), r#"«stop»{"a": 1}«stop»{"a": 1}"#);
    check(LIST, &format!("[TOOL_CALLS] [{stop},{stop}]"), r#"«stop»{"a": 1}«stop»{"a": 1}"#);
    let with_id = r#"{"name": "stop", "arguments": {}, "id": "abcdef123"}"#;
    check(LIST, &format!("a ‹[TOOL_CALLS]›[{with_id}, {stop}] b"), r#"a«stop»{}«stop»{"a": 1} b"#);
    check(LIST, &format!("‹[TOOL_CALLS]›[{stop}, {{\"name\""), r#"«stop»{"a": 1}, {"name""#);
    let (_, parser) = parse(LIST, true, &format!("‹[TOOL_CALLS]›[{stop}]"), 4);
    assert_eq!(parser.calls()[0].id.len(), 9);
}

#[test]
fn mistral_calls_with_marks_are_read() {
    let call = r#"‹[TOOL_CALLS]›stop‹[ARGS]›{"a": {"b": 1}}"#;
    check(ARGS, call, r#"«stop»{"a": {"b": 1}}"#);
    check(ARGS, &format!("Oui.{call}{call}"), r#"Oui.«stop»{"a": {"b": 1}}«stop»{"a": {"b": 1}}"#);
    check(ARGS, r#"[TOOL_CALLS]stop[ARGS]{"a": 1}"#, r#"«stop»{"a": 1}"#);
    check(ARGS, r#"‹[TOOL_CALLS]›stop{"a": 1}"#, r#"«stop»{"a": 1}"#);
    let with_id = "‹[TOOL_CALLS]›stop‹[CALL_ID]›abcdef123‹[ARGS]›{}";
    check(ARGS, &format!("{with_id}{with_id}"), "«stop»{}«stop»{}");
    let (_, parser) = parse(ARGS, true, &format!("{with_id}{with_id}"), 4);
    assert_eq!(parser.calls()[0].id, "abcdef123", "the model's own id");
    assert_ne!(parser.calls()[1].id, "abcdef123", "which is no id twice");
    assert_eq!(parser.calls()[1].id.len(), 9);
}

#[test]
fn no_answer_panics_depends_on_where_it_is_cut_or_is_lost() {
    const PARTS: [&str; 25] = [
        "<tool_call>{\"name\": \"stop\", \"arguments\": {",
        "‹[TOOL_CALLS]›stop‹[ARGS]›{",
        "‹[TOOL_CALLS]›[{\"name\": \"stop\", \"arguments\": {}}",
        "<tool_call>",
        "‹<tool_call>›",
        "</tool_call>",
        "‹</tool_call>›",
        "‹[TOOL_CALLS]›",
        "‹[ARGS]›",
        "‹[CALL_ID]›",
        "‹<|python_tag|>›",
        "[TOOL_CALLS]",
        "[ARGS]",
        "stop",
        "{\"name\": \"stop\"",
        ", \"arguments\": ",
        ", \"parameters\": ",
        "{",
        "}",
        "[",
        "]",
        "\"é\\",
        ",",
        "\n",
        "été <",
    ];
    let mut random: u64 = 1;
    let mut draw = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let mut calls = 0;
    for round in 0..4000 {
        let length = draw(14);
        let answer: String = (0..length).map(|_| PARTS[draw(PARTS.len())]).collect();
        for format in [HERMES, LLAMA, LIST, ARGS] {
            let special = round % 2 == 0;
            let (got, parser) = parse(format, special, &answer, 1);
            for size in [2, 7, 1000] {
                assert_eq!(parse(format, special, &answer, size).0, got, "{format:?} {answer:?}");
            }
            calls += parser.calls().len();
            if parser.calls().is_empty() && !answer.contains('‹') {
                assert_eq!(got, answer, "{format:?}");
            }
        }
    }
    assert!(calls > 2000, "only {calls} calls");
}
