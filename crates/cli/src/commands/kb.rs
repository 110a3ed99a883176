//! `intramuros kb`: knowledge bases and their documents.

mod add;
mod calibrate;
mod erase;
mod files;
mod indexes;
mod sync;
mod unanswered;

use std::io::BufRead as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::args::{Common, Kb};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const BASES: &str = "/api/v1/knowledge-bases";

pub(crate) fn run(common: &Common, command: &Kb) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Kb::List => list(common, &client),
        Kb::Create { id, title, language, embedding_model } => {
            let model = embedding_model.as_deref();
            create(common, &client, id, title.as_deref(), language, model)
        }
        Kb::Add { id, paths, labels, metadata } => {
            let details = add::details(labels, metadata)?;
            return add::run(common, &client, id, paths, &details);
        }
        Kb::Sync(options) => return sync::run(common, &client, options),
        Kb::Folders => folders(common, &client),
        Kb::Reindex { id, embedding_model, wait } => {
            return indexes::reindex(common, &client, id, embedding_model.as_deref(), *wait);
        }
        Kb::Indexes { id } => indexes::list(common, &client, id),
        Kb::Activate { id, index } => indexes::activate(common, &client, id, *index),
        Kb::Discard { id, index } => indexes::discard(common, &client, id, *index),
        Kb::Unanswered { id, forget } => unanswered::run(common, &client, id, forget.as_deref()),
        Kb::TestQuestions { id, files } => indexes::test_questions(common, &client, id, files),
        Kb::Calibrate { id, keep, wait, show } => {
            return calibrate::run(common, &client, id, *keep, *wait, *show);
        }
        Kb::Documents { id } => documents(common, &client, id),
        Kb::Remove { id, documents } => erase::run(common, &client, id, documents),
        Kb::Delete { id, yes } => delete(common, &client, id, *yes),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn list(common: &Common, client: &Client) -> anyhow::Result<()> {
    let bases = client.get(BASES)?;
    if common.json {
        output::json(&bases);
        return Ok(());
    }
    let rows = bases["knowledge_bases"].as_array().into_iter().flatten().map(|base| {
        let count = |state: &str| base["documents"][state].to_string();
        vec![
            text(base, "id"),
            text(base, "title"),
            count("ready"),
            count("pending"),
            count("failed"),
        ]
    });
    let header = tr(
        ["ID", "TITRE", "PRÊTS", "EN ATTENTE", "EN ÉCHEC"],
        ["ID", "TITLE", "READY", "PENDING", "FAILED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn create(
    common: &Common,
    client: &Client,
    id: &str,
    title: Option<&str>,
    language: &str,
    model: Option<&str>,
) -> anyhow::Result<()> {
    let body = json!({"id": id, "title": title, "language": language, "embedding_model": model});
    let base = client.post(BASES, &body)?;
    if common.json {
        output::json(&base);
    } else {
        let id = text(&base, "id");
        output::line(tr(format!("{id} : base créée"), format!("{id} created")));
    }
    Ok(())
}

fn delete(common: &Common, client: &Client, id: &str, yes: bool) -> anyhow::Result<()> {
    let path = format!("{BASES}/{}", segment(id));
    // A name that does not exist is an error before any question.
    client.get(&path)?;
    if !yes {
        if common.json {
            bail!("--json asks no questions; add --yes to erase '{id}'");
        }
        output::note(tr(
            format!("Ceci efface « {id} » et tous ses documents. Tapez son nom pour continuer :"),
            format!("This erases '{id}' and all its documents. Type its id to go on:"),
        ));
        let mut typed = String::new();
        let read = std::io::stdin().lock().read_line(&mut typed);
        read.context(tr("pas de réponse", "no answer"))?;
        if typed.trim() != id {
            bail!(tr("rien n'a été effacé", "nothing was erased"));
        }
    }
    client.delete(&path)?;
    erased(common, id);
    Ok(())
}

fn erased(common: &Common, id: &str) {
    if common.json {
        output::json(&json!({"erased": id}));
    } else {
        output::line(tr(format!("{id} : effacé"), format!("{id} erased")));
    }
}

fn documents(common: &Common, client: &Client, id: &str) -> anyhow::Result<()> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("{BASES}/{}/documents?limit=1000{after}", segment(id));
        let page = client.get(&path)?;
        all.extend(page["documents"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", segment(next)),
            None => break,
        }
    }
    if common.json {
        output::json(&json!({"documents": all}));
        return Ok(());
    }
    let rows = all.iter().map(|document| {
        let detail = match document["failure"]["detail"].as_str() {
            Some(detail) => detail.to_string(),
            None => text(document, "title"),
        };
        vec![text(document, "id"), state(document), text(document, "file_name"), detail]
    });
    let header = tr(
        ["ID", "ÉTAT", "FICHIER", "TITRE OU RAISON"],
        ["ID", "STATE", "FILE", "TITLE OR REASON"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn folders(common: &Common, client: &Client) -> anyhow::Result<()> {
    let found = client.get("/api/v1/folders")?;
    if common.json {
        output::json(&found);
        return Ok(());
    }
    let all = found["folders"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = all.iter().map(|folder| {
        let count = |field: &str| folder[field].to_string();
        let failed = folder["failures"].as_array().map_or(0, Vec::len).to_string();
        vec![text(folder, "path"), text(folder, "knowledge_base"), count("files"), failed]
    });
    let header =
        tr(["DOSSIER", "BASE", "FICHIERS", "EN ÉCHEC"], ["FOLDER", "BASE", "FILES", "FAILED"]);
    output::table(&header, &rows.collect::<Vec<_>>());
    for folder in all {
        if let Some(problem) = folder["problem"].as_str() {
            output::note(format!("{}: {problem}", text(folder, "path")));
        }
        for failure in folder["failures"].as_array().into_iter().flatten() {
            output::note(format!("{}: {}", text(failure, "file"), text(failure, "reason")));
        }
    }
    Ok(())
}

fn state(document: &Value) -> String {
    let state = text(document, "state");
    let french = match state.as_str() {
        "ready" => "prêt",
        "pending" => "en attente",
        "indexing" => "en cours",
        "failed" => "en échec",
        other => other,
    };
    tr(french.to_string(), state)
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_string()
}
