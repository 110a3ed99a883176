//! Checks how documents are read: character recognition, and what holds the reading process.

use intramuros_ingest::ExtractConfig;

use super::{Area, Finding};
use crate::language::tr;
use crate::reading;
use crate::settings::{Folder, Ocr, Settings};

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![recognition(settings), confinement(settings)];
    findings.extend(settings.knowledge.folders.iter().map(watched));
    findings
}

fn watched(folder: &Folder) -> Finding {
    let path = folder.path.display();
    match std::fs::read_dir(&folder.path) {
        Ok(_) => {
            let base = &folder.knowledge_base;
            let what = tr(
                format!("le dossier {path} est suivi par la base « {base} »"),
                format!("the folder {path} is followed by the knowledge base '{base}'"),
            );
            Finding::good(Area::Documents, what)
        }
        Err(error) => {
            let what = tr(
                format!("le dossier surveillé {path} ne peut pas être lu : {error}"),
                format!("the watched folder {path} cannot be read: {error}"),
            );
            let remedy = tr(
                "montez le partage, ou donnez à l'utilisateur du service le droit de le lire",
                "mount the share, or let the user of the service read it",
            );
            Finding::bad(Area::Documents, what, remedy)
        }
    }
}

fn recognition(settings: &Settings) -> Finding {
    if settings.knowledge.ocr == Ocr::Off {
        let what = tr(
            "la reconnaissance de caractères est désactivée (knowledge.ocr)",
            "character recognition is switched off (knowledge.ocr)",
        );
        return Finding::good(Area::Documents, what);
    }
    let Some(config) = reading::ocr(settings) else {
        return Finding::warning(
            Area::Documents,
            tr(
                "tesseract n'est pas installé : les pages numérisées et les images ne sont pas lues",
                "tesseract is not installed: scanned pages and images are not read",
            ),
            "apt install tesseract-ocr tesseract-ocr-fra tesseract-ocr-osd",
        );
    };
    let missing = reading::missing_languages(&config).unwrap_or_default();
    if missing.is_empty() {
        let languages = &config.languages;
        let what = tr(
            format!("les pages numérisées sont lues avec tesseract ({languages})"),
            format!("scanned pages are read with tesseract ({languages})"),
        );
        return Finding::good(Area::Documents, what);
    }
    let packages: Vec<String> =
        missing.iter().map(|language| format!("tesseract-ocr-{language}")).collect();
    let missing = missing.join(", ");
    let what = tr(
        format!("tesseract n'a pas les langues {missing} (knowledge.ocr_languages)"),
        format!("tesseract lacks the languages {missing} (knowledge.ocr_languages)"),
    );
    Finding::warning(Area::Documents, what, format!("apt install {}", packages.join(" ")))
}

fn confinement(settings: &Settings) -> Finding {
    let config = ExtractConfig { ocr: reading::ocr(settings), ..ExtractConfig::default() };
    let held = match reading::reader().probe(&config) {
        Ok(held) => held,
        Err(error) => {
            let what = tr(
                format!("les documents ne peuvent pas être lus : {error}"),
                format!("documents cannot be read: {error}"),
            );
            let remedy = tr(
                "réinstallez le programme ; le noyau doit permettre d'en lancer un autre",
                "install the program again; the kernel must let it start another process",
            );
            return Finding::bad(Area::Documents, what, remedy);
        }
    };
    if held.files && held.calls && held.priority {
        let what = tr(
            "chaque document est lu dans un processus enfermé, sans fichiers ni réseau",
            "each document is read in a confined process, without files or network",
        );
        return Finding::good(Area::Documents, what);
    }
    let lacking = [(held.files, "landlock"), (held.calls, "seccomp"), (held.priority, "nice")];
    let lacking: Vec<&str> =
        lacking.into_iter().filter(|(held, _)| !held).map(|(_, name)| name).collect();
    let lacking = lacking.join(", ");
    let what = tr(
        format!("le processus qui lit les documents n'est pas enfermé par : {lacking}"),
        format!("the process that reads documents is not confined by: {lacking}"),
    );
    let remedy = tr(
        "il faut un noyau récent (landlock : Linux 5.13), et que systemd laisse passer ces appels",
        "it takes a recent kernel (landlock: Linux 5.13), and systemd to let these calls pass",
    );
    Finding::warning(Area::Documents, what, remedy)
}
