//! `intramuros keys`: works on the ledger directly, also while the server runs.

use std::process::ExitCode;

use intramuros_ledger::{KeyRecord, KeyRequest, Ledger};
use intramuros_types::KeyId;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::args::{Common, Keys};
use crate::language::tr;
use crate::{data_dir, output, settings};

pub(crate) fn run(common: &Common, command: &Keys) -> anyhow::Result<ExitCode> {
    let settings = settings::load(common, &[])?.settings;
    data_dir::create(&settings.data_dir)?;
    let path = settings.data_dir.join("ledger.sqlite");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let ledger = Ledger::open(&path).await?;
        let outcome = match command {
            Keys::Create { name, scopes, labels, expires } => {
                let request = request(name, scopes, labels, *expires)?;
                create(common, &ledger, request).await
            }
            Keys::List => list(common, &ledger).await,
            Keys::Revoke { id } => revoke(common, &ledger, id).await,
        };
        ledger.close().await;
        outcome
    })?;
    Ok(ExitCode::SUCCESS)
}

fn request(
    name: &str,
    scopes: &[String],
    labels: &[String],
    expires: Option<u32>,
) -> anyhow::Result<KeyRequest> {
    let scopes = scopes.iter().map(|scope| scope.trim().parse()).collect::<Result<_, _>>()?;
    let expires = expires.map(|days| OffsetDateTime::now_utc() + Duration::days(i64::from(days)));
    Ok(KeyRequest { name: name.to_owned(), scopes, labels: labels.to_vec(), expires })
}

async fn create(common: &Common, ledger: &Ledger, request: KeyRequest) -> anyhow::Result<()> {
    let key = ledger.create_key(request).await?;
    if common.json {
        let mut record = to_json(&key.record);
        record["key"] = json!(key.secret);
        output::json(&record);
    } else {
        output::note(tr(
            "Gardez cette clé maintenant, elle ne sera plus montrée :",
            "Keep this key now, it is not shown again:",
        ));
        output::line(&key.secret);
    }
    Ok(())
}

async fn list(common: &Common, ledger: &Ledger) -> anyhow::Result<()> {
    let keys = ledger.list_keys().await?;
    if common.json {
        output::json(&json!({"keys": keys.iter().map(to_json).collect::<Vec<_>>()}));
        return Ok(());
    }
    let rows = keys.iter().map(|key| {
        let state = match (key.revoked, key.expires) {
            (Some(at), _) => format!("{} {}", tr("révoquée le", "revoked"), date(at)),
            (None, Some(at)) if at <= OffsetDateTime::now_utc() => {
                format!("{} {}", tr("expirée le", "expired"), date(at))
            }
            (None, Some(at)) => format!("{} {}", tr("jusqu'au", "until"), date(at)),
            (None, None) => "active".to_string(),
        };
        let used = key.last_used.map_or_else(|| tr("jamais", "never").to_string(), date);
        let labels = key.labels.join(",");
        vec![key.id.to_string(), key.name.clone(), scopes(key), labels, state, used]
    });
    let header = tr(
        ["ID", "NOM", "DROITS", "ÉTIQUETTES", "ÉTAT", "DERNIER USAGE"],
        ["ID", "NAME", "SCOPES", "LABELS", "STATE", "LAST USED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

async fn revoke(common: &Common, ledger: &Ledger, id: &str) -> anyhow::Result<()> {
    ledger.revoke_key(&KeyId::new(id)).await?;
    if common.json {
        output::json(&json!({"revoked": id}));
    } else {
        output::line(tr(format!("{id} est révoquée"), format!("{id} is revoked")));
    }
    Ok(())
}

fn scopes(key: &KeyRecord) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

fn to_json(key: &KeyRecord) -> Value {
    let moment = |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok());
    json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "labels": key.labels,
        "created": moment(Some(key.created)),
        "expires": moment(key.expires),
        "revoked": moment(key.revoked),
        "last_used": moment(key.last_used),
    })
}

fn date(at: OffsetDateTime) -> String {
    at.date().to_string()
}
