//! Asks a knowledge base questions whose documents are known.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::measure::{Found, Outcome, outcome};
use super::report::{self, Run};
use super::set::{self, Question};
use crate::args::{Common, EvalRetrieval};
use crate::client::{Client, choose_base, segment};
use crate::language::tr;
use crate::output;

pub(super) fn run(common: &Common, options: &EvalRetrieval) -> anyhow::Result<ExitCode> {
    let questions = set::read(&options.queries)?;
    let unanswerable = match &options.unanswerable {
        Some(path) => set::read(path)?,
        None => Vec::new(),
    };
    let before = options.compare.as_deref().map(report::read).transpose()?;
    let client = Client::new(common)?;
    let base = choose_base(&client, options.kb.as_deref())?;
    let names = names(&client, &base, &questions)?;
    check_names(&questions, &names)?;
    let target = Target { client: &client, base: &base, names: &names, options };
    // The first search learns what the collection has in common; it is not what is measured.
    target.ask(&questions[0])?;
    let run = Run {
        ranking: options.ranking.clone(),
        questions: target.ask_all(&questions)?,
        unanswerable: target.ask_all(&unanswerable)?,
    };
    if let Some(path) = &options.out {
        report::write(path, &run)?;
    }
    if common.json {
        output::json(&report::to_json(&run, before.as_ref()));
    } else {
        report::print(&run, before.as_ref());
    }
    Ok(ExitCode::SUCCESS)
}

/// What is asked, and how.
struct Target<'a> {
    client: &'a Client,
    base: &'a str,
    names: &'a HashMap<String, String>,
    options: &'a EvalRetrieval,
}

impl Target<'_> {
    /// Asks `questions`, several at a time, and keeps their order.
    fn ask_all(&self, questions: &[Question]) -> anyhow::Result<Vec<Outcome>> {
        let next = AtomicUsize::new(0);
        let outcomes = Mutex::new(Vec::with_capacity(questions.len()));
        let work = || -> anyhow::Result<()> {
            while let Some((at, question)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                questions.get(at).map(|question| (at, question))
            } {
                let outcome = self.ask(question)?;
                let mut outcomes = outcomes.lock().unwrap_or_else(|poison| poison.into_inner());
                outcomes.push((at, outcome));
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let clients: Vec<_> =
                (0..self.options.clients.max(1)).map(|_| scope.spawn(work)).collect();
            clients.into_iter().try_for_each(|client| match client.join() {
                Ok(done) => done,
                Err(_) => bail!("a client ended unexpectedly"),
            })
        })?;
        let mut outcomes = outcomes.into_inner().unwrap_or_else(|poison| poison.into_inner());
        outcomes.sort_by_key(|(at, _)| *at);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    fn ask(&self, question: &Question) -> anyhow::Result<Outcome> {
        let path = format!("/api/v1/knowledge-bases/{}/search", segment(self.base));
        let (limit, ranking) = (self.options.limit, &self.options.ranking);
        let judge = if self.options.judge { "report" } else { "none" };
        let body = json!({
            "query": question.query, "limit": limit, "ranking": ranking, "judge": judge,
        });
        let started = Instant::now();
        let answer = self.client.post(&path, &body).with_context(|| question.id.clone())?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let hits = answer["hits"].as_array().into_iter().flatten().map(|hit| {
            let id = hit["document"].as_str().unwrap_or_default();
            Found::new(hit, self.names.get(id).cloned().unwrap_or_else(|| id.to_owned()))
        });
        let mut outcome = outcome(question, &hits.collect::<Vec<_>>(), milliseconds);
        if let Some(score) = answer["judgement"]["score"].as_f64() {
            outcome.relevance = score;
        }
        Ok(outcome)
    }
}

/// What each document is called: by what the questions call it, its external id or its file name;
/// else by the first that it has.
fn names(
    client: &Client,
    base: &str,
    questions: &[Question],
) -> anyhow::Result<HashMap<String, String>> {
    let asked: HashSet<&str> =
        questions.iter().flat_map(|question| &question.relevant).map(String::as_str).collect();
    let mut names = HashMap::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/knowledge-bases/{}/documents?limit=1000{after}", segment(base));
        let page = client.get(&path)?;
        for document in page["documents"].as_array().into_iter().flatten() {
            let has = || {
                ["external_id", "file_name"]
                    .into_iter()
                    .filter_map(|field| document[field].as_str())
            };
            let name = has().find(|name| asked.contains(name)).or_else(|| has().next());
            if let (Some(id), Some(name)) = (document["id"].as_str(), name) {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={}", segment(next)),
            None => return Ok(names),
        }
    }
}

/// A set that names documents which are not there measures nothing.
fn check_names(questions: &[Question], names: &HashMap<String, String>) -> anyhow::Result<()> {
    let there: HashSet<&String> = names.values().collect();
    let missing: Vec<&str> = questions
        .iter()
        .filter(|question| !question.relevant.iter().any(|name| there.contains(name)))
        .map(|question| question.id.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let more = if missing.len() > 5 { "…" } else { "" };
    let (count, some) = (missing.len(), missing[..missing.len().min(5)].join(", ") + more);
    bail!(tr(
        format!(
            "{count} questions ne nomment aucun document de la base ({some}) ; « relevant » doit \
             donner leurs noms de fichiers ou leurs identifiants externes"
        ),
        format!(
            "{count} questions name no document of the knowledge base ({some}); 'relevant' must \
             give their file names or external ids"
        ),
    ))
}
