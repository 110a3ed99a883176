//! Checks what is embedded for a passage.

use intramuros_types::{Chunk, Span};

use super::{context_line, embedding_text};

#[track_caller]
fn check(title: &str, path: &[&str], expected: &str) {
    let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
    assert_eq!(context_line(title, &path), expected);
}

#[test]
fn context_line_joins_what_is_there() {
    check("Guide", &["Réseau", "Wi-Fi"], "Guide › Réseau › Wi-Fi");
    check("Guide", &[], "Guide");
    check("", &["Réseau"], "Réseau");
    check(" ", &["", " "], "");
    check("Guide", &["GUIDE", "Wi-Fi"], "Guide › Wi-Fi");
    check("Guide", &["Wi-Fi", "Guide"], "Guide › Wi-Fi › Guide");
}

#[test]
fn embedding_text_puts_the_context_before_the_passage() {
    let chunk = Chunk {
        ordinal: 0,
        text: "Redémarrez.".to_owned(),
        span: Span::new(0, 11),
        pages: None,
        section_path: vec!["Panne".to_owned()],
        words: Vec::new(),
    };
    assert_eq!(embedding_text("Guide", &chunk), "Guide › Panne\nRedémarrez.");
    let bare = Chunk { section_path: Vec::new(), ..chunk };
    assert_eq!(embedding_text("", &bare), "Redémarrez.");
}
