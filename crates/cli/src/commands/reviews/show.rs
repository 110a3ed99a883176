//! Prints reviews and their figures for people.

use serde_json::Value;

use crate::language::tr;
use crate::output;

/// Reviews, one a line.
pub(super) fn table(reviews: &[Value]) {
    let rows = reviews.iter().map(|review| {
        vec![
            text(review, "id"),
            text(review, "kind"),
            text(review, "title").chars().take(50).collect(),
            state(review),
            text(review, "priority"),
            due(review),
            review["confidence"].as_f64().map(percent).unwrap_or_default(),
            text(review, "team"),
        ]
    });
    let header = tr(
        ["ID", "GENRE", "TITRE", "ÉTAT", "PRIORITÉ", "ÉCHÉANCE", "CONFIANCE", "ÉQUIPE"],
        ["ID", "KIND", "TITLE", "STATE", "PRIORITY", "DUE", "CONFIDENCE", "TEAM"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

/// A review with all that it holds.
pub(super) fn whole(review: &Value) {
    table(std::slice::from_ref(review));
    let reason = &review["reason"];
    section(tr("Pourquoi", "Why"));
    output::line(format!("{} {}", text(reason, "code"), text(reason, "text")).trim_end());
    section(tr("Proposition", "Proposal"));
    output::json(&review["proposal"]);
    for one in review["evidence"].as_array().into_iter().flatten() {
        section(tr("Preuve", "Evidence"));
        let page = one["page"].as_u64().map(|page| format!("p. {page}")).unwrap_or_default();
        let place = [text(one, "knowledge_base"), text(one, "document"), page].join(" ");
        output::line(place.trim());
        output::line(text(one, "quote"));
    }
    for decision in review["decisions"].as_array().into_iter().flatten() {
        section(tr("Décision", "Decision"));
        let (who, verdict) = (text(decision, "reviewer"), verdict(&text(decision, "verdict")));
        output::line(format!("{} {who} {verdict}", moment(&text(decision, "decided"))));
        let comment = text(decision, "comment");
        if !comment.is_empty() {
            output::line(comment);
        }
        for change in decision["patch"].as_array().into_iter().flatten() {
            output::line(change);
        }
    }
    let version = &review["version"];
    output::note(tr(format!("version {version}"), format!("version {version}")));
}

/// The figures of reviews.
pub(super) fn stats(stats: &Value) {
    let decided = &stats["decided"];
    let time = |name: &str| stats[name].as_f64().map(duration).unwrap_or_else(|| "-".to_owned());
    let share = |value: &Value| value.as_f64().map(percent).unwrap_or_else(|| "-".to_owned());
    let rows = [
        (tr("en attente", "open"), stats["open"].to_string()),
        (tr("en cours", "claimed"), stats["claimed"].to_string()),
        (tr("en retard", "overdue"), stats["overdue"].to_string()),
        (tr("approuvées", "approved"), decided["approved"].to_string()),
        (tr("corrigées", "corrected"), decided["corrected"].to_string()),
        (tr("rejetées", "rejected"), decided["rejected"].to_string()),
        (tr("retirées", "withdrawn"), stats["withdrawn"].to_string()),
        (tr("part approuvée", "approved share"), share(&decided["approved_share"])),
        (tr("part corrigée", "corrected share"), share(&decided["corrected_share"])),
        (tr("temps médian", "median time"), time("median_seconds")),
        (tr("temps, 9 sur 10", "time, 9 in 10"), time("p90_seconds")),
        (tr("accord à deux", "agreement of two"), share(&stats["agreement"])),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    output::table(&tr(["CHIFFRE", "VALEUR"], ["FIGURE", "VALUE"]), &rows);
    let bands = stats["confidence"].as_array().into_iter().flatten().map(|band| {
        let border = |name: &str| band[name].as_f64().map(percent).unwrap_or_default();
        let mut cells = vec![format!("{} – {}", border("from"), border("to"))];
        cells.extend(counts(band));
        cells.push(share(&band["approved_share"]));
        cells
    });
    let bands: Vec<_> = bands.collect();
    if !bands.is_empty() {
        output::line("");
        let header = tr(
            ["CONFIANCE", "APPROUVÉES", "CORRIGÉES", "REJETÉES", "PART APPROUVÉE"],
            ["CONFIDENCE", "APPROVED", "CORRECTED", "REJECTED", "APPROVED SHARE"],
        );
        output::table(&header, &bands);
    }
    let persons = stats["reviewers"].as_array().into_iter().flatten().map(|person| {
        let mut cells = vec![text(person, "reviewer")];
        cells.extend(counts(person));
        cells.push(person["median_seconds"].as_f64().map(duration).unwrap_or_default());
        cells
    });
    let persons: Vec<_> = persons.collect();
    if !persons.is_empty() {
        output::line("");
        let header = tr(
            ["PERSONNE", "APPROUVÉES", "CORRIGÉES", "REJETÉES", "TEMPS MÉDIAN"],
            ["PERSON", "APPROVED", "CORRECTED", "REJECTED", "MEDIAN TIME"],
        );
        output::table(&header, &persons);
    }
}

fn counts(of: &Value) -> [String; 3] {
    ["approved", "corrected", "rejected"].map(|name| of[name].to_string())
}

fn section(title: &str) {
    output::line("");
    output::line(format!("{title} :").replace(" :", tr(" :", ":")));
}

fn state(review: &Value) -> String {
    let state = text(review, "state");
    if state == "decided" {
        return verdict(&text(review, "verdict"));
    }
    let french = match state.as_str() {
        "open" => "en attente",
        "claimed" => "en cours",
        "withdrawn" => "retirée",
        other => other,
    };
    let shown = tr(french.to_owned(), state.clone());
    let by = text(&review["claim"], "by");
    if by.is_empty() { shown } else { format!("{shown} ({by})") }
}

fn verdict(name: &str) -> String {
    let french = match name {
        "approved" => "approuvée",
        "corrected" => "corrigée",
        "rejected" => "rejetée",
        other => other,
    };
    tr(french, name).to_owned()
}

fn due(review: &Value) -> String {
    let due = moment(&text(review, "due"));
    if review["overdue"] == true { format!("{due} !") } else { due }
}

/// To the minute.
fn moment(text: &str) -> String {
    text.chars().take(16).collect::<String>().replace('T', " ")
}

fn percent(share: f64) -> String {
    tr(format!("{:.0} %", share * 100.0), format!("{:.0}%", share * 100.0))
}

/// `3 min 20 s`, `12 s`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
