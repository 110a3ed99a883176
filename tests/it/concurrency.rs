//! Several clients at once, a full queue, clients that leave.

use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, TEXT_MODEL, shared};

fn prompt(number: usize) -> Value {
    json!({
        "model": TEXT_MODEL, "prompt": format!("{number}. The best thing about trees is"),
        "temperature": 0, "max_tokens": 16 + number,
    })
}

#[test]
fn eight_clients_get_what_they_would_get_alone() {
    let server = shared();
    let complete = |number: usize| {
        let reply = server.post("/v1/completions", &prompt(number));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["choices"].clone()
    };
    let alone: Vec<Value> = (0..8).map(complete).collect();
    let together: Vec<Value> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|number| scope.spawn(move || complete(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

/// A request that would run for minutes.
fn endless() -> Value {
    json!({
        "model": TEXT_MODEL, "prompt": "Count: 1 2 3 4 5 6", "temperature": 1.0, "seed": 1,
        "max_tokens": 2000, "stream": true,
    })
}

#[test]
fn a_full_queue_answers_429_and_frees_places_when_clients_leave() {
    let server = Server::start(&["text.max_sequences=1", "text.max_queue=1"]);
    let mut running = server.post_open("/v1/completions", &endless());
    let mut byte = [0];
    running.read_exact(&mut byte).expect("the first request streams");
    // The second waits in the queue; its headers come only once it is admitted or not at all,
    // so it is sent from a thread.
    let refused = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut body = endless();
            body["max_tokens"] = json!(4);
            server.post("/v1/completions", &body)
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let refused = loop {
            let mut body = endless();
            body["stream"] = json!(false);
            body["max_tokens"] = json!(1);
            let reply = server.post("/v1/completions", &body);
            if reply.status == 429 {
                break reply;
            }
            assert!(Instant::now() < deadline, "the queue never filled: {}", reply.text);
        };
        drop(running); // The client leaves; the one in the queue is served.
        let served = waiting.join().unwrap();
        assert!(served.status == 200 || served.status == 429, "{}", served.text);
        refused
    });
    let body = refused.json();
    assert_eq!(body["error"]["code"], "overloaded");
    let after: u64 = refused.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&after));
    let again = server.post("/v1/completions", &prompt(1));
    assert_eq!(again.status, 200, "the place is free again: {}", again.text);
}

#[test]
fn search_and_embeddings_work_while_the_generator_is_busy() {
    let server = shared();
    let mut running = server.post_open("/v1/completions", &endless());
    let mut byte = [0];
    running.read_exact(&mut byte).expect("it streams");
    let body = json!({"model": crate::server::ENCODER, "input": "Bonjour"});
    assert_eq!(server.post("/v1/embeddings", &body).status, 200);
    running.read_exact(&mut byte).expect("it still streams");
}
