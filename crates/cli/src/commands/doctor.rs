//! `intramuros doctor`: what is wrong, and how to mend it.

mod checks;
mod contents;
mod outside;
mod reading;

use std::process::ExitCode;

use serde_json::json;

use crate::args::Common;
use crate::language::tr;
use crate::{output, settings};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    /// Works, with a drawback.
    Warning,
    Bad,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::Warning => "warning",
            Verdict::Bad => "problem",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Verdict::Good => tr("  bien     ", "  ok     "),
            Verdict::Warning => tr("  attention", "  warning"),
            Verdict::Bad => tr("  PROBLÈME ", "  PROBLEM"),
        }
    }
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Machine,
    Settings,
    Server,
    Models,
    Documents,
    Data,
}

impl Area {
    /// Its name for programs.
    fn as_str(self) -> &'static str {
        match self {
            Area::Machine => "machine",
            Area::Settings => "settings",
            Area::Server => "server",
            Area::Models => "models",
            Area::Documents => "documents",
            Area::Data => "data",
        }
    }

    fn title(self) -> &'static str {
        let french = match self {
            Area::Machine => "machine",
            Area::Settings => "réglages",
            Area::Server => "serveur",
            Area::Models => "modèles",
            Area::Documents => "documents",
            Area::Data => "données",
        };
        tr(french, self.as_str())
    }
}

/// The result of one check.
pub(crate) struct Finding {
    pub(crate) area: Area,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn good(area: Area, what: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Good, what: what.into(), remedy: None }
    }

    pub(crate) fn warning(area: Area, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { area, verdict: Verdict::Warning, what: what.into(), remedy }
    }

    pub(crate) fn bad(area: Area, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Bad, what: what.into(), remedy: Some(remedy.into()) }
    }
}

/// Fails when a check found a problem, so that scripts can rely on it.
pub(crate) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let mut findings = checks::machine();
    match settings::load(common, &[]) {
        Ok(loaded) => {
            let from = match &loaded.file {
                Some(file) => format!("{} {}", tr("lus dans", "read from"), file.display()),
                None => tr(
                    "pas de fichier ; valeurs par défaut, environnement et options s'appliquent",
                    "no settings file; defaults, environment and flags apply",
                )
                .to_string(),
            };
            findings.push(Finding::good(Area::Settings, from));
            findings.extend(outside::findings(&loaded.settings));
            findings.extend(checks::server(common, &loaded.settings)?);
            findings.extend(checks::models(&loaded.settings));
            findings.extend(reading::findings(&loaded.settings));
            findings.extend(checks::data(&loaded.settings)?);
        }
        Err(error) => {
            let remedy = tr(
                "corrigez le réglage ; docs/configuration.md les donne tous",
                "correct the setting; docs/configuration.md lists them all",
            );
            findings.push(Finding::bad(Area::Settings, format!("{error:#}"), remedy));
        }
    }
    let healthy = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    if common.json {
        let list = findings.iter().map(|finding| {
            json!({
                "area": finding.area.as_str(),
                "verdict": finding.verdict.as_str(),
                "what": finding.what,
                "remedy": finding.remedy,
            })
        });
        output::json(&json!({"healthy": healthy, "findings": list.collect::<Vec<_>>()}));
    } else {
        print(&findings);
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(findings: &[Finding]) {
    let mut area = None;
    for finding in findings {
        if area != Some(finding.area) {
            area = Some(finding.area);
            output::line(finding.area.title());
        }
        output::line(format!("{}  {}", finding.verdict.mark(), finding.what));
        if let Some(remedy) = &finding.remedy {
            output::line(format!("             → {remedy}"));
        }
    }
}
