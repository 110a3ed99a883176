//! Makes the data directory, for its owner only.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::language::tr;

/// Creates `dir` where it is missing. Other users of the machine cannot look into a new one
/// whatever the umask; one that exists keeps its permissions, which `doctor` judges.
pub(crate) fn create(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        let dir = dir.display();
        tr(
            format!("le dossier de données {dir} ne peut pas être créé"),
            format!("the data directory {dir} cannot be created"),
        )
    })
}
