use std::fmt;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use intramuros_types::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::registry::Registry;

use super::page::Page;
use super::{ACCEPT, Code, Metrics, wants_open_metrics};

/// The registry in Prometheus' text format.
fn written(registry: &Registry) -> String {
    let mut body = String::new();
    prometheus_text::encode(&mut body, registry).unwrap();
    body
}

#[track_caller]
fn check_line(body: &str, line: &str) {
    assert!(body.lines().any(|found| found == line), "{line}\nis not in\n{body}");
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let metrics = Metrics::default();
    metrics.answered("GET", "/a/{b}", 200, Duration::from_millis(7));
    metrics.answered("GET", "/a/{b}", 200, Duration::from_millis(700));
    metrics.answered("GET", "/a/{b}", 404, Duration::from_millis(1));
    metrics.failed(Code::NotFound);
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let body = written(&registry);
    let labels = r#"method="GET",route="/a/{b}",status="200""#;
    check_line(&body, &format!("intramuros_http_requests_total{{{labels}}} 2"));
    check_line(&body, r#"intramuros_http_errors_total{code="not_found"} 1"#);
    let bucket = r#"intramuros_http_request_duration_seconds_bucket{route="/a/{b}",le="0.01"} 2"#;
    check_line(&body, bucket);
    check_line(&body, r#"intramuros_http_request_duration_seconds_count{route="/a/{b}"} 3"#);
}

#[derive(Debug)]
struct Figures;

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let histogram = Histogram::new(&[0.5]);
        histogram.observe(0.5);
        histogram.observe(2.0);
        let of = |model: &str| vec![("model", model.to_owned())];
        let mut page = Page::new(encoder);
        page.gauges("load", "Load", [(of("a\"b\n"), 1.0), (Vec::new(), 2.0)])?;
        page.counters("seen", "Seen", [(of("a"), 3)])?;
        page.gauges("none", "None", [])?;
        page.histograms("took_seconds", "Took", [(of("a"), &histogram.read())])
    }
}

#[test]
fn figures_that_were_read_elsewhere_are_written_in_both_formats() {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Figures));
    let body = written(&registry);
    check_line(&body, r#"load{model="a\"b\n"} 1.0"#);
    check_line(&body, "load 2.0");
    check_line(&body, r#"seen_total{model="a"} 3"#);
    check_line(&body, "# TYPE none gauge");
    check_line(&body, r#"took_seconds_bucket{model="a",le="0.5"} 1"#);
    check_line(&body, r#"took_seconds_bucket{model="a",le="+Inf"} 2"#);
    check_line(&body, r#"took_seconds_sum{model="a"} 2.5"#);
    let mut open_metrics = String::new();
    text::encode(&mut open_metrics, &registry).unwrap();
    check_line(&open_metrics, r#"seen_total{model="a"} 3"#);
    assert!(open_metrics.ends_with("# EOF\n"), "{open_metrics}");
}

#[test]
fn open_metrics_is_for_those_who_name_it() {
    let accepting = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(value));
        wants_open_metrics(&headers)
    };
    assert!(accepting("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"));
    assert!(!accepting("text/plain;version=0.0.4"));
    assert!(!accepting("*/*"));
    assert!(!wants_open_metrics(&HeaderMap::new()));
}
