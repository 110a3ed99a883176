//! Learns from test questions from where on a judgement is a yes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use intramuros_engine::{EngineError, TextEngine};
use intramuros_ledger::{Calibration, LedgerError, TestQuestion};
use intramuros_types::{Access, KnowledgeBaseId};
use time::OffsetDateTime;

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
    /// Why the last one of this run of the program ended without result.
    pub failure: Option<String>,
}

/// The calibrations of this run of the program.
#[derive(Default)]
pub(crate) struct Calibrations {
    known: Mutex<HashMap<KnowledgeBaseId, Run>>,
}

#[derive(Clone)]
enum Run {
    Going { done: usize, of: usize },
    Failed(String),
}

impl Calibrations {
    fn get(&self, base: &KnowledgeBaseId) -> Option<Run> {
        self.lock().get(base).cloned()
    }

    /// Begins one, unless one runs.
    fn begin(&self, base: &KnowledgeBaseId, of: usize) -> bool {
        let mut known = self.lock();
        if matches!(known.get(base), Some(Run::Going { .. })) {
            return false;
        }
        known.insert(base.clone(), Run::Going { done: 0, of });
        true
    }

    fn advance(&self, base: &KnowledgeBaseId) {
        if let Some(Run::Going { done, .. }) = self.lock().get_mut(base) {
            *done += 1;
        }
    }

    pub(crate) fn end(&self, base: &KnowledgeBaseId, failure: Option<String>) {
        match failure {
            Some(failure) => self.lock().insert(base.clone(), Run::Failed(failure)),
            None => self.lock().remove(base),
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<KnowledgeBaseId, Run>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
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
    /// `kept` of the questions whose passages answer are answered. Runs in the background; a start
    /// of the program begins anew what it finds unfinished.
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
        let engine = self.generator().await?;
        let language = self.get(base).await?.language;
        let questions = self.shared.ledger.test_questions(base).await?;
        let answerable = questions.iter().filter(|one| !one.relevant.is_empty()).count();
        if answerable < FEWEST {
            let reason = format!(
                "has {answerable} that the documents answer, at least {FEWEST} are needed; store \
                 more (kb test-questions)"
            );
            return Err(KnowledgeError::invalid("test questions", reason));
        }
        if !self.shared.calibrations.begin(base, questions.len()) {
            let reason = "is being calibrated".to_owned();
            let (what, id) = ("knowledge base", base.to_string());
            return Err(LedgerError::Conflict { what, id, reason }.into());
        }
        self.shared.ledger.begin_calibration(base, kept).await?;
        let (knowledge, base) = (self.clone(), base.clone());
        let own = base.clone();
        tokio::spawn(async move {
            let done = knowledge.calibrate(&base, &engine, &questions, &language, kept).await;
            // The next start takes up what a stop ends.
            if matches!(done, Err(KnowledgeError::Engine(EngineError::Stopped))) {
                return;
            }
            let stored = knowledge.shared.ledger.end_calibration(&base, done.as_ref().ok()).await;
            let failure = match (done, stored) {
                (Err(error), _) => Some(error),
                (Ok(_), Err(error)) => Some(error.into()),
                (Ok(_), Ok(())) => None,
            };
            if let Some(error) = &failure {
                tracing::warn!(knowledge_base = base.as_str(), %error, "not calibrated");
            }
            knowledge.shared.calibrations.end(&base, failure.map(|error| error.to_string()));
        });
        self.calibration_state(&own).await
    }

    /// Begins anew what the end of the program interrupted.
    pub(crate) async fn resume_calibrations(&self) -> Result<(), KnowledgeError> {
        for (base, kept) in self.shared.ledger.begun_calibrations().await? {
            if let Err(error) = self.begin_calibration(&base, kept).await {
                tracing::warn!(knowledge_base = base.as_str(), %error, "not calibrated");
                self.shared.ledger.end_calibration(&base, None).await?;
            }
        }
        Ok(())
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
        let run = self.shared.calibrations.get(base);
        let learnt = self.shared.ledger.calibration(base).await?;
        let judge = self.judge_name(base).await?;
        Ok(CalibrationState {
            applies: learnt.as_ref().is_some_and(|known| Some(&known.judge) == judge.as_ref()),
            learnt,
            running: match run {
                Some(Run::Going { done, of }) => Some((done, of)),
                _ => None,
            },
            failure: match run {
                Some(Run::Failed(failure)) => Some(failure),
                _ => None,
            },
        })
    }

    async fn calibrate(
        &self,
        base: &KnowledgeBaseId,
        engine: &TextEngine,
        questions: &[TestQuestion],
        language: &str,
        kept: f32,
    ) -> Result<Calibration, KnowledgeError> {
        let judge = self.judge_name(base).await?.ok_or(KnowledgeError::NoGenerator)?;
        let mut scores = Scores::default();
        for question in questions {
            while let Err(error) = self.score(base, engine, question, language, &mut scores).await {
                tokio::time::sleep(patience(error)?).await;
            }
            self.shared.calibrations.advance(base);
        }
        let learnt = learn(scores, judge, kept)?;
        tracing::info!(
            knowledge_base = base.as_str(),
            answerable = learnt.answerable,
            unanswerable = learnt.unanswerable,
            threshold = learnt.threshold,
            "calibrated"
        );
        Ok(learnt)
    }

    async fn score(
        &self,
        base: &KnowledgeBaseId,
        engine: &TextEngine,
        question: &TestQuestion,
        language: &str,
        scores: &mut Scores,
    ) -> Result<(), KnowledgeError> {
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
            scores.not_found += 1;
            return Ok(());
        }
        let language = Language::detect(&question.query, language);
        let (query, caller) = (&question.query, &request.caller);
        let score = judge_with(engine, query, &hits, language, caller).await?;
        match is_answerable {
            true => scores.answerable.push(score),
            false => scores.unanswerable.push(score),
        }
        Ok(())
    }
}

/// How long to wait before a question is tried again; others have precedence.
///
/// # Errors
/// What does not pass.
#[allow(clippy::wildcard_enum_match_arm, reason = "two errors of many pass")]
fn patience(error: KnowledgeError) -> Result<Duration, KnowledgeError> {
    match error {
        KnowledgeError::Engine(EngineError::Overloaded { retry_after, .. }) => Ok(retry_after),
        KnowledgeError::Engine(EngineError::TimedOut { .. }) => Ok(Duration::from_secs(1)),
        other => Err(other),
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
