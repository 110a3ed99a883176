//! Watched folders: what is put in is found, what is changed is changed, what is gone is erased.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, create_labelled_key};

/// A data directory whose settings watch `docs`, and `docs/rh` for its own readers.
fn settings(folder: &Path) -> Arc<TempDir> {
    let data = TempDir::new().unwrap();
    let docs = folder.display();
    let text = format!(
        "[knowledge]\nfolder_interval_seconds = 1\n\
         [[knowledge.folders]]\npath = \"{docs}\"\nknowledge_base = \"maison\"\n\
         metadata = {{ origine = \"partage\" }}\n\
         [[knowledge.folders]]\npath = \"{docs}/rh\"\nknowledge_base = \"maison\"\n\
         labels = [\"rh\"]\n"
    );
    fs::write(data.path().join("intramuros.toml"), text).unwrap();
    Arc::new(data)
}

/// The file names, states and labels of the documents, in order of name.
fn documents(server: &Server) -> Vec<(String, String, Value)> {
    let listed = server.get("/api/v1/knowledge-bases/maison/documents").json();
    let text = |document: &Value, field: &str| document[field].as_str().unwrap().to_owned();
    let mut all: Vec<_> = listed["documents"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (text(one, "file_name"), text(one, "state"), one["labels"].clone()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Waits until the documents are `wanted`: names and labels, all searchable.
#[track_caller]
fn wait_for(server: &Server, wanted: &[(&str, Value)]) {
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let found = documents(server);
        let is_ready = found.iter().all(|(_, state, _)| state == "ready");
        let same = found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(a, b)| a.0 == b.0 && a.2 == b.1);
        if is_ready && same {
            return;
        }
        assert!(Instant::now() < given_up, "{found:?}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Tokens that the encoder read for documents and questions.
fn embedded(server: &Server) -> u64 {
    server.get("/api/v1/status").json()["embedding"]["prompt_tokens"].as_u64().unwrap()
}

fn found(server: &Server, query: &str) -> String {
    let body = json!({"query": query, "limit": 1});
    let reply = server.post("/api/v1/knowledge-bases/maison/search", &body);
    reply.json()["hits"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_folder_and_its_knowledge_base_go_together() {
    let place = TempDir::new().unwrap();
    let docs = place.path().join("docs");
    fs::create_dir_all(docs.join("rh")).unwrap();
    fs::write(docs.join("nacelle.txt"), "La caution de la nacelle est de 900 euros.").unwrap();
    fs::write(docs.join("rh/paie.txt"), "La prime annuelle est de 700 euros.").unwrap();
    fs::write(docs.join("programme.exe"), "x").unwrap();
    let data = settings(&docs);
    let server = Server::start_in(Arc::clone(&data), &[]);
    let open = ("nacelle.txt", json!([]));
    let pay = ("paie.txt", json!(["rh"]));
    wait_for(&server, &[open.clone(), pay.clone()]);
    assert!(found(&server, "caution nacelle").contains("900"));

    // A change of content, a new file, and one that is gone.
    fs::write(docs.join("nacelle.txt"), "La caution de la nacelle est de 950 euros.").unwrap();
    fs::write(docs.join("rh/congés.md"), "# Congés\n\nVingt-cinq jours par an.").unwrap();
    fs::remove_file(docs.join("rh/paie.txt")).unwrap();
    wait_for(&server, &[("congés.md", json!(["rh"])), open.clone()]);
    let given_up = Instant::now() + Duration::from_secs(60);
    while !found(&server, "caution nacelle").contains("950") {
        assert!(Instant::now() < given_up, "{}", server.log());
        std::thread::sleep(Duration::from_millis(100));
    }

    // A file that moves is not embedded anew.
    let before = embedded(&server);
    fs::rename(docs.join("rh/congés.md"), docs.join("congés.md")).unwrap();
    wait_for(&server, &[("congés.md", json!([])), open.clone()]);
    assert_eq!(embedded(&server), before);
    fs::rename(docs.join("congés.md"), docs.join("rh/congés.md")).unwrap();
    wait_for(&server, &[("congés.md", json!(["rh"])), open.clone()]);

    let report = server.get("/api/v1/folders").json();
    let first = &report["folders"][0];
    assert_eq!((&first["files"], &first["skipped"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!((&first["problem"], &first["failures"]), (&Value::Null, &json!([])), "{report}");
    let narrow = create_labelled_key(data.path(), "knowledge:read", "rh");
    assert_eq!(server.with_key(&narrow).get("/api/v1/folders").status, 403);

    // An empty folder is a share that is not mounted: nothing is erased.
    fs::rename(&docs, place.path().join("away")).unwrap();
    fs::create_dir(&docs).unwrap();
    let given_up = Instant::now() + Duration::from_secs(60);
    loop {
        let report = server.get("/api/v1/folders").json();
        let problem = |at: usize| report["folders"][at]["problem"].as_str().unwrap_or_default();
        if problem(0).contains("is empty") && problem(1).contains("cannot be read") {
            break;
        }
        assert!(Instant::now() < given_up, "{report}");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(documents(&server).len(), 2);

    // What happened while the server was away is seen at the next start; new readers take effect
    // without reading the file again.
    drop(server);
    fs::remove_dir(&docs).unwrap();
    fs::rename(place.path().join("away"), &docs).unwrap();
    fs::write(docs.join("été.txt"), "Fermeture du 3 au 21 août.").unwrap();
    let file = data.path().join("intramuros.toml");
    let text = fs::read_to_string(&file).unwrap().replace("[\"rh\"]", "[\"direction\", \"rh\"]");
    fs::write(file, text).unwrap();
    let server = Server::start_in(Arc::clone(&data), &[]);
    wait_for(&server, &[("congés.md", json!(["direction", "rh"])), open, ("été.txt", json!([]))]);
}
