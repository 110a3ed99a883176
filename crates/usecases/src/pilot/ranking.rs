//! Computes what an order is worth.

/// Discounted cumulative gain of the first ten of `found`, as a share of the best order's. The gain
/// of a name is by its place in `relevant`, which are best first. 0 where nothing is relevant.
///
/// Source: Järvelin and Kekäläinen 2002, "Cumulated gain-based evaluation", with linear gains.
pub fn ndcg(found: &[String], relevant: &[String]) -> f64 {
    let gain = |name: &String| {
        relevant.iter().position(|known| known == name).map_or(0, |at| relevant.len() - at) as f64
    };
    let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
        (2_u32..).zip(gains.take(10)).map(|(at, gain)| gain / f64::from(at).log2()).sum()
    };
    let ideal = discounted(&mut relevant.iter().map(gain));
    if ideal == 0.0 {
        return 0.0;
    }
    discounted(&mut found.iter().map(gain)) / ideal
}

/// How well a score tells `yes` from `no`: the chance that one of `yes` has the higher one, ties
/// counting half. `None` where either is empty.
///
/// Source: Hanley and McNeil 1982, "The meaning and use of the area under a ROC curve".
pub fn auroc(yes: &[f64], no: &[f64]) -> Option<f64> {
    if yes.is_empty() || no.is_empty() {
        return None;
    }
    // By ranks: for each of `yes` the `no` below it, and half of those beside it.
    let mut sorted = no.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = yes
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|other| other.total_cmp(score).is_lt());
            let beside = sorted.partition_point(|other| other.total_cmp(score).is_le()) - below;
            below as f64 + beside as f64 / 2.0
        })
        .sum();
    Some(wins / (yes.len() * no.len()) as f64)
}

/// Share of `relevant` that is among the first `first` of `found`; `None` where nothing is relevant.
pub fn recall(found: &[String], relevant: &[String], first: usize) -> Option<f64> {
    if relevant.is_empty() {
        return None;
    }
    let hit = |name: &&String| found.iter().take(first).any(|other| other == *name);
    Some(relevant.iter().filter(hit).count() as f64 / relevant.len() as f64)
}

/// One divided by the place of the first relevant name, 0 where none is found; `None` where nothing
/// is relevant.
pub fn reciprocal_rank(found: &[String], relevant: &[String]) -> Option<f64> {
    if relevant.is_empty() {
        return None;
    }
    let place = found.iter().position(|name| relevant.contains(name));
    Some(place.map_or(0.0, |at| 1.0 / (at + 1) as f64))
}

/// Share of the unanswerable that are refused by the threshold that keeps `kept` of the answerable;
/// `None` where there are none of either.
pub fn refused_at(answerable: &[f64], unanswerable: &[f64], kept: f64) -> Option<f64> {
    let mut sorted = answerable.to_vec();
    sorted.sort_by(f64::total_cmp);
    // A hair more, because 0.1 of 10 is 0.999… in binary.
    let lost = ((1.0 - kept) * sorted.len() as f64 + 1e-9).floor() as usize;
    let threshold = *sorted.get(lost)?;
    if unanswerable.is_empty() {
        return None;
    }
    let refused = unanswerable.iter().filter(|relevance| **relevance < threshold).count();
    Some(refused as f64 / unanswerable.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::{auroc, ndcg, recall, reciprocal_rank, refused_at};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check_ndcg(found: &[&str], relevant: &[&str], expected: f64) {
        let value = ndcg(&names(found), &names(relevant));
        assert!((value - expected).abs() < 1e-4, "{value}");
    }

    #[test]
    fn order_counts() {
        check_ndcg(&["a", "x"], &["a"], 1.0);
        check_ndcg(&["x", "a"], &["a"], 0.63093);
        check_ndcg(&["a", "b"], &["a", "b"], 1.0);
        check_ndcg(&["b", "a"], &["a", "b"], 0.85972);
        check_ndcg(&["x"], &["a"], 0.0);
        check_ndcg(&["x"], &[], 0.0);
    }

    #[test]
    fn recall_and_rank_are_of_the_relevant_names() {
        let (found, relevant) = (names(&["x", "a", "b"]), names(&["a", "b", "c", "d"]));
        assert_eq!(recall(&found, &relevant, 2), Some(0.25));
        assert_eq!(recall(&found, &relevant, 10), Some(0.5));
        assert_eq!(recall(&found, &[], 10), None);
        assert_eq!(reciprocal_rank(&found, &relevant), Some(0.5));
        assert_eq!(reciprocal_rank(&[], &relevant), Some(0.0));
        assert_eq!(reciprocal_rank(&found, &[]), None);
    }

    #[test]
    fn refusals_go_by_the_threshold_that_keeps_most_answers() {
        let answerable = [0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.44, 0.43, 0.42, 0.1];
        assert_eq!(auroc(&answerable, &[0.0]), Some(1.0));
        assert_eq!(auroc(&[0.5], &[0.5, 0.4]), Some(0.75));
        assert_eq!(auroc(&[], &[0.5]), None);
        assert_eq!(refused_at(&answerable, &[0.41, 0.2, 0.95, 0.3], 0.9), Some(0.75));
        assert_eq!(refused_at(&answerable, &[0.05, 0.2], 1.0), Some(0.5));
    }
}
