//! Holds the crates to the layer table of ARCHITECTURE.md.

use std::collections::HashMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

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
    Layer { name: "model", may_use: &["types", "backend"], never: &["tokio", "axum"] },
    Layer { name: "embed", may_use: &["types", "backend"], never: &["tokio", "axum"] },
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
        name: "knowledge",
        may_use: &["types", "engine", "store", "ingest", "ledger"],
        never: &["candle-core", "axum", "lancedb"],
    },
    Layer {
        name: "http",
        may_use: &["types", "engine", "knowledge", "ledger", "catalog"],
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
            "knowledge",
            "http",
        ],
        never: &[],
    },
    Layer { name: "testkit", may_use: &["types", "backend", "engine"], never: &["candle-core"] },
    Layer { name: "tests", may_use: &[], never: &[] },
];

const PREFIX: &str = "intramuros-";

#[test]
fn crates_use_only_lower_layers() {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata runs");
    let table: HashMap<&str, &Layer> = TABLE.iter().map(|layer| (layer.name, layer)).collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.trim_start_matches(PREFIX);
        let Some(layer) = table.get(name) else {
            wrong.push(format!("crate {name} is not in the layer table"));
            continue;
        };
        for dependency in &package.dependencies {
            let used = dependency.name.as_str();
            if layer.never.contains(&used) {
                wrong.push(format!("{name} must never see {used}"));
            }
            let Some(ours) = used.strip_prefix(PREFIX) else { continue };
            // Tests may use the test kit, and what a fake needs.
            let in_tests = dependency.kind == DependencyKind::Development;
            if !layer.may_use.contains(&ours) && !in_tests {
                wrong.push(format!("{name} may not use {ours}"));
            }
        }
    }
    none("layers", &wrong);
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
