//! Reads the files that git would commit.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// Tracked and not yet tracked files that are not ignored, relative to the root.
pub(crate) fn files() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git ls-files failed");
    let listed = String::from_utf8(output.stdout).expect("file names are UTF-8");
    listed.lines().filter(|file| root().join(file).is_file()).map(str::to_string).collect()
}

/// The files that end in `extension`, with their text.
pub(crate) fn texts(extension: &str) -> Vec<(String, String)> {
    let wanted = files().into_iter().filter(|file| file.ends_with(extension));
    wanted
        .map(|file| {
            let text = std::fs::read_to_string(root().join(&file));
            (file.clone(), text.unwrap_or_else(|error| panic!("{file}: {error}")))
        })
        .collect()
}

/// Fails with the list of violations, if there are any.
#[track_caller]
pub(crate) fn none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}
