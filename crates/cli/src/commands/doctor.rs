//! `intramuros doctor`: what is wrong, and how to mend it.

mod checks;

use std::process::ExitCode;

use serde_json::json;

use crate::args::Common;
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
            Verdict::Good => "  ok     ",
            Verdict::Warning => "  warning",
            Verdict::Bad => "  PROBLEM",
        }
    }
}

/// The result of one check.
pub(crate) struct Finding {
    pub(crate) area: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) what: String,
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn good(area: &'static str, what: impl Into<String>) -> Self {
        Self { area, verdict: Verdict::Good, what: what.into(), remedy: None }
    }

    pub(crate) fn warning(
        area: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { area, verdict: Verdict::Warning, what: what.into(), remedy }
    }

    pub(crate) fn bad(
        area: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { area, verdict: Verdict::Bad, what: what.into(), remedy: Some(remedy.into()) }
    }
}

/// Fails when a check found a problem, so that scripts can rely on it.
pub(crate) fn run(common: &Common) -> anyhow::Result<ExitCode> {
    let mut findings = checks::machine();
    match settings::load(common, &[]) {
        Ok(loaded) => {
            let from = match &loaded.file {
                Some(file) => format!("read from {}", file.display()),
                None => "no settings file; defaults, environment and flags apply".to_string(),
            };
            findings.push(Finding::good("settings", from));
            findings.extend(checks::server(common, &loaded.settings));
            findings.extend(checks::models(&loaded.settings));
            findings.extend(checks::data(&loaded.settings)?);
        }
        Err(error) => {
            let remedy = "correct the setting; docs/configuration.md lists them all";
            findings.push(Finding::bad("settings", format!("{error:#}"), remedy));
        }
    }
    let healthy = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    if common.json {
        let list = findings.iter().map(|finding| {
            json!({
                "area": finding.area,
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
    let mut area = "";
    for finding in findings {
        if finding.area != area {
            area = finding.area;
            output::line(area);
        }
        output::line(format!("{}  {}", finding.verdict.mark(), finding.what));
        if let Some(remedy) = &finding.remedy {
            output::line(format!("             → {remedy}"));
        }
    }
}
