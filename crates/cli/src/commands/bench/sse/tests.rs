use std::io::BufReader;

use super::Events;

#[track_caller]
fn check(stream: &str, expected: &[&str]) {
    // A buffer of one byte: events arrive in any pieces.
    let reader = BufReader::with_capacity(1, stream.as_bytes());
    let events: Vec<String> = Events::new(reader).map(Result::unwrap).collect();
    assert_eq!(events, expected, "{stream:?}");
}

#[test]
fn events_end_at_empty_lines() {
    check("", &[]);
    check("data: {\"a\":1}\n\ndata: [DONE]\n\n", &["{\"a\":1}", "[DONE]"]);
    check("data:x\r\n\r\ndata:  y\r\n\r\n", &["x", " y"]);
}

#[test]
fn comments_and_other_fields_are_passed_over() {
    check(": ping\n\n\nevent: error\nid: 7\ndata: x\nretry: 1\n\n", &["x"]);
    check("database: x\n\n", &[]);
    check("\u{feff}data: x\n\n", &["x"]);
}

#[test]
fn data_of_several_lines_is_joined() {
    check("data: a\ndata\ndata: b\n\n", &["a\n\nb"]);
}

#[test]
fn an_event_that_the_end_cuts_off_counts() {
    check("data: a\n\ndata: b", &["a", "b"]);
    check("data: a\n\ndata: b\n", &["a", "b"]);
}
