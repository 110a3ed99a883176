//! Tests of leaving work behind.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::Deadline;

#[test]
fn results_and_panics_come_back() {
    let deadline = Deadline::new(Duration::from_secs(60));
    assert_eq!(deadline.run(|| 6 * 7), Ok(42));
    let panicked: Result<(), String> = deadline.run(|| panic!("expected by the test"));
    assert_eq!(panicked, Err("made the template engine panic".to_owned()));
    assert_eq!(deadline.run(|| 1), Ok(1));
}

#[test]
fn endless_work_is_left_behind_and_blocks_the_next_until_it_ends() {
    let deadline = Deadline::new(Duration::from_millis(20));
    let (release, released) = channel::<()>();
    let endless = deadline.run(move || released.recv().is_ok());
    assert_eq!(endless, Err("did not end within 0.02 s; use another template".to_owned()));
    let next = deadline.run(|| true);
    assert!(next.is_err_and(|problem| problem.starts_with("still runs on an earlier")));
    release.send(()).unwrap();
    while deadline.is_stuck() {
        std::thread::yield_now();
    }
    assert!(!deadline.is_stuck());
}
