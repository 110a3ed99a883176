//! Reads the workloads of `tests/workloads`, which are embedded in the binary.

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::aggregate::Aggregate;
use super::decode::Decode;
use super::extraction::Extraction;
use super::gap::Gap;
use super::prefill::Prefill;
use super::prompts::Prompts;
use super::sample::Sample;
use super::shared_prefix::SharedPrefix;
use super::target::Target;
use crate::language::tr;

/// The files, by the name that selects all their cases.
const FILES: [(&str, &str); 6] = [
    ("prefill", include_str!("../../../../../tests/workloads/prefill.toml")),
    ("decode", include_str!("../../../../../tests/workloads/decode.toml")),
    ("aggregate", include_str!("../../../../../tests/workloads/aggregate.toml")),
    ("gap", include_str!("../../../../../tests/workloads/gap.toml")),
    ("shared-prefix", include_str!("../../../../../tests/workloads/shared-prefix.toml")),
    ("extraction", include_str!("../../../../../tests/workloads/extraction.toml")),
];

/// A workload with sizes.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) workload: Workload,
}

/// What is done; each kind is a module.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Workload {
    Prefill(Prefill),
    Decode(Decode),
    Aggregate(Aggregate),
    Gap(Gap),
    SharedPrefix(SharedPrefix),
    Extraction(Extraction),
}

impl Workload {
    /// Runs it once; `seed` decides its texts.
    ///
    /// # Errors
    /// When a request fails that the workload cannot do without.
    pub(super) fn measure(
        &self,
        target: &Target,
        prompts: &Prompts,
        seed: u64,
    ) -> anyhow::Result<Sample> {
        match self {
            Self::Prefill(workload) => workload.measure(target, prompts, seed),
            Self::Decode(workload) => workload.measure(target, prompts, seed),
            Self::Aggregate(workload) => workload.measure(target, prompts, seed),
            Self::Gap(workload) => workload.measure(target, prompts, seed),
            Self::SharedPrefix(workload) => workload.measure(target, prompts, seed),
            Self::Extraction(workload) => workload.measure(target, prompts, seed),
        }
    }

    /// Prompt and answer of its longest request.
    pub(super) fn needed_tokens(&self) -> u32 {
        match self {
            Self::Prefill(workload) => workload.needed_tokens(),
            Self::Decode(workload) => workload.needed_tokens(),
            Self::Aggregate(workload) => workload.needed_tokens(),
            Self::Gap(workload) => workload.needed_tokens(),
            Self::SharedPrefix(workload) => workload.needed_tokens(),
            Self::Extraction(workload) => workload.needed_tokens(),
        }
    }
}

/// The cases that `names` select, of files or of single cases, in the order of the files; all of
/// them without names.
///
/// # Errors
/// When a name selects nothing.
pub(super) fn choose(names: &[String]) -> anyhow::Result<Vec<Case>> {
    let all = all()?;
    for name in names {
        if !all.iter().any(|(file, case)| file == name || case.name == *name) {
            let known: Vec<&str> =
                all.iter().flat_map(|(file, case)| [*file, case.name.as_str()]).collect();
            let mut seen = std::collections::HashSet::new();
            let known: Vec<&str> = known.into_iter().filter(|name| seen.insert(*name)).collect();
            let known = known.join(", ");
            bail!(tr(
                format!("pas de charge « {name} » ; il y a : {known}"),
                format!("no workload '{name}'; there are: {known}"),
            ));
        }
    }
    let wanted = |file: &str, case: &Case| {
        names.is_empty() || names.iter().any(|name| name == file || *name == case.name)
    };
    Ok(all.into_iter().filter(|(file, case)| wanted(file, case)).map(|(_, case)| case).collect())
}

fn all() -> anyhow::Result<Vec<(&'static str, Case)>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        case: Vec<Case>,
    }
    let mut all = Vec::new();
    for (name, text) in FILES {
        let file: File =
            toml::from_str(text).with_context(|| format!("tests/workloads/{name}.toml"))?;
        all.extend(file.case.into_iter().map(|case| (name, case)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
