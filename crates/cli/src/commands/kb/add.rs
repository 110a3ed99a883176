//! `intramuros kb add`: files and folders into a knowledge base.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::BASES;
use intramuros_knowledge::MediaType;

use super::files::Files;
use crate::args::Common;
use crate::client::{Client, Reply, segment};
use crate::language::tr;
use crate::output;

/// What is said about files, as parts of the upload.
pub(super) fn details(
    labels: &[String],
    metadata: &[String],
) -> anyhow::Result<Vec<(String, String)>> {
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
pub(super) fn run(
    common: &Common,
    client: &Client,
    id: &str,
    paths: &[PathBuf],
    details: &[(String, String)],
) -> anyhow::Result<ExitCode> {
    let files = Files::find(paths);
    if files.readable.is_empty() && files.unreadable.is_empty() {
        let known = MediaType::EXTENSIONS.join(", ");
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
        let failure = failure(&reply);
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

/// Why a file did not become a document that can be found.
pub(super) fn failure(reply: &Reply) -> Option<String> {
    match reply.status {
        400.. => Some(reply.problem()),
        _ => reply.body["failure"]["detail"].as_str().map(str::to_string),
    }
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

pub(super) fn progress(files: u64) -> ProgressBar {
    if !output::is_interactive() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {wide_msg}");
    ProgressBar::new(files).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
