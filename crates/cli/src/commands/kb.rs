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
const EXTENSIONS: &[&str] = &[
    "txt", "text", "md", "markdown", "html", "htm", "xhtml", "pdf", "docx", "odt", "xlsx", "ods",
    "csv", "tsv", "pptx", "odp", "eml", "mbox", "zip", "png", "jpg", "jpeg", "tif", "tiff", "webp",
    "bmp", "gif",
];

const BASES: &str = "/api/v1/knowledge-bases";

pub(crate) fn run(common: &Common, command: &Kb) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Kb::List => list(common, &client),
        Kb::Create { id, title, language } => {
            create(common, &client, id, title.as_deref(), language)
        }
        Kb::Add { id, paths, labels, metadata } => {
            let details = details(labels, metadata)?;
            return add(common, &client, id, paths, &details);
        }
        Kb::Documents { id } => documents(common, &client, id),
        Kb::Remove { id, document } => remove(common, &client, id, document),
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

fn remove(common: &Common, client: &Client, id: &str, document: &str) -> anyhow::Result<()> {
    client.delete(&format!("{BASES}/{}/documents/{}", segment(id), segment(document)))?;
    erased(common, document);
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

/// What is said about files, as parts of the upload.
fn details(labels: &[String], metadata: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    let mut parts: Vec<(String, String)> =
        labels.iter().map(|label| ("labels".to_owned(), label.clone())).collect();
    let mut entries = serde_json::Map::new();
    for entry in metadata {
        let Some((name, value)) = entry.split_once('=') else {
            bail!(tr(
                format!("« {entry} » n'est pas de la forme nom=valeur (--metadata)"),
                format!("'{entry}' is not of the form name=value (--metadata)"),
            ));
        };
        entries.insert(name.to_owned(), value.into());
    }
    if !entries.is_empty() {
        parts.push(("metadata".to_owned(), Value::Object(entries).to_string()));
    }
    Ok(parts)
}

/// Uploads one file after the other; one that fails does not stop the rest.
fn add(
    common: &Common,
    client: &Client,
    id: &str,
    paths: &[PathBuf],
    details: &[(String, String)],
) -> anyhow::Result<ExitCode> {
    let files = Files::find(paths);
    if files.readable.is_empty() && files.unreadable.is_empty() {
        let known = EXTENSIONS.join(", ");
        bail!(tr(
            format!("aucun document lisible ; extensions cherchées dans les dossiers : {known}"),
            format!("no readable document found; extensions that are looked for: {known}"),
        ));
    }
    let bar = progress(files.readable.len() as u64);
    let mut report = Report { as_json: common.json, bar: &bar, files: Vec::new(), counts: [0; 3] };
    for (path, reason) in &files.unreadable {
        report.file(path, Outcome::Failed, &Value::Null, Some(reason.clone()));
    }
    for path in &files.readable {
        bar.set_message(path.display().to_string());
        let address = format!("{BASES}/{}/documents?wait=true", segment(id));
        let reply = client.upload(&address, path, details)?;
        if matches!(reply.status, 401 | 403 | 404) {
            return Err(reply.error().into());
        }
        let failure = match reply.status {
            400.. => Some(reply.problem()),
            _ => reply.body["failure"]["detail"].as_str().map(str::to_string),
        };
        let outcome = match (&failure, reply.status) {
            (Some(_), _) => Outcome::Failed,
            (None, 200) => Outcome::AlreadyThere,
            (None, _) => Outcome::Added,
        };
        let document = if reply.status >= 400 { &Value::Null } else { &reply.body };
        report.file(path, outcome, document, failure);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(report.finish(files.skipped))
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Added,
    AlreadyThere,
    Failed,
}

/// What became of the files.
struct Report<'a> {
    as_json: bool,
    bar: &'a ProgressBar,
    files: Vec<Value>,
    /// By [`Outcome`].
    counts: [usize; 3],
}

impl Report<'_> {
    fn file(&mut self, path: &Path, outcome: Outcome, document: &Value, failure: Option<String>) {
        self.counts[outcome as usize] += 1;
        let path = path.display().to_string();
        if let (Some(failure), false) = (&failure, self.as_json) {
            self.bar.suspend(|| output::note(format!("{path}: {failure}")));
        }
        self.files.push(json!({"file": path, "document": document, "failure": failure}));
    }

    fn finish(self, skipped: usize) -> ExitCode {
        let [added, already_there, failed] = self.counts;
        if self.as_json {
            output::json(&json!({
                "files": self.files,
                "added": added,
                "already_there": already_there,
                "failed": failed,
                "skipped": skipped,
            }));
        } else {
            output::line(tr(
                format!(
                    "documents ajoutés : {added} ; déjà là : {already_there} ; en échec : \
                     {failed} ; autres fichiers laissés de côté : {skipped}"
                ),
                format!(
                    "documents added: {added}; already there: {already_there}; failed: {failed}; \
                     other files left aside: {skipped}"
                ),
            ));
        }
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn progress(files: u64) -> ProgressBar {
    if !output::is_interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {wide_msg}");
    ProgressBar::new(files).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What the command line's paths lead to.
#[derive(Default)]
struct Files {
    readable: Vec<PathBuf>,
    /// With the reason.
    unreadable: Vec<(PathBuf, String)>,
    /// Files in folders that have another extension, are hidden, or are links.
    skipped: usize,
}

impl Files {
    /// Files named on the command line are taken as they are; folders are walked in order of
    /// name, without hidden entries and without following links.
    fn find(paths: &[PathBuf]) -> Self {
        let mut files = Self::default();
        for path in paths {
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => files.walk(path),
                Ok(metadata) if metadata.is_file() => files.take(path.clone()),
                Ok(_) => {
                    let reason =
                        tr("ce n'est ni un fichier ni un dossier", "no file and no folder");
                    files.unreadable.push((path.clone(), reason.to_string()));
                }
                Err(error) => files.unreadable.push((path.clone(), unreadable(&error))),
            }
        }
        files
    }

    fn walk(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable.push((folder, unreadable(&error)));
                    continue;
                }
            };
            entries.sort_by_key(std::fs::DirEntry::file_name);
            for entry in entries {
                let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && !is_hidden => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() && !is_hidden && is_document(&entry.path()) => {
                        self.take(entry.path());
                    }
                    _ => self.skipped += 1,
                }
            }
        }
    }

    fn take(&mut self, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.chars().any(char::is_control) {
            let reason = tr(
                "son nom contient des caractères de contrôle",
                "its name has control characters",
            );
            return self.unreadable.push((path, reason.to_string()));
        }
        match std::fs::File::open(&path) {
            Ok(_) => self.readable.push(path),
            Err(error) => self.unreadable.push((path, unreadable(&error))),
        }
    }
}

fn unreadable(error: &std::io::Error) -> String {
    tr(format!("illisible : {error}"), format!("cannot be read: {error}"))
}

fn is_document(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_string()
}
