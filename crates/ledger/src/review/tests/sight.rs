//! Tests who sees and may decide what.

use intramuros_types::{GroupId, Limits, Principal, Scope};

use super::*;
use crate::review::ReviewStatsFilter;
use crate::user::tests::request;
use crate::{GroupRequest, KeyRequest, Member, UserRequest};

fn with(access: Access) -> Reviewer {
    Reviewer { access, ..person("marie") }
}

/// Whether `who` sees a review in every way that there is.
async fn check(fixture: &Fixture, id: &ReviewId, who: &Reviewer, sees: bool) {
    let ledger = &fixture.ledger;
    let title = ledger.review(id).await.unwrap().summary.title;
    let found = ledger.get_review(id, who).await;
    assert_eq!(found.is_ok(), sees, "{title}: {found:?}");
    let shown = listed(fixture, ReviewPage::default(), who).await;
    assert_eq!(shown.contains(&title), sees, "{title} in {shown:?}");
    let counted = ledger.review_stats(&ReviewStatsFilter::default(), who).await.unwrap();
    assert_eq!(counted.open + counted.claimed, shown.len() as u64, "{title}");
    for refusal in [
        ledger.claim_review(id, who, LEASE).await.err(),
        ledger.release_review(id, who).await.err(),
        ledger.update_review(id, ReviewChanges::default(), who).await.err(),
    ] {
        let is_hidden = matches!(refusal, Some(LedgerError::NotFound { .. }));
        assert_eq!(is_hidden, !sees, "{title}: {refusal:?}");
    }
    if !sees {
        let hidden = decide(fixture, id, who, Decision::Approve).await.unwrap_err();
        assert!(matches!(hidden, LedgerError::NotFound { .. }), "{hidden}");
        let hidden = ledger.withdraw_review(id, who).await.unwrap_err();
        assert!(matches!(hidden, LedgerError::NotFound { .. }), "{hidden}");
    }
}

#[tokio::test]
async fn labels_open_and_deny() {
    let fixture = Fixture::new().await;
    let labelled = |title: &str, labels: &[&str]| NewReview {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..new(title)
    };
    let open = file(&fixture, labelled("open", &[])).await;
    let rh = file(&fixture, labelled("rh", &["rh"])).await;
    let both = file(&fixture, labelled("both", &["rh", "paie"])).await;
    for (access, sees) in [
        (Access::of::<&str>(&[]), [true, false, false]),
        (Access::of(&["rh"]), [true, true, true]),
        (Access::of(&["paie"]), [true, false, true]),
        (Access::of(&["rh"]).without(&["paie"]), [true, true, false]),
        (Access::of(&["*"]).without(&["rh"]), [true, false, false]),
        (Access::of(&["*"]), [true, true, true]),
    ] {
        for (id, sees) in [&open, &rh, &both].into_iter().zip(sees) {
            check(&fixture, id, &with(access.clone()), sees).await;
            // Labels are for administrators too.
            let admin = Reviewer { role: UserRole::Admin, ..with(access.clone()) };
            check(&fixture, id, &admin, sees).await;
        }
    }
}

#[tokio::test]
async fn who_may_not_read_what_a_review_quotes_does_not_see_it() {
    let fixture = Fixture::with_base("support").await;
    let ledger = &fixture.ledger;
    let (public, secret) = (document(&fixture, 1, &[]).await, document(&fixture, 2, &["rh"]).await);
    let evidence = vec![quoting(&public, "a"), quoting(&secret, "b")];
    let id = file(&fixture, NewReview { evidence, ..new("quotes") }).await;
    let evidence = vec![quoting(&public, "a")];
    let other = file(&fixture, NewReview { evidence, ..new("public") }).await;
    for (access, sees) in [
        (Access::of::<&str>(&[]), false),
        (Access::of(&["rh"]), true),
        (Access::of(&["*"]).without(&["rh"]), false),
        (Access::EVERYTHING, true),
    ] {
        check(&fixture, &id, &with(access.clone()), sees).await;
        check(&fixture, &other, &with(access), true).await;
    }
    let blind = with(Access::of::<&str>(&[]));
    assert_eq!(next(&fixture, &blind).await.as_deref(), Some("public"));
    assert_eq!(next(&fixture, &blind).await, None);
    ledger.release_review(&other, &blind).await.unwrap();
    // A change of the document's readers counts at once.
    let details = DocumentDetails { labels: vec!["rh".to_owned()], ..DocumentDetails::default() };
    ledger.update_details(&public, details).await.unwrap();
    check(&fixture, &other, &blind, false).await;
    assert_eq!(next(&fixture, &blind).await, None);
    // Nobody files about what they may not read, nor finds out what there is.
    let about = |id: &DocumentId| NewReview { evidence: vec![quoting(id, "x")], ..new("x") };
    let hidden = refused(ledger.file_review(about(&secret), Filer::Caller(&blind)).await);
    let missing = DocumentId::from("doc_none");
    let missing = refused(ledger.file_review(about(&missing), Filer::Caller(&blind)).await);
    assert_eq!(hidden.replace(secret.as_str(), "doc_none"), missing);
    // Nor under labels that they do not hold.
    let new = NewReview { labels: vec!["rh".to_owned()], ..new("x") };
    assert!(refused(ledger.file_review(new, Filer::Caller(&blind)).await).starts_with("labels "));
}

#[tokio::test]
async fn teams_and_roles_narrow_who_sees_and_decides() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    group(&fixture, "compta").await;
    let team = Some(GroupId::from("compta"));
    let of_team = file(&fixture, NewReview { team: team.clone(), ..new("team") }).await;
    let of_role = file(&fixture, NewReview { role: UserRole::Operator, ..new("role") }).await;
    let for_admin = file(&fixture, NewReview { role: UserRole::Admin, ..new("admin") }).await;
    let member = Reviewer { teams: vec!["compta".into()], ..person("marie") };
    let operator = Reviewer { role: UserRole::Operator, ..person("paul") };
    for (who, sees) in [
        (&person("a"), [false, false, false]),
        (&member, [true, false, false]),
        (&operator, [false, true, false]),
        (&application(), [false, false, false]),
        (&admin(), [true, true, true]),
    ] {
        for (id, sees) in [&of_team, &of_role, &for_admin].into_iter().zip(sees) {
            check(&fixture, id, who, sees).await;
        }
    }
    // Who filed it sees it, and does not decide it for that.
    let filer = application();
    let new = NewReview { team, ..new("filed") };
    let id = ledger.file_review(new, Filer::Caller(&filer)).await.unwrap().review().summary.id;
    assert!(ledger.get_review(&id, &filer).await.is_ok());
    assert!(refused(decide(&fixture, &id, &filer, Decision::Approve).await).contains("for others"));
    assert_eq!(next(&fixture, &filer).await, None);
    assert!(next(&fixture, &member).await.is_some());
    // A team that is gone is nobody's but the administrators'.
    ledger.delete_group(&"compta".into()).await.unwrap();
    let orphan = Reviewer { teams: Vec::new(), ..member };
    assert!(ledger.get_review(&of_team, &orphan).await.is_err());
    let changes = ReviewChanges { team: Some(None), ..ReviewChanges::default() };
    ledger.update_review(&of_team, changes, &admin()).await.unwrap();
    assert!(ledger.get_review(&of_team, &orphan).await.is_ok());
}

async fn group(fixture: &Fixture, id: &str) {
    let request = GroupRequest {
        id: id.into(),
        title: id.to_owned(),
        labels: Vec::new(),
        denied: Vec::new(),
    };
    fixture.ledger.create_group(request).await.unwrap();
}

async fn user(fixture: &Fixture, name: &str, role: UserRole) -> UserId {
    let request = UserRequest { labels: vec!["*".to_owned()], ..request(name, role) };
    fixture.ledger.create_user(request).await.unwrap().id
}

#[tokio::test]
async fn an_assignee_comes_first() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let marie = user(&fixture, "marie", UserRole::Reviewer).await;
    let reader = user(&fixture, "lecteur", UserRole::Reader).await;
    group(&fixture, "compta").await;
    let for_her = NewReview { assignee: Some(marie.clone()), four_eyes: true, ..new("a") };
    for wrong in [
        NewReview { assignee: Some(reader.clone()), ..new("a") },
        NewReview { team: Some("compta".into()), ..for_her.clone() },
        NewReview { role: UserRole::Admin, ..for_her.clone() },
    ] {
        check_refused(&fixture, "assignee", wrong).await;
    }
    let id = file(&fixture, for_her).await;
    let record = ledger.get_user(&marie).await.unwrap();
    let marie = ledger.reviewer_of_user(&record).await.unwrap();
    let paul = person("paul");
    let told = refused(decide(&fixture, &id, &paul, Decision::Approve).await);
    assert!(told.contains("is assigned to usr_"), "{told}");
    assert_eq!(next(&fixture, &paul).await, None);
    let mine = ReviewPage { mine: true, ..ReviewPage::default() };
    assert_eq!(listed(&fixture, mine, &marie).await, ["a"]);
    // Somebody is away: whom it is for can be changed, and changed back.
    let change = |assignee| ReviewChanges { assignee: Some(assignee), ..ReviewChanges::default() };
    ledger.update_review(&id, change(None), &paul).await.unwrap();
    assert_eq!(next(&fixture, &paul).await.as_deref(), Some("a"));
    ledger.update_review(&id, change(marie.person.clone()), &paul).await.unwrap();
    let wrong = ledger.update_review(&id, change(Some(reader)), &paul).await;
    assert!(refused(wrong).contains("has not the role"));
    // Who has it may finish, and the second opinion is anybody's.
    decide(&fixture, &id, &paul, Decision::Approve).await.unwrap();
    assert_eq!(next(&fixture, &person("zoé")).await.as_deref(), Some("a"));
    ledger.delete_user(marie.person.as_ref().unwrap()).await.unwrap();
    assert_eq!(ledger.review(&id).await.unwrap().summary.assignee, None);
}

#[tokio::test]
async fn a_key_counts_as_its_owner() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let boss = user(&fixture, "boss", UserRole::Admin).await;
    group(&fixture, "compta").await;
    ledger.add_member(&"compta".into(), &Member::User(boss.clone())).await.unwrap();
    let key = async |owner: Option<UserId>, scopes: Vec<Scope>| {
        let request = KeyRequest {
            name: "k".to_owned(),
            scopes,
            labels: vec!["*".to_owned()],
            denied: Vec::new(),
            owner,
            limits: Limits::default(),
            expires: None,
        };
        let made = ledger.create_key(request).await.unwrap();
        let principal = ledger.principal_of_key(&made.record).await.unwrap().unwrap();
        (made.record.id, ledger.reviewer(&principal).await.unwrap())
    };
    let record = ledger.get_user(&boss).await.unwrap();
    let session = ledger.reviewer_of_user(&record).await.unwrap();
    let (_, owned) = key(Some(boss.clone()), vec![Scope::ReviewsWrite, Scope::ReviewsRead]).await;
    assert_eq!((owned.who.as_str(), owned.person.as_ref()), (boss.as_str(), None));
    assert_eq!(owned.teams, ["compta".into()]);
    // A key is no stronger than its scopes.
    assert_eq!((session.role, owned.role), (UserRole::Admin, UserRole::Operator));
    let (id, application) = key(None, vec![Scope::ReviewsWrite]).await;
    assert_eq!((application.who.as_str(), application.person), (id.as_str(), None));
    assert_eq!((application.role, application.teams.len()), (UserRole::Reviewer, 0));
    let (_, strong) = key(None, vec![Scope::ReviewsWrite, Scope::Admin]).await;
    assert_eq!(strong.role, UserRole::Admin);
    // A rotation is the same application.
    let rotated = ledger.rotate_key(&id, Duration::from_secs(60)).await.unwrap();
    let principal: Principal = ledger.principal_of_key(&rotated.record).await.unwrap().unwrap();
    assert_eq!(ledger.reviewer(&principal).await.unwrap().who, application.who);
    // A key is no pair of eyes, whoever owns it.
    let id = file(&fixture, NewReview { four_eyes: true, ..new("a") }).await;
    decide(&fixture, &id, &session, Decision::Approve).await.unwrap();
    assert!(refused(decide(&fixture, &id, &owned, Decision::Approve).await).contains("signed in"));
}
