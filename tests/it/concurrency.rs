//! Several clients at once, a full queue, clients that leave.

use std::io::Read as _;
use std::time::Duration;

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
        "model": TEXT_MODEL, "prompt": "Count: 1 2 3 4 5 6", "temperature": 0,
        "max_tokens": 2000, "stream": true,
    })
}

#[test]
fn a_full_queue_answers_429_and_frees_places_when_clients_leave() {
    let server = Server::start(&["text.max_sequences=1", "text.max_queue=1"]);
    let mut running = server.post_open("/v1/completions", &endless());
    let mut byte = [0];
    running.read_exact(&mut byte).expect("the first request streams");
    // One of these waits in the queue, the others are refused at once.
    let refused = std::thread::scope(|scope| {
        let (sender, replies) = std::sync::mpsc::channel();
        for _ in 0..3 {
            let (sender, server) = (sender.clone(), &server);
            scope.spawn(move || sender.send(server.post("/v1/completions", &prompt(1))));
        }
        drop(sender);
        let first = replies.recv_timeout(Duration::from_secs(60)).expect("one is refused at once");
        let second = replies.recv_timeout(Duration::from_secs(60)).expect("and another");
        assert_eq!((first.status, second.status), (429, 429), "{}", first.text);
        drop(running); // The client leaves; the one in the queue is served.
        let third = replies.recv_timeout(Duration::from_secs(60)).expect("the waiting one");
        assert_eq!(third.status, 200, "{}", third.text);
        first
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
