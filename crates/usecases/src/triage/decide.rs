//! Decides about a ticket: judges its fields, lets rules stand above, and says whether it may go on by
//! itself.

use std::collections::BTreeMap;

use intramuros_ledger::TicketLabels;

use super::decision::{Basis, Considered, Decision, Doubt, FieldDecision, RuleHit, SimilarTicket};
use super::learn::Judged;
use super::mind::{Mind, Read, Similar};
use super::phrases::Target;
use super::{Field, Mode, Policy, Rule, reason};
use crate::pilot::{Promise, TooSmall, accept};

/// Labels that are shown beside the decided one.
const CHOICES: usize = 4;
/// Words that are shown as reasons.
const WORDS: usize = 5;
/// Examples that are shown.
const SIMILAR: usize = 3;
/// Likeness below which an example is not shown.
const LIKE: f32 = 0.2;

/// Whether a ticket may be sent on by itself: above which probability of its category.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bar {
    /// From this probability on.
    At(f64),
    /// Never, for this reason.
    Never(Doubt),
}

/// What the examples promise, or the policy says.
pub(super) fn bar(mind: &Mind, with_generator: bool, accepted: Option<f64>) -> Bar {
    let routing = &mind.policy.routing;
    if mind.policy.categories.is_empty() {
        return Bar::Never(Doubt::NoCategory);
    }
    if let Some(threshold) = routing.threshold.or(accepted) {
        return Bar::At(threshold);
    }
    let items: Vec<(f64, bool)> = mind
        .asked(Target::Field(Field::Category), with_generator)
        .iter()
        .filter_map(|(told, right)| {
            let (label, probability) = best(told)?;
            Some((probability, label == *right))
        })
        .collect();
    let promise = Promise { max_error: routing.errors, certainty: routing.assurance };
    match accept(&items, promise) {
        Ok(threshold) => Bar::At(threshold.confidence),
        Err(TooSmall::Set { .. }) => Bar::Never(Doubt::TooFewExamples),
        Err(TooSmall::Margin { .. } | TooSmall::Promise) => Bar::Never(Doubt::NoThreshold),
    }
}

/// Missed alerts that are as bad as one that rings for nothing.
const FALSE_ALARMS: f64 = 0.1;
/// Probability from which on somebody is told when no example says better.
const ALERT_FROM: f32 = 0.5;

/// The probability from which on somebody is told: the policy's, or the one that would have cost least
/// over the examples, where a missed alert costs as much as ten false ones.
pub(super) fn alert_from(mind: &Mind, with_generator: bool) -> f32 {
    if let Some(threshold) = mind.policy.alerts.threshold {
        return threshold as f32;
    }
    let mut items: Vec<(f32, bool)> = mind
        .asked(Target::Alert, with_generator)
        .iter()
        .filter_map(|(told, right)| Some((told.get(1)?.exp(), *right == 1)))
        .collect();
    items.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut missed = items.iter().filter(|(_, right)| *right).count();
    if missed == 0 || missed == items.len() {
        return ALERT_FROM;
    }
    let (mut rung, mut best) = (0.0, (missed as f64, ALERT_FROM));
    for (at, (probability, right)) in items.iter().enumerate() {
        if *right {
            missed -= 1;
        } else {
            rung += FALSE_ALARMS;
        }
        let cost = missed as f64 + rung;
        if cost < best.0 {
            // Half way to the next one, so that what is a little less sure still rings.
            let next = items.get(at + 1).map_or(0.0, |(next, _)| *next);
            best = (cost, f32::midpoint(*probability, next));
        }
    }
    best.1
}

/// The likeliest of log-probabilities, and its probability.
fn best(told: &[f32]) -> Option<(usize, f64)> {
    let all = told.iter().copied().enumerate();
    let (label, told) = all.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((label, f64::from(told.exp())))
}

/// What was found out before a ticket is decided.
pub(super) struct Found {
    /// Rules that hold, in the order of the policy.
    pub(super) rules: Vec<RuleHit>,
    /// Probability that somebody must be told, from where on somebody is.
    pub(super) alert_from: f32,
    /// The models that read the ticket.
    pub(super) models: Vec<String>,
}

/// Decides about a ticket. With the decision come the labels that are proposed.
pub(super) fn decide(
    mind: &Mind,
    read: &Read<'_>,
    found: Found,
    bar: Bar,
) -> (Decision, TicketLabels) {
    let judged = mind.judge(read);
    let ruled = ruled(&mind.policy, &found.rules);
    let field = |judged: &Judged| field_decision(mind, read, judged, &ruled);
    let fields: Vec<FieldDecision> = judged.iter().filter_map(field).collect();
    let category = fields.iter().find(|one| one.field == Field::Category);
    let doubt = doubt(&mind.policy, category, bar);
    let tells = found.rules.iter().any(|hit| {
        rule(&mind.policy, hit).is_some_and(|rule| rule.then.alert && hit.probability >= 1.0)
    });
    let rings = judged.iter().find(|one| one.target == Target::Alert);
    let rings = rings.and_then(|one| one.probabilities.get(1)).copied().unwrap_or(0.0);
    let alert = if tells { 1.0 } else { rings };
    let label =
        |field: Field| fields.iter().find(|one| one.field == field).map(|one| one.label.clone());
    let proposed = TicketLabels {
        category: label(Field::Category),
        urgency: label(Field::Urgency),
        team: label(Field::Team),
        alert: Some(alert >= found.alert_from),
    };
    let similar = mind.similar(read.vector, SIMILAR).into_iter().filter(|one| one.likeness >= LIKE);
    let mut decision = Decision {
        fields,
        rules: found.rules,
        alert,
        doubt,
        threshold: match bar {
            Bar::At(threshold) => Some(threshold),
            Bar::Never(_) => None,
        },
        similar: similar.map(shown).collect(),
        extracted: Vec::new(),
        missing: Vec::new(),
        reason: String::new(),
        models: found.models,
        read_by_generator: !read.answers.is_empty(),
        examples: mind.example_count(),
    };
    decision.reason = reason::sentence(&decision, mind.policy.language);
    (decision, proposed)
}

/// The labels that rules decide; the first rule that holds stands.
fn ruled(policy: &Policy, hits: &[RuleHit]) -> BTreeMap<Field, String> {
    let mut labels = BTreeMap::new();
    for rule in hits.iter().filter_map(|hit| rule(policy, hit)) {
        for field in Field::ALL {
            if let Some(label) = rule.then.of(field) {
                labels.entry(field).or_insert_with(|| label.to_owned());
            }
        }
    }
    labels
}

fn rule<'a>(policy: &'a Policy, hit: &RuleHit) -> Option<&'a Rule> {
    policy.rules.iter().find(|rule| rule.id == hit.rule)
}

fn field_decision(
    mind: &Mind,
    read: &Read<'_>,
    judged: &Judged,
    ruled: &BTreeMap<Field, String>,
) -> Option<FieldDecision> {
    let Target::Field(field) = judged.target else { return None };
    let choices = mind.policy.choices(field);
    let named = |(label, probability): (usize, f32)| {
        Some(Considered { label: choices.get(label)?.name.clone(), probability })
    };
    let considered: Vec<Considered> =
        judged.order().into_iter().take(CHOICES).filter_map(named).collect();
    // Urgencies are in order: while probabilities are not to be relied on, the middle one is never far
    // off.
    let is_known = !mind.asked(judged.target, !read.answers.is_empty()).is_empty();
    let first = match judged.middle() {
        Some(middle) if field == Field::Urgency && !is_known => {
            let probability = judged.probabilities.get(middle).copied()?;
            Considered { label: choices.get(middle)?.name.clone(), probability }
        }
        _ => considered.first()?.clone(),
    };
    let (label, probability, basis) = match ruled.get(&field) {
        Some(label) => (label.clone(), 1.0, Basis::Rule),
        None => (first.label, first.probability, Basis::Learnt),
    };
    let place = mind.policy.position(field, &label)?;
    let words = mind.reasons(read.text, field, place, WORDS);
    Some(FieldDecision { field, label, probability, basis, choices: considered, words })
}

/// Why a dispatcher is asked.
fn doubt(policy: &Policy, category: Option<&FieldDecision>, bar: Bar) -> Option<Doubt> {
    let Some(category) = category else { return Some(Doubt::NoCategory) };
    match policy.mode(Some(&category.label)) {
        Mode::Suggest | Mode::Shadow => return Some(Doubt::ByPolicy),
        Mode::Auto => {}
    }
    if category.basis == Basis::Rule {
        return None;
    }
    match bar {
        Bar::Never(doubt) => Some(doubt),
        Bar::At(threshold) if f64::from(category.probability) >= threshold => None,
        Bar::At(_) => Some(Doubt::Unsure),
    }
}

fn shown(similar: Similar) -> SimilarTicket {
    SimilarTicket {
        example: similar.id.to_string(),
        ticket: similar.ticket.map(|ticket| ticket.to_string()),
        labels: similar.labels,
        likeness: similar.likeness,
    }
}
