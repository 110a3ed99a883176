//! Tests restoring.

use intramuros_ledger::Ledger;
use intramuros_types::Access;

use super::restore;
use crate::fixture::{Fixture, names};
use crate::{UpkeepError, flaws, interrupted_restore};

#[tokio::test]
async fn a_restored_directory_is_what_was_backed_up() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let report = fixture.back_up(0, None).await.unwrap();
    fixture.add("le moteur", 2).await;

    let target = fixture.folder.path().join("restored");
    std::fs::create_dir(&target).unwrap();
    // A new machine that was installed, with a model: nothing in the way.
    std::fs::create_dir(target.join("models")).unwrap();
    std::fs::write(target.join("lock"), "").unwrap();
    let restored = restore(&report.path, &target).await.unwrap();
    assert!(restored.flaws.is_empty());
    assert_eq!(restored.manifest, report.manifest);
    assert_eq!(names(&target), ["blobs", "lance", "ledger.sqlite", "lock", "models"]);
    let ledger = Ledger::open(&target.join("ledger.sqlite")).await.unwrap();
    let counts = ledger.count_documents(&"support".into(), &Access::EVERYTHING).await.unwrap();
    assert_eq!(counts.ready, 1);
    ledger.close().await;
    assert!(flaws(&target).await.unwrap().flaws.is_empty());

    let error = restore(&report.path, &target).await.unwrap_err();
    assert!(error.to_string().contains("it holds blobs, lance, ledger.sqlite"), "{error}");
    let missing = fixture.folder.path().join("missing");
    restore(&report.path, &missing).await.unwrap();
    assert_eq!(names(&missing), ["blobs", "lance", "ledger.sqlite"]);
}

#[tokio::test]
async fn a_damaged_or_newer_backup_leaves_the_directory_empty() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let report = fixture.back_up(0, None).await.unwrap();
    let target = fixture.folder.path().join("restored");
    let ledger = report.path.join("ledger.sqlite");
    let sound = std::fs::read(&ledger).unwrap();
    std::fs::write(&ledger, &sound[..sound.len() / 2]).unwrap();
    let error = restore(&report.path, &target).await.unwrap_err();
    assert!(matches!(error, UpkeepError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("ledger.sqlite is not what was written"), "{error}");
    assert!(names(&target).is_empty());

    std::fs::write(&ledger, sound).unwrap();
    let manifest = report.path.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let error = restore(&report.path, &target).await.unwrap_err();
    assert!(error.to_string().contains("install the newer version"), "{error}");
    assert!(names(&target).is_empty());
}

#[tokio::test]
async fn an_interrupted_restore_is_told_and_not_built_upon() {
    let fixture = Fixture::new().await;
    let report = fixture.back_up(0, None).await.unwrap();
    let target = fixture.folder.path().join("restored");
    std::fs::create_dir_all(target.join("restoring/lance")).unwrap();
    assert!(interrupted_restore(&target));
    let error = restore(&report.path, &target).await.unwrap_err();
    assert!(matches!(error, UpkeepError::Interrupted { .. }), "{error:?}");
    std::fs::remove_dir_all(&target).unwrap();
    restore(&report.path, &target).await.unwrap();
    assert!(!interrupted_restore(&target));
}
