//! Prints assistants, their versions and their figures for people.

use intramuros_usecases::chat::reason_in_words;
use serde_json::{Value, json};

use crate::language::tr;
use crate::output;

/// The assistants, one a line.
pub(super) fn assistants(listed: &Value) {
    let rows = items(listed, "assistants").map(|one| {
        vec![
            text(one, "slug"),
            text(one, "name"),
            one["published"].as_u64().map(|number| number.to_string()).unwrap_or_default(),
            one["version"].to_string(),
            one["retention_days"].as_u64().map(|days| days.to_string()).unwrap_or_default(),
            moment(&text(one, "retired")),
            text(one, "id"),
        ]
    });
    let header = tr(
        ["ASSISTANT", "NOM", "PUBLIÉE", "BROUILLON", "JOURS", "RETIRÉ", "ID"],
        ["ASSISTANT", "NAME", "PUBLISHED", "DRAFT", "DAYS", "RETIRED", "ID"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

/// One of them.
pub(super) fn assistant(one: &Value) {
    assistants(&json!({"assistants": [one]}));
}

/// Published versions, one a line.
pub(super) fn versions(listed: &Value) {
    let rows = items(listed, "versions").map(|one| {
        vec![
            one["number"].to_string(),
            moment(&text(one, "published")),
            text(one, "published_by"),
            one["restores"].as_u64().map(|number| number.to_string()).unwrap_or_default(),
            text(one, "note"),
        ]
    });
    let header = tr(
        ["VERSION", "PUBLIÉE", "PAR", "REPREND", "NOTE"],
        ["VERSION", "PUBLISHED", "BY", "RESTORES", "NOTE"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

/// How conversations went.
pub(super) fn stats(stats: &Value) {
    let wait = stats["median_wait_seconds"].as_f64();
    let rows = [
        (tr("conversations", "conversations"), stats["conversations"].to_string()),
        (tr("messages des clients", "customer messages"), stats["customer_messages"].to_string()),
        (
            tr("traitées par l'assistant", "answered by the assistant"),
            stats["answered_by_assistant"].to_string(),
        ),
        (tr("passées à une personne", "handed over"), stats["handed_over"].to_string()),
        (
            tr("attente médiane d'une personne", "median wait for a person"),
            wait.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0} s")),
        ),
        (tr("utiles, dit le client", "resolved"), stats["resolved"].to_string()),
        (tr("inutiles, dit le client", "unresolved"), stats["unresolved"].to_string()),
        (tr("réponses aimées", "thumbs up"), stats["thumbs_up"].to_string()),
        (tr("réponses rejetées", "thumbs down"), stats["thumbs_down"].to_string()),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    output::table(&tr(["CHIFFRE", "VALEUR"], ["FIGURE", "VALUE"]), &rows);
    let reasons = stats["reasons"].as_object().into_iter().flatten();
    let reasons: Vec<_> =
        reasons.map(|(reason, count)| vec![said(reason), count.to_string()]).collect();
    if !reasons.is_empty() {
        output::line("");
        let header = tr(["MOTIF DU TRANSFERT", "FOIS"], ["REASON OF THE HAND-OVER", "TIMES"]);
        output::table(&header, &reasons);
    }
}

/// What was not answered.
pub(super) fn gaps(listed: &Value) {
    let rows = items(listed, "gaps").map(|gap| {
        let reasons = gap["reasons"].as_object().into_iter().flatten();
        let reasons = reasons.map(|(reason, count)| format!("{} {count}", said(reason)));
        vec![
            gap["count"].to_string(),
            gap["conversations"].to_string(),
            moment(&text(gap, "last")),
            reasons.collect::<Vec<_>>().join(", "),
            text(gap, "question"),
        ]
    });
    let header = tr(
        ["FOIS", "CONVERSATIONS", "DERNIÈRE", "MOTIFS", "QUESTION"],
        ["TIMES", "CONVERSATIONS", "LAST", "REASONS", "QUESTION"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// To the minute.
fn moment(text: &str) -> String {
    text.chars().take(16).collect::<String>().replace('T', " ")
}

/// A reason in words.
fn said(reason: &str) -> String {
    reason_in_words(reason, tr("fr", "en"))
}
