//! Assistants in web pages: whose pages, one token for one conversation, daily caps, browsers.

use serde_json::{Value, json};

use crate::assistants::{AGENT, CONVERSATIONS, PAGE, config, published, texts};
use crate::raw::{RawReply, exchange};
use crate::server::{Server, create_key, shared};

const WIDGET: &str = "/api/v1/widget";

fn for_pages(base: &str) -> Value {
    let mut config = config(base);
    config["widget"] = json!({"enabled": true, "origins": [PAGE]});
    config
}

/// What a browser sends.
fn visit(server: &Server, method: &str, path: &str, headers: &str, body: &Value) -> RawReply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    exchange(
        server,
        format!(
            "{method} {WIDGET}{path} HTTP/1.1\r\nHost: localhost\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

fn parsed(reply: &RawReply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))
}

#[test]
fn visitors_of_named_pages_hold_one_conversation() {
    let server = shared();
    published(&server, "ast-page", &for_pages("ast-page"));
    published(&server, "ast-interne", &config("ast-interne"));
    let origin = format!("Origin: {PAGE}\r\n");
    let shown = visit(&server, "GET", "/ast-page", &origin, &Value::Null);
    assert_eq!(shown.status(), 200, "{}", shown.text());
    let shown = parsed(&shown);
    assert_eq!(shown["greeting"]["fr"], "Bonjour, que puis-je pour vous ?");
    assert!(shown["ai_notice"]["fr"].is_string() && shown.get("knowledge_bases").is_none());
    // What is not for web pages is not there.
    for path in ["/ast-interne", "/aucun"] {
        assert_eq!(visit(&server, "GET", path, &origin, &Value::Null).status(), 404, "{path}");
    }
    let open = |headers: &str| {
        visit(&server, "POST", "/ast-page/conversations", headers, &json!({"language": "fr"}))
    };
    for wrong in ["", "Origin: https://evil.example\r\n", "Origin: null\r\n"] {
        let refused = open(wrong);
        assert_eq!((refused.status(), refused.code().as_str()), (403, "origin_not_allowed"));
        assert_eq!(refused.header("access-control-allow-origin"), None, "{wrong}");
    }
    let opened = open(&origin);
    assert_eq!(opened.status(), 201, "{}", opened.text());
    assert_eq!(opened.header("access-control-allow-origin"), Some(PAGE));
    assert_eq!(opened.header("access-control-allow-credentials"), None);
    let opened = parsed(&opened);
    assert!(texts(&opened["messages"]).contains(&"Bonjour, que puis-je pour vous ?"));
    let token = opened["token"].as_str().unwrap();
    let bearer = format!("{origin}Authorization: Bearer {token}\r\n");
    let body = json!({"text": "Quels sont vos horaires d'ouverture ?", "message_id": "m"});
    let said = visit(&server, "POST", "/messages", &bearer, &body);
    assert_eq!(said.status(), 200, "{}", said.text());
    let said = parsed(&said);
    let answer = &said["replies"][0];
    assert_eq!(answer["text"], "Du lundi au vendredi, de 9 h à 18 h.");
    assert_eq!(answer["details"], json!({"citations": []}), "{answer}");
    let ordinal = &answer["ordinal"];
    let path = format!("/messages/{ordinal}/feedback");
    let thumb = visit(&server, "PUT", &path, &bearer, &json!({"thumb": "up"}));
    assert_eq!(parsed(&thumb)["thumb"], "up");
    let helped = visit(&server, "PUT", "/feedback", &bearer, &json!({"resolved": false}));
    assert_eq!(parsed(&helped)["resolved"], false);
    let called = visit(&server, "POST", "/call-person", &bearer, &Value::Null);
    assert_eq!(parsed(&called)["state"], "waiting", "{}", called.text());
    let new = visit(&server, "GET", "/messages?after=0", &bearer, &Value::Null);
    assert!(parsed(&new)["messages"].as_array().unwrap().len() >= 4);

    // Another page has not got it, and a wrong token opens nothing.
    let evil = format!("Origin: https://evil.example\r\nAuthorization: Bearer {token}\r\n");
    let refused = visit(&server, "GET", "/messages", &evil, &Value::Null);
    assert_eq!((refused.status(), refused.code().as_str()), (403, "origin_not_allowed"));
    let wrong = format!("{origin}Authorization: Bearer {}x\r\n", &token[..token.len() - 1]);
    for headers in [origin.as_str(), &wrong] {
        let denied = visit(&server, "GET", "/messages", headers, &Value::Null);
        assert_eq!((denied.status(), denied.code().as_str()), (401, "invalid_api_key"));
        // The page may read that, to begin anew.
        assert_eq!(denied.header("access-control-allow-origin"), Some(PAGE));
    }
    // Nor does a token open anything else, or a key this.
    let elsewhere = server.with_key(token).get(CONVERSATIONS);
    assert_eq!(elsewhere.status, 401);
    assert!(!server.log().contains(token) && !server.on_disk(token));

    let agent = create_key(server.data.path(), AGENT);
    let seen = server.with_key(&agent);
    let id = opened["conversation"]["id"].as_str().unwrap();
    let whole = seen.get(&format!("{CONVERSATIONS}/{id}")).json();
    assert_eq!(whole["channel"], "widget");
    assert!(whole["handling"]["opened_by"].as_str().unwrap().starts_with("vis_"), "{whole}");
    assert_eq!(visit(&server, "DELETE", "/conversation", &bearer, &Value::Null).status(), 204);
    assert_eq!(visit(&server, "GET", "/messages", &bearer, &Value::Null).status(), 401);
    assert_eq!(seen.get(&format!("{CONVERSATIONS}/{id}")).status, 404);
}

#[test]
fn browsers_are_told_which_pages_may_call() {
    let server = Server::start(&["server.cors_origins=https://intranet.example", "text.model="]);
    published(&server, "ast-cors", &for_pages("ast-cors"));
    let preflight = |path: &str, origin: &str| {
        let headers = format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: authorization,content-type\r\n"
        );
        visit(&server, "OPTIONS", path, &headers, &Value::Null)
    };
    for path in ["/ast-cors", "/ast-cors/conversations", "/messages", "/messages/3/feedback"] {
        let allowed = preflight(path, PAGE);
        assert_eq!(allowed.status(), 204, "{path}");
        assert_eq!(allowed.header("access-control-allow-origin"), Some(PAGE), "{path}");
        assert!(allowed.header("vary").unwrap_or_default().contains("origin"), "{path}");
        let headers = allowed.header("access-control-allow-headers").unwrap_or_default();
        assert!(headers.contains("authorization"), "{headers}");
        // Not even those that the settings let call the API.
        for stranger in ["https://evil.example", "https://intranet.example", "null"] {
            let refused = preflight(path, stranger);
            assert_eq!(refused.header("access-control-allow-origin"), None, "{path} {stranger}");
        }
    }
    let headers = "Origin: https://intranet.example\r\n";
    let refused = visit(&server, "GET", "/ast-cors", headers, &Value::Null);
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.header("access-control-allow-origin"), None);
    assert_eq!(preflight("/aucun", PAGE).header("access-control-allow-origin"), None);
}

#[test]
fn each_visitor_has_so_much_a_day_whatever_stands_between() {
    let server = Server::start(&["server.trusted_proxies=127.0.0.0/8"]);
    let mut wanted = for_pages("ast-jour");
    wanted["widget"]["messages_per_visitor_per_day"] = json!(2);
    wanted["widget"]["conversations_per_day"] = json!(4);
    published(&server, "ast-jour", &wanted);
    let from = |address: &str| format!("Origin: {PAGE}\r\nX-Forwarded-For: {address}\r\n");
    let open = |address: &str| {
        visit(&server, "POST", "/ast-jour/conversations", &from(address), &json!({}))
    };
    let say = |opened: &RawReply, address: &str| {
        let token = parsed(opened)["token"].as_str().unwrap().to_owned();
        let bearer = format!("{}Authorization: Bearer {token}\r\n", from(address));
        let body = json!({"text": "Quels sont vos horaires d'ouverture ?"});
        visit(&server, "POST", "/messages", &bearer, &body)
    };
    let (one, two) = (open("198.51.100.7"), open("198.51.100.8"));
    assert_eq!((one.status(), two.status()), (201, 201), "{}", one.text());
    // What a client writes there itself does not count.
    let again = open("203.0.113.1, 198.51.100.7");
    assert_eq!(say(&one, "198.51.100.7").status(), 200);
    assert_eq!(say(&again, "198.51.100.7").status(), 200);
    let enough = say(&one, "198.51.100.7");
    assert_eq!((enough.status(), enough.code().as_str()), (429, "rate_limit_exceeded"));
    let wait: u64 = enough.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=24 * 3_600).contains(&wait), "{wait}");
    assert_eq!(say(&two, "198.51.100.8").status(), 200);
    assert_eq!(open("198.51.100.9").status(), 201);
    assert_eq!(open("198.51.100.10").status(), 429);
}

#[test]
fn one_visitor_does_not_hold_all_connections() {
    let server = Server::start(&["text.model="]);
    published(&server, "ast-nombre", &for_pages("ast-nombre"));
    let origin = format!("Origin: {PAGE}\r\n");
    let opened = visit(&server, "POST", "/ast-nombre/conversations", &origin, &json!({}));
    let opened = parsed(&opened);
    let token = opened["token"].as_str().unwrap();
    let bearer = format!("{origin}Authorization: Bearer {token}\r\n");
    let after = &opened["conversation"]["message_count"];
    let path = format!("/messages?after={after}&wait_s=5");
    let statuses = std::thread::scope(|scope| {
        let one = || visit(&server, "GET", &path, &bearer, &Value::Null).status();
        let waiting: Vec<_> = (0..12).map(|_| scope.spawn(one)).collect();
        waiting.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert_eq!((refused, statuses.len() - refused), (4, 8), "{statuses:?}");
    let long = json!({"text": "x".repeat(200_000)});
    assert_eq!(visit(&server, "POST", "/messages", &bearer, &long).status(), 413);
}
