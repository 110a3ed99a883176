//! Checks that names of files within files are safe to show.

use super::{Names, clean_name, clean_path};

#[track_caller]
fn check(raw: &str, expected: Option<&str>) {
    assert_eq!(clean_path(raw).as_deref(), expected);
}

#[test]
fn names_are_relative_and_visible() {
    check("factures/2026/F-12.pdf", Some("factures/2026/F-12.pdf"));
    check("/etc/passwd", Some("etc/passwd"));
    check("../../racine/./a.txt", Some("racine/a.txt"));
    check("C:\\Users\\moi\\a.txt", Some("Users/moi/a.txt"));
    check("\\\\serveur\\partage\\a.txt", Some("serveur/partage/a.txt"));
    check("facture\u{202e}fdp.exe", Some("facturefdp.exe"));
    check("a\0b\n  c.txt", Some("ab c.txt"));
    check("Été : bilan.pdf", Some("Été : bilan.pdf"));
    check("..", None);
    check("/ /", None);
    assert_eq!(clean_name("dossier/../a.pdf").as_deref(), Some("a.pdf"));
}

#[test]
fn long_names_are_cut_and_keep_their_extension() {
    let name = clean_path(&format!("{}.pdf", "é".repeat(500))).unwrap();
    assert_eq!(name.chars().count(), 150);
    assert!(name.ends_with("é….pdf"), "{name}");
    let deep = clean_path(&"d/".repeat(5_000)).unwrap();
    assert_eq!(deep.split('/').count(), 21);
}

#[test]
fn equal_names_are_kept_apart() {
    let mut names = Names::default();
    let given: Vec<String> = ["a/b.pdf", "a/b.pdf", "a/b (2).pdf", "a/b.pdf", "v1.d/x", "v1.d/x"]
        .map(|name| names.distinct(name.to_owned()))
        .into();
    assert_eq!(
        given,
        ["a/b.pdf", "a/b (2).pdf", "a/b (2) (2).pdf", "a/b (3).pdf", "v1.d/x", "v1.d/x (2)"]
    );
}
