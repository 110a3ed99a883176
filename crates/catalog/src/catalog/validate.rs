//! Checks the rules that the catalogue's types cannot express.

use std::collections::HashSet;

use super::{CatalogFile, CatalogModel, PackageFile, Task};
use crate::CatalogError;
use crate::names::{check_id, check_path, is_hex, is_repository};

/// Checks every model.
pub(super) fn check(models: &[CatalogModel]) -> Result<(), CatalogError> {
    let mut ids = HashSet::new();
    for model in models {
        let id = model.id.as_str();
        check_id(id)?;
        if !ids.insert(id) {
            return Err(wrong(id, "its id occurs twice"));
        }
        check_model(model).map_err(|reason| wrong(id, reason))?;
        check_files(model)?;
    }
    Ok(())
}

fn check_model(model: &CatalogModel) -> Result<(), &'static str> {
    let shape = [model.layers, model.kv_heads, model.head_dim];
    let has_shape = shape.iter().all(|n| n.is_some_and(|n| n > 0 && n < 1 << 16));
    let foreign = model.hub.as_ref().is_some_and(|hub| !is_repository(&hub.repository));
    let unknown_profile = model.task == Task::Embedding && model.profile.is_none();
    let rules = [
        (
            model.task == Task::Text && !has_shape,
            "a text model needs layers, kv_heads and head_dim",
        ),
        (unknown_profile, "an embedding model needs a profile"),
        (model.parameters == 0, "parameters are zero"),
        (model.context_tokens == 0, "context_tokens is zero"),
        (model.licence.is_empty(), "it has no licence"),
        (model.languages.is_empty(), "it has no languages"),
        (model.files.is_empty(), "it has no file"),
        (foreign, "its repository is not owner/name"),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map_or(Ok(()), |(_, rule)| Err(rule))
}

fn check_files(model: &CatalogModel) -> Result<(), CatalogError> {
    let id = model.id.as_str();
    let mut paths = HashSet::new();
    for file in &model.files {
        check_path(&file.path)?;
        if let Some(hub) = &file.hub {
            check_path(&hub.file)?;
        }
        if !paths.insert(&file.path) {
            return Err(wrong(id, "a file occurs twice"));
        }
        check_file(model, file).map_err(|reason| wrong(id, reason))?;
    }
    Ok(())
}

fn check_file(model: &CatalogModel, file: &CatalogFile) -> Result<(), &'static str> {
    if file.hub.is_none() && file.package.is_none() {
        return Err("a file has neither a hub nor a package");
    }
    if file.hub.is_some() && model.hub.is_none() {
        return Err("a file names a hub path, the model no repository");
    }
    if file.planned_bytes() == 0 {
        return Err("a file has neither bytes nor about_bytes");
    }
    file.package.as_ref().map_or(Ok(()), check_package)
}

fn check_package(package: &PackageFile) -> Result<(), &'static str> {
    if package.kind != "pypi" {
        return Err("the kind of a package is not pypi");
    }
    if package.names.is_empty() || package.version.is_empty() || package.member.is_empty() {
        return Err("a package lacks names, version or member");
    }
    if !is_hex(&package.sha256, 64) {
        return Err("the sha256 of a package is not 64 hexadecimal digits");
    }
    Ok(())
}

fn wrong(id: &str, reason: &str) -> CatalogError {
    CatalogError::InvalidCatalogue { reason: format!("model {id}: {reason}") }
}
