//! Brings labelled tickets in as examples.

use std::path::Path;

use anyhow::{Context as _, bail};
use intramuros_usecases::pilot::{Content, Format, Job, LabelledSet};
use serde_json::{Map, Value, json};

use super::read;
use crate::client::Client;
use crate::language::tr;

/// Examples that are sent together.
const TOGETHER: usize = 500;

pub(super) fn run(client: &Client, path: &str, file: &Path) -> anyhow::Result<Value> {
    let bytes = read(file)?;
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let format = Format::guess(&name, &bytes);
    let set = LabelledSet::read(Job::Triage, format, &bytes)
        .with_context(|| tr(format!("{name} ne convient pas"), format!("{name} cannot be used")))?;
    let examples: Vec<Value> = set.items.iter().filter_map(|item| example(&item.content)).collect();
    if examples.is_empty() {
        bail!(tr("aucun ticket étiqueté dans ce fichier", "no labelled ticket in this file"));
    }
    let mut sums = [("added", 0), ("changed", 0), ("unchanged", 0)];
    for some in examples.chunks(TOGETHER) {
        let done = client.post(path, &json!({"examples": some}))?;
        for (name, sum) in &mut sums {
            *sum += done[*name].as_u64().unwrap_or(0);
        }
    }
    let sums = sums.into_iter().map(|(name, sum)| (name.to_owned(), json!(sum)));
    Ok(Value::Object(sums.collect::<Map<_, _>>()))
}

fn example(content: &Content) -> Option<Value> {
    let Content::Triage(ticket) = content else { return None };
    Some(json!({
        "subject": ticket.subject,
        "body": ticket.body,
        "labels": {
            "category": ticket.category,
            "urgency": ticket.urgency,
            "team": ticket.team,
            "alert": ticket.alert,
        },
    }))
}
