//! Sends tickets to be decided about.

use anyhow::{Context as _, bail};
use serde_json::json;

use super::{answer, path, read, show};
use crate::args::{Common, Submit};
use crate::client::Client;
use crate::language::tr;
use crate::output;

pub(super) fn run(common: &Common, client: &Client, request: &Submit) -> anyhow::Result<()> {
    let bytes = read(&request.file)?;
    let ending = request.file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let kind = match ending.as_deref() {
        Some("eml") => Some(("/tickets/mail", "message/rfc822")),
        Some("csv" | "tsv") => Some(("/tickets/csv", "text/csv")),
        Some(_) | None => None,
    };
    let Some((place, content_type)) = kind else { return text(common, client, request, bytes) };
    if request.preview {
        bail!(tr("--preview ne vaut que pour un texte", "--preview is for a text only"));
    }
    let effort = if request.quick { "quick" } else { "full" };
    let place = format!("{place}?effort={effort}");
    let sent = client.post_bytes(&path(&request.policy, &place), content_type, &bytes)?;
    if content_type == "text/csv" && !common.json {
        let job = sent["id"].as_str().unwrap_or_default();
        output::note(tr(
            format!("confié au travail {job} ; « intramuros jobs show {job} »"),
            format!("given to the job {job}; 'intramuros jobs show {job}'"),
        ));
        return Ok(());
    }
    answer(common, &sent, show::ticket);
    Ok(())
}

fn text(common: &Common, client: &Client, request: &Submit, bytes: Vec<u8>) -> anyhow::Result<()> {
    let name = request.file.display();
    let body = String::from_utf8(bytes).with_context(|| {
        tr(format!("{name} n'est pas un texte en UTF-8"), format!("{name} is no text in UTF-8"))
    })?;
    let ticket = json!({
        "subject": request.subject,
        "from": request.from,
        "body": body,
        "channel": "cli",
        "effort": if request.quick { "quick" } else { "full" },
    });
    if request.preview {
        let found = client.post(&path(&request.policy, "/tickets/preview"), &ticket)?;
        answer(common, &found, show::preview);
        return Ok(());
    }
    answer(common, &client.post(&path(&request.policy, "/tickets"), &ticket)?, show::ticket);
    Ok(())
}
