use serde::Deserialize;

use super::{Neutral, RequestBody, parse};
use crate::error::Code;

#[derive(Debug, Deserialize)]
struct Sample {
    model: String,
    temperature: Option<f32>,
    items: Option<Vec<Item>>,
    #[serde(flatten)]
    flattened: Flattened,
}

#[derive(Debug, Deserialize)]
struct Flattened {
    seed: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[allow(dead_code, reason = "only its type matters here")]
    text: String,
}

impl RequestBody for Sample {
    const FIELDS: &'static [&'static str] = &["model", "temperature", "items", "seed"];
    const NEUTRAL: &'static [(&'static str, Neutral)] =
        &[("user", Neutral::Any), ("n", Neutral::When(|value| *value == 1))];
}

#[track_caller]
fn check_error(body: &str, code: Code, param: Option<&str>) {
    let error = parse::<Sample>(body.as_bytes()).unwrap_err();
    assert_eq!((error.code, error.param.as_deref()), (code, param), "{}", error.message);
}

#[test]
fn good_bodies_pass_with_neutral_fields_and_nulls() {
    let body = r#"{"model":"m","temperature":null,"n":1,"user":"u","items":[{"text":"a"}]}"#;
    let sample = parse::<Sample>(body.as_bytes()).unwrap();
    assert_eq!(
        (sample.model.as_str(), sample.temperature, sample.flattened.seed),
        ("m", None, None)
    );
    assert_eq!(sample.items.unwrap().len(), 1);
}

#[test]
fn errors_name_the_field() {
    check_error(r#"{"temperature":1}"#, Code::InvalidRequest, Some("model"));
    check_error(r#"{"model":"m","temperature":"hot"}"#, Code::InvalidRequest, Some("temperature"));
    check_error(
        r#"{"model":"m","items":[{"text":1}]}"#,
        Code::InvalidRequest,
        Some("items[0].text"),
    );
    check_error(r#"{"model":"m","seed":"x"}"#, Code::InvalidRequest, Some("seed"));
    check_error(r#"{"model":"m","n":2}"#, Code::UnsupportedField, Some("n"));
    check_error(r#"{"model":"m","temprature":1}"#, Code::InvalidRequest, Some("temprature"));
}

#[test]
fn what_is_not_an_object_is_refused() {
    for body in ["", "[]", "null", "\"x\"", "{", "{\"model\":\"m\"} x"] {
        check_error(body, Code::InvalidRequest, None);
    }
}
