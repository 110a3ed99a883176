//! Tests that one thread computes at a time, in the order of arrival, and that a panic ends a turn.

use std::sync::{Arc, Mutex};

use super::ComputeGate;
use crate::Priority::{Background, Interactive};
use crate::testing::eventually;

#[test]
fn turns_are_taken_one_at_a_time_in_the_order_of_arrival() {
    let gate = ComputeGate::default();
    let order = Arc::new(Mutex::new(Vec::new()));
    let first = gate.enter(Interactive);
    let threads: Vec<_> = (0..5)
        .map(|number| {
            let (theirs, order) = (gate.clone(), order.clone());
            let thread = std::thread::spawn(move || {
                let _turn = theirs.enter(Interactive);
                order.lock().unwrap().push(number);
            });
            eventually("it waits", || gate.present() == number + 2);
            thread
        })
        .collect();
    assert!(order.lock().unwrap().is_empty());
    drop(first);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_turn_knows_whether_a_person_waits() {
    let gate = ComputeGate::default();
    for (priority, is_wanted) in [(Interactive, true), (Background, false)] {
        let first = gate.enter(Background);
        assert!(!first.is_wanted());
        let theirs = gate.clone();
        let thread = std::thread::spawn(move || theirs.enter(priority).is_wanted());
        eventually("it waits", || gate.present() == 2);
        assert_eq!(first.is_wanted(), is_wanted);
        drop(first);
        assert!(!thread.join().unwrap());
    }
}

#[test]
fn a_panic_ends_the_turn() {
    let gate = ComputeGate::default();
    let theirs = gate.clone();
    let panicked = std::thread::spawn(move || {
        let _turn = theirs.enter(Interactive);
        panic!("a test asked for it");
    });
    assert!(panicked.join().is_err());
    drop(gate.enter(Interactive));
}
