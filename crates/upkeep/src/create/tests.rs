//! Tests making and verifying backups.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use intramuros_store::Frozen;

use crate::fixture::{Fixture, names};
use crate::{BackupRequest, Problem, UpkeepError, flaws, list, verify};

fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test]
async fn a_backup_has_everything_for_its_owner_only_and_leaves_nothing_behind() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    fixture.add("le moteur", 2).await;
    let report = fixture.back_up(0, None).await.unwrap();
    assert!(report.path.ends_with("intramuros-20260101T000000Z"), "{:?}", report.path);
    assert!(report.flaws.is_empty() && report.shared_files == 0);
    assert_eq!(report.written_bytes, report.manifest.total_bytes());
    let [base] = &report.manifest.knowledge_bases[..] else { panic!("{:?}", report.manifest) };
    assert_eq!((base.id.as_str(), base.documents, base.passages), ("support", 2, 5));
    assert_eq!(report.manifest.created, "2026-01-01T00:00:00Z");
    assert_eq!(names(&report.path), ["blobs", "lance", "ledger.sqlite", "manifest.json"]);
    for path in below(&report.path) {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    assert!(!names(&fixture.data_dir()).contains(&"snapshot".to_owned()));
    let verified = verify(&report.path).await.unwrap();
    assert!(verified.damage.is_empty() && verified.flaws.is_empty(), "{verified:?}");
    assert_eq!(verified.manifest, report.manifest);
}

#[tokio::test]
async fn unchanged_files_are_shared_and_the_oldest_backups_go() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let first = fixture.back_up(0, None).await.unwrap();
    fixture.add("le moteur", 2).await;
    let second = fixture.back_up(0, None).await.unwrap();
    assert!(second.path.ends_with("intramuros-20260101T000000Z-2"), "{:?}", second.path);
    assert!(second.shared_files > 2, "{second:?}");
    let blob = |path: &Path| below(&path.join("blobs")).into_iter().find(|path| path.is_file());
    let inode = |path: &Path| blob(path).unwrap().metadata().unwrap().ino();
    assert!(second.manifest.files.len() > first.manifest.files.len());
    assert!(
        below(&second.path)
            .iter()
            .filter(|path| path.is_file())
            .any(|path| { path.metadata().unwrap().ino() == inode(&first.path) })
    );

    let third = fixture.back_up(60, Some(2)).await.unwrap();
    assert_eq!(third.removed, std::slice::from_ref(&first.path));
    assert!(verify(&second.path).await.unwrap().damage.is_empty(), "links hold");
    // With the clock set back the newest is still the one that was just made.
    let fourth = fixture.back_up(-3600, Some(1)).await.unwrap();
    let left: Vec<_> = list(&fixture.destination()).unwrap().into_iter().map(|b| b.path).collect();
    assert_eq!(left, [fourth.path]);
}

#[tokio::test]
async fn damage_of_the_backup_before_does_not_spread() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let first = fixture.back_up(0, None).await.unwrap();
    let blob = below(&first.path.join("blobs")).into_iter().find(|path| path.is_file()).unwrap();
    std::fs::write(&blob, "LA POMPE").unwrap();
    let second = fixture.back_up(60, None).await.unwrap();
    assert!(verify(&second.path).await.unwrap().damage.is_empty());
    let damage = verify(&first.path).await.unwrap().damage;
    assert!(matches!(&damage.listed[..], [Problem::Changed { .. }]), "{damage}");
}

#[tokio::test]
async fn a_tampered_file_is_named() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let report = fixture.back_up(0, None).await.unwrap();
    for file in &report.manifest.files {
        let path = report.path.join(&file.path);
        let before = std::fs::read(&path).unwrap();
        let mut after = before.clone();
        match after.first_mut() {
            Some(first) => *first ^= 1,
            None => after.push(0),
        }
        std::fs::write(&path, after).unwrap();
        let damage = verify(&report.path).await.unwrap().damage;
        assert_eq!(damage.listed, [Problem::Changed { path: file.path.clone() }]);
        std::fs::write(&path, before).unwrap();
    }
    let first = report.manifest.files[0].path.clone();
    std::fs::rename(report.path.join(&first), report.path.join("lance/other")).unwrap();
    let damage = verify(&report.path).await.unwrap().damage;
    let unknown = Problem::Unknown { path: "lance/other".into() };
    assert_eq!(damage.listed, [Problem::Missing { path: first }, unknown]);
    assert!(damage.to_string().contains("lance/other is not in the manifest"), "{damage}");
}

#[tokio::test]
async fn what_the_data_have_lost_is_said_and_no_older_backup_goes() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 3).await;
    let document = fixture.add("le moteur", 2).await;
    fixture.back_up(0, None).await.unwrap();
    let [pompe, moteur] = ["la pompe", "le moteur"].map(|text| {
        let found = below(&fixture.data_dir().join("blobs"));
        let is = |path: &std::path::PathBuf| {
            path.is_file() && std::fs::read(path).unwrap() == text.as_bytes()
        };
        found.into_iter().find(is).unwrap()
    });
    std::fs::remove_file(&pompe).unwrap();
    std::fs::write(&moteur, "x").unwrap();
    fixture.table().await.delete_document(&document).await.unwrap();

    let live = flaws(&fixture.data_dir()).await.unwrap();
    let second = fixture.back_up(60, Some(1)).await.unwrap();
    assert_eq!(live.flaws.count(), 3, "{:?}", live.flaws);
    assert!(matches!(live.flaws.listed[0], Problem::Passages { expected: 2, found: 0, .. }));
    let text = format!("{:?}", live.flaws);
    assert!(text.contains("FileMissing") && text.contains("FileDamaged"), "{text}");
    assert_eq!(second.flaws, live.flaws);
    assert!(second.removed.is_empty());
    assert_eq!(second.manifest.flaws.len(), 3);
    let verified = verify(&second.path).await.unwrap();
    assert!(verified.damage.is_empty());
    assert_eq!(verified.flaws, live.flaws);
}

#[tokio::test]
async fn an_unfinished_backup_is_no_backup_and_is_cleared_away() {
    let fixture = Fixture::new().await;
    fixture.add("la pompe", 1).await;
    let first = fixture.back_up(0, None).await.unwrap();
    // What `kill -9` leaves: in the destination and in the data directory.
    let partial = fixture.destination().join("intramuros-20260101T000100Z.partial");
    std::fs::create_dir(&partial).unwrap();
    std::fs::copy(first.path.join("manifest.json"), partial.join("manifest.json")).unwrap();
    std::fs::create_dir(fixture.data_dir().join("snapshot")).unwrap();
    let no_manifest = fixture.destination().join("intramuros-20260101T000200Z");
    std::fs::create_dir(&no_manifest).unwrap();
    let complete: Vec<_> = list(&fixture.destination()).unwrap();
    assert_eq!(complete.len(), 1);
    let error = verify(&no_manifest).await.unwrap_err();
    assert!(matches!(error, UpkeepError::NotABackup { .. }), "{error:?}");
    fixture.back_up(180, None).await.unwrap();
    assert!(!partial.exists() && !fixture.data_dir().join("snapshot").exists());
    assert!(no_manifest.exists(), "what we did not write is left alone");
}

#[tokio::test]
async fn what_cannot_be_backed_up_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    let request = |data_dir: &Path, destination: &Path| BackupRequest {
        data_dir: data_dir.to_owned(),
        destination: destination.to_owned(),
        keep: None,
        now: time::OffsetDateTime::UNIX_EPOCH,
    };
    let data_dir = fixture.data_dir();
    let inside = super::create(request(&data_dir, &data_dir.join("backups"))).await.unwrap_err();
    assert!(matches!(inside, UpkeepError::Inside { .. }), "{inside:?}");
    let other = fixture.folder.path().join("other");
    let absent = super::create(request(&other, &fixture.destination())).await.unwrap_err();
    assert!(matches!(absent, UpkeepError::NoData { .. }), "{absent:?}");
    let deep = fixture.folder.path().join("a/b");
    let parent = super::create(request(&data_dir, &deep)).await.unwrap_err();
    assert!(matches!(parent, UpkeepError::Io { .. }), "a mistyped place is not made: {parent:?}");
    let running = Frozen::begin(&data_dir).unwrap();
    let second = fixture.back_up(0, None).await.unwrap_err();
    assert!(second.to_string().contains("another backup"), "{second}");
    drop(running);
    let _lock = super::lock(&fixture.destination()).unwrap().unwrap();
    let busy = fixture.back_up(0, None).await.unwrap_err();
    assert!(matches!(busy, UpkeepError::DestinationBusy { .. }), "{busy:?}");
}
