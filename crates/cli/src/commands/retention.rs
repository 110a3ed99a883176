//! `intramuros retention`: how long what is kept.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::args::{Common, Retention};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

/// Between two looks at a run.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) fn run(common: &Common, command: &Retention) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Retention::Show => show(common, &client.get("/api/v1/retention")?),
        Retention::Run { dry_run } => {
            let body = if *dry_run { json!({"dry_run": true}) } else { json!({}) };
            let mut job = client.post("/api/v1/retention/run", &body)?;
            let id = job["id"].as_str().unwrap_or_default().to_owned();
            while matches!(job["state"].as_str(), Some("queued" | "running")) {
                std::thread::sleep(LOOK);
                job = client.get(&format!("/api/v1/jobs/{}", segment(&id)))?;
            }
            show(common, &client.get("/api/v1/retention")?);
            let failed = job["state"] != json!("done") || job["progress"]["failed"] != json!(0);
            if failed {
                output::note(tr(
                    format!("tout n'a pas pu être fait : « intramuros jobs show {id} »"),
                    format!("not all of it could be done: 'intramuros jobs show {id}'"),
                ));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(common: &Common, retention: &Value) {
    if common.json {
        output::json(retention);
        return;
    }
    let kept = |days: &Value| match days.as_u64() {
        Some(days) => tr(format!("{days} jours"), format!("{days} days")),
        None => tr("toujours", "for ever").to_owned(),
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (kind, days) in retention["kept"].as_object().into_iter().flatten() {
        rows.push(vec![kind.clone(), kept(days), removed(retention, kind)]);
    }
    for (number, rule) in retention["documents"].as_array().into_iter().flatten().enumerate() {
        let text = |field: &str| rule[field].as_str().unwrap_or_default().to_owned();
        let name = format!("documents {}: {}", number + 1, text("knowledge_base"));
        let removed = removed(retention, &name);
        rows.push(vec![
            format!("{name} {} {}", text("label"), text("source")).trim_end().to_owned(),
            kept(&rule["days"]),
            removed,
        ]);
    }
    let header = tr(["QUOI", "GARDÉ", "SUPPRIMÉ"], ["WHAT", "KEPT", "REMOVED"]);
    output::table(&header, &rows);
    let next = retention["next_run"].as_str().unwrap_or("-");
    output::line(tr(format!("prochain passage : {next}"), format!("next run: {next}")));
}

/// What the last run removed of a kind, or would have.
fn removed(retention: &Value, kind: &str) -> String {
    let part = &retention["last"]["parts"][kind];
    match (part["removed"].as_u64(), part["due"].as_u64()) {
        (Some(removed), _) => removed.to_string(),
        (None, Some(due)) => tr(format!("{due} à effacer"), format!("{due} due")),
        (None, None) => String::new(),
    }
}
