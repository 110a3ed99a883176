//! Says which models of the catalogue fit a machine, with the figures behind it.

use std::cmp::Reverse;

use intramuros_types::ModelId;

use crate::{Catalog, CatalogModel, Status, Task};

#[cfg(test)]
mod tests;

/// Context that the KV cache of a text model is counted for: a question with its passages.
const CONTEXT_TOKENS: u32 = 8192;
/// Memory of a text model's weights over its file, in tenths: candle 0.11.1 keeps a repacked copy
/// beside the original, which was measured at about 2.4 times the file for Q4_K_M.
///
/// Source: the project's design, section 4.
const TEXT_WEIGHTS_TENTHS: u64 = 24;
/// Memory of an encoder's weight, whatever the file's format: it computes in f32.
const ENCODER_BYTES_PER_PARAMETER: u64 = 4;
/// Memory beside a model's weights and cache: activations, the server, the vector store, and for
/// a text model the small encoder that runs next to it.
const TEXT_WORKING_BYTES: u64 = 1 << 30;
/// The same for an encoder alone.
const ENCODER_WORKING_BYTES: u64 = 512 << 20;
/// The part of the memory that is left to the operating system: a tenth, at least this.
const SYSTEM_BYTES: u64 = 1 << 30;
/// Without a GPU every token of a text model reads all weights from memory. Files up to this size
/// a physical core come first: a preference, not a measurement.
const TEXT_FILE_BYTES_PER_CORE: u64 = 1 << 30;
/// Without a GPU the time to index documents grows with an encoder's parameters. Up to this many
/// a physical core come first: a preference, not a measurement.
const ENCODER_PARAMETERS_PER_CORE: u64 = 64_000_000;
/// The language that a recommended model should be made for.
const LANGUAGE: &str = "fr";

/// A graphics card that the server would compute on.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// Its memory.
    pub memory_bytes: u64,
}

/// What a machine has. Measured by the caller.
#[derive(Debug, Clone)]
pub struct Machine {
    /// All memory, or the limit of the container.
    pub memory_total_bytes: u64,
    /// Memory that can be taken now without swapping.
    pub memory_available_bytes: u64,
    /// Physical cores.
    pub physical_cores: usize,
    /// A card, when the server uses it; `None` as long as it computes on the CPU.
    pub gpu: Option<Gpu>,
}

/// How a model relates to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    /// The model.
    pub id: ModelId,
    /// What it is for.
    pub task: Task,
    /// Whether it fits the machine when nothing else large runs on it.
    pub fits: bool,
    /// Whether it fits what is free at this moment.
    pub fits_now: bool,
    /// Whether this machine's cores (or card) suit its size; see [`recommend`].
    pub suits: bool,
    /// Bytes to download.
    pub download_bytes: u64,
    /// Memory of the weights.
    pub weights_bytes: u64,
    /// Tokens that `kv_bytes` is for; 0 for encoders.
    pub context_tokens: u32,
    /// Memory of the KV cache for one sequence of `context_tokens`, f16; 0 for encoders.
    pub kv_bytes: u64,
    /// Memory beside weights and cache.
    pub working_bytes: u64,
    /// Memory of everything: weights, KV cache, working memory.
    pub total_bytes: u64,
    /// Memory that a model may take when nothing else large runs.
    pub usable_bytes: u64,
}

/// Judges every model of `catalog`: tasks in the order text, embedding, rerank; within a task the
/// best first.
///
/// Memory is counted, speed is not promised. A text model takes its file × 2.4 (the engine's
/// repacked copy), the KV cache `2 × layers × kv_heads × head_dim × 2 bytes` for 8,192 tokens (or
/// its context, if shorter) and 1 GiB of working memory; an encoder takes 4 bytes a parameter and
/// 512 MiB. It fits when that is at most nine tenths of the memory, with 1 GiB left. It suits
/// when its file has at most 1 GiB a physical core (text), or it has at most 64 million
/// parameters a core (encoders), or all of it fits the card.
///
/// Best first means: fits, suits, is made for French, has no licence terms of its own, was tried
/// here when small, then more parameters, then more bits a weight.
pub fn recommend(catalog: &Catalog, machine: &Machine) -> Vec<Recommendation> {
    let mut judged: Vec<(&CatalogModel, Recommendation)> =
        catalog.models().iter().map(|model| (model, judge(model, machine))).collect();
    judged.sort_by_key(|(model, verdict)| {
        let french = model.languages.iter().any(|language| language == LANGUAGE);
        // What suits is ordered from large to small, what does not from small to large: the
        // nearest to the machine comes first on both sides.
        let size = if verdict.fits && verdict.suits {
            (Reverse(model.parameters), 0, Reverse(model.download_bytes()))
        } else {
            (Reverse(0), verdict.total_bytes, Reverse(0))
        };
        let order = (!verdict.fits, !verdict.suits, !french, model.gated);
        (model.task, order, is_specialised(model), size, model.status == Status::Untried)
    });
    judged.into_iter().map(|(_, verdict)| verdict).collect()
}

/// Models made for code come after those made for talking.
fn is_specialised(model: &CatalogModel) -> bool {
    model.family.ends_with("coder")
}

fn judge(model: &CatalogModel, machine: &Machine) -> Recommendation {
    let download_bytes = model.download_bytes();
    let cores = machine.physical_cores.max(1) as u64;
    let text = model.task == Task::Text;
    let (weights_bytes, working_bytes, context_tokens) = if text {
        let weights = download_bytes.saturating_mul(TEXT_WEIGHTS_TENTHS) / 10;
        (weights, TEXT_WORKING_BYTES, model.context_tokens.min(CONTEXT_TOKENS))
    } else {
        let weights = model.parameters.saturating_mul(ENCODER_BYTES_PER_PARAMETER);
        (weights, ENCODER_WORKING_BYTES, 0)
    };
    let kv_bytes = model.kv_bytes_per_token() * u64::from(context_tokens);
    let total_bytes = weights_bytes.saturating_add(kv_bytes).saturating_add(working_bytes);
    let usable_bytes = usable_bytes(machine);
    let small = if text {
        download_bytes <= TEXT_FILE_BYTES_PER_CORE.saturating_mul(cores)
    } else {
        model.parameters <= ENCODER_PARAMETERS_PER_CORE.saturating_mul(cores)
    };
    let on_card = machine.gpu.as_ref().is_some_and(|gpu| total_bytes <= gpu.memory_bytes);
    Recommendation {
        id: model.id.clone(),
        task: model.task,
        fits: total_bytes <= usable_bytes || on_card,
        fits_now: total_bytes <= machine.memory_available_bytes || on_card,
        suits: small || on_card,
        download_bytes,
        weights_bytes,
        context_tokens,
        kv_bytes,
        working_bytes,
        total_bytes,
        usable_bytes,
    }
}

/// Memory that a model may take when nothing else runs.
fn usable_bytes(machine: &Machine) -> u64 {
    let system = (machine.memory_total_bytes / 10).max(SYSTEM_BYTES);
    machine.memory_total_bytes.saturating_sub(system)
}
