//! Erasure proven by the bytes of the data directory, exports, retention.

use std::io::{Cursor, Read as _, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipArchive;

use crate::server::{Caller, Server, create_key, create_labelled_key, intramuros};

const SEARCH_ONLY: &str = "text.model=";
const ALL: &str = "admin,knowledge:read,knowledge:write,audit:read,jobs:read,jobs:write,usage:read";
const PASSWORD: &str = "correct cheval pile agrafe";
const ERASURES: &str = "/api/v1/erasures";

fn admin(server: &Server) -> String {
    create_key(server.data.path(), ALL)
}

fn add(caller: &Caller<'_>, base: &str, name: &str, text: &str, parts: &[(&str, &str)]) -> String {
    let reply = caller.upload(base, name, text.as_bytes(), "?wait=true", parts);
    assert_eq!(reply.status, 201, "{}", reply.text);
    let document = reply.json();
    assert_eq!(document["state"], "ready", "{document}");
    document["id"].as_str().unwrap().to_owned()
}

/// Makes a user by the command line; gives back their id.
fn create_user(server: &Server, name: &str, role: &str) -> String {
    let mut command = intramuros(server.data.path());
    command.args(["users", "create", name, "--role", role, "--password-stdin", "--json"]);
    command.args(["--full-name", &format!("Prénom {name}")]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the binary runs");
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let user: Value = serde_json::from_slice(&output.stdout).unwrap();
    user["id"].as_str().unwrap().to_owned()
}

/// Queues an erasure.
fn begin(caller: &Caller<'_>, body: &Value) -> Value {
    let reply = caller.post(ERASURES, body);
    assert_eq!(reply.status, 202, "{}", reply.text);
    reply.json()
}

/// The erasure, once it is done.
fn done(server: &Server, caller: &Caller<'_>, erasure: &Value) -> Value {
    let given_up = Instant::now() + Duration::from_secs(120);
    let path = format!("{ERASURES}/{}", erasure["id"].as_str().unwrap());
    loop {
        let now = caller.get(&path).json();
        if now["state"] == "done" {
            return now;
        }
        assert!(now["state"] == "running" && Instant::now() < given_up, "{now}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn ids(found: &Value) -> Vec<&str> {
    let documents = found["documents"].as_array().unwrap().iter();
    documents.map(|one| one["id"].as_str().unwrap()).collect()
}

/// What a command prints as JSON.
fn printed(server: &Server, key: &str, args: &[&str]) -> Value {
    let mut command = intramuros(server.data.path());
    command.args(args).arg("--json").env("INTRAMUROS_API_KEY", key);
    let output = command.env("INTRAMUROS_URL", &server.url).output().expect("the binary runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

#[test]
fn a_person_is_erased_from_the_disk_and_others_are_not() {
    let server = Server::start(&[]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    caller.post("/api/v1/knowledge-bases", &json!({"id": "clients"}));
    let own =
        "Dossier de Madame Hélène Zdupré, helene.zdupre@exemple.fr. Son chien est un zorglon.";
    let own = add(&caller, "clients", "a.txt", own, &[]);
    let shared = "Participants : Jean Martin, HELENE  ZDUPRE, Paul Petit. Lieu : salle xylofrange.";
    let shared = add(&caller, "clients", "b.txt", shared, &[]);
    let tagged = ("metadata", r#"{"customer":"C-Z123"}"#);
    let tagged = add(&caller, "clients", "c.txt", "Une facture de kwelbourg.", &[tagged]);
    let named = add(&caller, "clients", "Zdupre Helene.txt", "Rien de plus qu'un brolique.", &[]);
    let other = add(&caller, "clients", "d.txt", "Le tarif de la benne ploutine.", &[]);
    let empty = server.post("/api/v1/knowledge-bases", &json!({"id": "vide"}));
    assert_eq!(empty.status, 201);
    for question in ["Où habite Hélène Zdupré ?", "Où est la clé du vestiaire ?"] {
        let path = "/api/v1/knowledge-bases/vide/ask";
        assert_eq!(server.post(path, &json!({"question": question})).status, 200);
    }
    assert!(server.on_disk("Hélène Zdupré") && server.on_disk("zorglon"), "the search works");

    // What is known; nothing is erased.
    let person = json!({"texts": ["hélène zdupré", "helene.zdupre@exemple.fr", "Zdupré Hélène"],
        "metadata": {"customer": "C-Z123"}});
    let found = caller.post(ERASURES, &json!({"person": person, "dry_run": true}));
    assert_eq!(found.status, 200, "{}", found.text);
    let found = found.json();
    assert_eq!(ids(&found), [&own[..], &shared, &tagged, &named]);
    assert_eq!(found["documents"][2]["fields"], json!(["metadata.customer"]));
    assert_eq!(found["documents"][3]["fields"], json!(["file_name", "title"]));
    assert_eq!((&found["complete"], &found["unread"]), (&json!(true), &json!([])));
    assert!(server.on_disk("zorglon"));

    // What was chosen; the list of participants stays.
    let body = json!({"person": person, "documents": [own, tagged, named]});
    let begun = begin(&caller, &body);
    let erasure = done(&server, &caller, &begun);
    let report = &erasure["report"];
    assert_eq!(erasure["fingerprints"].as_array().unwrap().len(), 3);
    let outcomes = report["documents"].as_array().unwrap();
    assert!(outcomes.iter().all(|one| one["outcome"] == "erased" && one["passages"] == 1));
    assert_eq!(ids(report), [&own[..], &tagged, &named]);
    assert_eq!(report["removed"]["unanswered_questions"], 1, "{report}");
    assert_eq!(report["search"]["clean"], true, "{report}");
    for index in report["indexes"].as_array().unwrap() {
        assert_eq!(
            (&index["passages_left"], &index["versions"]),
            (&json!(0), &json!(1)),
            "{index}"
        );
    }
    // What is found stands in the document that was kept.
    let hits = report["search"]["found"].as_array().unwrap();
    assert!(!hits.is_empty());
    for hit in hits {
        assert!(hit["explained_by"].to_string().contains(&shared), "{hit}");
    }

    for gone in [
        "helene.zdupre@exemple.fr",
        "Hélène Zdupré",
        "hélène zdupré",
        "zorglon",
        "kwelbourg",
        "C-Z123",
        "brolique",
        "Zdupre Helene",
        "68c3a96cc3a86e65",
    ] {
        assert!(!server.on_disk(gone), "{gone} is still on the disk");
        assert!(!server.log().contains(gone), "{gone} is in the log");
    }
    for kept in ["xylofrange", "ploutine", "HELENE  ZDUPRE", "Où est la clé du vestiaire ?"] {
        assert!(server.on_disk(kept), "{kept}");
    }
    let base = "/api/v1/knowledge-bases/clients/documents";
    assert_eq!(caller.get(&format!("{base}/{own}")).status, 404);
    assert_eq!(caller.get(&format!("{base}/{other}")).status, 200);
    let trail = caller.get("/api/v1/audit?action=erasures.finish").json();
    assert_eq!(trail["entries"][0]["target"], erasure["id"]);
    assert_eq!(trail["entries"][0]["details"]["clean"], true, "{trail}");
    let listed = caller.get(ERASURES).json();
    assert_eq!(listed["erasures"][0]["id"], erasure["id"]);
    assert_eq!(listed["erasures"][0].get("report"), None);
}

#[test]
fn an_erasure_leaves_the_ledger_locked() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    let erasure = begin(&caller, &json!({"person": {"texts": ["Personne De Ce Nom"]}}));
    done(&server, &caller, &erasure);
    // Another program opens the ledger, and must not take itself for the only one when it closes it.
    let listed = intramuros(server.data.path()).args(["keys", "list"]).output().unwrap();
    assert!(listed.status.success());
    let body = json!({"name": "after", "scopes": ["knowledge:read"]});
    let made = caller.post("/api/v1/keys", &body).json()["key"].as_str().unwrap().to_owned();
    server.signal("-KILL");
    server.wait();
    let data = Arc::clone(&server.data);
    drop(server);
    let server = Server::start_in(data, &[SEARCH_ONLY]);
    assert_eq!(
        server.with_key(&made).get("/api/v1/knowledge-bases").status,
        200,
        "it was promised"
    );
}

#[test]
fn who_may_not_read_everything_learns_nothing_from_erasures_and_exports() {
    let server = Server::start(&[SEARCH_ONLY]);
    let all = admin(&server);
    let blind = create_labelled_key(server.data.path(), ALL, "");
    let (all, blind) = (server.with_key(&all), server.with_key(&blind));
    all.post("/api/v1/knowledge-bases", &json!({"id": "paie"}));
    let secret = "Prime de Gaspard Zlenoir : 120000 euros";
    add(&all, "paie", "a.txt", secret, &[("labels", "rh")]);
    let person = json!({"person": {"texts": ["Gaspard Zlenoir"]}});
    let refused = blind.post(ERASURES, &person);
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.text.contains("label '*'"), "{}", refused.text);
    let erasure = begin(&all, &person);
    let report = done(&server, &all, &erasure);
    assert!(report["report"]["search"]["found"].as_array().is_some_and(|all| !all.is_empty()));
    let path = format!("{ERASURES}/{}", erasure["id"].as_str().unwrap());
    assert!(blind.get(&path).json()["report"]["search"]["found"].is_null());
    let user = create_user(&server, "z.lectrice", "reviewer");
    let export = format!("/api/v1/users/{user}/export");
    assert_eq!(blind.get(&export).status, 403);
}

#[test]
fn what_cannot_be_erased_is_refused_by_name() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    caller.post("/api/v1/knowledge-bases", &json!({"id": "rh"}));
    let document =
        add(&caller, "rh", "a.txt", "Le contrat de Jean Grumbleton.", &[("labels", "rh")]);
    let wrong = [
        (json!({}), 400),
        (json!({"documents": []}), 400),
        (json!({"documents": ["doc_none"]}), 404),
        (json!({"documents": [document, "doc_none"]}), 404),
        (json!({"person": {}}), 400),
        (json!({"person": {"metadata": {"customer": "C-1"}}}), 400),
        (json!({"person": {"texts": ["ab"]}}), 400),
        (json!({"person": {"texts": ["x".repeat(201)]}}), 400),
        (json!({"person": {"texts": vec!["Dupont"; 21]}}), 400),
        (json!({"person": {"texts": ["Dupont"]}, "user": "usr_x"}), 400),
        (json!({"user": "usr_none"}), 404),
        (json!({"user": "usr_none", "documents": [document]}), 400),
        (json!({"user": "usr_none", "dry_run": true}), 400),
        (json!({"person": {"texts": ["Dupont"]}, "knowledge_bases": ["rh"]}), 400),
        (json!({"person": {"texts": ["Dupont"]}, "knowledge_bases": ["x"], "dry_run": true}), 404),
        (json!({"person": {"texts": ["Dupont"], "name": "x"}}), 400),
    ];
    for (body, status) in wrong {
        let reply = caller.post(ERASURES, &body);
        assert_eq!(reply.status, status, "{body}: {}", reply.text);
    }
    // Who may not read a document neither finds it nor erases it.
    let narrow = create_labelled_key(server.data.path(), ALL, "paie");
    let narrow = server.with_key(&narrow);
    let person = json!({"texts": ["Grumbleton"]});
    let found = narrow.post(ERASURES, &json!({"person": person, "dry_run": true})).json();
    assert_eq!((ids(&found).len(), &found["complete"]), (0, &json!(false)));
    assert_eq!(narrow.post(ERASURES, &json!({"documents": [document]})).status, 404);
    assert_eq!(caller.get(&format!("{ERASURES}/era_none")).status, 404);
    assert_eq!(caller.get(&format!("{ERASURES}?limit=0")).status, 400);
}

#[test]
fn a_user_is_erased_and_what_they_consumed_stays() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    let boss = create_user(&server, "z.patronne", "admin");
    let user = create_user(&server, "z.employe", "operator");
    let sign_in = |name: &str| {
        let body = json!({"name": name, "password": PASSWORD});
        let reply = server.post_without_key("/api/v1/sessions", &body);
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()["token"].as_str().unwrap().to_owned()
    };
    let own = sign_in("z.employe");
    let own_key = printed(
        &server,
        &key,
        &[
            "keys",
            "create",
            "--name",
            "Clé de z.employe",
            "--scope",
            "inference",
            "--owner",
            "z.employe",
        ],
    );
    let own_key = own_key["key"].as_str().unwrap().to_owned();
    let group = ["groups", "create", "equipe"];
    assert!(intramuros(server.data.path()).args(group).output().unwrap().status.success());
    let join = ["groups", "add", "equipe", "z.employe"];
    assert!(intramuros(server.data.path()).args(join).output().unwrap().status.success());
    let input = json!({"model": crate::server::ENCODER, "input": "bonjour"});
    for secret in [&own, &own_key] {
        assert_eq!(server.with_key(secret).post("/v1/embeddings", &input).status, 200);
    }
    let requests = |caller: &Caller<'_>| {
        let usage = caller.get("/api/v1/usage?group=user").json();
        let rows = usage["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["requests"].as_u64().unwrap()).sum::<u64>()
    };
    let before = requests(&caller);
    assert!(before >= 2);

    let owner = server.with_key(&own);
    assert_eq!(owner.post(ERASURES, &json!({"user": user})).status, 403, "an operator may not");
    let boss_session = sign_in("z.patronne");
    let themselves = server.with_key(&boss_session).post(ERASURES, &json!({"user": boss}));
    assert_eq!(themselves.status, 409, "{}", themselves.text);
    let last = caller.post(ERASURES, &json!({"user": boss}));
    assert_eq!(last.status, 409, "{}", last.text);
    assert!(last.text.contains("last administrator"), "{}", last.text);

    let erasure = printed(&server, &key, &["erase", "user", "z.employe", "--yes"]);
    assert_eq!((&erasure["state"], &erasure["user"]), (&json!("done"), &json!(user)));
    let report = &erasure["report"];
    for (place, count) in [("users", 1), ("sessions", 1), ("keys", 1), ("group_memberships", 1)] {
        assert_eq!(report["removed"][place], count, "{report}");
    }
    assert_eq!(report["search"]["clean"], true, "{report}");
    assert_eq!(report["search"]["found"], json!([]), "{report}");
    assert!(!server.on_disk("z.employe"), "the name is still on the disk");
    assert_eq!(caller.get(&format!("/api/v1/users/{user}")).status, 404);
    assert_eq!(owner.get("/api/v1/me").status, 401);
    assert_eq!(server.with_key(&own_key).get("/v1/models").status, 401);
    assert_eq!(requests(&caller), before, "the sums stay");
    let verified = caller.get("/api/v1/audit/verification").json();
    assert_eq!(verified["faults"], json!([]), "{verified}");
    // Once more is not found: nothing of them is known.
    assert_eq!(caller.post(ERASURES, &json!({"user": user})).status, 404);
}

#[test]
fn an_erasure_that_was_killed_ends_with_the_same_report() {
    let mut server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    server.with_key(&key).post("/api/v1/knowledge-bases", &json!({"id": "kill"}));
    for round in 0..4 {
        let caller = server.with_key(&key);
        let documents: Vec<String> = (0..4)
            .map(|number| {
                let text = format!("Le badge de Kamilzor est le numéro {round}{number} ouvragine.");
                add(&caller, "kill", &format!("{round}-{number}.txt"), &text, &[])
            })
            .collect();
        let body = json!({"person": {"texts": ["Kamilzor"]}, "documents": documents});
        let begun = begin(&caller, &body);
        // Somewhere within: right after it was queued, or later.
        std::thread::sleep(Duration::from_millis(60 * round));
        server.signal("-KILL");
        server.wait();
        let data = Arc::clone(&server.data);
        drop(server);
        server = Server::start_in(data, &[SEARCH_ONLY]);
        let caller = server.with_key(&key);
        let erasure = done(&server, &caller, &begun);
        let report = &erasure["report"];
        let erased = report["documents"].as_array().unwrap();
        assert_eq!(erased.len(), 4, "{round}: {report}");
        let whole = |one: &Value| one["outcome"] == "erased" && one["passages"] == 1;
        assert!(erased.iter().all(whole), "{round}: {report}");
        assert_eq!(report["search"]["clean"], true, "{round}: {report}");
        assert!(!server.on_disk("Kamilzor") && !server.on_disk("ouvragine"), "{round}");
    }
    // The same request at once is one erasure.
    let caller = server.with_key(&key);
    let document = add(&caller, "kill", "last.txt", "Encore Kamilzor.", &[]);
    let body = json!({"person": {"texts": ["Kamilzor"]}, "documents": [document]});
    let (first, second) = (begin(&caller, &body), caller.post(ERASURES, &body));
    let first = done(&server, &caller, &first);
    assert_eq!(first["report"]["search"]["clean"], true, "{first}");
    // Unless the first has ended before.
    assert!([202, 404].contains(&second.status), "{}", second.text);
    if second.status == 202 {
        assert_eq!(second.json()["id"], first["id"]);
    }
}

#[test]
fn a_document_in_work_is_erased_while_a_backup_runs() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    caller.post("/api/v1/knowledge-bases", &json!({"id": "atelier"}));
    let large = "La mini-pelle de Norvégrande se loue à la journée. ".repeat(8_000);
    let reply = caller.upload("atelier", "large.txt", large.as_bytes(), "", &[]);
    assert_eq!(reply.status, 202, "{}", reply.text);
    let document = reply.json()["id"].as_str().unwrap().to_owned();
    let backups = TempDir::new().unwrap();
    let mut backup = intramuros(server.data.path());
    backup.args(["backup", "create"]).arg(backups.path());
    let mut backup = backup.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let erasure = begin(&caller, &json!({"documents": [document]}));
    let erasure = done(&server, &caller, &erasure);
    assert!(backup.wait().unwrap().success());
    assert_eq!(erasure["report"]["documents"][0]["outcome"], "erased", "{erasure}");
    // Once the backup has ended, nothing of it is linked within the data directory.
    let again = add(&caller, "atelier", "b.txt", "Une phrase pour finir.", &[]);
    let last = begin(&caller, &json!({"documents": [again]}));
    done(&server, &caller, &last);
    assert!(!server.on_disk("Norvégrande"), "it is still on the disk");
    let listed = caller.get("/api/v1/knowledge-bases/atelier/documents").json();
    assert_eq!(listed["documents"], json!([]));
}

fn archive(file: &std::path::Path) -> ZipArchive<Cursor<Vec<u8>>> {
    ZipArchive::new(Cursor::new(std::fs::read(file).unwrap())).unwrap()
}

fn entry(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    archive.by_name(name).unwrap_or_else(|_| panic!("{name}")).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_known_of_somebody_can_be_exported() {
    let server = Server::start(&[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    let user = create_user(&server, "x.lectrice", "reader");
    let body = json!({"name": "x.lectrice", "password": PASSWORD});
    let session = server.post_without_key("/api/v1/sessions", &body).json();
    let session = session["token"].as_str().unwrap().to_owned();
    let input = json!({"model": crate::server::ENCODER, "input": "bonjour"});
    assert_eq!(server.with_key(&session).post("/v1/embeddings", &input).status, 200);

    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let out = file("user.zip");
    printed(&server, &key, &["export", "user", "x.lectrice", "--out", out.to_str().unwrap()]);
    let mut user_archive = archive(&out);
    let profile: Value = serde_json::from_str(&entry(&mut user_archive, "profile.json")).unwrap();
    assert_eq!(
        (&profile["id"], &profile["full_name"]),
        (&json!(user), &json!("Prénom x.lectrice"))
    );
    let usage: Value = serde_json::from_str(&entry(&mut user_archive, "usage.json")).unwrap();
    assert_eq!(usage[0]["requests"], 1, "{usage}");
    let trail: Value = serde_json::from_str(&entry(&mut user_archive, "audit.json")).unwrap();
    let acts: Vec<&str> =
        trail.as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["sessions.create", "embeddings.create"], "{trail}");
    let sessions: Value = serde_json::from_str(&entry(&mut user_archive, "sessions.json")).unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    for name in ["groups.json", "keys.json", "jobs.json"] {
        assert_eq!(entry(&mut user_archive, name).trim(), "[]", "{name}");
    }
    let bytes = std::fs::read(&out).unwrap();
    for secret in [session.as_bytes(), PASSWORD.as_bytes(), b"argon2"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    // Themselves, with their session; a key without owner is told so.
    let out = file("me.zip");
    printed(&server, &session, &["export", "me", "--out", out.to_str().unwrap()]);
    assert!(entry(&mut archive(&out), "profile.json").contains(&user));
    assert_eq!(caller.get("/api/v1/me/export").status, 409);
    assert_eq!(server.with_key(&session).get(&format!("/api/v1/users/{user}/export")).status, 403);
    assert_eq!(caller.get("/api/v1/users/usr_none/export").status, 404);

    // Somebody of whom documents speak.
    caller.post("/api/v1/knowledge-bases", &json!({"id": "dossiers"}));
    let first = "Le dossier de Rosalinde Quirk.";
    let first = add(&caller, "dossiers", "../x/été \".txt", first, &[("labels", "rh")]);
    let second = add(&caller, "dossiers", "b.txt", "Une lettre à ROSALINDE QUIRK.", &[]);
    add(&caller, "dossiers", "c.txt", "Rien.", &[]);
    let out = file("person.zip");
    let args = ["export", "person", "--text", "Rosalinde Quirk", "--out", out.to_str().unwrap()];
    printed(&server, &key, &args);
    let mut found = archive(&out);
    let documents: Value = serde_json::from_str(&entry(&mut found, "documents.json")).unwrap();
    let listed: Vec<&str> =
        documents.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [&first[..], &second]);
    let path = documents[0]["file"].as_str().unwrap().to_owned();
    assert!(path.starts_with(&format!("documents/{first}/")) && !path.contains(".."), "{path}");
    assert_eq!(entry(&mut found, &path), "Le dossier de Rosalinde Quirk.");
    assert_eq!(found.len(), 5);
    let narrow = create_labelled_key(server.data.path(), ALL, "");
    let out = file("narrow.zip");
    let args = ["export", "person", "--text", "Rosalinde Quirk", "--out", out.to_str().unwrap()];
    printed(&server, &narrow, &args);
    let documents = entry(&mut archive(&out), "documents.json");
    assert!(documents.contains(&second) && !documents.contains(&first), "{documents}");
    // A file that is there is not overwritten.
    let mut command = intramuros(server.data.path());
    command.args(args).env("INTRAMUROS_API_KEY", &key).env("INTRAMUROS_URL", &server.url);
    assert!(!command.output().unwrap().status.success());
}

/// An e-mail of a day.
fn mail(date: &str, text: &str) -> String {
    format!(
        "From: a@exemple.fr\r\nTo: b@exemple.fr\r\nSubject: Courrier\r\nDate: {date}\r\n\
         Message-ID: <{date}>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

#[test]
fn documents_go_when_they_were_kept_long_enough() {
    let data = Arc::new(TempDir::new().unwrap());
    let settings = "[retention]\ndry_run = true\n\
        [[retention.documents]]\nknowledge_base = \"courrier\"\nlabel = \"rh\"\ndays = 1825\n\
        from = \"written\"\n\
        [[retention.documents]]\nknowledge_base = \"absente\"\ndays = 1\n";
    std::fs::write(data.path().join("intramuros.toml"), settings).unwrap();
    let server = Server::start_in(data, &[SEARCH_ONLY]);
    let key = admin(&server);
    let caller = server.with_key(&key);
    caller.post("/api/v1/knowledge-bases", &json!({"id": "courrier"}));
    let old = "Thu, 14 Mar 2013 10:00:00 +0100";
    let upload = |name: &str, date: &str, text: &str, label: &str| {
        add(&caller, "courrier", name, &mail(date, text), &[("labels", label)])
    };
    let gone = upload("a.eml", old, "Le vieux tracteur crapaudine.", "rh");
    let other = upload("b.eml", old, "Le vieux tracteur ornithoroue.", "ateliers");
    let fresh = upload("c.eml", "Thu, 05 Mar 2099 10:00:00 +0100", "Le tracteur neuf.", "rh");

    let shown = printed(&server, &key, &["retention", "run"]);
    let parts = &shown["last"]["parts"];
    assert_eq!(parts["documents 1: courrier"], json!({"due": 1, "documents": [gone]}), "{shown}");
    assert_eq!(parts["documents 2: absente"]["due"], 0, "{shown}");
    assert_eq!(parts["audit"], json!({"removed": 0}), "{shown}");
    assert_eq!(shown["last"]["job"]["state"], "done", "{shown}");
    assert!(server.on_disk("crapaudine"), "a dry run erases nothing");

    let run = caller.post("/api/v1/retention/run", &json!({"dry_run": false}));
    assert_eq!(run.status, 202, "{}", run.text);
    let job = format!("/api/v1/jobs/{}", run.json()["id"].as_str().unwrap());
    let given_up = Instant::now() + Duration::from_secs(60);
    while caller.get(&job).json()["state"] != "done" {
        assert!(Instant::now() < given_up, "{}\n{}", caller.get(&job).text, server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let shown = caller.get("/api/v1/retention").json();
    assert_eq!(shown["last"]["parts"]["documents 1: courrier"]["removed"], 1, "{shown}");
    assert!(!server.on_disk("crapaudine"), "it is still on the disk");
    let base = "/api/v1/knowledge-bases/courrier/documents";
    for kept in [&other, &fresh] {
        assert_eq!(caller.get(&format!("{base}/{kept}")).status, 200);
    }
    let trail = caller.get("/api/v1/audit?actor=server:retention&order=oldest").json();
    let entries = trail["entries"].as_array().unwrap();
    let acts: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(acts, ["retention.run", "documents.delete", "retention.run"], "{trail}");
    assert_eq!(entries[1]["details"]["documents"], json!([gone]));
    let schedules = caller.get("/api/v1/schedules").json();
    assert_eq!(schedules["schedules"][0]["name"], "retention", "{schedules}");
    assert_eq!(shown["next_run"], schedules["schedules"][0]["next_run"]);
    assert_eq!(caller.post("/api/v1/retention/run", &json!({"dry": true})).status, 400);
}
