//! `intramuros erase`: erasures with a report.

use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use crate::args::{Common, Erase, PersonOptions};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const ERASURES: &str = "/api/v1/erasures";
/// Between two looks at an erasure that runs.
const LOOK: Duration = Duration::from_millis(500);
/// Users of a page.
const PAGE: u32 = 1_000;
/// Erasures that `list` shows.
const SHOWN: u32 = 100;

pub(crate) fn run(common: &Common, command: &Erase) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Erase::User { user, yes } => {
            let id = user_id(&client, user)?;
            confirm(common, *yes, user)?;
            erase(common, &client, &json!({"user": id}))
        }
        Erase::Person { person, documents, confirm } => {
            let asked = person_of(person)?;
            if !confirm {
                return find(common, &client, person, &asked);
            }
            erase(common, &client, &json!({"person": asked, "documents": documents}))
        }
        Erase::Documents { documents, yes } => {
            confirm(common, *yes, &documents.join(" "))?;
            erase(common, &client, &json!({"documents": documents}))
        }
        Erase::List => list(common, &client),
        Erase::Show { id } => {
            let erasure = client.get(&format!("{ERASURES}/{}", segment(id)))?;
            show(common, &erasure);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A person as the API wants them.
pub(super) fn person_of(person: &PersonOptions) -> anyhow::Result<Value> {
    let mut metadata = Map::new();
    for entry in &person.metadata {
        let Some((name, value)) = entry.split_once('=') else {
            bail!(tr(
                format!("« {entry} » n'est pas de la forme nom=valeur (--metadata)"),
                format!("'{entry}' is not of the form name=value (--metadata)"),
            ));
        };
        metadata.insert(name.to_owned(), value.into());
    }
    Ok(json!({"texts": person.texts, "metadata": metadata}))
}

/// The id of a user by name; ids pass as they are.
pub(super) fn user_id(client: &Client, user: &str) -> anyhow::Result<String> {
    if user.starts_with("usr_") {
        return Ok(user.to_owned());
    }
    let name = user.trim().to_lowercase();
    let mut path = format!("/api/v1/users?limit={PAGE}");
    loop {
        let page = client.get(&path)?;
        let users = page["users"].as_array().cloned().unwrap_or_default();
        let found = users.iter().find(|one| one["name"] == json!(name));
        if let Some(id) = found.and_then(|one| one["id"].as_str()) {
            return Ok(id.to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            bail!(tr(
                format!("il n'y a pas d'utilisateur « {user} »"),
                format!("there is no user '{user}'"),
            ));
        };
        path = format!("/api/v1/users?limit={PAGE}&after={}", segment(next));
    }
}

/// Asks before something is erased.
fn confirm(common: &Common, yes: bool, what: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if common.json {
        bail!("--json asks no questions; add --yes to erase {what}");
    }
    output::note(tr(
        format!("Ceci efface {what}, sans retour. Tapez « oui » pour continuer :"),
        format!("This erases {what} for good. Type 'yes' to go on:"),
    ));
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    read.context(tr("pas de réponse", "no answer"))?;
    if !["oui", "yes"].contains(&typed.trim()) {
        bail!(tr("rien n'a été effacé", "nothing was erased"));
    }
    Ok(())
}

/// Says which documents speak of a person.
fn find(
    common: &Common,
    client: &Client,
    person: &PersonOptions,
    asked: &Value,
) -> anyhow::Result<ExitCode> {
    let mut body = json!({"person": asked, "dry_run": true});
    if !person.bases.is_empty() {
        body["knowledge_bases"] = json!(person.bases);
    }
    let found = client.post(ERASURES, &body)?;
    if common.json {
        output::json(&found);
        return Ok(ExitCode::SUCCESS);
    }
    let rows = list_of(&found, "documents").map(|one| {
        let mut places: Vec<String> = list_of(one, "fields").map(plain).collect();
        for passage in list_of(one, "passages").filter(|passage| !passage["page"].is_null()) {
            let page = tr(format!("p. {}", passage["page"]), format!("p. {}", passage["page"]));
            if !places.contains(&page) {
                places.push(page);
            }
        }
        let passages = one["passage_count"].to_string();
        vec![
            text(one, "id"),
            text(one, "knowledge_base"),
            text(one, "file_name"),
            passages,
            places.join(", "),
        ]
    });
    let header =
        tr(["ID", "BASE", "FICHIER", "PASSAGES", "OÙ"], ["ID", "KB", "FILE", "PASSAGES", "WHERE"]);
    output::table(&header, &rows.collect::<Vec<_>>());
    let unread = list_of(&found, "unread").count();
    if unread > 0 {
        output::note(tr(
            format!("{unread} documents n'ont pas pu être lus et n'ont pas été fouillés"),
            format!("{unread} documents could not be read and were not searched"),
        ));
    }
    if found["complete"] != json!(true) {
        output::note(tr(
            "cette clé ne lit pas tout : d'autres documents peuvent parler de cette personne",
            "this key does not read everything: other documents may speak of this person",
        ));
    }
    output::note(tr(
        "rien n'a été effacé ; ajoutez --document <id> pour chaque document à effacer, et --confirm",
        "nothing was erased; add --document <id> for each document to erase, and --confirm",
    ));
    Ok(ExitCode::SUCCESS)
}

/// Asks for an erasure and waits for its end.
fn erase(common: &Common, client: &Client, body: &Value) -> anyhow::Result<ExitCode> {
    let begun = client.post(ERASURES, body)?;
    let path = format!("{ERASURES}/{}", segment(&text(&begun, "id")));
    let mut erasure = client.get(&path)?;
    while erasure["state"] == json!("running") {
        std::thread::sleep(LOOK);
        erasure = client.get(&path)?;
    }
    show(common, &erasure);
    let clean = erasure["report"]["search"]["clean"] == json!(true);
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(common: &Common, client: &Client) -> anyhow::Result<ExitCode> {
    let found = client.get(&format!("{ERASURES}?limit={SHOWN}"))?;
    if common.json {
        output::json(&found);
        return Ok(ExitCode::SUCCESS);
    }
    let rows = list_of(&found, "erasures").map(|one| {
        ["id", "subject", "state", "created", "finished", "requested_by"]
            .map(|field| text(one, field))
            .to_vec()
    });
    let header = tr(
        ["ID", "SUJET", "ÉTAT", "DEMANDÉ", "TERMINÉ", "PAR"],
        ["ID", "SUBJECT", "STATE", "ASKED", "DONE", "BY"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}

fn show(common: &Common, erasure: &Value) {
    if common.json {
        output::json(erasure);
        return;
    }
    let report = &erasure["report"];
    output::line(format!(
        "{}  {}  {}",
        text(erasure, "id"),
        text(erasure, "subject"),
        text(erasure, "state")
    ));
    for document in list_of(report, "documents") {
        let passages = &document["passages"];
        output::line(tr(
            format!(
                "{} : {passages} passages, {}",
                text(document, "id"),
                text(document, "outcome")
            ),
            format!("{}: {passages} passages, {}", text(document, "id"), text(document, "outcome")),
        ));
    }
    for (place, removed) in report["removed"].as_object().into_iter().flatten() {
        output::line(format!("{place}: {removed}"));
    }
    let search = &report["search"];
    if !search.is_null() {
        let (files, texts) = (&search["files"], &search["texts"]);
        output::line(tr(
            format!("recherche sur le disque : {texts} textes dans {files} fichiers"),
            format!("search of the disk: {texts} texts in {files} files"),
        ));
        for hit in list_of(search, "found") {
            let by = &hit["explained_by"];
            let by = match by.is_null() {
                true => tr("INEXPLIQUÉ", "UNEXPLAINED").to_owned(),
                false => by.to_string(),
            };
            output::line(format!("  {}: {by}", text(hit, "file")));
        }
    }
    for note in list_of(report, "notes") {
        output::note(format!("- {}", plain(note)));
    }
    if erasure["state"] == json!("stopped") {
        let job = text(erasure, "job");
        output::note(tr(
            format!("l'effacement est arrêté : « intramuros jobs show {job} » dit pourquoi"),
            format!("the erasure is stopped: 'intramuros jobs show {job}' says why"),
        ));
    }
}

fn list_of<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value[field].as_array().into_iter().flatten()
}

fn plain(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn text(value: &Value, field: &str) -> String {
    plain(&value[field])
}
