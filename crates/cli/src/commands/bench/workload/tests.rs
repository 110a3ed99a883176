use super::{all, choose};

#[track_caller]
fn check(names: &[&str], expected: &[&str]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
    let chosen = choose(&names).unwrap();
    let chosen: Vec<&str> = chosen.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(chosen, expected, "{names:?}");
}

#[test]
fn the_embedded_files_are_read_and_their_cases_have_names_of_their_own() {
    let all = all().unwrap();
    let names: std::collections::BTreeSet<&str> =
        all.iter().map(|(_, case)| case.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.iter().all(|(_, case)| case.workload.needed_tokens() > 0));
}

#[test]
fn names_choose_files_and_cases_in_the_order_of_the_files() {
    check(&["decode"], &["decode-128", "decode-1024", "decode-4096"]);
    check(&["gap", "prefill-512"], &["prefill-512", "gap-4000"]);
    assert_eq!(choose(&[]).unwrap().len(), all().unwrap().len());
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    let error = choose(&["prefil".to_string()]).unwrap_err().to_string();
    assert!(error.contains("prefil") && error.contains("shared-prefix"), "{error}");
}
