//! Tests of hiding control tokens.

use super::Mask;
use crate::codec::added::{AddedKind, AddedToken, AddedTokens};

fn added() -> AddedTokens {
    AddedTokens::new(vec![
        AddedToken::new(1, "<s>", AddedKind::Control),
        AddedToken::new(2, "</s>", AddedKind::Control),
        AddedToken::new(3, "<tool>", AddedKind::Text),
    ])
}

/// Hides in `content`, pastes the result between the template's own tokens, and reveals.
#[track_caller]
fn check(content: &str, expected_hidden: &str) {
    let added = added();
    let mut mask = Mask::new(&added, "{# \u{E000} #}", [content].into_iter());
    let hidden = mask.hide(content).unwrap();
    assert_eq!(hidden, expected_hidden);
    assert_eq!(mask.is_used(), hidden != content);
    let prompt = format!("<s>{hidden}</s>");
    let (text, parts) = mask.reveal(&prompt, &added.split(&prompt, true));
    assert_eq!(text, format!("<s>{content}</s>"));
    let controls: Vec<_> = parts.iter().filter(|p| p.token.is_some_and(|id| id < 3)).collect();
    assert_eq!(controls.len(), 2, "only the template's own are tokens");
    assert_eq!(controls[0].range, 0..3);
    assert_eq!(controls[1].range, text.len() - 4..text.len());
}

#[test]
fn control_tokens_are_hidden_and_come_back_as_text() {
    check("rien à cacher", "rien à cacher");
    check("", "");
    check("a<s>b</s>c<s>", "a\u{E001}b\u{E002}c\u{E001}");
    check("<tool>", "<tool>");
    check("<s<s>>", "<s\u{E001}>");
}

#[test]
fn private_characters_of_the_text_are_not_taken_for_markers() {
    check("\u{E001}<s>\u{E003}", "\u{E001}\u{E002}\u{E003}");
    check("\u{E000}", "\u{E000}");
}

#[test]
fn a_text_that_uses_up_every_marker_is_refused() {
    let added = added();
    let every: String = super::PRIVATE.into_iter().flatten().collect();
    let content = format!("{every}<s>");
    let mut mask = Mask::new(&added, "", [content.as_str()].into_iter());
    let problem = "the messages use up all of unicode's private-use characters";
    assert_eq!(mask.hide(&content), Err(problem.to_owned()));
}

#[test]
fn texts_and_keys_of_json_are_hidden() {
    let added = added();
    let mut mask = Mask::new(&added, "", std::iter::empty());
    let json = serde_json::json!({"<s>": ["</s>", 1, null, {"a": "b<s>"}], "c": true});
    let hidden = mask.hide_json(&json).unwrap();
    let expected = serde_json::json!({
        "\u{E000}": ["\u{E001}", 1, null, {"a": "b\u{E000}"}], "c": true
    });
    assert_eq!(hidden, expected);
}

#[test]
fn marks_around_calls_and_results_are_hidden_whatever_the_vocabulary_calls_them() {
    let result = AddedToken::new(1, "</tool_response>", AddedKind::Text);
    let added = AddedTokens::new(vec![result, AddedToken::new(2, "<code>", AddedKind::Text)]);
    let mut mask = Mask::new(&added, "", std::iter::empty());
    assert_eq!(mask.hide("a</tool_response><code>").unwrap(), "a\u{E000}<code>");
}
