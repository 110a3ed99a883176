//! Merges what was found by meaning with what was found by words.

use std::collections::HashMap;
use std::hash::Hash;

/// Weight of single vectors in the choice of what is compared word by word; words have the rest.
/// Measured on kb_gimp: of 200 candidates the 100 best by 0.4 to 0.6 end in the same order.
pub(crate) const OF_VECTORS: f32 = 0.5;
/// Weight of late interaction; words have the rest. Measured on kb_gimp and PIAF: from 0.7 to 1 the
/// differences are within the noise of the sets.
pub(crate) const OF_LATE_INTERACTION: f32 = 0.8;
/// Weight of how likely a passage makes the question; the order before has the rest.
pub(crate) const OF_LIKELIHOOD: f32 = 0.5;

/// Fuses scored lists by a convex combination of their scores, meaning having `weight`: cosines are
/// stretched between the lowest and the highest of the list, because those of one encoder lie close
/// together; BM25 scores, which start at 0, are divided by the highest. What a list does not have
/// gets 0 there. The result is 0 to 1, best first; ties keep the order of first appearance.
///
/// Ranks alone would lose how far apart the hits are: the one passage that names the reference of
/// the question leads BM25 by a wide margin, and its lead counts here.
///
/// Source: Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval".
pub(crate) fn convex_combination<K: Eq + Hash + Clone>(
    by_meaning: &[(K, f32)],
    by_words: &[(K, f32)],
    weight: f32,
) -> Vec<(K, f32)> {
    let mut fused: Vec<(K, f32)> = Vec::new();
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut add = |key: &K, share: f32| {
        let place = *places.entry(key.clone()).or_insert_with(|| {
            fused.push((key.clone(), 0.0));
            fused.len() - 1
        });
        fused[place].1 += share;
    };
    let (lowest, highest) = range(by_meaning);
    for (key, cosine) in by_meaning {
        let stretched = if highest > lowest { (cosine - lowest) / (highest - lowest) } else { 1.0 };
        add(key, weight * stretched);
    }
    let (_, highest) = range(by_words);
    for (key, bm25) in by_words {
        let share = if highest > 0.0 { bm25.max(0.0) / highest } else { 1.0 };
        add(key, (1.0 - weight) * share);
    }
    fused.sort_by(|a, b| b.1.total_cmp(&a.1));
    fused
}

fn range<K>(list: &[(K, f32)]) -> (f32, f32) {
    let scores = list.iter().map(|(_, score)| *score);
    scores.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), score| {
        (low.min(score), high.max(score))
    })
}

#[cfg(test)]
mod tests {
    use super::{OF_VECTORS, convex_combination};

    #[track_caller]
    fn check(by_meaning: &[(&str, f32)], by_words: &[(&str, f32)], expected: &[&str]) {
        let fused = convex_combination(by_meaning, by_words, OF_VECTORS);
        let keys: Vec<&str> = fused.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, expected, "{fused:?}");
        assert!(fused.iter().all(|(_, score)| (0.0..=1.0001).contains(score)), "{fused:?}");
    }

    #[test]
    fn first_everywhere_scores_one() {
        let fused =
            convex_combination(&[("a", 0.9), ("b", 0.8)], &[("a", 7.0), ("b", 1.0)], OF_VECTORS);
        assert!((fused[0].1 - 1.0).abs() < 1e-6, "{fused:?}");
    }

    #[test]
    fn a_wide_lead_in_words_beats_a_narrow_one_in_meaning() {
        let by_meaning = [("near", 0.874), ("reference", 0.853), ("far", 0.80)];
        check(&by_meaning, &[("reference", 21.0), ("near", 13.0)], &["reference", "near", "far"]);
    }

    #[test]
    fn empty_and_uniform_lists_are_no_trouble() {
        check(&[], &[("x", 2.0)], &["x"]);
        check(&[("x", 0.8), ("y", 0.8)], &[], &["x", "y"]);
        check(&[], &[("x", 0.0)], &["x"]);
        check(&[], &[], &[]);
    }
}
