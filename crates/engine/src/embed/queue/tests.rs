//! Tests the order of batches.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::{INTERACTIVE_IN_A_ROW, Input, Job, Queue};
use crate::Priority;
use crate::Priority::{Background, Interactive};

/// A job of inputs of these lengths, whose answer nobody needs.
fn job(priority: Priority, lengths: &[usize]) -> Job {
    let places = Arc::new(Semaphore::new(lengths.len()));
    let places = places.try_acquire_many_owned(lengths.len() as u32).unwrap();
    let input =
        |&length: &usize| Input { tokens: vec![7; length], groups: Vec::new(), second: length };
    let inputs = lengths.iter().map(input).collect();
    Job::new(inputs, priority, places, oneshot::channel().0)
}

/// Batches of at most ten tokens until nothing is left, as priority, lengths and jobs.
#[track_caller]
fn check(jobs: &[(Priority, &[usize])], expected: &[(Priority, &[usize], usize)]) {
    let mut queue = Queue::default();
    for (priority, lengths) in jobs {
        queue.push(job(*priority, lengths));
    }
    let mut got = Vec::new();
    while let Some(batch) = queue.next_batch(10) {
        let lengths: Vec<usize> = batch.sequences.iter().map(Vec::len).collect();
        assert_eq!(lengths.iter().sum::<usize>(), batch.tokens);
        got.push((batch.priority, lengths, batch.jobs));
        queue.remove_taken(batch.priority, batch.jobs);
    }
    let expected: Vec<_> = expected.iter().map(|(p, l, j)| (*p, l.to_vec(), *j)).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_huge_job_is_cut_into_batches_of_similar_lengths() {
    check(
        &[(Background, &[9, 1, 8, 2, 3, 4])],
        &[(Background, &[1, 2, 3, 4], 1), (Background, &[8], 1), (Background, &[9], 1)],
    );
    check(&[(Background, &[25, 1])], &[(Background, &[1], 1), (Background, &[25], 1)]);
}

#[test]
fn jobs_share_batches_in_the_order_they_came() {
    check(
        &[(Interactive, &[3]), (Interactive, &[3, 6]), (Interactive, &[1]), (Interactive, &[2])],
        &[(Interactive, &[3, 3], 2), (Interactive, &[6, 1, 2], 3)],
    );
}

#[test]
fn interactive_goes_first_and_is_not_mixed_with_background() {
    check(
        &[(Background, &[2]), (Interactive, &[2]), (Background, &[3])],
        &[(Interactive, &[2], 1), (Background, &[2, 3], 2)],
    );
}

#[test]
fn background_gets_its_turn_under_constant_interactive_load() {
    let mut queue = Queue::default();
    queue.push(job(Background, &[10; 3]));
    let mut turns = Vec::new();
    for _ in 0..20 {
        queue.push(job(Interactive, &[10]));
        let batch = queue.next_batch(10).unwrap();
        turns.push(batch.priority);
        queue.remove_taken(batch.priority, batch.jobs);
    }
    let every = INTERACTIVE_IN_A_ROW as usize + 1;
    for (at, turn) in turns.iter().enumerate() {
        let expected = if at % every == every - 1 { Background } else { Interactive };
        assert_eq!(*turn, expected, "turn {at}");
    }
}
