//! Writes decided reviews with their corrections, page by page.

use intramuros_ledger::csv_line;
use serde_json::Value;

use super::REVIEWS;
use crate::args::ExportFormat;
use crate::client::{Client, segment};
use crate::output;

/// The columns of the comma-separated form. JSON stays JSON within a field.
const COLUMNS: [&str; 14] = [
    "id",
    "kind",
    "external_id",
    "title",
    "verdict",
    "confidence",
    "reason",
    "proposal",
    "value",
    "patch",
    "comment",
    "reviewer",
    "decided",
    "seconds",
];

pub(super) fn run(client: &Client, query: &str, format: ExportFormat) -> anyhow::Result<()> {
    if format == ExportFormat::Csv {
        output::line(csv_line(COLUMNS.map(str::to_owned)).trim_end());
    }
    let mut cursor = String::new();
    loop {
        let path = format!("{REVIEWS}/export?state=decided&{query}{cursor}");
        let page = client.get(path.trim_end_matches('&'))?;
        for review in page["reviews"].as_array().into_iter().flatten() {
            match format {
                ExportFormat::Jsonl => output::line(review),
                ExportFormat::Csv => output::line(csv_line(row(review)).trim_end()),
            }
        }
        let Some(next) = page["next"].as_str() else { return Ok(()) };
        cursor = format!("&cursor={}", segment(next));
    }
}

fn row(review: &Value) -> [String; 14] {
    let decisions = review["decisions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = decisions.iter().find(|decision| decision["final"] == true);
    let last = last.unwrap_or(&Value::Null);
    [
        plain(&review["id"]),
        plain(&review["kind"]),
        plain(&review["external_id"]),
        plain(&review["title"]),
        plain(&review["verdict"]),
        plain(&review["confidence"]),
        plain(&review["reason"]["code"]),
        review["proposal"].to_string(),
        plain_json(&review["value"]),
        plain_json(&last["patch"]),
        plain(&last["comment"]),
        plain(&last["reviewer"]),
        plain(&last["decided"]),
        plain(&last["seconds"]),
    ]
}

/// A text without its quotes, nothing for null.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| plain_json(value), str::to_owned)
}

fn plain_json(value: &Value) -> String {
    if value.is_null() { String::new() } else { value.to_string() }
}
