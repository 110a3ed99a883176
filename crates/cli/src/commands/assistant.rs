//! `intramuros assistant`: assistants as configuration, their versions and figures.

mod show;
mod talk;

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::args::{Assistant, Common, Days};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const ASSISTANTS: &str = "/api/v1/assistants";

pub(crate) fn run(common: &Common, command: &Assistant) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Assistant::List => answer(common, &client.get(ASSISTANTS)?, show::assistants),
        Assistant::Show { assistant } => output::json(&client.get(&path(assistant, ""))?),
        Assistant::Create { slug, file, name } => {
            let mut body = json!({"slug": slug, "config": config(file)?});
            if let Some(name) = name {
                body["name"] = json!(name);
            }
            answer(common, &client.post(ASSISTANTS, &body)?, show::assistant);
        }
        Assistant::Set { .. } => set(common, &client, command)?,
        Assistant::Publish { assistant, note } => {
            let version = client.get(&path(assistant, ""))?["version"].clone();
            let body = json!({"version": version, "note": note});
            let published = client.post(&path(assistant, "/publish"), &body)?;
            answer(common, &json!({"versions": [published]}), show::versions);
        }
        Assistant::Restore { assistant, number, note } => {
            let body = json!({"number": number, "note": note});
            let published = client.post(&path(assistant, "/restore"), &body)?;
            answer(common, &json!({"versions": [published]}), show::versions);
        }
        Assistant::Versions { assistant, number: None } => {
            answer(common, &client.get(&path(assistant, "/versions"))?, show::versions);
        }
        Assistant::Versions { assistant, number: Some(number) } => {
            output::json(&client.get(&path(assistant, &format!("/versions/{number}")))?);
        }
        Assistant::Retire { assistant } => retire(common, &client, assistant, true)?,
        Assistant::Unretire { assistant } => retire(common, &client, assistant, false)?,
        Assistant::Remove { assistant, yes } => {
            if !yes {
                bail!(tr(
                    format!(
                        "« {assistant} » serait supprimé avec toutes ses conversations ; ajoutez --yes"
                    ),
                    format!(
                        "'{assistant}' would be removed with all of its conversations; add --yes"
                    ),
                ));
            }
            client.delete(&path(assistant, ""))?;
        }
        Assistant::Stats { assistant, days } => {
            let stats = client.get(&path(assistant, &format!("/stats?{}", query(days))))?;
            answer(common, &stats, show::stats);
        }
        Assistant::Gaps { assistant, days } => {
            let gaps = client.get(&path(assistant, &format!("/gaps?{}", query(days))))?;
            answer(common, &gaps, show::gaps);
        }
        Assistant::Talk { assistant, draft, language } => {
            talk::run(common, &client, assistant, (*draft, language.as_deref()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The path of something of an assistant.
fn path(assistant: &str, rest: &str) -> String {
    format!("{ASSISTANTS}/{}{rest}", segment(assistant))
}

fn query(days: &Days) -> String {
    let given = [("from", &days.from), ("to", &days.to)].into_iter();
    let given =
        given.filter_map(|(name, day)| day.as_ref().map(|day| format!("{name}={}", segment(day))));
    given.collect::<Vec<_>>().join("&")
}

fn answer(common: &Common, value: &Value, show: fn(&Value)) {
    if common.json { output::json(value) } else { show(value) }
}

fn config(file: &Path) -> anyhow::Result<Value> {
    let name = file.display();
    let unreadable = || tr(format!("{name} ne peut pas être lu"), format!("{name} cannot be read"));
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).with_context(unreadable)?;
        bytes
    } else {
        std::fs::read(file).with_context(unreadable)?
    };
    serde_json::from_slice(&bytes)
        .with_context(|| tr(format!("{name} n'est pas du JSON"), format!("{name} is not JSON")))
}

fn set(common: &Common, client: &Client, command: &Assistant) -> anyhow::Result<()> {
    let Assistant::Set { assistant, file, slug, name } = command else { return Ok(()) };
    let mut body = json!({"version": client.get(&path(assistant, ""))?["version"]});
    if let Some(file) = file {
        body["config"] = config(file)?;
    }
    for (field, value) in [("slug", slug), ("name", name)] {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    answer(common, &client.patch(&path(assistant, ""), &body)?, show::assistant);
    Ok(())
}

fn retire(common: &Common, client: &Client, assistant: &str, retired: bool) -> anyhow::Result<()> {
    let version = client.get(&path(assistant, ""))?["version"].clone();
    let body = json!({"version": version, "retired": retired});
    answer(common, &client.patch(&path(assistant, ""), &body)?, show::assistant);
    Ok(())
}
