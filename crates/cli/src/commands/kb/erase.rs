//! `intramuros kb remove`, and how documents are erased in numbers.

use anyhow::bail;
use serde_json::{Value, json};

use super::{BASES, erased};
use crate::args::Common;
use crate::client::{Client, segment};
use crate::language::tr;

/// Documents that one request erases.
const AT_ONCE: usize = 1_000;

pub(super) fn run(
    common: &Common,
    client: &Client,
    base: &str,
    documents: &[String],
) -> anyhow::Result<()> {
    let missing = erase(client, base, documents)?;
    for document in documents.iter().filter(|document| !missing.contains(document)) {
        erased(common, document);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    bail!(tr(
        format!("pas dans la base « {base} » : {missing}"),
        format!("not in the knowledge base '{base}': {missing}"),
    ))
}

/// Erases `documents`; gives back those that are not there.
pub(super) fn erase(
    client: &Client,
    base: &str,
    documents: &[String],
) -> anyhow::Result<Vec<String>> {
    let path = format!("{BASES}/{}/documents/delete", segment(base));
    let mut missing = Vec::new();
    for documents in documents.chunks(AT_ONCE) {
        let answer = client.post(&path, &json!({"documents": documents}))?;
        let not_found = answer["not_found"].as_array().into_iter().flatten();
        missing.extend(not_found.filter_map(Value::as_str).map(str::to_owned));
    }
    Ok(missing)
}
