//! Tests that filters become the predicates they mean.

use intramuros_types::DocumentId;

use super::Filter;

#[track_caller]
fn check(documents: Option<&[&str]>, labels: Option<&[&str]>, expected: Option<&str>) {
    let filter = Filter {
        documents: documents.map(|ids| ids.iter().map(|id| DocumentId::new(*id)).collect()),
        labels: labels.map(|labels| labels.iter().map(|label| (*label).to_owned()).collect()),
    };
    assert_eq!(filter.to_sql().unwrap().as_deref(), expected);
}

#[test]
fn filters_become_predicates() {
    check(None, None, None);
    check(Some(&["a"]), None, Some("document IN ('a')"));
    check(None, Some(&[]), Some("array_has_any(labels, [''])"));
    check(
        Some(&["a", "b"]),
        Some(&["hr"]),
        Some("document IN ('a', 'b') AND array_has_any(labels, ['', 'hr'])"),
    );
}

#[test]
fn quotes_stay_inside_the_literal() {
    check(Some(&["x' OR 1=1 --"]), None, Some("document IN ('x'' OR 1=1 --')"));
    check(Some(&["\\'"]), None, Some("document IN ('\\''')"));
}

#[test]
fn long_lists_are_refused() {
    let filter = Filter { labels: Some(vec!["a".to_owned(); 10_001]), ..Filter::default() };
    let message = filter.to_sql().unwrap_err().to_string();
    assert_eq!(message, "filter.labels lists 10001 values, the limit is 10000");
}
