use std::time::{Duration, Instant};

use super::{Answer, Usage};

/// Events, each some milliseconds after the request.
fn answer(events: &[(u64, &str)]) -> anyhow::Result<Answer> {
    let sent = Instant::now();
    let mut answer = Answer::new(sent);
    for (after, event) in events {
        answer.ended = sent + Duration::from_millis(*after);
        answer.read(event, answer.ended)?;
    }
    Ok(answer)
}

const ROLE: &str = r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
const END: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#;

fn piece(text: &str) -> String {
    format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#)
}

#[test]
fn the_first_token_is_the_first_text() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":50,"completion_tokens":5,
        "prompt_tokens_details":{"cached_tokens":10}}}"#;
    let (one, two) = (piece("un "), piece("deux"));
    let events = [(5, ROLE), (20, one.as_str()), (60, &two), (61, END), (62, usage)];
    let answer = answer(&events).unwrap();
    assert_eq!(answer.text, "un deux");
    assert_eq!(answer.ttft(), Duration::from_millis(20));
    assert_eq!(answer.total(), Duration::from_millis(62));
    let expected = Usage { prompt_tokens: 50, completion_tokens: 5, cached_tokens: Some(10) };
    assert_eq!(answer.usage, expected);
    assert!((answer.prefill_speed() - 2000.0).abs() < 1e-6);
    assert!((answer.decode_speed().unwrap() - 100.0).abs() < 1e-6);
}

#[test]
fn an_answer_without_text_is_timed_by_its_end() {
    let answer = answer(&[(5, ROLE), (30, END), (90, r#"{"choices":[]}"#)]).unwrap();
    assert_eq!(answer.ttft(), Duration::from_millis(30));
    assert_eq!(answer.decode_speed(), None);
    assert_eq!(answer.usage.cached_tokens, None);
}

#[test]
fn errors_inside_a_stream_are_errors() {
    let named = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
    for (event, expected) in [(named, "too long"), (r#"{"error":"busy"}"#, "busy"), ("x", "JSON")] {
        let error = format!("{:#}", answer(&[(1, event)]).unwrap_err());
        assert!(error.contains(expected), "{event}: {error}");
    }
}
