//! `intramuros groups`: works on the ledger directly, also while the server runs.

use std::process::ExitCode;

use intramuros_ledger::{GroupChanges, GroupRecord, GroupRequest, Ledger, Member};
use intramuros_types::{GroupId, KeyId};
use serde_json::{Value, json};

use super::keys::given;
use crate::args::{Common, Groups};
use crate::language::tr;
use crate::ledger::{audited, moment, with};
use crate::output;

pub(crate) fn run(common: &Common, command: &Groups) -> anyhow::Result<ExitCode> {
    with(common, async |ledger, settings| match command {
        Groups::Create { id, title, labels, denied } => {
            let request = GroupRequest {
                id: GroupId::new(id),
                title: title.clone().unwrap_or_else(|| id.clone()),
                labels: labels.clone(),
                denied: denied.clone(),
            };
            let create = ledger.create_group(request);
            let group = audited(ledger, settings, ("groups.create", id), create).await?;
            done(common, &group, tr("est créé", "is made"));
            Ok(())
        }
        Groups::List => list(common, ledger).await,
        Groups::Show { id } => show(common, ledger, &GroupId::new(id)).await,
        Groups::Update { id, title, labels, denied } => {
            let changes =
                GroupChanges { title: title.clone(), labels: given(labels), denied: given(denied) };
            let group = GroupId::new(id);
            let update = ledger.update_group(&group, changes);
            let group = audited(ledger, settings, ("groups.update", id), update).await?;
            done(common, &group, tr("est modifié", "is changed"));
            Ok(())
        }
        Groups::Add { id, members } => {
            let group = GroupId::new(id);
            for member in members {
                let found = find(ledger, member).await?;
                let target = format!("{id}/{}", found.as_str());
                let add = ledger.add_member(&group, &found);
                audited(ledger, settings, ("groups.add_member", &target), add).await?;
            }
            show(common, ledger, &group).await
        }
        Groups::Remove { id, members } => {
            let group = GroupId::new(id);
            for member in members {
                let found = find(ledger, member).await?;
                let target = format!("{id}/{}", found.as_str());
                let remove = ledger.remove_member(&group, &found);
                audited(ledger, settings, ("groups.remove_member", &target), remove).await?;
            }
            show(common, ledger, &group).await
        }
        Groups::Delete { id } => {
            let group = GroupId::new(id);
            let delete = ledger.delete_group(&group);
            audited(ledger, settings, ("groups.delete", id), delete).await?;
            if common.json {
                output::json(&json!({"deleted": id}));
            } else {
                output::line(tr(format!("{id} est supprimé"), format!("{id} is removed")));
            }
            Ok(())
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A key by its id, or a user by name.
async fn find(ledger: &Ledger, member: &str) -> anyhow::Result<Member> {
    if member.starts_with("imk_") {
        return Ok(Member::Key(KeyId::new(member)));
    }
    Ok(Member::User(ledger.user_named(member).await?.id))
}

fn done(common: &Common, group: &GroupRecord, what: &str) {
    if common.json {
        output::json(&to_json(group, &[]));
    } else {
        output::line(format!("{} {what}", group.id));
    }
}

async fn list(common: &Common, ledger: &Ledger) -> anyhow::Result<()> {
    let groups = ledger.list_groups().await?;
    if common.json {
        let groups: Vec<Value> = groups.iter().map(|group| to_json(group, &[])).collect();
        output::json(&json!({"groups": groups}));
        return Ok(());
    }
    let rows = groups.iter().map(|group| {
        let (labels, denied) = (group.labels.join(","), group.denied.join(","));
        vec![group.id.to_string(), group.title.clone(), labels, denied]
    });
    let header = tr(["ID", "TITRE", "OUVRE", "FERME"], ["ID", "TITLE", "OPENS", "CLOSES"]);
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

async fn show(common: &Common, ledger: &Ledger, id: &GroupId) -> anyhow::Result<()> {
    let group = ledger.get_group(id).await?;
    let mut names = Vec::new();
    for member in &group.members {
        let name = match member {
            Member::User(user) => ledger.get_user(user).await.map(|user| user.name),
            Member::Key(key) => ledger.get_key(key).await.map(|key| key.name),
        };
        names.push(name.unwrap_or_default());
    }
    if common.json {
        output::json(&to_json(&group, &names));
        return Ok(());
    }
    let rows = group.members.iter().zip(names);
    let rows: Vec<Vec<String>> =
        rows.map(|(member, name)| vec![member.as_str().to_owned(), name]).collect();
    output::table(&tr(["MEMBRE", "NOM"], ["MEMBER", "NAME"]), &rows);
    Ok(())
}

fn to_json(group: &GroupRecord, names: &[String]) -> Value {
    let members = group.members.iter().zip(names);
    let members: Vec<Value> =
        members.map(|(member, name)| json!({"id": member.as_str(), "name": name})).collect();
    json!({
        "id": group.id.as_str(),
        "title": group.title,
        "labels": group.labels,
        "denied": group.denied,
        "created": moment(Some(group.created)),
        "members": members,
    })
}
