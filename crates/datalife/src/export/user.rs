//! Exports what the server knows of one of its users.

use std::io;

use intramuros_ledger::{
    AuditFilter, AuditRecord, DecisionRecord, JobRecord, KeyRecord, UsageFilter, UsageGroup,
    UserRecord,
};
use intramuros_types::{JobId, ReviewId, UserId};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Handle;

use super::{Archive, Export};
use crate::{DataLife, DataLifeError};

/// Entries or jobs that are read at once.
const PAGE: u32 = 500;

const README: &str = "\
Export des données d'un utilisateur d'Intramuros (RGPD, articles 15 et 20).

profile.json   le compte : nom, rôle, étiquettes, dates ; pas le mot de passe
groups.json    les groupes dont il fait partie
sessions.json  les sessions ouvertes ; pas leurs secrets
keys.json      ses clés d'API ; pas leurs secrets
usage.json     ce qui a été consommé, par jour, modèle et usage
audit.json     les entrées du journal d'audit dont il est l'auteur ; les contenus, scellés, n'y sont pas
jobs.json      les travaux qu'il a lancés
decisions.json ce qu'il a décidé sur des propositions
conversations.json  ses conversations avec des assistants
answers.json   ce qu'il a répondu dans les conversations d'autres personnes

Data of a user of Intramuros (GDPR, articles 15 and 20): account, groups, sessions, keys, consumption,
audit entries, jobs, decisions about reviews, conversations with assistants, answers in those of others. Neither passwords nor secrets; sealed contents of the audit trail are not in it.
";

impl DataLife {
    /// What the server knows of a user, as an archive.
    ///
    /// # Errors
    /// Not found; `Busy`; a failure of the ledger.
    pub async fn export_user(&self, user: &UserId) -> Result<Export, DataLifeError> {
        let record = self.shared.ledger.get_user(user).await?;
        let file_name = format!("{user}.zip");
        self.export(file_name, move |data_life, archive| write(data_life, archive, &record))
    }
}

fn write(data_life: &DataLife, archive: &mut Archive, user: &UserRecord) -> io::Result<()> {
    let (ledger, runtime) = (&data_life.shared.ledger, Handle::current());
    io::Write::write_all(archive.file("LISEZ-MOI.txt")?, README.as_bytes())?;
    archive.json("profile.json", &profile(user))?;
    let keys = runtime.block_on(ledger.keys_of(&user.id)).map_err(io::Error::other)?;
    let mut members = vec![user.id.to_string()];
    members.extend(keys.iter().map(|key| key.family.to_string()));
    let groups = runtime.block_on(ledger.groups_of(&members)).map_err(io::Error::other)?;
    let groups = groups.iter().map(|group| json!({"id": group.id.as_str(), "title": group.title}));
    archive.json("groups.json", &groups.collect::<Vec<_>>())?;
    let sessions = runtime.block_on(ledger.sessions_of(&user.id)).map_err(io::Error::other)?;
    let sessions = sessions.iter().map(
        |one| json!({"created": at(one.created), "expires": at(one.expires), "ends": at(one.ends)}),
    );
    archive.json("sessions.json", &sessions.collect::<Vec<_>>())?;
    archive.json("keys.json", &keys.iter().map(key).collect::<Vec<_>>())?;
    archive.json("usage.json", &usage(data_life, &runtime, user)?)?;
    let mut actors = vec![format!("user:{}", user.id)];
    actors.extend(keys.iter().map(|key| format!("key:{}", key.id)));
    let (mut of, mut after) = (0, None);
    archive.list("audit.json", || {
        while let Some(actor) = actors.get(of) {
            let filter = AuditFilter { actor: Some(actor.clone()), ..AuditFilter::default() };
            let page = runtime.block_on(ledger.audit(&filter, false, after, PAGE));
            let page = page.map_err(io::Error::other)?;
            after = page.next;
            of += usize::from(page.next.is_none());
            if !page.entries.is_empty() {
                return Ok(Some(page.entries.iter().map(entry).collect()));
            }
        }
        Ok(None)
    })?;
    let (mut of, mut last) = (0, None::<JobId>);
    archive.list("jobs.json", || {
        while let Some(actor) = actors.get(of) {
            let page = runtime.block_on(ledger.jobs_begun_by(actor, last.as_ref(), PAGE));
            let page = page.map_err(io::Error::other)?;
            last = page.last().map(|job| job.id.clone());
            of += usize::from(page.is_empty());
            if !page.is_empty() {
                return Ok(Some(page.iter().map(job).collect()));
            }
        }
        Ok(None)
    })?;
    let mut last = None::<ReviewId>;
    archive.list("decisions.json", || {
        let page = runtime.block_on(ledger.reviews_decided_by(&user.id, last.as_ref(), PAGE));
        let page = page.map_err(io::Error::other)?;
        last = page.last().map(|decision| decision.review.clone());
        Ok((!page.is_empty()).then(|| page.iter().map(decision).collect()))
    })?;
    super::conversations::write(ledger, &runtime, archive, &user.id)
}

fn decision(decision: &DecisionRecord) -> Value {
    json!({
        "review": decision.review.as_str(),
        "verdict": decision.verdict.as_str(),
        "decided": at(decision.decided),
        "seconds": decision.worked.map(|worked| worked.as_secs_f64()),
        "value": decision.value,
        "comment": decision.comment,
    })
}

fn profile(user: &UserRecord) -> Value {
    json!({
        "id": user.id.as_str(),
        "name": user.name,
        "full_name": user.full_name,
        "role": user.role.as_str(),
        "labels": user.labels,
        "denied": user.denied,
        "created": at(user.created),
        "disabled": user.disabled.map(at),
        "last_sign_in": user.last_sign_in.map(at),
    })
}

fn key(key: &KeyRecord) -> Value {
    json!({
        "id": key.id.as_str(),
        "name": key.name,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "labels": key.labels,
        "denied": key.denied,
        "created": at(key.created),
        "expires": key.expires.map(at),
        "revoked": key.revoked.map(at),
        "last_used": key.last_used.map(at),
    })
}

fn usage(data_life: &DataLife, runtime: &Handle, user: &UserRecord) -> io::Result<Vec<Value>> {
    let filter = UsageFilter { user: Some(user.id.to_string()), ..UsageFilter::default() };
    let groups = [UsageGroup::Day, UsageGroup::Key, UsageGroup::Model, UsageGroup::UseCase];
    let rows = runtime.block_on(data_life.shared.ledger.usage(&filter, &groups));
    let rows = rows.map_err(io::Error::other)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let group = |number: usize| row.group.get(number).cloned().unwrap_or_default();
            json!({
                "day": group(0),
                "key": group(1),
                "model": group(2),
                "use_case": group(3),
                "requests": row.requests,
                "prompt_tokens": row.consumption.prompt_tokens,
                "cached_tokens": row.consumption.cached_tokens,
                "completion_tokens": row.consumption.completion_tokens,
                "compute_seconds": row.consumption.compute.as_secs_f64(),
            })
        })
        .collect())
}

fn entry(entry: &AuditRecord) -> Value {
    json!({
        "seq": entry.seq,
        "at": at(entry.moment()),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "request": entry.request,
        "details": serde_json::from_str::<Value>(&entry.details).unwrap_or_default(),
    })
}

fn job(job: &JobRecord) -> Value {
    json!({
        "id": job.id.as_str(),
        "kind": job.kind,
        "title": job.title,
        "state": job.state.as_str(),
        "created": at(job.created),
        "finished": job.finished.map(at),
    })
}

pub(super) fn at(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}
