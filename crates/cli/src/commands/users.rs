//! `intramuros users`: works on the ledger directly, also while the server runs.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use intramuros_ledger::{Ledger, Password, UserChanges, UserRecord, UserRequest};
use intramuros_types::UserRole;
use serde_json::{Value, json};

use super::keys::given;
use crate::args::{Common, Users};
use crate::language::tr;
use crate::ledger::{audited, audited_new, moment, with, with_new};
use crate::output;
use crate::settings::Settings;

/// Random bytes of a password that is drawn: 20 characters.
const DRAWN_BYTES: usize = 15;
/// Users that a list shows.
const MOST: u32 = 10_000;

pub(crate) fn run(common: &Common, command: &Users) -> anyhow::Result<ExitCode> {
    let work = async |ledger: &Ledger, settings: &Settings| match command {
        Users::Create { name, full_name, role, labels, denied, password_stdin } => {
            let (password, drawn) = password(*password_stdin)?;
            let request = UserRequest {
                name: name.clone(),
                full_name: full_name.clone().unwrap_or_else(|| name.clone()),
                role: read_role(role)?,
                labels: labels.clone(),
                denied: denied.clone(),
                password,
                must_change: drawn.is_some(),
            };
            let create = ledger.create_user(request);
            let id = |user: &UserRecord| user.id.to_string();
            let user = audited_new(ledger, settings, "users.create", create, id).await?;
            show_new(common, &user, drawn);
            Ok(())
        }
        Users::List => list(common, ledger).await,
        Users::Update { name, full_name, role, labels, denied } => {
            let changes = UserChanges {
                full_name: full_name.clone(),
                role: role.as_deref().map(read_role).transpose()?,
                labels: given(labels),
                denied: given(denied),
                disabled: None,
            };
            update(common, ledger, settings, (name, changes)).await
        }
        Users::Password { name, password_stdin } => {
            let (password, drawn) = password(*password_stdin)?;
            let user = ledger.user_named(name).await?;
            let set = ledger.set_password(&user.id, password, drawn.is_some());
            let target = user.id.as_str();
            audited(ledger, settings, ("users.set_password", target), set).await?;
            show_new(common, &user, drawn);
            Ok(())
        }
        Users::Disable { name } => {
            let changes = UserChanges { disabled: Some(true), ..UserChanges::default() };
            update(common, ledger, settings, (name, changes)).await
        }
        Users::Enable { name } => {
            let changes = UserChanges { disabled: Some(false), ..UserChanges::default() };
            update(common, ledger, settings, (name, changes)).await
        }
        Users::Remove { name } => {
            let user = ledger.user_named(name).await?;
            let (target, delete) = (user.id.as_str(), ledger.delete_user(&user.id));
            audited(ledger, settings, ("users.delete", target), delete).await?;
            if common.json {
                output::json(&json!({"removed": user.id.as_str()}));
            } else {
                output::line(tr(format!("{name} est supprimé"), format!("{name} is removed")));
            }
            Ok(())
        }
    };
    if matches!(command, Users::Create { .. }) {
        with_new(common, work)?;
    } else {
        with(common, work)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_role(name: &str) -> anyhow::Result<UserRole> {
    name.trim().parse().map_err(|unknown| anyhow::anyhow!("role {unknown}"))
}

/// The password to give, and its text where it was drawn.
fn password(from_stdin: bool) -> anyhow::Result<(Password, Option<String>)> {
    if from_stdin {
        let mut typed = String::new();
        std::io::stdin()
            .take(4096)
            .read_to_string(&mut typed)
            .context(tr("le mot de passe ne peut pas être lu", "the password cannot be read"))?;
        return Ok((Password::new(typed.trim_end_matches(['\r', '\n'])), None));
    }
    let mut random = [0; DRAWN_BYTES];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    let drawn = URL_SAFE_NO_PAD.encode(random);
    Ok((Password::new(drawn.clone()), Some(drawn)))
}

fn show_new(common: &Common, user: &UserRecord, drawn: Option<String>) {
    if common.json {
        let mut record = to_json(user);
        if let Some(drawn) = drawn {
            record["password"] = json!(drawn);
        }
        output::json(&record);
        return;
    }
    let name = &user.name;
    match drawn {
        Some(drawn) => {
            output::note(tr(
                format!(
                    "Mot de passe de {name}, montré cette seule fois ; il faudra le changer à la \
                     première connexion :"
                ),
                format!(
                    "Password of {name}, shown this once; it must be changed at the first sign-in:"
                ),
            ));
            output::line(drawn);
        }
        None => output::line(tr(
            format!("le mot de passe de {name} est enregistré"),
            format!("the password of {name} is set"),
        )),
    }
}

async fn update(
    common: &Common,
    ledger: &Ledger,
    settings: &Settings,
    (name, changes): (&str, UserChanges),
) -> anyhow::Result<()> {
    let user = ledger.user_named(name).await?;
    let (target, update) = (user.id.as_str(), ledger.update_user(&user.id, changes));
    let user = audited(ledger, settings, ("users.update", target), update).await?;
    if common.json {
        output::json(&to_json(&user));
    } else {
        output::line(tr(format!("{name} est modifié"), format!("{name} is changed")));
    }
    Ok(())
}

async fn list(common: &Common, ledger: &Ledger) -> anyhow::Result<()> {
    let users = ledger.list_users(None, MOST).await?;
    if common.json {
        output::json(&json!({"users": users.iter().map(to_json).collect::<Vec<_>>()}));
        return Ok(());
    }
    let rows = users.iter().map(|user| {
        let state = match (user.disabled, user.must_change) {
            (Some(_), _) => tr("désactivé", "disabled"),
            (None, true) => tr("mot de passe à changer", "password to change"),
            (None, false) => tr("actif", "active"),
        };
        let signed_in = user
            .last_sign_in
            .map_or_else(|| tr("jamais", "never").to_owned(), |at| at.date().to_string());
        let mut labels = user.labels.join(",");
        if !user.denied.is_empty() {
            labels = format!("{labels} {} {}", tr("sauf", "without"), user.denied.join(","));
        }
        let (name, full_name) = (user.name.clone(), user.full_name.clone());
        let (id, role) = (user.id.to_string(), user.role.to_string());
        vec![name, full_name, role, labels, state.to_owned(), signed_in, id]
    });
    let header = tr(
        ["NOM", "NOM COMPLET", "RÔLE", "ÉTIQUETTES", "ÉTAT", "DERNIÈRE CONNEXION", "ID"],
        ["NAME", "FULL NAME", "ROLE", "LABELS", "STATE", "LAST SIGN-IN", "ID"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn to_json(user: &UserRecord) -> Value {
    json!({
        "id": user.id.as_str(),
        "name": user.name,
        "full_name": user.full_name,
        "role": user.role.as_str(),
        "labels": user.labels,
        "denied": user.denied,
        "must_change_password": user.must_change,
        "created": moment(Some(user.created)),
        "disabled": moment(user.disabled),
        "last_sign_in": moment(user.last_sign_in),
    })
}
