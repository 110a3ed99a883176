//! Tests what groups give and deny to their members.

use intramuros_types::{GroupId, Limits, Scope, UserRole};

use super::{GroupChanges, GroupRequest, Member};
use crate::ledger::tests::Fixture;
use crate::user::tests::request;
use crate::{Authentication, KeyRequest, LedgerError};

fn group(id: &str, labels: &[&str], denied: &[&str]) -> GroupRequest {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    GroupRequest {
        id: id.into(),
        title: id.to_owned(),
        labels: owned(labels),
        denied: owned(denied),
    }
}

#[tokio::test]
async fn members_have_what_their_groups_have() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let user = ledger.create_user(request("martin", UserRole::Reader)).await.unwrap();
    let key = KeyRequest {
        name: "intranet".to_owned(),
        scopes: vec![Scope::KnowledgeRead],
        labels: vec!["direction".to_owned()],
        denied: Vec::new(),
        owner: None,
        limits: Limits::default(),
        expires: None,
    };
    let key = ledger.create_key(key).await.unwrap();
    ledger.create_group(group("rh", &["rh", "paie"], &[])).await.unwrap();
    ledger.create_group(group("stagiaires", &[], &["paie", "direction"])).await.unwrap();
    let (rh, trainees) = (GroupId::new("rh"), GroupId::new("stagiaires"));
    let members = [Member::User(user.id.clone()), Member::Key(key.record.id.clone())];
    for member in &members {
        ledger.add_member(&rh, member).await.unwrap();
        ledger.add_member(&rh, member).await.unwrap();
    }
    assert_eq!(ledger.get_group(&rh).await.unwrap().members.len(), 2);

    let of_user = async || ledger.principal_of_user(&user).await.unwrap().access;
    let of_key = async |secret: &str| {
        let found = ledger.authenticate(secret).await.unwrap();
        let Authentication::Accepted(caller) = found else { panic!("{found:?}") };
        caller.access
    };
    assert!(of_user().await.allows(&["paie"]) && !of_user().await.allows(&["direction"]));
    assert!(of_key(&key.secret).await.allows(&["direction"]));

    // What one group denies, no other gives; a rotated key stays a member.
    for member in &members {
        ledger.add_member(&trainees, member).await.unwrap();
    }
    let rotated = ledger.rotate_key(&key.record.id, std::time::Duration::ZERO).await.unwrap();
    for access in [of_user().await, of_key(&rotated.secret).await] {
        assert!(access.allows(&["rh"]) && !access.allows(&["rh", "paie"]));
        assert!(!access.allows(&["direction"]));
    }
    ledger.remove_member(&trainees, &Member::Key(rotated.record.id.clone())).await.unwrap();
    assert!(of_key(&rotated.secret).await.allows(&["direction"]));
    ledger.delete_group(&trainees).await.unwrap();
    assert!(of_user().await.allows(&["paie"]));

    let less = GroupChanges { labels: Some(vec!["rh".to_owned()]), ..GroupChanges::default() };
    assert_eq!(ledger.update_group(&rh, less).await.unwrap().labels, ["rh"]);
    assert!(!of_user().await.allows(&["paie"]));
    ledger.delete_user(&user.id).await.unwrap();
    assert_eq!(ledger.get_group(&rh).await.unwrap().members, [members[1].clone()]);
}

#[tokio::test]
async fn bad_groups_are_refused() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    ledger.create_group(group("rh", &["rh"], &[])).await.unwrap();
    let refused = async |request| ledger.create_group(request).await.unwrap_err().to_string();
    assert_eq!(refused(group("rh", &[], &[])).await, "group `rh` already exists");
    assert!(refused(group("R H", &[], &[])).await.starts_with("id "));
    assert!(refused(group("a", &[" x"], &[])).await.starts_with("labels "));
    assert!(refused(group("a", &[], &["*"])).await.starts_with("denied "));
    let untitled = GroupRequest { title: String::new(), ..group("a", &[], &[]) };
    assert_eq!(refused(untitled).await, "title is empty");

    let (rh, absent) = (GroupId::new("rh"), GroupId::new("absent"));
    let nobody = Member::User("usr_absent".into());
    let missing = |done: Result<(), LedgerError>| {
        assert!(matches!(done, Err(LedgerError::NotFound { .. })), "{done:?}");
    };
    missing(ledger.add_member(&rh, &nobody).await);
    missing(ledger.remove_member(&rh, &nobody).await);
    missing(ledger.add_member(&rh, &Member::Key("imk_absent00".into())).await);
    missing(ledger.delete_group(&absent).await);
    missing(ledger.update_group(&absent, GroupChanges::default()).await.map(|_| ()));
    let listed = ledger.list_groups().await.unwrap();
    assert_eq!(listed.into_iter().map(|one| one.id).collect::<Vec<_>>(), [rh]);
}
