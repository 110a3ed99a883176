//! `intramuros triage`: policies that sort tickets, and the tickets.

mod learn;
mod show;
mod submit;

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::args::{Common, Triage};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const POLICIES: &str = "/api/v1/triage/policies";

pub(crate) fn run(common: &Common, command: &Triage) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Triage::Policies => {
            let listed = client.get(POLICIES)?;
            answer(common, &listed, show::policies);
        }
        Triage::Show { policy } => output::json(&client.get(&path(policy, ""))?),
        Triage::Set { policy, file, labels } => set(common, &client, policy, file, labels)?,
        Triage::Remove { policy, yes } => {
            if !yes {
                bail!(tr(
                    format!("« {policy} » serait supprimée avec ses tickets ; ajoutez --yes"),
                    format!("'{policy}' would be removed with its tickets; add --yes"),
                ));
            }
            client.delete(&path(policy, ""))?;
        }
        Triage::Learn { policy, file } => {
            let added = learn::run(&client, &path(policy, "/examples"), file)?;
            answer(common, &added, show::added);
        }
        Triage::Learnt { policy } => {
            answer(common, &client.get(&path(policy, "/learnt"))?, show::learnt);
        }
        Triage::Submit(request) => submit::run(common, &client, request)?,
        Triage::List { policy, state, category, limit } => {
            let mut list = path(policy, &format!("/tickets?limit={limit}"));
            for (name, value) in [("state", state), ("category", category)] {
                if let Some(value) = value {
                    list.push_str(&format!("&{name}={}", segment(value)));
                }
            }
            answer(common, &client.get(&list)?, show::tickets);
        }
        Triage::Ticket { policy, id } => {
            let ticket = client.get(&path(policy, &format!("/tickets/{}", segment(id))))?;
            answer(common, &ticket, show::ticket);
        }
        Triage::Settle { .. } => settle(common, &client, command)?,
        Triage::Alerts { policy, all } => {
            let alerts = client.get(&path(policy, &format!("/alerts?open={}", !all)))?;
            answer(common, &alerts, show::alerts);
        }
        Triage::Acknowledge { policy, id, comment } => {
            let path = path(policy, &format!("/alerts/{}/acknowledge", segment(id)));
            let alert = client.post(&path, &json!({"comment": comment}))?;
            answer(common, &json!({"alerts": [alert]}), show::alerts);
        }
        Triage::Figures { policy, from, to } => {
            let given = [("from", from), ("to", to)].into_iter().filter_map(|(name, value)| {
                value.as_ref().map(|value| format!("{name}={}", segment(value)))
            });
            let query = given.collect::<Vec<_>>().join("&");
            let figures = client.get(&path(policy, &format!("/figures?{query}")))?;
            answer(common, &figures, show::figures);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of something of a policy.
fn path(policy: &str, rest: &str) -> String {
    format!("{POLICIES}/{}{rest}", segment(policy))
}

fn answer(common: &Common, value: &Value, show: fn(&Value)) {
    if common.json { output::json(value) } else { show(value) }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let name = file.display();
    let unreadable = || tr(format!("{name} ne peut pas être lu"), format!("{name} cannot be read"));
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).with_context(unreadable)?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(unreadable)
}

fn set(
    common: &Common,
    client: &Client,
    policy: &str,
    file: &Path,
    labels: &[String],
) -> anyhow::Result<()> {
    let name = file.display();
    let config: Value = serde_json::from_slice(&read(file)?)
        .with_context(|| tr(format!("{name} n'est pas du JSON"), format!("{name} is not JSON")))?;
    let known = client.get(POLICIES)?;
    let known =
        known["policies"].as_array().and_then(|known| known.iter().find(|one| one["id"] == policy));
    let stored = match known {
        Some(known) => {
            let mut body = json!({"version": known["version"], "policy": config});
            if !labels.is_empty() {
                body["labels"] = json!(labels);
            }
            client.patch(&path(policy, ""), &body)?
        }
        None => {
            client.post(POLICIES, &json!({"id": policy, "labels": labels, "policy": config}))?
        }
    };
    answer(common, &json!({"policies": [stored]}), show::policies);
    Ok(())
}

fn settle(common: &Common, client: &Client, command: &Triage) -> anyhow::Result<()> {
    let Triage::Settle { policy, id, category, urgency, team, alert } = command else {
        return Ok(());
    };
    let mut labels = Map::new();
    for (name, value) in [("category", category), ("urgency", urgency), ("team", team)] {
        if let Some(value) = value {
            labels.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(alert) = alert {
        labels.insert("alert".to_owned(), json!(alert));
    }
    let path = path(policy, &format!("/tickets/{}/settle", segment(id)));
    let ticket = client.post(&path, &json!({"labels": labels}))?;
    answer(common, &json!({"tickets": [ticket]}), show::tickets);
    Ok(())
}
