//! Learns from test questions from where on a judgement is a yes.

use std::collections::HashMap;
use std::time::Duration;

use intramuros_engine::{EngineError, TextEngine};
use intramuros_jobs::{Item, ItemError, ItemPolicy, JobContext, JobError};
use intramuros_ledger::{
    CALIBRATE, Calibration, Enqueued, JobItem, JobProgress, JobState, LedgerError, NewItem, NewJob,
    TestQuestion,
};
use intramuros_types::{Access, KnowledgeBaseId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::jobs::base_of;
use crate::judge::{PASSAGES, judge_with};
use crate::language::Language;
use crate::request::{Ranking, Scope, SearchRequest};
use crate::{Knowledge, KnowledgeError};

/// The fewest answerable questions that a threshold can be learnt from: with twenty, losing a tenth
/// is two of them.
const FEWEST: usize = 20;

/// What share of the answerable a threshold may be asked to keep.
const KEPT: std::ops::RangeInclusive<f32> = 0.5..=0.99;

/// How it goes with the calibration of a knowledge base.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationState {
    /// What was learnt last.
    pub learnt: Option<Calibration>,
    /// Whether that is about the generator and the settings of today; only then it is used.
    pub applies: bool,
    /// How far the one that runs is: questions done, and how many there are.
    pub running: Option<(usize, usize)>,
    /// Why the last one ended without result.
    pub failure: Option<String>,
}

/// What a judgement of one test question came to, as the job's items keep it.
#[derive(Debug, Serialize, Deserialize)]
struct Judged {
    /// Who judged, on what: a score says nothing about another judge.
    judge: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// The documents answer it.
    Answerable(f32),
    /// Its document is not among the passages.
    NotFound,
    /// The documents do not answer it.
    Unanswerable(f32),
    /// It was removed meanwhile.
    Gone,
}

#[derive(Serialize, Deserialize)]
struct Params {
    kept: f32,
}

/// The scores of the test questions.
#[derive(Default)]
struct Scores {
    /// Of those whose document was among the passages.
    answerable: Vec<f32>,
    not_found: u32,
    unanswerable: Vec<f32>,
}

impl Knowledge {
    /// Begins to learn from the test questions of `base` which judgements count as a yes, so that
    /// `kept` of the questions whose passages answer are answered. A job does it, whose items are the
    /// questions, so that a stop or a crash interrupts it and no more.
    ///
    /// # Errors
    /// Not found; no generator; an invalid `kept`, or fewer than twenty answerable test questions;
    /// a conflict while one runs.
    pub async fn begin_calibration(
        &self,
        base: &KnowledgeBaseId,
        kept: f32,
    ) -> Result<CalibrationState, KnowledgeError> {
        if !KEPT.contains(&kept) {
            let (least, most) = (KEPT.start(), KEPT.end());
            let reason = format!("is {kept}, it must be {least} to {most}");
            return Err(KnowledgeError::invalid("kept", reason));
        }
        self.generator().await?;
        self.get(base).await?;
        let questions = self.shared.ledger.test_questions(base).await?;
        let answerable = questions.iter().filter(|one| !one.relevant.is_empty()).count();
        if answerable < FEWEST {
            let reason = format!(
                "has {answerable} that the documents answer, at least {FEWEST} are needed; store \
                 more (kb test-questions)"
            );
            return Err(KnowledgeError::invalid("test questions", reason));
        }
        let items: Vec<NewItem> = questions.iter().map(item).collect();
        let new = NewJob {
            knowledge_base: Some(base.clone()),
            unique_key: Some(base.to_string()),
            max_attempts: Some(5),
            ..NewJob::new(CALIBRATE, base.as_str(), serde_json::json!({"kept": kept}))
        };
        if let Enqueued::Existing(_) = self.shared.ledger.create_job(new, &items).await? {
            let reason = "is being calibrated".to_owned();
            let (what, id) = ("knowledge base", base.to_string());
            return Err(LedgerError::Conflict { what, id, reason }.into());
        }
        self.calibration_state(base).await
    }

    /// How it goes with the calibration of `base`.
    ///
    /// # Errors
    /// Not found, or a failure of the ledger.
    pub async fn calibration_state(
        &self,
        base: &KnowledgeBaseId,
    ) -> Result<CalibrationState, KnowledgeError> {
        self.get(base).await?;
        let job = self.shared.ledger.newest_job(CALIBRATE, base.as_str()).await?;
        let learnt = self.shared.ledger.calibration(base).await?;
        let judge = self.judge_name(base).await?;
        let running = job.as_ref().filter(|job| !job.state.is_finished()).map(|job| {
            let JobProgress { total, done, failed } = job.progress;
            ((done + failed) as usize, total.unwrap_or(0) as usize)
        });
        let failure = job.and_then(|job| match job.state {
            JobState::Failed => job.failure.map(|failure| failure.text),
            JobState::Cancelled => Some("it was cancelled".to_owned()),
            JobState::Queued | JobState::Running | JobState::Paused | JobState::Done => None,
        });
        Ok(CalibrationState {
            applies: learnt.as_ref().is_some_and(|known| Some(&known.judge) == judge.as_ref()),
            learnt,
            running,
            failure,
        })
    }

    /// Judges the test questions, which are the items of the job, and learns from them.
    pub(crate) async fn run_calibration(&self, job: &JobContext) -> Result<(), JobError> {
        let (base, Params { kept }) = (base_of(job)?, job.params()?);
        // Another request may wait for the same place in memory.
        let engine = tokio::select! {
            engine = self.generator() => engine?,
            _ = job.stopped() => return Err(JobError::Stopped),
        };
        let language = self.get(&base).await?.language;
        let judge = self.judge_name(&base).await?.ok_or(KnowledgeError::NoGenerator)?;
        let questions = self.shared.ledger.test_questions(&base).await.map_err(JobError::from)?;
        self.prepare_items(job, &questions, &judge).await?;
        let by_id: HashMap<&str, &TestQuestion> =
            questions.iter().map(|question| (question.id.as_str(), question)).collect();
        let progress = job
            .for_each_item(ItemPolicy::of(1), |item: Item<serde_json::Value>| {
                let question = by_id.get(item.key.as_str()).copied();
                let (base, engine, language, judge) = (&base, &engine, &language, &judge);
                async move {
                    let outcome = match question {
                        None => Outcome::Gone,
                        Some(question) => self
                            .score(base, engine, question, language)
                            .await
                            .map_err(item_error)?,
                    };
                    Ok(Judged { judge: judge.clone(), outcome })
                }
            })
            .await?;
        if progress.failed > 0 {
            let text = format!("{} test questions could not be judged", progress.failed);
            return Err(JobError::failed("items", text));
        }
        if self.judge_name(&base).await?.as_ref() != Some(&judge) {
            let text = "the index or the generator changed meanwhile; it begins anew";
            return Err(JobError::later("judge_changed", text, Duration::ZERO));
        }
        let learnt = learn(scores(job).await?, judge, kept)?;
        tracing::info!(
            knowledge_base = base.as_str(),
            answerable = learnt.answerable,
            unanswerable = learnt.unanswerable,
            threshold = learnt.threshold,
            "calibrated"
        );
        Ok(self.shared.ledger.finish_calibration(job.lease(), &base, &learnt).await?)
    }

    /// Sees to it that the job has the test questions as items, and takes those up again that
    /// another judge judged.
    async fn prepare_items(
        &self,
        job: &JobContext,
        questions: &[TestQuestion],
        judge: &str,
    ) -> Result<(), JobError> {
        let items = job.items().await?;
        if items.is_empty() {
            return job.add_items(&questions.iter().map(item).collect::<Vec<_>>()).await;
        }
        let is_stale =
            |item: &&JobItem| item.result.as_ref().is_some_and(|result| result["judge"] != judge);
        let stale: Vec<u64> = items.iter().filter(is_stale).map(|item| item.ordinal).collect();
        if stale.is_empty() { Ok(()) } else { job.redo_items(&stale).await }
    }

    async fn score(
        &self,
        base: &KnowledgeBaseId,
        engine: &TextEngine,
        question: &TestQuestion,
        language: &str,
    ) -> Result<Outcome, KnowledgeError> {
        let request = SearchRequest {
            query: question.query.clone(),
            limit: PASSAGES,
            per_document: None,
            scope: Scope::readable_by(Access::EVERYTHING),
            ranking: Ranking::Hybrid,
            caller: self.server("calibration"),
        };
        let target = self.active(base).await?;
        let mut hits = self.search_in(&target, &request).await?;
        hits.truncate(PASSAGES);
        let is_answerable = !question.relevant.is_empty();
        if is_answerable && !self.is_answered(&target.index, question, &hits).await? {
            return Ok(Outcome::NotFound);
        }
        let language = Language::detect(&question.query, language);
        let (query, caller) = (&question.query, &request.caller);
        let score = judge_with(engine, query, &hits, language, caller).await?;
        Ok(if is_answerable { Outcome::Answerable(score) } else { Outcome::Unanswerable(score) })
    }
}

/// A test question as an item; what it asks stays where it is.
fn item(question: &TestQuestion) -> NewItem {
    NewItem { key: question.id.clone(), payload: serde_json::Value::Null }
}

/// What became of the test questions.
async fn scores(job: &JobContext) -> Result<Scores, JobError> {
    let mut scores = Scores::default();
    for item in job.items().await? {
        let Some(result) = item.result else { continue };
        let judged: Judged = serde_json::from_value(result)
            .map_err(|error| JobError::failed("result", error.to_string()))?;
        match judged.outcome {
            Outcome::Answerable(score) => scores.answerable.push(score),
            Outcome::NotFound => scores.not_found += 1,
            Outcome::Unanswerable(score) => scores.unanswerable.push(score),
            Outcome::Gone => {}
        }
    }
    Ok(scores)
}

/// How an item ends that was not judged: others have precedence, or the whole job ends.
#[allow(clippy::wildcard_enum_match_arm, reason = "two errors of many pass")]
fn item_error(error: KnowledgeError) -> ItemError {
    match error {
        KnowledgeError::Engine(EngineError::Overloaded { retry_after, .. }) => {
            ItemError::Later { after: retry_after }
        }
        KnowledgeError::Engine(EngineError::TimedOut { .. }) => {
            ItemError::Later { after: Duration::from_secs(1) }
        }
        other => ItemError::Job(other.into()),
    }
}

/// The highest threshold that keeps `kept` of the answerable.
fn learn(scores: Scores, judge: String, kept: f32) -> Result<Calibration, KnowledgeError> {
    let Scores { mut answerable, not_found, unanswerable } = scores;
    if answerable.len() < FEWEST {
        let found = answerable.len();
        let reason = format!(
            "has {found} whose documents are among the passages that are found, at least {FEWEST} \
             are needed"
        );
        return Err(KnowledgeError::invalid("test questions", reason));
    }
    answerable.sort_by(f32::total_cmp);
    // A hair more, because 0.1 of 10 is 0.999… in binary.
    let lost = ((1.0 - f64::from(kept)) * answerable.len() as f64 + 1e-6).floor() as usize;
    let threshold = answerable[lost.min(answerable.len() - 1)];
    let reach = |scores: &[f32]| scores.iter().filter(|score| **score >= threshold).count() as u32;
    Ok(Calibration {
        judge,
        threshold,
        kept,
        answerable_kept: reach(&answerable),
        answerable: answerable.len() as u32,
        not_found,
        unanswerable_kept: reach(&unanswerable),
        unanswerable: unanswerable.len() as u32,
        measured: OffsetDateTime::UNIX_EPOCH,
    })
}

#[cfg(test)]
mod tests {
    use super::{Scores, learn};

    #[test]
    fn the_threshold_keeps_what_was_asked_for() {
        let answerable: Vec<f32> = (1..=20).map(|at| at as f32 / 20.0).collect();
        let scores = Scores { answerable, not_found: 3, unanswerable: vec![0.05, 0.1, 0.2, 0.9] };
        let learnt = learn(scores, "judge".to_owned(), 0.9).unwrap();
        assert_eq!((learnt.answerable, learnt.answerable_kept, learnt.not_found), (20, 18, 3));
        assert_eq!((learnt.unanswerable, learnt.unanswerable_kept), (4, 2));
        assert!((learnt.threshold - 0.15).abs() < 1e-6, "{learnt:?}");
    }

    #[test]
    fn too_few_questions_teach_nothing() {
        let scores = Scores { answerable: vec![0.5; 19], ..Scores::default() };
        let refused = learn(scores, "judge".to_owned(), 0.9).unwrap_err().to_string();
        assert!(refused.contains("at least 20"), "{refused}");
    }
}
