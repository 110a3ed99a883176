//! Requests that no ordinary client sends, and what browsers are told.

use serde_json::json;

use crate::raw::{Raw, RawReply, exchange};
use crate::server::{Server, TEXT_MODEL, shared};

/// A `GET` with further header lines, each ended by `\r\n`.
fn get(server: &Server, target: &str, headers: &str) -> RawReply {
    exchange(server, format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"))
}

fn bearer(server: &Server) -> String {
    format!("Authorization: Bearer {}\r\n", server.key)
}

#[track_caller]
fn check_refused(reply: &RawReply, status: u16, code: &str) {
    assert_eq!((reply.status(), reply.code().as_str()), (status, code), "{reply:?}");
    assert!(reply.header("x-request-id").is_some(), "{reply:?}");
}

#[test]
fn a_head_that_is_too_large_is_refused_by_name() {
    let server = shared();
    let long = "a".repeat(9_000);
    check_refused(&get(&server, &format!("/{long}"), ""), 414, "uri_too_long");
    check_refused(&get(&server, &format!("/healthz?{long}"), ""), 414, "uri_too_long");
    let many: String = (0..150).map(|number| format!("X-{number}: a\r\n")).collect();
    check_refused(&get(&server, "/healthz", &many), 431, "headers_too_large");
    let large = format!("X-Large: {}\r\n", "a".repeat(40_000));
    check_refused(&get(&server, "/healthz", &large), 431, "headers_too_large");
    // Beyond that hyper refuses without a body.
    let huge = format!("X-Large: {}\r\n", "a".repeat(200_000));
    assert_eq!(get(&server, "/healthz", &huge).status(), 431);
    let very_many: String = (0..1_000).map(|number| format!("X-{number}: a\r\n")).collect();
    assert_eq!(get(&server, "/healthz", &very_many).status(), 431);
    assert_eq!(server.get_without_key("/healthz").status, 200);
}

#[test]
fn what_two_servers_could_read_differently_is_refused() {
    let server = shared();
    let key = bearer(&server);
    assert_eq!(get(&server, "/v1/models", &key).status(), 200);
    check_refused(&get(&server, "/v1/models", &key.repeat(2)), 400, "invalid_request");
    check_refused(&get(&server, "/v1/models", "Host: other\r\n"), 400, "invalid_request");
    let nameless = exchange(&server, "GET /v1/models HTTP/1.1\r\n\r\n");
    check_refused(&nameless, 400, "invalid_request");
    for (headers, body) in [
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("Content-Length: -1\r\n", "{}"),
        ("Content-Length: 99999999999999999999999\r\n", "{}"),
        ("Transfer-Encoding: gzip\r\n", "{}"),
        ("Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "ffffffffffffffff1\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2;a=b\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Content-Type: application/json\r\nContent-Length: 2\r\n", "{}"),
    ] {
        let json = format!("Content-Type: application/json\r\n{headers}");
        let head = format!(
            "POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\n{key}Connection: close\r\n{json}\r\n"
        );
        let mut raw = Raw::connect(&server);
        raw.send(format!("{head}{body}"));
        let told = raw.rest();
        assert!(told.starts_with("HTTP/1.1 4"), "{headers:?} {body:?}: {told}");
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{headers:?} {body:?}: {told}");
    }
}

#[test]
fn odd_targets_and_methods_are_errors_of_the_client() {
    let server = shared();
    let key = bearer(&server);
    for (request, expected) in [
        ("GET http://localhost/healthz HTTP/1.1", 200),
        ("GET http://elsewhere.example/v1/models HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.1", 404),
        ("CONNECT localhost:1 HTTP/1.1", 404),
        ("TRACE /healthz HTTP/1.1", 405),
        ("MADE-UP /healthz HTTP/1.1", 405),
        ("GET // HTTP/1.1", 404),
        ("GET /../healthz HTTP/1.1", 404),
        ("GET /v1/../healthz HTTP/1.1", 404),
        ("GET /healthz/ HTTP/1.1", 404),
        ("GET /%68ealthz HTTP/1.1", 404),
        ("GET /v1/models/%00 HTTP/1.1", 404),
        ("GET /v1/models/%FF HTTP/1.1", 400),
        ("GET /v1/models/..%2F..%2Fetc%2Fpasswd HTTP/1.1", 404),
        ("GET /api/v1/knowledge-bases/%FF HTTP/1.1", 400),
        ("GET /api/v1/knowledge-bases/%00 HTTP/1.1", 404),
        ("GET /api/v1/knowledge-bases/%2e%2e/documents HTTP/1.1", 404),
        ("GET /api/v1/knowledge-bases/a/documents/%00/file HTTP/1.1", 404),
        ("GET /api/v1/knowledge-bases/a/documents?limit=%00 HTTP/1.1", 400),
        ("GET /healthz HTTP/1.0", 200),
        ("GET /healthz HTTP/2.0", 400),
        ("GET /healthz HTTP/9.9", 400),
        ("GET /heal thz HTTP/1.1", 400),
        ("GET /healthz", 400),
        ("PRI * HTTP/2.0", 400),
        ("\x16\x03\x01\x02\x00\x01", 400),
    ] {
        let reply = exchange(&server, format!("{request}\r\nHost: localhost\r\n{key}\r\n"));
        assert_eq!(reply.status(), expected, "{request}: {reply:?}");
    }
    // Bytes that are no text.
    let reply = exchange(&server, b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!((400..500).contains(&reply.status()), "{reply:?}");
    let reply = exchange(&server, b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(reply.status(), 400);
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    let server = shared();
    let mut raw = Raw::connect(&server);
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let other = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
    raw.send(format!("{one}{other}{one}"));
    let statuses: Vec<u16> = (0..3).map(|_| raw.reply().status()).collect();
    assert_eq!(statuses, [200, 404, 200]);
}

#[test]
fn a_header_cannot_change_the_method() {
    let server = shared();
    server.create_base("stays");
    let key = bearer(&server);
    let request = format!(
        "POST /api/v1/knowledge-bases/stays HTTP/1.1\r\nHost: localhost\r\n{key}\
         X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\nContent-Length: 0\r\n\r\n"
    );
    check_refused(&exchange(&server, request), 405, "method_not_allowed");
    assert_eq!(server.get("/api/v1/knowledge-bases/stays").status, 200);
}

#[test]
fn a_compressed_body_is_refused_before_it_is_opened() {
    let server = shared();
    let key = bearer(&server);
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let request = format!(
            "POST /v1/tokenize HTTP/1.1\r\nHost: localhost\r\n{key}Content-Type: application/json\r\n\
             Content-Encoding: {encoding}\r\nContent-Length: 1000000\r\n\r\n"
        );
        let reply = exchange(&server, request);
        check_refused(&reply, 415, "unsupported_media_type");
        assert!(reply.text().contains("Content-Encoding"), "{reply:?}");
    }
}

#[test]
fn long_texts_are_compressed_and_streams_are_not() {
    let server = shared();
    let accept = "Accept-Encoding: gzip\r\nConnection: close\r\n";
    let document = get(&server, "/openapi.json", accept);
    assert_eq!(document.header("content-encoding"), Some("gzip"));
    assert!(document.header("vary").is_some_and(|vary| vary.contains("accept-encoding")));
    assert_eq!(
        get(&server, "/openapi.json", "Connection: close\r\n").header("content-encoding"),
        None
    );
    assert_eq!(get(&server, "/healthz", accept).header("content-encoding"), None);
    let body = json!({
        "model": TEXT_MODEL, "prompt": "Count: 1 2 3", "max_tokens": 8, "stream": true,
    })
    .to_string();
    let mut raw = Raw::connect(&server);
    raw.send(format!(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n{}{accept}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        bearer(&server),
        body.len()
    ));
    let head = raw.head();
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("content-encoding"), "{head}");
    assert!(raw.rest().contains("[DONE]"));
}

#[test]
fn every_answer_tells_browsers_what_it_is_not_for() {
    let server = shared();
    for path in ["/healthz", "/v1/models", "/nowhere", "/docs", "/openapi.json", "/metrics"] {
        let reply = get(&server, path, "");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{path} {name}");
        }
        let policy = reply.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn pages_of_named_origins_may_call_and_others_may_not() {
    let server = Server::start(&[
        "server.cors_origins=https://intranet.example,http://localhost:3000",
        "server.allowed_hosts=localhost,ia.example:8443",
    ]);
    let preflight = |origin: &str| {
        let request = format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: authorization,content-type,x-client\r\n\r\n"
        );
        exchange(&server, request)
    };
    let allowed = preflight("https://intranet.example");
    assert_eq!(allowed.status(), 200);
    let origin = allowed.header("access-control-allow-origin");
    assert_eq!(origin, Some("https://intranet.example"));
    let headers = allowed.header("access-control-allow-headers").unwrap_or_default();
    assert!(headers.contains("authorization"), "{headers}");
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    for stranger in ["https://evil.example", "https://intranet.example.evil.example", "null"] {
        let refused = preflight(stranger);
        assert_eq!(refused.header("access-control-allow-origin"), None, "{stranger}");
    }
    // Errors too, or the page could not read why.
    let origin = "Origin: http://localhost:3000\r\n";
    let reply = get(&server, "/v1/models", origin);
    assert_eq!(reply.status(), 401);
    assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert!(reply.header("access-control-expose-headers").is_some());

    let called = |host: &str, target: &str| {
        let key = bearer(&server);
        exchange(&server, format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{key}\r\n"))
    };
    for good in ["localhost", "LOCALHOST:8484", "ia.example:8443"] {
        assert_eq!(called(good, "/v1/models").status(), 200, "{good}");
    }
    for bad in ["evil.example", "ia.example", "localhost.evil.example", "localhost@evil", ""] {
        check_refused(&called(bad, "/v1/models"), 421, "host_not_allowed");
        check_refused(&called(bad, "/docs"), 421, "host_not_allowed");
    }
    let absolute = called("localhost", "http://evil.example/v1/models");
    check_refused(&absolute, 421, "host_not_allowed");
    assert_eq!(called("10.0.0.7", "/readyz").status(), 200, "monitors ask by address");
}

#[test]
fn one_connection_too_many_waits_for_its_turn() {
    let server = Server::start(&["server.max_connections=2", "text.model="]);
    let one = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (mut first, mut second) = (Raw::connect(&server), Raw::connect(&server));
    for raw in [&mut first, &mut second] {
        raw.send(one);
        assert_eq!(raw.reply().status(), 200);
    }
    let mut third = Raw::connect(&server);
    third.send(one);
    first.send(one);
    assert_eq!(first.reply().status(), 200, "who is in goes on");
    drop(first);
    assert_eq!(third.reply().status(), 200);
}

#[test]
fn wrong_lists_are_refused_at_the_start() {
    let data = tempfile::TempDir::new().unwrap();
    for (setting, named) in [
        ("server.cors_origins=*", "server.cors_origins"),
        ("server.cors_origins=https://a.example/", "https://a.example/"),
        ("server.allowed_hosts=http://a.example", "server.allowed_hosts"),
        ("server.trusted_proxies=proxy.example", "server.trusted_proxies"),
        ("server.max_connections=0", "server.max_connections"),
    ] {
        let mut command = crate::server::intramuros(data.path());
        let output = command.args(["serve", "--set", setting]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(named), "{setting}: {told}");
    }
}
