use serde::Deserialize;

use super::parse;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only whether it can be read matters")]
struct Query {
    #[serde(default)]
    wait: bool,
    limit: Option<u32>,
    after: Option<String>,
}

/// `expected`: the parameter that the error names, and a part of what it says.
#[track_caller]
fn check(query: &str, expected: Option<(&str, &str)>) {
    let found = parse::<Query>(query).err().map(|error| (error.param, error.message));
    match (found, expected) {
        (None, None) => {}
        (Some((param, message)), Some((name, part))) => {
            assert_eq!(param.as_deref(), Some(name), "{query}: {message}");
            assert!(message.contains(part) && message.contains(name), "{query}: {message}");
        }
        (found, _) => panic!("{query}: {found:?}"),
    }
}

#[test]
fn good_queries_are_read() {
    for good in ["", "wait=true", "limit=3&after=doc_1", "after=%C3%A9", "after=%00", "after=%FF"] {
        check(good, None);
    }
}

#[test]
fn the_parameter_that_is_wrong_is_named() {
    check("limit=many", Some(("limit", "whole number")));
    check("limit=", Some(("limit", "whole number")));
    check("limit=-1", Some(("limit", "whole number")));
    check("limit=99999999999", Some(("limit", "whole number")));
    check("wait=yes", Some(("wait", "true or false")));
    check("wait", Some(("wait", "true or false")));
    check("colour=red", Some(("colour", "unknown field")));
    check("limit=1&limit=2", Some(("limit", "duplicate field")));
}
