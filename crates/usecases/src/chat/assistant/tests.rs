//! Tests defaults, texts, and that what cannot be is named.

use serde_json::{Value, json};

use super::AssistantConfig;

fn read(value: &Value) -> AssistantConfig {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn least() -> Value {
    json!({"name": "Assistance", "knowledge_bases": ["support"]})
}

/// What is said of the least configuration with `part` in the place of `name`.
#[track_caller]
fn check(name: &str, part: Value, expected: &str) {
    let mut value = least();
    value[name] = part;
    let config = serde_json::from_str::<AssistantConfig>(&value.to_string());
    let error = match config {
        Ok(config) => config.check().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(expected), "{error}");
}

#[test]
fn the_least_configuration_is_whole() {
    let config = read(&least());
    config.check().unwrap();
    assert_eq!(config.languages, ["fr", "en"]);
    assert_eq!((config.retention_days, config.hand_over.failures_in_a_row), (Some(90), Some(2)));
    assert!(
        config.hand_over.asks_for_human && config.hand_over.anger && config.hand_over.low_evidence
    );
    assert!(config.ai_notice.enabled && !config.widget.enabled);
    let again = read(&serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap());
    assert_eq!(again, config);
    let partial = read(&json!({
        "name": "A", "knowledge_bases": ["b"], "hand_over": {"anger": false}, "widget": {},
        "thresholds": {}, "memory": {"turns": 3}, "retention_days": null,
        "ai_notice": {"text": {"fr": "IA"}},
    }));
    partial.check().unwrap();
    assert_eq!((partial.hand_over.asks_for_human, partial.memory.chars), (true, 4_000));
    assert_eq!((partial.retention_days, partial.ai_notice("fr")), (None, Some("IA")));
}

#[test]
fn texts_are_in_the_language_and_the_form_of_the_conversation() {
    let mut config = read(&least());
    assert_eq!(config.language(Some("en")), "en");
    assert_eq!((config.language(Some("de")), config.language(None)), ("fr", "fr"));
    assert_eq!(config.greeting("fr"), "Bonjour ! Comment puis-je vous aider ?");
    assert!(config.ai_notice("en").unwrap().contains("artificial intelligence"));
    config.address = super::Address::Tu;
    for text in [config.greeting("fr"), config.handed_over("fr"), config.closed("fr")] {
        assert!(!text.contains("vous ") && !text.contains("votre"), "{text}");
    }
    config.ai_notice.enabled = false;
    assert_eq!(config.ai_notice("fr"), None);
    let spoken = read(&json!({
        "name": "A", "knowledge_bases": ["b"], "languages": ["de", "fr"],
        "greeting": {"de": "Guten Tag!"}, "ai_notice": {"text": {"de": "Hier antwortet eine KI."}},
    }));
    spoken.check().unwrap();
    assert_eq!((spoken.greeting("de"), spoken.language(None)), ("Guten Tag!", "de"));
    assert!(spoken.greeting("fr").starts_with("Bonjour"));
    assert!(spoken.forbidden(0, "de").starts_with("I cannot"));
}

#[test]
fn what_cannot_be_is_named_with_its_limit() {
    check("name", json!(" "), "'name' is empty");
    check("name", json!("n".repeat(101)), "'name' has 101 characters, the limit is 100");
    check("name", json!("a\u{7}"), "control character");
    check("knowledge_bases", json!([]), "name where it looks");
    check("knowledge_bases", json!(["a", "a"]), "has `a` twice");
    check("languages", json!([]), "'languages' is empty");
    check("languages", json!(["FR"]), "no ISO 639-1 code");
    check("languages", json!(["fr", "de"]), "'ai_notice.text' has no text in `de`; write one");
    check("greeting", json!({"it": "Ciao"}), "which is not among the languages");
    check(
        "thresholds",
        json!({"evidence": 1.5}),
        "'thresholds.evidence' is 1.5, it must be 0 to 1",
    );
    check("thresholds", json!({"fixed_answers": 0.1}), "must be 0.5 to 1");
    check("memory", json!({"turns": 0}), "'memory.turns' is 0, it must be 1 to 50");
    check("retention_days", json!(0), "must be 1 to 3650");
    check("tone", json!("kind"), "unknown field `tone`");
    check("hand_over", json!({"email": ["sav"]}), "which is no e-mail address");
    check("hand_over", json!({"failures_in_a_row": 11}), "must be 1 to 10");
    check("hand_over", json!({"keywords": ["?!"]}), "in which there is no word");
    check("hand_over", json!({"topics": [{"name": "a", "phrases": []}]}), "has no phrases");
    let topic = json!({"name": "prix", "phrases": ["prix"]});
    check("forbidden_topics", json!([topic, topic]), "'forbidden_topics.prix' is there twice");
    check("opening_hours", json!({"time_zone": "Mars/A", "weekly": {}}), "no time zone");
}

#[test]
fn fixed_answers_do_not_contradict_each_other() {
    let one = |id: &str, question: &str, language: Value| {
        let questions = [question];
        json!({"id": id, "questions": questions, "answer": "a", "language": language})
    };
    let (null, fr) = (Value::Null, json!("fr"));
    check(
        "fixed_answers",
        json!([one("a", "x", null.clone()), one("a", "y", null.clone())]),
        "twice",
    );
    let twice = json!([one("a", "Délai ?", null.clone()), one("b", "délai", null.clone())]);
    check("fixed_answers", twice, "'fixed_answers.b' has a question that is there twice");
    check("fixed_answers", json!([one("a", "?!", null)]), "a question without a word");
    check("fixed_answers", json!([one("a", "x", json!("de"))]), "not among the languages");
    let mut both = least();
    both["fixed_answers"] = json!([one("a", "Contact", fr), one("b", "Contact", json!("en"))]);
    read(&both).check().unwrap();
}

#[test]
fn origins_are_scheme_host_and_port() {
    let config = |origins: &[&str]| {
        let mut value = least();
        value["widget"] = json!({"enabled": true, "origins": origins});
        read(&value)
    };
    let allowed = ["https://www.example.org", "http://localhost:8080", "https://a-b.example"];
    let widget = config(&allowed);
    widget.check().unwrap();
    assert!(widget.widget.allows("https://WWW.example.org"));
    assert!(!widget.widget.allows("https://example.org") && !widget.widget.allows("null"));
    for origin in [
        "*",
        "https://*",
        "https://*.example.org",
        "www.example.org",
        "https://a.b/",
        "https://a.b/c",
        "ftp://a.b",
        "https://",
        "https://a:0",
        "https://a:99999",
        "https://a b",
        "https://a..b",
        "https://u@a.b",
        "https://a.b?c",
        "null",
    ] {
        let error = config(&[origin]).check().unwrap_err();
        assert_eq!(error.name, "widget.origins", "{origin}");
    }
    let error = config(&[]).check().unwrap_err().to_string();
    assert!(error.contains("name the pages"), "{error}");
}
