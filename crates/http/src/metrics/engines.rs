//! Writes the figures of generators and encoders.

use std::fmt;

use intramuros_engine::{Distributions, EngineStatus, ModelState};
use intramuros_types::{Distribution, ModelId};

use super::page::{Labels, Page};
use super::sample::Sample;

/// A figure of an engine's status: name, meaning, where it stands.
type Row = (&'static str, &'static str, fn(&EngineStatus) -> u64);
/// A distribution of an engine: name, meaning, where it stands.
type Measured = (&'static str, &'static str, fn(&Distributions) -> &Distribution);

/// What rises and falls, of both kinds of engines.
const GAUGES: [Row; 4] = [
    ("healthy", "Whether it can be given work", |status| u64::from(status.healthy)),
    ("queue_length", "Requests or inputs that wait", |status| status.queued as u64),
    ("queue_limit", "Places of the queue", |status| status.limit as u64),
    ("running", "Requests that are being computed", |status| status.running as u64),
];

/// What only grows, of both kinds of engines.
const COUNTERS: [Row; 3] = [
    ("accepted_requests", "Requests that were queued", |status| status.accepted),
    ("prompt_tokens", "Tokens of prompts or inputs that were computed", |status| {
        status.prompt_tokens
    }),
    ("steps", "Passes through the model", |status| status.steps),
];

/// What only grows, of generators.
const GENERATOR_COUNTERS: [Row; 6] = [
    ("generated_tokens", "Tokens that were generated", |status| status.generated_tokens),
    ("cached_tokens", "Tokens of prompts that came from the cache of beginnings", |status| {
        status.cached_tokens
    }),
    ("draft_tokens", "Draft tokens that were checked", |status| status.drafted_tokens),
    ("draft_accepted_tokens", "Draft tokens that were right", |status| status.accepted_tokens),
    ("forced_tokens", "Tokens that a grammar left no choice about", |status| status.forced_tokens),
    ("preemptions", "Times that an answer gave way and waited again", |status| status.preempted),
];

/// What is measured of both kinds of engines.
const MEASURED: [Measured; 3] = [
    ("queue_wait_seconds", "Time from submission to the first step", |all| &all.queue_wait),
    ("step_tokens", "Tokens of a step", |all| &all.step_tokens),
    ("step_rows", "Sequences of a step", |all| &all.step_rows),
];

/// What is measured of generators.
const GENERATOR_MEASURED: [Measured; 2] = [
    ("time_to_first_token_seconds", "Time from submission to the first token", |all| {
        &all.first_token
    }),
    (
        "inter_token_seconds",
        "Time between two steps that gave an answer tokens; with drafts, several at once",
        |all| &all.token_gap,
    ),
];

pub(super) fn write(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    write_generators(sample, page)?;
    write_encoders(sample, page)
}

fn of_model(id: &ModelId) -> Labels {
    vec![("model", id.to_string())]
}

fn write_generators(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let is_loaded =
        |model: &ModelState| (of_model(&model.id), f64::from(u8::from(model.loaded.is_some())));
    page.gauges(
        "intramuros_generator_loaded",
        "Whether a served generator is loaded now",
        sample.generators.iter().map(is_loaded),
    )?;
    let loaded = sample.generators.iter().filter_map(|model| model.loaded.as_ref());
    let loaded: Vec<_> = loaded.map(|(info, status)| (&info.id, *status)).collect();
    write_statuses("generator", &loaded, page)?;
    for row in GENERATOR_COUNTERS {
        write_counter("generator", row, &loaded, page)?;
    }
    let measured: Vec<_> =
        sample.generator_distributions.iter().map(|(id, measured)| (id, measured)).collect();
    for row in MEASURED.into_iter().chain(GENERATOR_MEASURED) {
        write_measured("generator", row, &measured, page)?;
    }
    write_memory(sample, page)
}

fn write_memory(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let loaded: Vec<_> =
        sample.generators.iter().filter_map(|model| model.loaded.as_ref()).collect();
    let blocks = loaded.iter().flat_map(|(info, status)| {
        let total = u64::from(info.kv.blocks);
        let (used, idle) = (status.kv_used_blocks as u64, status.kv_idle_blocks as u64);
        let free = total.saturating_sub(used).saturating_sub(idle);
        [("used", used), ("idle", idle), ("free", free)].map(|(state, count)| {
            (vec![("model", info.id.to_string()), ("state", state.to_owned())], count as f64)
        })
    });
    page.gauges(
        "intramuros_generator_kv_blocks",
        "Blocks of the KV cache: used by answers, idle (kept for prompts that begin alike), free",
        blocks,
    )?;
    let parts = loaded.iter().flat_map(|(info, _)| {
        let memory = info.memory;
        let parts = [
            ("weights", memory.weight_bytes),
            ("kv", memory.kv_bytes),
            ("workspace", memory.workspace_bytes),
        ];
        parts.map(|(part, bytes)| {
            (vec![("model", info.id.to_string()), ("part", part.to_owned())], bytes as f64)
        })
    });
    page.gauges("intramuros_generator_memory_bytes", "Memory that a generator takes", parts)?;
    let limit = sample.generator_bytes_limit.map(|bytes| (Vec::new(), bytes as f64));
    page.gauges(
        "intramuros_generators_memory_limit_bytes",
        "The most memory of all generators (text.memory_mib), where it is bounded",
        limit,
    )
}

fn write_encoders(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let all: Vec<_> =
        sample.encoders.iter().map(|encoder| (&encoder.info.id, encoder.status)).collect();
    write_statuses("encoder", &all, page)?;
    let measured: Vec<_> =
        sample.encoders.iter().map(|one| (&one.info.id, &one.distributions)).collect();
    for row in MEASURED {
        write_measured("encoder", row, &measured, page)?;
    }
    let weights = sample.encoders.iter();
    page.gauges(
        "intramuros_encoder_memory_bytes",
        "Memory of an encoder's weights",
        weights.map(|encoder| (of_model(&encoder.info.id), encoder.info.weight_bytes as f64)),
    )
}

/// What both kinds of engines have.
fn write_statuses(
    kind: &str,
    engines: &[(&ModelId, EngineStatus)],
    page: &mut Page<'_>,
) -> fmt::Result {
    for (name, help, read) in GAUGES {
        let rows = engines.iter().map(|(id, status)| (of_model(id), read(status) as f64));
        page.gauges(&format!("intramuros_{kind}_{name}"), help, rows)?;
    }
    for row in COUNTERS {
        write_counter(kind, row, engines, page)?;
    }
    let ended = engines.iter().flat_map(|(id, status)| {
        let outcomes = [
            ("completed", status.completed),
            ("failed", status.failed),
            ("cancelled", status.cancelled),
        ];
        outcomes.map(|(outcome, count)| {
            (vec![("model", id.to_string()), ("outcome", outcome.to_owned())], count)
        })
    });
    let help = "Requests that were queued and are over; cancelled: the client left";
    page.counters(&format!("intramuros_{kind}_requests"), help, ended)
}

fn write_counter(
    kind: &str,
    (name, help, read): Row,
    engines: &[(&ModelId, EngineStatus)],
    page: &mut Page<'_>,
) -> fmt::Result {
    let rows = engines.iter().map(|(id, status)| (of_model(id), read(status)));
    page.counters(&format!("intramuros_{kind}_{name}"), help, rows)
}

fn write_measured(
    kind: &str,
    (name, help, read): Measured,
    engines: &[(&ModelId, &Distributions)],
    page: &mut Page<'_>,
) -> fmt::Result {
    let rows = engines.iter().map(|(id, measured)| (of_model(id), read(measured)));
    page.histograms(&format!("intramuros_{kind}_{name}"), help, rows)
}
