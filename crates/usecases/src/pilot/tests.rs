//! Tests the whole way: from a file of labelled items to the report.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::figures::tests::run;
use super::{
    ChatGiven, Comparison, Content, ExtractionGiven, Given, GivenField, Guess, Item, ItemResult,
    Job, JudgeRules, LabelledSet, ManagerFigures, Outcome, Report, ReportOptions, Run, RunMeta,
    SearchGiven, TriageGiven, Verdict, judge,
};

const TICKETS: &str = include_str!("../../fixtures/tickets.jsonl");
const SEARCH: &str = include_str!("../../fixtures/search.jsonl");
const DOCUMENTS: &str = include_str!("../../fixtures/documents.jsonl");

/// What a server gives that knows everything; of every second item something else where it is `bad`.
fn given(item: &Item, at: usize, bad: bool) -> Given {
    let wrong = bad && at.is_multiple_of(2);
    let sure = Some(if wrong { 0.4 } else { 0.9 });
    match &item.content {
        Content::Search(known) => Given::Search(SearchGiven {
            found: if wrong { vec!["autre.html".to_owned()] } else { known.relevant.clone() },
            refused: known.relevant.is_empty() && !wrong,
            confidence: sure,
        }),
        Content::Chat(known) => Given::Chat(ChatGiven {
            answer: if wrong { "Je crois.".to_owned() } else { known.answer_parts.join(". ") },
            handed_over: !known.answerable && !wrong,
            sources: Vec::new(),
            confidence: sure,
        }),
        Content::Triage(known) => {
            let label = |label: &Option<String>| Guess {
                label: if wrong { Some("autre".to_owned()) } else { label.clone() },
                confidence: sure,
            };
            let labels = BTreeMap::from([
                ("category".to_owned(), label(&known.category)),
                ("urgency".to_owned(), label(&known.urgency)),
                ("team".to_owned(), label(&known.team)),
                ("alert".to_owned(), label(&known.alert.map(|alert| alert.to_string()))),
            ]);
            Given::Triage(TriageGiven { labels, handed_over: false, confidence: None })
        }
        Content::Extraction(known) => {
            let field = |(name, value): (&String, &Value)| {
                let value = if wrong { json!("?") } else { value.clone() };
                (name.clone(), GivenField { value, confidence: sure, flagged: wrong })
            };
            Given::Extraction(ExtractionGiven {
                document_type: known.document_type.clone(),
                fields: known.fields.iter().map(field).collect(),
                handed_over: false,
                confidence: None,
            })
        }
    }
}

fn done(set: &LabelledSet, bad: bool) -> Run {
    let items: Vec<ItemResult> = set
        .items
        .iter()
        .enumerate()
        .map(|(at, item)| judge(item, given(item, at, bad), 250, JudgeRules::default()))
        .collect();
    let mut run = run(set.job, items);
    run.meta.set.sha256 = set.sha256();
    run
}

#[test]
fn files_become_reports() {
    for (job, text) in [
        (Job::Triage, TICKETS),
        (Job::Search, SEARCH),
        (Job::Chat, SEARCH),
        (Job::Extraction, DOCUMENTS),
    ] {
        let set = LabelledSet::read(job, super::Format::Jsonl, text.as_bytes()).unwrap();
        let (bad, good) = (done(&set, true), done(&set, false));
        let figures = ManagerFigures::of(&good, None);
        assert_eq!(figures.right, set.items.len(), "{job:?}: {:?}", good.items);
        let figures = ManagerFigures::of(&bad, None);
        assert!(figures.wrong > 0 && figures.right > 0, "{job:?}: {:?}", bad.items);

        // What is stored comes back.
        let stored = serde_json::to_string(&bad).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&stored).unwrap(), bad);
        let meta = serde_json::to_value(&bad.meta).unwrap();
        assert_eq!(serde_json::from_value::<RunMeta>(meta).unwrap(), bad.meta);

        let options = ReportOptions { texts: Some(&set), ..ReportOptions::default() };
        let report = Report::of_run(&bad, &options);
        for item in bad.items.iter().filter(|item| item.outcome == Outcome::Wrong) {
            assert!(report.markdown().contains(&format!("{} (faux)", item.id.replace('_', "\\_"))));
        }
        assert!(report.html().contains("</html>"));
        let comparison = Comparison::of(&bad, &good).unwrap();
        assert_eq!(comparison.no_longer_right, []);
        // So few prove nothing.
        assert_eq!(comparison.verdict, Verdict::Untold);
        let folder = std::env::current_exe().unwrap().parent().unwrap().join("pilot-reports");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.md", job.as_str())), report.markdown()).unwrap();
    }
}
