//! Counts what happens to requests, and writes all figures of the server for Prometheus.
//!
//! What engines, knowledge bases and the machine know by themselves is read when it is asked for
//! (`sample`); only what nobody else counts is counted here. Labels have few values by
//! construction: route templates, methods, statuses, error codes, ids of models and knowledge bases;
//! never paths, keys or documents.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::connections::Connections;
use crate::error::Code;
use crate::state::AppState;
use sample::{Counted, Sample};

mod engines;
mod machine;
mod page;
mod process;
mod sample;
mod stored;

/// Content type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds of a request.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What was counted of requests. Clones are the same counts.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    shared: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    errors: Family<ErrorLabels, Counter>,
    connections: Connections,
    counted: Counted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    code: &'static str,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            errors: Family::default(),
            connections: Connections::default(),
            counted: Counted::default(),
        }
    }
}

impl Metrics {
    /// Counts an answer that is over.
    pub(crate) fn answered(
        &self,
        method: &'static str,
        route: &str,
        status: u16,
        elapsed: Duration,
    ) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.shared.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned() };
        self.shared.durations.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    /// Counts a failure that its client was told of.
    pub(crate) fn failed(&self, code: Code) {
        self.shared.errors.get_or_create(&ErrorLabels { code: code.name() }).inc();
    }

    /// The count of connections.
    pub(crate) fn connections(&self) -> &Connections {
        &self.shared.connections
    }

    fn register(&self, registry: &mut Registry) {
        let Counts { requests, durations, errors, connections: _, counted: _ } = &*self.shared;
        registry.register(
            "intramuros_http_requests",
            "Requests whose answer is over; status 499: the client left before there was one",
            requests.clone(),
        );
        registry.register(
            "intramuros_http_request_duration_seconds",
            "Time from a request's head to the last byte of its answer",
            durations.clone(),
        );
        registry.register(
            "intramuros_http_errors",
            "Errors that clients were told",
            errors.clone(),
        );
    }
}

/// All figures in the format that the client prefers, with its content type.
///
/// # Errors
/// Never: a `String` can always be written to.
pub(crate) async fn write(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<(&'static str, String), fmt::Error> {
    let mut registry = Registry::default();
    state.metrics.register(&mut registry);
    registry.register_collector(Box::new(Sample::take(state).await));
    let mut body = String::with_capacity(64 << 10);
    if wants_open_metrics(headers) {
        text::encode(&mut body, &registry)?;
        return Ok((OPEN_METRICS, body));
    }
    prometheus_text::encode(&mut body, &registry)?;
    Ok((prometheus_text::CONTENT_TYPE, body))
}

fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("application/openmetrics-text"))
}

impl Collector for Sample {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut page = page::Page::new(encoder);
        machine::write(self, &mut page)?;
        engines::write(self, &mut page)?;
        stored::write(self, &mut page)
    }
}

#[cfg(test)]
mod tests;
