//! Rules about documents.

use crate::tree::{files, none, root};

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn crates() -> Vec<String> {
    let manifests = files().into_iter().filter(|file| {
        file.starts_with("crates/")
            && file.ends_with("/Cargo.toml")
            && file.matches('/').count() == 2
    });
    manifests.filter_map(|file| file.split('/').nth(1).map(str::to_string)).collect()
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = read("ARCHITECTURE.md");
    let missing = crates().into_iter().filter(|name| !page.contains(&format!("`{name}`")));
    none("crates that ARCHITECTURE.md does not name", &missing.collect::<Vec<_>>());
}

#[test]
fn every_crate_has_a_short_readme() {
    let wrong = crates().into_iter().filter_map(|name| {
        let file = format!("crates/{name}/README.md");
        match std::fs::read_to_string(root().join(&file)) {
            Err(_) => Some(format!("{file} is missing")),
            Ok(text) if text.lines().count() > 30 => {
                Some(format!("{file} is longer than 30 lines"))
            }
            Ok(_) => None,
        }
    });
    none("crate READMEs", &wrong.collect::<Vec<_>>());
}

#[test]
fn the_readme_is_short_and_names_both_commands() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200, "README.md has more than 200 lines");
    for command in ["scripts/quickstart", "scripts/test"] {
        assert!(readme.contains(command), "README.md does not name {command}");
        assert!(root().join(command).is_file(), "{command} does not exist");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for file in files().into_iter().filter(|file| file.ends_with(".md")) {
        let folder = root().join(&file).parent().expect("a file has a folder").to_path_buf();
        for target in read(&file).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let outside = path.contains("://") || path.starts_with("mailto:") || path.is_empty();
            if !outside && !folder.join(path).exists() {
                broken.push(format!("{file}: {target}"));
            }
        }
    }
    none("broken links", &broken);
}
