//! Tests the folder of files named by their content.

use std::fs;
use std::path::Path;

use intramuros_types::Fault;
use tempfile::TempDir;

use super::Blobs;
use crate::StoreError;

/// SHA-256 of `abc`. Source: FIPS 180-2, appendix B.1.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn open() -> (TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
    (folder, blobs)
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    files
}

#[test]
fn all_files_are_listed_and_nothing_else() {
    let (folder, blobs) = open();
    assert_eq!(blobs.digests().unwrap(), Vec::<String>::new());
    blobs.put(b"abc").unwrap();
    let _unfinished = blobs.writer(10).unwrap();
    fs::write(folder.path().join("blobs/ba/notes.txt"), "mine").unwrap();
    assert_eq!(blobs.digests().unwrap(), [ABC]);
}

#[test]
fn a_full_disk_is_recognised() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    assert!(StoreError::io("write", Path::new("x"))(full).is_storage_full());
    let other = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert!(!StoreError::io("write", Path::new("x"))(other).is_storage_full());
}

#[test]
fn content_is_found_under_its_digest() {
    let (folder, blobs) = open();
    assert_eq!(blobs.put(b"abc").unwrap(), ABC);
    assert_eq!(blobs.put(b"abc").unwrap(), ABC);
    assert_eq!(blobs.read(ABC).unwrap(), b"abc");
    blobs.verify(ABC).unwrap();
    let expected = folder.path().join("blobs/ba").join(ABC);
    assert_eq!(blobs.path(ABC).unwrap(), expected);
    assert_eq!(files_below(folder.path()), [expected.to_string_lossy()]);
}

#[test]
fn a_stream_gives_the_same_file() {
    let (_folder, blobs) = open();
    let mut writer = blobs.writer(3).unwrap();
    assert!(writer.is_empty());
    for byte in b"abc" {
        writer.write(&[*byte]).unwrap();
    }
    assert_eq!(writer.len(), 3);
    assert_eq!(writer.finish().unwrap(), ABC);
    assert!(blobs.contains(ABC).unwrap());
}

#[test]
fn a_file_beyond_its_limit_leaves_nothing() {
    let (folder, blobs) = open();
    let mut writer = blobs.writer(4).unwrap();
    writer.write(b"abc").unwrap();
    let error = writer.write(b"de").unwrap_err();
    assert_eq!(error.to_string(), "file is larger than the limit of 4 bytes");
    assert_eq!(error.fault(), Fault::User);
    drop(writer);
    assert_eq!(files_below(folder.path()), [""; 0]);
}

#[test]
fn interrupted_uploads_are_removed_at_open() {
    let (folder, blobs) = open();
    blobs.put(b"abc").unwrap();
    let mut writer = blobs.writer(100).unwrap();
    writer.write(b"half").unwrap();
    // What a crash leaves: the destructor never runs.
    std::mem::forget(writer);
    assert_eq!(files_below(folder.path()).len(), 2);
    let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
    assert_eq!(files_below(folder.path()).len(), 1);
    assert_eq!(blobs.read(ABC).unwrap(), b"abc");
}

#[test]
fn removal_is_final_and_can_be_repeated() {
    let (folder, blobs) = open();
    blobs.put(b"abc").unwrap();
    blobs.remove(ABC).unwrap();
    blobs.remove(ABC).unwrap();
    assert_eq!(files_below(folder.path()), [""; 0]);
    let error = blobs.read(ABC).unwrap_err();
    assert!(matches!(error, StoreError::BlobMissing { .. }), "{error:?}");
    assert!(matches!(blobs.verify(ABC), Err(StoreError::BlobMissing { .. })));
}

#[test]
fn damage_is_found_and_repaired_by_a_new_upload() {
    let (_folder, blobs) = open();
    blobs.put(b"abc").unwrap();
    fs::write(blobs.path(ABC).unwrap(), b"abd").unwrap();
    let error = blobs.verify(ABC).unwrap_err();
    assert!(matches!(&error, StoreError::BlobDamaged { digest, .. } if digest == ABC), "{error:?}");
    blobs.put(b"abc").unwrap();
    blobs.verify(ABC).unwrap();
}

#[test]
fn an_empty_file_is_a_file() {
    let (_folder, blobs) = open();
    let digest = blobs.put(b"").unwrap();
    assert_eq!(blobs.read(&digest).unwrap(), b"");
    blobs.verify(&digest).unwrap();
}

#[test]
fn names_that_are_no_digests_are_refused() {
    let (_folder, blobs) = open();
    let upper = ABC.to_uppercase();
    let accents = "é".repeat(32);
    for name in ["", "..", "../../etc/passwd", &ABC[1..], &upper, &accents] {
        assert!(matches!(blobs.read(name), Err(StoreError::Invalid { name: "digest", .. })));
        assert!(matches!(blobs.remove(name), Err(StoreError::Invalid { name: "digest", .. })));
    }
}
