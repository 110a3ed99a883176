//! Who may read what: labels of documents and of keys.

use serde_json::{Value, json};

use crate::server::{Caller, Server, create_labelled_key, shared};

const ALL: &str = "knowledge:read,knowledge:write";

fn documents(caller: &Caller<'_>, base: &str) -> usize {
    let listed = caller.get(&format!("/api/v1/knowledge-bases/{base}/documents")).json();
    listed["documents"].as_array().unwrap().len()
}

fn ready(caller: &Caller<'_>, base: &str) -> u64 {
    let described = caller.get(&format!("/api/v1/knowledge-bases/{base}")).json();
    described["documents"]["ready"].as_u64().unwrap()
}

fn found(caller: &Caller<'_>, base: &str, body: &Value) -> Vec<String> {
    let reply = caller.post(&format!("/api/v1/knowledge-bases/{base}/search"), body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let hits = reply.json()["hits"].as_array().unwrap().clone();
    hits.iter().map(|hit| hit["document"].as_str().unwrap().to_string()).collect()
}

fn add(caller: &Caller<'_>, base: &str, name: &str, text: &str, parts: &[(&str, &str)]) -> String {
    let reply = caller.upload(base, name, text.as_bytes(), "?wait=true", parts);
    assert_eq!((reply.status, &reply.json()["state"]), (201, &json!("ready")), "{}", reply.text);
    reply.json()["id"].as_str().unwrap().to_string()
}

/// Keys that hold no label, `rh`, and every label.
fn keys(server: &Server) -> [String; 3] {
    ["", "rh", "*"].map(|labels| create_labelled_key(server.data.path(), ALL, labels))
}

#[test]
fn a_label_hides_a_document_everywhere_and_at_once() {
    let server = shared();
    let [open, rh, all] = keys(&server);
    let (open, rh, all) = (server.with_key(&open), server.with_key(&rh), server.with_key(&all));
    server.create_base("labels");
    let pay = "La prime annuelle des salaires est de 900 euros.";
    let secret = add(&rh, "labels", "paie.txt", pay, &[("labels", "rh")]);
    let public = add(&open, "labels", "notice.txt", "La cantine ouvre à midi.", &[]);

    let query = json!({"query": "prime annuelle des salaires"});
    for (caller, sees) in [(&open, false), (&rh, true), (&all, true)] {
        assert_eq!(found(caller, "labels", &query).contains(&secret), sees);
        assert!(found(caller, "labels", &query).contains(&public));
        assert_eq!(documents(caller, "labels"), if sees { 2 } else { 1 });
        assert_eq!(ready(caller, "labels"), if sees { 2 } else { 1 });
        for path in ["", "/file", "/passages"] {
            let path = format!("/api/v1/knowledge-bases/labels/documents/{secret}{path}");
            assert_eq!(caller.get(&path).status, if sees { 200 } else { 404 }, "{path}");
        }
    }
    let path = format!("/api/v1/knowledge-bases/labels/documents/{secret}");
    assert_eq!(open.delete(&path).status, 404);
    assert_eq!(open.patch(&path, &json!({"labels": []})).status, 404);
    let asked = json!({"question": "Combien est la prime annuelle ?"});
    let answer = open.post("/api/v1/knowledge-bases/labels/ask", &asked).json();
    assert!(!answer.to_string().contains("900 euros"), "{answer}");

    // A key cannot give labels that it does not hold, nor act for more than it holds.
    let reply = open.upload("labels", "x.txt", b"Un texte.", "", &[("labels", "rh")]);
    assert_eq!((reply.status, &reply.json()["param"]), (400, &json!("labels")), "{}", reply.text);
    let for_all = json!({"query": "prime annuelle des salaires", "labels": ["rh", "direction"]});
    assert!(!found(&open, "labels", &for_all).contains(&secret));
    assert!(found(&all, "labels", &for_all).contains(&secret));
    let for_nobody = json!({"query": "prime annuelle des salaires", "labels": []});
    assert!(!found(&all, "labels", &for_nobody).contains(&secret));

    // A change counts from its answer on.
    let public_path = format!("/api/v1/knowledge-bases/labels/documents/{public}");
    let hidden = all.patch(&public_path, &json!({"labels": ["direction"]}));
    assert_eq!((hidden.status, &hidden.json()["labels"]), (200, &json!(["direction"])));
    assert!(!found(&rh, "labels", &json!({"query": "cantine"})).contains(&public));
    assert!(found(&all, "labels", &json!({"query": "cantine"})).contains(&public));
    assert_eq!(documents(&rh, "labels"), 1);
}

#[test]
fn metadata_and_dates_narrow_a_search() {
    let server = shared();
    let caller = server.with_key(&server.key);
    server.create_base("metadata");
    let text = |service: &str| format!("Procédure de remboursement du service {service}.");
    let pay = [("metadata", r#"{"service": "paie", "année": "2026"}"#)];
    let first = add(&caller, "metadata", "a.txt", &text("paie"), &pay);
    let second = add(
        &caller,
        "metadata",
        "b.md",
        "---\ntitle: Achats\ndate: 2025-03-04\n---\n\nProcédure de remboursement des achats.",
        &[("metadata", r#"{"service": "achats"}"#)],
    );
    let query = |more: Value| {
        let mut body = json!({"query": "procédure de remboursement"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, expected) in [
        (json!({"metadata": {"service": ["paie"]}}), vec![&first]),
        (json!({"metadata": {"service": ["achats", "x"]}}), vec![&second]),
        (json!({"metadata": {"service": ["achats"], "année": ["2026"]}}), vec![]),
        (json!({"metadata": {"service": []}}), vec![]),
        (json!({"written_from": "2025-01-01", "written_to": "2025-12-31"}), vec![&second]),
        (json!({"written_from": "2025-03-05"}), vec![]),
    ] {
        let hits = found(&caller, "metadata", &query(more.clone()));
        assert_eq!(hits.iter().collect::<Vec<_>>(), expected, "{more}");
    }
    let path = "/api/v1/knowledge-bases/metadata/search";
    let wrong = caller.post(path, &query(json!({"written_from": "hier"})));
    assert_eq!((wrong.status, &wrong.json()["param"]), (400, &json!("written_from")));
    let part = [("metadata", "[1]")];
    let wrong = caller.upload("metadata", "c.txt", b"Un texte.", "", &part);
    assert_eq!((wrong.status, &wrong.json()["param"]), (400, &json!("metadata")), "{}", wrong.text);
}

#[test]
fn an_external_id_names_one_document_that_new_content_replaces() {
    let server = shared();
    let caller = server.with_key(&server.key);
    server.create_base("external");
    let parts = [("external_id", "procédures/retour.txt"), ("source", "intranet")];
    let id = add(&caller, "external", "retour.txt", "Le retour coûte 40 euros.", &parts);
    let again = "Le retour coûte 40 euros.".as_bytes();
    let again = caller.upload("external", "retour.txt", again, "?wait=true", &parts);
    assert_eq!((again.status, &again.json()["id"]), (200, &json!(id)));
    let changed = "Le retour coûte 55 euros.".as_bytes();
    let changed = caller.upload("external", "retour.txt", changed, "?wait=true", &parts);
    assert_eq!((changed.status, &changed.json()["id"]), (201, &json!(id)), "{}", changed.text);
    let reply =
        caller.post("/api/v1/knowledge-bases/external/search", &json!({"query": "coût du retour"}));
    assert!(reply.text.contains("55 euros") && !reply.text.contains("40 euros"), "{}", reply.text);
    let base = "/api/v1/knowledge-bases/external/documents";
    for (query, expected) in [
        ("external_id=proc%C3%A9dures/retour.txt", 1),
        ("external_id=autre", 0),
        ("source=intranet", 1),
        ("source=autre", 0),
    ] {
        let listed = caller.get(&format!("{base}?{query}")).json();
        assert_eq!(listed["documents"].as_array().unwrap().len(), expected, "{query}");
    }
}

#[test]
fn an_upload_that_narrows_the_readers_counts_from_its_answer_on() {
    let server = shared();
    let [open, rh, _] = keys(&server);
    let (open, rh) = (server.with_key(&open), server.with_key(&rh));
    server.create_base("narrowed");
    let text = "Le barème des indemnités kilométriques.";
    let name = ("external_id", "barème.txt");
    let id = add(&open, "narrowed", "barème.txt", text, &[name]);
    let query = json!({"query": "barème des indemnités"});
    assert_eq!(found(&open, "narrowed", &query), std::slice::from_ref(&id));
    // Not waited for: it is read anew meanwhile.
    let parts = [name, ("labels", "rh")];
    let again = rh.upload("narrowed", "barème.txt", text.as_bytes(), "", &parts);
    assert_eq!(again.status, 202, "{}", again.text);
    assert_eq!(found(&open, "narrowed", &query), [] as [String; 0]);
    let done = rh.upload("narrowed", "barème.txt", text.as_bytes(), "?wait=true", &parts);
    assert_eq!(done.json()["state"], "ready", "{}", done.text);
    assert_eq!(found(&rh, "narrowed", &query), [id]);
    // Who may not read it may not take its place either.
    let taken = open.upload("narrowed", "barème.txt", b"Autre chose.", "", &[name]);
    assert_eq!((taken.status, &taken.json()["param"]), (400, &json!("external_id")));
}
