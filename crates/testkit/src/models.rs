//! Finds directories that tests need.

use std::path::PathBuf;

use tempfile::TempDir;

/// Where `scripts/fetch-models` puts models: `INTRAMUROS_MODELS_DIR`, or `intramuros/models` in
/// the user's cache directory.
///
/// # Panics
/// When neither that variable nor `XDG_CACHE_HOME` nor `HOME` is set.
pub fn models_dir() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(directory) = variable("INTRAMUROS_MODELS_DIR") {
        return PathBuf::from(directory);
    }
    let cache = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => PathBuf::from(home).join(".cache"),
        (None, None) => panic!("set INTRAMUROS_MODELS_DIR, XDG_CACHE_HOME or HOME"),
    };
    cache.join("intramuros/models")
}

/// The directory of the model `id`.
///
/// # Panics
/// When it is missing; the message names the command that fetches it.
#[track_caller]
pub fn require_model(id: &str) -> PathBuf {
    let directory = models_dir().join(id);
    assert!(
        directory.is_dir(),
        "model {id} is not in {}; run scripts/fetch-models {id}",
        models_dir().display()
    );
    directory
}

/// A new directory that is removed with the value.
///
/// # Panics
/// When the system gives none.
#[track_caller]
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new()
        .prefix("intramuros-test-")
        .tempdir()
        .expect("a test needs a writable temporary directory")
}
