//! `intramuros webhooks`: who is told of what, what did not arrive, and another try.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::{Common, Webhooks};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const WEBHOOKS: &str = "/api/v1/webhooks";

pub(crate) fn run(common: &Common, command: &Webhooks) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Webhooks::List => list(common, &client),
        Webhooks::Add { address, events, description } => {
            let body = json!({"url": address, "events": events, "description": description});
            tell_secret(common, &client.post(WEBHOOKS, &body)?);
            Ok(())
        }
        Webhooks::Enable { id } => enable(common, &client, id, true),
        Webhooks::Disable { id } => enable(common, &client, id, false),
        Webhooks::Remove { id } => remove(common, &client, id),
        Webhooks::Rotate { id } => {
            let path = format!("{WEBHOOKS}/{}/rotate", segment(id));
            tell_secret(common, &client.post(&path, &json!({}))?);
            Ok(())
        }
        Webhooks::Ping { id } => {
            let path = format!("{WEBHOOKS}/{}/ping", segment(id));
            tell_delivery(common, &client.post(&path, &json!({}))?);
            Ok(())
        }
        Webhooks::Deliveries { id, state } => deliveries(common, &client, id, state.as_deref()),
        Webhooks::Retry { id, delivery } => {
            let (id, delivery) = (segment(id), segment(delivery));
            let path = format!("{WEBHOOKS}/{id}/deliveries/{delivery}/retry");
            tell_delivery(common, &client.post(&path, &json!({}))?);
            Ok(())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn list(common: &Common, client: &Client) -> anyhow::Result<()> {
    let listed = client.get(WEBHOOKS)?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    let rows = listed["webhooks"].as_array().into_iter().flatten().map(|webhook| {
        let events = webhook["events"].as_array().into_iter().flatten();
        let events: Vec<&str> = events.filter_map(Value::as_str).collect();
        vec![
            text(webhook, "id"),
            state(webhook),
            webhook["delivered"].to_string(),
            webhook["dead"].to_string(),
            events.join(","),
            text(webhook, "url"),
            text(webhook, "description"),
        ]
    });
    let header = tr(
        ["ID", "ÉTAT", "REMIS", "PERDUS", "ÉVÉNEMENTS", "ADRESSE", "DESCRIPTION"],
        ["ID", "STATE", "DELIVERED", "DEAD", "EVENTS", "ADDRESS", "DESCRIPTION"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn state(webhook: &Value) -> String {
    let failures = webhook["failures"].as_u64().unwrap_or(0);
    match webhook["enabled"].as_bool() {
        Some(true) if failures == 0 => tr("actif", "active").to_owned(),
        Some(true) => tr(format!("{failures} échecs"), format!("{failures} failures")),
        _ => tr("désactivé", "disabled").to_owned(),
    }
}

fn enable(common: &Common, client: &Client, id: &str, enabled: bool) -> anyhow::Result<()> {
    let path = format!("{WEBHOOKS}/{}", segment(id));
    let changed = client.patch(&path, &json!({"enabled": enabled}))?;
    if common.json {
        output::json(&changed);
    } else if enabled {
        output::line(tr(format!("{id} : activé"), format!("{id} enabled")));
    } else {
        output::line(tr(format!("{id} : désactivé"), format!("{id} disabled")));
    }
    Ok(())
}

fn remove(common: &Common, client: &Client, id: &str) -> anyhow::Result<()> {
    client.delete(&format!("{WEBHOOKS}/{}", segment(id)))?;
    if common.json {
        output::json(&json!({"removed": id}));
    } else {
        output::line(tr(format!("{id} : supprimé"), format!("{id} removed")));
    }
    Ok(())
}

fn tell_secret(common: &Common, made: &Value) {
    if common.json {
        output::json(made);
        return;
    }
    output::note(text(&made["webhook"], "id"));
    output::note(tr(
        "Gardez ce secret maintenant, il ne sera plus montré ; le destinataire vérifie avec lui les \
         signatures :",
        "Keep this secret now, it is not shown again; the receiver checks signatures with it:",
    ));
    output::line(text(made, "secret"));
}

fn deliveries(
    common: &Common,
    client: &Client,
    id: &str,
    state: Option<&str>,
) -> anyhow::Result<()> {
    let only = state.map(|state| format!("&state={}", segment(state))).unwrap_or_default();
    let path = format!("{WEBHOOKS}/{}/deliveries?limit=1000{only}", segment(id));
    let listed = client.get(&path)?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    let rows = listed["deliveries"].as_array().into_iter().flatten().map(|delivery| {
        vec![
            text(delivery, "id"),
            text(delivery, "created").chars().take(19).collect(),
            text(delivery, "kind"),
            text(delivery, "state"),
            delivery["attempts"].to_string(),
            text(delivery, "error").chars().take(80).collect(),
        ]
    });
    let header = tr(
        ["ID", "DATE", "ÉVÉNEMENT", "ÉTAT", "ESSAIS", "ERREUR"],
        ["ID", "DATE", "EVENT", "STATE", "ATTEMPTS", "ERROR"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn tell_delivery(common: &Common, delivery: &Value) {
    if common.json {
        output::json(delivery);
        return;
    }
    let id = text(delivery, "id");
    output::line(tr(
        format!("{id} : en route ; « intramuros webhooks deliveries » dit ce qu'il en advient"),
        format!("{id} is on its way; 'intramuros webhooks deliveries' tells how it goes"),
    ));
}

/// A field as text; nothing for null.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
