use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::WriteGate;
use crate::StoreError;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_shut_gate_keeps_writers_out_until_it_opens() {
    let folder = tempfile::tempdir().unwrap();
    let gate = WriteGate::open(folder.path()).unwrap();
    let first = gate.pass_blocking().unwrap();
    let second = gate.pass_blocking().unwrap();
    let error = gate.shut(Duration::ZERO).unwrap_err();
    assert!(matches!(error, StoreError::GateBusy { .. }), "{error:?}");
    drop((first, second));

    let shut = gate.shut(LONG).unwrap();
    let (told, entered) = mpsc::channel();
    // Another handle on the same files is what another process has.
    let other = WriteGate::open(folder.path()).unwrap();
    let writer = std::thread::spawn(move || {
        let _pass = other.pass_blocking().unwrap();
        told.send(()).unwrap();
    });
    assert!(entered.recv_timeout(Duration::from_millis(100)).is_err(), "it got in");
    drop(shut);
    entered.recv_timeout(LONG).unwrap();
    writer.join().unwrap();
}

#[test]
fn writers_that_come_after_a_backup_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let gate = WriteGate::open(folder.path()).unwrap();
    let inside = gate.pass_blocking().unwrap();
    let (told, order) = mpsc::channel();
    let backup = std::thread::spawn({
        let (gate, told) = (gate.clone(), told.clone());
        move || {
            let _shut = gate.shut(LONG).unwrap();
            told.send("backup").unwrap();
        }
    });
    let deadline = Instant::now() + LONG;
    while !gate_is_wanted(folder.path()) {
        assert!(Instant::now() < deadline, "the backup does not wait for who is inside");
        std::thread::sleep(Duration::from_millis(1));
    }
    let newcomer = std::thread::spawn(move || {
        let _pass = gate.pass_blocking().unwrap();
        told.send("newcomer").unwrap();
    });
    assert!(order.recv_timeout(Duration::from_millis(100)).is_err(), "one got in");
    drop(inside);
    assert_eq!(order.recv_timeout(LONG).unwrap(), "backup");
    assert_eq!(order.recv_timeout(LONG).unwrap(), "newcomer");
    backup.join().unwrap();
    newcomer.join().unwrap();
}

/// Whether somebody holds the turn, which is a backup that waits.
fn gate_is_wanted(folder: &std::path::Path) -> bool {
    super::open(&folder.join(super::TURN)).unwrap().try_lock_shared().is_err()
}

#[tokio::test]
async fn without_a_data_directory_nobody_waits() {
    let gate = WriteGate::default();
    let _pass = gate.pass().await.unwrap();
    assert!(gate.shut(Duration::ZERO).is_err());
}
