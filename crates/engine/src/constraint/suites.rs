//! Runs published collections of schemas against the matcher.
//!
//! - The required tests of draft 2020-12 of the JSON Schema Test Suite (MIT), whole, in
//!   `tests/data/json-schema-test-suite`.
//! - JSONSchemaBench with its instances (`maskbench/data`), where `INTRAMUROS_SCHEMA_BENCH` names
//!   a directory of it. It states no licence, so it is not in the repository.
//!
//! `scripts/constraint-suites` fetches the second and prints the figures of both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use intramuros_types::Constraint;
use serde_json::Value;

use super::testing::{accepts, vocabulary};
use super::{ConstraintError, ConstraintLimits, Grammar, Vocabulary};

/// What became of the schemas of a collection.
#[derive(Default)]
struct Tally {
    schemas: usize,
    compiled: usize,
    /// By keyword.
    refused: BTreeMap<String, usize>,
    valid: usize,
    valid_rejected: Vec<String>,
    invalid: usize,
    invalid_accepted: Vec<String>,
    /// Instances that cost more than a request may.
    given_up: Vec<String>,
    slowest: Duration,
}

impl Tally {
    fn schema(&mut self, vocabulary: &Vocabulary, name: &str, schema: &Value) -> Option<Grammar> {
        self.schemas += 1;
        let start = Instant::now();
        let constraint = Constraint::JsonSchema(schema.clone());
        let grammar = Grammar::compile(&constraint, vocabulary, &ConstraintLimits::default());
        self.slowest = self.slowest.max(start.elapsed());
        match grammar {
            Ok(grammar) => {
                self.compiled += 1;
                Some(grammar)
            }
            Err(error) => {
                *self.refused.entry(reason(name, &error)).or_default() += 1;
                None
            }
        }
    }

    fn instance(&mut self, grammar: &Grammar, name: &str, instance: &Value, valid: bool) {
        let text = spaced(instance);
        let verified = grammar.verifier().verify(&text);
        let taken = match accepts(grammar, &text) {
            Ok(taken) => taken,
            Err(error) => return self.given_up.push(format!("{name}: {error}")),
        };
        if valid {
            self.valid += 1;
            if !taken {
                self.valid_rejected.push(name.to_owned());
            }
        } else {
            self.invalid += 1;
            if taken && verified.is_ok() {
                self.invalid_accepted.push(format!("{name} (verifier too)"));
            } else if taken {
                self.invalid_accepted.push(name.to_owned());
            }
        }
    }

    fn print(&self, title: &str) {
        let refused: usize = self.refused.values().sum();
        eprintln!(
            "{title}: {} schemas, {} compiled, {refused} refused, slowest {:?}",
            self.schemas, self.compiled, self.slowest
        );
        eprintln!("  refused: {:?}", self.refused);
        eprintln!(
            "  valid {} ({} rejected), invalid {} ({} accepted), given up {}",
            self.valid,
            self.valid_rejected.len(),
            self.invalid,
            self.invalid_accepted.len(),
            self.given_up.len()
        );
        for name in self.invalid_accepted.iter().take(40) {
            eprintln!("  INVALID ACCEPTED {name}");
        }
        for name in self.given_up.iter().take(40) {
            eprintln!("  given up: {name}");
        }
        for name in self.valid_rejected.iter().take(if verbose() { 400 } else { 0 }) {
            eprintln!("  valid rejected {name}");
        }
    }
}

fn verbose() -> bool {
    env::var_os("INTRAMUROS_SCHEMA_VERBOSE").is_some()
}

/// A refusal says what stands in the way; anything else fails the test.
fn reason(name: &str, error: &ConstraintError) -> String {
    if verbose() {
        eprintln!("  {name}: {error}");
    }
    match error {
        ConstraintError::Unsupported { keyword, path, .. } => {
            assert!(path.starts_with('#') && path.ends_with(keyword.as_str()), "{name}: {error}");
            keyword.clone()
        }
        ConstraintError::Unsatisfiable { .. } => "(unsatisfiable)".to_owned(),
        ConstraintError::TooLarge { what, .. } => format!("(too large: {what})"),
        ConstraintError::TooComplex { .. } => "(too complex)".to_owned(),
        ConstraintError::InvalidSchema { .. } => "(not a valid schema)".to_owned(),
        ConstraintError::InvalidGrammar { .. }
        | ConstraintError::DeadEnd
        | ConstraintError::Rejected { .. }
        | ConstraintError::Vocabulary { .. }
        | ConstraintError::Internal { .. } => panic!("{name}: {error} {error:?}"),
    }
}

/// `value` with the white space of our grammars.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, field)| format!("{}: {}", Value::from(key.as_str()), spaced(field)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn files(directory: &Path) -> Vec<(String, Value)> {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.file_stem().expect("name").to_string_lossy().into_owned();
        let text = fs::read_to_string(path).expect("readable");
        (name, serde_json::from_str(&text).expect("JSON"))
    };
    paths.iter().map(read).collect()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn official(vocabulary: &Vocabulary) -> Tally {
    let mut tally = Tally::default();
    for (file, groups) in files(&data("json-schema-test-suite/draft2020-12")) {
        for group in items(&groups) {
            let name = format!("{file}: {}", group["description"].as_str().unwrap_or_default());
            let Some(grammar) = tally.schema(vocabulary, &name, &group["schema"]) else {
                continue;
            };
            for test in items(&group["tests"]) {
                let name = format!("{name}: {}", test["description"].as_str().unwrap_or_default());
                let valid = test["valid"] == Value::Bool(true);
                tally.instance(&grammar, &name, &test["data"], valid);
            }
        }
    }
    tally
}

/// A directory of JSONSchemaBench's `maskbench/data`.
fn bench(directory: &Path, vocabulary: &Vocabulary) -> Tally {
    let mut tally = Tally::default();
    for (name, entry) in files(directory) {
        let Some(grammar) = tally.schema(vocabulary, &name, &entry["schema"]) else { continue };
        for test in items(&entry["tests"]) {
            let valid = test["valid"] == Value::Bool(true);
            tally.instance(&grammar, &name, &test["data"], valid);
        }
    }
    tally
}

#[test]
fn published_suites_find_no_invalid_answer() {
    let vocabulary = vocabulary();
    let mut tally = official(&vocabulary);
    tally.print("JSON Schema Test Suite, draft 2020-12");
    assert_eq!(tally.invalid_accepted, Vec::<String>::new());
    assert_eq!((tally.schemas, tally.invalid), (383, 257), "what compiles is told in the README");
    if let Some(directory) = env::var_os("INTRAMUROS_SCHEMA_BENCH") {
        tally = bench(Path::new(&directory), &vocabulary);
        tally.print("JSONSchemaBench");
        assert_eq!(tally.invalid_accepted, Vec::<String>::new());
        assert!(tally.compiled * 10 >= tally.schemas * 8, "{} compiled", tally.compiled);
    }
}
