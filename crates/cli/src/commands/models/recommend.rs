//! `intramuros models recommend`: which models fit this machine, with the figures.

use intramuros_catalog::{Catalog, Machine, Recommendation, recommend};
use serde_json::{Value, json};

use crate::args::Common;
use crate::{machine, output};

/// Models of a task that are shown on a terminal; `--json` has all.
const SHOWN: usize = 5;

pub(super) fn run(common: &Common) -> anyhow::Result<()> {
    let measured = machine::measure();
    let facts = Machine {
        memory_total_bytes: measured.memory_total_bytes,
        memory_available_bytes: measured.memory_available_bytes,
        physical_cores: measured.physical_cores,
        gpu: None,
    };
    let verdicts = recommend(Catalog::embedded(), &facts);
    if common.json {
        let list: Vec<Value> = verdicts.iter().map(to_json).collect();
        output::json(&json!({
            "machine": {
                "memory_total_bytes": facts.memory_total_bytes,
                "memory_available_bytes": facts.memory_available_bytes,
                "physical_cores": facts.physical_cores,
            },
            "recommendations": list,
        }));
        return Ok(());
    }
    output::line(format!(
        "This machine: {} of memory ({} available), {} physical cores\n",
        output::bytes(facts.memory_total_bytes),
        output::bytes(facts.memory_available_bytes),
        facts.physical_cores
    ));
    let mut task = "";
    let mut shown = 0;
    for verdict in &verdicts {
        if verdict.task.as_str() != task {
            task = verdict.task.as_str();
            shown = 0;
            output::line(format!("{task}:"));
        }
        shown += 1;
        if shown <= SHOWN {
            let mark = if verdict.fits { "fits   " } else { "too big" };
            output::line(format!("  {mark}  {}\n           {}", verdict.id, verdict.reason));
        }
    }
    Ok(())
}

fn to_json(verdict: &Recommendation) -> Value {
    json!({
        "id": verdict.id.as_str(),
        "task": verdict.task.as_str(),
        "fits": verdict.fits,
        "fits_now": verdict.fits_now,
        "suits": verdict.suits,
        "download_bytes": verdict.download_bytes,
        "weights_bytes": verdict.weights_bytes,
        "context_tokens": verdict.context_tokens,
        "kv_bytes": verdict.kv_bytes,
        "total_bytes": verdict.total_bytes,
        "reason": verdict.reason,
    })
}
