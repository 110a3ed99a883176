//! `intramuros reviews`: what waits for a person's decision.

mod export;
mod show;

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::args::{Common, Decide, ReviewFilter, Reviews};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const REVIEWS: &str = "/api/v1/reviews";

pub(crate) fn run(common: &Common, command: &Reviews) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Reviews::List { .. } => list(common, &client, command),
        Reviews::Show { id } => {
            report(common, &client.get(&path(id))?);
            Ok(())
        }
        Reviews::Next { kind, team } => {
            let body = given([("kind", kind), ("team", team)]);
            next(common, &client.post(&format!("{REVIEWS}/next"), &body)?);
            Ok(())
        }
        Reviews::Claim { id } => {
            report(common, &client.post(&format!("{}/claim", path(id)), &json!({}))?);
            Ok(())
        }
        Reviews::Release { id } => {
            brief(common, &client.delete(&format!("{}/claim", path(id)))?);
            Ok(())
        }
        Reviews::Approve(decision) => decide(common, &client, decision, "approve", None),
        Reviews::Correct { decide: decision, value } => {
            let value = read_json(value)?;
            decide(common, &client, decision, "correct", Some(value))
        }
        Reviews::Reject(decision) => decide(common, &client, decision, "reject", None),
        Reviews::Assign { id, assignee, team, priority, due } => {
            let body = given([
                ("assignee", assignee),
                ("team", team),
                ("priority", priority),
                ("due", due),
            ]);
            brief(common, &client.patch(&path(id), &body)?);
            Ok(())
        }
        Reviews::Add { file } => {
            brief(common, &client.post(REVIEWS, &read_json(file)?)?);
            Ok(())
        }
        Reviews::Withdraw { id } => {
            brief(common, &client.post(&format!("{}/withdraw", path(id)), &json!({}))?);
            Ok(())
        }
        Reviews::Stats { kind, team, from, to } => {
            let query = query(&[("kind", kind), ("team", team), ("from", from), ("to", to)]);
            let stats = client.get(&format!("{REVIEWS}/stats?{query}"))?;
            if common.json {
                output::json(&stats);
            } else {
                show::stats(&stats);
            }
            Ok(())
        }
        Reviews::Export { filter, from, to, format } => {
            let ReviewFilter { kind, team, verdict } = filter;
            let query = query(&[
                ("kind", kind),
                ("team", team),
                ("verdict", verdict),
                ("from", from),
                ("to", to),
            ]);
            export::run(&client, &query, *format)
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn path(id: &str) -> String {
    format!("{REVIEWS}/{}", segment(id))
}

/// The parameters that are there, joined by `&`.
fn query(parameters: &[(&str, &Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("{name}={}", segment(value)))
    });
    given.collect::<Vec<_>>().join("&")
}

/// The fields that are there.
fn given<const N: usize>(fields: [(&str, &Option<String>); N]) -> Value {
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name.to_owned(), json!(value))));
    Value::Object(given.collect::<Map<_, _>>())
}

fn read_json(file: &Path) -> anyhow::Result<Value> {
    let name = file.display();
    let unreadable = || tr(format!("{name} ne peut pas être lu"), format!("{name} cannot be read"));
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).with_context(unreadable)?;
        text
    } else {
        std::fs::read_to_string(file).with_context(unreadable)?
    };
    serde_json::from_str(&text)
        .with_context(|| tr(format!("{name} n'est pas du JSON"), format!("{name} is not JSON")))
}

fn list(common: &Common, client: &Client, command: &Reviews) -> anyhow::Result<()> {
    let Reviews::List { filter, state, mine, overdue, limit } = command else { return Ok(()) };
    let ReviewFilter { kind, team, verdict } = filter;
    let mut path = format!("{REVIEWS}?limit={limit}");
    let named = query(&[("kind", kind), ("team", team), ("verdict", verdict), ("state", state)]);
    if !named.is_empty() {
        path.push_str(&format!("&{named}"));
    }
    for (name, is_set) in [("mine", mine), ("overdue", overdue)] {
        if *is_set {
            path.push_str(&format!("&{name}=true"));
        }
    }
    let listed = client.get(&path)?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    show::table(listed["reviews"].as_array().map(Vec::as_slice).unwrap_or_default());
    if !listed["next"].is_null() {
        output::note(tr(
            "il y en a d'autres : --limit, --state, --kind, --team",
            "there are more: --limit, --state, --kind, --team",
        ));
    }
    Ok(())
}

fn next(common: &Common, review: &Value) {
    if !review.is_null() {
        report(common, review);
    } else if common.json {
        output::json(&Value::Null);
    } else {
        output::note(tr("rien n'attend votre décision", "nothing waits for your decision"));
    }
}

fn decide(
    common: &Common,
    client: &Client,
    decision: &Decide,
    what: &str,
    value: Option<Value>,
) -> anyhow::Result<()> {
    let path = path(&decision.id);
    let version = match decision.seen {
        Some(version) => json!(version),
        None => client.get(&path)?["version"].clone(),
    };
    let mut body = json!({"version": version, "comment": decision.comment});
    if let Some(value) = value {
        body["value"] = value;
    }
    let decided = client.post(&format!("{path}/{what}"), &body)?;
    brief(common, &decided);
    if !common.json && decided["state"] != "decided" {
        output::note(match decided["opinions"].as_u64() {
            Some(1) => tr(
                "votre avis est gardé ; une seconde personne doit en décider aussi",
                "your opinion is kept; a second person must decide too",
            ),
            _ => tr(
                "vos avis diffèrent ; une troisième personne décide",
                "your opinions differ; a third person decides",
            ),
        });
    }
    Ok(())
}

/// A review in one line.
fn brief(common: &Common, review: &Value) {
    if common.json {
        output::json(review);
    } else {
        show::table(std::slice::from_ref(review));
    }
}

/// A review with all that it holds.
fn report(common: &Common, review: &Value) {
    if common.json {
        output::json(review);
    } else {
        show::whole(review);
    }
}
