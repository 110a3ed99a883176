//! Tests the life of jobs and their items: leases, attempts, crashes, wishes, schedules.

use std::collections::BTreeMap;
use std::time::Duration;

use intramuros_types::JobId;
use serde_json::json;

use super::ending::MAX_LOSSES;
use super::{
    Enqueued, ItemState, JobPage, JobPriority, JobProgress, JobRecord, JobState, Lease, NewItem,
    NewJob, NewSchedule,
};
use crate::ledger::tests::Fixture;
use crate::{FailureReason, Ledger, LedgerError};

mod documents;

const MINUTE: Duration = Duration::from_secs(60);

fn new(kind: &str) -> NewJob {
    NewJob::new(kind, "a title", json!({"a": 1}))
}

fn items(count: usize) -> Vec<NewItem> {
    let item = |at: usize| NewItem { key: format!("item {at}"), payload: json!({"at": at}) };
    (0..count).map(item).collect()
}

async fn create(ledger: &Ledger, count: usize) -> JobId {
    ledger.create_job(new("letters"), &items(count)).await.unwrap().job().id
}

async fn claim(ledger: &Ledger) -> Option<Lease> {
    claim_kind(ledger, "letters").await
}

async fn claim_kind(ledger: &Ledger, kind: &str) -> Option<Lease> {
    Some(ledger.claim_job("runner", &[kind], MINUTE).await.unwrap()?.0)
}

async fn state(ledger: &Ledger, id: &JobId) -> JobState {
    ledger.get_job(id).await.unwrap().state
}

async fn item_states(ledger: &Ledger, id: &JobId) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for item in ledger.list_items(id, None, 0, 1000).await.unwrap() {
        *counts.entry(item.state.as_str()).or_default() += 1;
    }
    counts
}

fn reason() -> FailureReason {
    FailureReason { code: "busy".to_owned(), text: "the printer\nis busy".to_owned() }
}

#[track_caller]
fn check_lost<T: std::fmt::Debug>(result: Result<T, LedgerError>) {
    assert!(matches!(result, Err(LedgerError::LeaseLost { .. })), "{result:?}");
}

#[tokio::test]
async fn a_job_goes_from_the_queue_to_its_end() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 2).await;
    let job = ledger.get_job(&id).await.unwrap();
    assert!(id.as_str().starts_with("job_"), "{id}");
    assert_eq!((job.state, job.attempts, job.params["a"].as_i64()), (JobState::Queued, 0, Some(1)));
    assert_eq!(job.progress, JobProgress { total: Some(2), done: 0, failed: 0 });

    let lease = claim(ledger).await.unwrap();
    assert_eq!(claim(ledger).await, None, "it is claimed once");
    assert_eq!(claim_kind(ledger, "other").await, None);
    let claimed = ledger.claim_items(&lease, 10).await.unwrap();
    let seen: Vec<_> = claimed.iter().map(|item| (item.ordinal, item.key.as_str())).collect();
    assert_eq!(seen, [(0, "item 0"), (1, "item 1")]);
    assert_eq!(ledger.claim_items(&lease, 10).await.unwrap(), []);
    fixture.advance(time::Duration::seconds(10));
    ledger.complete_item(&lease, 0, &json!("sent")).await.unwrap();
    let twice = ledger.complete_item(&lease, 0, &json!("sent")).await;
    assert!(matches!(twice, Err(LedgerError::Conflict { .. })), "{twice:?}");
    let job = ledger.get_job(&id).await.unwrap();
    assert_eq!(job.progress.done, 1);
    assert_eq!(job.remaining, Some(Duration::from_secs(10)));
    ledger.fail_item(&lease, 1, &reason()).await.unwrap();
    ledger.finish_job(&lease).await.unwrap();

    let job = ledger.get_job(&id).await.unwrap();
    assert_eq!((job.state, job.finished), (JobState::Done, Some(fixture.now())));
    assert_eq!(job.progress, JobProgress { total: Some(2), done: 1, failed: 1 });
    let failed = ledger.list_items(&id, Some(ItemState::Failed), 0, 10).await.unwrap();
    assert_eq!(failed[0].failure.as_ref().unwrap().text, "the printer is busy");
    let done = ledger.list_items(&id, Some(ItemState::Done), 0, 10).await.unwrap();
    assert_eq!(done[0].result, Some(json!("sent")));
    check_lost(ledger.finish_job(&lease).await);
}

#[tokio::test]
async fn a_lost_lease_writes_nothing() {
    let fixture = Fixture::new().await;
    let (ledger, other) = (&fixture.ledger, fixture.second().await);
    let id = create(ledger, 2).await;
    let old = claim(ledger).await.unwrap();
    assert_eq!(ledger.claim_items(&old, 1).await.unwrap().len(), 1);
    fixture.advance(time::Duration::seconds(59));
    assert_eq!(other.take_back_jobs(&[]).await.unwrap(), 0, "it holds");
    fixture.advance(time::Duration::seconds(1));
    assert_eq!(other.take_back_jobs(std::slice::from_ref(&old)).await.unwrap(), 0, "it is ours");
    assert_eq!(other.take_back_jobs(&[]).await.unwrap(), 1);
    let new = claim(&other).await.unwrap();
    let again = other.claim_items(&new, 1).await.unwrap();
    assert_eq!((again[0].ordinal, again[0].attempts), (0, 1), "a crash does not count");

    check_lost(ledger.complete_item(&old, 0, &json!("old")).await);
    check_lost(ledger.fail_item(&old, 0, &reason()).await);
    check_lost(ledger.retry_item(&old, 0, Some(&reason()), fixture.now()).await);
    check_lost(ledger.redo_items(&old, &[0]).await);
    check_lost(ledger.add_items(&old, &items(1)).await);
    check_lost(ledger.note_progress(&old, JobProgress::default()).await);
    check_lost(ledger.finish_job(&old).await);
    check_lost(ledger.fail_job(&old, &reason()).await);
    check_lost(ledger.retry_job(&old, &reason(), fixture.now()).await);
    check_lost(ledger.release_job(&old).await);
    assert_eq!(ledger.claim_items(&old, 1).await.unwrap(), []);
    assert_eq!(ledger.renew_leases(&[old, new.clone()], MINUTE).await.unwrap().len(), 1);

    other.complete_item(&new, 0, &json!("new")).await.unwrap();
    let found = ledger.list_items(&id, Some(ItemState::Done), 0, 10).await.unwrap();
    assert_eq!(found[0].result, Some(json!("new")));
    assert_eq!(ledger.get_job(&id).await.unwrap().progress.done, 1);
}

#[tokio::test]
async fn two_runners_on_one_file_never_do_an_item_twice() {
    let fixture = Fixture::new().await;
    let second = fixture.second().await;
    for _ in 0..4 {
        create(&fixture.ledger, 25).await;
    }
    let work = async |ledger: &Ledger| {
        let mut done = Vec::new();
        while let Some(lease) = claim(ledger).await {
            loop {
                let claimed = ledger.claim_items(&lease, 3).await.unwrap();
                if claimed.is_empty() {
                    break;
                }
                for item in claimed {
                    ledger.complete_item(&lease, item.ordinal, &json!(null)).await.unwrap();
                    done.push((lease.job.clone(), item.ordinal));
                }
            }
            ledger.finish_job(&lease).await.unwrap();
        }
        done
    };
    let (one, two) = tokio::join!(work(&fixture.ledger), work(&second));
    let mut all: Vec<_> = one.iter().chain(&two).cloned().collect();
    all.sort();
    all.dedup();
    assert_eq!((one.len() + two.len(), all.len()), (100, 100));
    let (jobs, _) =
        fixture.ledger.list_jobs(&JobPage { limit: 10, ..JobPage::default() }).await.unwrap();
    assert!(jobs.iter().all(|job| job.state == JobState::Done && job.progress.done == 25));
}

#[tokio::test]
async fn items_wait_before_another_attempt() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 1).await;
    let lease = claim(ledger).await.unwrap();
    ledger.claim_items(&lease, 1).await.unwrap();
    let later = fixture.now() + time::Duration::seconds(30);
    ledger.retry_item(&lease, 0, Some(&reason()), later).await.unwrap();
    assert_eq!(ledger.claim_items(&lease, 1).await.unwrap(), []);
    assert_eq!(ledger.next_item_due(&id).await.unwrap(), Some(later));
    fixture.advance(time::Duration::seconds(30));
    assert_eq!(ledger.claim_items(&lease, 1).await.unwrap()[0].attempts, 2);
    // Without a reason it does not count.
    ledger.retry_item(&lease, 0, None, fixture.now()).await.unwrap();
    assert_eq!(ledger.claim_items(&lease, 1).await.unwrap()[0].attempts, 2);
}

#[tokio::test]
async fn attempts_are_counted_until_the_job_gets_on() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 2).await;
    let mut lease = claim(ledger).await.unwrap();
    for attempt in 1..3 {
        assert_eq!(ledger.get_job(&id).await.unwrap().attempts, attempt);
        let later = fixture.now() + time::Duration::seconds(5);
        ledger.retry_job(&lease, &reason(), later).await.unwrap();
        assert_eq!(claim(ledger).await, None, "it is not due");
        let job = ledger.get_job(&id).await.unwrap();
        assert_eq!((job.state, job.not_before), (JobState::Queued, Some(later)));
        fixture.advance(time::Duration::seconds(5));
        lease = claim(ledger).await.unwrap();
    }
    // An item done: all attempts again.
    ledger.claim_items(&lease, 1).await.unwrap();
    ledger.complete_item(&lease, 0, &json!(null)).await.unwrap();
    for _ in 0..3 {
        ledger.retry_job(&lease, &reason(), fixture.now()).await.unwrap();
        lease = claim(ledger).await.expect("it got on");
    }
    ledger.retry_job(&lease, &reason(), fixture.now()).await.unwrap();
    let job = ledger.get_job(&id).await.unwrap();
    assert_eq!((job.state, job.failure.unwrap().code.as_str()), (JobState::Failed, "busy"));
    // A stop costs nothing.
    ledger.retry_failed(&id).await.unwrap();
    for _ in 0..10 {
        let lease = claim(ledger).await.unwrap();
        ledger.release_job(&lease).await.unwrap();
    }
    assert_eq!(ledger.get_job(&id).await.unwrap().attempts, 0);
}

#[tokio::test]
async fn what_ends_the_process_each_time_fails_in_the_end() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 2).await;
    for _ in 0..MAX_LOSSES {
        let lease = claim(ledger).await.unwrap();
        assert_eq!(ledger.claim_items(&lease, 1).await.unwrap()[0].ordinal, 0);
        assert_eq!(ledger.take_back_every_job().await.unwrap(), 1);
    }
    // The job goes on with the others.
    let job = ledger.get_job(&id).await.unwrap();
    assert_eq!((job.state, job.progress.failed), (JobState::Queued, 1));
    let counts = item_states(ledger, &id).await;
    assert_eq!(counts, BTreeMap::from([("failed", 1), ("pending", 1)]));
    for _ in 0..MAX_LOSSES {
        claim(ledger).await.expect("it has attempts left");
        ledger.take_back_every_job().await.unwrap();
    }
    let job = ledger.get_job(&id).await.unwrap();
    assert_eq!((job.state, job.failure.unwrap().code.as_str()), (JobState::Failed, "interrupted"));
    // By hand both go on.
    ledger.retry_failed(&id).await.unwrap();
    assert_eq!(item_states(ledger, &id).await, BTreeMap::from([("pending", 2)]));
    let lease = claim(ledger).await.unwrap();
    assert_eq!(ledger.claim_items(&lease, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn priorities_then_age_decide() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let mut ids = Vec::new();
    for priority in [JobPriority::Low, JobPriority::Normal, JobPriority::Normal] {
        let new = NewJob { priority, ..new("letters") };
        ids.push(ledger.create_job(new, &[]).await.unwrap().job().id);
    }
    let later = NewJob {
        priority: JobPriority::High,
        not_before: Some(fixture.now() + time::Duration::HOUR),
        ..new("letters")
    };
    ids.push(ledger.create_job(later, &[]).await.unwrap().job().id);
    ids.push(create(ledger, 0).await);
    ledger.prioritise_job(&ids[4], JobPriority::High).await.unwrap();
    let mut order = Vec::new();
    while let Some(lease) = claim(ledger).await {
        order.push(ids.iter().position(|id| *id == lease.job).unwrap());
    }
    assert_eq!(order, [4, 1, 2, 0]);
    fixture.advance(time::Duration::HOUR);
    assert_eq!(claim(ledger).await.unwrap().job, ids[3]);
}

#[tokio::test]
async fn a_key_has_one_unfinished_job() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let keyed = || NewJob { unique_key: Some("one".to_owned()), ..new("letters") };
    let second = fixture.second().await;
    let both = items(1);
    let (one, two) =
        tokio::join!(ledger.create_job(keyed(), &both), second.create_job(keyed(), &both));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(matches!(one, Enqueued::New(_)), matches!(two, Enqueued::New(_)));
    let id = one.job().id;
    assert_eq!(id, two.job().id);
    let elsewhere = NewJob { kind: "other".to_owned(), ..keyed() };
    assert!(matches!(ledger.create_job(elsewhere, &[]).await.unwrap(), Enqueued::New(_)));
    ledger.pause_job(&id).await.unwrap();
    assert!(matches!(ledger.create_job(keyed(), &[]).await.unwrap(), Enqueued::Existing(_)));
    ledger.cancel_job(&id).await.unwrap();
    let next = ledger.create_job(keyed(), &[]).await.unwrap();
    assert!(matches!(next, Enqueued::New(_)));
    // The one that was cancelled would do the same.
    let error = ledger.retry_failed(&id).await.unwrap_err();
    assert!(error.to_string().contains("another job does the same"), "{error}");
    assert_eq!(ledger.newest_job("letters", "one").await.unwrap().unwrap().id, next.job().id);
}

#[tokio::test]
async fn wishes_are_done_at_once_or_when_the_attempt_stops() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 1).await;
    assert_eq!(ledger.pause_job(&id).await.unwrap().state, JobState::Paused);
    assert_eq!(claim(ledger).await, None);
    assert_eq!(ledger.resume_job(&id).await.unwrap().state, JobState::Queued);
    let lease = claim(ledger).await.unwrap();
    ledger.claim_items(&lease, 1).await.unwrap();
    assert_eq!(ledger.pause_job(&id).await.unwrap().state, JobState::Running);
    let told = ledger.look_at_leases(std::slice::from_ref(&lease)).await.unwrap();
    assert_eq!(told[0].wanted, super::JobWish::Pause);
    ledger.release_job(&lease).await.unwrap();
    assert_eq!(state(ledger, &id).await, JobState::Paused);
    assert_eq!(item_states(ledger, &id).await, BTreeMap::from([("pending", 1)]));

    // A crash does not undo what was wanted.
    ledger.resume_job(&id).await.unwrap();
    claim(ledger).await.unwrap();
    ledger.cancel_job(&id).await.unwrap();
    ledger.take_back_every_job().await.unwrap();
    assert_eq!(state(ledger, &id).await, JobState::Cancelled);
    for refused in [
        ledger.pause_job(&id).await,
        ledger.resume_job(&id).await,
        ledger.cancel_job(&id).await,
        ledger.prioritise_job(&id, JobPriority::High).await,
    ] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("is cancelled and cannot be"), "{error}");
    }
    assert_eq!(ledger.retry_failed(&id).await.unwrap().state, JobState::Queued);
    let missing = ledger.pause_job(&"job_none".into()).await;
    assert!(matches!(missing, Err(LedgerError::NotFound { .. })));
}

#[tokio::test]
async fn leases_outlive_a_clock_that_jumps() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    create(ledger, 1).await;
    let lease = claim(ledger).await.unwrap();
    let own = std::slice::from_ref(&lease);
    for jump in [time::Duration::DAY, -time::Duration::weeks(5)] {
        fixture.advance(jump);
        assert_eq!(ledger.take_back_jobs(own).await.unwrap(), 0, "its runner lives");
        assert_eq!(ledger.renew_leases(own, MINUTE).await.unwrap().len(), 1);
        assert_eq!(ledger.take_back_jobs(&[]).await.unwrap(), 0, "it is renewed");
    }
    // A process that died before the clock was set back does not keep the job until then.
    fixture.advance(-time::Duration::weeks(5));
    assert_eq!(ledger.take_back_jobs(&[]).await.unwrap(), 1);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_and_forgotten_in_time() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(create(ledger, 1).await);
    }
    ids.reverse();
    let page = |after, limit| JobPage { after, limit, ..JobPage::default() };
    let (first, next) = ledger.list_jobs(&page(None, 3)).await.unwrap();
    let (second, end) = ledger.list_jobs(&page(next, 3)).await.unwrap();
    let listed: Vec<JobId> = first.into_iter().chain(second).map(|job: JobRecord| job.id).collect();
    assert_eq!((listed, end), (ids.clone(), None));
    assert!(ledger.list_jobs(&page(None, 0)).await.is_err());
    let queued = JobPage { state: Some(JobState::Queued), kind: None, after: None, limit: 9 };
    ledger.cancel_job(&ids[0]).await.unwrap();
    assert_eq!(ledger.list_jobs(&queued).await.unwrap().0.len(), 4);
    let other = JobPage { kind: Some("other".to_owned()), ..queued };
    assert_eq!(ledger.list_jobs(&other).await.unwrap().0.len(), 0);

    fixture.advance(time::Duration::DAY);
    let kept = Duration::from_secs(3600);
    assert_eq!(ledger.forget_finished_jobs(Duration::from_secs(48 * 3600)).await.unwrap(), 0);
    assert_eq!(ledger.forget_finished_jobs(kept).await.unwrap(), 1);
    assert!(ledger.get_job(&ids[0]).await.is_err());
    assert!(ledger.list_items(&ids[0], None, 0, 1).await.is_err());
    assert_eq!(ledger.forget_finished_jobs(kept).await.unwrap(), 0, "the others are not finished");
}

#[tokio::test]
async fn what_is_too_much_is_refused_by_name() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let huge = json!("x".repeat(256 << 10));
    let with = |key: &str, payload| vec![NewItem { key: key.to_owned(), payload }];
    for (job, items, name) in [
        (NewJob { kind: "Letters".to_owned(), ..new("a") }, vec![], "kind"),
        (NewJob { title: String::new(), ..new("a") }, vec![], "title"),
        (NewJob { params: huge.clone(), ..new("a") }, vec![], "params"),
        (NewJob { max_attempts: Some(0), ..new("a") }, vec![], "max_attempts"),
        (new("a"), with("", json!(null)), "key"),
        (new("a"), with("k", huge.clone()), "payload"),
    ] {
        let error = ledger.create_job(job, &items).await.unwrap_err();
        assert!(
            matches!(&error, LedgerError::Invalid { name: found, .. } if *found == name),
            "{error:?}"
        );
    }
    let twice = [with("k", json!(1)), with("k", json!(2))].concat();
    assert!(matches!(ledger.create_job(new("a"), &twice).await, Err(LedgerError::Conflict { .. })));
    let (jobs, _) = ledger.list_jobs(&JobPage { limit: 9, ..JobPage::default() }).await.unwrap();
    assert_eq!(jobs, [], "nothing of them was kept");
    create(ledger, 1).await;
    let lease = claim(ledger).await.unwrap();
    ledger.claim_items(&lease, 1).await.unwrap();
    let refused = ledger.complete_item(&lease, 0, &huge).await;
    assert!(matches!(refused, Err(LedgerError::Invalid { name: "result", .. })), "{refused:?}");
}

#[tokio::test]
async fn items_can_be_done_again() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    let id = create(ledger, 2).await;
    let lease = claim(ledger).await.unwrap();
    for item in ledger.claim_items(&lease, 2).await.unwrap() {
        ledger.complete_item(&lease, item.ordinal, &json!("by one judge")).await.unwrap();
    }
    ledger.redo_items(&lease, &[1]).await.unwrap();
    assert_eq!(ledger.get_job(&id).await.unwrap().progress.done, 1);
    let again = ledger.claim_items(&lease, 2).await.unwrap();
    assert_eq!((again.len(), again[0].ordinal, &again[0].result), (1, 1, &None));
    check_lost(ledger.redo_items(&lease, &[1]).await);
    ledger
        .add_items(&lease, &[NewItem { key: "more".to_owned(), payload: json!(1) }])
        .await
        .unwrap();
    assert_eq!(ledger.get_job(&id).await.unwrap().progress.total, Some(3));
}

#[tokio::test]
async fn a_scheduled_run_is_begun_once() {
    let fixture = Fixture::new().await;
    let second = fixture.second().await;
    let ledger = &fixture.ledger;
    let (first, hour) = (fixture.now() + time::Duration::HOUR, time::Duration::HOUR);
    let nightly = |cron: &str, next_run| NewSchedule {
        name: "nightly".to_owned(),
        kind: "letters".to_owned(),
        title: "every night".to_owned(),
        params: json!({}),
        priority: JobPriority::Low,
        max_attempts: Some(3),
        cron: cron.to_owned(),
        next_run,
    };
    ledger.set_schedules(&[nightly("0 2 * * *", first)]).await.unwrap();
    // A start knows it already.
    ledger.set_schedules(&[nightly("0 2 * * *", first + hour)]).await.unwrap();
    assert_eq!(ledger.schedules().await.unwrap()[0].next_run, first);
    let next = first + hour;
    let (one, two) = tokio::join!(
        ledger.begin_scheduled("nightly", first, next),
        second.begin_scheduled("nightly", first, next)
    );
    let begun: Vec<JobRecord> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(begun.len(), 1);
    assert_eq!(begun[0].schedule.as_deref(), Some("nightly"));
    let known = &ledger.schedules().await.unwrap()[0];
    assert_eq!((known.next_run, known.last_job.as_ref()), (next, Some(&begun[0].id)));
    assert_eq!(ledger.begin_scheduled("nightly", first, next).await.unwrap(), None);
    // One that is not finished is the next run's too.
    let again = ledger.begin_scheduled("nightly", next, next + hour).await.unwrap().unwrap();
    assert_eq!(again.id, begun[0].id);
    // Another time, another name.
    ledger.set_schedules(&[nightly("0 3 * * *", first)]).await.unwrap();
    assert_eq!(ledger.schedules().await.unwrap()[0].next_run, first);
    ledger.set_schedules(&[]).await.unwrap();
    assert_eq!(ledger.schedules().await.unwrap(), []);
}

#[tokio::test]
async fn a_calibration_of_an_earlier_version_goes_on_as_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let all = crate::migrations::migrations();
    let before = all.iter().filter(|migration| migration.version < 8).cloned().collect();
    sqlx::migrate::Migrator::with_migrations(before).run(&pool).await.unwrap();
    for statement in [
        "INSERT INTO knowledge_bases (id, title, embedding_model, language, state, created) \
         VALUES ('support', 'Assistance', 'encoder', 'fr', 'active', 0)",
        "INSERT INTO calibrations_begun (knowledge_base, kept) VALUES ('support', 0.75)",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let ledger = Ledger::open(&path).await.unwrap();
    let (lease, job) = ledger
        .claim_job("runner", &[super::CALIBRATE], MINUTE)
        .await
        .unwrap()
        .expect("it is queued");
    assert_eq!((job.params, job.knowledge_base), (json!({"kept": 0.75}), Some("support".into())));
    assert_eq!(ledger.claim_items(&lease, 1).await.unwrap(), [], "the attempt adds them");
    ledger.check().await.unwrap();
}

#[tokio::test]
async fn jobs_are_counted_by_kind_and_state() {
    let fixture = Fixture::new().await;
    let ledger = &fixture.ledger;
    assert_eq!(ledger.count_jobs().await.unwrap(), []);
    for kind in ["purge", "purge", "letters"] {
        ledger.create_job(NewJob::new(kind, kind, json!({})), &[]).await.unwrap();
    }
    ledger.claim_job("runner", &["purge"], MINUTE).await.unwrap().unwrap();
    let counted = ledger.count_jobs().await.unwrap();
    let counted: Vec<_> =
        counted.iter().map(|count| (count.kind.as_str(), count.state, count.jobs)).collect();
    let expected = [
        ("letters", JobState::Queued, 1),
        ("purge", JobState::Queued, 1),
        ("purge", JobState::Running, 1),
    ];
    assert_eq!(counted, expected);
}
