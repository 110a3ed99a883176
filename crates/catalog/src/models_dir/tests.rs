//! Tests the models directory: import, listing, verification, removal, and what may not happen.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use intramuros_types::Fault;
use tempfile::TempDir;

use super::staging::{Staging, check_space};
use super::{FileState, ImportOptions, ModelsDir};
use crate::{Activity, Catalog, CatalogError, Progress, Source, Task};

const GGUF: &[u8] = b"GGUF\x03\0\0\0 and some weights";

/// A models directory and a place for sources, both temporary.
struct Place {
    models: ModelsDir,
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { models: ModelsDir::new(dir.path().join("models")), dir }
    }

    fn write(&self, path: &str, contents: &[u8]) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }

    fn import(&self, from: &Path, id: &str) -> Result<super::Imported, CatalogError> {
        self.models.import(from, ImportOptions::new(id), &mut ())
    }

    fn with_model(id: &str) -> Self {
        let place = Self::new();
        let file = place.write("source.gguf", GGUF);
        place.import(&file, id).unwrap();
        place
    }

    fn ids(&self) -> Vec<String> {
        self.models.installed().unwrap().into_iter().map(|model| model.id.to_string()).collect()
    }

    /// Whether nothing unfinished is left, the lock files excepted.
    fn is_tidy(&self) -> bool {
        let staging = self.models.path().join(".staging");
        fs::read_dir(staging).is_ok_and(|entries| {
            entries.flatten().all(|entry| entry.path().extension().is_some_and(|e| e == "lock"))
        })
    }
}

fn safetensors() -> Vec<u8> {
    let header = br#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#;
    [&(header.len() as u64).to_le_bytes(), &header[..], b"abc"].concat()
}

#[test]
fn gguf_file_is_imported_with_its_digest() {
    let place = Place::with_model("mine");
    let model = place.models.get("mine").unwrap();
    assert_eq!(fs::read(model.dir.join("model.gguf")).unwrap(), GGUF);
    assert_eq!(model.manifest.source, Source::Import { from: "source.gguf".into() });
    assert_eq!(model.manifest.total_bytes(), GGUF.len() as u64);
    assert_eq!(place.ids(), ["mine"]);
    assert!(place.is_tidy());
    assert!(place.models.verify("mine", &mut ()).unwrap().is_intact());
}

#[test]
fn directory_is_imported_with_what_loaders_read() {
    let place = Place::new();
    for (path, contents) in [
        ("e5/config.json", &b"{}"[..]),
        ("e5/tokenizer.json", b"{}"),
        ("e5/1_Pooling/config.json", b"{}"),
        ("e5/model.safetensors", &safetensors()),
        ("e5/README.md", b"read me"),
        ("e5/pytorch_model.bin", b"pickle"),
    ] {
        place.write(path, contents);
    }
    let entry = Catalog::embedded().get("multilingual-e5-small").unwrap();
    let options = ImportOptions::for_model(entry);
    let imported = place.models.import(&place.dir.path().join("e5"), options, &mut ()).unwrap();
    assert_eq!(imported.left_aside, ["README.md", "pytorch_model.bin"]);
    let paths: Vec<&str> = imported.manifest.files.iter().map(|f| f.path.as_str()).collect();
    let expected = ["model.safetensors", "config.json", "tokenizer.json", "1_Pooling/config.json"];
    assert_eq!(paths, expected);
    assert_eq!(imported.manifest.licence, "MIT");
    let model = place.models.get("multilingual-e5-small").unwrap();
    assert_eq!(model.task(Catalog::embedded()), Some(Task::Embedding));
    assert_eq!(model.manifest.profile, entry.profile);
}

#[test]
fn links_of_a_hub_cache_are_followed() {
    let place = Place::new();
    let blob = place.write("blobs/abc", GGUF);
    fs::create_dir(place.dir.path().join("snapshot")).unwrap();
    symlink(blob, place.dir.path().join("snapshot/weights.gguf")).unwrap();
    place.import(&place.dir.path().join("snapshot"), "linked").unwrap();
    let copied = place.models.path().join("linked/model.gguf");
    assert!(fs::symlink_metadata(copied).unwrap().is_file());
}

#[track_caller]
fn check_not_importable(files: &[(&str, &[u8])], from: &str, part: &str) {
    let place = Place::new();
    for (path, contents) in files {
        place.write(path, contents);
    }
    let error = place.import(&place.dir.path().join(from), "m").expect_err("it should be refused");
    assert!(error.to_string().contains(part), "{error} does not contain {part:?}");
    assert!(place.ids().is_empty());
    assert!(!place.models.path().join("m").exists());
}

#[test]
fn what_is_no_model_is_not_imported() {
    check_not_importable(&[], "missing.gguf", "No such file");
    check_not_importable(&[("a.gguf", b"<html>")], "a.gguf", "too short");
    check_not_importable(&[("a.gguf", b"<html></html>")], "a.gguf", "does not start with GGUF");
    check_not_importable(&[("a.bin", GGUF)], "a.bin", "neither a .gguf file nor a directory");
    check_not_importable(&[("d/x.txt", b"")], "d", "neither a .gguf file nor config.json");
    check_not_importable(&[("d/a.gguf", GGUF), ("d/b.gguf", GGUF)], "d", "2 .gguf files");
    let config: (&str, &[u8]) = ("d/config.json", b"{}");
    let tokenizer: (&str, &[u8]) = ("d/tokenizer.json", b"{}");
    check_not_importable(&[config, tokenizer], "d", "no .safetensors file");
    let short: (&str, &[u8]) = ("d/model.safetensors", b"\x02\0\0\0\0\0\0\0{");
    check_not_importable(&[config, tokenizer, short], "d", "claims 2 bytes of 9");
    check_not_importable(&[("d/a.gguf/x", b"")], "d", "not a regular file");
}

#[test]
fn import_never_overwrites() {
    let place = Place::with_model("mine");
    let other = place.write("other.gguf", b"GGUF\x03\0\0\0 other");
    let error = place.import(&other, "mine").unwrap_err();
    assert!(matches!(error, CatalogError::AlreadyInstalled { .. }), "{error}");
    assert!(place.models.verify("mine", &mut ()).unwrap().is_intact());
}

#[test]
fn ids_that_leave_the_directory_are_refused_everywhere() {
    let place = Place::with_model("mine");
    let file = place.write("source.gguf", GGUF);
    for id in ["..", "../mine", "/etc", "", ".staging", "mine/../mine"] {
        let refusals = [
            place.models.get(id).err(),
            place.models.remove(id).err(),
            place.models.verify(id, &mut ()).err(),
            place.import(&file, id).err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Some(CatalogError::InvalidId { .. })), "{id}: {refusal:?}");
        }
    }
    assert_eq!(place.ids(), ["mine"]);
}

#[test]
fn verification_names_each_damage() {
    let place = Place::with_model("mine");
    let path = place.models.path().join("mine/model.gguf");
    let state =
        |place: &Place| place.models.verify("mine", &mut ()).unwrap().files[0].state.clone();

    let mut flipped = GGUF.to_vec();
    flipped[12] ^= 1;
    fs::write(&path, &flipped).unwrap();
    assert!(matches!(state(&place), FileState::Digest { .. }));
    assert_eq!(place.ids(), ["mine"], "sizes agree, so listing cannot know");

    fs::write(&path, &GGUF[..10]).unwrap();
    assert_eq!(state(&place), FileState::Size { actual: 10 });
    assert!(place.ids().is_empty());
    assert!(matches!(place.models.get("mine"), Err(CatalogError::SizeMismatch { .. })));

    fs::remove_file(&path).unwrap();
    assert!(matches!(state(&place), FileState::Unreadable { .. }));
    assert_eq!(place.models.problems().unwrap().len(), 1);
}

/// Counts what a progress listener is told.
#[derive(Default)]
struct Counter {
    announced: u64,
    advanced: u64,
}

impl Progress for Counter {
    fn start(&mut self, _: Activity, _: &str, total_bytes: u64, done_bytes: u64) {
        self.announced += total_bytes - done_bytes;
    }
    fn advance(&mut self, bytes: u64) {
        self.advanced += bytes;
    }
    fn finish(&mut self) {}
    fn note(&mut self, _: &str) {}
}

#[test]
fn progress_adds_up() {
    let place = Place::with_model("mine");
    let mut counter = Counter::default();
    place.models.verify("mine", &mut counter).unwrap();
    assert_eq!((counter.announced, counter.advanced), (GGUF.len() as u64, GGUF.len() as u64));
}

#[test]
fn removal_leaves_nothing() {
    let place = Place::with_model("mine");
    place.models.remove("mine").unwrap();
    assert!(place.ids().is_empty());
    assert!(!place.models.path().join("mine").exists());
    assert!(place.is_tidy());
    let again = place.models.remove("mine");
    assert!(matches!(again, Err(CatalogError::NotInstalled { .. })), "{again:?}");
}

#[test]
fn removing_a_link_keeps_what_it_points_to() {
    let place = Place::with_model("mine");
    let elsewhere = place.dir.path().join("elsewhere");
    fs::rename(place.models.path().join("mine"), &elsewhere).unwrap();
    symlink(&elsewhere, place.models.path().join("mine")).unwrap();
    place.models.remove("mine").unwrap();
    assert!(elsewhere.join("model.gguf").exists());
    assert!(!place.models.path().join("mine").exists());
}

#[test]
fn broken_directories_can_be_removed_and_are_reported() {
    let place = Place::with_model("mine");
    place.write("models/half/model.gguf", GGUF);
    assert_eq!(place.ids(), ["mine"]);
    let problems = place.models.problems().unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].0, "half");
    place.models.remove("half").unwrap();
    assert!(place.models.problems().unwrap().is_empty());
}

#[test]
fn a_second_process_is_told_to_wait() {
    let place = Place::with_model("mine");
    let held = Staging::open(&place.models, "other").unwrap();
    let file = place.write("source.gguf", GGUF);
    let error = place.import(&file, "other").unwrap_err();
    assert!(matches!(error, CatalogError::Busy { .. }), "{error}");
    assert_eq!(error.fault(), Fault::Capacity);
    drop(held);
    place.import(&file, "other").unwrap();
}

#[test]
fn what_an_interrupted_import_left_does_not_enter_the_next() {
    let place = Place::new();
    place.write("models/.staging/mine/ready/evil.json", b"{}");
    let file = place.write("source.gguf", GGUF);
    place.import(&file, "mine").unwrap();
    assert!(!place.models.path().join("mine/evil.json").exists());
}

#[test]
fn missing_directory_is_empty() {
    let place = Place::new();
    assert!(place.ids().is_empty());
    assert!(place.models.problems().unwrap().is_empty());
    assert!(matches!(place.models.get("m"), Err(CatalogError::NotInstalled { .. })));
}

#[test]
fn full_disk_is_refused_with_the_figures() {
    let dir = Path::new("/models");
    assert!(check_space(dir, 1 << 30, 2 << 30).is_ok());
    assert!(check_space(dir, 0, 0).is_ok(), "nothing to write needs no space");
    let error = check_space(dir, 4 << 30, 1 << 30).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/models has 1.00 GiB free, 4.06 GiB are needed; free space or choose another models \
         directory"
    );
    assert!(check_space(dir, u64::MAX, u64::MAX - 1).is_err());
}
