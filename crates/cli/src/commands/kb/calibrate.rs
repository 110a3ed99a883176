//! `intramuros kb calibrate`: when the documents do not answer.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use super::{BASES, text};
use crate::args::Common;
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

/// Time between two looks at a calibration that is waited for.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn run(
    common: &Common,
    client: &Client,
    base: &str,
    keep: f32,
    wait: bool,
    show: bool,
) -> anyhow::Result<ExitCode> {
    let path = format!("{BASES}/{}/calibration", segment(base));
    let mut state =
        if show { client.get(&path)? } else { client.post(&path, &json!({"kept": keep}))? };
    if wait {
        let bar = super::add::progress(state["running"]["of"].as_u64().unwrap_or(0));
        while !state["running"].is_null() {
            bar.set_position(state["running"]["done"].as_u64().unwrap_or(0));
            std::thread::sleep(LOOK);
            state = client.get(&path)?;
        }
        bar.finish_and_clear();
    }
    if common.json {
        output::json(&state);
    } else {
        report(base, &state);
    }
    if let Some(failure) = state["failure"].as_str() {
        bail!(failure.to_owned());
    }
    Ok(ExitCode::SUCCESS)
}

fn report(base: &str, state: &Value) {
    if let Some(of) = state["running"]["of"].as_u64() {
        let done = &state["running"]["done"];
        output::line(tr(
            format!("{base} : {done} questions sur {of}"),
            format!("{base}: {done} questions of {of}"),
        ));
    }
    let learnt = &state["learnt"];
    if learnt.is_null() {
        if state["running"].is_null() {
            output::line(tr(format!("{base} : pas de seuil"), format!("{base}: no threshold")));
        }
        return;
    }
    let number = |name: &str| learnt[name].as_u64().unwrap_or(0);
    let (kept, answerable) = (number("answerable_kept"), number("answerable"));
    let unanswerable = number("unanswerable");
    let refused = unanswerable.saturating_sub(number("unanswerable_kept"));
    let threshold = learnt["threshold"].as_f64().unwrap_or(0.0);
    output::line(tr(
        format!(
            "{base} : seuil {threshold:.4} ; {kept} questions sur {answerable} gardées, {refused} \
             sur {unanswerable} sans réponse écartées"
        ),
        format!(
            "{base}: threshold {threshold:.4}; {kept} questions of {answerable} kept, {refused} of \
             {unanswerable} without answer refused"
        ),
    ));
    if state["applies"] == false {
        let judge = text(learnt, "judge");
        output::line(tr(
            format!("sans effet : mesuré avec {judge} ; recommencez avec kb calibrate"),
            format!("without effect: measured with {judge}; run kb calibrate again"),
        ));
    }
}
