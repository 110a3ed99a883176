//! Tests the figures and the order of recommendations.

use super::{Gpu, Machine, Recommendation, recommend};
use crate::{Catalog, Task};

const GIB: u64 = 1 << 30;

fn machine(memory_gib: u64, physical_cores: usize) -> Machine {
    let bytes = memory_gib * GIB;
    Machine { memory_total_bytes: bytes, memory_available_bytes: bytes, physical_cores, gpu: None }
}

fn of(machine: &Machine, id: &str) -> Recommendation {
    let all = recommend(Catalog::embedded(), machine);
    all.into_iter().find(|verdict| verdict.id.as_str() == id).expect("the id is in the catalogue")
}

#[track_caller]
fn check_best(machine: &Machine, task: Task, expected: &str) {
    let all = recommend(Catalog::embedded(), machine);
    let best = all.iter().find(|verdict| verdict.task == task).expect("every task has models");
    assert_eq!(best.id.as_str(), expected);
}

#[test]
fn figures_follow_the_documented_formula() {
    let verdict = of(&machine(24, 2), "qwen2.5-coder-1.5b-instruct-q4_k_m");
    assert_eq!(verdict.download_bytes, 1_117_320_768);
    assert_eq!(verdict.weights_bytes, 2_681_569_843);
    assert_eq!(verdict.context_tokens, 8192);
    // 28 layers × 2 heads × 128 wide × 2 (K and V) × 2 bytes × 8192 tokens
    assert_eq!(verdict.kv_bytes, 234_881_024);
    assert_eq!(verdict.total_bytes, 2_681_569_843 + 234_881_024 + GIB);
    assert!(verdict.fits && verdict.fits_now && verdict.suits);
}

#[test]
fn models_larger_than_the_memory_do_not_fit() {
    let verdict = of(&machine(24, 2), "mistral-small-3.2-24b-instruct-2506-q4_k_m");
    assert!(!verdict.fits);
    assert!(verdict.total_bytes > verdict.usable_bytes, "{verdict:?}");
    // A tenth is left to the system.
    assert_eq!(verdict.usable_bytes, 24 * GIB - 24 * GIB / 10);
    assert!(of(&machine(64, 16), "mistral-small-3.2-24b-instruct-2506-q4_k_m").fits);
}

#[test]
fn occupied_memory_is_told_from_missing_memory() {
    let mut busy = machine(24, 2);
    busy.memory_available_bytes = GIB;
    let verdict = of(&busy, "qwen2.5-coder-1.5b-instruct-q4_k_m");
    assert!(verdict.fits && !verdict.fits_now);
}

#[test]
fn best_of_each_task_grows_with_the_machine() {
    check_best(&machine(8, 2), Task::Text, "ministral-3-3b-instruct-2512-q4_k_m");
    check_best(&machine(6, 2), Task::Text, "qwen2.5-1.5b-instruct-q8_0");
    check_best(&machine(32, 8), Task::Text, "mistral-nemo-instruct-2407-q4_k_m");
    check_best(&machine(128, 16), Task::Text, "mistral-small-3.2-24b-instruct-2506-q5_k_m");
    check_best(&machine(8, 2), Task::Embedding, "multilingual-e5-small");
    check_best(&machine(32, 8), Task::Embedding, "multilingual-e5-base");
    check_best(&machine(32, 16), Task::Embedding, "bge-m3");
    check_best(&machine(32, 8), Task::Rerank, "bge-reranker-v2-m3");
}

#[test]
fn a_card_makes_larger_models_suit() {
    let mut with_card = machine(32, 4);
    assert!(!of(&with_card, "mistral-7b-instruct-v0.3-q8_0").suits);
    with_card.gpu = Some(Gpu { name: "card".into(), memory_bytes: 48 * GIB });
    assert!(of(&with_card, "mistral-7b-instruct-v0.3-q8_0").suits);
}

#[test]
fn absurd_machines_are_survived() {
    for (memory, cores) in [(0, 0), (u64::MAX / GIB, usize::MAX)] {
        let all = recommend(Catalog::embedded(), &machine(memory, cores));
        assert_eq!(all.len(), Catalog::embedded().models().len());
        assert!(all.iter().all(|verdict| verdict.fits == (memory > 0)));
    }
}

#[test]
fn what_fits_comes_before_what_does_not() {
    let all = recommend(Catalog::embedded(), &machine(8, 2));
    let key = |v: &Recommendation| (v.task, !v.fits, !v.suits);
    assert!(all.is_sorted_by_key(key));
    assert!(all.iter().any(|v| v.task == Task::Text && !v.fits));
}
