//! Puts thresholds in force that a run vouches for.

use intramuros_ledger::{NewThreshold, ThresholdRecord};
use intramuros_types::{Access, PilotRunId};
use serde_json::json;

use super::{PilotError, PilotSettings, Pilots};
use crate::pilot::{Details, ItemResult, Job, Promise, Run, accept};
use crate::triage::Effort;

/// What is to be promised.
#[derive(Debug, Clone)]
pub struct AcceptRequest {
    /// The run that vouches for it.
    pub run: PilotRunId,
    /// The bound on errors.
    pub promise: Promise,
    /// Who accepts it.
    pub by: String,
}

impl Pilots {
    /// Puts the lowest threshold in force that keeps a promise over the items of a run: of an
    /// assistant's answers by their evidence, of a policy's categories by their probability.
    ///
    /// # Errors
    /// Not found; a run of a job that has no thresholds, or that is not finished; too few items, or
    /// too many errors among them; a failure of the ledger.
    pub async fn accept(
        &self,
        request: AcceptRequest,
        access: &Access,
    ) -> Result<ThresholdRecord, PilotError> {
        let run = self.run(&request.run, access).await?;
        let settings = run.meta.settings.get("run").cloned().unwrap_or_default();
        let settings: PilotSettings =
            serde_json::from_value(settings).map_err(|_| PilotError::Unreadable { what: "run" })?;
        let target = match run.meta.job {
            Job::Chat => settings.assistant.as_ref().map(ToString::to_string),
            Job::Triage => settings.policy.as_ref().map(ToString::to_string),
            Job::Search | Job::Extraction => None,
        };
        let Some(target) = target else {
            let reason = "is no run of an assistant or a triage policy: only these have thresholds";
            return Err(PilotError::invalid("run", reason));
        };
        let categories = self.measured(&run, &settings).await?;
        let items: Vec<(f64, bool)> =
            run.items.iter().filter_map(|item| told(run.meta.job, item)).collect();
        let found = accept(&items, request.promise).map_err(PilotError::TooSmall)?;
        let new = NewThreshold {
            job: run.meta.job.as_str().to_owned(),
            target,
            threshold: found.confidence,
            promise: json!({
                "max_error": request.promise.max_error,
                "certainty": request.promise.certainty,
                "coverage": found.coverage,
                "errors": found.errors,
                "items": items.len(),
                "generator": settings.effort == Effort::Full,
                "categories": categories,
                "versions": run.meta.versions,
            }),
            run: request.run,
            accepted_by: request.by,
        };
        Ok(self.shared.ledger.accept_threshold(new, access).await?)
    }

    /// Of a run of triage, the categories that it measured, which must be those of its policy now; its
    /// policy must have as many examples as the run decided with. `None` for a run of another job.
    async fn measured(
        &self,
        run: &Run,
        settings: &PilotSettings,
    ) -> Result<Option<String>, PilotError> {
        let Some(id) = &settings.policy else { return Ok(None) };
        let (policy, _) = self.shared.triage.policy(id).await?;
        let now = policy.fingerprint();
        if run.meta.versions.prompt.as_ref() != Some(&now) {
            let reason = "measured other categories than the policy has now; run the set again";
            return Err(PilotError::invalid("run", reason));
        }
        let folds = settings.folds;
        let learnt_from = match folds {
            0 => 0,
            folds => run.items.len() - run.items.len().div_ceil(folds),
        };
        let examples = self.shared.ledger.triage_examples_count(id).await?;
        if examples < learnt_from as u64 {
            let reason = format!(
                "decided each ticket with {learnt_from} others as examples, and the policy has \
                 {examples}; let it learn the set first (intramuros triage learn)"
            );
            return Err(PilotError::invalid("run", reason));
        }
        Ok(Some(now))
    }
}

/// How sure an item's result was, and whether it was right; `None` for one that proposed nothing. Of
/// tickets the category counts: it decides who gets them.
fn told(job: Job, item: &ItemResult) -> Option<(f64, bool)> {
    match (&item.details, job) {
        (Details::Triage(details), Job::Triage) => {
            let category = details.labels.get("category")?;
            Some((category.confidence?, category.given.as_ref() == Some(&category.expected)))
        }
        _ => Some((item.confidence?, item.proposal_right?)),
    }
}
