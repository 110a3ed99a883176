//! Assistants and conversations: versions, customers, people who answer, who sees what.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::identity::{create_user, sign_in};
use crate::server::{Caller, Server, create_key, create_labelled_key, intramuros, shared};

const ASSISTANTS: &str = "/api/v1/assistants";
pub(crate) const CONVERSATIONS: &str = "/api/v1/conversations";
const MANAGE: &str = "assistants:read,assistants:write,conversations:read,conversations:write";
pub(crate) const AGENT: &str = "conversations:read,conversations:answer";
const CUSTOMER: &str = "conversations:write";
pub(crate) const PAGE: &str = "https://www.example.fr";

/// An assistant of a small company, in the knowledge base of its slug.
pub(crate) fn config(base: &str) -> Value {
    json!({
        "name": format!("Assistant {base}"),
        "knowledge_bases": [base],
        "greeting": {"fr": "Bonjour, que puis-je pour vous ?"},
        "fixed_answers": [{
            "id": "horaires",
            "questions": ["Quels sont vos horaires d'ouverture ?"],
            "answer": "Du lundi au vendredi, de 9 h à 18 h."
        }],
        "hand_over": {"keywords": ["rétractation"]}
    })
}

/// Makes and publishes an assistant with a knowledge base of its own.
pub(crate) fn published(server: &Server, slug: &str, config: &Value) -> Value {
    server.create_base(slug);
    let manager = create_key(server.data.path(), MANAGE);
    let caller = server.with_key(&manager);
    let made = caller.post(ASSISTANTS, &json!({"slug": slug, "config": config}));
    assert_eq!(made.status, 201, "{}", made.text);
    publish(&caller, slug, 1);
    made.json()
}

fn publish(caller: &Caller<'_>, slug: &str, version: u32) -> Value {
    let body = json!({"version": version, "note": "essai"});
    let published = caller.post(&format!("{ASSISTANTS}/{slug}/publish"), &body);
    assert_eq!(published.status, 200, "{}", published.text);
    published.json()
}

fn open(caller: &Caller<'_>, slug: &str) -> String {
    let opened = caller.post(CONVERSATIONS, &json!({"assistant": slug, "language": "fr"}));
    assert_eq!(opened.status, 201, "{}", opened.text);
    id(&opened.json())
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap_or_else(|| panic!("no id: {of}")).to_owned()
}

fn say(caller: &Caller<'_>, conversation: &str, text: &str) -> Value {
    let path = format!("{CONVERSATIONS}/{conversation}/messages");
    let said = caller.post(&path, &json!({"text": text}));
    assert_eq!(said.status, 200, "{}", said.text);
    said.json()
}

pub(crate) fn texts(messages: &Value) -> Vec<&str> {
    let messages = messages.as_array().unwrap().iter();
    messages.map(|message| message["text"].as_str().unwrap()).collect()
}

#[test]
fn what_answers_is_published_and_never_changes() {
    let server = shared();
    server.create_base("ast-versions");
    let manager = create_key(server.data.path(), MANAGE);
    let caller = server.with_key(&manager);
    let path = format!("{ASSISTANTS}/ast-versions");
    let wanted = config("ast-versions");
    let made = caller.post(ASSISTANTS, &json!({"slug": "ast-versions", "config": wanted}));
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    assert_eq!((&made["version"], &made["published"]), (&json!(1), &Value::Null));
    assert_eq!((&made["name"], &made["retention_days"]), (&wanted["name"], &json!(90)));
    // Nobody talks to a draft but who tries it.
    let body = json!({"assistant": "ast-versions"});
    assert_eq!(caller.post(CONVERSATIONS, &body).status, 404);
    let draft = json!({"assistant": "ast-versions", "draft": true});
    let tried = caller.post(CONVERSATIONS, &draft);
    assert_eq!((tried.status, &tried.json()["assistant_version"]), (201, &json!(0)));
    let customer = create_key(server.data.path(), CUSTOMER);
    assert_eq!(server.with_key(&customer).post(CONVERSATIONS, &draft).status, 403);

    assert_eq!(publish(&caller, "ast-versions", 1)["number"], 1);
    let mut changed = wanted.clone();
    changed["retention_days"] = json!(10);
    changed["name"] = json!("Assistant du SAV");
    let body = json!({"version": 1, "config": changed});
    let drafted = caller.patch(&path, &body);
    assert_eq!(drafted.status, 200, "{}", drafted.text);
    let drafted = drafted.json();
    // What is published stays, and the list shows the name that the configuration has.
    assert_eq!((&drafted["retention_days"], &drafted["published"]), (&json!(90), &json!(1)));
    assert_eq!(drafted["name"], "Assistant du SAV");
    assert_eq!(caller.patch(&path, &body).status, 409);
    let unseen = json!({"version": 1, "note": ""});
    assert_eq!(caller.post(&format!("{path}/publish"), &unseen).status, 409);
    assert_eq!(publish(&caller, "ast-versions", 2)["number"], 2);
    assert_eq!(caller.get(&path).json()["retention_days"], 10);

    let restored = caller.post(&format!("{path}/restore"), &json!({"number": 1, "note": "retour"}));
    let (number, restores) = (&restored.json()["number"], &restored.json()["restores"]);
    assert_eq!((restored.status, number, restores), (200, &json!(3), &json!(1)));
    let again = caller.post(&format!("{path}/restore"), &json!({"number": 3}));
    assert_eq!(again.status, 409, "{}", again.text);
    let listed = caller.get(&format!("{path}/versions?limit=2")).json();
    assert_eq!(listed["versions"][1]["number"], 2, "{listed}");
    let first = caller.get(&format!("{path}/versions/1")).json();
    assert_eq!(first["config"]["name"], wanted["name"]);
    assert_eq!(caller.get(&format!("{path}/versions/9")).status, 404);

    let open_one = open(&caller, &id(&made));
    let slug = json!({"version": 2, "slug": "ast-autre", "retired": true});
    let retired = caller.patch(&path, &slug);
    assert_eq!((retired.status, &retired.json()["slug"]), (200, &json!("ast-autre")));
    assert_eq!(caller.get(&path).status, 404);
    let body = json!({"assistant": "ast-autre"});
    assert_eq!(caller.post(CONVERSATIONS, &body).status, 404);
    let back = json!({"version": 3, "retired": false});
    assert_eq!(
        caller.patch(&format!("{ASSISTANTS}/ast-autre"), &back).json()["retired"],
        Value::Null
    );
    assert_eq!(caller.delete(&format!("{ASSISTANTS}/ast-autre")).status, 204);
    assert_eq!(caller.get(&format!("{CONVERSATIONS}/{open_one}")).status, 404);
}

#[test]
fn wrong_assistants_are_refused_by_name() {
    let server = shared();
    server.create_base("ast-faux");
    let key = create_labelled_key(server.data.path(), MANAGE, "rh");
    let caller = server.with_key(&key);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut wrong = config("ast-faux");
        change(&mut wrong);
        let reply = caller.post(ASSISTANTS, &json!({"slug": "ast-faux", "config": wrong}));
        (reply.status, reply.json()["param"].as_str().unwrap_or_default().to_owned())
    };
    let bad = |param: &str| (400, param.to_owned());
    assert_eq!(refused(&|config| config["nom"] = json!("x")), bad("config"));
    assert_eq!(refused(&|config| config["languages"] = json!([])), bad("languages"));
    assert_eq!(refused(&|config| config["knowledge_bases"] = json!(["x"])), bad("knowledge_bases"));
    let team = |config: &mut Value| config["hand_over"]["team"] = json!("personne");
    assert_eq!(refused(&team), bad("hand_over.team"));
    let mail = |config: &mut Value| config["hand_over"]["email"] = json!(["x@example.org"]);
    assert_eq!(refused(&mail), bad("hand_over.email"));
    // An assistant reads for nobody what its author may not read, and for visitors what all may.
    let labels = |config: &mut Value| config["labels"] = json!(["direction"]);
    assert_eq!(refused(&labels), (403, "labels".to_owned()));
    let public = |config: &mut Value| {
        config["labels"] = json!(["rh"]);
        config["widget"] = json!({"enabled": true, "origins": [PAGE]});
    };
    assert_eq!(refused(&public), bad("labels"));
    let origin = |config: &mut Value| config["widget"] = json!({"enabled": true, "origins": ["*"]});
    assert_eq!(refused(&origin), bad("widget.origins"));
    for slug in ["messages", "Ast", "-ast", ""] {
        let reply = caller.post(ASSISTANTS, &json!({"slug": slug, "config": config("ast-faux")}));
        assert_eq!((reply.status, &reply.json()["param"]), (400, &json!("slug")), "{slug}");
    }
    let mut held = config("ast-faux");
    held["labels"] = json!(["rh"]);
    assert_eq!(caller.post(ASSISTANTS, &json!({"slug": "ast-faux", "config": held})).status, 201);
    // Nor does it begin to because somebody else publishes or restores it.
    let other = create_labelled_key(server.data.path(), MANAGE, "atelier");
    let other = server.with_key(&other);
    let path = format!("{ASSISTANTS}/ast-faux");
    publish(&caller, "ast-faux", 1);
    let config = json!({"version": 1, "config": config("ast-faux")});
    assert_eq!(other.patch(&path, &config).status, 404);
    assert_eq!(caller.patch(&path, &config).status, 200);
    assert_eq!(other.post(&format!("{path}/publish"), &json!({"version": 2})).status, 404);
    publish(&caller, "ast-faux", 2);
    assert_eq!(other.post(&format!("{path}/restore"), &json!({"number": 1})).status, 403);
    let taken = json!({"slug": "ast-faux", "config": config["config"]});
    assert_eq!(caller.post(ASSISTANTS, &taken).status, 409);
}

#[test]
fn who_asks_for_a_person_gets_one() {
    let server = shared();
    published(&server, "ast-personne", &config("ast-personne"));
    let keys = [CUSTOMER, AGENT, AGENT].map(|scopes| create_key(server.data.path(), scopes));
    let [customer, agent, other] = [0, 1, 2].map(|number| server.with_key(&keys[number]));
    let conversation = open(&customer, "ast-personne");
    let path = |rest: &str| format!("{CONVERSATIONS}/{conversation}{rest}");
    let whole = customer.get(&path("")).json();
    assert!(texts(&whole["messages"]).contains(&"Bonjour, que puis-je pour vous ?"), "{whole}");

    let reply = say(&customer, &conversation, "Je veux parler à un conseiller");
    assert_eq!(reply["conversation"]["state"], "waiting", "{reply}");
    assert_eq!(reply["replies"][0]["role"], "notice");
    // The card is for people, who did what too.
    let whole = customer.get(&path("")).json();
    assert_eq!((&whole["card"], &whole["handling"]), (&Value::Null, &Value::Null), "{whole}");
    let queue = agent.get(&format!("{CONVERSATIONS}?state=waiting&assistant=ast-personne")).json();
    assert_eq!(queue["conversations"][0]["id"], conversation.as_str(), "{queue}");
    let seen = agent.get(&path("")).json();
    assert_eq!(seen["handling"]["reason"], "asks_for_human");
    assert_eq!(seen["card"]["reason"], "asks_for_human", "{seen}");
    assert_eq!(seen["acts"][0]["act"], "hand_over");
    // The assistant is silent now.
    let reply = say(&customer, &conversation, "Quels sont vos horaires d'ouverture ?");
    assert_eq!((&reply["replies"], &reply["generated_by_ai"]), (&json!([]), &json!(false)));

    assert_eq!(agent.post(&path("/answers"), &json!({"text": "Bonjour"})).status, 409);
    let version = seen["version"].clone();
    let taken = agent.post(&path("/take"), &json!({"version": version}));
    assert_eq!((taken.status, &taken.json()["state"]), (200, &json!("human")), "{}", taken.text);
    assert_eq!(other.post(&path("/take"), &json!({"version": version})).status, 409);
    assert_eq!(customer.post(&path("/take"), &json!({"version": version})).status, 403);
    let said = agent.post(&path("/answers"), &json!({"text": "Bonjour, je regarde."}));
    assert_eq!(said.status, 201, "{}", said.text);
    assert!(said.json()["author"].is_string());
    let new = customer.get(&path("/messages?after=0")).json();
    assert_eq!(texts(&new["messages"]).last(), Some(&"Bonjour, je regarde."), "{new}");
    assert!(!new.to_string().contains("author"), "{new}");

    let version = taken.json()["version"].clone();
    let back = agent.post(&path("/hand-back"), &json!({"version": version}));
    assert_eq!((back.status, &back.json()["state"]), (200, &json!("bot")), "{}", back.text);
    let reply = say(&customer, &conversation, "Quels sont vos horaires d'ouverture ?");
    assert_eq!(reply["generated_by_ai"], true, "{reply}");
    let called = customer.post(&path("/call-person"), &json!({}));
    assert_eq!((called.status, &called.json()["state"]), (200, &json!("waiting")));
    let closing = json!({"version": called.json()["version"], "reason": "resolved"});
    let closed = agent.post(&path("/close"), &closing);
    assert_eq!(
        (closed.status, &closed.json()["state"]),
        (200, &json!("closed")),
        "{}",
        closed.text
    );
    assert_eq!(customer.post(&path("/messages"), &json!({"text": "merci"})).status, 409);
    assert_eq!(customer.post(&path("/call-person"), &json!({})).status, 409);
    let again = agent.post(&path("/reopen"), &json!({"version": closed.json()["version"]}));
    assert_eq!((again.status, &again.json()["state"]), (200, &json!("human")), "{}", again.text);
    let free = agent.post(&path("/release"), &json!({"version": again.json()["version"]}));
    assert_eq!((free.status, &free.json()["state"]), (200, &json!("waiting")), "{}", free.text);
    let ended = customer.post(&path("/end"), &json!({}));
    assert_eq!(ended.json()["close_reason"], "customer", "{}", ended.text);
}

#[test]
fn what_people_wrote_is_said_word_for_word_and_once() {
    let server = shared();
    published(&server, "ast-fixe", &config("ast-fixe"));
    let key = create_key(server.data.path(), CUSTOMER);
    let customer = server.with_key(&key);
    let conversation = open(&customer, "ast-fixe");
    let path = format!("{CONVERSATIONS}/{conversation}/messages");
    let body = json!({"message_id": "m-1", "text": "Quels sont vos horaires d'ouverture ?"});
    let first = customer.post(&path, &body);
    assert_eq!(first.status, 200, "{}", first.text);
    let first = first.json();
    let answer = &first["replies"][0];
    assert_eq!(answer["text"], "Du lundi au vendredi, de 9 h à 18 h.", "{first}");
    assert_eq!(
        (&answer["outcome"], &answer["answers"]),
        (&json!("fixed"), &first["message"]["ordinal"])
    );
    assert_eq!(first["generated_by_ai"], true);
    assert!(first["ai_notice"].is_string(), "{first}");
    // Sent again, it is neither taken nor answered again.
    let again = customer.post(&path, &body).json();
    assert_eq!(again["replies"][0]["ordinal"], answer["ordinal"], "{again}");
    let other = json!({"message_id": "m-1", "text": "Autre chose"});
    assert_eq!(customer.post(&path, &other).status, 409);
    assert_eq!(customer.post(&path, &json!({"text": " "})).status, 400);

    let streamed = json!({"text": "Quels sont vos horaires d'ouverture ?", "stream": true});
    let streamed = customer.post(&path, &streamed);
    let names = streamed.text.lines().filter_map(|line| line.strip_prefix("event: "));
    let names: Vec<&str> = names.collect();
    assert_eq!((names.first(), names.last()), (Some(&"accepted"), Some(&"reply")), "{names:?}");
    let last: Value = serde_json::from_str(streamed.events().last().unwrap()).unwrap();
    assert_eq!(last["replies"][0]["outcome"], "fixed", "{last}");

    let opened = json!({"assistant": "ast-fixe", "external_id": "chat-1"});
    let (one, two) = (customer.post(CONVERSATIONS, &opened), customer.post(CONVERSATIONS, &opened));
    assert_eq!((one.status, two.status), (201, 200));
    assert_eq!(one.json()["id"], two.json()["id"]);
}

#[test]
fn who_waits_hears_what_people_answer() {
    let server = shared();
    published(&server, "ast-attente", &config("ast-attente"));
    let (customer, agent) =
        (create_key(server.data.path(), CUSTOMER), create_key(server.data.path(), AGENT));
    let (customer, agent) = (server.with_key(&customer), server.with_key(&agent));
    let conversation = open(&customer, "ast-attente");
    let path = |rest: &str| format!("{CONVERSATIONS}/{conversation}{rest}");
    let now = customer.get(&path("")).json();
    let after = now["message_count"].as_u64().unwrap();
    let start = Instant::now();
    let nothing = customer.get(&path(&format!("/messages?after={after}&wait_s=1"))).json();
    assert_eq!(nothing["messages"], json!([]));
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(customer.get(&path("/messages?wait_s=26")).status, 400);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let path = path(&format!("/messages?after={after}&wait_s=25&version=1"));
            (customer.get(&path).json(), Instant::now())
        });
        let start = Instant::now();
        let taken = agent.post(&path("/take"), &json!({"version": 1}));
        assert_eq!(taken.status, 200, "{}", taken.text);
        let (told, at) = waiting.join().unwrap();
        assert_eq!(told["conversation"]["state"], "human", "{told}");
        assert!(at - start < Duration::from_secs(20));
    });
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| customer.get(&path(&format!("/messages?after={after}&wait_s=25"))).json());
        assert_eq!(agent.post(&path("/answers"), &json!({"text": "Me voici."})).status, 201);
        assert_eq!(texts(&waiting.join().unwrap()["messages"]), ["Me voici."]);
    });
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    let server = shared();
    published(&server, "ast-droits", &config("ast-droits"));
    let labelled = |scopes, labels| create_labelled_key(server.data.path(), scopes, labels);
    let keys = [
        labelled(CUSTOMER, "rh"),
        labelled(CUSTOMER, "rh"),
        labelled(AGENT, "rh"),
        labelled(AGENT, "atelier"),
        labelled("admin", "atelier"),
        labelled("admin", "*"),
    ];
    let [customer, stranger, agent, other, bounded, administrator] =
        [0, 1, 2, 3, 4, 5].map(|number| server.with_key(&keys[number]));
    let body = json!({"assistant": "ast-droits", "labels": ["direction"]});
    assert_eq!(customer.post(CONVERSATIONS, &body).status, 400);
    let body = json!({"assistant": "ast-droits", "labels": ["rh"]});
    let opened = customer.post(CONVERSATIONS, &body);
    assert_eq!(opened.status, 201, "{}", opened.text);
    let conversation = id(&opened.json());
    let path = |rest: &str| format!("{CONVERSATIONS}/{conversation}{rest}");
    for caller in [&stranger, &other] {
        for rest in ["", "/messages"] {
            assert_eq!(caller.get(&path(rest)).status, 404, "{rest}");
        }
        let listed = caller.get(&format!("{CONVERSATIONS}?assistant=ast-droits"));
        assert_eq!(listed.json()["conversations"], json!([]), "{}", listed.text);
    }
    for (rest, body) in
        [("/messages", json!({"text": "x"})), ("/call-person", json!({})), ("/end", json!({}))]
    {
        let reply = stranger.post(&path(rest), &body);
        assert_eq!(reply.status, 404, "{rest}: {}", reply.text);
    }
    for (rest, body) in
        [("/feedback", json!({"resolved": true})), ("/messages/1/feedback", json!({"thumb": "up"}))]
    {
        assert_eq!(stranger.put(&path(rest), &body).status, 404, "{rest}");
    }
    for (rest, body) in [
        ("/take", json!({"version": 1})),
        ("/close", json!({"version": 1, "reason": "x"})),
        ("/answers", json!({"text": "x"})),
    ] {
        assert_eq!(other.post(&path(rest), &body).status, 404, "{rest}");
    }
    // Who sees it does not speak as its customer.
    assert_eq!(agent.get(&path("")).status, 200);
    assert_eq!(agent.post(&path("/messages"), &json!({"text": "x"})).status, 403);
    assert_eq!(stranger.delete(&path("")).status, 404);
    assert_eq!(bounded.delete(&path("")).status, 404);
    assert_eq!(administrator.delete(&path("")).status, 204);
    assert_eq!(customer.get(&path("")).status, 404);
}

#[test]
fn an_assistant_that_reads_for_some_is_managed_by_them() {
    let server = shared();
    let scopes = "assistants:read,assistants:write,conversations:read,conversations:write";
    let keys = ["direction", "atelier"]
        .map(|label| create_labelled_key(server.data.path(), scopes, label));
    let [boss, other] = [0, 1].map(|number| server.with_key(&keys[number]));
    server.create_base("ast-secret");
    let mut secret = config("ast-secret");
    secret["labels"] = json!(["direction"]);
    let body = json!({"slug": "ast-secret", "config": secret});
    let made = boss.post(ASSISTANTS, &body);
    assert_eq!(made.status, 201, "{}", made.text);
    publish(&boss, "ast-secret", 1);
    assert!(!other.get(ASSISTANTS).text.contains("ast-secret"));
    for path in ["", "/versions", "/versions/1", "/stats", "/gaps"] {
        let path = format!("{ASSISTANTS}/ast-secret{path}");
        assert_eq!((boss.get(&path).status, other.get(&path).status), (200, 404), "{path}");
    }
    for (path, body) in [
        ("/preview", json!({"text": "Bonjour"})),
        ("/publish", json!({"version": 1})),
        ("/restore", json!({"number": 1})),
    ] {
        let reply = other.post(&format!("{ASSISTANTS}/ast-secret{path}"), &body);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
    }
    let path = format!("{ASSISTANTS}/ast-secret");
    let body = json!({"version": 1, "config": config("ast-secret")});
    assert_eq!(other.patch(&path, &body).status, 404);
    assert_eq!(other.delete(&path).status, 404);
    // What it quotes is for those who may read what it reads.
    let opened = other.post(CONVERSATIONS, &json!({"assistant": "ast-secret"}));
    assert_eq!(opened.status, 201, "{}", opened.text);
    let opened = opened.json();
    assert_eq!(opened["labels"], json!(["direction"]), "{opened}");
    assert_eq!(boss.delete(&path).status, 204);
}

#[test]
fn customers_judge_and_figures_count() {
    let server = shared();
    published(&server, "ast-avis", &config("ast-avis"));
    let keys = [CUSTOMER, MANAGE].map(|scopes| create_key(server.data.path(), scopes));
    let [customer, manager] = [0, 1].map(|number| server.with_key(&keys[number]));
    let conversation = open(&customer, "ast-avis");
    let path = |rest: &str| format!("{CONVERSATIONS}/{conversation}{rest}");
    let reply = say(&customer, &conversation, "Quels sont vos horaires d'ouverture ?");
    let ordinal = reply["replies"][0]["ordinal"].clone();
    let judge = |body: &Value| customer.put(&path(&format!("/messages/{ordinal}/feedback")), body);
    let up = judge(&json!({"thumb": "up", "comment": "clair"}));
    assert_eq!((up.status, &up.json()["thumb"]), (200, &json!("up")), "{}", up.text);
    assert_eq!(judge(&json!({"thumb": null})).json()["thumb"], Value::Null);
    assert_eq!(judge(&json!({"thumb": "down"})).json()["thumb"], "down");
    assert_eq!(judge(&json!({"thumb": "sideways"})).status, 400);
    let own = customer.put(&path("/messages/1/feedback"), &json!({"thumb": "up"}));
    assert_eq!(own.status, 400, "a notice is no answer");
    let helped = customer.put(&path("/feedback"), &json!({"resolved": true}));
    assert_eq!(helped.json()["resolved"], true, "{}", helped.text);
    let other = open(&customer, "ast-avis");
    say(&customer, &other, "Je veux parler à un conseiller");

    let figures = |rest: &str| manager.get(&format!("{ASSISTANTS}/ast-avis{rest}"));
    let stats = figures("/stats").json();
    assert_eq!((&stats["conversations"], &stats["resolved"]), (&json!(2), &json!(1)), "{stats}");
    assert_eq!((&stats["thumbs_down"], &stats["handed_over"]), (&json!(1), &json!(1)));
    assert_eq!(stats["answered_by_assistant"], 1);
    assert_eq!(stats["reasons"], json!({"asks_for_human": 1}));
    assert_eq!(figures("/stats?to=2020-01-01&from=2019-01-01").json()["conversations"], 0);
    assert_eq!(figures("/stats?from=hier").status, 400);
    let disliked = manager.get(&format!("{CONVERSATIONS}?assistant=ast-avis&feedback=thumb_down"));
    assert_eq!(disliked.json()["conversations"].as_array().unwrap().len(), 1);

    // Nothing is in the knowledge base: what is asked of it is a gap.
    let third = open(&customer, "ast-avis");
    let asked = "Combien coûte la location d'une benne de chantier ?";
    let reply = say(&customer, &third, asked);
    assert_eq!(reply["conversation"]["state"], "waiting", "{reply}");
    let gaps = figures("/gaps").json();
    assert_eq!(gaps["gaps"][0]["count"], 1, "{gaps}");
    assert_eq!(gaps["gaps"][0]["examples"][0]["conversation"], third.as_str());
    assert!(!gaps.to_string().contains("embedding"), "{gaps}");
}

#[test]
fn a_user_takes_their_conversations_along() {
    let server = shared();
    published(&server, "ast-export", &config("ast-export"));
    create_user(&server, "ast-lectrice", "reader", "");
    create_user(&server, "ast-relecteur", "reviewer", "");
    let reader = sign_in(&server, "ast-lectrice");
    let reviewer = sign_in(&server, "ast-relecteur");
    let (reader, reviewer) = (server.with_key(&reader), server.with_key(&reviewer));
    let conversation = open(&reader, "ast-export");
    let path = |rest: &str| format!("{CONVERSATIONS}/{conversation}{rest}");
    assert_eq!(reviewer.post(&path("/take"), &json!({"version": 1})).status, 200);
    let answer = json!({"text": "Réponse de la relecture"});
    assert_eq!(reviewer.post(&path("/answers"), &answer).status, 201);
    let exported = |caller: &Caller<'_>, file: &str| -> Value {
        let bytes = caller.bytes("/api/v1/me/export");
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        serde_json::from_reader(archive.by_name(file).unwrap()).unwrap()
    };
    let own = exported(&reader, "conversations.json");
    assert_eq!(own[0]["id"], conversation.as_str(), "{own}");
    assert!(own.to_string().contains("Réponse de la relecture"), "{own}");
    assert!(!own.to_string().contains("author"), "{own}");
    let answers = exported(&reviewer, "answers.json");
    assert_eq!(answers[0]["text"], "Réponse de la relecture", "{answers}");
    assert_eq!(exported(&reviewer, "conversations.json"), json!([]));
}

#[test]
fn the_command_line_manages_assistants_and_answers() {
    let server = shared();
    server.create_base("ast-console");
    let scopes = format!("{MANAGE},conversations:answer");
    let (key, agent) =
        (create_key(server.data.path(), &scopes), create_key(server.data.path(), AGENT));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assistant.json");
    std::fs::write(&file, config("ast-console").to_string()).unwrap();
    let file = file.to_str().unwrap();
    let run_as = |key: &str, arguments: &[&str], typed: &str| {
        let mut command = intramuros(server.data.path());
        command.args(arguments).env("INTRAMUROS_URL", &server.url);
        command.env("INTRAMUROS_API_KEY", key).env("INTRAMUROS_LANG", "fr");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        told
    };
    let run = |arguments: &[&str]| run_as(&key, arguments, "");
    let assistant = |rest: &[&str]| run(&[&["assistant"], rest].concat());
    assert!(assistant(&["create", "ast-console", file]).contains("Assistant ast-console"));
    let typed = "Quels sont vos horaires d'ouverture ?\n\n";
    let talked = run_as(&key, &["assistant", "talk", "ast-console", "--draft"], typed);
    assert!(talked.contains("Du lundi au vendredi, de 9 h à 18 h."), "{talked}");
    assert!(assistant(&["publish", "ast-console", "--note", "un"]).contains("un"));
    assistant(&["set", "ast-console", file, "--name", "Console"]);
    assistant(&["publish", "ast-console"]);
    assistant(&["restore", "ast-console", "1"]);
    assert!(assistant(&["versions", "ast-console"]).lines().count() >= 4);
    assert!(assistant(&["list"]).contains("Console"));
    assistant(&["retire", "ast-console"]);
    assistant(&["unretire", "ast-console"]);
    assert!(assistant(&["stats", "ast-console"]).contains("conversations"));
    assistant(&["gaps", "ast-console"]);

    let opened = run(&["--json", "conversation", "open", "ast-console", "--language", "fr"]);
    let conversation = id(&serde_json::from_str(&opened).unwrap());
    let said = run(&["conversation", "say", &conversation, "Je veux parler à un conseiller"]);
    assert!(said.contains("en attente"), "{said}");
    let of_agent =
        |arguments: &[&str]| run_as(&agent, &[&["conversation"], arguments].concat(), "");
    assert!(of_agent(&["list", "--state", "waiting"]).contains(&conversation));
    assert!(of_agent(&["take", &conversation]).contains("personne"));
    assert!(of_agent(&["answer", &conversation, "Bonjour"]).contains("Bonjour"));
    let whole = of_agent(&["show", &conversation]);
    assert!(whole.contains("Motif du transfert") && whole.contains("Bonjour"), "{whole}");
    assert!(of_agent(&["release", &conversation]).contains("en attente"));
    assert!(of_agent(&["hand-back", &conversation]).contains("assistant"));
    assert!(of_agent(&["close", &conversation, "--reason", "done"]).contains("close"));
    run(&["conversation", "remove", &conversation, "--yes"]);
    assistant(&["remove", "ast-console", "--yes"]);
}
