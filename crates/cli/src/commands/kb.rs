//! `intramuros kb`: knowledge bases and their documents.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::args::{Common, Kb};
use crate::client::{Client, segment};
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
    output::table(&["ID", "TITLE", "READY", "PENDING", "FAILED"], &rows.collect::<Vec<_>>());
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
        output::line(format!("{} created", text(&base, "id")));
    }
    Ok(())
}

fn delete(client: &Client, id: &str, yes: bool) -> anyhow::Result<()> {
    if !yes {
        output::note(format!("This erases '{id}' and all its documents. Type its id to go on:"));
        let mut typed = String::new();
        std::io::stdin().lock().read_line(&mut typed).context("no answer")?;
        if typed.trim() != id {
            bail!("nothing was erased");
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
        vec![text(document, "id"), text(document, "state"), text(document, "file_name"), detail]
    });
    output::table(&["ID", "STATE", "FILE", "TITLE OR REASON"], &rows.collect::<Vec<_>>());
    Ok(())
}

/// Uploads one file after the other; a file that fails does not stop the rest.
fn add(common: &Common, client: &Client, id: &str, paths: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    if files.is_empty() {
        bail!(
            "no readable document found; extensions that are looked for: {}",
            EXTENSIONS.join(", ")
        );
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
        output::line(format!("{} documents added, {failed} failed", results.len() - failed));
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
    let metadata =
        std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    if metadata.is_file() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut folders = vec![path.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?
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

fn has_known_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_string()
}
