//! Reads sets of questions.

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::language::tr;

/// A question whose documents are known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Question {
    /// Names it in reports and comparisons.
    pub(super) id: String,
    /// What is asked.
    pub(super) query: String,
    /// File names or external ids of the documents that answer, best first; none where the
    /// documents do not answer.
    #[serde(default)]
    pub(super) relevant: Vec<String>,
    /// The words that answer, as they stand in the best document.
    #[serde(default)]
    pub(super) passage: Option<String>,
    /// What kind of question it is.
    #[serde(default)]
    pub(super) style: Option<String>,
}

/// The questions of a file, one JSON object a line.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Question>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| {
        tr(format!("{shown} ne peut pas être lu"), format!("{shown} cannot be read"))
    })?;
    let mut questions = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let question: Question = serde_json::from_str(line).with_context(|| {
            tr(
                format!("{shown}, ligne {number} : il faut un objet JSON avec id et query"),
                format!("{shown}, line {number}: a JSON object with id and query is needed"),
            )
        })?;
        questions.push(question);
    }
    if questions.is_empty() {
        bail!(tr(format!("{shown} est vide"), format!("{shown} is empty")));
    }
    Ok(questions)
}
