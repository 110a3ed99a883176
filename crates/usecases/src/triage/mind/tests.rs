use intramuros_ledger::{ExampleRecord, ExampleSource, TicketLabels};
use intramuros_types::TriageExampleId;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{Field, Labelled, Material, Mind, Policy, Read, Target};

fn policy() -> Policy {
    let policy = json!({"categories": {"reseau": "Internet.", "compte": "Mots de passe."}});
    serde_json::from_value(policy).unwrap()
}

fn example(id: usize, text: &str, category: &str, at: i64) -> ExampleRecord {
    let labels = TicketLabels { category: Some(category.to_owned()), ..TicketLabels::default() };
    ExampleRecord {
        id: TriageExampleId::new(format!("exa_{id}")),
        ticket: None,
        labels,
        source: ExampleSource::Corrected,
        created: OffsetDateTime::UNIX_EPOCH + Duration::seconds(at),
        created_by: String::new(),
        text: text.to_owned(),
    }
}

/// A mind of examples that say `internet` or `sésame`, forty of them.
pub(in crate::triage) fn mind() -> Mind {
    let (mut examples, mut vectors) = (Vec::new(), Vec::new());
    for at in 0..40 {
        let (text, category, vector) = match at % 2 {
            0 => ("plus d'internet au dépôt", "reseau", vec![1.0, 0.1, at as f32 * 0.01]),
            _ => ("sésame oublié hier", "compte", vec![0.1, 1.0, at as f32 * 0.01]),
        };
        examples.push(example(at, &format!("{text} {at}"), category, at as i64));
        vectors.push(vector);
    }
    Mind::of(Material {
        policy: policy(),
        created: OffsetDateTime::UNIX_EPOCH,
        version: 1,
        learnt: 40,
        phrases: Vec::new(),
        phrase_vectors: Vec::new(),
        common: Vec::new(),
        examples,
        vectors,
        answers: Vec::new(),
    })
}

fn category(mind: &Mind, read: &Read<'_>) -> usize {
    let judged = mind.judge(read);
    let category = judged.iter().find(|one| one.target == Target::Field(Field::Category)).unwrap();
    category.order()[0].0
}

#[test]
fn a_correction_counts_before_all_is_learnt_from() {
    let mind = mind();
    let text = "la borne du hall clignote";
    let vector = [0.9, 0.2, 0.9];
    let odd = Read { text, vector: &vector, answers: &[] };
    let before = category(&mind, &odd);
    let right = ["reseau", "compte"][1 - before];
    let example = example(90, text, right, 90);
    let corrected = Labelled { example, vector: vector.to_vec(), answers: Vec::new() };
    let amended = mind.amended(&[corrected], 41);
    assert_eq!(category(&amended, &odd), 1 - before);
    assert_eq!(category(&mind, &odd), before, "the one before has changed");
    assert_eq!((amended.learnt, amended.is_amended), (41, true));
    assert_eq!(amended.newest, OffsetDateTime::UNIX_EPOCH + Duration::seconds(90));
    assert_eq!(amended.similar(&vector, 1)[0].id.as_str(), "exa_90");
    // What was known is known still.
    let vector = [0.1, 1.0, 0.1];
    let known = Read { text: "sésame oublié", vector: &vector, answers: &[] };
    assert_eq!(category(&amended, &known), category(&mind, &known));
}

#[test]
fn an_example_that_is_labelled_anew_is_not_two() {
    let mind = mind();
    let (text, vector) = ("plus d'internet au dépôt 0", [1.0, 0.1, 0.0]);
    let read = Read { text, vector: &vector, answers: &[] };
    assert_eq!(category(&mind, &read), 0);
    let labelled = |example| Labelled { example, vector: vector.to_vec(), answers: Vec::new() };
    // Those that were known come along, and change nothing.
    let known = labelled(example(39, "sésame oublié hier 39", "compte", 39));
    let amended = mind.amended(&[known], 41);
    assert_eq!(amended.judge(&read), mind.judge(&read));
    let amended = mind.amended(&[labelled(example(0, text, "compte", 50))], 41);
    assert_eq!(category(&amended, &read), 1);
    assert_eq!(amended.example_count(), 40);
}
