//! No path without a key, no scope beyond its own.

use serde_json::Value;

use crate::server::{Server, create_key, shared};

/// Every documented operation: method, path with its parameters filled in.
pub(crate) fn operations(server: &Server) -> Vec<(String, String, bool)> {
    let document = server.get_without_key("/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            let public = operation["security"].as_array().is_none_or(Vec::is_empty);
            found.push((method.to_uppercase(), filled(&path), public));
        }
    }
    assert!(found.len() >= 60, "{found:?}");
    found
}

/// A path whose parameters name what is not there.
pub(crate) fn filled(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{generation}" | "{seq}" => "4000000",
        parameter if parameter.starts_with('{') => "none",
        fixed => fixed,
    });
    segments.collect::<Vec<_>>().join("/")
}

pub(crate) fn status(server: &Server, method: &str, path: &str, key: Option<&str>) -> (u16, Value) {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", server.url))
        .header("content-type", "application/json");
    let request = match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    };
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent = config.allow_non_standard_methods(true).build().new_agent();
    let body = if method == "GET" || method == "DELETE" { "" } else { "{}" };
    let mut response = agent.run(request.body(body).expect("a request")).expect("an answer");
    // An archive is no text.
    let bytes = response.body_mut().read_to_vec().expect("a body");
    (response.status().as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

#[test]
fn every_path_but_the_public_ones_needs_a_key() {
    let server = shared();
    for (method, path, public) in operations(&server) {
        let (code, _) = status(&server, &method, &path, None);
        assert_eq!(code == 401, !public, "{method} {path} without a key: {code}");
        let (code, _) = status(&server, &method, &path, Some("imk_wrong"));
        assert_eq!(code == 401, !public, "{method} {path} with a wrong key: {code}");
    }
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let server = shared();
    let key = create_key(server.data.path(), "inference");
    assert_eq!(status(&server, "GET", "/v1/models", Some(&key)).0, 200);
    let id = &key[..12];
    let revoked =
        crate::server::intramuros(server.data.path()).args(["keys", "revoke", id]).output();
    assert!(revoked.expect("the binary runs").status.success());
    let (code, body) = status(&server, "GET", "/v1/models", Some(&key));
    assert_eq!((code, body["error"]["code"].as_str()), (401, Some("invalid_api_key")));
}

#[test]
fn keys_never_reach_the_log() {
    let server = shared();
    assert_eq!(server.get("/v1/models").status, 200);
    assert!(!server.log().contains(&server.key), "the log holds a key");
}
