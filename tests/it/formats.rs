//! Company files in, the right passage out: tables row by row, files within files, scans.

use serde_json::{Value, json};

use crate::server::{Server, shared};

fn fixture(name: &str) -> Vec<u8> {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = root.parent().unwrap().join("crates/ingest/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn add(server: &Server, base: &str, name: &str, bytes: &[u8]) -> Value {
    let document = server.upload(base, name, bytes, "?wait=true").json();
    assert_eq!(document["state"], "ready", "{name}: {document}");
    document
}

fn best(server: &Server, base: &str, query: &str) -> Value {
    let path = format!("/api/v1/knowledge-bases/{base}/search");
    let reply = server.post(&path, &json!({"query": query, "limit": 1}));
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["hits"][0].clone()
}

#[test]
fn the_row_of_a_price_list_is_shown_with_its_headers() {
    let server = shared();
    server.create_base("prices");
    let mut list = "Référence;Désignation;Prix HT;Caution\n".to_owned();
    for number in 1..60 {
        list.push_str(&format!(
            "MP-{number:02};Mini-pelle {number};{} €;{} €\n",
            number * 7,
            number * 100
        ));
    }
    let document = add(&server, "prices", "tarifs.csv", list.as_bytes());
    assert_eq!(document["format"], "csv");
    for (query, row) in [
        (
            "prix de la MP-23",
            "Référence: MP-23 ; Désignation: Mini-pelle 23 ; Prix HT: 161 € ; Caution: 2300 €",
        ),
        (
            "caution mp-41",
            "Référence: MP-41 ; Désignation: Mini-pelle 41 ; Prix HT: 287 € ; Caution: 4100 €",
        ),
    ] {
        let hit = best(&server, "prices", query);
        let highlights = hit["highlights"].as_array().unwrap();
        assert!(highlights.iter().any(|found| found["text"] == row), "{query}: {hit:#}");
    }
}

#[test]
fn files_within_files_are_documents_of_their_own() {
    let server = shared();
    server.create_base("within");
    let mail = add(&server, "within", "courrier.eml", &fixture("courrier.eml"));
    assert_eq!(mail["format"], "eml");
    let path =
        format!("/api/v1/knowledge-bases/within/documents?parent={}", mail["id"].as_str().unwrap());
    let parts = server.get(&path).json()["documents"].as_array().unwrap().clone();
    assert!(!parts.is_empty(), "the mail has an attachment");
    assert!(parts.iter().all(|part| part["parent"] == mail["id"]), "{parts:?}");
    // They have the readers of the mail, and go with it.
    let path_of =
        |id: &Value| format!("/api/v1/knowledge-bases/within/documents/{}", id.as_str().unwrap());
    let (mail_path, part_path) = (path_of(&mail["id"]), path_of(&parts[0]["id"]));
    let caller = server.with_key(&server.key);
    assert_eq!(caller.patch(&mail_path, &json!({"labels": ["rh"]})).status, 200);
    assert_eq!(server.get(&part_path).json()["labels"], json!(["rh"]));
    let opened = caller.patch(&part_path, &json!({"labels": []}));
    assert_eq!((opened.status, &opened.json()["param"]), (400, &json!("labels")));
    assert_eq!(server.get(&part_path).json()["labels"], json!(["rh"]));
    assert_eq!(server.delete(&mail_path).status, 204);
    let left = server.get("/api/v1/knowledge-bases/within/documents").json();
    assert_eq!(left["documents"], json!([]));
}

#[test]
fn the_files_of_an_earlier_content_go_with_it() {
    let server = shared();
    let caller = server.with_key(&server.key);
    server.create_base("replaced");
    let parts = [("external_id", "courrier")];
    let upload = |bytes: &[u8]| {
        let reply = caller.upload("replaced", "courrier.eml", bytes, "?wait=true", &parts).json();
        assert_eq!(reply["state"], "ready", "{reply}");
        let path = "/api/v1/knowledge-bases/replaced/documents";
        caller.get(path).json()["documents"].as_array().unwrap().len()
    };
    assert!(upload(&fixture("courrier.eml")) > 1);
    let bare =
        "From: a@example.fr\r\nSubject: Rien de joint\r\nMIME-Version: 1.0\r\n\r\nBonjour.\r\n";
    assert_eq!(upload(bare.as_bytes()), 1);
}

#[test]
fn office_files_and_a_scan_are_found_with_their_places() {
    let server = shared();
    server.create_base("office");
    let mut scan = Value::Null;
    for (name, format) in [
        ("tarifs.xlsx", "xlsx"),
        ("tarifs.ods", "ods"),
        ("note.odt", "odt"),
        ("bilan.pptx", "pptx"),
        ("bilan.odp", "odp"),
        ("facture_scan.pdf", "pdf"),
        ("photo.jpg", "image"),
    ] {
        let document = add(&server, "office", name, &fixture(name));
        assert_eq!(document["format"], format, "{document}");
        if name == "facture_scan.pdf" {
            scan = document["id"].clone();
        }
    }
    let query = json!({"query": "facture total à payer", "limit": 1, "documents": [scan]});
    let reply = server.post("/api/v1/knowledge-bases/office/search", &query);
    let hit = reply.json()["hits"][0].clone();
    let boxes = hit["boxes"].as_array().unwrap_or_else(|| panic!("no places: {hit:#}"));
    for place in boxes {
        let edge = |name: &str| place[name].as_f64().unwrap();
        assert!(0.0 <= edge("left") && edge("left") < edge("right") && edge("right") <= 1.0);
        assert!(0.0 <= edge("top") && edge("top") < edge("bottom") && edge("bottom") <= 1.0);
    }
    let highlight = &hit["highlights"][0];
    assert!(highlight["boxes"].as_array().is_some_and(|boxes| !boxes.is_empty()), "{hit:#}");
}

#[test]
fn a_bomb_costs_only_itself() {
    let server = shared();
    server.create_base("bombs");
    // A million times the same line, packed by a thousand: beyond the ratio that is accepted.
    let bomb = include_bytes!("bomb.zip");
    let failed = server.upload("bombs", "bombe.zip", bomb, "?wait=true").json();
    assert!(
        failed["state"] == "failed" || failed["warnings"].as_array().is_some_and(|w| !w.is_empty()),
        "{failed}"
    );
    let deep = format!("{}x{}", "<div>".repeat(200_000), "</div>".repeat(200_000));
    let failed = server.upload("bombs", "profond.html", deep.as_bytes(), "?wait=true").json();
    assert_eq!(failed["state"], "failed", "{failed}");
    let fine = server.upload("bombs", "note.txt", b"La pompe est bleue.", "?wait=true").json();
    assert_eq!(fine["state"], "ready", "{fine}");
}
