//! Users, roles, groups, sessions; every operation against every role and label.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::auth::{filled, operations, status};
use crate::server::{Caller, Server, create_key, create_labelled_key, intramuros, shared};

const SCOPES: [&str; 21] = [
    "inference",
    "knowledge:read",
    "knowledge:write",
    "reviews:read",
    "reviews:write",
    "triage:read",
    "triage:write",
    "triage:manage",
    "assistants:read",
    "assistants:write",
    "conversations:read",
    "conversations:write",
    "conversations:answer",
    "pilots:read",
    "pilots:write",
    "jobs:read",
    "jobs:write",
    "usage:read",
    "metrics:read",
    "audit:read",
    "admin",
];

/// What each role may do, written down a second time.
const ROLES: [(&str, &[&str]); 4] = [
    ("reader", &["inference", "knowledge:read", "conversations:write"]),
    (
        "reviewer",
        &[
            "inference",
            "knowledge:read",
            "reviews:read",
            "reviews:write",
            "triage:read",
            "triage:write",
            "assistants:read",
            "conversations:read",
            "conversations:write",
            "conversations:answer",
        ],
    ),
    (
        "operator",
        &[
            "inference",
            "knowledge:read",
            "knowledge:write",
            "reviews:read",
            "reviews:write",
            "triage:read",
            "triage:write",
            "triage:manage",
            "assistants:read",
            "assistants:write",
            "conversations:read",
            "conversations:write",
            "conversations:answer",
            "pilots:read",
            "pilots:write",
            "jobs:read",
            "jobs:write",
            "usage:read",
            "metrics:read",
        ],
    ),
    ("admin", &SCOPES),
];

const PASSWORD: &str = "correct cheval pile agrafe";

/// The scope that an operation needs, written down a second time, of two with `|` between them;
/// `None` for any caller.
fn needed(method: &str, path: &str) -> Option<&'static str> {
    let reads = method == "GET" || path.ends_with("/search") || path.ends_with("/ask");
    let scope = match path {
        path if path.starts_with("/api/v1/widget/") => return None,
        "/api/v1/me" | "/api/v1/me/password" | "/api/v1/me/export" | "/api/v1/sessions/current" => {
            return None;
        }
        "/api/v1/status" => "inference",
        "/metrics" => "metrics:read",
        path if path.starts_with("/v1/") => "inference",
        path if path.starts_with("/api/v1/usage") => "usage:read",
        path if path.starts_with("/api/v1/audit") => "audit:read",
        path if path.starts_with("/api/v1/jobs") || path.starts_with("/api/v1/schedules") => {
            if reads {
                "jobs:read"
            } else {
                "jobs:write"
            }
        }
        path if path.starts_with("/api/v1/reviews") => {
            if reads {
                "reviews:read"
            } else {
                "reviews:write"
            }
        }
        path if path.starts_with("/api/v1/pilots/models") && !reads => "admin",
        path if path.starts_with("/api/v1/pilots") => {
            if reads {
                "pilots:read"
            } else {
                "pilots:write"
            }
        }
        path if path.starts_with("/api/v1/assistants") => {
            let tells_of_customers = path.ends_with("/stats") || path.ends_with("/gaps");
            // To try one changes nothing.
            let reads = reads || path.ends_with("/preview");
            match (tells_of_customers, reads) {
                (true, _) => "conversations:read",
                (false, true) => "assistants:read",
                (false, false) => "assistants:write",
            }
        }
        path if path.starts_with("/api/v1/conversations") => {
            const OF_PEOPLE: [&str; 6] =
                ["/take", "/release", "/hand-back", "/reopen", "/close", "/answers"];
            match method {
                "GET" => "conversations:read|conversations:write",
                "DELETE" => "conversations:write|admin",
                _ if OF_PEOPLE.iter().any(|act| path.ends_with(act)) => "conversations:answer",
                _ => "conversations:write",
            }
        }
        path if path.starts_with("/api/v1/triage/policies") => {
            let is_of_ticket = ["/tickets", "/alerts"].iter().any(|part| path.contains(part));
            match (is_of_ticket, method) {
                (true, "GET") => "triage:read",
                (true, _) => "triage:write",
                (false, _) if path.contains("/examples") => "triage:manage",
                (false, "GET") => "triage:read",
                (false, _) => "triage:manage",
            }
        }
        path if path.starts_with("/api/v1/knowledge-bases") || path == "/api/v1/folders" => {
            if reads { "knowledge:read" } else { "knowledge:write" }
        }
        _ => "admin",
    };
    Some(scope)
}

/// Makes a user by the command line, with a password that need not be changed.
pub(crate) fn create_user(server: &Server, name: &str, role: &str, labels: &str) -> Value {
    let mut command = intramuros(server.data.path());
    command.args(["users", "create", name, "--role", role, "--password-stdin", "--json"]);
    if !labels.is_empty() {
        command.args(["--label", labels]);
    }
    use std::io::Write as _;
    use std::process::Stdio;
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the binary runs");
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn sign_in(server: &Server, name: &str) -> String {
    let reply =
        server.post_without_key("/api/v1/sessions", &json!({"name": name, "password": PASSWORD}));
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()["token"].as_str().unwrap().to_string()
}

#[test]
fn every_operation_is_open_to_its_scope_and_to_no_other() {
    let server = shared();
    let document = server.get_without_key("/openapi.json").json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let public = operation["security"].as_array().is_none_or(Vec::is_empty);
            let told = operation["x-scope"].as_str();
            let expected = if public { None } else { needed(&method.to_uppercase(), path) };
            assert_eq!(told, expected, "{method} {path}");
        }
    }
    let mut callers = BTreeMap::new();
    for scope in SCOPES {
        callers.insert(create_key(server.data.path(), scope), vec![scope]);
    }
    for (role, scopes) in ROLES {
        create_user(&server, &format!("matrix-{role}"), role, "*");
        callers.insert(sign_in(&server, &format!("matrix-{role}")), scopes.to_vec());
    }
    let mut cells = 0;
    for (secret, scopes) in &callers {
        for (method, path, public) in operations(&server) {
            // It would end the session that the other cells need.
            // Visitors of web pages have a token of their own.
            let is_visitors = path.starts_with("/api/v1/widget/");
            if public || is_visitors || path == "/api/v1/sessions/current" {
                continue;
            }
            let (code, body) = status(&server, &method, &path, Some(secret));
            let allowed = needed(&method, &path)
                .is_none_or(|needed| needed.split('|').any(|scope| scopes.contains(&scope)));
            // A key has no password, whatever its scopes.
            let keyed = secret.starts_with("imk_") && path == "/api/v1/me/password";
            let expected = if allowed && !keyed { code != 403 } else { code == 403 || keyed };
            assert!(expected, "{method} {path} with {scopes:?}: {code} {body}");
            assert_ne!(code, 401, "{method} {path} with {scopes:?}");
            assert!(code < 500 || code == 503, "{method} {path} with {scopes:?}: {code} {body}");
            cells += 1;
        }
    }
    assert!(cells > 800, "{cells}");
}

#[test]
fn every_caller_reads_what_their_labels_open() {
    let server = shared();
    let all = server.with_key(&server.key);
    server.create_base("cells");
    let sets: [&[&str]; 5] = [&[], &["rh"], &["paie"], &["rh", "paie"], &["direction"]];
    let documents = sets.map(|labels| (add_labelled(&all, "cells", labels), labels));
    let group = |id: &str, labels: &[&str], denied: &[&str]| {
        let mut command = intramuros(server.data.path());
        command.args(["groups", "create", id]);
        for label in labels {
            command.args(["--label", label]);
        }
        for label in denied {
            command.args(["--deny", label]);
        }
        assert!(command.output().unwrap().status.success());
    };
    group("cells-rh", &["rh", "paie"], &[]);
    group("cells-closed", &[], &["paie"]);
    let join = |group: &str, member: &str| {
        let added = intramuros(server.data.path()).args(["groups", "add", group, member]).output();
        assert!(added.unwrap().status.success());
    };
    let key = |labels: &str| create_labelled_key(server.data.path(), "knowledge:read", labels);
    let denied = |labels: &str, denied: &str| {
        let secret = key(labels);
        let update = ["keys", "update", &secret[..12], "--deny", denied];
        assert!(intramuros(server.data.path()).args(update).output().unwrap().status.success());
        secret
    };
    let in_group = |labels: &str, groups: &[&str]| {
        let secret = key(labels);
        groups.iter().for_each(|group| join(group, &secret[..12]));
        secret
    };
    create_user(&server, "cells-user", "reader", "rh");
    join("cells-closed", "cells-user");
    // What each caller reads, by the documents' numbers.
    let callers: [(String, &[usize]); 9] = [
        (key(""), &[0]),
        (key("rh"), &[0, 1, 3]),
        (key("rh,direction"), &[0, 1, 3, 4]),
        (key("*"), &[0, 1, 2, 3, 4]),
        (denied("*", "paie"), &[0, 1, 4]),
        (denied("rh,paie", "paie"), &[0, 1]),
        (in_group("", &["cells-rh"]), &[0, 1, 2, 3]),
        (in_group("direction", &["cells-rh", "cells-closed"]), &[0, 1, 4]),
        (sign_in(&server, "cells-user"), &[0, 1]),
    ];
    for (secret, readable) in &callers {
        let caller = server.with_key(secret);
        let found = searched(&caller, "cells");
        for (number, (document, labels)) in documents.iter().enumerate() {
            let sees = readable.contains(&number);
            assert_eq!(found.contains(document), sees, "{labels:?} for {readable:?}: search");
            for path in ["", "/file", "/passages"] {
                let path = format!("/api/v1/knowledge-bases/cells/documents/{document}{path}");
                let code = caller.get(&path).status;
                assert_eq!(code, if sees { 200 } else { 404 }, "{path} for {readable:?}");
            }
        }
        let listed = caller.get("/api/v1/knowledge-bases/cells/documents").json();
        assert_eq!(listed["documents"].as_array().unwrap().len(), readable.len());
        let counted = caller.get("/api/v1/knowledge-bases/cells").json();
        assert_eq!(counted["documents"]["ready"], json!(readable.len()));
    }
}

/// Uploads a document with these labels and gives its id.
fn add_labelled(caller: &Caller<'_>, base: &str, labels: &[&str]) -> String {
    let joined = labels.join(",");
    let text = format!("Ce dossier ({joined}) parle de la cantine.");
    let parts: Vec<(&str, &str)> = labels.iter().map(|label| ("labels", *label)).collect();
    let reply = caller.upload(base, "dossier.txt", text.as_bytes(), "?wait=true", &parts);
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()["id"].as_str().unwrap().to_string()
}

fn searched(caller: &Caller<'_>, base: &str) -> Vec<String> {
    let body = json!({"query": "cantine", "limit": 50});
    let reply = caller.post(&format!("/api/v1/knowledge-bases/{base}/search"), &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let hits = reply.json()["hits"].as_array().unwrap().clone();
    hits.iter().map(|hit| hit["document"].as_str().unwrap().to_string()).collect()
}

#[test]
fn nobody_gives_more_than_they_have() {
    let server = shared();
    let secret = create_labelled_key(server.data.path(), "admin,knowledge:read", "rh");
    let admin = server.with_key(&secret);
    let key =
        |scopes: &[&str], labels: &[&str]| json!({"name": "k", "scopes": scopes, "labels": labels});
    assert_eq!(admin.post("/api/v1/keys", &key(&["knowledge:read"], &["rh"])).status, 201);
    for too_much in [
        key(&["knowledge:write"], &[]),
        key(&["knowledge:read"], &["paie"]),
        key(&["knowledge:read"], &["*"]),
    ] {
        let reply = admin.post("/api/v1/keys", &too_much);
        assert_eq!(reply.status, 403, "{too_much} {}", reply.text);
    }
    // Nor by way of what is stronger: another key, a user, a group, its own record.
    let strong = create_labelled_key(server.data.path(), "knowledge:write", "*");
    let path = format!("/api/v1/keys/{}", &strong[..12]);
    assert_eq!(admin.post(&format!("{path}/rotate"), &json!({})).status, 403);
    assert_eq!(admin.patch(&path, &json!({"name": "mine"})).status, 403);
    let own = format!("/api/v1/keys/{}", &secret[..12]);
    assert_eq!(admin.patch(&own, &json!({"labels": ["*"]})).status, 403);
    assert_eq!(admin.patch(&own, &json!({"scopes": ["admin", "audit:read"]})).status, 403);
    let user = json!({"name": "giver", "role": "reader", "password": PASSWORD});
    assert_eq!(admin.post("/api/v1/users", &user).status, 403, "a reader has inference");
    let root = create_user(&server, "giver-root", "admin", "*");
    let path = format!("/api/v1/users/{}", root["id"].as_str().unwrap());
    let password = json!({"password": "un autre mot de passe"});
    assert_eq!(admin.post(&format!("{path}/password"), &password).status, 403);
    assert_eq!(admin.patch(&path, &json!({"full_name": "x"})).status, 403);
    let group = json!({"id": "giver", "labels": ["paie"]});
    assert_eq!(admin.post("/api/v1/groups", &group).status, 403);
    let group = json!({"id": "giver", "labels": ["rh"], "denied": ["paie"]});
    assert_eq!(admin.post("/api/v1/groups", &group).status, 201);
    let opened = admin.patch("/api/v1/groups/giver", &json!({"denied": []}));
    assert_eq!(opened.status, 403, "what it does not hold it cannot open: {}", opened.text);
    assert_eq!(admin.delete("/api/v1/groups/giver").status, 403);
    // What takes power away needs none.
    assert_eq!(admin.delete(&format!("/api/v1/keys/{}", &strong[..12])).status, 204);
}

#[test]
fn a_user_signs_in_changes_the_password_and_signs_out() {
    let server = shared();
    let root = create_labelled_key(server.data.path(), &SCOPES.join(","), "*");
    let root = server.with_key(&root);
    let created = root.post(
        "/api/v1/users",
        &json!({"name": "Life.Cycle", "role": "operator", "labels": ["rh"], "password": PASSWORD}),
    );
    assert_eq!((created.status, &created.json()["name"]), (201, &json!("life.cycle")));
    let id = created.json()["id"].as_str().unwrap().to_string();
    let secret = sign_in(&server, "life.cycle");
    let session = server.with_key(&secret);
    assert_eq!(session.get("/api/v1/me").json()["scopes"], json!([]));
    let refused = session.get("/api/v1/knowledge-bases");
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("password of your own"), "{}", refused.text);

    let change = |current: &str, new: &str| {
        session.post("/api/v1/me/password", &json!({"current": current, "new": new}))
    };
    assert_eq!(change("wrong", "une nouvelle phrase").status, 400);
    assert_eq!(change(PASSWORD, "court").status, 400);
    assert_eq!(change(PASSWORD, PASSWORD).status, 400, "the one that somebody else gave");
    assert_eq!(session.get("/api/v1/me/export").status, 403);
    assert_eq!(change(PASSWORD, "life.cycle-2026-2027").status, 400, "it has the name");
    let other = "une nouvelle phrase";
    assert_eq!(change(PASSWORD, other).status, 204);
    assert_eq!(session.get("/api/v1/me").status, 401, "signed out everywhere");

    let body = json!({"name": "life.cycle", "password": other});
    let signed_in = server.post_without_key("/api/v1/sessions", &body);
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("Secure"), "{cookie}");
    let token = signed_in.json()["token"].as_str().unwrap().to_string();
    let session = server.with_key(&token);
    let me = session.get("/api/v1/me").json();
    assert_eq!((&me["user"], &me["labels"]), (&json!(id), &json!(["rh"])));
    assert_eq!(session.get("/api/v1/knowledge-bases").status, 200);
    assert_eq!(session.delete("/api/v1/sessions/current").status, 204);
    assert_eq!(session.get("/api/v1/me").status, 401);

    // A key of theirs does what they may, and nothing once they are disabled.
    let key = root.post(
        "/api/v1/keys",
        &json!({"name": "script", "scopes": ["knowledge:read", "audit:read"], "owner": id}),
    );
    assert_eq!(key.status, 201, "{}", key.text);
    let key = server.with_key(key.json()["key"].as_str().unwrap());
    assert_eq!(key.get("/api/v1/knowledge-bases").status, 200);
    assert_eq!(key.get("/api/v1/audit").status, 403, "an operator does not read the trail");
    let path = format!("/api/v1/users/{id}");
    assert_eq!(root.patch(&path, &json!({"disabled": true})).status, 200);
    assert_eq!(key.get("/api/v1/knowledge-bases").status, 401);
    assert_eq!(server.post_without_key("/api/v1/sessions", &body).status, 401);
    assert_eq!(root.delete(&path).status, 204);
    assert_eq!(root.get(&path).status, 404);
    assert!(!server.log().contains(PASSWORD) && !server.log().contains(&token));
}

#[test]
fn who_guesses_passwords_waits() {
    let server = shared();
    create_user(&server, "guessed", "reader", "");
    let attempt = |name: &str, password: &str| {
        server.post_without_key("/api/v1/sessions", &json!({"name": name, "password": password}))
    };
    for name in ["guessed", "nobody-of-that-name"] {
        let mut told = Vec::new();
        for _ in 0..5 {
            let reply = attempt(name, "wrong wrong wrong");
            assert_eq!(reply.status, 401, "{}", reply.text);
            told.push(reply.json()["detail"].clone());
        }
        assert!(told.iter().all(|detail| *detail == "name and password do not fit"));
        let reply = attempt(name, PASSWORD);
        assert_eq!((reply.status, &reply.json()["code"]), (429, &json!("rate_limit_exceeded")));
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((20..=30).contains(&wait), "{wait}");
    }
    // Who is locked out is helped by a new password.
    let root = create_labelled_key(server.data.path(), &SCOPES.join(","), "*");
    let root = server.with_key(&root);
    let users = root.get("/api/v1/users?limit=1000").json();
    let user = users["users"].as_array().unwrap().iter().find(|user| user["name"] == "guessed");
    let id = user.unwrap()["id"].as_str().unwrap();
    let body = json!({"password": "une autre phrase de passe"});
    assert_eq!(root.post(&format!("/api/v1/users/{id}/password"), &body).status, 204);
    assert_eq!(attempt("guessed", "une autre phrase de passe").status, 201);
    let trail = root.get("/api/v1/audit?action=sessions.create&limit=1000").json();
    let tried = trail["entries"].as_array().unwrap().iter().any(|entry| {
        entry["target"] == json!(format!("users/{id}"))
            && entry["outcome"] == "refused"
            && entry["details"]["address"] == "127.0.0.1"
            && entry["request"].as_str().is_some_and(|id| id.starts_with("req_"))
    });
    assert!(tried, "{trail}");
    for hostile in ["", "a\u{0}b", "' OR 1=1 --", &"x".repeat(5_000)] {
        let reply = attempt(hostile, "wrong wrong wrong");
        assert_eq!(reply.status, 401, "{}", reply.text);
    }
}

#[test]
fn paths_with_parameters_are_filled() {
    assert_eq!(filled("/a/{kb}/b/{seq}"), "/a/none/b/4000000");
}
