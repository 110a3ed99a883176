//! Checks `[[knowledge.folders]]`, the folders that knowledge bases are kept in step with.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

use crate::language::tr;

/// One `[[knowledge.folders]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) knowledge_base: String,
    /// What the folder is called in the knowledge base; empty: its name.
    #[serde(default)]
    pub(crate) source: String,
    /// Empty: everybody.
    #[serde(default)]
    pub(crate) labels: Vec<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Completes and checks the entries. Whether the folders exist is seen while the server runs: a
/// share may be mounted later.
pub(super) fn check(folders: &mut [Folder]) -> anyhow::Result<()> {
    let mut paths = HashSet::new();
    let mut sources = HashSet::new();
    for folder in folders {
        let path = folder.path.display().to_string();
        if !folder.path.is_absolute() {
            bail!(tr(
                format!("knowledge.folders : « {path} » doit être un chemin absolu"),
                format!("knowledge.folders: '{path}' must be an absolute path"),
            ));
        }
        // Without `.` and trailing slashes, so that entries compare.
        folder.path = folder.path.components().collect();
        if folder.source.is_empty() {
            let name = folder.path.file_name().map(|name| name.to_string_lossy().into_owned());
            folder.source = name.unwrap_or_default();
        }
        if folder.source.is_empty() {
            bail!(tr(
                format!("knowledge.folders : « {path} » n'a pas de nom ; donnez-lui une source"),
                format!("knowledge.folders: '{path}' has no name; give it a source"),
            ));
        }
        if !paths.insert(folder.path.clone()) {
            bail!(tr(
                format!("knowledge.folders nomme deux fois « {path} »"),
                format!("knowledge.folders names '{path}' twice"),
            ));
        }
        if !sources.insert((folder.knowledge_base.clone(), folder.source.clone())) {
            let (base, source) = (&folder.knowledge_base, &folder.source);
            bail!(tr(
                format!(
                    "knowledge.folders : deux dossiers de « {base} » s'appellent « {source} » ; \
                     donnez à l'un une autre source"
                ),
                format!(
                    "knowledge.folders: two folders of '{base}' are called '{source}'; give one \
                     another source"
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Folder, check};

    fn folders(entries: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let folder = |(path, source): &(&str, &str)| Folder {
            path: path.into(),
            knowledge_base: "support".to_owned(),
            source: (*source).to_owned(),
            labels: Vec::new(),
            metadata: Default::default(),
        };
        let mut folders: Vec<Folder> = entries.iter().map(folder).collect();
        check(&mut folders).map_err(|error| error.to_string())?;
        Ok(folders.into_iter().map(|folder| folder.source).collect())
    }

    #[test]
    fn a_folder_is_called_by_its_name() {
        let named = folders(&[("/srv/docs/", ""), ("/srv/docs/./rh", "paie")]);
        assert_eq!(named.unwrap(), ["docs", "paie"]);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        for wrong in [
            &[("srv/docs", "")][..],
            &[("/", "")],
            &[("/srv/docs", ""), ("/srv/docs/", "x")],
            &[("/srv/docs", ""), ("/mnt/docs", "")],
        ] {
            assert!(folders(wrong).is_err(), "{wrong:?}");
        }
    }
}
