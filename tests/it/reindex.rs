//! An index is made anew beside the one that is searched, takes its place, and gives it back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Server, create_labelled_key};

const OTHER_ENCODER: &str = "all-minilm-l6-v2";
const BASE: &str = "/api/v1/knowledge-bases/notices";

fn add(server: &Server, name: &str, text: &str) -> String {
    let reply = server.upload("notices", name, text.as_bytes(), "?wait=true");
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()["id"].as_str().unwrap().to_owned()
}

fn indexes(server: &Server) -> Vec<Value> {
    server.get(&format!("{BASE}/indexes")).json()["indexes"].as_array().unwrap().clone()
}

/// The generations and roles.
fn roles(server: &Server) -> Vec<(u64, String)> {
    let role = |index: &Value| {
        (index["generation"].as_u64().unwrap(), index["role"].as_str().unwrap().to_owned())
    };
    indexes(server).iter().map(role).collect()
}

#[track_caller]
fn wait_until(server: &Server, what: &str, is: impl Fn() -> bool) {
    let given_up = Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(Instant::now() < given_up, "{what}: {:?}\n{}", roles(server), server.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn counts(server: &Server) -> Value {
    server.get(BASE).json()["documents"].clone()
}

fn all_ready(server: &Server) -> bool {
    let counts = counts(server);
    counts["pending"] == 0 && counts["indexing"] == 0
}

/// The documents that a search finds.
fn found(server: &Server, query: &str) -> Vec<String> {
    let body = json!({"query": query, "limit": 10});
    let reply = server.post(&format!("{BASE}/search"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let hits = reply.json()["hits"].as_array().unwrap().clone();
    hits.iter().map(|hit| hit["document"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_index_is_made_beside_the_other_and_can_be_taken_back() {
    let server = Server::start(&[&format!("embedding.more_models={OTHER_ENCODER}")]);
    server.create_base("notices");
    let lift = add(&server, "nacelle.txt", "La caution de la nacelle est de 900 euros.");
    let gone = add(&server, "ancien.txt", "La grue est retirée du parc.");
    let question = json!({"id": "q1", "query": "caution nacelle", "relevant": ["nacelle.txt"]});
    let path = format!("{BASE}/test-questions");
    let caller = server.with_key(&server.key);
    assert_eq!(caller.put(&path, &json!({"questions": [question]})).status, 204);
    assert_eq!(caller.get(&path).json()["questions"][0]["query"], "caution nacelle");

    // Bad requests, and whose decision it is.
    let unknown = server.post(&format!("{BASE}/indexes"), &json!({"embedding_model": "x"}));
    assert_eq!((unknown.status, &unknown.json()["param"]), (400, &json!("embedding_model")));
    assert_eq!(server.post(&format!("{BASE}/indexes/0/activate"), &json!({})).status, 409);
    assert_eq!(server.delete(&format!("{BASE}/indexes/7")).status, 404);
    let scopes = "knowledge:read,knowledge:write";
    let narrow = create_labelled_key(server.data.path(), scopes, "rh");
    let narrow = server.with_key(&narrow);
    assert_eq!(narrow.post(&format!("{BASE}/indexes"), &json!({})).status, 403);
    assert_eq!(narrow.delete(BASE).status, 403, "it would erase what the key may not see");

    let begun = server.post(&format!("{BASE}/indexes"), &json!({"embedding_model": OTHER_ENCODER}));
    assert_eq!((begun.status, &begun.json()["role"]), (202, &json!("building")), "{}", begun.text);
    let late = add(&server, "retour.txt", "Le matériel se rend avant midi.");
    assert_eq!(server.delete(&format!("{BASE}/documents/{gone}")).status, 204);
    let swapped = [(1, "active".to_owned()), (0, "previous".to_owned())];
    wait_until(&server, "the new index takes over", || roles(&server) == swapped);
    wait_until(&server, "all is indexed", || all_ready(&server));
    let active = &indexes(&server)[0];
    assert_eq!(active["verdict"]["recall_at_5"], 1.0, "{active}");
    assert_eq!(server.get(BASE).json()["embedding_model"], OTHER_ENCODER);
    let mut all = found(&server, "caution nacelle");
    assert_eq!(all[0], lift);
    all.sort();
    assert_eq!(all, [lift.clone(), late.clone()]);

    // Back, with what changed meanwhile: new readers, and one more document.
    let hidden = json!({"labels": ["direction"]});
    let lift_path = format!("{BASE}/documents/{lift}");
    assert_eq!(caller.patch(&lift_path, &hidden).status, 200);
    let more = add(&server, "grue.txt", "La nouvelle grue lève deux tonnes.");
    assert_eq!(server.post(&format!("{BASE}/indexes/0/activate"), &json!({})).status, 200);
    wait_until(&server, "all is indexed again", || all_ready(&server));
    assert_eq!(roles(&server), [(0, "active".to_owned()), (1, "previous".to_owned())]);
    let mut all = found(&server, "caution nacelle");
    assert_eq!(all[0], lift);
    all.sort();
    assert_eq!(all, [lift.clone(), late, more]);
    let body = json!({"query": "caution nacelle"});
    let seen = narrow.post(&format!("{BASE}/search"), &body).json();
    assert!(!seen.to_string().contains("900 euros"), "{seen}");

    // A file that cannot be read again: the new index is not taken without being asked.
    let sha256 = server.get(&lift_path).json()["sha256"].as_str().unwrap().to_owned();
    let blob = blob_of(server.data.path(), &sha256);
    std::fs::remove_file(blob).unwrap();
    assert_eq!(server.post(&format!("{BASE}/indexes"), &json!({})).status, 202);
    let rejected = [(0, "active".to_owned()), (1, "rejected".to_owned())];
    wait_until(&server, "the new index is rejected", || roles(&server) == rejected);
    assert_eq!(indexes(&server)[1]["progress"]["failed"], 1);
    assert_eq!(found(&server, "caution nacelle")[0], lift);
    assert_eq!(server.post(&format!("{BASE}/indexes"), &json!({})).status, 409);
    assert_eq!(server.post(&format!("{BASE}/indexes/1/activate"), &json!({})).status, 200);
    wait_until(&server, "the unreadable one fails", || {
        all_ready(&server) && counts(&server)["failed"] == 1
    });
    assert!(!found(&server, "caution nacelle").contains(&lift));
    assert_eq!(server.delete(&format!("{BASE}/indexes/0")).status, 204);
    assert_eq!(roles(&server), [(1, "active".to_owned())]);
}

/// The other encoder has hardly seen French: it does not find what is written in English.
#[test]
fn an_index_that_answers_worse_waits_for_somebody_to_decide() {
    let server = Server::start(&[&format!("embedding.more_models={OTHER_ENCODER}")]);
    server.create_base("notices");
    let badge = "Le badge xylospongieux est à déclarer au gardien de nuit.";
    let badge = add(&server, "badge.txt", badge);
    for (name, text) in [
        ("refund.txt", "You get your money back within thirty days."),
        ("holidays.txt", "Employees have five weeks of vacation a year."),
        ("voiture.txt", "Le véhicule de service se prend au garage du dépôt."),
        ("cantine.txt", "La cantine sert de midi à quatorze heures."),
        ("velo.txt", "Le local à vélos ferme à vingt heures."),
        ("salle.txt", "La salle du conseil se demande au secrétariat."),
        ("courrier.txt", "Le courrier part chaque jour à seize heures."),
    ] {
        add(&server, name, text);
    }
    let questions = json!({"questions": [
        {"id": "q1", "query": "être remboursé", "relevant": ["refund.txt"]},
        {"id": "q2", "query": "congés annuels des salariés", "relevant": ["holidays.txt"]},
    ]});
    let caller = server.with_key(&server.key);
    assert_eq!(caller.put(&format!("{BASE}/test-questions"), &questions).status, 204);

    let begun = server.post(&format!("{BASE}/indexes"), &json!({"embedding_model": OTHER_ENCODER}));
    assert_eq!(begun.status, 202, "{}", begun.text);
    let rejected = [(0, "active".to_owned()), (1, "rejected".to_owned())];
    wait_until(&server, "the new index is rejected", || roles(&server) == rejected);
    let verdict = indexes(&server)[1]["verdict"].clone();
    assert_eq!(verdict["recall_at_5_before"], 1.0, "{verdict}");
    assert!(verdict["recall_at_5"].as_f64().unwrap() < 1.0, "{verdict}");
    assert_eq!(indexes(&server)[1]["progress"]["failed"], 0);

    // What is erased goes from both.
    assert!(server.on_disk("xylospongieux"));
    assert_eq!(server.delete(&format!("{BASE}/documents/{badge}")).status, 204);
    assert!(!server.on_disk("xylospongieux"));

    // Whoever decides otherwise has it.
    assert_eq!(server.post(&format!("{BASE}/indexes/1/activate"), &json!({})).status, 200);
    assert_eq!(server.get(BASE).json()["embedding_model"], OTHER_ENCODER);
}

fn blob_of(data: &std::path::Path, sha256: &str) -> std::path::PathBuf {
    let mut folders = vec![data.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(&sha256[4..]) {
                return path;
            }
        }
    }
    panic!("no blob {sha256}");
}
