//! `intramuros mail`: tries whether e-mail works, and shows what did not arrive.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::args::{Common, Mail};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const MAIL: &str = "/api/v1/mail";

/// How long a test is waited for, and how often it is asked about.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn run(common: &Common, command: &Mail) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Mail::Test { to } => return test(common, &client, to),
        Mail::List { state } => list(common, &client, state.as_deref())?,
        Mail::Retry { id } => {
            let mail = client.post(&format!("{MAIL}/{}/retry", segment(id)), &json!({}))?;
            if common.json {
                output::json(&mail);
            } else {
                output::line(tr(format!("{id} : en route"), format!("{id} is on its way")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends one and waits for its first attempt.
fn test(common: &Common, client: &Client, to: &str) -> anyhow::Result<ExitCode> {
    let mut mail = client.post(&format!("{MAIL}/test"), &json!({"to": to}))?;
    let path = format!("{MAIL}/{}", segment(&text(&mail, "id")));
    let deadline = Instant::now() + PATIENCE;
    while mail["state"] == "pending" && mail["error"].is_null() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
        mail = client.get(&path)?;
    }
    let delivered = mail["state"] == "delivered";
    if common.json {
        output::json(&mail);
    } else if delivered {
        output::line(tr(
            format!("le serveur de courriel a pris le message pour {to}"),
            format!("the mail server took the message for {to}"),
        ));
    } else {
        let error = text(&mail, "error");
        output::line(tr(format!("pas envoyé : {error}"), format!("not sent: {error}")));
    }
    Ok(if delivered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(common: &Common, client: &Client, state: Option<&str>) -> anyhow::Result<()> {
    let only = state.map(|state| format!("&state={}", segment(state))).unwrap_or_default();
    let listed = client.get(&format!("{MAIL}?limit=1000{only}"))?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    let rows = listed["mails"].as_array().into_iter().flatten().map(|mail| {
        vec![
            text(mail, "id"),
            text(mail, "created").chars().take(19).collect(),
            text(mail, "state"),
            mail["attempts"].to_string(),
            text(mail, "to"),
            text(mail, "subject"),
            text(mail, "error").chars().take(80).collect(),
        ]
    });
    let header = tr(
        ["ID", "DATE", "ÉTAT", "ESSAIS", "À", "OBJET", "ERREUR"],
        ["ID", "DATE", "STATE", "ATTEMPTS", "TO", "SUBJECT", "ERROR"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

/// A field as text; nothing for null.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
