//! Tests that filters become the predicates they mean.

use intramuros_types::{Access, DocumentId};

use super::{DateRange, Filter};

#[track_caller]
fn check(documents: Option<&[&str]>, labels: Option<&[&str]>, expected: Option<&str>) {
    let access = labels.map_or(Access::EVERYTHING, Access::of);
    let filter = Filter {
        documents: documents.map(|ids| ids.iter().map(|id| DocumentId::new(*id)).collect()),
        ..Filter::readable_by(access)
    };
    assert_eq!(filter.to_sql().unwrap().as_deref(), expected);
}

#[test]
fn metadata_and_dates_become_predicates() {
    let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let mut filter = Filter::readable_by(Access::EVERYTHING);
    filter.metadata.insert("service".to_owned(), values(&["l'achat", "paie"]));
    filter.written = Some(DateRange { from: Some(20_000), to: None });
    let expected = "array_has_any(metadata, ['service=l''achat', 'service=paie']) AND \
                    written IS NOT NULL AND written >= 20000";
    assert_eq!(filter.to_sql().unwrap().as_deref(), Some(expected));
    filter.metadata.insert("année".to_owned(), Vec::new());
    assert!(filter.excludes_all());
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
fn what_is_denied_is_left_out() {
    let sql = |access| Filter::readable_by(access).to_sql().unwrap();
    let denied = "NOT array_has_any(labels, ['it', 'o''k'])";
    assert_eq!(sql(Access::EVERYTHING.without(&["o'k", "it"])).as_deref(), Some(denied));
    let both = format!("array_has_any(labels, ['', 'rh']) AND {denied}");
    assert_eq!(sql(Access::of(&["rh"]).without(&["o'k", "it"])), Some(both));
}

#[test]
fn quotes_stay_inside_the_literal() {
    check(Some(&["x' OR 1=1 --"]), None, Some("document IN ('x'' OR 1=1 --')"));
    check(Some(&["\\'"]), None, Some("document IN ('\\''')"));
}

#[test]
fn long_lists_are_refused() {
    let labels: Vec<String> = (0..10_001).map(|number| number.to_string()).collect();
    for access in [Access::of(&labels), Access::EVERYTHING.without(&labels)] {
        let message = Filter::readable_by(access).to_sql().unwrap_err().to_string();
        assert_eq!(message, "filter.labels lists 10001 values, the limit is 10000");
    }
}
