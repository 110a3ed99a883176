use super::{AllowedHost, HttpPolicy, Origin};

#[track_caller]
fn check_origin(text: &str, expected: bool) {
    assert_eq!(Origin::parse(text).is_some(), expected, "{text}");
}

#[test]
fn an_origin_is_what_browsers_send() {
    for good in ["https://app.example", "http://localhost:3000", "https://[::1]:8443"] {
        check_origin(good, true);
    }
    for bad in [
        "",
        "*",
        "null",
        "https://*.example",
        "https://app.example/",
        "https://app.example/page",
        "https://App.example",
        "https://app.example:443",
        "http://app.example:80",
        "ftp://app.example",
        "app.example",
        "https://user@app.example",
        "https://app.example\r\nx: y",
    ] {
        check_origin(bad, false);
    }
}

#[track_caller]
fn check_host(allowed: &str, called: &str, expected: bool) {
    let allowed_hosts = vec![AllowedHost::parse(allowed).expect("a host")];
    let policy = HttpPolicy { allowed_hosts, ..HttpPolicy::default() };
    assert_eq!(policy.admits_host(called), expected, "{allowed} called {called}");
}

#[test]
fn a_host_is_compared_without_case_and_final_dot() {
    check_host("ia.example", "IA.example.", true);
    check_host("ia.example", "ia.example:8484", true);
    check_host("ia.example:8484", "ia.example:8484", true);
    check_host("ia.example:8484", "ia.example", false);
    check_host("ia.example", "evil.example", false);
    check_host("ia.example", "ia.example.evil.example", false);
    check_host("ia.example", "evil@ia.example", false);
    check_host("ia.example", "", false);
    check_host("[::1]", "[::1]:8484", true);
    check_host("10.0.0.5", "10.0.0.5:8484", true);
}

#[test]
fn without_a_list_any_host_is_fine() {
    assert!(HttpPolicy::default().admits_host("whatever"));
}

#[test]
fn what_is_no_host_cannot_be_allowed() {
    for bad in ["", "*", "*.example", "a b", "ia.example:port", "http://ia.example", "ia/x"] {
        assert_eq!(AllowedHost::parse(bad), None, "{bad}");
    }
}
