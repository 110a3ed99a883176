//! Merges ranked lists.

use std::collections::HashMap;
use std::hash::Hash;

/// Dampens the lead of first places. Source: Cormack, Clarke, Büttcher 2009, "Reciprocal Rank
/// Fusion outperforms Condorcet and individual rank learning methods", section 2.
const RANK_CONSTANT: f32 = 60.0;

/// Fuses ranked lists of keys, best first, by reciprocal rank. Scores are scaled so that the first
/// place in every list gives 1; ties keep the order of first appearance.
pub(crate) fn reciprocal_rank_fusion<K: Eq + Hash + Clone>(lists: &[Vec<K>]) -> Vec<(K, f32)> {
    let best = lists.len().max(1) as f32 / (RANK_CONSTANT + 1.0);
    let mut order: Vec<K> = Vec::new();
    let mut scores: HashMap<K, f32> = HashMap::new();
    for list in lists {
        for (rank, key) in list.iter().enumerate() {
            let share = 1.0 / (RANK_CONSTANT + 1.0 + rank as f32) / best;
            let score = scores.entry(key.clone()).or_insert_with(|| {
                order.push(key.clone());
                0.0
            });
            *score += share;
        }
    }
    let mut fused: Vec<(K, f32)> =
        order.into_iter().map(|key| (key.clone(), scores[&key])).collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1));
    fused
}

#[cfg(test)]
mod tests {
    use super::reciprocal_rank_fusion;

    #[track_caller]
    fn check(lists: &[&[&str]], expected: &[&str]) {
        let lists: Vec<Vec<&str>> = lists.iter().map(|list| list.to_vec()).collect();
        let fused = reciprocal_rank_fusion(&lists);
        let keys: Vec<&str> = fused.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, expected);
        assert!(fused.iter().all(|(_, score)| (0.0..=1.0001).contains(score)));
    }

    #[test]
    fn agreement_beats_a_single_first_place() {
        check(&[&["a", "b", "c"], &["b", "a", "d"]], &["a", "b", "c", "d"]);
        check(&[&["a", "b"], &["c", "b"]], &["b", "a", "c"]);
        check(&[&[], &["x"]], &["x"]);
        check(&[], &[]);
    }

    #[test]
    fn first_everywhere_scores_one() {
        let fused = reciprocal_rank_fusion(&[vec![1], vec![1]]);
        assert!((fused[0].1 - 1.0).abs() < 1e-6);
    }
}
