//! Prints policies, tickets and their figures for people.

use serde_json::Value;

use crate::language::tr;
use crate::output;

/// The policies, one a line.
pub(super) fn policies(listed: &Value) {
    let rows = items(listed, "policies").map(|policy| {
        vec![
            text(policy, "id"),
            policy["version"].to_string(),
            names(&policy["labels"]),
            text(policy, "updated"),
        ]
    });
    let header = tr(
        ["POLITIQUE", "VERSION", "ÉTIQUETTES", "CHANGÉE"],
        ["POLICY", "VERSION", "LABELS", "CHANGED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

/// What became of examples.
pub(super) fn added(added: &Value) {
    let (new, changed, same) = (&added["added"], &added["changed"], &added["unchanged"]);
    output::line(tr(
        format!("{new} exemples ajoutés, {changed} changés, {same} déjà là"),
        format!("{new} examples added, {changed} changed, {same} there already"),
    ));
}

/// Tickets, one a line.
pub(super) fn tickets(listed: &Value) {
    let rows = items(listed, "tickets").map(|ticket| {
        let labels = &ticket["labels"];
        vec![
            text(ticket, "id"),
            text(ticket, "subject").chars().take(40).collect(),
            route(ticket),
            text(labels, "category"),
            text(labels, "urgency"),
            text(labels, "team"),
            percent(&ticket["confidence"]),
            bell(labels),
        ]
    });
    let header = tr(
        ["ID", "OBJET", "SORT", "CATÉGORIE", "URGENCE", "ÉQUIPE", "CONFIANCE", "ALERTE"],
        ["ID", "SUBJECT", "FATE", "CATEGORY", "URGENCY", "TEAM", "CONFIDENCE", "ALERT"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    if !listed["next"].is_null() && !listed["next"].as_str().unwrap_or_default().is_empty() {
        output::note(tr("il y en a d'autres : --limit", "there are more: --limit"));
    }
}

/// A ticket with why it was decided so.
pub(super) fn ticket(ticket: &Value) {
    tickets(&serde_json::json!({"tickets": [ticket]}));
    decision(&ticket["decision"]);
    for (name, french, english) in [
        ("duplicate_of", "dit la même chose que", "says the same as"),
        ("outbreak", "fait partie de la vague", "belongs to the outbreak"),
        ("review", "attend une personne", "waits for a person"),
    ] {
        // A settled ticket keeps the name of its review.
        let is_over = name == "review" && ticket["state"] != "waiting";
        if let Some(id) = ticket[name].as_str().filter(|_| !is_over) {
            output::line(format!("{} {id}", tr(french, english)));
        }
    }
}

/// What would be decided about a ticket.
pub(super) fn preview(found: &Value) {
    decision(&found["decision"]);
    let bell = bell(&found["labels"]);
    if !bell.is_empty() {
        output::line(bell);
    }
}

fn decision(decision: &Value) {
    if decision.is_null() {
        return;
    }
    output::line("");
    output::line(text(decision, "reason"));
    let rows = items(decision, "fields").map(|field| {
        let choices = items(field, "choices")
            .map(|choice| format!("{} {}", text(choice, "label"), percent(&choice["probability"])));
        vec![
            field_name(&text(field, "field")),
            text(field, "label"),
            percent(&field["probability"]),
            choices.collect::<Vec<_>>().join(", "),
            names(&field["words"]),
        ]
    });
    let header = tr(
        ["CHAMP", "DÉCISION", "PROBABILITÉ", "CANDIDATS", "MOTS"],
        ["FIELD", "DECISION", "PROBABILITY", "CANDIDATES", "WORDS"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    for found in items(decision, "extracted") {
        let colon = tr(" :", ":");
        output::line(format!("{}{colon} {}", text(found, "name"), text(found, "value")));
    }
}

/// What was learnt.
pub(super) fn learnt(learnt: &Value) {
    let (examples, read) = (&learnt["examples"], &learnt["read_by_generator"]);
    output::line(tr(
        format!("{examples} exemples, dont {read} lus par le générateur"),
        format!("{examples} examples, {read} of them read by the generator"),
    ));
    let mut rows = Vec::new();
    for effort in items(learnt, "efforts") {
        for field in items(effort, "fields") {
            rows.push(vec![
                text(effort, "effort"),
                field_name(&text(field, "field")),
                share(&field["accuracy"]),
                percent(&field["macro_f1"]),
                percent(&field["calibration_error"]),
            ]);
        }
    }
    if !rows.is_empty() {
        let header = tr(
            ["EFFORT", "CHAMP", "JUSTE", "F1 MOYEN", "ERREUR DE CALIBRATION"],
            ["EFFORT", "FIELD", "RIGHT", "MEAN F1", "CALIBRATION ERROR"],
        );
        output::table(&header, &rows);
    }
    for effort in items(learnt, "efforts") {
        let name = text(effort, "effort");
        let told = match effort["threshold"].as_f64() {
            Some(threshold) => tr(
                format!(
                    "part sans vérification à partir de {} : {}",
                    format!("{threshold:.4}").replace('.', ","),
                    share(&effort["coverage"])
                ),
                format!("sent on from {threshold:.4} on: {}", share(&effort["coverage"])),
            ),
            None => tr(
                format!("rien ne part sans vérification ({})", doubt(effort)),
                format!("nothing is sent on by itself ({})", doubt(effort)),
            ),
        };
        output::line(format!("{name} : {told}"));
    }
}

/// Alerts, one a line.
pub(super) fn alerts(listed: &Value) {
    let rows = items(listed, "alerts").map(|alert| {
        vec![
            text(alert, "id"),
            text(alert, "ticket"),
            text(alert, "rule"),
            text(alert, "created"),
            alert["reminders"].to_string(),
            text(alert, "acknowledged_by"),
        ]
    });
    let header = tr(
        ["ID", "TICKET", "RÈGLE", "DEPUIS", "RAPPELS", "ACQUITTÉE PAR"],
        ["ID", "TICKET", "RULE", "SINCE", "REMINDERS", "ACKNOWLEDGED BY"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
}

/// What came, and how decisions did.
pub(super) fn figures(figures: &Value) {
    let mut rows = Vec::new();
    for (state, count) in figures["tickets"].as_object().into_iter().flatten() {
        // `state/route`, as tickets have them.
        let (state, way) = state.split_once('/').unwrap_or((state, ""));
        let told = serde_json::json!({"state": state, "route": way});
        let by = match (state, way) {
            ("settled", "auto") => tr(", envoyés d'abord", ", sent on before"),
            ("settled", "shadow") => tr(", à l'essai", ", on trial"),
            _ => "",
        };
        rows.push(vec![format!("{}{by}", route(&told)), count.to_string()]);
    }
    for (name, value) in [
        (tr("alertes", "alerts"), figures["alerts"].to_string()),
        (tr("alertes ouvertes", "open alerts"), figures["open_alerts"].to_string()),
        (tr("vérifiés", "settled"), figures["settled"].to_string()),
        (tr("catégories justes", "right categories"), share(&figures["category"])),
        (tr("urgences justes", "right urgencies"), share(&figures["urgency"])),
        (tr("équipes justes", "right teams"), share(&figures["team"])),
    ] {
        rows.push(vec![name.to_owned(), value]);
    }
    output::table(&tr(["CHIFFRE", "VALEUR"], ["FIGURE", "VALUE"]), &rows);
    let rows: Vec<Vec<String>> = figures["by_category"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, one)| {
            let count = |field: &str| one[field].to_string();
            vec![name.clone(), count("tickets"), count("found"), count("proposed")]
        })
        .collect();
    if !rows.is_empty() {
        output::line("");
        let header = tr(
            ["CATÉGORIE", "TICKETS", "TROUVÉS", "PROPOSÉS"],
            ["CATEGORY", "TICKETS", "FOUND", "PROPOSED"],
        );
        output::table(&header, &rows);
    }
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn names(value: &Value) -> String {
    let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.collect::<Vec<_>>().join(", ")
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or(String::new(), |share| format!("{:.0} %", 100.0 * share))
}

/// A share with its interval.
fn share(value: &Value) -> String {
    let part = |name: &str| value[name].as_f64().map(|share| 100.0 * share);
    match (part("share"), part("low"), part("high")) {
        (Some(share), Some(low), Some(high)) => format!("{share:.0} % ({low:.0}–{high:.0})"),
        _ => "-".to_owned(),
    }
}

fn route(ticket: &Value) -> String {
    let told = match (ticket["state"].as_str(), ticket["route"].as_str()) {
        (Some("settled"), _) => tr("vérifié", "settled"),
        (_, Some("auto")) => tr("envoyé", "sent on"),
        (_, Some("shadow")) => tr("à l'essai", "on trial"),
        _ => tr("à vérifier", "waits"),
    };
    told.to_owned()
}

fn bell(labels: &Value) -> String {
    let rings = labels["alert"].as_bool().unwrap_or(false);
    if rings { tr("alerte", "alert").to_owned() } else { String::new() }
}

fn field_name(name: &str) -> String {
    match name {
        "category" => tr("catégorie", "category"),
        "urgency" => tr("urgence", "urgency"),
        "team" => tr("équipe", "team"),
        other => other,
    }
    .to_owned()
}

/// Why nothing is sent on, in words.
fn doubt(effort: &Value) -> String {
    let code = text(effort, "doubt");
    let known = match code.as_str() {
        "too_few_examples" => tr("trop peu d'exemples", "too few examples"),
        "no_threshold" => tr("trop d'exemples mal classés", "too many examples sorted wrongly"),
        "no_category" => tr("pas de catégorie", "no categories"),
        other => other,
    };
    known.to_owned()
}
