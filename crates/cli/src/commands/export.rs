//! `intramuros export`: what is known of somebody, as a ZIP.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::erase::{person_of, user_id};
use crate::args::{Common, Export};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

pub(crate) fn run(common: &Common, command: &Export) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    let (bytes, out) = match command {
        Export::User { user, out } => {
            let id = user_id(&client, user)?;
            (client.download(&format!("/api/v1/users/{}/export", segment(&id)), None, out)?, out)
        }
        Export::Me { out } => (client.download("/api/v1/me/export", None, out)?, out),
        Export::Person { person, documents, out } => {
            let mut body = json!({"person": person_of(person)?});
            if !person.bases.is_empty() {
                body["knowledge_bases"] = json!(person.bases);
            }
            if !documents.is_empty() {
                body["documents"] = json!(documents);
            }
            (client.download("/api/v1/exports", Some(&body), out)?, out)
        }
    };
    report(common, out, bytes);
    Ok(ExitCode::SUCCESS)
}

fn report(common: &Common, out: &Path, bytes: u64) {
    let file = out.display();
    if common.json {
        output::json(&json!({"file": file.to_string(), "bytes": bytes}));
    } else {
        output::line(tr(format!("{file} : {bytes} octets"), format!("{file}: {bytes} bytes")));
    }
}
