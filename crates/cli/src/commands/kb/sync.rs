//! `intramuros kb sync`: keeps a knowledge base in step with a folder.
//!
//! What the folder has is told by path and digest: new files are added, changed ones take the place
//! of what they were, those that are gone are erased. Run it again and again, by a timer for
//! example; what did not change costs nothing but reading the file.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::add::{details, failure, progress};
use super::files::Files;
use super::{BASES, erase};
use crate::args::{Common, KbSync};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

pub(super) fn run(common: &Common, client: &Client, options: &KbSync) -> anyhow::Result<ExitCode> {
    let source = source(options)?;
    let mut plan = Plan::new(options, &source, known(client, &options.id, &source)?)?;
    if options.dry_run {
        plan.report.print(common, true);
    }
    if plan.keeps_nothing && !options.replace {
        let (count, folder) = (plan.removals.len(), options.folder.display());
        bail!(tr(
            format!(
                "aucun des {count} documents venus sous le nom « {source} » n'est dans {folder} : \
                 tous seraient effacés. Si c'est un autre dossier, donnez-lui un autre nom avec \
                 --source ; sinon ajoutez --replace"
            ),
            format!(
                "none of the {count} documents that came under the name '{source}' is in {folder}: \
                 all would be erased. If this is another folder, give it another name with \
                 --source; else add --replace"
            ),
        ));
    }
    if options.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    let bar = progress(plan.uploads.len() as u64);
    for Upload { path, external_id, parts } in &plan.uploads {
        bar.set_message(path.display().to_string());
        let mut parts = parts.clone();
        parts.push(("source".to_owned(), source.clone()));
        parts.push(("external_id".to_owned(), external_id.clone()));
        let address = format!("{BASES}/{}/documents?wait=true", segment(&options.id));
        let reply = client.upload(&address, path, &parts)?;
        if matches!(reply.status, 401 | 403 | 404) {
            return Err(reply.error().into());
        }
        if let Some(failure) = failure(&reply) {
            plan.report.fail(external_id, failure);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    // What is not there any more was erased by somebody else.
    erase::erase(client, &options.id, &plan.removals)?;
    plan.report.print(common, false);
    Ok(if plan.report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the folder is called in the knowledge base.
fn source(options: &KbSync) -> anyhow::Result<String> {
    if let Some(source) = &options.source {
        return Ok(source.clone());
    }
    let folder = std::fs::canonicalize(&options.folder)
        .with_context(|| options.folder.display().to_string())?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    name.context(tr(
        "ce dossier n'a pas de nom ; donnez-en un avec --source",
        "this folder has no name; give it one with --source",
    ))
}

/// A document that an earlier run brought.
struct Known {
    id: String,
    sha256: String,
    labels: Vec<String>,
    metadata: Value,
    failed: bool,
}

/// The documents of a source, by external id.
fn known(client: &Client, base: &str, source: &str) -> anyhow::Result<HashMap<String, Known>> {
    let mut known = HashMap::new();
    let mut after = String::new();
    loop {
        let source = segment(source);
        let path = format!("{BASES}/{}/documents?limit=1000&source={source}{after}", segment(base));
        let page = client.get(&path)?;
        for document in page["documents"].as_array().into_iter().flatten() {
            let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
            let found = Known {
                id: text("id"),
                sha256: text("sha256"),
                labels: texts(&document["labels"]),
                metadata: document["metadata"].clone(),
                failed: document["state"] == "failed",
            };
            // The files within a document have none of their own and go with it.
            if let Some(external_id) = document["external_id"].as_str() {
                known.insert(external_id.to_owned(), found);
            }
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", segment(next)),
            None => return Ok(known),
        }
    }
}

/// What is to be done.
struct Plan {
    uploads: Vec<Upload>,
    /// Ids of documents.
    removals: Vec<String>,
    /// There were documents, and all of them are to be removed: as when the folder is empty, its
    /// share is not mounted, or it is another one of the same name.
    keeps_nothing: bool,
    report: Report,
}

/// A file to send.
struct Upload {
    path: PathBuf,
    external_id: String,
    /// Its readers and metadata, as parts of the form.
    parts: Vec<(String, String)>,
}

impl Plan {
    fn new(
        options: &KbSync,
        source: &str,
        mut known: HashMap<String, Known>,
    ) -> anyhow::Result<Self> {
        if !options.folder.is_dir() {
            let folder = options.folder.display();
            bail!(tr(format!("{folder} n'est pas un dossier"), format!("{folder} is no folder"),));
        }
        let files = Files::find(std::slice::from_ref(&options.folder));
        let mut plan = Self {
            uploads: Vec::new(),
            removals: Vec::new(),
            keeps_nothing: false,
            report: Report::default(),
        };
        plan.report.skipped = files.skipped;
        let known_before = known.len();
        for path in files.readable {
            let external_id = external_id(source, &options.folder, &path);
            let before = known.remove(&external_id);
            let wanted = Wanted::new(options, before.as_ref())?;
            let change = match &before {
                None => &mut plan.report.added,
                Some(before) if before.differs(&path, &wanted)? => &mut plan.report.changed,
                Some(_) => {
                    plan.report.unchanged += 1;
                    continue;
                }
            };
            change.push(external_id.clone());
            plan.uploads.push(Upload { path, external_id, parts: wanted.parts() });
        }
        for (path, reason) in files.unreadable {
            // A file that cannot be read now is not gone.
            known.remove(&external_id(source, &options.folder, &path));
            let file = path.display().to_string();
            plan.report.failed.push(json!({"file": file, "failure": reason}));
        }
        // A folder that cannot be read may hold any of what seems to be gone.
        let complete = plan.report.failed.is_empty();
        if complete && !options.keep {
            plan.keeps_nothing = known_before > 0 && known.len() == known_before;
            for (external_id, document) in known {
                plan.report.removed.push(external_id);
                plan.removals.push(document.id);
            }
        }
        plan.report.removed.sort();
        Ok(plan)
    }
}

/// Readers and metadata as a document shall have them.
struct Wanted {
    labels: Vec<String>,
    metadata: Value,
}

impl Wanted {
    /// What this run says; where it says nothing, what the document has already, or somebody who
    /// narrowed its readers since would find it open again.
    fn new(options: &KbSync, before: Option<&Known>) -> anyhow::Result<Self> {
        let mut labels = options.labels.clone();
        labels.sort_unstable();
        labels.dedup();
        let parts = details(&[], &options.metadata)?;
        let metadata = parts.into_iter().find(|(name, _)| name == "metadata");
        let mut metadata = match metadata {
            Some((_, text)) => serde_json::from_str(&text)?,
            None => json!({}),
        };
        if let Some(before) = before {
            if options.labels.is_empty() {
                labels.clone_from(&before.labels);
            }
            if options.metadata.is_empty() {
                metadata.clone_from(&before.metadata);
            }
        }
        Ok(Self { labels, metadata })
    }

    fn parts(&self) -> Vec<(String, String)> {
        let mut parts: Vec<(String, String)> =
            self.labels.iter().map(|label| ("labels".to_owned(), label.clone())).collect();
        if self.metadata.as_object().is_some_and(|entries| !entries.is_empty()) {
            parts.push(("metadata".to_owned(), self.metadata.to_string()));
        }
        parts
    }
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

impl Known {
    fn differs(&self, path: &Path, wanted: &Wanted) -> anyhow::Result<bool> {
        let same = !self.failed
            && self.labels == wanted.labels
            && self.metadata == wanted.metadata
            && self.sha256 == digest(path)?;
        Ok(!same)
    }
}

/// `source:folder/file`, with `/` whatever the system uses.
fn external_id(source: &str, folder: &Path, path: &Path) -> String {
    let within = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = within.iter().map(|part| part.to_string_lossy()).collect();
    format!("{source}:{}", parts.join("/"))
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let shown = || path.display().to_string();
    let mut file = std::fs::File::open(path).with_context(shown)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece).with_context(shown)? {
            0 => break,
            read => hash.update(&piece[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was done, or would be.
#[derive(Default)]
struct Report {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    unchanged: usize,
    skipped: usize,
    failed: Vec<Value>,
}

impl Report {
    /// A file that was to be added or changed is neither.
    fn fail(&mut self, external_id: &str, failure: String) {
        self.added.retain(|file| file != external_id);
        self.changed.retain(|file| file != external_id);
        self.failed.push(json!({"file": external_id, "failure": failure}));
    }

    fn print(&self, common: &Common, dry_run: bool) {
        if common.json {
            return output::json(&json!({
                "dry_run": dry_run,
                "added": self.added,
                "changed": self.changed,
                "removed": self.removed,
                "unchanged": self.unchanged,
                "skipped": self.skipped,
                "failed": self.failed,
            }));
        }
        for (mark, files) in [("+", &self.added), ("~", &self.changed), ("-", &self.removed)] {
            files.iter().for_each(|file| output::line(format!("{mark} {file}")));
        }
        if dry_run {
            output::line(tr("à blanc, rien n'a été fait :", "dry run, nothing was done:"));
        }
        for failed in &self.failed {
            let text = |field: &str| failed[field].as_str().unwrap_or_default();
            output::note(format!("{}: {}", text("file"), text("failure")));
        }
        let (added, changed) = (self.added.len(), self.changed.len());
        let (removed, unchanged) = (self.removed.len(), self.unchanged);
        let (failed, skipped) = (self.failed.len(), self.skipped);
        output::line(tr(
            format!(
                "nouveaux : {added} ; modifiés : {changed} ; effacés : {removed} ; inchangés : \
                 {unchanged} ; en échec : {failed} ; autres fichiers laissés de côté : {skipped}"
            ),
            format!(
                "new: {added}; changed: {changed}; erased: {removed}; unchanged: {unchanged}; \
                 failed: {failed}; other files left aside: {skipped}"
            ),
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::external_id;

    #[test]
    fn files_are_named_by_their_place_in_the_folder() {
        let name = |path: &str| external_id("notices", Path::new("/srv/docs"), Path::new(path));
        assert_eq!(name("/srv/docs/a.pdf"), "notices:a.pdf");
        assert_eq!(name("/srv/docs/été/b c.txt"), "notices:été/b c.txt");
    }
}
