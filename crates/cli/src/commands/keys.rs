//! `intramuros keys`: works on the ledger directly, also while the server runs.

use std::process::ExitCode;

use intramuros_ledger::{KeyChanges, KeyRecord, KeyRequest, Ledger, NewKey};
use intramuros_types::{KeyId, Limits, Scope};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::args::{Common, KeyLimits, KeyOptions, Keys};
use crate::language::tr;
use crate::ledger::{audited, audited_new, moment, with, with_new};
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(common: &Common, command: &Keys) -> anyhow::Result<ExitCode> {
    let work = async |ledger: &Ledger, settings: &Settings| match command {
        Keys::Create { name, scopes, owner, options } => {
            let owner = match owner {
                Some(owner) => Some(ledger.user_named(owner).await?.id),
                None => None,
            };
            let request = KeyRequest {
                name: name.clone(),
                scopes: read_scopes(scopes)?,
                labels: options.labels.clone(),
                denied: options.denied.clone(),
                owner,
                limits: limits(&options.limits),
                expires: options.expires.map(in_days),
            };
            let create = ledger.create_key(request);
            let id = |key: &NewKey| key.record.id.to_string();
            show_new(common, &audited_new(ledger, settings, "keys.create", create, id).await?);
            Ok(())
        }
        Keys::Update { id, name, scopes, options } => {
            let id = KeyId::new(id);
            let old = ledger.get_key(&id).await?;
            let changes = changes(&old, name.as_deref(), scopes, options)?;
            update(common, ledger, settings, (&id, changes)).await
        }
        Keys::List => list(common, ledger).await,
        Keys::Rotate { id, grace } => {
            let grace = std::time::Duration::from_secs(u64::from(*grace) * 3600);
            let key = KeyId::new(id);
            let rotate = ledger.rotate_key(&key, grace);
            show_new(common, &audited(ledger, settings, ("keys.rotate", id), rotate).await?);
            Ok(())
        }
        Keys::Revoke { id } => {
            let key = KeyId::new(id);
            audited(ledger, settings, ("keys.revoke", id), ledger.revoke_key(&key)).await?;
            if common.json {
                output::json(&json!({"revoked": id}));
            } else {
                output::line(tr(format!("{id} est révoquée"), format!("{id} is revoked")));
            }
            Ok(())
        }
    };
    if matches!(command, Keys::Create { .. }) {
        with_new(common, work)?;
    } else {
        with(common, work)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_scopes(names: &[String]) -> anyhow::Result<Vec<Scope>> {
    let scope = |name: &String| {
        name.trim().parse::<Scope>().map_err(|unknown| anyhow::anyhow!("scope {unknown}"))
    };
    names.iter().map(scope).collect()
}

fn limits(options: &KeyLimits) -> Limits {
    Limits {
        requests_per_minute: options.requests_per_minute,
        tokens_per_minute: options.tokens_per_minute,
        concurrent_requests: options.concurrent_requests,
        monthly_tokens: options.monthly_tokens,
    }
}

fn in_days(days: u32) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(i64::from(days))
}

/// What was given; an empty label stands for none, a limit of 0 for none.
fn changes(
    old: &KeyRecord,
    name: Option<&str>,
    scopes: &[String],
    options: &KeyOptions,
) -> anyhow::Result<KeyChanges> {
    let limit32 = |asked: Option<u32>, old| asked.map_or(old, |limit| (limit > 0).then_some(limit));
    let asked = &options.limits;
    let limits = Limits {
        requests_per_minute: limit32(asked.requests_per_minute, old.limits.requests_per_minute),
        tokens_per_minute: limit32(asked.tokens_per_minute, old.limits.tokens_per_minute),
        concurrent_requests: limit32(asked.concurrent_requests, old.limits.concurrent_requests),
        monthly_tokens: match asked.monthly_tokens {
            Some(limit) => (limit > 0).then_some(limit),
            None => old.limits.monthly_tokens,
        },
    };
    Ok(KeyChanges {
        name: name.map(str::to_owned),
        scopes: if scopes.is_empty() { None } else { Some(read_scopes(scopes)?) },
        labels: given(&options.labels),
        denied: given(&options.denied),
        limits: Some(limits),
        expires: options.expires.map(|days| Some(in_days(days))),
    })
}

/// Labels that were given; a single empty one stands for none at all.
pub(crate) fn given(labels: &[String]) -> Option<Vec<String>> {
    let named = labels.iter().filter(|label| !label.is_empty()).cloned().collect();
    (!labels.is_empty()).then_some(named)
}

fn show_new(common: &Common, key: &NewKey) {
    if common.json {
        let mut record = to_json(&key.record);
        record["key"] = json!(key.secret);
        output::json(&record);
        return;
    }
    output::note(tr(
        "Gardez cette clé maintenant, elle ne sera plus montrée :",
        "Keep this key now, it is not shown again:",
    ));
    output::line(&key.secret);
}

async fn update(
    common: &Common,
    ledger: &Ledger,
    settings: &Settings,
    (id, changes): (&KeyId, KeyChanges),
) -> anyhow::Result<()> {
    let update = ledger.update_key(id, changes);
    let record = audited(ledger, settings, ("keys.update", id.as_str()), update).await?;
    if common.json {
        output::json(&to_json(&record));
    } else {
        output::line(tr(format!("{id} est modifiée"), format!("{id} is changed")));
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
        let mut labels = key.labels.join(",");
        if !key.denied.is_empty() {
            labels = format!("{labels} {} {}", tr("sauf", "without"), key.denied.join(","));
        }
        vec![key.id.to_string(), key.name.clone(), scopes(key), labels, state, used]
    });
    let header = tr(
        ["ID", "NOM", "DROITS", "ÉTIQUETTES", "ÉTAT", "DERNIER USAGE"],
        ["ID", "NAME", "SCOPES", "LABELS", "STATE", "LAST USED"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn scopes(key: &KeyRecord) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}

fn to_json(key: &KeyRecord) -> Value {
    json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "labels": key.labels,
        "denied": key.denied,
        "owner": key.owner.as_ref().map(|owner| owner.as_str()),
        "family": key.family.as_str(),
        "limits": key.limits,
        "created": moment(Some(key.created)),
        "expires": moment(key.expires),
        "revoked": moment(key.revoked),
        "last_used": moment(key.last_used),
    })
}

fn date(at: OffsetDateTime) -> String {
    at.date().to_string()
}
