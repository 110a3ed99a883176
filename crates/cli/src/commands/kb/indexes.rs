//! `intramuros kb reindex`, `indexes`, `activate`, `discard`, `test-questions`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{BASES, text};
use crate::args::Common;
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

/// Time between two looks at an index that is waited for.
const LOOK: Duration = Duration::from_secs(2);

fn path(base: &str) -> String {
    format!("{BASES}/{}/indexes", segment(base))
}

/// Begins an index and, with `wait`, follows it to its end.
pub(super) fn reindex(
    common: &Common,
    client: &Client,
    base: &str,
    model: Option<&str>,
    wait: bool,
) -> anyhow::Result<ExitCode> {
    let begun = client.post(&path(base), &json!({"embedding_model": model}))?;
    if !wait {
        report(common, &begun);
        return Ok(ExitCode::SUCCESS);
    }
    let generation = &begun["generation"];
    let bar = super::add::progress(begun["progress"]["documents"].as_u64().unwrap_or(0));
    loop {
        let listed = client.get(&path(base))?;
        let indexes = listed["indexes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(index) = indexes.iter().find(|index| index["generation"] == *generation) else {
            bar.finish_and_clear();
            anyhow::bail!(tr("l'index a été abandonné", "the index was given up"));
        };
        bar.set_position(index["progress"]["done"].as_u64().unwrap_or(0));
        if index["role"] != "building" {
            bar.finish_and_clear();
            report(common, index);
            let is_active = index["role"] == "active";
            return Ok(if is_active { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        std::thread::sleep(LOOK);
    }
}

pub(super) fn list(common: &Common, client: &Client, base: &str) -> anyhow::Result<()> {
    let listed = client.get(&path(base))?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    let indexes = listed["indexes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = indexes.iter().map(|index| {
        let chunks = format!("{}/{}", index["chunk_target_tokens"], index["chunk_max_tokens"]);
        let model = text(index, "embedding_model");
        vec![index["generation"].to_string(), role(index), model, chunks, state(index)]
    });
    let header = tr(
        ["NUMÉRO", "RÔLE", "ENCODEUR", "PASSAGES", "ÉTAT"],
        ["NUMBER", "ROLE", "ENCODER", "PASSAGES", "STATE"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

pub(super) fn activate(
    common: &Common,
    client: &Client,
    base: &str,
    generation: u32,
) -> anyhow::Result<()> {
    let active = client.post(&format!("{}/{generation}/activate", path(base)), &json!({}))?;
    report(common, &active);
    Ok(())
}

pub(super) fn discard(
    common: &Common,
    client: &Client,
    base: &str,
    generation: u32,
) -> anyhow::Result<()> {
    client.delete(&format!("{}/{generation}", path(base)))?;
    super::erased(common, &format!("{base}/{generation}"));
    Ok(())
}

/// Shows the test questions, or replaces them by those of `files`, one JSON object a line.
pub(super) fn test_questions(
    common: &Common,
    client: &Client,
    base: &str,
    files: &[PathBuf],
) -> anyhow::Result<()> {
    let path = format!("{BASES}/{}/test-questions", segment(base));
    if !files.is_empty() {
        let questions = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
        let questions = questions.concat();
        client.put(&path, &json!({"questions": questions}))?;
    }
    let stored = client.get(&path)?;
    if common.json {
        output::json(&stored);
        return Ok(());
    }
    let count = stored["questions"].as_array().map_or(0, Vec::len);
    output::line(tr(
        format!("{base} : {count} questions d'essai"),
        format!("{base}: {count} test questions"),
    ));
    Ok(())
}

/// The fields that the server keeps; `eval retrieval` knows more.
fn read(file: &Path) -> anyhow::Result<Vec<Value>> {
    let shown = file.display().to_string();
    let mut content = String::new();
    std::fs::File::open(file)
        .and_then(|mut file| file.read_to_string(&mut content))
        .with_context(|| shown.clone())?;
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let question: Value = serde_json::from_str(line)
                .with_context(|| format!("{shown}, {} {}", tr("ligne", "line"), number + 1))?;
            Ok(json!({
                "id": question["id"],
                "query": question["query"],
                // None where the documents do not answer.
                "relevant": question.get("relevant").cloned().unwrap_or_else(|| json!([])),
            }))
        })
        .collect()
}

fn report(common: &Common, index: &Value) {
    if common.json {
        return output::json(index);
    }
    let generation = &index["generation"];
    let (role, state) = (role(index), state(index));
    output::line(
        format!("index {generation}: {role}{}", if state.is_empty() { "" } else { ", " }) + &state,
    );
}

fn role(index: &Value) -> String {
    let role = text(index, "role");
    let french = match role.as_str() {
        "active" => "actif",
        "building" => "en construction",
        "rejected" => "refusé",
        "previous" => "précédent",
        other => other,
    };
    tr(french.to_owned(), role)
}

/// How far an index is, and what the test questions said.
fn state(index: &Value) -> String {
    let mut parts = Vec::new();
    let progress = &index["progress"];
    if index["role"] == "building" {
        parts.push(tr(
            format!("{} documents sur {}", progress["done"], progress["documents"]),
            format!("{} documents of {}", progress["done"], progress["documents"]),
        ));
        if let Some(seconds) = progress["remaining_seconds"].as_u64() {
            let minutes = seconds.div_ceil(60);
            parts.push(tr(
                format!("encore {minutes} min environ"),
                format!("about {minutes} min left"),
            ));
        }
    }
    let failed = progress["failed"].as_u64().unwrap_or(0);
    if failed > 0 {
        parts.push(tr(format!("{failed} illisibles"), format!("{failed} not readable")));
    }
    let verdict = &index["verdict"];
    if let (Some(before), Some(now)) =
        (verdict["recall_at_5_before"].as_f64(), verdict["recall_at_5"].as_f64())
    {
        parts.push(tr(
            format!("rappel à 5 {:.1} % (avant : {:.1} %)", now * 100.0, before * 100.0),
            format!("recall at 5 {:.1} % (before: {:.1} %)", now * 100.0, before * 100.0),
        ));
    }
    parts.join(", ")
}
