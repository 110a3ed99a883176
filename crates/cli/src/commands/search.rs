//! `intramuros search`: passages, best first.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::ask::place;
use crate::args::{Common, Search};
use crate::client::{Client, choose_base, segment};
use crate::language::tr;
use crate::output;

/// Letters of a passage that are shown.
const PREVIEW_CHARS: usize = 300;

pub(crate) fn run(common: &Common, command: &Search) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    let base = choose_base(&client, command.kb.as_deref())?;
    let judge = if command.judge { "require" } else { "none" };
    let body = json!({"query": command.query, "limit": command.limit, "judge": judge});
    let found =
        client.post(&format!("/api/v1/knowledge-bases/{}/search", segment(&base)), &body)?;
    if common.json {
        output::json(&found);
        return Ok(ExitCode::SUCCESS);
    }
    let hits = found["hits"].as_array().cloned().unwrap_or_default();
    for hit in &hits {
        output::line(format!("{:.2}  {}\n{}\n", score(hit), place(hit), preview(hit)));
    }
    if hits.is_empty() {
        output::note(tr("rien trouvé", "nothing found"));
    }
    Ok(ExitCode::SUCCESS)
}

fn score(hit: &Value) -> f64 {
    hit["score"].as_f64().unwrap_or_default()
}

fn preview(hit: &Value) -> String {
    let text = hit["text"].as_str().unwrap_or_default();
    let mut shown: String = text.chars().take(PREVIEW_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.lines().map(|line| format!("      {line}\n")).collect::<String>().trim_end().to_string()
}
