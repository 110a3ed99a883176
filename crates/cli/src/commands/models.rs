//! `intramuros models`: the models on this machine.

mod progress;
mod recommend;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use intramuros_catalog::{
    Catalog, CatalogModel, FileState, HubOptions, ImportOptions, Manifest, ModelsDir, Status, pull,
};
use intramuros_model::{DecoderConfig, Gguf, ModelFiles, WeightFiles};
use serde_json::{Value, json};

use self::progress::Bars;
use crate::args::{Common, Models};
use crate::language::tr;
use crate::{output, settings};

pub(crate) fn run(common: &Common, command: &Models) -> anyhow::Result<ExitCode> {
    let settings = settings::load(common, &[])?.settings;
    let models = ModelsDir::new(&settings.models_dir);
    match command {
        Models::List { installed } => list(common, &models, *installed),
        Models::Pull { id } => {
            let entry = Catalog::embedded().get(id)?;
            report(common, &pull(entry, &hub_options(), &models, &mut Bars::new(common.json))?)
        }
        Models::Import { path, id, licence } => {
            import(common, &models, path, id.as_deref(), licence.as_deref())
        }
        Models::Verify { id } => return verify(common, &models, id.as_deref()),
        Models::Rm { id } => remove(common, &models, id),
        Models::Recommend => recommend::run(common),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// The hub as the environment that other hub tools use describes it.
fn hub_options() -> HubOptions {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    HubOptions {
        endpoint: variable("HF_ENDPOINT"),
        token: variable("HF_TOKEN"),
        cache: variable("HF_HOME").map(|home| Path::new(&home).join("hub")),
        ..HubOptions::default()
    }
}

fn list(common: &Common, models: &ModelsDir, only_installed: bool) -> anyhow::Result<()> {
    let installed = models.installed()?;
    let is_installed = |id: &str| installed.iter().any(|model| model.id.as_str() == id);
    // What lies on the disk is known to the byte; the catalogue's sizes may be estimates.
    let size = |entry: &CatalogModel| {
        let found = installed.iter().find(|model| model.id == entry.id);
        found.map_or_else(|| entry.download_bytes(), |model| model.manifest.total_bytes())
    };
    let catalogued = Catalog::embedded().models();
    let mut entries: Vec<Value> = catalogued
        .iter()
        .filter(|entry| !only_installed || is_installed(entry.id.as_str()))
        .map(|entry| catalogue_entry(entry, size(entry), is_installed(entry.id.as_str())))
        .collect();
    let foreign =
        installed.iter().filter(|model| catalogued.iter().all(|entry| entry.id != model.id));
    entries.extend(foreign.map(|model| {
        json!({
            "id": model.id.as_str(),
            "task": model.manifest.task.map(|task| task.as_str()),
            "bytes": model.manifest.total_bytes(),
            "licence": model.manifest.licence,
            "installed": true,
            "status": "imported",
        })
    }));
    if common.json {
        output::json(&json!({"models": entries}));
        return Ok(());
    }
    let rows = entries.iter().map(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap_or("-").to_string();
        let size = entry["bytes"].as_u64().map(output::bytes).unwrap_or_default();
        let mark = if entry["installed"] == true { tr("oui", "yes") } else { "" };
        vec![text("id"), text("task"), size, text("licence"), text("status"), mark.to_string()]
    });
    let header = tr(
        ["ID", "TÂCHE", "TAILLE", "LICENCE", "ÉTAT", "INSTALLÉ"],
        ["ID", "TASK", "SIZE", "LICENCE", "STATUS", "INSTALLED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn catalogue_entry(entry: &CatalogModel, bytes: u64, installed: bool) -> Value {
    json!({
        "id": entry.id.as_str(),
        "name": entry.name,
        "family": entry.family,
        "task": entry.task.as_str(),
        "parameters": entry.parameters,
        "quantisation": entry.quantisation,
        "bytes": bytes,
        "licence": entry.licence,
        "gated": entry.gated,
        "languages": entry.languages,
        "context_tokens": entry.context_tokens,
        "status": if entry.status == Status::Tried { "tried" } else { "untried" },
        "note": entry.note,
        "installed": installed,
    })
}

fn import(
    common: &Common,
    models: &ModelsDir,
    path: &Path,
    id: Option<&str>,
    licence: Option<&str>,
) -> anyhow::Result<()> {
    let id = match id {
        Some(id) => id.to_string(),
        None => id_from(path)?,
    };
    let mut options = match Catalog::embedded().get(&id) {
        Ok(entry) => ImportOptions::for_model(entry),
        Err(_) => ImportOptions::new(&id),
    };
    if let Some(licence) = licence {
        options.licence = licence.to_string();
    }
    if path.is_file() {
        check_text_model(path)?;
    }
    let imported = models.import(path, options, &mut Bars::new(common.json))?;
    if !imported.left_aside.is_empty() && !common.json {
        let names = imported.left_aside.join(", ");
        output::note(tr(
            format!("inutiles, non copiés : {names}"),
            format!("not needed, not copied: {names}"),
        ));
    }
    report(common, &imported.manifest)
}

/// Reads the header of a text model, a GGUF file or a folder, so that what could never be served
/// is refused before it is copied; weights are not loaded.
pub(super) fn check_text_model(path: &Path) -> anyhow::Result<()> {
    match ModelFiles::discover(path)?.weights {
        WeightFiles::Gguf(file) => {
            DecoderConfig::from_gguf(&Gguf::open(&file)?)?;
        }
        WeightFiles::Safetensors { config, .. } => {
            DecoderConfig::from_config_json(&config)?;
        }
    }
    Ok(())
}

/// A model id from a file's or folder's name: lower case, `-` for what ids cannot hold.
fn id_from(path: &Path) -> anyhow::Result<String> {
    let path = path.canonicalize().with_context(|| {
        let path = path.display();
        tr(format!("{path} ne peut pas être lu"), format!("{path} cannot be read"))
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gguf").unwrap_or(&name);
    let kept = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    Ok(name.chars().map(|letter| if kept(letter) { letter } else { '-' }).collect())
}

fn report(common: &Common, manifest: &Manifest) -> anyhow::Result<()> {
    if common.json {
        output::json(&serde_json::to_value(manifest)?);
    } else {
        let size = output::bytes(manifest.total_bytes());
        let (id, licence) = (&manifest.id, &manifest.licence);
        output::line(tr(
            format!("{id} installé ({size}, licence {licence})"),
            format!("{id} installed ({size}, licence {licence})"),
        ));
    }
    Ok(())
}

fn verify(common: &Common, models: &ModelsDir, id: Option<&str>) -> anyhow::Result<ExitCode> {
    let ids: Vec<String> = match id {
        Some(id) => vec![id.to_string()],
        None => models.installed()?.iter().map(|model| model.id.to_string()).collect(),
    };
    let mut intact = true;
    let mut results = Vec::new();
    for id in ids {
        let outcome = models.verify(&id, &mut Bars::new(common.json))?;
        intact &= outcome.is_intact();
        for check in &outcome.files {
            let state = describe(&check.state);
            if !common.json {
                output::line(format!("{id}/{}: {}", check.file.path, state));
            }
            results.push(json!({"id": id, "file": check.file.path, "state": state}));
        }
    }
    if common.json {
        output::json(&json!({"intact": intact, "files": results}));
    } else if !intact {
        output::note(tr(
            "modèles abîmés : supprimez-les avec « models rm », puis téléchargez-les de nouveau",
            "damaged models: remove them with 'models rm' and fetch them again",
        ));
    }
    Ok(if intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(state: &FileState) -> String {
    match state {
        FileState::Intact => "intact".into(),
        FileState::Unreadable { reason } => {
            tr(format!("illisible : {reason}"), format!("unreadable: {reason}"))
        }
        FileState::Size { actual } => {
            tr(format!("mauvaise taille : {actual} octets"), format!("wrong size: {actual} bytes"))
        }
        FileState::Digest { actual } => tr(
            format!("mauvais contenu : son SHA-256 est {actual}"),
            format!("wrong contents: SHA-256 is {actual}"),
        ),
        _ => tr("abîmé", "damaged").into(),
    }
}

fn remove(common: &Common, models: &ModelsDir, id: &str) -> anyhow::Result<()> {
    models.remove(id)?;
    if common.json {
        output::json(&json!({"removed": id}));
    } else {
        output::line(tr(format!("{id} supprimé"), format!("{id} removed")));
    }
    Ok(())
}
