//! Rules about single files.

use crate::tree::{files, none, root, texts};

/// Hard limit on the lines of a source file.
const MAX_LINES: usize = 600;

/// The only files that may hold unsafe code, each for a reason that stands beside it.
const UNSAFE_FILES: &[&str] =
    &["crates/model/src/map.rs", "crates/embed/src/matmul.rs", "crates/embed/src/weights.rs"];

#[test]
fn source_files_are_short() {
    let long = texts(".rs").into_iter().filter_map(|(file, text)| {
        let lines = text.lines().count();
        let is_test = file.ends_with("tests.rs") || file.starts_with("tests/");
        (lines > MAX_LINES && !is_test).then(|| format!("{file} has {lines} lines"))
    });
    none(&format!("files have at most {MAX_LINES} lines"), &long.collect::<Vec<_>>());
}

#[test]
fn modules_open_with_a_sentence() {
    let silent = texts(".rs").into_iter().filter_map(|(file, text)| {
        let is_test = file.ends_with("tests.rs") || file.contains("/tests/");
        (!is_test && !text.starts_with("//! ")).then_some(file)
    });
    none("every module opens with `//!`", &silent.collect::<Vec<_>>());
}

#[test]
fn no_mod_rs() {
    let found = files().into_iter().filter(|file| file.ends_with("/mod.rs"));
    none("modules are foo.rs beside foo/", &found.collect::<Vec<_>>());
}

#[test]
fn library_roots_hold_no_logic() {
    let wrong = texts("src/lib.rs").into_iter().filter_map(|(file, text)| {
        let lines = text.lines().count();
        let logic = text.lines().any(|line| line.trim_start().starts_with("fn "));
        (lines > 120 || logic).then(|| format!("{file} ({lines} lines)"))
    });
    none("lib.rs is an essay, modules and re-exports", &wrong.collect::<Vec<_>>());
}

#[test]
fn unsafe_code_stays_where_it_is_explained() {
    let wrong = texts(".rs").into_iter().filter_map(|(file, text)| {
        let has = text.lines().any(|line| {
            let code = line.split("//").next().unwrap_or_default();
            code.contains("unsafe {") || code.contains("unsafe fn") || code.contains("unsafe impl")
        });
        (has && !file.starts_with("tests/tidy/") && !UNSAFE_FILES.contains(&file.as_str()))
            .then_some(file)
    });
    none("unsafe code outside the listed files", &wrong.collect::<Vec<_>>());
}

#[test]
fn no_paths_of_one_machine() {
    // Spelt in two parts so that this file does not contain them.
    let forbidden = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/home", "/runner")];
    let mut wrong = Vec::new();
    for file in files() {
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        for path in forbidden {
            if text.contains(path) {
                wrong.push(format!("{file} contains {path}"));
            }
        }
    }
    none("no absolute path of a developer's machine", &wrong);
}

#[test]
fn scripts_are_executable_and_strict() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut wrong = Vec::new();
    for file in files() {
        let is_script = file.starts_with("scripts/") && !file.contains('.') || file == ".ci/run";
        if !is_script {
            continue;
        }
        let path = root().join(&file);
        let mode = std::fs::metadata(&path).expect("listed files exist").permissions().mode();
        if mode & 0o111 == 0 {
            wrong.push(format!("{file} is not executable"));
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let shell = text.lines().next().is_some_and(|line| line.ends_with("sh"));
        if shell && !text.contains("set -eu") {
            wrong.push(format!("{file} does not stop at errors (set -eu)"));
        }
    }
    none("scripts", &wrong);
}

/// Two types of one name would be one schema of the OpenAPI document, and one of them wrong.
#[test]
fn schemas_have_names_of_their_own() {
    let mut seen = std::collections::BTreeMap::new();
    let mut twice = Vec::new();
    for (file, text) in texts(".rs") {
        if !file.starts_with("crates/http/src/") {
            continue;
        }
        for derived in text.split("#[derive(").skip(1) {
            let (traits, rest) = derived.split_once(")]").unwrap_or_default();
            let after = |word| rest.split_once(word).map(|(_, after)| after);
            let (structs, enums) = (after("struct "), after("enum "));
            // The item is whichever comes first, and so has more behind it.
            let item = structs.into_iter().chain(enums).max_by_key(|after| after.len());
            let name = item.and_then(|item| item.split([' ', '{', '(', ';', '<']).next());
            let name = name.unwrap_or_default().to_owned();
            if traits.contains("ToSchema")
                && let Some(first) = seen.insert(name.clone(), file.clone())
            {
                twice.push(format!("{name} in {first} and {file}"));
            }
        }
    }
    assert!(seen.len() > 50, "schemas are found: {}", seen.len());
    none("a schema's name is its own", &twice);
}
