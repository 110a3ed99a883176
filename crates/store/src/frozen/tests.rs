use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{FOLDER, Frozen, remove_leftovers};
use crate::fixture::{Fixture, location, row, spec};
use crate::gate::WriteGate;
use crate::{Blobs, Store, StoreError, passages_by_document};

const LONG: Duration = Duration::from_secs(20);

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

#[tokio::test]
async fn a_frozen_table_stays_what_it_was_while_the_table_changes_and_is_dropped() {
    let fixture = Fixture::with_texts(&["la pompe", "le moteur"]).await;
    let data_dir = fixture.folder.path();
    let gate = WriteGate::open(data_dir).unwrap();
    let store = Store::open(&location(data_dir)).await.unwrap().with_gate(gate.clone());
    let table = store.table(&spec("support")).await.unwrap();
    table.delete_document(&"doc_1".into()).await.unwrap();

    let frozen = Frozen::begin(data_dir).unwrap();
    let shut = gate.shut(LONG).unwrap();
    let linked = frozen.link(&data_dir.join("lance"), "lance", &shut).unwrap();
    assert!(linked.files > 5 && linked.copied == 0, "{linked:?}");
    // Nobody gets in meanwhile.
    let document = "doc_0".into();
    let replaced = table.replace_document(&document, vec![row("doc_0", 0, "une vanne")]);
    assert!(tokio::time::timeout(Duration::from_millis(100), replaced).await.is_err());
    drop(shut);

    let before = contents(frozen.folder());
    table.replace_document(&document, vec![row("doc_0", 0, "une vanne")]).await.unwrap();
    table.maintain().await.unwrap();
    store.drop_knowledge_base(&"support".into()).await.unwrap();
    assert_eq!(contents(frozen.folder()), before);
    let counts =
        passages_by_document(&frozen.folder().join("lance"), &spec("support")).await.unwrap();
    assert_eq!(counts.unwrap().into_iter().collect::<Vec<_>>(), [("doc_0".into(), 1)]);

    drop(frozen);
    assert!(!data_dir.join(FOLDER).exists());
}

#[test]
fn files_that_are_on_their_way_are_not_linked() {
    let data_dir = tempfile::tempdir().unwrap();
    let gate = WriteGate::open(data_dir.path()).unwrap();
    let root = data_dir.path().join("blobs");
    let blobs = Blobs::open(&root).unwrap().with_gate(gate.clone());
    let digest = blobs.put(b"whole").unwrap();
    let mut incoming = blobs.writer(100).unwrap();
    incoming.write(b"half").unwrap();

    let frozen = Frozen::begin(data_dir.path()).unwrap();
    let shut = gate.shut(LONG).unwrap();
    assert_eq!(frozen.link(&root, "blobs", &shut).unwrap().files, 1);
    // An upload need not wait, a removal does.
    let second = incoming.finish().unwrap();
    let removing = std::thread::spawn({
        let (blobs, digest) = (blobs.clone(), digest.clone());
        move || blobs.remove(&digest)
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(blobs.contains(&digest).unwrap() && blobs.contains(&second).unwrap());
    drop(shut);
    removing.join().unwrap().unwrap();
    assert!(!blobs.contains(&digest).unwrap());
    let kept = Blobs::open(&frozen.folder().join("blobs")).unwrap();
    assert_eq!(kept.read(&digest).unwrap(), b"whole");
}

#[test]
fn one_backup_at_a_time_and_what_a_killed_one_left_goes() {
    let data_dir = tempfile::tempdir().unwrap();
    let frozen = Frozen::begin(data_dir.path()).unwrap();
    let second = Frozen::begin(data_dir.path()).unwrap_err();
    assert!(matches!(second, StoreError::BackupRuns), "{second:?}");
    remove_leftovers(data_dir.path()).unwrap();
    assert!(frozen.folder().exists(), "of one that runs nothing is removed");

    let folder = frozen.folder().to_owned();
    drop(frozen);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("ledger.sqlite"), "names of what is erased").unwrap();
    WriteGate::open(data_dir.path()).unwrap().remove_leftovers();
    assert!(!folder.exists());
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("old"), "").unwrap();
    let frozen = Frozen::begin(data_dir.path()).unwrap();
    assert!(!frozen.folder().join("old").exists());
}
