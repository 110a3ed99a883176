//! `intramuros ask`: a question, an answer, its evidence.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::{Ask, Common};
use crate::client::{Client, choose_base, segment};
use crate::output;

pub(crate) fn run(common: &Common, command: &Ask) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    let base = choose_base(&client, command.kb.as_deref())?;
    let mut body = json!({"question": command.question});
    if let Some(passages) = command.passages {
        body["passages"] = json!(passages);
    }
    let answer = client.post(&format!("/api/v1/knowledge-bases/{}/ask", segment(&base)), &body)?;
    if common.json {
        output::json(&answer);
    } else {
        print(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(answer: &Value) {
    output::line(answer["answer"].as_str().unwrap_or_default());
    for (number, citation) in answer["citations"].as_array().into_iter().flatten().enumerate() {
        let quote = citation["quote"].as_str().unwrap_or_default();
        output::line(format!("\n  [{}] « {quote} »\n      {}", number + 1, place(citation)));
    }
}

/// `Title › Section, p. 4`
pub(crate) fn place(hit: &Value) -> String {
    let mut parts = vec![hit["title"].as_str().unwrap_or_default().to_string()];
    let sections = hit["section_path"].as_array().into_iter().flatten();
    parts.extend(sections.filter_map(Value::as_str).map(str::to_string));
    parts.dedup();
    let mut place = parts.join(" › ");
    if let Some(page) = hit["pages"]["first"].as_u64() {
        place.push_str(&format!(", p. {page}"));
    }
    place
}
