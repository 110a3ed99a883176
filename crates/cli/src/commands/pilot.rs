//! `intramuros pilot`: labelled sets, their runs and reports.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::args::{Common, Pilot, PilotReport, PilotRun};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const SETS: &str = "/api/v1/pilots/sets";
const RUNS: &str = "/api/v1/pilots/runs";
const THRESHOLDS: &str = "/api/v1/pilots/thresholds";
const MODELS: &str = "/api/v1/pilots/models";
/// How often a run is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn run(common: &Common, command: &Pilot) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Pilot::Add { name, file, job, labels } => {
            let set = add(&client, (name, job), file, labels)?;
            answer(common, &json!({"sets": [set]}), sets);
        }
        Pilot::Sets => answer(common, &client.get(SETS)?, sets),
        Pilot::Run(request) => return begin(common, &client, request),
        Pilot::Runs { limit } => {
            answer(common, &client.get(&format!("{RUNS}?limit={limit}"))?, runs);
        }
        Pilot::Show { run } => show(common, &client, run)?,
        Pilot::Report(request) => report(&client, request)?,
        Pilot::Accept { run, max_error, certainty } => {
            let body = json!({"run": run, "max_error": max_error, "certainty": certainty});
            let accepted = client.post(THRESHOLDS, &body)?;
            answer(common, &json!({"thresholds": [accepted]}), thresholds);
        }
        Pilot::Thresholds => answer(common, &client.get(THRESHOLDS)?, thresholds),
        Pilot::TakeBack { job, target } => {
            client.delete(&format!("{THRESHOLDS}/{}/{}", segment(job), segment(target)))?;
            answer(common, &client.get(THRESHOLDS)?, thresholds);
        }
        Pilot::Models => answer(common, &client.get(MODELS)?, switches),
        Pilot::Switch { model, before, after } => {
            let mut body = json!({"model": model});
            if let (Some(before), Some(after)) = (before, after) {
                body["before"] = json!(before);
                body["after"] = json!(after);
            }
            let switched = client.post(MODELS, &body)?;
            answer(common, &json!({"switches": [switched]}), switches);
        }
        Pilot::RollBack { switch } => {
            let path = format!("{MODELS}/{}/roll-back", segment(switch));
            let undone = client.post(&path, &json!({}))?;
            answer(common, &json!({"switches": [undone]}), switches);
        }
        Pilot::Remove { id, yes } => {
            if !yes {
                bail!(tr(
                    format!("{id} serait supprimé ; ajoutez --yes"),
                    format!("{id} would be deleted; add --yes"),
                ));
            }
            let of = if id.starts_with("plr_") { RUNS } else { SETS };
            client.delete(&format!("{of}/{}", segment(id)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(common: &Common, value: &Value, show: fn(&Value)) {
    if common.json { output::json(value) } else { show(value) }
}

fn add(
    client: &Client,
    (name, job): (&str, &str),
    file: &Path,
    labels: &[String],
) -> anyhow::Result<Value> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| {
        tr(format!("{shown} ne peut pas être lu"), format!("{shown} cannot be read"))
    })?;
    let file_name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let path = format!(
        "{SETS}?name={}&job={}&file_name={}&labels={}",
        segment(name),
        segment(job),
        segment(&file_name),
        segment(&labels.join(",")),
    );
    client.post_bytes(&path, "application/octet-stream", &bytes)
}

fn begin(common: &Common, client: &Client, request: &PilotRun) -> anyhow::Result<ExitCode> {
    let set = if request.set.starts_with("pls_") {
        request.set.clone()
    } else {
        let found = client.get(&format!("{SETS}?name={}&limit=1", segment(&request.set)))?;
        let id = found["sets"][0]["id"].as_str().map(str::to_owned);
        id.with_context(|| {
            let name = &request.set;
            tr(format!("aucun jeu « {name} »"), format!("there is no set '{name}'"))
        })?
    };
    let mut body = json!({"set": set, "quick": request.quick, "judged": request.judged});
    if let Some(base) = &request.kb {
        body["knowledge_base"] = json!(base);
    }
    if let Some(assistant) = &request.assistant {
        body["assistant"] = json!(assistant);
    }
    if let Some(model) = &request.model {
        body["model"] = json!(model);
    }
    if let Some(policy) = &request.policy {
        body["policy"] = json!(policy);
        body["folds"] = json!(request.folds);
    }
    let mut run = client.post(RUNS, &body)?;
    let id = run["id"].as_str().unwrap_or_default().to_owned();
    if request.no_wait {
        answer(common, &json!({"runs": [run]}), runs);
        return Ok(ExitCode::SUCCESS);
    }
    while run["state"] == "running" {
        std::thread::sleep(LOOK);
        run = client.get(&format!("{RUNS}/{id}"))?;
    }
    if run["state"] != "finished" {
        let why = run["error"].as_str().unwrap_or_default();
        bail!(tr(format!("l'essai {id} a échoué : {why}"), format!("the run {id} failed: {why}")));
    }
    show(common, client, &id)?;
    Ok(ExitCode::SUCCESS)
}

fn show(common: &Common, client: &Client, run: &str) -> anyhow::Result<()> {
    let path = format!("{RUNS}/{}", segment(run));
    if common.json {
        output::json(&client.get(&format!("{path}/figures"))?);
        return Ok(());
    }
    let report =
        client.text(&format!("{path}/report?format=markdown&language={}", tr("fr", "en")))?;
    // The rest is for engineers and fills screens.
    let brief = report.split_once("\n---\n").map_or(report.as_str(), |(brief, _)| brief);
    output::line(brief.trim_end());
    output::line(tr(
        format!("\nLe rapport entier : intramuros pilot report {run} --out rapport.html"),
        format!("\nThe whole report: intramuros pilot report {run} --out report.html"),
    ));
    Ok(())
}

fn report(client: &Client, request: &PilotReport) -> anyhow::Result<()> {
    let is_markdown = request.out.extension().is_some_and(|ending| ending == "md");
    let mut path = format!(
        "{RUNS}/{}/report?format={}&language={}&texts={}",
        segment(&request.run),
        if is_markdown { "markdown" } else { "html" },
        if request.english { "en" } else { "fr" },
        request.texts,
    );
    if let Some(before) = &request.before {
        path.push_str(&format!("&before={}", segment(before)));
    }
    if let (Some(per_week), Some(minutes)) = (request.per_week, request.minutes) {
        path.push_str(&format!(
            "&per_week={per_week}&minutes_by_hand={minutes}&minutes_to_check={}&hourly_rate={}",
            request.check_minutes, request.rate
        ));
    }
    client.download(&path, None, &request.out)?;
    Ok(())
}

fn thresholds(listed: &Value) {
    let rows = listed["thresholds"].as_array().into_iter().flatten().map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let promise = &one["promise"];
        vec![
            text("job"),
            text("target"),
            format!("{:.4}", one["threshold"].as_f64().unwrap_or_default()),
            promise["max_error"].to_string(),
            promise["certainty"].to_string(),
            text("run"),
            text("accepted"),
        ]
    });
    let header = tr(
        ["USAGE", "CIBLE", "SEUIL", "ERREURS AU PLUS", "CERTITUDE", "ESSAI", "ACCEPTÉ"],
        ["JOB", "TARGET", "THRESHOLD", "MOST ERRORS", "CERTAINTY", "RUN", "ACCEPTED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

fn switches(listed: &Value) {
    let rows = listed["switches"].as_array().into_iter().flatten().map(|one| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        vec![text("id"), text("from"), text("to"), text("at"), text("rolled_back")]
    });
    let header =
        tr(["ID", "DE", "À", "QUAND", "ANNULÉ"], ["ID", "FROM", "TO", "WHEN", "ROLLED BACK"]);
    output::table(&header, &rows.collect::<Vec<_>>());
}

fn sets(listed: &Value) {
    let rows = listed["sets"].as_array().into_iter().flatten().map(|set| {
        let text = |name: &str| set[name].as_str().unwrap_or_default().to_owned();
        vec![text("id"), text("name"), text("job"), set["items"].to_string(), text("created")]
    });
    let header =
        tr(["ID", "NOM", "USAGE", "CAS", "DÉPOSÉ"], ["ID", "NAME", "JOB", "ITEMS", "FILED"]);
    output::table(&header, &rows.collect::<Vec<_>>());
}

fn runs(listed: &Value) {
    let rows = listed["runs"].as_array().into_iter().flatten().map(|run| {
        let text = |name: &str| run[name].as_str().unwrap_or_default().to_owned();
        let done = |name: &str| run["done"][name].to_string();
        vec![
            text("id"),
            run["meta"]["set"]["name"].as_str().unwrap_or_default().to_owned(),
            text("job"),
            super::jobs::state_name(&text("state")).to_owned(),
            done("right"),
            done("handed_over"),
            done("wrong"),
            done("failed"),
            run["total"].to_string(),
        ]
    });
    let header = tr(
        ["ID", "JEU", "USAGE", "ÉTAT", "JUSTES", "CONFIÉS", "FAUX", "EN ÉCHEC", "CAS"],
        ["ID", "SET", "JOB", "STATE", "RIGHT", "HANDED OVER", "WRONG", "FAILED", "ITEMS"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}
