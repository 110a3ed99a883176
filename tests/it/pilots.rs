//! Pilots: labelled sets are filed, run and reported; nobody reads what is not theirs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{Caller, create_key, create_labelled_key, intramuros, shared};

const RUNS: &str = "/api/v1/pilots/runs";
const ALL: &str =
    "pilots:read,pilots:write,triage:read,triage:manage,knowledge:read,knowledge:write";

fn policy() -> Value {
    json!({
        "categories": {"reseau": "Internet, Wi-Fi, VPN.", "impression": "Imprimantes, toner."},
        "routing": {"threshold": 0.0}
    })
}

fn tickets() -> String {
    let texts = [
        ("le wifi coupe", "reseau"),
        ("toner vide", "inconnue"),
        ("plus d'internet", "reseau"),
        ("l'imprimante est bloquée", "impression"),
        ("le VPN refuse", "reseau"),
        ("papier coincé dans l'imprimante", "impression"),
    ];
    let line = |(text, category): (&str, &str)| {
        format!("{}\n", json!({"subject": text, "body": "<b>SECRET</b>", "category": category}))
    };
    texts.map(line).concat()
}

fn file(caller: &Caller<'_>, name: &str, job: &str, text: &str) -> Value {
    let path = format!("/api/v1/pilots/sets?name={name}&job={job}&file_name=a.jsonl");
    let reply = caller.post_raw(&path, "application/octet-stream", text.as_bytes());
    assert!([200, 201].contains(&reply.status), "{}", reply.text);
    reply.json()
}

fn run(caller: &Caller<'_>, body: &Value) -> Value {
    let begun = caller.post(RUNS, body);
    assert_eq!(begun.status, 202, "{}", begun.text);
    let path = format!("{RUNS}/{}", begun.json()["id"].as_str().unwrap());
    let start = Instant::now();
    loop {
        let run = caller.get(&path).json();
        if run["state"] != "running" {
            return run;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{run}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn tickets_are_tried_and_two_runs_compared() {
    let server = shared();
    let key = create_key(server.data.path(), ALL);
    let caller = server.with_key(&key);
    let body = json!({"id": "pilote", "policy": policy()});
    assert_eq!(caller.post("/api/v1/triage/policies", &body).status, 201);
    let set = file(&caller, "tickets", "triage", &tickets());
    assert_eq!(
        (&set["items"], &file(&caller, "tickets", "triage", &tickets())["id"]),
        (&json!(6), &set["id"])
    );
    let of =
        |folds: u32| json!({"set": set["id"], "policy": "pilote", "folds": folds, "quick": true});
    let (before, after) = (run(&caller, &of(0)), run(&caller, &of(3)));
    assert_eq!((&before["state"], &after["state"]), (&json!("finished"), &json!("finished")));
    let path = format!("{RUNS}/{}", after["id"].as_str().unwrap());
    let figures = caller.get(&format!("{path}/figures")).json();
    assert_eq!(figures["manager"]["items"], 6, "{figures}");
    let category = &figures["engineer"]["job"]["fields"]["category"];
    assert!(figures["engineer"].to_string().contains("macro_f1"), "{category} {figures}");
    let report = caller.get(&format!("{path}/report"));
    assert_eq!(report.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(report.text.contains("<svg") && !report.text.contains("SECRET"), "{}", report.text);
    let told = caller.get(&format!("{path}/report?texts=true&format=markdown&language=en")).text;
    assert!(told.contains("SECRET") && !told.contains("<b>SECRET"), "{told}");
    let pair = format!("{path}/report?before={}", before["id"].as_str().unwrap());
    assert_eq!(caller.get(&pair).status, 200);
    let saved = format!("{path}/report?per_week=200&minutes_by_hand=5&hourly_rate=30");
    assert_eq!(caller.get(&saved).status, 200);
    assert_eq!(caller.get(&format!("{path}/report?format=pdf")).status, 400);

    let wrong = caller.post(RUNS, &json!({"set": set["id"], "policy": "aucune"}));
    assert!([400, 404].contains(&wrong.status), "{}", wrong.text);
    let none = caller.post(RUNS, &json!({"set": set["id"]}));
    assert_eq!((none.status, &none.json()["param"]), (400, &json!("policy")));
    let one = caller.post(RUNS, &of(1));
    assert_eq!((one.status, &one.json()["param"]), (400, &json!("folds")));
    let path = format!("/api/v1/pilots/sets/{}", set["id"].as_str().unwrap());
    assert_eq!(caller.delete(&path).status, 204);
    assert!(!caller.get(RUNS).text.contains(set["id"].as_str().unwrap()));
}

#[test]
fn searches_and_answers_are_measured_on_a_knowledge_base() {
    let server = shared();
    let key = create_key(server.data.path(), ALL);
    let caller = server.with_key(&key);
    server.create_base("pilote-base");
    let text = "La caution d'une mini-pelle est de 1500 euros.";
    let reply = caller.upload("pilote-base", "caution.txt", text.as_bytes(), "?wait=true", &[]);
    assert!(reply.status < 300, "{}", reply.text);
    let queries = "{\"query\": \"caution mini-pelle\", \"relevant\": [\"caution.txt\"]}\n";
    let set = file(&caller, "recherches", "search", queries);
    let done = run(&caller, &json!({"set": set["id"], "knowledge_base": "pilote-base"}));
    assert_eq!((&done["state"], &done["done"]["right"]), (&json!("finished"), &json!(1)), "{done}");
    let asked = "{\"question\": \"Quelle est la caution d'une mini-pelle ?\", \"answerable\": true, \
        \"answer_parts\": [\"1500\"]}\n";
    let set = file(&caller, "questions", "chat", asked);
    let done = run(&caller, &json!({"set": set["id"], "knowledge_base": "pilote-base"}));
    assert_eq!(done["state"], "finished", "{done}");
    let counted =
        ["right", "handed_over", "wrong"].map(|name| done["done"][name].as_u64().unwrap());
    assert_eq!(counted.iter().sum::<u64>(), 1, "{done}");
    // Who may not ask must not have others asked.
    let weak = create_key(server.data.path(), "pilots:read,pilots:write");
    let body = json!({"set": set["id"], "knowledge_base": "pilote-base"});
    let refused = server.with_key(&weak).post(RUNS, &body);
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("knowledge:read"), "{}", refused.text);
    let nowhere = caller.post(RUNS, &json!({"set": set["id"], "knowledge_base": "nulle-part"}));
    assert_eq!(nowhere.status, 404, "{}", nowhere.text);
}

#[test]
fn wrong_sets_are_refused_with_their_line() {
    let server = shared();
    let key = create_key(server.data.path(), ALL);
    let caller = server.with_key(&key);
    for (text, told) in
        [("{\"subject\": \"a\", \"humeur\": \"b\"}", "line 1"), ("pas du JSON", "1"), ("", "empty")]
    {
        let path = "/api/v1/pilots/sets?name=x&job=triage&file_name=a.jsonl";
        let reply = caller.post_raw(path, "application/octet-stream", text.as_bytes());
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert!(reply.text.contains(told) || told == "empty", "{}", reply.text);
    }
    let path = "/api/v1/pilots/sets?name=peu&job=triage";
    let filed = caller.post_raw(path, "application/octet-stream", tickets().as_bytes());
    let set = filed.json()["id"].as_str().unwrap().to_owned();
    let policies = "/api/v1/triage/policies";
    caller.post(policies, &json!({"id": "pilote-peu", "policy": policy()}));
    for folds in [1, 5_000] {
        let wanted = json!({"set": set, "policy": "pilote-peu", "folds": folds});
        let reply = caller.post(RUNS, &wanted);
        assert_eq!(
            (reply.status, &reply.json()["param"]),
            (400, &json!("folds")),
            "{}",
            reply.text
        );
    }
    let path = "/api/v1/pilots/sets?name=x&job=poesie";
    assert_eq!(caller.post_raw(path, "text/csv", b"a").status, 400);
}

#[test]
fn who_holds_no_label_of_a_set_does_not_find_it() {
    let server = shared();
    let (one, other) = (
        create_labelled_key(server.data.path(), ALL, "direction"),
        create_labelled_key(server.data.path(), ALL, "atelier"),
    );
    let (one, other) = (server.with_key(&one), server.with_key(&other));
    let path = "/api/v1/pilots/sets?name=secret&job=triage&labels=direction";
    let filed = one.post_raw(path, "application/octet-stream", tickets().as_bytes());
    assert_eq!(filed.status, 201, "{}", filed.text);
    let id = filed.json()["id"].as_str().unwrap().to_owned();
    assert!(!other.get("/api/v1/pilots/sets").text.contains(&id));
    assert_eq!(other.post(RUNS, &json!({"set": id, "policy": "pilote"})).status, 404);
    assert_eq!(other.delete(&format!("/api/v1/pilots/sets/{id}")).status, 404);
    assert_eq!(other.post_raw(path, "text/csv", tickets().as_bytes()).status, 400);
}

#[test]
fn the_command_line_measures_too() {
    let server = shared();
    let key = create_key(server.data.path(), ALL);
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = intramuros(server.data.path());
        command.args(arguments).env("INTRAMUROS_URL", &server.url);
        command.env("INTRAMUROS_API_KEY", &key).env("INTRAMUROS_LANG", "fr");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        told
    };
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    run(&["triage", "set", "console", &file("p.json", &policy().to_string())]);
    assert!(
        run(&["pilot", "add", "console", &file("t.jsonl", &tickets()), "--job", "triage"])
            .contains("pls_")
    );
    // Not a settings file, though there is one beside it.
    let settings = file("c.toml", "[server]\n");
    let told = run(&[
        "--config", &settings, "pilot", "run", "console", "--policy", "console", "--folds", "2",
        "--quick",
    ]);
    assert!(told.contains('%'), "{told}");
    let runs: Value = serde_json::from_str(&run(&["--json", "pilot", "runs"])).unwrap();
    let own = |run: &&Value| run["meta"]["set"]["name"] == "console";
    let own = runs["runs"].as_array().unwrap().iter().find(own).unwrap();
    let id = own["id"].as_str().unwrap().to_owned();
    let out = folder.path().join("rapport.html");
    run(&[
        "pilot",
        "report",
        &id,
        "--out",
        out.to_str().unwrap(),
        "--per-week",
        "50",
        "--minutes",
        "4",
    ]);
    assert!(std::fs::read_to_string(out).unwrap().contains("<html"));
    run(&["pilot", "remove", &id, "--yes"]);
    assert!(run(&["pilot", "sets"]).contains("console"));
}
