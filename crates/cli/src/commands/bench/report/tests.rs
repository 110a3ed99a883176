use super::{CaseReport, Outcome, Report};
use crate::commands::bench::metric::Metric;
use crate::commands::bench::sample::Sample;

fn report() -> Report {
    let case = |name: &str| CaseReport { name: name.to_string(), ..CaseReport::default() };
    Report { cases: vec![case("a"), case("b")], ..Report::default() }
}

fn measured(values: &[(Metric, f64)]) -> Outcome {
    Outcome::Measured(Sample { values: values.to_vec() })
}

#[test]
fn runs_become_medians_by_figure() {
    let mut report = report();
    for (speed, cached) in [(3.0, None), (1.0, Some(5.0)), (8.0, None)] {
        let mut values = vec![(Metric::DecodeSpeed, speed)];
        values.extend(cached.map(|cached| (Metric::CachedTokens, cached)));
        report.add(0, measured(&values));
    }
    let json = report.to_json();
    let metrics = &json["workloads"]["a"]["metrics"];
    let speed = &metrics["decode_tokens_per_second"];
    assert_eq!(speed.to_string(), r#"{"median":3.0,"min":1.0,"max":8.0,"values":[3.0,1.0,8.0]}"#);
    assert_eq!(metrics["cached_tokens"]["values"], serde_json::json!([5.0]));
    assert_eq!(json["workloads"]["a"]["runs"], 3);
    assert!(!report.failed());
}

#[test]
fn what_failed_or_did_not_fit_says_so() {
    let mut report = report();
    report.add(0, Outcome::Failed("a (1/1): refused".into()));
    report.add(1, Outcome::Skipped("too long".into()));
    let json = report.to_json();
    assert_eq!(json["workloads"]["a"]["errors"][0], "a (1/1): refused");
    assert_eq!(json["workloads"]["b"]["skipped"], "too long");
    assert!(report.failed());
}
