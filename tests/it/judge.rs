//! The generator judges whether passages answer, and learns from test questions what counts.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, create_labelled_key};

/// The smallest real generator that reads quickly enough.
const GENERATOR: &str = "text.model=qwen2.5-coder-0.5b-instruct-q4_k_m";
const BASE: &str = "/api/v1/knowledge-bases/notices";

/// A knowledge base of two notices.
fn notices() -> Server {
    let server = Server::start(&[GENERATOR]);
    server.create_base("notices");
    for (name, text) in [
        ("caution.txt", "La caution de la mini-pelle est de 1 500 €."),
        ("horaires.txt", "L'agence est ouverte de 7 h à 18 h."),
    ] {
        let added = server.upload("notices", name, text.as_bytes(), "?wait=true");
        assert_eq!(added.status, 201, "{}", added.text);
    }
    server
}

fn search(server: &Server, query: &str, judge: &str) -> Value {
    let body = json!({"query": query, "limit": 2, "judge": judge});
    let reply = server.post(&format!("{BASE}/search"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// Ten wordings for each of the two notices, and a question that neither answers.
fn questions() -> Vec<Value> {
    let about = [("caution.txt", "caution mini-pelle"), ("horaires.txt", "horaires de l'agence")];
    let starts =
        ["", "info", "svp", "je cherche", "dites-moi", "quid", "et", "bonjour", "merci", "aide"];
    let mut all = Vec::new();
    for (document, words) in about {
        for (at, start) in starts.into_iter().enumerate() {
            let (id, query) = (format!("{document}-{at}"), format!("{start} {words}"));
            all.push(json!({"id": id, "query": query, "relevant": [document]}));
        }
    }
    all.push(json!({"id": "none", "query": "recette de la tarte", "relevant": []}));
    all
}

fn calibration(server: &Server) -> Value {
    server.get(&format!("{BASE}/calibration")).json()
}

#[test]
fn what_counts_as_an_answer_is_learnt_from_test_questions() {
    let server = notices();
    let judged = search(&server, "Quelle est la caution de la mini-pelle ?", "report");
    let judgement = &judged["judgement"];
    assert_eq!((&judgement["calibrated"], &judgement["threshold"]), (&json!(false), &json!(0.2)));
    let score = judgement["score"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&score), "{judged}");
    assert_eq!(judgement["answers"], json!(score >= 0.2));
    assert_eq!(judged["hits"].as_array().unwrap().len(), 2);
    assert!(search(&server, "caution", "none")["judgement"].is_null());

    let path = format!("{BASE}/calibration");
    let refused = server.post(&path, &json!({}));
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("at least 20 are needed"), "{}", refused.text);
    assert_eq!(server.post(&path, &json!({"kept": 1.5})).status, 400);
    let stored = server
        .with_key(&server.key)
        .put(&format!("{BASE}/test-questions"), &json!({"questions": questions()}));
    assert_eq!(stored.status, 204, "{}", stored.text);
    let narrow = create_labelled_key(server.data.path(), "knowledge:read,knowledge:write", "rh");
    assert_eq!(server.with_key(&narrow).post(&path, &json!({})).status, 403);

    let begun = server.post(&path, &json!({"kept": 0.75}));
    assert_eq!(begun.status, 202, "{}", begun.text);
    assert_eq!(begun.json()["running"]["of"], 21);
    let given_up = Instant::now() + Duration::from_secs(900);
    while !calibration(&server)["running"].is_null() {
        assert!(Instant::now() < given_up, "{}", calibration(&server));
        std::thread::sleep(Duration::from_millis(200));
    }
    let state = calibration(&server);
    assert_eq!((&state["failure"], &state["applies"]), (&Value::Null, &json!(true)), "{state}");
    let learnt = &state["learnt"];
    let number = |name: &str| learnt[name].as_u64().unwrap();
    assert_eq!(number("answerable") + number("not_found"), 20, "{state}");
    let kept = number("answerable_kept") as f64 / number("answerable") as f64;
    assert!((0.75..0.85).contains(&kept), "{state}");
    assert_eq!(number("unanswerable"), 1);

    // The threshold is used by searches and answers, and what it refuses is told to those who write
    // the documents.
    let judged = |question: &str| {
        let found = search(&server, question, "require");
        let judgement = &found["judgement"];
        assert_eq!(judgement["threshold"], learnt["threshold"]);
        assert_eq!(judgement["calibrated"], true);
        let answers = judgement["answers"].as_bool().unwrap();
        assert_eq!(found["hits"].as_array().unwrap().is_empty(), !answers, "{found}");
        answers
    };
    // A quarter of the questions it was learnt from do not reach it.
    let all: Vec<String> =
        questions().iter().map(|one| one["query"].as_str().unwrap().to_owned()).collect();
    let refused = all.iter().find(|question| !judged(question)).expect("a question is refused");
    assert!(all.iter().any(|question| judged(question)), "all questions are refused");
    let reply = server.post(&format!("{BASE}/ask"), &json!({"question": refused}));
    let answer = reply.json();
    assert_eq!((&answer["answered"], &answer["abstention"]), (&json!(false), &json!("no_answer")));
    assert_eq!(answer["judgement"]["answers"], false, "{answer}");
    let gaps = server.get(&format!("{BASE}/unanswered")).json();
    assert!(!gaps["questions"].as_array().unwrap().is_empty(), "{gaps}");
}

#[test]
fn a_calibration_that_a_stop_ends_is_begun_anew() {
    let server = notices();
    let body = json!({"questions": questions()});
    let stored = server.with_key(&server.key).put(&format!("{BASE}/test-questions"), &body);
    assert_eq!(stored.status, 204, "{}", stored.text);
    assert_eq!(server.post(&format!("{BASE}/calibration"), &json!({})).status, 202);
    server.signal("-TERM");
    assert!(server.wait().success());
    let data = std::sync::Arc::clone(&server.data);
    let key = server.key.clone();
    drop(server);
    let server = Server::start_in(data, &[GENERATOR]);
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let state = server.with_key(&key).get(&format!("{BASE}/calibration")).json();
        assert_eq!(state["failure"], Value::Null, "{state}");
        if state["running"]["of"] == 21 {
            return;
        }
        assert!(Instant::now() < given_up, "{state}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_generator_orders_what_was_found() {
    let server = notices();
    let ask = |ranking: &str| {
        let body = json!({"query": "combien on doit laisser pour la pelle ?", "ranking": ranking});
        server.post(&format!("{BASE}/search"), &body).json()["hits"].as_array().unwrap().clone()
    };
    let hits = ask("likelihood");
    assert_eq!(hits.len(), 2);
    let likelihood = |at: usize| hits[at]["reason"]["likelihood"].as_f64().unwrap();
    assert!((0..2).all(|at| likelihood(at) < 0.0), "{hits:?}");
    assert!(hits[0]["score"].as_f64() >= hits[1]["score"].as_f64(), "{hits:?}");
    assert!(hits[0]["text"].as_str().unwrap().contains("1 500"), "{hits:?}");
    assert!(likelihood(0) > likelihood(1), "{hits:?}");
    assert!(ask("hybrid")[0]["reason"]["likelihood"].is_null());
}

#[test]
fn nobody_judges_without_a_generator() {
    let server = Server::start(&["text.model="]);
    server.create_base("notices");
    let body = json!({"query": "caution", "judge": "require"});
    assert_eq!(server.post(&format!("{BASE}/search"), &body).status, 503);
    let body = json!({"query": "caution", "ranking": "likelihood"});
    assert_eq!(server.post(&format!("{BASE}/search"), &body).status, 503);
    assert_eq!(server.post(&format!("{BASE}/calibration"), &json!({})).status, 503);
    assert_eq!(calibration(&server)["learnt"], Value::Null);
}
