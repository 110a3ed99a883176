//! Says how well a policy does: on its examples, and on what people settled.

use std::collections::BTreeMap;

use intramuros_engine::Caller;
use intramuros_ledger::{TicketFigures, TicketOutcome};
use intramuros_types::TriagePolicyId;
use serde::Serialize;

use super::decide::{Bar, alert_from, bar};
use super::mind::{Mind, of};
use super::phrases::Target;
use super::{Doubt, Field, Triage, TriageError};
use crate::pilot::{Classification, Interval, Labelled, share};

/// What was learnt of a policy's examples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearntReport {
    /// The version of the policy.
    pub version: u32,
    /// How many examples there are.
    pub examples: usize,
    /// How many of them the generator has read.
    pub read_by_generator: usize,
    /// Without the generator, and with it.
    pub efforts: Vec<EffortReport>,
}

/// What was learnt with the encoder alone, or with both models.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffortReport {
    /// Whether the generator reads tickets.
    pub with_generator: bool,
    /// Each field, asked about examples that were not learnt from. None while there are too few.
    pub fields: Vec<FieldReport>,
    /// Probability of the category from which on a ticket is sent on by itself.
    pub threshold: Option<f64>,
    /// The share of tickets that reaches it.
    pub coverage: Option<Interval>,
    /// Why none is sent on by itself.
    pub doubt: Option<Doubt>,
    /// Probability from which on an alert is raised.
    pub alert_from: f32,
}

/// How well a field is decided, on examples that were not learnt from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldReport {
    /// Which.
    pub field: Field,
    /// The share of right labels.
    pub accuracy: Option<Interval>,
    /// The mean over labels of F1.
    pub macro_f1: f64,
    /// How far probabilities are from how often they are right, 0 to 1.
    pub calibration_error: f64,
}

/// How decisions did that people settled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Practice {
    /// By category as it turned out to be; in shadow, what to know before it is switched on.
    pub categories: BTreeMap<String, CategoryPractice>,
    /// Of all settled tickets, the share whose category was right.
    pub category: Option<Interval>,
    /// Whose urgency was.
    pub urgency: Option<Interval>,
    /// Whose team was.
    pub team: Option<Interval>,
}

/// How decisions about one category did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct CategoryPractice {
    /// Tickets that turned out to be of it.
    pub tickets: u64,
    /// Those of them that were proposed as such.
    pub found: u64,
    /// Tickets that were proposed as such.
    pub proposed: u64,
}

impl Triage {
    /// How well a policy does on its own examples.
    ///
    /// # Errors
    /// Not found, an overloaded encoder, a failure of the ledger.
    pub async fn learnt(
        &self,
        id: &TriagePolicyId,
        caller: &Caller,
    ) -> Result<LearntReport, TriageError> {
        let mind = self.mind(id, caller).await?;
        let accepted = [
            self.accepted(id, &mind.policy, false).await?,
            self.accepted(id, &mind.policy, true).await?,
        ];
        let report = move || LearntReport {
            version: mind.version,
            examples: mind.example_count(),
            read_by_generator: mind.read_count(),
            efforts: [false, true]
                .into_iter()
                .zip(accepted)
                .map(|(with_generator, accepted)| effort(&mind, with_generator, accepted))
                .collect(),
        };
        Ok(tokio::task::spawn_blocking(report).await?)
    }
}

fn effort(mind: &Mind, with_generator: bool, accepted: Option<f64>) -> EffortReport {
    let fields = Field::ALL.into_iter().filter_map(|field| {
        let names = mind.policy.choices(field);
        let asked = mind.asked(Target::Field(field), with_generator);
        let item = |(told, right): &(Vec<f32>, usize)| {
            let best = told.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
            let name = |place: usize| names.get(place).map(|choice| choice.name.clone());
            Some(Labelled {
                expected: name(*right)?,
                given: name(best.0)?,
                confidence: f64::from(best.1.exp()),
            })
        };
        let items: Vec<Labelled> = asked.iter().filter_map(item).collect();
        (!items.is_empty()).then(|| {
            let found = Classification::of(&items);
            FieldReport {
                field,
                accuracy: found.accuracy,
                macro_f1: found.macro_f1,
                calibration_error: found.calibration_error,
            }
        })
    });
    let asked = mind.asked(Target::Field(Field::Category), with_generator);
    let confidences = asked
        .iter()
        .map(|(told, _)| told.iter().fold(f32::NEG_INFINITY, |best, one| best.max(*one)).exp());
    let (threshold, doubt) = match bar(mind, with_generator, accepted) {
        Bar::At(threshold) => (Some(threshold), None),
        Bar::Never(doubt) => (None, Some(doubt)),
    };
    let reached = threshold.map(|threshold| {
        confidences.filter(|confidence| f64::from(*confidence) >= threshold).count()
    });
    EffortReport {
        with_generator,
        fields: fields.collect(),
        threshold,
        coverage: reached.and_then(|reached| share(reached, asked.len())),
        doubt,
        alert_from: alert_from(mind, with_generator),
    }
}

/// How decisions did that people settled.
pub fn practice(figures: &TicketFigures) -> Practice {
    let mut categories: BTreeMap<String, CategoryPractice> = BTreeMap::new();
    for outcome in &figures.settled {
        let (proposed, right) = (&outcome.proposed.category, &outcome.right.category);
        if let Some(right) = right {
            let known = categories.entry(right.clone()).or_default();
            known.tickets += 1;
            known.found += u64::from(proposed.as_ref() == Some(right));
        }
        if let Some(proposed) = proposed {
            categories.entry(proposed.clone()).or_default().proposed += 1;
        }
    }
    let right = |field: Field| {
        let settled = figures.settled.iter().filter(|one| of(&one.right, field).is_some());
        let is_right = |one: &&TicketOutcome| of(&one.proposed, field) == of(&one.right, field);
        share(settled.clone().filter(is_right).count(), settled.count())
    };
    Practice {
        categories,
        category: right(Field::Category),
        urgency: right(Field::Urgency),
        team: right(Field::Team),
    }
}

#[cfg(test)]
mod tests {
    use intramuros_ledger::{TicketLabels, TicketRoute};

    use super::*;

    #[test]
    fn what_people_settled_is_counted_by_category() {
        let labels = |category: &str| TicketLabels {
            category: Some(category.to_owned()),
            ..TicketLabels::default()
        };
        let outcome = |proposed: &str, right: &str| TicketOutcome {
            route: TicketRoute::Shadow,
            proposed: labels(proposed),
            right: labels(right),
            confidence: None,
        };
        let settled = vec![outcome("a", "a"), outcome("a", "b"), outcome("b", "b")];
        let found = practice(&TicketFigures { settled, ..TicketFigures::default() });
        assert_eq!(found.categories["a"], CategoryPractice { tickets: 1, found: 1, proposed: 2 });
        assert_eq!(found.categories["b"], CategoryPractice { tickets: 2, found: 1, proposed: 1 });
        assert!((found.category.unwrap().share - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(found.team, None);
    }
}
