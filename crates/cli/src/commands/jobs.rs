//! `intramuros jobs`: the work that the server does in the background.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::{Common, Jobs};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const JOBS: &str = "/api/v1/jobs";

/// Failed items that `show` lists.
const SHOWN_ITEMS: u32 = 20;

pub(crate) fn run(common: &Common, command: &Jobs) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Jobs::List { state, kind, limit } => {
            list(common, &client, state.as_deref(), kind.as_deref(), *limit)
        }
        Jobs::Show { id } => show(common, &client, id),
        Jobs::Pause { id } => steer(common, &client, id, "pause"),
        Jobs::Resume { id } => steer(common, &client, id, "resume"),
        Jobs::Cancel { id } => steer(common, &client, id, "cancel"),
        Jobs::Retry { id } => steer(common, &client, id, "retry"),
        Jobs::Priority { id, priority } => {
            let path = format!("{JOBS}/{}", segment(id));
            let job = client.patch(&path, &json!({"priority": priority}))?;
            report(common, &job);
            Ok(())
        }
        Jobs::Schedules => schedules(common, &client),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn list(
    common: &Common,
    client: &Client,
    state: Option<&str>,
    kind: Option<&str>,
    limit: u32,
) -> anyhow::Result<()> {
    let mut path = format!("{JOBS}?limit={limit}");
    for (name, value) in [("state", state), ("kind", kind)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    let listed = client.get(&path)?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    table(listed["jobs"].as_array().map(Vec::as_slice).unwrap_or_default());
    if !listed["next"].is_null() {
        output::note(tr(
            "il y en a d'autres : --limit, --state, --kind",
            "there are more: --limit, --state, --kind",
        ));
    }
    Ok(())
}

fn show(common: &Common, client: &Client, id: &str) -> anyhow::Result<()> {
    let path = format!("{JOBS}/{}", segment(id));
    let job = client.get(&path)?;
    let failed = client.get(&format!("{path}/items?state=failed&limit={SHOWN_ITEMS}"))?;
    if common.json {
        output::json(&json!({"job": job, "failed_items": failed["items"]}));
        return Ok(());
    }
    table(std::slice::from_ref(&job));
    if let Some(detail) = job["failure"]["detail"].as_str() {
        output::line(format!("{}: {detail}", text(&job["failure"], "code")));
    }
    for item in failed["items"].as_array().into_iter().flatten() {
        let (key, failure) = (text(item, "key"), &item["failure"]);
        output::line(format!("{key}: {}: {}", text(failure, "code"), text(failure, "detail")));
    }
    Ok(())
}

fn steer(common: &Common, client: &Client, id: &str, what: &str) -> anyhow::Result<()> {
    let job = client.post(&format!("{JOBS}/{}/{what}", segment(id)), &json!({}))?;
    report(common, &job);
    Ok(())
}

fn report(common: &Common, job: &Value) {
    if common.json {
        output::json(job);
    } else {
        table(std::slice::from_ref(job));
    }
}

fn table(jobs: &[Value]) {
    let rows = jobs.iter().map(|job| {
        vec![
            text(job, "id"),
            text(job, "kind"),
            text(job, "title"),
            state(job),
            text(job, "priority"),
            progress(&job["progress"]),
            job["progress"]["remaining_seconds"].as_u64().map(duration).unwrap_or_default(),
        ]
    });
    let header = tr(
        ["ID", "GENRE", "TITRE", "ÉTAT", "PRIORITÉ", "AVANCEMENT", "RESTE"],
        ["ID", "KIND", "TITLE", "STATE", "PRIORITY", "PROGRESS", "LEFT"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

fn schedules(common: &Common, client: &Client) -> anyhow::Result<()> {
    let found = client.get("/api/v1/schedules")?;
    if common.json {
        output::json(&found);
        return Ok(());
    }
    let rows = found["schedules"].as_array().into_iter().flatten().map(|one| {
        ["name", "kind", "cron", "next_run", "last_run"].map(|field| text(one, field)).to_vec()
    });
    let header = tr(
        ["NOM", "GENRE", "QUAND", "PROCHAIN", "DERNIER"],
        ["NAME", "KIND", "WHEN", "NEXT", "LAST"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn state(job: &Value) -> String {
    let state = text(job, "state");
    let told = match (state.as_str(), job["wanted"].as_str()) {
        ("running", Some("pause")) => tr(" (pause demandée)", " (told to pause)"),
        ("running", Some("cancel")) => tr(" (annulation demandée)", " (told to stop)"),
        ("queued", _) if job["attempts"].as_u64().unwrap_or(0) > 0 => {
            tr(" (nouvel essai)", " (another try)")
        }
        _ => "",
    };
    format!("{}{told}", state_name(&state))
}

/// The state of a job, or of a pilot's run.
pub(super) fn state_name(state: &str) -> &str {
    let french = match state {
        "queued" => "en attente",
        "running" => "en cours",
        "paused" => "en pause",
        "done" | "finished" => "terminé",
        "failed" => "en échec",
        "cancelled" => "annulé",
        other => other,
    };
    tr(french, state)
}

/// `40 / 120 (2 failed)`.
fn progress(progress: &Value) -> String {
    let number = |name: &str| progress[name].as_u64();
    let (done, failed) = (number("done").unwrap_or(0), number("failed").unwrap_or(0));
    let mut shown = (done + failed).to_string();
    if let Some(total) = number("total") {
        shown.push_str(&format!(" / {total}"));
    }
    if failed > 0 {
        shown.push_str(&tr(format!(" ({failed} en échec)"), format!(" ({failed} failed)")));
    }
    shown
}

/// `2 h 05 min`, `3 min 20 s`, `12 s`.
fn duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_string()
}
