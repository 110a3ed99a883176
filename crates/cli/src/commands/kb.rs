//! `intramuros kb`: knowledge bases and their documents.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::args::{Common, Kb};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

/// Extensions that folders are searched for.
const EXTENSIONS: &[&str] =
    &["txt", "text", "md", "markdown", "html", "htm", "xhtml", "pdf", "docx"];

const BASES: &str = "/api/v1/knowledge-bases";

pub(crate) fn run(common: &Common, command: &Kb) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Kb::List => list(common, &client),
        Kb::Create { id, title, language } => {
            create(common, &client, id, title.as_deref(), language)
        }
        Kb::Add { id, paths } => return add(common, &client, id, paths),
        Kb::Documents { id } => documents(common, &client, id),
        Kb::Remove { id, document } => {
            let path = format!("{BASES}/{}/documents/{}", segment(id), segment(document));
            client.delete(&path).map(|_| ())
        }
        Kb::Delete { id, yes } => delete(&client, id, *yes),
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
) -> anyhow::Result<()> {
    let base = client.post(BASES, &json!({"id": id, "title": title, "language": language}))?;
    if common.json {
        output::json(&base);
    } else {
        let id = text(&base, "id");
        output::line(tr(format!("{id} : base créée"), format!("{id} created")));
    }
    Ok(())
}

fn delete(client: &Client, id: &str, yes: bool) -> anyhow::Result<()> {
    if !yes {
        output::note(tr(
            format!("Ceci efface « {id} » et tous ses documents. Tapez son nom pour continuer :"),
            format!("This erases '{id}' and all its documents. Type its id to go on:"),
        ));
        let mut typed = String::new();
        std::io::stdin().lock().read_line(&mut typed).context(tr("pas de réponse", "no answer"))?;
        if typed.trim() != id {
            bail!(tr("rien n'a été effacé", "nothing was erased"));
        }
    }
    client.delete(&format!("{BASES}/{}", segment(id))).map(|_| ())
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

/// Uploads one file after the other; a file that fails does not stop the rest.
fn add(common: &Common, client: &Client, id: &str, paths: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        let known = EXTENSIONS.join(", ");
        bail!(tr(
            format!("aucun document lisible ; extensions cherchées dans les dossiers : {known}"),
            format!("no readable document found; extensions that are looked for: {known}"),
        ));
    }
    let bar = progress(files.len() as u64);
    let mut results = Vec::new();
    for file in &files {
        bar.set_message(file.display().to_string());
        let reply = client.upload(&format!("{BASES}/{}/documents?wait=true", segment(id)), file)?;
        if reply.status == 401 || reply.status == 403 || reply.status == 404 {
            bail!("{}", reply.problem());
        }
        let failure = match reply.status {
            400.. => Some(reply.problem()),
            _ => reply.body["failure"]["detail"].as_str().map(str::to_string),
        };
        if let (Some(failure), false) = (&failure, common.json) {
            bar.suspend(|| output::note(format!("{}: {failure}", file.display())));
        }
        results.push(json!({
            "file": file.display().to_string(), "document": reply.body, "failure": failure,
        }));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let failed = results.iter().filter(|result| !result["failure"].is_null()).count();
    if common.json {
        output::json(&json!({"files": results, "failed": failed}));
    } else {
        let added = results.len() - failed;
        output::line(tr(
            format!("{added} documents ajoutés, {failed} en échec"),
            format!("{added} documents added, {failed} failed"),
        ));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn progress(files: u64) -> ProgressBar {
    if !output::is_interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {wide_msg}");
    ProgressBar::new(files).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Files named on the command line are taken as they are; folders are walked in order of name,
/// without following links.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| unreadable(path))?;
    if metadata.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)
            .with_context(|| unreadable(&folder))?
            .collect::<Result<_, _>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && has_known_extension(&entry.path()) {
                files.push(entry.path());
            }
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> String {
    let path = path.display();
    tr(format!("{path} ne peut pas être lu"), format!("{path} cannot be read"))
}

fn has_known_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_string()
}
