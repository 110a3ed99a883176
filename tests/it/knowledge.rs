//! Five formats in, passages and cited answers out, erasure.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::server::{Server, create_labelled_key, shared};

fn sample_documents() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.parent().expect("tests/ has a parent").join("deploy/sample/documents")
}

fn search(server: &Server, base: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/v1/knowledge-bases/{base}/search");
    let reply = server.post(&path, &json!({"query": query, "limit": 5}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["hits"].as_array().unwrap().clone()
}

fn add(server: &Server, base: &str, name: &str, text: &str) -> Value {
    let reply = server.upload(base, name, text.as_bytes(), "?wait=true");
    assert_eq!(reply.status, 201, "{}", reply.text);
    let document = reply.json();
    assert_eq!(document["state"], "ready", "{document}");
    document
}

#[test]
fn every_format_of_the_sample_company_is_searchable_with_positions() {
    let server = shared();
    server.create_base("sample");
    let mut formats = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(sample_documents()).expect("the sample documents") {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let reply = server.upload("sample", &name, &std::fs::read(&path).unwrap(), "?wait=true");
        let document = reply.json();
        assert_eq!(document["state"], "ready", "{name}: {document}");
        assert!(document["passages"].as_u64().unwrap() > 0);
        assert!(!document["title"].as_str().unwrap().is_empty());
        formats.insert(name.rsplit('.').next().unwrap().to_string());
    }
    for format in ["txt", "md", "html", "pdf", "docx"] {
        assert!(formats.contains(format), "the sample has no {format}");
    }
    let hits = search(&server, "sample", "code erreur E-403");
    assert!(hits.iter().any(|hit| hit["text"].as_str().unwrap().contains("E-403")), "{hits:?}");
    for hit in &hits {
        let span = &hit["span"];
        let length = span["end"].as_u64().unwrap() - span["start"].as_u64().unwrap();
        assert_eq!(length, hit["text"].as_str().unwrap().chars().count() as u64, "{hit}");
    }
    let paged = search(&server, "sample", "nacelle avant utilisation contrôle de sécurité");
    assert!(paged.iter().any(|hit| hit["pages"]["first"].as_u64().is_some()), "{paged:?}");
    let scores: Vec<f64> = hits.iter().map(|hit| hit["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
}

#[test]
fn words_and_meaning_both_find() {
    let server = shared();
    server.create_base("both");
    add(&server, "both", "caution.txt", "La caution demandée pour une nacelle est de 1500 euros.");
    add(&server, "both", "panne.md", "# Pannes\n\nLe code FT-2041/B signale un défaut du joint.");
    add(&server, "both", "horaires.html", "<h1>Horaires</h1><p>L'agence ouvre à sept heures.</p>");
    let first =
        |query: &str| search(&server, "both", query)[0]["title"].as_str().unwrap().to_string();
    assert_eq!(first("FT-2041/B"), "Pannes");
    assert_eq!(first("A partir de quand peut-on venir le matin ?"), "Horaires");
    let hits = search(&server, "both", "cautions nacelles");
    assert!(hits[0]["reason"]["lexical"].as_f64().is_some(), "stemming: {}", hits[0]);
    assert!(hits[0]["reason"]["similarity"].as_f64().is_some());
}

#[test]
fn answers_cite_what_stands_in_the_passages() {
    let server = shared();
    server.create_base("cited");
    let text = "The deposit for the scissor lift is 1500 euros. It is returned within 5 days.";
    let document = add(&server, "cited", "deposit.txt", text);
    let body = json!({"question": "How much is the deposit for the scissor lift?"});
    let reply = server.post("/api/v1/knowledge-bases/cited/ask", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let answer = reply.json();
    // The small model may answer or not; what it may not do is answer without evidence.
    let citations = answer["citations"].as_array().unwrap();
    assert_eq!(answer["answered"].as_bool().unwrap(), !citations.is_empty(), "{answer}");
    assert_eq!(answer["abstention"].is_null(), !citations.is_empty(), "{answer}");
    for citation in citations {
        assert_eq!(citation["document"], document["id"]);
        let quote = citation["quote"].as_str().unwrap();
        let (start, end) = (&citation["span"]["start"], &citation["span"]["end"]);
        let span = start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize;
        let cited: String = text.chars().skip(span.start).take(span.len()).collect();
        assert_eq!(cited, quote);
    }
}

#[test]
fn a_streamed_answer_ends_with_the_same_object() {
    let server = shared();
    server.create_base("streamed");
    add(&server, "streamed", "a.txt", "The deposit for the scissor lift is 1500 euros.");
    let path = "/api/v1/knowledge-bases/streamed/ask";
    let question = "How much is the deposit for the scissor lift?";
    let whole = server.post(path, &json!({"question": question})).json();
    let streamed = server.post(path, &json!({"question": question, "stream": true}));
    let names: Vec<&str> =
        streamed.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!((names.first(), names.last()), (Some(&"passages"), Some(&"answer")), "{names:?}");
    let last: Value = serde_json::from_str(streamed.events().last().unwrap()).unwrap();
    assert_eq!(last["answer"], whole["answer"]);
    assert_eq!(last["citations"], whole["citations"]);
}

#[test]
fn an_empty_knowledge_base_says_so_in_the_questions_language() {
    let server = shared();
    server.create_base("empty");
    let ask = |question: &str| {
        server.post("/api/v1/knowledge-bases/empty/ask", &json!({"question": question})).json()
    };
    let french = ask("Quelle est la caution ?");
    assert_eq!(
        (&french["answered"], &french["abstention"]),
        (&json!(false), &json!("nothing_found"))
    );
    assert!(french["answer"].as_str().unwrap().starts_with("Les documents"), "{french}");
    let english = ask("What is the deposit?");
    assert!(english["answer"].as_str().unwrap().starts_with("The available"), "{english}");

    // Those who write the documents learn of it; searches within a part of them do not count.
    ask("caution, quelle est-elle ?");
    let search = |body: Value| server.post("/api/v1/knowledge-bases/empty/search", &body).status;
    assert_eq!(search(json!({"query": "horaires du parc"})), 200);
    assert_eq!(search(json!({"query": "nulle part", "metadata": {"a": ["b"]}})), 200);
    let path = "/api/v1/knowledge-bases/empty/unanswered";
    let listed = || server.get(path).json()["questions"].as_array().unwrap().clone();
    let shown: Vec<(Value, Value)> =
        listed().iter().map(|one| (one["question"].clone(), one["times"].clone())).collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert_eq!(shown[0], (json!("caution, quelle est-elle ?"), json!(2)));
    let id = listed()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.delete(&format!("{path}/{id}")).status, 204);
    assert_eq!(server.delete(&format!("{path}/{id}")).status, 404);
    assert_eq!(listed().len(), 2);
    let narrow = create_labelled_key(server.data.path(), "knowledge:read", "rh");
    assert_eq!(server.with_key(&narrow).get(path).status, 403);
    assert_eq!(server.delete(path).status, 204);
    assert!(listed().is_empty());
}

#[test]
fn one_document_need_not_fill_the_list() {
    let server = shared();
    server.create_base("diverse");
    let paragraph =
        |at: usize| format!("Le compresseur numéro {at} se purge. {}", "Il tourne. ".repeat(80));
    let long = (0..6).map(paragraph).collect::<Vec<_>>().join("\n\n");
    add(&server, "diverse", "long.txt", &long);
    add(&server, "diverse", "court.txt", "Un compresseur se range au sec.");
    let path = "/api/v1/knowledge-bases/diverse/search";
    let documents = |body: Value| {
        let hits = server.post(path, &body).json()["hits"].as_array().unwrap().clone();
        hits.iter().map(|hit| hit["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(documents(json!({"query": "compresseur"})).len() > 3);
    let mut bounded = documents(json!({"query": "compresseur", "per_document": 1}));
    bounded.sort();
    assert_eq!(bounded, ["court", "long"]);
    assert_eq!(server.post(path, &json!({"query": "x", "per_document": 0})).status, 400);
}

#[test]
fn the_same_content_is_stored_once() {
    let server = shared();
    server.create_base("twice");
    let first = add(&server, "twice", "a.txt", "Un texte unique sur les compresseurs.");
    let reply =
        server.upload("twice", "b.txt", "Un texte unique sur les compresseurs.".as_bytes(), "");
    assert_eq!((reply.status, &reply.json()["id"]), (200, &first["id"]));
}

#[test]
fn erased_text_is_nowhere_on_the_disk() {
    let server = Server::start(&[]);
    server.create_base("erased");
    let secret = "zanzibarographe";
    let kept = "hippocampelephant";
    let document = add(&server, "erased", "a.txt", &format!("Le mot secret est {secret}."));
    add(&server, "erased", "b.txt", &format!("Le mot gardé est {kept}."));
    assert!(server.on_disk(kept), "the byte search works");
    let id = document["id"].as_str().unwrap();
    let path = format!("/api/v1/knowledge-bases/erased/documents/{id}");
    assert_eq!(server.delete(&path).status, 204);
    assert_eq!(server.get(&path).status, 404);
    assert!(search(&server, "erased", secret).iter().all(|hit| hit["document"] != id));
    assert!(!server.on_disk(secret), "the erased text is still on the disk");
    assert!(server.on_disk(kept), "the other document is untouched");
    assert_eq!(server.delete("/api/v1/knowledge-bases/erased").status, 204);
    assert!(!server.on_disk(kept), "the erased knowledge base is still on the disk");
}

#[test]
fn many_documents_are_erased_at_once() {
    let server = Server::start(&["text.model="]);
    server.create_base("many");
    let text = |number: usize| format!("La note {number} parle de Zorglub{number}marqueur.");
    let id = |number: usize| {
        let added = add(&server, "many", &format!("{number}.txt"), &text(number));
        added["id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<String> = (0..12).map(id).collect();
    let path = "/api/v1/knowledge-bases/many/documents/delete";
    let erased = server.post(path, &json!({"documents": [ids[0], ids[1], "doc_unknown", ids[0]]}));
    assert_eq!(erased.status, 200, "{}", erased.text);
    assert_eq!(erased.json(), json!({"deleted": 2, "not_found": ["doc_unknown"]}));
    assert_eq!(server.post(path, &json!({"documents": []})).status, 400);

    // Each of many at the same time has an answer, and each is gone by then.
    std::thread::scope(|scope| {
        for (number, id) in ids.iter().enumerate().skip(2) {
            let server = &server;
            scope.spawn(move || {
                let one = format!("/api/v1/knowledge-bases/many/documents/{id}");
                assert_eq!(server.delete(&one).status, 204);
                assert!(!server.on_disk(&format!("Zorglub{number}marqueur")), "{number}");
            });
        }
    });
    assert!(!server.on_disk("Zorglub"), "an erased text is still on the disk");
    let list = server.get("/api/v1/knowledge-bases/many/documents").json();
    assert_eq!(list["documents"], json!([]));
    assert_eq!(search(&server, "many", "Zorglub"), Vec::<Value>::new());
}

#[test]
fn a_deleted_document_stops_being_indexed_and_small_ones_do_not_wait_for_it() {
    let server = Server::start(&["text.model="]);
    server.create_base("slow");
    server.create_base("quick");
    // Thousands of passages: minutes of work.
    let large = "La mini-pelle se loue à la journée. ".repeat(40_000);
    let large = server.upload("slow", "large.txt", large.as_bytes(), "").json();
    let small = add(&server, "quick", "small.txt", "La caution est de 300 euros.");
    assert_eq!(small["state"], "ready", "{small}");
    let path = format!("/api/v1/knowledge-bases/slow/documents/{}", large["id"].as_str().unwrap());
    assert_ne!(server.get(&path).json()["state"], "ready", "the large one is still in work");
    assert_eq!(server.delete(&path).status, 204);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !server.log().contains("deleted or changed while it was indexed") {
        assert!(std::time::Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
