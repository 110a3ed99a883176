//! Reviews: what people decide, alone and by two; nothing twice, nothing lost, nothing seen that is
//! not theirs.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::identity::{create_user, sign_in};
use crate::server::{
    Caller, Reply, SCOPES, Server, create_key, create_labelled_key, intramuros, shared,
};
use crate::webhooks::Receiver;

const REVIEWS: &str = "/api/v1/reviews";
const BOTH: &str = "reviews:read,reviews:write";

fn proposal() -> Value {
    json!({"supplier": "Béton Sud", "total": 1250.5, "lines": [{"label": "Location", "price": 1000}]})
}

fn review(kind: &str, title: &str) -> Value {
    json!({"kind": kind, "title": title, "proposal": proposal()})
}

fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn file(caller: &Caller<'_>, body: &Value) -> Value {
    let reply = caller.post(REVIEWS, body);
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()
}

fn path(review: &Value, rest: &str) -> String {
    format!("{REVIEWS}/{}{rest}", review["id"].as_str().unwrap())
}

fn act(caller: &Caller<'_>, review: &Value, what: &str, body: Value) -> Reply {
    caller.post(&path(review, &format!("/{what}")), &body)
}

fn next(caller: &Caller<'_>, kind: &str) -> Option<Value> {
    let reply = caller.post(&format!("{REVIEWS}/next"), &json!({"kind": kind}));
    assert!([200, 204].contains(&reply.status), "{}", reply.text);
    (reply.status == 200).then(|| reply.json())
}

/// A session of a new user with these labels.
fn session(server: &Server, name: &str, role: &str, labels: &str) -> String {
    create_user(server, name, role, labels);
    sign_in(server, name)
}

#[test]
fn an_application_proposes_a_person_corrects_and_the_application_reads_it() {
    let server = shared();
    let (application, marie) =
        (create_key(server.data.path(), BOTH), session(&server, "revue-marie", "reviewer", "*"));
    let auditor = create_key(server.data.path(), "audit:read");
    let (application, marie) = (server.with_key(&application), server.with_key(&marie));
    let body = with(
        review("facture", "Facture 2026-118"),
        json!({
            "external_id": "2026-118",
            "confidence": 0.62,
            "reason": {"code": "low_confidence", "text": "deux totaux sur la page"},
            "evidence": [{"page": 1, "quote": "TOTAL TTC 1 205,50"}],
            "due": "2020-01-01T00:00:00Z",
            "value_schema": {"type": "object", "required": ["total"],
                "properties": {"total": {"type": "number"}}},
        }),
    );
    let filed = file(&application, &body);
    assert_eq!((&filed["state"], &filed["overdue"]), (&json!("open"), &json!(true)));
    let again = application.post(REVIEWS, &body);
    assert_eq!((again.status, &again.json()["id"]), (200, &filed["id"]));

    let taken = next(&marie, "facture").unwrap();
    assert_eq!((&taken["id"], &taken["state"]), (&filed["id"], &json!("claimed")));
    assert_eq!(taken["proposal"], proposal());
    assert_eq!(taken["evidence"][0]["quote"], "TOTAL TTC 1 205,50");
    assert!(next(&marie, "facture").is_none());
    // The application cannot decide meanwhile, and is told who has it.
    let early = act(&application, &filed, "approve", json!({"version": 1}));
    assert_eq!((early.status, &early.json()["code"]), (409, &json!("conflict")));
    assert!(early.text.contains("is claimed by usr_"), "{}", early.text);

    let mut right = proposal();
    right["total"] = json!("1205,50 EUROSECRET");
    let wrong = act(&marie, &filed, "correct", json!({"version": 1, "value": right}));
    assert_eq!((wrong.status, &wrong.json()["param"]), (400, &json!("value")), "{}", wrong.text);
    assert!(wrong.text.contains("/total") && !wrong.text.contains("EUROSECRET"), "{}", wrong.text);
    right["total"] = json!(1205.5);
    let stale = act(&marie, &filed, "correct", json!({"version": 7, "value": right}));
    assert_eq!(stale.status, 409, "{}", stale.text);
    let body = json!({"version": 1, "value": right, "comment": "virgule mal lue"});
    let decided = act(&marie, &filed, "correct", body);
    assert_eq!((decided.status, &decided.json()["verdict"]), (200, &json!("corrected")));

    let read = application.get(&path(&filed, "")).json();
    assert_eq!((&read["state"], &read["value"]), (&json!("decided"), &right));
    let decision = &read["decisions"][0];
    let patch = json!([{"op": "replace", "path": "/total", "value": 1205.5}]);
    assert_eq!((&decision["patch"], &decision["final"]), (&patch, &json!(true)));
    assert!(decision["seconds"].as_f64().unwrap() >= 0.0);
    assert_eq!(act(&marie, &filed, "approve", json!({"version": 2})).status, 409);

    // The trail has who did what; neither it nor the log has what it was about.
    let target = path(&filed, "").replace("/api/v1/", "");
    let audit = server.with_key(&auditor).get("/api/v1/audit?action=reviews.correct&limit=100");
    assert!(audit.text.contains(&target), "{}", audit.text);
    for secret in ["EUROSECRET", "Béton Sud", "virgule mal lue", "deux totaux"] {
        assert!(!audit.text.contains(secret) && !server.log().contains(secret), "{secret}");
    }
    let stats = marie.get(&format!("{REVIEWS}/stats?kind=facture")).json();
    assert_eq!((&stats["decided"]["corrected"], &stats["reviewers"]), (&json!(1), &Value::Null));
    assert_eq!(stats["confidence"][0]["corrected_share"], json!(1.0));
}

#[test]
fn wrong_requests_name_what_is_wrong() {
    let server = shared();
    let key = create_labelled_key(server.data.path(), BOTH, "rh");
    let caller = server.with_key(&key);
    let plain = || review("invalide", "x");
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for (body, param) in [
        (json!({"kind": "a", "title": "x"}), "proposal"),
        (with(plain(), json!({"proposal": deep})), "proposal"),
        (with(plain(), json!({"proposal": "x".repeat(300_000)})), "proposal"),
        (with(plain(), json!({"kind": "A b"})), "kind"),
        (with(plain(), json!({"title": "a\u{0}b"})), "title"),
        (with(plain(), json!({"confidence": 1.5})), "confidence"),
        (with(plain(), json!({"confidence": "high"})), "confidence"),
        (with(plain(), json!({"priority": "urgent"})), "priority"),
        (with(plain(), json!({"due": "tomorrow"})), "due"),
        (with(plain(), json!({"role": "boss"})), "role"),
        (with(plain(), json!({"role": "reader"})), "role"),
        (with(plain(), json!({"team": "none"})), "team"),
        (with(plain(), json!({"assignee": "usr_none"})), "assignee"),
        (with(plain(), json!({"labels": ["paie"]})), "labels"),
        (with(plain(), json!({"value_schema": {"$ref": "#"}})), "value_schema"),
        (with(plain(), json!({"evidence": [{"document": "doc_1"}]})), "evidence"),
        (with(plain(), json!({"on_decision": "x"})), "on_decision"),
        (with(plain(), json!({"queues_job": true})), "queues_job"),
    ] {
        let reply = caller.post(REVIEWS, &body);
        assert_eq!((reply.status, &reply.json()["param"]), (400, &json!(param)), "{}", reply.text);
    }
    // JSON has no such number.
    let body = br#"{"kind": "a", "title": "x", "proposal": 1, "confidence": 1e999}"#;
    let strong = create_key(server.data.path(), BOTH);
    let request = ureq::post(format!("{}{REVIEWS}", server.url))
        .config()
        .http_status_as_error(false)
        .build()
        .header("authorization", format!("Bearer {strong}"))
        .header("content-type", "application/json");
    assert_eq!(request.send(&body[..]).unwrap().status().as_u16(), 400);
    for (query, param) in [
        ("?state=gone", Some("state")),
        ("?verdict=maybe", Some("verdict")),
        ("?limit=0", Some("limit")),
        ("?from=yesterday", Some("from")),
        ("?to=9999-12-31", Some("to")),
        ("?mine=perhaps", Some("mine")),
        ("/export?limit=101", Some("limit")),
        ("/stats?from=2026-13-01", Some("from")),
    ] {
        let reply = caller.get(&format!("{REVIEWS}{query}"));
        assert_eq!(reply.status, 400, "{query} {}", reply.text);
        assert_eq!(reply.json()["param"].as_str(), param, "{query} {}", reply.text);
    }
    for id in ["none", "rev_none", "..%2F..", "%00"] {
        assert_eq!(caller.get(&format!("{REVIEWS}/{id}")).status, 404, "{id}");
    }
    let filed = file(&caller, &plain());
    for (body, param) in [
        (json!({}), "version"),
        (json!({"version": -1}), "version"),
        (json!({"version": 1, "comment": "c".repeat(4_001)}), "comment"),
        (json!({"version": 1, "value": 1}), "value"),
    ] {
        let reply = act(&caller, &filed, "approve", body);
        assert_eq!((reply.status, &reply.json()["param"]), (400, &json!(param)), "{}", reply.text);
    }
    assert_eq!(act(&caller, &filed, "withdraw", json!({})).status, 200);
}

#[test]
fn two_people_decide_where_two_are_asked() {
    let server = shared();
    let marie = session(&server, "yeux-marie", "reviewer", "*");
    let paul = session(&server, "yeux-paul", "reviewer", "*");
    let zoé = session(&server, "yeux-zoe", "operator", "*");
    let application = create_key(server.data.path(), BOTH);
    let mut command = intramuros(server.data.path());
    command.args(["keys", "create", "--name", "hers", "--scope", BOTH, "--label", "*", "--json"]);
    let made = command.args(["--owner", "yeux-marie"]).output().unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let own_key = made["key"].as_str().unwrap().to_owned();
    let (application, own_key) = (server.with_key(&application), server.with_key(&own_key));
    let (marie, paul, zoé) =
        (server.with_key(&marie), server.with_key(&paul), server.with_key(&zoé));
    let two = || file(&application, &with(review("paiement", "P"), json!({"four_eyes": true})));

    let agreed = two();
    let first = act(&marie, &agreed, "approve", json!({"version": 1})).json();
    assert_eq!((&first["state"], &first["opinions"]), (&json!("open"), &json!(1)));
    for (caller, said) in [
        (&marie, "you have given your opinion"),
        (&own_key, "two people who signed in"),
        (&application, "two people who signed in"),
    ] {
        let refused = act(caller, &agreed, "approve", json!({"version": 2}));
        assert_eq!(refused.status, 409, "{}", refused.text);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    let stale = act(&paul, &agreed, "approve", json!({"version": 1}));
    assert!(stale.text.contains("is at version 2"), "{}", stale.text);
    let second = act(&paul, &agreed, "approve", json!({"version": 2})).json();
    assert_eq!((&second["state"], &second["verdict"]), (&json!("decided"), &json!("approved")));

    let disputed = two();
    assert_eq!(act(&marie, &disputed, "approve", json!({"version": 1})).status, 200);
    let open = act(&paul, &disputed, "reject", json!({"version": 2})).json();
    assert_eq!((&open["state"], &open["opinions"]), (&json!("open"), &json!(2)));
    assert_eq!(next(&paul, "paiement"), None);
    assert_eq!(next(&zoé, "paiement").unwrap()["id"], disputed["id"]);
    let settled = act(&zoé, &disputed, "reject", json!({"version": 3})).json();
    assert_eq!(settled["verdict"], "rejected");
    assert_eq!(settled["decisions"].as_array().unwrap().len(), 3);
    let stats = zoé.get(&format!("{REVIEWS}/stats?kind=paiement")).json();
    assert_eq!((&stats["pairs"], &stats["agreement"]), (&json!(2), &json!(0.5)));
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    let server = shared();
    let all = create_key(server.data.path(), &format!("{BOTH},{SCOPES}"));
    let blind = create_labelled_key(server.data.path(), BOTH, "");
    let rh = create_labelled_key(server.data.path(), BOTH, "rh");
    let reads = create_key(server.data.path(), "reviews:read");
    let admin = session(&server, "vue-admin", "admin", "");
    let [all, blind, rh, reads, admin] =
        [&all, &blind, &rh, &reads, &admin].map(|key| server.with_key(key));
    server.create_base("revues");
    let uploaded = all.upload(
        "revues",
        "a.txt",
        b"Le salaire est de 3000 euros.",
        "?wait=true",
        &[("labels", "rh")],
    );
    assert_eq!(uploaded.status, 201, "{}", uploaded.text);
    let document = uploaded.json()["id"].clone();
    let quotes =
        json!({"evidence": [{"knowledge_base": "revues", "document": document, "quote": "3000"}]});
    let hidden = [
        file(&all, &with(review("vue", "labelled"), json!({"labels": ["rh"]}))),
        file(&all, &with(review("vue", "quoting"), quotes.clone())),
    ];
    let sees = |caller: &Caller<'_>| {
        let listed = caller.get(&format!("{REVIEWS}?kind=vue")).json();
        listed["reviews"].as_array().unwrap().len()
    };
    assert_eq!([sees(&all), sees(&rh), sees(&blind), sees(&admin)], [2, 2, 0, 0]);
    for one in &hidden {
        for caller in [&blind, &admin] {
            assert_eq!(caller.get(&path(one, "")).status, 404);
            assert_eq!(act(caller, one, "claim", json!({})).status, 404);
            assert_eq!(act(caller, one, "approve", json!({"version": 1})).status, 404);
            assert_eq!(act(caller, one, "withdraw", json!({})).status, 404);
            assert_eq!(caller.patch(&path(one, ""), &json!({"priority": "low"})).status, 404);
        }
        assert_eq!(rh.get(&path(one, "")).status, 200);
        // Who may only read decides nothing.
        assert_eq!(reads.get(&path(one, "")).status, 200);
        assert_eq!(act(&reads, one, "approve", json!({"version": 1})).status, 403);
    }
    assert_eq!(next(&blind, "vue"), None);
    let export = blind.get(&format!("{REVIEWS}/export?kind=vue")).json();
    assert_eq!(export["reviews"], json!([]));
    // Nor does anybody quote what they may not read.
    let refused = blind.post(REVIEWS, &with(review("vue", "x"), quotes));
    assert_eq!((refused.status, &refused.json()["param"]), (400, &json!("evidence")));
    // Whom it is for can be changed by who sees it; a team that they are not in takes it from them.
    let mut command = intramuros(server.data.path());
    assert!(command.args(["groups", "create", "vue-equipe"]).output().unwrap().status.success());
    let given =
        all.patch(&path(&hidden[0], ""), &json!({"team": "vue-equipe", "priority": "high"}));
    assert_eq!((given.status, &given.json()["team"]), (200, &json!("vue-equipe")));
    assert_eq!((rh.get(&path(&hidden[0], "")).status, sees(&rh)), (404, 1));
    assert_eq!(all.get(&path(&hidden[0], "")).status, 200, "who filed it");
}

#[test]
fn erasing_a_document_erases_the_reviews_that_quote_it() {
    let server = shared();
    let key = create_key(server.data.path(), &format!("{BOTH},{SCOPES}"));
    let caller = server.with_key(&key);
    server.create_base("effacees");
    let text = "Le dossier de Mme Xylographe-Martin.".as_bytes();
    let uploaded = caller.upload("effacees", "m.txt", text, "?wait=true", &[]);
    let document = uploaded.json()["id"].as_str().unwrap().to_owned();
    let body = json!({
        "kind": "effacement",
        "title": "Xylographe-Martin",
        "proposal": {"name": "Xylographe-Martin"},
        "reason": {"code": "check", "text": "Xylographe-Martin ?"},
        "evidence": [{"knowledge_base": "effacees", "document": document,
            "quote": "Mme Xylographe-Martin"}],
    });
    let decided = file(&caller, &body);
    let correction =
        json!({"version": 1, "value": "Mme Xylographe-Martin", "comment": "Xylographe-Martin"});
    assert_eq!(act(&caller, &decided, "correct", correction).status, 200);
    let open = file(&caller, &body);
    assert!(server.on_disk("Xylographe-Martin"));
    let erased = caller.delete(&format!("/api/v1/knowledge-bases/effacees/documents/{document}"));
    assert_eq!(erased.status, 204, "{}", erased.text);
    assert!(!server.on_disk("Xylographe-Martin"));
    let read = caller.get(&path(&decided, "")).json();
    assert_eq!((&read["verdict"], &read["proposal"]), (&json!("corrected"), &Value::Null));
    assert!(read["erased"].is_string());
    assert_eq!(caller.get(&path(&open, "")).json()["state"], "withdrawn");
}

#[test]
fn a_decision_and_its_event_survive_a_kill() {
    let receiver = Receiver::start(&["200 OK"]);
    receiver.hold(true);
    let settings = ["text.model=".to_owned(), format!("egress.allow={}", receiver.origin())];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let server = Server::start(&settings);
    let key = create_key(server.data.path(), &format!("{BOTH},admin"));
    let caller = server.with_key(&key);
    let hook = json!({"url": receiver.origin(), "events": ["review.decided"]});
    assert_eq!(caller.post("/api/v1/webhooks", &hook).status, 201);
    let filed = file(&caller, &with(review("crash", "C"), json!({"external_id": "c-1"})));
    assert_eq!(act(&caller, &filed, "claim", json!({})).status, 200);
    assert_eq!(act(&caller, &filed, "reject", json!({"version": 1})).status, 200);
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);

    let before = receiver.wait_for(0).len();
    let server = Server::start_in(data, &settings);
    let caller = server.with_key(&key);
    let read = caller.get(&path(&filed, "")).json();
    assert_eq!((&read["state"], &read["verdict"]), (&json!("decided"), &json!("rejected")));
    receiver.hold(false);
    let received = receiver.wait_for(before + 1);
    let told: Value = serde_json::from_str(&received.last().unwrap().body).unwrap();
    assert_eq!(told["type"], "review.decided");
    let expected = json!({
        "review": filed["id"], "kind": "crash", "external_id": "c-1", "verdict": "rejected",
    });
    assert_eq!(told["data"], expected);
}

#[test]
fn of_many_who_ask_at_once_no_two_get_the_same() {
    let server = shared();
    let key = create_key(server.data.path(), BOTH);
    for at in 0..60 {
        file(&server.with_key(&key), &review("course", &at.to_string()));
    }
    let given: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let caller = server.with_key(&key);
                    let found = (0..4).filter_map(|_| next(&caller, "course"));
                    found.map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
                })
            })
            .collect();
        asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: BTreeSet<&String> = given.iter().collect();
    assert_eq!((given.len(), distinct.len()), (60, 60));
    let mine = server.with_key(&key).get(&format!("{REVIEWS}?kind=course&mine=true&limit=1000"));
    assert_eq!(mine.json()["reviews"].as_array().unwrap().len(), 60);
}

/// Runs `intramuros reviews …` against the server.
fn cli(server: &Server, key: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = intramuros(server.data.path());
    command.arg("reviews").args(arguments).args(["--url", &server.url]);
    command.env("INTRAMUROS_API_KEY", key);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("the binary runs");
    // A command that reads nothing may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_command_line_does_it_all() {
    let server = shared();
    let key = create_key(server.data.path(), BOTH);
    let run = |arguments: &[&str], input: &str| cli(&server, &key, arguments, input);
    let add = |title: &str| {
        let body = with(review("ligne", title), json!({"confidence": 0.3})).to_string();
        let added = said(&run(&["add", "-", "--json"], &body));
        serde_json::from_str::<Value>(&added).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (first, second, third) = (add("=SUM(A1)"), add("deux"), add("trois"));
    assert!(said(&run(&["list", "--kind", "ligne", "--state", "open"], "")).contains(&first));
    let shown = said(&run(&["next", "--kind", "ligne"], ""));
    assert!(shown.contains(&first) && shown.contains("Béton Sud"), "{shown}");
    assert!(said(&run(&["release", &first], "")).contains("open"));
    assert!(said(&run(&["claim", &first], "")).contains("Béton Sud"));
    assert!(said(&run(&["assign", &second, "--priority", "high"], "")).contains("high"));
    assert!(said(&run(&["approve", &second], "")).contains("approved"));
    assert!(said(&run(&["withdraw", &third], "")).contains("withdrawn"));
    let stale = run(&["reject", &first, "--seen", "9"], "");
    assert!(!stale.status.success());
    assert!(String::from_utf8_lossy(&stale.stderr).contains("is at version 1"));
    let right = r#"{"total": 7}"#;
    let corrected = said(&run(&["correct", &first, "--value", "-", "--comment", "a,\"b\""], right));
    assert!(corrected.contains("corrected"), "{corrected}");
    assert!(said(&run(&["show", &first], "")).contains("a,\"b\""));
    assert!(said(&run(&["next", "--kind", "ligne"], "")).is_empty());

    let stats = said(&run(&["stats", "--kind", "ligne"], ""));
    assert!(stats.contains("50%"), "{stats}");
    let export = ["export", "--kind", "ligne", "--verdict", "corrected"];
    let lines = said(&run(&export, ""));
    let exported: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!((&exported["id"], &exported["value"]), (&json!(first), &json!({"total": 7})));
    assert_eq!(exported["proposal"], proposal());
    let csv = said(&run(&[&export[..], &["--format", "csv"]].concat(), ""));
    let mut rows = csv.lines();
    assert!(rows.next().unwrap().starts_with("id,kind,external_id,title,verdict"));
    let row = rows.next().unwrap();
    // What a spreadsheet would run is text.
    assert!(row.contains("'=SUM(A1)") && row.contains("\"a,\"\"b\"\"\""), "{row}");
    assert_eq!(rows.next(), None);
}
