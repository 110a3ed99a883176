use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Comparison, ComparisonError, Measure, Verdict};
use crate::pilot::figures::tests::{item, run};
use crate::pilot::{Details, Job, Outcome, Run, TriageDetails};

/// A run whose items have these outcomes, `r`, `h`, `w` or `f` each.
fn outcomes(text: &str) -> Run {
    let one = |(at, letter): (usize, char)| {
        let outcome = match letter {
            'r' => Outcome::Right,
            'h' => Outcome::HandedOver,
            'w' => Outcome::Wrong,
            _ => Outcome::Failed,
        };
        item(&format!("i{at}"), outcome, 0.5, Details::Triage(TriageDetails::default()))
    };
    run(Job::Triage, text.chars().enumerate().map(one).collect())
}

#[track_caller]
fn check(before: &str, after: &str, expected: Verdict) {
    let comparison = Comparison::of(&outcomes(before), &outcomes(after)).unwrap();
    assert_eq!(comparison.verdict, expected, "{comparison:?}");
}

#[test]
fn only_what_chance_hardly_gives_is_told() {
    let (right, wrong, over) = ("r".repeat(50), "w".repeat(50), "h".repeat(50));
    check(&(wrong.clone() + &right), &(right.clone() + &right), Verdict::Better);
    check(&(right.clone() + &right), &(wrong.clone() + &right), Verdict::Worse);
    check(&right, &right, Verdict::Same);
    check(&(right.clone() + "w"), &(right.clone() + "r"), Verdict::Untold);
    check(&(right.clone() + "rw"), &(right.clone() + "wr"), Verdict::Untold);
    // It does more by itself, and is right with half of it.
    let half = "r".repeat(25) + &"w".repeat(25);
    check(&over, &half, Verdict::Traded);
    check(&right, &"f".repeat(50), Verdict::Worse);
}

#[test]
fn few_items_tell_nothing() {
    check("www", "rrr", Verdict::Untold);
    check("rrrr", "wwww", Verdict::Untold);
    let slow = |text: &str| {
        let mut run = outcomes(text);
        run.items.iter_mut().for_each(|item| item.latency_ms = 9_000);
        run
    };
    let few = Comparison::of(&outcomes("rr"), &slow("rr")).unwrap();
    assert!(!few.change(Measure::Seconds).unwrap().is_told());
    let many = Comparison::of(&outcomes(&"r".repeat(20)), &slow(&"r".repeat(20))).unwrap();
    assert!(many.change(Measure::Seconds).unwrap().is_told());
}

/// Both runs are of the same server: what is told of them is wrong.
#[test]
fn chance_is_seldom_told_as_a_difference() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut draw = || -> String {
        let one = |_| match random.random::<f64>() {
            share if share < 0.6 => 'r',
            share if share < 0.8 => 'h',
            _ => 'w',
        };
        (0..40).map(one).collect()
    };
    let mut told = 0;
    for _ in 0..16 {
        let comparison = Comparison::of(&outcomes(&draw()), &outcomes(&draw())).unwrap();
        told += usize::from(comparison.verdict != Verdict::Untold);
    }
    assert!(told <= 2, "{told} of 16");
}

#[test]
fn items_are_compared_with_themselves() {
    let comparison = Comparison::of(&outcomes("rrww"), &outcomes("rhrwr")).unwrap();
    assert_eq!((comparison.items, comparison.left_out), (4, 1));
    assert_eq!(comparison.no_longer_right.len(), 1);
    let lost = &comparison.no_longer_right[0];
    assert_eq!((lost.id.as_str(), lost.after), ("i1", Outcome::HandedOver));
    assert_eq!(comparison.became_right[0].id, "i2");
    let wrong = comparison.change(Measure::Wrong).unwrap();
    assert_eq!((wrong.before, wrong.after, wrong.difference.mean), (0.5, 0.25, -0.25));
    assert_eq!(comparison.change(Measure::Quality), None);
    assert_eq!(comparison.change(Measure::Seconds).unwrap().difference.mean, 0.0);
}

#[test]
fn runs_of_different_sets_are_not_compared() {
    let (one, mut other) = (outcomes("r"), outcomes("r"));
    other.meta.set.sha256 = "cd".to_owned();
    assert_eq!(Comparison::of(&one, &other), Err(ComparisonError::Set));
    other.meta.job = Job::Chat;
    assert!(matches!(Comparison::of(&one, &other), Err(ComparisonError::Job { .. })));
    assert_eq!(Comparison::of(&one, &outcomes("")), Err(ComparisonError::Nothing));
}
