//! Says how documents are read: each in a process of its own, page images with `tesseract`.

use std::path::PathBuf;

use intramuros_ingest::OcrConfig;
use intramuros_ingest::worker::{Reader, WorkerLimits};

use crate::commands::read_document;
use crate::settings::{Ocr, Settings};

/// The program that reads page images, as the distributions' packages name it.
const PROGRAM: &str = "tesseract";

/// What reads documents. The running program's file stays the same while an upgrade replaces it on
/// disk.
pub(crate) fn reader() -> Reader {
    let program = PathBuf::from("/proc/self/exe");
    Reader::new(program, vec![read_document::NAME.to_owned()], WorkerLimits::default())
}

/// How page images are read; `None` when that is switched off or the program is not installed.
pub(crate) fn ocr(settings: &Settings) -> Option<OcrConfig> {
    if settings.knowledge.ocr == Ocr::Off {
        return None;
    }
    let languages = settings.knowledge.ocr_languages.clone();
    Some(OcrConfig { program: program()?, languages })
}

/// Says once, at the start, what is missing.
pub(crate) fn log_missing(settings: &Settings, config: Option<&OcrConfig>) {
    let Some(config) = config else {
        if settings.knowledge.ocr == Ocr::Auto {
            tracing::info!("tesseract is not installed: scanned pages and images are not read");
        }
        return;
    };
    let missing = missing_languages(config).unwrap_or_default().join("+");
    if !missing.is_empty() {
        tracing::warn!(missing, "tesseract lacks languages of knowledge.ocr_languages");
    }
}

/// The program's file, absolute.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(PROGRAM))
        .find(|program| program.is_file())
}

/// The languages of `config` that are not installed; `None` when the program does not say.
pub(crate) fn missing_languages(config: &OcrConfig) -> Option<Vec<String>> {
    let output = std::process::Command::new(&config.program).arg("--list-langs").output().ok()?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let installed: Vec<&str> = listed.lines().map(str::trim).collect();
    let wanted = config.languages.split('+').filter(|code| !installed.contains(code));
    output.status.success().then(|| wanted.map(str::to_owned).collect())
}
