//! Reads one item of each job from its fields.
//!
//! | job | fields |
//! |---|---|
//! | every | `id`; remarks, by which nothing is judged: `notes`, `why`, `style`, `passage`, `injection` |
//! | search | `query`; `relevant`: external ids or titles of the documents that answer, best first, `[]` where none does |
//! | chat | `question`; `answerable`; `answer_parts`: facts that a right answer has, spellings of one with a vertical bar between; `must_not`: what it does not have; `relevant`; `history`: turns of `role` and `content` |
//! | triage | `subject`, `body`, `from`, `channel`; labels, one at least: `category`, `urgency`, `team`, `alert`, `ambiguous` |
//! | extraction | `document`: its name or external id; `document_type`; `fields`: an object, in CSV columns `fields.<name>` as well, empty where the document does not say it |
//!
//! The constants below have the other names that are taken: French ones, and those of known public sets.
//! `why`, of an item without relevant documents or without an answer, says why nothing answers;
//! without it an item that has no labels is refused, because a column that is missing must not make a
//! set of questions that nothing answers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{MAX_TEXT_CHARS, Names, Row};
use super::{ChatItem, Content, ExtractionItem, Item, Job, SearchItem, SetError, TriageItem, Turn};
use crate::pilot::judge::has_tokens;

const ID: Names = &["id", "identifiant"];
const QUERY: Names = &["query", "question", "requête", "requete", "recherche"];
const QUESTION: Names = &["question", "query"];
const RELEVANT: Names = &["relevant", "documents", "pertinents"];
const ANSWERABLE: Names = &["answerable", "réponse_possible", "reponse_possible"];
const PARTS: Names = &["answer_parts", "facts", "éléments", "elements"];
const MUST_NOT: Names = &["must_not", "interdits"];
const HISTORY: Names = &["history", "historique"];
const SUBJECT: Names = &["subject", "objet", "sujet"];
const BODY: Names = &["body", "text", "texte", "message", "corps"];
const FROM: Names = &["from", "expéditeur", "expediteur", "de"];
const CHANNEL: Names = &["channel", "canal"];
const CATEGORY: Names = &["category", "catégorie", "categorie"];
const URGENCY: Names = &["urgency", "urgence"];
const TEAM: Names = &["team", "équipe", "equipe"];
const ALERT: Names = &["alert", "alerte"];
const AMBIGUOUS: Names = &["ambiguous", "ambigu"];
const DOCUMENT: Names = &["document", "file", "fichier"];
const FIELDS: Names = &["fields", "expected", "champs"];
const TYPE: Names = &["document_type", "type"];
const NOTES: Names = &["notes", "note", "comment", "commentaire", "remarques"];
/// Why nothing answers, or why a label is doubtful.
const WHY: &str = "why";
/// Remarks under their own names.
const REMARKS: [Names; 4] = [&[WHY, "pourquoi"], &["style"], &["passage"], &["injection"]];

const MAX_TURNS: usize = 40;
const MAX_FIELDS: usize = 200;

/// The item of `job` that `row` holds.
pub(super) fn read(job: Job, mut row: Row) -> Result<Item, SetError> {
    let id = row.name(ID)?.unwrap_or_else(|| format!("L{}", row.line));
    let mut remarks = remarks(&mut row)?;
    let is_explained = remarks.contains_key(WHY);
    let content = match job {
        Job::Search => Content::Search(search(&mut row, is_explained, &mut remarks)?),
        Job::Chat => Content::Chat(chat(&mut row, is_explained)?),
        Job::Triage => Content::Triage(triage(&mut row)?),
        Job::Extraction => Content::Extraction(extraction(&mut row)?),
    };
    row.finish(match job {
        Job::Search => &[ID, QUERY, RELEVANT, NOTES],
        Job::Chat => &[ID, QUESTION, ANSWERABLE, PARTS, MUST_NOT, RELEVANT, HISTORY, NOTES],
        Job::Triage => {
            &[ID, SUBJECT, BODY, FROM, CHANNEL, CATEGORY, URGENCY, TEAM, ALERT, AMBIGUOUS, NOTES]
        }
        Job::Extraction => &[ID, DOCUMENT, TYPE, FIELDS, NOTES],
    })?;
    Ok(Item { id, content, remarks })
}

fn remarks(row: &mut Row) -> Result<BTreeMap<String, String>, SetError> {
    let mut remarks = BTreeMap::new();
    for names in REMARKS.into_iter().chain([NOTES]) {
        let text = match row.value(names)? {
            None => continue,
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        if text.chars().count() > MAX_TEXT_CHARS {
            let found = format!("has {} characters", text.chars().count());
            return row.wrong(names[0], found, format!("the limit is {MAX_TEXT_CHARS}"));
        }
        if !text.trim().is_empty() {
            remarks.insert(names[0].to_owned(), text);
        }
    }
    Ok(remarks)
}

fn search(
    row: &mut Row,
    is_explained: bool,
    remarks: &mut BTreeMap<String, String>,
) -> Result<SearchItem, SetError> {
    let Some(query) = row.text(QUERY, MAX_TEXT_CHARS)? else {
        return row.wrong(QUERY[0], "is missing or empty", "write what is searched");
    };
    // A set of questions with answers may be searched as well.
    if let Some(parts) = row.list(PARTS)? {
        remarks.insert(PARTS[0].to_owned(), parts.join("; "));
    }
    let relevant = match row.list(RELEVANT)? {
        Some(relevant) => relevant,
        None if is_explained => Vec::new(),
        None => {
            let remedy = "list the documents that answer; where none does, write [] or say so in \
                          'why'";
            return row.wrong(RELEVANT[0], "is missing", remedy);
        }
    };
    Ok(SearchItem { query, relevant })
}

fn chat(row: &mut Row, is_explained: bool) -> Result<ChatItem, SetError> {
    let Some(question) = row.text(QUESTION, MAX_TEXT_CHARS)? else {
        return row.wrong(QUESTION[0], "is missing or empty", "write what is asked");
    };
    let answer_parts = row.list(PARTS)?.unwrap_or_default();
    let relevant = row.list(RELEVANT)?.unwrap_or_default();
    let is_labelled = !answer_parts.is_empty() || !relevant.is_empty();
    let answerable = match row.flag(ANSWERABLE)? {
        Some(answerable) => answerable,
        None if is_labelled => true,
        None if is_explained => false,
        None => {
            let remedy = "write whether the documents answer, or what a right answer has in \
                          'answer_parts'";
            return row.wrong(ANSWERABLE[0], "is missing", remedy);
        }
    };
    if answerable && !is_labelled {
        let remedy = "write the facts that a right answer has, or the documents it is drawn from \
                      in 'relevant'";
        return row.wrong(PARTS[0], "is missing or empty", remedy);
    }
    if !answerable && !answer_parts.is_empty() {
        let remedy = "leave it out, or write that the question is answerable";
        return row.wrong(PARTS[0], "is there though nothing answers", remedy);
    }
    for part in &answer_parts {
        if !part.split('|').any(has_tokens) {
            return row.wrong(PARTS[0], "has a text without letter or number", "write a fact");
        }
    }
    let must_not = row.list(MUST_NOT)?.unwrap_or_default();
    let history = history(row)?;
    Ok(ChatItem { question, answerable, answer_parts, must_not, relevant, history })
}

fn history(row: &mut Row) -> Result<Vec<Turn>, SetError> {
    let Some(value) = row.json(HISTORY)? else { return Ok(Vec::new()) };
    let turns: Vec<Turn> = match serde_json::from_value(value) {
        Ok(turns) => turns,
        Err(_) => {
            let remedy = "write [{\"role\": \"user\" or \"assistant\", \"content\": \"…\"}, …]";
            return row.wrong(HISTORY[0], "is no list of turns", remedy);
        }
    };
    if turns.len() > MAX_TURNS {
        let found = format!("has {} turns", turns.len());
        return row.wrong(HISTORY[0], found, format!("the limit is {MAX_TURNS}"));
    }
    Ok(turns)
}

fn triage(row: &mut Row) -> Result<TriageItem, SetError> {
    let item = TriageItem {
        subject: row.text(SUBJECT, MAX_TEXT_CHARS)?.unwrap_or_default(),
        body: row.text(BODY, MAX_TEXT_CHARS)?.unwrap_or_default(),
        from: row.name(FROM)?.unwrap_or_default(),
        channel: row.name(CHANNEL)?.unwrap_or_default(),
        category: row.name(CATEGORY)?,
        urgency: row.name(URGENCY)?,
        team: row.name(TEAM)?,
        alert: row.flag(ALERT)?,
        ambiguous: row.flag(AMBIGUOUS)?,
    };
    if item.subject.is_empty() && item.body.is_empty() {
        return row.wrong(BODY[0], "is missing or empty", "write the message, or its 'subject'");
    }
    let labels = [&item.category, &item.urgency, &item.team];
    if labels.iter().all(|label| label.is_none()) && item.alert.or(item.ambiguous).is_none() {
        let remedy = "write at least one of category, urgency, team, alert, ambiguous";
        return row.wrong(CATEGORY[0], "is missing, and so is every other label", remedy);
    }
    Ok(item)
}

fn extraction(row: &mut Row) -> Result<ExtractionItem, SetError> {
    let Some(document) = row.name(DOCUMENT)? else {
        return row.wrong(DOCUMENT[0], "is missing or empty", "write the document's name or id");
    };
    let document_type = row.name(TYPE)?;
    let is_loose = row.is_loose();
    let columns = if is_loose { row.prefixed("fields.") } else { Vec::new() };
    let mut fields = match row.json(FIELDS)? {
        None => BTreeMap::new(),
        Some(Value::Object(map)) => map.into_iter().collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))
        | Some(Value::Array(_)) => {
            return row.wrong(FIELDS[0], "is no object", "write {\"name\": value, …}");
        }
    };
    fields.extend(columns);
    if fields.is_empty() && document_type.is_none() {
        let remedy = "write what the document says, or at least its 'document_type'";
        return row.wrong(FIELDS[0], "is missing or empty", remedy);
    }
    if fields.len() > MAX_FIELDS {
        let found = format!("has {} names", fields.len());
        return row.wrong(FIELDS[0], found, format!("the limit is {MAX_FIELDS}"));
    }
    Ok(ExtractionItem { document, document_type, fields })
}
