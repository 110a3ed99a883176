//! Tests runners on real ledgers, with a clock that only the tests move.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use intramuros_ledger::{
    Clock, Decision, Filer, JobPage, JobPriority, JobProgress, JobRecord, JobState, Ledger,
    NewDecision, NewItem, NewJob, NewReview, Reviewer,
};
use intramuros_types::{Access, JobId, ReviewId, UserRole};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::{Runner, RunnerConfig, Schedule};
use crate::{Cron, Item, ItemError, ItemPolicy, JobContext, JobError, JobKind, Slots, Stop};

/// 2026-01-01.
const START: i64 = 1_767_225_600;

struct Fixture {
    ledger: Ledger,
    folder: TempDir,
    seconds: Arc<AtomicI64>,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(START));
        let ledger = open(folder.path().join("ledger.sqlite"), &seconds).await;
        Self { ledger, folder, seconds }
    }

    /// Another handle on the same file, with the same clock.
    async fn second(&self) -> Ledger {
        open(self.folder.path().join("ledger.sqlite"), &self.seconds).await
    }

    fn advance(&self, by: time::Duration) {
        self.seconds.fetch_add(by.whole_seconds(), Ordering::SeqCst);
    }

    async fn create(&self, kind: &str, items: usize) -> JobId {
        create(&self.ledger, NewJob::new(kind, "a job", json!({})), items).await
    }

    /// The job, once it is in `state`.
    async fn until(&self, id: &JobId, state: JobState) -> JobRecord {
        self.until_it(id, |job| job.state == state).await
    }

    async fn until_it(&self, id: &JobId, is: impl Fn(&JobRecord) -> bool) -> JobRecord {
        for _ in 0..2000 {
            let job = self.ledger.get_job(id).await.unwrap();
            if is(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it did not come to that: {:?}", self.ledger.get_job(id).await.unwrap());
    }
}

async fn open(path: PathBuf, seconds: &Arc<AtomicI64>) -> Ledger {
    let seconds = Arc::clone(seconds);
    let now = move || OffsetDateTime::from_unix_timestamp(seconds.load(Ordering::SeqCst)).unwrap();
    Ledger::open_with_clock(&path, Clock::from_fn(now)).await.unwrap()
}

async fn create(ledger: &Ledger, new: NewJob, items: usize) -> JobId {
    let item = |at: usize| NewItem { key: at.to_string(), payload: json!(at) };
    let items: Vec<NewItem> = (0..items).map(item).collect();
    ledger.create_job(new, &items).await.unwrap().job().id
}

type Run = dyn Fn(JobContext) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync;

struct Kind {
    name: &'static str,
    slots: Slots,
    run: Box<Run>,
}

impl JobKind for Kind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn slots(&self) -> Slots {
        self.slots
    }

    fn run(&self, job: JobContext) -> BoxFuture<'static, Result<(), JobError>> {
        (self.run)(job)
    }
}

fn kind<F, W>(name: &'static str, run: F) -> Arc<dyn JobKind>
where
    F: Fn(JobContext) -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), JobError>> + Send + 'static,
{
    Arc::new(Kind { name, slots: Slots::Shared, run: Box::new(move |job| run(job).boxed()) })
}

fn config() -> RunnerConfig {
    RunnerConfig {
        look_every: Duration::from_millis(20),
        renew_every: Duration::from_millis(50),
        grace: Duration::from_millis(300),
        ..RunnerConfig::default()
    }
}

/// A runner at work.
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(runner: Runner) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(runner.run(stopped)) }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

fn quick() -> ItemPolicy {
    let wait = Duration::ZERO;
    ItemPolicy { max_attempts: 3, first_wait: wait, longest_wait: wait, ..ItemPolicy::of(2) }
}

#[tokio::test]
async fn items_are_tried_again_and_the_job_goes_on_with_the_others() {
    let fixture = Fixture::new().await;
    let letters = kind("letters", async |job| {
        let work = async |item: Item<u64>| match (item.payload, item.attempt) {
            (1, 1) => Err(ItemError::retry("busy", "the printer is busy")),
            (1, 2) => panic!("paper"),
            (2, _) => Err(ItemError::retry("lost", "the address is unknown")),
            (3, _) => Err(ItemError::failed("void", "there is nothing in it")),
            (4, _) => Ok(json!("x".repeat(300 << 10))),
            (at, attempt) => Ok(json!([at, attempt])),
        };
        job.for_each_item(quick(), work).await.map(|_| ())
    });
    let id = fixture.create("letters", 6).await;
    let running = Running::start(Runner::new(fixture.ledger.clone(), config()).with_kind(letters));
    let job = fixture.until(&id, JobState::Done).await;
    assert_eq!(job.progress, JobProgress { total: Some(6), done: 3, failed: 3 });
    let items = fixture.ledger.list_items(&id, None, 0, 10).await.unwrap();
    let results: Vec<Option<Value>> = items.iter().map(|item| item.result.clone()).collect();
    let done = |at, attempt| Some(json!([at, attempt]));
    assert_eq!(results, [done(0, 1), done(1, 3), None, None, None, done(5, 1)]);
    let code = |at: usize| items[at].failure.as_ref().map(|failure| failure.code.as_str());
    assert_eq!((code(2), code(3), code(4)), (Some("lost"), Some("void"), Some("result")));
    assert_eq!((items[2].attempts, items[3].attempts), (3, 1));
    running.stop().await;
}

#[tokio::test]
async fn an_attempt_that_panics_is_followed_by_another_in_time() {
    let fixture = Fixture::new().await;
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let letters = kind("letters", move |_| {
        let attempt = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(attempt > 0, "paper");
            Ok(())
        }
    });
    let id = fixture.create("letters", 0).await;
    let running = Running::start(Runner::new(fixture.ledger.clone(), config()).with_kind(letters));
    let job = fixture.until_it(&id, |job| job.failure.is_some()).await;
    assert_eq!(
        (job.state, job.failure.unwrap().text.as_str()),
        (JobState::Queued, "a panic: paper")
    );
    assert!(job.not_before.is_some());
    fixture.advance(time::Duration::MINUTE);
    let job = fixture.until(&id, JobState::Done).await;
    assert_eq!((job.failure, attempts.load(Ordering::SeqCst)), (None, 2));
    running.stop().await;
}

/// A kind that says what it is told, and does one item each time it is allowed to.
fn waiting(told: mpsc::UnboundedSender<(JobId, Option<Stop>)>) -> Arc<dyn JobKind> {
    kind("waiting", move |job| {
        let told = told.clone();
        async move {
            told.send((job.id().clone(), None)).unwrap();
            let stop = job.stopped().await;
            told.send((job.id().clone(), Some(stop))).unwrap();
            Err(JobError::Stopped)
        }
    })
}

#[tokio::test]
async fn running_jobs_hear_what_people_want() {
    let fixture = Fixture::new().await;
    let (sender, mut told) = mpsc::unbounded_channel();
    let id = fixture.create("waiting", 0).await;
    let running =
        Running::start(Runner::new(fixture.ledger.clone(), config()).with_kind(waiting(sender)));
    // By another handle: the runner looks by itself.
    let other = fixture.second().await;
    assert_eq!(told.recv().await.unwrap(), (id.clone(), None));
    other.pause_job(&id).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), (id.clone(), Some(Stop::Paused)));
    fixture.until(&id, JobState::Paused).await;
    other.resume_job(&id).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), (id.clone(), None));
    other.cancel_job(&id).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), (id.clone(), Some(Stop::Cancelled)));
    fixture.until(&id, JobState::Cancelled).await;
    // A lease that somebody took.
    other.retry_failed(&id).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), (id.clone(), None));
    other.take_back_every_job().await.unwrap();
    assert_eq!(told.recv().await.unwrap(), (id.clone(), Some(Stop::LeaseLost)));
    assert_eq!(told.recv().await.unwrap(), (id.clone(), None), "it is queued again");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_puts_jobs_back_at_once() {
    let fixture = Fixture::new().await;
    let (sender, mut told) = mpsc::unbounded_channel();
    let deaf = kind("deaf", async |_| std::future::pending().await);
    let id = fixture.create("waiting", 0).await;
    let stubborn = fixture.create("deaf", 0).await;
    let runner = Runner::new(fixture.ledger.clone(), config());
    let running = Running::start(runner.with_kind(waiting(sender)).with_kind(deaf));
    told.recv().await.unwrap();
    fixture.until(&stubborn, JobState::Running).await;
    running.stop().await;
    assert_eq!(told.recv().await.unwrap(), (id.clone(), Some(Stop::Shutdown)));
    for id in [id, stubborn] {
        let job = fixture.ledger.get_job(&id).await.unwrap();
        assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
    }
}

#[tokio::test]
async fn slots_are_kept_and_high_priority_comes_first() {
    let fixture = Fixture::new().await;
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let (seen, most) = (Arc::clone(&order), Arc::new(AtomicU32::new(0)));
    let (now, peak) = (Arc::new(AtomicU32::new(0)), Arc::clone(&most));
    let letters = kind("letters", move |job| {
        let (seen, now, peak) = (Arc::clone(&seen), Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            seen.lock().unwrap().push(job.record().title.clone());
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    });
    let beside = Kind {
        name: "beside",
        slots: Slots::Own(1),
        run: Box::new(|_| std::future::pending().boxed()),
    };
    let mut last = None;
    for (title, priority) in [
        ("c", JobPriority::Low),
        ("b", JobPriority::Normal),
        ("b", JobPriority::Normal),
        ("a", JobPriority::High),
    ] {
        let new = NewJob { priority, ..NewJob::new("letters", title, json!({})) };
        let id = create(&fixture.ledger, new, 0).await;
        last = last.or(Some(id));
    }
    let own = [fixture.create("beside", 0).await, fixture.create("beside", 0).await];
    let config = RunnerConfig { concurrency: 1, ..config() };
    let runner = Runner::new(fixture.ledger.clone(), config).with_kind(letters);
    let running = Running::start(runner.with_kind(Arc::new(beside)));
    fixture.until(&last.unwrap(), JobState::Done).await;
    assert_eq!(*order.lock().unwrap(), ["a", "b", "b", "c"]);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    fixture.until(&own[0], JobState::Running).await;
    assert_eq!(fixture.ledger.get_job(&own[1]).await.unwrap().state, JobState::Queued);
    running.stop().await;
}

#[tokio::test]
async fn two_runners_share_the_work_and_none_is_done_twice() {
    let fixture = Fixture::new().await;
    let done: Arc<Mutex<Vec<(JobId, u64)>>> = Arc::default();
    let sharing = || {
        let done = Arc::clone(&done);
        kind("letters", move |job| {
            let done = Arc::clone(&done);
            async move {
                let work = async |item: Item<u64>| {
                    done.lock().unwrap().push((job.id().clone(), item.payload));
                    Ok(())
                };
                job.for_each_item(quick(), work).await.map(|_| ())
            }
        })
    };
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(fixture.create("letters", 20).await);
    }
    let config = RunnerConfig { is_alone: false, ..config() };
    let one = Runner::new(fixture.ledger.clone(), config.clone()).with_kind(sharing());
    let two = Runner::new(fixture.second().await, config).with_kind(sharing());
    let (one, two) = (Running::start(one), Running::start(two));
    for id in &ids {
        fixture.until(id, JobState::Done).await;
    }
    let mut all = done.lock().unwrap().clone();
    assert_eq!(all.len(), 160);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 160);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn a_paused_job_keeps_what_is_done() {
    let fixture = Fixture::new().await;
    let (sender, mut begun) = mpsc::unbounded_channel();
    let letters = kind("letters", move |job| {
        let sender = sender.clone();
        async move {
            let work = async |item: Item<u64>| {
                sender.send(item.payload).unwrap();
                if item.payload == 1 && item.attempt == 1 {
                    let _ = job.stopped().await;
                    return Err(ItemError::Stopped);
                }
                Ok(item.attempt)
            };
            job.for_each_item(ItemPolicy { concurrency: 1, ..quick() }, work).await.map(|_| ())
        }
    });
    let id = fixture.create("letters", 3).await;
    let running = Running::start(Runner::new(fixture.ledger.clone(), config()).with_kind(letters));
    assert_eq!((begun.recv().await, begun.recv().await), (Some(0), Some(1)));
    fixture.ledger.pause_job(&id).await.unwrap();
    let job = fixture.until(&id, JobState::Paused).await;
    assert_eq!(job.progress.done, 1);
    // The one that was in work begins anew, as its first attempt.
    fixture.ledger.resume_job(&id).await.unwrap();
    assert_eq!(begun.recv().await, Some(1));
    fixture.ledger.pause_job(&id).await.unwrap();
    fixture.until(&id, JobState::Paused).await;
    fixture.ledger.cancel_job(&id).await.unwrap();
    let items = fixture.ledger.list_items(&id, None, 0, 9).await.unwrap();
    assert_eq!((items[0].attempts, items[1].attempts, items[2].attempts), (1, 0, 0));
    running.stop().await;
}

async fn jobs(fixture: &Fixture) -> Vec<JobRecord> {
    fixture.ledger.list_jobs(&JobPage { limit: 99, ..JobPage::default() }).await.unwrap().0
}

/// One look at the clock, as the runner has it, and what it made done.
async fn tick(fixture: &Fixture, runner: &Runner) -> usize {
    runner.begin_due().await.unwrap();
    while let Some((lease, _)) =
        fixture.ledger.claim_job("test", &["letters"], Duration::from_secs(60)).await.unwrap()
    {
        fixture.ledger.finish_job(&lease).await.unwrap();
    }
    jobs(fixture).await.len()
}

#[tokio::test]
async fn a_missed_run_is_made_up_once_and_none_is_repeated() {
    let fixture = Fixture::new().await;
    let schedule = || Schedule {
        name: "hourly".to_owned(),
        kind: "letters".to_owned(),
        title: "every hour".to_owned(),
        params: json!({}),
        priority: JobPriority::Normal,
        // Whatever the zone of the machine: those with half hours too.
        cron: Cron::parse("15 * * * *").unwrap(),
    };
    let start = || Runner::new(fixture.ledger.clone(), config()).with_schedule(schedule());
    let hour = time::Duration::HOUR;
    let mut runner = start();
    runner.set_schedules().await.unwrap();
    assert_eq!(tick(&fixture, &runner).await, 0);
    fixture.advance(hour);
    assert_eq!(tick(&fixture, &runner).await, 1);
    assert_eq!(tick(&fixture, &runner).await, 1);
    // Back by less than a day, with a restart: what ran does not run again.
    fixture.advance(-hour * 3);
    runner = start();
    runner.set_schedules().await.unwrap();
    for _ in 0..4 {
        assert_eq!(tick(&fixture, &runner).await, 1);
        fixture.advance(hour);
    }
    assert_eq!(tick(&fixture, &runner).await, 2);
    // Away for a week: once.
    fixture.advance(hour * 24 * 7);
    runner = start();
    runner.set_schedules().await.unwrap();
    assert_eq!(tick(&fixture, &runner).await, 3);
    assert_eq!(tick(&fixture, &runner).await, 3);
    // The clock was wrong by a year and is put right: it counts anew.
    fixture.advance(hour * 24 * 365);
    assert_eq!(tick(&fixture, &runner).await, 4);
    fixture.advance(-hour * 24 * 365);
    assert_eq!(tick(&fixture, &runner).await, 4);
    fixture.advance(hour);
    assert_eq!(tick(&fixture, &runner).await, 5);
    let listed = jobs(&fixture).await;
    assert!(listed.iter().all(|job| job.schedule.as_deref() == Some("hourly")));
}

/// Files a review of the kind `extraction` and decides it, as a person would.
async fn decided(ledger: &Ledger, title: &str) -> ReviewId {
    let new =
        NewReview { queues_job: true, ..NewReview::new("extraction", title, json!({"total": 1})) };
    let filed = ledger.file_review(new, Filer::Server("extraction")).await.unwrap().review();
    let reviewer = Reviewer {
        who: "usr_marie".to_owned(),
        person: None,
        role: UserRole::Reviewer,
        teams: Vec::new(),
        access: Access::EVERYTHING,
    };
    let decision = NewDecision {
        version: 1,
        decision: Decision::Correct(json!({"total": 2})),
        comment: String::new(),
    };
    ledger.decide_review(&filed.summary.id, decision, &reviewer).await.unwrap().summary.id
}

#[tokio::test]
async fn a_decision_reaches_its_use_case_once_also_through_a_crash() {
    let fixture = Fixture::new().await;
    let name = "review.extraction";
    assert_eq!(intramuros_ledger::review_job_kind("extraction"), name);
    let first = decided(&fixture.ledger, "first").await;
    let (sender, mut told) = mpsc::unbounded_channel();
    // The process ends in the middle of the first attempt, which is told in any case.
    let runner = Runner::new(fixture.second().await, config());
    let hung = kind(name, {
        let sender = sender.clone();
        move |_| {
            let sender = sender.clone();
            async move {
                sender.send(Value::Null).unwrap();
                std::future::pending().await
            }
        }
    });
    let (_stop, stopped) = watch::channel(false);
    let process = tokio::spawn(runner.with_kind(hung).run(stopped));
    assert_eq!(told.recv().await, Some(Value::Null));
    process.abort();
    let _ = process.await;

    let runner = Runner::new(fixture.ledger.clone(), config());
    let works = kind(name, move |job| {
        let sender = sender.clone();
        async move {
            let review = job.decided_review().await?;
            sender.send(json!([review.summary.id, review.value()])).unwrap();
            Ok(())
        }
    });
    let running = Running::start(runner.with_kind(works));
    assert_eq!(told.recv().await, Some(json!([first, {"total": 2}])));
    let second = decided(&fixture.ledger, "second").await;
    assert_eq!(told.recv().await, Some(json!([second, {"total": 2}])));
    let page = JobPage { limit: 10, ..JobPage::default() };
    let jobs = fixture.ledger.list_jobs(&page).await.unwrap().0;
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        fixture.until(&job.id, JobState::Done).await;
    }
    // One whose review is gone says so.
    running.stop().await;
    let third = decided(&fixture.ledger, "third").await;
    fixture.advance(time::Duration::seconds(1));
    assert_eq!(fixture.ledger.prune_reviews(fixture.ledger.now()).await.unwrap(), 3);
    let gone = kind(name, |job| async move { job.decided_review().await.map(drop) });
    let running = Running::start(Runner::new(fixture.ledger.clone(), config()).with_kind(gone));
    let job = fixture.ledger.newest_job(name, third.as_str()).await.unwrap().unwrap();
    let job = fixture.until(&job.id, JobState::Failed).await;
    assert_eq!(job.failure.unwrap().code, "not_found");
    running.stop().await;
    assert!(told.recv().await.is_none(), "nothing was told twice");
}
