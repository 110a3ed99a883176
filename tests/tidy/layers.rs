//! Holds the crates to the layer table of ARCHITECTURE.md.

use std::collections::HashMap;
use std::process::Command;

use serde_json::Value;

use crate::tree::{none, root};

/// What each crate may use of ours, and which libraries it must never see.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const TABLE: &[Layer] = &[
    Layer { name: "types", may_use: &[], never: &["tokio", "axum", "candle-core", "sqlx"] },
    Layer { name: "backend", may_use: &["types"], never: &["candle-core", "tokio", "axum"] },
    Layer { name: "simd", may_use: &[], never: &["tokio", "candle-core", "axum", "lancedb"] },
    Layer {
        name: "maxsim",
        may_use: &["simd"],
        never: &["tokio", "candle-core", "axum", "lancedb"],
    },
    Layer { name: "model", may_use: &["types", "backend", "simd"], never: &["tokio", "axum"] },
    Layer {
        name: "embed",
        may_use: &["types", "backend", "simd"],
        never: &["tokio", "axum", "candle-core"],
    },
    Layer { name: "engine", may_use: &["types", "backend"], never: &["candle-core", "axum"] },
    Layer { name: "catalog", may_use: &["types"], never: &["axum"] },
    Layer {
        name: "ingest",
        may_use: &["types"],
        never: &["tokio", "lancedb", "candle-core", "ureq"],
    },
    Layer { name: "store", may_use: &["types"], never: &["candle-core", "axum"] },
    Layer { name: "ledger", may_use: &["types"], never: &["candle-core", "axum"] },
    Layer {
        name: "jobs",
        may_use: &["types", "ledger"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "knowledge",
        may_use: &["types", "maxsim", "engine", "store", "ingest", "ledger", "jobs"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "notify",
        may_use: &["types", "ledger"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "datalife",
        may_use: &["types", "ledger", "jobs", "knowledge"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "usecases",
        may_use: &["types", "engine", "knowledge", "ingest", "ledger", "jobs"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "upkeep",
        may_use: &["types", "ledger", "store"],
        never: &["candle-core", "axum", "lancedb", "lance"],
    },
    Layer {
        name: "http",
        may_use: &[
            "types",
            "engine",
            "knowledge",
            "notify",
            "datalife",
            "usecases",
            "ledger",
            "catalog",
        ],
        never: &["candle-core", "lancedb"],
    },
    Layer {
        name: "cli",
        may_use: &[
            "types",
            "backend",
            "model",
            "embed",
            "engine",
            "catalog",
            "ingest",
            "store",
            "ledger",
            "jobs",
            "knowledge",
            "notify",
            "http",
            "datalife",
            "usecases",
            "upkeep",
        ],
        never: &[],
    },
    Layer { name: "testkit", may_use: &["types", "backend", "engine"], never: &["candle-core"] },
    Layer { name: "tests", may_use: &[], never: &[] },
];

const PREFIX: &str = "intramuros-";

#[test]
fn crates_use_only_lower_layers() {
    let table: HashMap<&str, &Layer> = TABLE.iter().map(|layer| (layer.name, layer)).collect();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package, "name").trim_start_matches(PREFIX).to_string();
        let Some(layer) = table.get(name.as_str()) else {
            wrong.push(format!("crate {name} is not in the layer table"));
            continue;
        };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = text(dependency, "name");
            if layer.never.contains(&used) {
                wrong.push(format!("{name} must never see {used}"));
            }
            let Some(ours) = used.strip_prefix(PREFIX) else { continue };
            // Tests may use the test kit, and what a fake needs.
            let in_tests = dependency["kind"] == "dev";
            if !layer.may_use.contains(&ours) && !in_tests {
                wrong.push(format!("{name} may not use {ours}"));
            }
        }
    }
    none("layers", &wrong);
}

/// The workspace's packages. Read with serde_json rather than the crate `cargo_metadata`, which
/// switches on serde_json's `unbounded_depth`: tests would then need a build of their own of every
/// crate below lancedb.
fn packages() -> Vec<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text")
}

#[test]
fn the_table_lists_crates_that_exist() {
    let missing = TABLE.iter().filter(|layer| {
        let folder =
            if layer.name == "tests" { "tests".into() } else { format!("crates/{}", layer.name) };
        !root().join(folder).join("Cargo.toml").is_file()
    });
    none("crates of the table", &missing.map(|layer| layer.name.to_string()).collect::<Vec<_>>());
}

/// Packages with their features, as `cargo tree` resolves them along `edges`.
fn features(edges: &str) -> Vec<String> {
    let output = Command::new("cargo")
        .args(["tree", "--workspace", "--offline", "--locked", "--prefix", "none"])
        .args(["-e", edges, "-f", "{p} [{f}]"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).expect("names are UTF-8");
    let mut lines: Vec<String> =
        listed.lines().map(|line| line.trim_end_matches(" (*)").to_string()).collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn tests_build_the_dependencies_that_the_binary_builds() {
    let binary = features("normal,build");
    let tests = features("normal,build,dev");
    let changed = binary.into_iter().filter(|package| !tests.contains(package));
    let rule = "a development dependency changes the features of these, so that tests compile \
                them, and all that uses them, a second time";
    none(rule, &changed.collect::<Vec<_>>());
}
