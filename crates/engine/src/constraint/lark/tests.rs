//! Tests of reading Lark.

use super::{largest_repeat, special, string, take_schemas};
use crate::constraint::ConstraintLimits;

#[test]
fn only_schemas_outside_of_text_are_taken() {
    let lark = "start: \"%json \\\" {\" /%json\\//  <%json> %json {\"a\": [\"}\"]}x // %json {}\n# %json\nT: %json true";
    let template = take_schemas(lark, &ConstraintLimits::default()).expect("reads");
    assert_eq!(
        template.lark,
        "start: \"%json \\\" {\" /%json\\//  <%json>  @inline-json-0 x // %json {}\n# %json\nT:  @inline-json-1 "
    );
    let schemas: Vec<String> =
        template.schemas.iter().map(|(_, schema)| schema.to_string()).collect();
    assert_eq!(schemas, [r#"{"a":["}"]}"#, "true"]);
}

#[test]
fn a_special_token_is_read_whole() {
    for (text, length) in
        [("<|im_end|> x", 10), ("<[7]>", 5), ("< a>", 1), ("<<a>", 1), ("<>", 1), ("<a", 1)]
    {
        assert_eq!(special(text), length, "{text}");
    }
}

#[test]
fn a_string_keeps_its_text() {
    assert_eq!(string("a\"\\\n\u{1}é"), r#""a\"\\\n\u0001é""#);
}

#[test]
fn repetitions_are_found_wherever_they_stand() {
    for (text, most) in [
        ("{3}", 3),
        ("a{2, 40}b{7,}", 40),
        ("/x{0,5}y{12}/", 12),
        ("~3..90", 90),
        ("~ 4", 4),
        ("{\"a\": 9}", 0),
        ("{99999999999999999999}", u64::MAX),
        ("~/9/", 0),
    ] {
        assert_eq!(largest_repeat(text), most, "{text}");
    }
}
