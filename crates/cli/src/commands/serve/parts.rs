//! Loads what the server is made of.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use intramuros_backend::{BackendError, EmbedBackend, TextBackend};
use intramuros_catalog::{Catalog, InstalledModel, ModelsDir, Task};
use intramuros_datalife::{DataLife, DataLifeConfig, DataLifeParts};
use intramuros_embed::{CpuEmbedBackend, EncoderCodec, EncoderFiles};
use intramuros_engine::{
    ComputeGate, EmbedConfig, EmbedEngine, Encoders, EngineConfig, LoadModel, Meter, ModelLimits,
    ModelSource, Reranker, TextEngine, TextModels,
};
use intramuros_ingest::worker::WorkerLimits;
use intramuros_ingest::{ChunkConfig, ExtractConfig, ExtractLimits};
use intramuros_jobs::{Runner, RunnerConfig};
use intramuros_knowledge::{Folder, Knowledge, KnowledgeConfig, KnowledgeParts, ServerMeter};
use intramuros_ledger::{Journal, Ledger, Lines, UsageEntry};
use intramuros_model::{CandleTextBackend, KvType, LoadOptions, ModelCodec, ModelFiles};
use intramuros_notify::Notifier;
use intramuros_store::{Blobs, Store, WriteGate};
use intramuros_usecases::chat::{Chat, ChatParts};
use intramuros_usecases::pilots::{PilotParts, Pilots};
use intramuros_usecases::triage::{Triage, TriageParts};

use crate::data_dir;
use crate::language::tr;
use crate::outside;
use crate::reading;
use crate::settings::{self, KvCacheType, Settings};

use super::retention;

/// The parts, as cheap handles.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) ledger: Ledger,
    pub(super) text: TextModels,
    pub(super) encoders: Encoders,
    pub(super) knowledge: Knowledge,
    pub(super) journal: Journal,
    pub(super) notify: Notifier,
    pub(super) data_life: DataLife,
    pub(super) triage: Triage,
    pub(super) chat: Chat,
    pub(super) pilots: Pilots,
}

/// How deep files may be within one another: an archive in a mail in an archive, and its files.
const MAX_DEPTH: usize = 3;

/// How long a start waits for the lock of the data directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Variables that the compute libraries read once, when their pools start.
const THREAD_VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Bounds the compute threads. The libraries take the number from the environment only, and
/// changing the own environment is not safe once threads run, so the process starts itself again
/// with it, keeping its process id.
pub(super) fn set_compute_threads(threads: usize) -> anyhow::Result<()> {
    if threads == 0 || THREAD_VARIABLES.iter().all(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    let program = std::env::current_exe().context("the program's own path is unknown")?;
    let mut command = std::process::Command::new(program);
    command.args(std::env::args_os().skip(1));
    for name in THREAD_VARIABLES {
        command.env(name, threads.to_string());
    }
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(error).context("the server could not start itself with compute.threads")
}

/// Keeps a second server out of the data directory for as long as the file is held.
pub(crate) fn lock_data_dir(dir: &Path) -> anyhow::Result<File> {
    data_dir::create(dir)?;
    let path = dir.join("lock");
    let file = File::create(&path).with_context(|| {
        let path = path.display();
        tr(
            format!("{path} ne peut pas être écrit ; data_dir est-il juste ?"),
            format!("{path} cannot be written; is data_dir right?"),
        )
    })?;
    // A server that was killed while it started a reader leaves the lock to that for a moment.
    let given_up = Instant::now() + LOCK_PATIENCE;
    let mut locked = file.try_lock();
    while matches!(locked, Err(std::fs::TryLockError::WouldBlock)) && Instant::now() < given_up {
        std::thread::sleep(Duration::from_millis(50));
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            let dir = dir.display();
            bail!(tr(
                format!(
                    "un autre serveur intramuros utilise {dir} ; arrêtez-le, ou donnez à celui-ci \
                     son propre data_dir"
                ),
                format!(
                    "another intramuros server uses {dir}; stop it, or give this one its own \
                     data_dir"
                ),
            ))
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} cannot be locked", path.display()))
        }
    }
}

/// Opens the data and loads the models.
pub(super) async fn load(settings: &Settings) -> anyhow::Result<Parts> {
    let ledger = sound_ledger(&settings.data_dir.join("ledger.sqlite")).await?;
    // Wrong settings show before the models load.
    let notify = outside::notifier(settings, ledger.clone())?;
    let gate = WriteGate::open(&settings.data_dir)?;
    gate.remove_leftovers();
    let lance = settings.data_dir.join("lance");
    let lance = lance.to_str().context("data_dir is not valid UTF-8")?;
    let store = Store::open(lance).await?.with_gate(gate.clone());
    let blobs_dir = settings.data_dir.join("blobs");
    let (encoders, text, blobs) = {
        let (settings, write_gate) = (settings.clone(), gate);
        tokio::task::spawn_blocking(move || {
            let models = ModelsDir::new(&settings.models_dir);
            // The two take turns on the same cores.
            let gate = ComputeGate::default();
            let encoders = load_encoders(&settings, &models, &gate)?;
            let text = text_models(&settings, &models, &gate)?;
            Ok::<_, anyhow::Error>((encoders, text, Blobs::open(&blobs_dir)?.with_gate(write_gate)))
        })
        .await??
    };
    if let Some(id) = text.default_model() {
        text.load_pinned().await.with_context(|| not_loaded(id.as_str()))?;
    }
    let journal = Journal::start(ledger.clone());
    let parts = KnowledgeParts {
        ledger: ledger.clone(),
        store,
        blobs,
        reader: reading::reader(),
        encoders: encoders.clone(),
        text: text.clone(),
        meter: meter(journal.clone()),
    };
    let knowledge = Knowledge::new(parts, knowledge_config(settings));
    let data_life = DataLife::new(
        DataLifeParts {
            ledger: ledger.clone(),
            knowledge: knowledge.clone(),
            data_dir: settings.data_dir.clone(),
        },
        DataLifeConfig {
            retention: retention::config(settings)?,
            audits: settings.audit.is_kept(),
        },
    );
    let triage = Triage::new(TriageParts {
        ledger: ledger.clone(),
        encoders: encoders.clone(),
        text: text.clone(),
    });
    let chat = Chat::new(ChatParts {
        ledger: ledger.clone(),
        knowledge: knowledge.clone(),
        encoders: encoders.clone(),
        text: text.clone(),
    });
    let pilots = Pilots::new(PilotParts {
        ledger: ledger.clone(),
        knowledge: knowledge.clone(),
        chat: chat.clone(),
        triage: triage.clone(),
        encoders: encoders.clone(),
        text: text.clone(),
        version: env!("CARGO_PKG_VERSION"),
    });
    pilots.follow_switches().await?;
    Ok(Parts {
        ledger,
        text,
        encoders,
        knowledge,
        journal,
        notify,
        data_life,
        triage,
        chat,
        pilots,
    })
}

/// Sums of what the server does by itself; they are counted for no key.
fn meter(journal: Journal) -> ServerMeter {
    Arc::new(move |purpose| {
        let journal = journal.clone();
        Meter::new(move |consumed| {
            let entry = |(model, consumption)| UsageEntry {
                key: None,
                user: None,
                model: Some(model),
                use_case: purpose.to_owned(),
                requests: 0,
                consumption,
            };
            let usage = consumed.into_iter().map(entry).collect();
            journal.note(Lines { usage, ..Lines::default() });
        })
    })
}

/// Opens the ledger and reads all of it once: a damaged page is found now, not under a request.
async fn sound_ledger(path: &Path) -> anyhow::Result<Ledger> {
    let opened = async {
        let ledger = Ledger::open(path).await?;
        ledger.check().await.map(|()| ledger)
    };
    let error = match opened.await {
        Ok(ledger) => return Ok(ledger),
        Err(error) => error,
    };
    let what = if error.is_damage() {
        tr(
            "le registre est abîmé : mettez data_dir de côté, sauf les modèles, et remettez une \
             sauvegarde (« intramuros restore »)",
            "the ledger is damaged: move data_dir aside, but for the models, and put back a backup \
             ('intramuros restore')",
        )
    } else {
        tr("le registre ne peut pas être ouvert", "the ledger cannot be opened")
    };
    Err(anyhow::Error::new(error).context(what))
}

fn installed(models: &ModelsDir, id: &str, task: Task) -> anyhow::Result<InstalledModel> {
    let found = models.get(id).with_context(|| {
        let dir = models.path().display();
        tr(
            format!(
                "le modèle « {id} » n'est pas dans {dir} ; téléchargez-le avec « intramuros models \
                 pull {id} », ou prenez-le sur un disque avec « intramuros models import <chemin> »"
            ),
            format!(
                "the model '{id}' is not in {dir}; fetch it with 'intramuros models pull {id}', or \
                 take it in with 'intramuros models import <path>'"
            ),
        )
    })?;
    match found.task(Catalog::embedded()) {
        Some(other) if other != task => {
            let (other, task) = (other.as_str(), task.as_str());
            bail!(tr(
                format!("le modèle « {id} » sert à « {other} », pas à « {task} »"),
                format!("the model '{id}' is for {other}, not for {task}"),
            ))
        }
        _ => Ok(found),
    }
}

fn not_loaded(id: &str) -> String {
    tr(
        format!("le modèle « {id} » n'a pas pu être chargé"),
        format!("the model '{id}' could not be loaded"),
    )
}

fn load_encoders(
    settings: &Settings,
    models: &ModelsDir,
    gate: &ComputeGate,
) -> anyhow::Result<Encoders> {
    let embedding = &settings.embedding;
    let load = |id: &String| load_encoder(settings, models, gate.clone(), id);
    let more = embedding.more_models.iter().map(load).collect::<Result<_, _>>()?;
    let reranker = load_reranker(settings, models, gate.clone())?;
    Ok(Encoders::new(load(&embedding.model)?, more).with_reranker(reranker))
}

/// The cross-encoder, where one is set.
fn load_reranker(
    settings: &Settings,
    models: &ModelsDir,
    gate: ComputeGate,
) -> anyhow::Result<Option<Reranker>> {
    let id = &settings.rerank.model;
    if id.is_empty() {
        return Ok(None);
    }
    let model = installed(models, id, Task::Rerank)?;
    let files = EncoderFiles::discover(&model.dir)?;
    let limit = model.profile(Catalog::embedded()).and_then(|profile| profile.max_tokens);
    let codec = Arc::new(EncoderCodec::load_cross_encoder(&files, limit)?);
    let load = move || {
        let backend = CpuEmbedBackend::load_cross_encoder(&files, model.id, limit)?;
        Ok(Box::new(backend) as Box<dyn EmbedBackend>)
    };
    let started = Instant::now();
    let engine = EmbedEngine::start(load, codec, embed_config(settings), gate)
        .with_context(|| not_loaded(id))?;
    tracing::info!(model = id, elapsed_ms = started.elapsed().as_millis(), "reranker loaded");
    Ok(Some(Reranker::new(engine)?))
}

fn embed_config(settings: &Settings) -> EmbedConfig {
    EmbedConfig {
        max_queue_inputs: settings.embedding.max_queue_inputs,
        max_batch_tokens: settings.embedding.max_batch_tokens,
    }
}

fn load_encoder(
    settings: &Settings,
    models: &ModelsDir,
    gate: ComputeGate,
    id: &str,
) -> anyhow::Result<EmbedEngine> {
    let model = installed(models, id, Task::Embedding)?;
    let files = EncoderFiles::discover(&model.dir)?;
    let profile = match model.profile(Catalog::embedded()) {
        Some(profile) => profile,
        None => files.declared_profile()?.with_context(|| {
            tr(
                format!(
                    "l'encodeur « {id} » ne dit pas comment il agrège ; importez-le sous son \
                     identifiant du catalogue"
                ),
                format!(
                    "the encoder '{id}' does not say how it pools; import it with its catalogue id"
                ),
            )
        })?,
    };
    let codec = Arc::new(EncoderCodec::load(&files, &profile)?);
    let own = Arc::clone(&codec);
    let load = move || {
        let backend = CpuEmbedBackend::load(&files, model.id, &profile, &own)?;
        Ok(Box::new(backend) as Box<dyn EmbedBackend>)
    };
    let started = Instant::now();
    let engine = EmbedEngine::start(load, codec, embed_config(settings), gate)
        .with_context(|| not_loaded(id))?;
    tracing::info!(model = id, elapsed_ms = started.elapsed().as_millis(), "encoder loaded");
    Ok(engine)
}

/// The generators: the default one is pinned, the others come and go. Those that are not installed
/// are refused here, not at their first request.
fn text_models(
    settings: &Settings,
    models: &ModelsDir,
    gate: &ComputeGate,
) -> anyhow::Result<TextModels> {
    let text = &settings.text;
    let mut sources = Vec::new();
    let ids = [&text.model].into_iter().chain(&text.more_models);
    for id in ids.filter(|id| !id.is_empty()) {
        let pinned = *id == text.model;
        let model = installed(models, id, Task::Text)?;
        let load = loader(settings, model, gate.clone());
        sources.push(ModelSource { id: id.as_str().into(), pinned, load });
    }
    let limits = ModelLimits {
        memory_bytes: Some(text.memory_mib.saturating_mul(1 << 20)).filter(|bytes| *bytes > 0),
        keep_alive: Some(Duration::from_secs(text.keep_alive_seconds))
            .filter(|time| !time.is_zero()),
    };
    Ok(TextModels::new(sources, limits))
}

/// How a generator is loaded, now or later.
fn loader(settings: &Settings, model: InstalledModel, gate: ComputeGate) -> LoadModel {
    let text = &settings.text;
    let config = EngineConfig {
        max_queue: text.max_queue,
        max_sequences: text.max_sequences,
        prefill_chunk_tokens: text.prefill_chunk_tokens,
        max_token_gap: Duration::from_millis(text.max_token_gap_ms),
        max_draft_tokens: text.max_draft_tokens,
        share_prefixes: text.share_prefixes,
        default_max_tokens: None,
        request_timeout: Duration::from_secs(settings.server.request_timeout_seconds),
    };
    let options = LoadOptions {
        context_tokens: Some(text.context_tokens).filter(|tokens| *tokens > 0),
        kv_type: match text.kv_type {
            KvCacheType::F32 => KvType::F32,
            KvCacheType::F16 => KvType::F16,
            KvCacheType::Q8_0 => KvType::Q8_0,
        },
        kv_bytes: Some(text.kv_cache_mib.saturating_mul(1 << 20)),
        max_batch_tokens: u32::try_from(config.largest_batch_tokens()).unwrap_or(u32::MAX),
        max_batch_logits: u32::try_from(config.largest_batch_logits()).unwrap_or(u32::MAX),
        ..LoadOptions::default()
    };
    Arc::new(move |memory_bytes| {
        let started = Instant::now();
        let files = ModelFiles::discover(&model.dir).map_err(BackendError::from)?;
        let codec = Arc::new(ModelCodec::load(&files).map_err(BackendError::from)?);
        let options = LoadOptions { memory_bytes, ..options.clone() };
        let id = model.id.clone();
        let load = move || {
            let backend = CandleTextBackend::load(&files, id, &options)?;
            Ok(Box::new(backend) as Box<dyn TextBackend>)
        };
        let engine = TextEngine::start(load, codec, config.clone(), gate.clone())?;
        let elapsed_ms = started.elapsed().as_millis();
        tracing::info!(model = %model.id, elapsed_ms, "generator loaded");
        Ok(engine)
    })
}

/// What runs the jobs: those of the knowledge bases, of the life of data, and of tickets.
pub(super) fn runner(settings: &Settings, parts: &Parts) -> Runner {
    let config = RunnerConfig {
        concurrency: settings.jobs.concurrency,
        // The lock of the data directory keeps every other server out.
        is_alone: true,
        ..RunnerConfig::default()
    };
    let runner = Runner::new(parts.ledger.clone(), config);
    let kinds = parts.knowledge.job_kinds().into_iter();
    let kinds = kinds.chain(parts.data_life.job_kinds()).chain(parts.triage.job_kinds());
    let kinds = kinds.chain(parts.pilots.job_kinds());
    kinds.fold(runner, Runner::with_kind).with_schedule(parts.data_life.schedule())
}

/// A folder of the settings as the knowledge bases know it.
pub(super) fn folder(folder: settings::Folder) -> Folder {
    let settings::Folder { path, knowledge_base, source, labels, metadata } = folder;
    Folder { path, source, knowledge_base: knowledge_base.as_str().into(), labels, metadata }
}

fn knowledge_config(settings: &Settings) -> KnowledgeConfig {
    let ocr = reading::ocr(settings);
    reading::log_missing(settings, ocr.as_ref());
    KnowledgeConfig {
        chunks: ChunkConfig {
            target_tokens: settings.knowledge.chunk_target_tokens,
            max_tokens: settings.knowledge.chunk_max_tokens,
            overlap_tokens: 0,
        },
        extract: ExtractConfig {
            limits: ExtractLimits {
                max_bytes: settings.server.max_upload_bytes,
                // The process that reads has the lowest priority: beside a busy chat a second of
                // work takes a minute. Its own limits hold it.
                max_duration: WorkerLimits::default().max_wall,
                ..ExtractLimits::default()
            },
            ocr,
        },
        passages: settings.knowledge.passages,
        rerank_candidates: settings.rerank.candidates,
        answer_tokens: settings.knowledge.answer_tokens,
        unanswered_kept: Some(settings.knowledge.unanswered_days)
            .filter(|days| *days > 0)
            .map(|days| Duration::from_secs(u64::from(days) * 24 * 3600)),
        min_free_bytes: settings.server.min_free_mib.saturating_mul(1 << 20),
        max_depth: MAX_DEPTH,
    }
}
