//! Reads settings in two stages: as typed (defaults → file → environment → flags), then checked.
//!
//! As typed, settings are a TOML table; every layer may only use keys that the defaults have, so
//! an unknown key is an error that names the nearest known one. Environment variables are
//! `INTRAMUROS_` and the key in capitals, dots as underscores (`INTRAMUROS_SERVER_LISTEN`).

mod accounting;
mod folders;
mod layers;
mod outside;
mod retention;
mod surface;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::args::Common;
use crate::language::tr;
pub(crate) use accounting::{Audit, AuditLevel, DefaultLimits, Prices, Sessions};
pub(crate) use folders::Folder;
use outside::{Egress, Webhooks};
pub(crate) use outside::{Smtp, SmtpSecurity};
pub(crate) use retention::{From as RetentionFrom, Retention};

/// The settings, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Folder of ledger, passages and files.
    pub(crate) data_dir: PathBuf,
    /// Folder of models.
    pub(crate) models_dir: PathBuf,
    pub(crate) server: Server,
    pub(crate) text: Text,
    pub(crate) embedding: Embedding,
    pub(crate) rerank: Rerank,
    pub(crate) knowledge: Knowledge,
    pub(crate) audit: Audit,
    pub(crate) limits: DefaultLimits,
    pub(crate) sessions: Sessions,
    pub(crate) usage: Prices,
    pub(crate) egress: Egress,
    pub(crate) webhooks: Webhooks,
    pub(crate) smtp: Smtp,
    pub(crate) retention: Retention,
    pub(crate) jobs: Jobs,
    pub(crate) reviews: Reviews,
    pub(crate) triage: Triage,
    pub(crate) pilots: Pilots,
    pub(crate) compute: Compute,
    pub(crate) log: Log,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) max_body_bytes: usize,
    pub(crate) max_upload_bytes: u64,
    pub(crate) request_timeout_seconds: u64,
    pub(crate) drain_seconds: u64,
    pub(crate) max_connections: usize,
    /// 0: no bound.
    pub(crate) max_connections_per_address: usize,
    pub(crate) min_free_mib: u64,
    /// Empty: no page of another origin may call.
    pub(crate) cors_origins: Vec<String>,
    /// Empty: any.
    pub(crate) allowed_hosts: Vec<String>,
    /// Empty: nobody says where a request comes from.
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) compression: bool,
}

/// `[text]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    /// Empty: no generator, search only.
    pub(crate) model: String,
    /// Loaded when they are asked for.
    pub(crate) more_models: Vec<String>,
    /// 0: for ever.
    pub(crate) keep_alive_seconds: u64,
    pub(crate) context_tokens: u32,
    pub(crate) max_sequences: usize,
    pub(crate) max_queue: usize,
    pub(crate) prefill_chunk_tokens: usize,
    pub(crate) max_token_gap_ms: u64,
    pub(crate) max_draft_tokens: usize,
    pub(crate) share_prefixes: bool,
    pub(crate) kv_cache_mib: u64,
    pub(crate) kv_type: KvCacheType,
    /// 0: no limit.
    pub(crate) memory_mib: u64,
}

/// How keys and values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvCacheType {
    F32,
    F16,
    #[serde(rename = "q8_0")]
    Q8_0,
}

/// `[embedding]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedding {
    pub(crate) model: String,
    /// Loaded beside it, for knowledge bases that use another one.
    pub(crate) more_models: Vec<String>,
    pub(crate) max_queue_inputs: usize,
    pub(crate) max_batch_tokens: usize,
}

/// `[rerank]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rerank {
    /// Empty: searches end with late interaction.
    pub(crate) model: String,
    pub(crate) candidates: usize,
}

/// `[knowledge]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Knowledge {
    pub(crate) chunk_target_tokens: usize,
    pub(crate) chunk_max_tokens: usize,
    pub(crate) passages: usize,
    pub(crate) answer_tokens: u32,
    pub(crate) ocr: Ocr,
    pub(crate) ocr_languages: String,
    pub(crate) folders: Vec<Folder>,
    pub(crate) folder_interval_seconds: u64,
    /// 0: none are kept.
    pub(crate) unanswered_days: u32,
}

/// `knowledge.ocr`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ocr {
    /// With `tesseract` where it is installed.
    Auto,
    /// Never.
    Off,
}

/// `[jobs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jobs {
    pub(crate) concurrency: usize,
    /// 0: for ever.
    pub(crate) keep_days: u32,
}

/// `[triage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triage {
    /// 0: for ever.
    pub(crate) days: u32,
}

/// `[pilots]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pilots {
    /// 0: for ever.
    pub(crate) days: u32,
}

/// `[reviews]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reviews {
    pub(crate) claim_minutes: u32,
    /// 0: for ever.
    pub(crate) days: u32,
}

/// `[compute]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compute {
    /// 0: as many as physical cores.
    pub(crate) threads: usize,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
    /// 0: never.
    pub(crate) slow_request_ms: u64,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

/// The settings and where they came from.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
}

/// Reads and checks the settings; `flags` are `key=value` from dedicated options.
pub(crate) fn load(common: &Common, flags: &[String]) -> anyhow::Result<Loaded> {
    let file = layers::file_path(common)?;
    let text = file.as_deref().map(read).transpose()?;
    laid(common, flags, file.zip(text))
}

/// Reads the settings to find the server by. The file of an installed server is not for everybody;
/// who may not read it and has not named it takes the usual address.
pub(crate) fn load_to_call(common: &Common) -> anyhow::Result<Settings> {
    let file = layers::file_path(common)?;
    let text = match file.as_deref().map(read).transpose() {
        Err(error) if common.config.is_none() && is_closed(&error) => None,
        text => text?,
    };
    Ok(laid(common, &[], file.zip(text))?.settings)
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        let path = path.display();
        tr(
            format!("le fichier de réglages {path} ne peut pas être lu"),
            format!("the settings file {path} cannot be read"),
        )
    })
}

fn is_closed(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::PermissionDenied)
}

fn laid(
    common: &Common,
    flags: &[String],
    file: Option<(PathBuf, String)>,
) -> anyhow::Result<Loaded> {
    let mut table = layers::defaults();
    if let Some((path, text)) = &file {
        layers::apply_file(&mut table, text).with_context(|| {
            let place = tr("dans le fichier de réglages", "in the settings file");
            format!("{place} {}", path.display())
        })?;
    }
    layers::apply_environment(&mut table, std::env::vars())?;
    for assignment in common.set.iter().chain(flags) {
        layers::apply_assignment(&mut table, assignment)?;
    }
    let settings = check(table)?;
    Ok(Loaded { settings, file: file.map(|(path, _)| path) })
}

fn check(table: toml::Table) -> anyhow::Result<Settings> {
    let mut settings: Settings = table
        .try_into()
        .context(tr("un réglage a le mauvais type", "a setting has the wrong type"))?;
    if settings.models_dir.as_os_str().is_empty() {
        settings.models_dir = settings.data_dir.join("models");
    }
    zero("server.max_body_bytes", settings.server.max_body_bytes as u64)?;
    zero("server.max_upload_bytes", settings.server.max_upload_bytes)?;
    zero("server.request_timeout_seconds", settings.server.request_timeout_seconds)?;
    zero("server.max_connections", settings.server.max_connections as u64)?;
    surface::check(&settings.server)?;
    zero("text.max_sequences", settings.text.max_sequences as u64)?;
    zero("text.max_queue", settings.text.max_queue as u64)?;
    zero("text.prefill_chunk_tokens", settings.text.prefill_chunk_tokens as u64)?;
    zero("text.max_token_gap_ms", settings.text.max_token_gap_ms)?;
    zero("text.kv_cache_mib", settings.text.kv_cache_mib)?;
    if settings.text.max_draft_tokens > 64 {
        let most = settings.text.max_draft_tokens;
        bail!(tr(
            format!("text.max_draft_tokens vaut {most} ; il doit valoir de 0 à 64"),
            format!("text.max_draft_tokens is {most}; it must be 0 to 64"),
        ));
    }
    zero("embedding.max_queue_inputs", settings.embedding.max_queue_inputs as u64)?;
    zero("embedding.max_batch_tokens", settings.embedding.max_batch_tokens as u64)?;
    check_rerank(&settings)?;
    zero("knowledge.answer_tokens", u64::from(settings.knowledge.answer_tokens))?;
    check_knowledge(&settings.knowledge)?;
    zero("knowledge.folder_interval_seconds", settings.knowledge.folder_interval_seconds)?;
    folders::check(&mut settings.knowledge.folders)?;
    accounting::check(&settings)?;
    outside::check(&settings)?;
    retention::check(&settings)?;
    check_work(&settings)?;
    let text = &settings.text;
    if text.model.is_empty() && !text.more_models.is_empty() {
        bail!(tr(
            "text.more_models demande un modèle par défaut, text.model",
            "text.more_models needs a default model, text.model",
        ));
    }
    named_once("text", &text.model, &text.more_models)?;
    named_once("embedding", &settings.embedding.model, &settings.embedding.more_models)?;
    if settings.embedding.model.is_empty() {
        bail!(tr(
            "embedding.model est vide ; la recherche a besoin d'un encodeur tel que \
             multilingual-e5-small",
            "embedding.model is empty; search needs an encoder such as multilingual-e5-small",
        ));
    }
    Ok(settings)
}

fn zero(name: &str, value: u64) -> anyhow::Result<()> {
    if value == 0 {
        bail!(tr(
            format!("{name} vaut 0 ; il doit valoir au moins 1"),
            format!("{name} is 0; it must be at least 1"),
        ));
    }
    Ok(())
}

fn check_rerank(settings: &Settings) -> anyhow::Result<()> {
    let candidates = settings.rerank.candidates;
    if !(1..=100).contains(&candidates) {
        bail!(tr(
            format!("rerank.candidates vaut {candidates} ; il doit valoir de 1 à 100"),
            format!("rerank.candidates is {candidates}; it must be 1 to 100"),
        ));
    }
    let most = settings.embedding.max_queue_inputs;
    if !settings.rerank.model.is_empty() && candidates > most {
        bail!(tr(
            format!(
                "rerank.candidates vaut {candidates}, plus que embedding.max_queue_inputs ({most})"
            ),
            format!(
                "rerank.candidates is {candidates}, more than embedding.max_queue_inputs ({most})"
            ),
        ));
    }
    Ok(())
}

fn named_once(section: &str, model: &String, more: &[String]) -> anyhow::Result<()> {
    let mut served: Vec<&String> = more.iter().chain([model]).collect();
    served.sort_unstable();
    if let Some(twice) = served.windows(2).find(|pair| pair[0] == pair[1]) {
        let id = twice[0];
        bail!(tr(
            format!("{section}.more_models et {section}.model nomment deux fois « {id} »"),
            format!("{section}.more_models and {section}.model name '{id}' twice"),
        ));
    }
    Ok(())
}

fn check_work(settings: &Settings) -> anyhow::Result<()> {
    if !(1..=64).contains(&settings.jobs.concurrency) {
        let jobs = settings.jobs.concurrency;
        bail!(tr(
            format!("jobs.concurrency vaut {jobs} ; il doit valoir de 1 à 64"),
            format!("jobs.concurrency is {jobs}; it must be 1 to 64"),
        ));
    }
    if !(1..=1440).contains(&settings.reviews.claim_minutes) {
        let minutes = settings.reviews.claim_minutes;
        bail!(tr(
            format!("reviews.claim_minutes vaut {minutes} ; il doit valoir de 1 à 1440"),
            format!("reviews.claim_minutes is {minutes}; it must be 1 to 1440"),
        ));
    }
    Ok(())
}

fn check_knowledge(knowledge: &Knowledge) -> anyhow::Result<()> {
    if knowledge.chunk_target_tokens == 0
        || knowledge.chunk_target_tokens > knowledge.chunk_max_tokens
    {
        let (target, max) = (knowledge.chunk_target_tokens, knowledge.chunk_max_tokens);
        bail!(tr(
            format!(
                "knowledge.chunk_target_tokens vaut {target} ; il doit valoir de 1 à \
                 knowledge.chunk_max_tokens ({max})"
            ),
            format!(
                "knowledge.chunk_target_tokens is {target}; it must be 1 to \
                 knowledge.chunk_max_tokens ({max})"
            ),
        ));
    }
    if !(1..=20).contains(&knowledge.passages) {
        let passages = knowledge.passages;
        bail!(tr(
            format!("knowledge.passages vaut {passages} ; il doit valoir de 1 à 20"),
            format!("knowledge.passages is {passages}; it must be 1 to 20"),
        ));
    }
    let languages = &knowledge.ocr_languages;
    let is_code = |code: &str| {
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if !languages.split('+').all(is_code) {
        bail!(tr(
            format!(
                "knowledge.ocr_languages vaut « {languages} » ; ce doit être des langues de \
                 tesseract jointes par +, comme fra+eng"
            ),
            format!(
                "knowledge.ocr_languages is '{languages}'; it must be languages of tesseract \
                 joined by +, such as fra+eng"
            ),
        ));
    }
    Ok(())
}
