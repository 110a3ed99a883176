//! Makes the data directory, for its owner only.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use intramuros_upkeep::interrupted_restore;

use crate::language::tr;

/// Creates `dir` where it is missing. Other users of the machine cannot look into a new one
/// whatever the umask; one that exists keeps its permissions, which `doctor` judges.
///
/// # Errors
/// Also when a restore into it was not finished: what is there is not the data.
pub(crate) fn create(dir: &Path) -> anyhow::Result<()> {
    if interrupted_restore(dir) {
        let dir = dir.display();
        bail!(tr(
            format!(
                "une restauration dans {dir} a été interrompue ; videz ce dossier et relancez \
                 « intramuros restore »"
            ),
            format!(
                "a restore into {dir} was interrupted; empty that folder and run \
                 'intramuros restore' again"
            ),
        ));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        let dir = dir.display();
        tr(
            format!("le dossier de données {dir} ne peut pas être créé"),
            format!("the data directory {dir} cannot be created"),
        )
    })
}
