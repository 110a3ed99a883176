//! `intramuros serve`: loads the models, opens the data, serves until told to stop.
//!
//! Order matters: the port is bound and the data directory locked before the models load, so that
//! a mistake shows within a second; `/readyz` and systemd are told ready only after the models
//! have answered a warm-up.

mod background;
mod parts;
mod retention;
mod stop;
mod storage;
mod watchdog;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use intramuros_http::{
    Accounting, AllowedHost, AppState, AuditLevel, HttpLimits, HttpPolicy, Metrics, Network,
    Origin, Prices, Readiness, Running, Widgets,
};
use intramuros_ledger::{Journal, Sealer, SessionRules};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

pub(crate) use parts::lock_data_dir;

use background::Background;
use parts::Parts;

use crate::args::{Common, Serve};
use crate::language::tr;
use crate::settings::{self, Settings};
use crate::telemetry;

/// Longest time to receive a request's head; an idle connection is kept as long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest time to receive a JSON body, and longest silence during an upload.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// People who sign in at the same moment; two of their passwords are checked at a time.
const MAX_SIGN_INS: usize = 16;

pub(crate) fn run(common: &Common, command: &Serve) -> anyhow::Result<ExitCode> {
    let loaded = settings::load(common, &flags(command))?;
    let settings = loaded.settings;
    parts::set_compute_threads(settings.compute.threads)?;
    telemetry::start(&settings.log)?;
    if let Some(file) = &loaded.file {
        tracing::info!(file = %file.display(), "settings read");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context(tr("le moteur asynchrone n'a pas démarré", "the async runtime could not start"))?;
    runtime.block_on(serve(settings))?;
    // Blocking threads may hang in a third-party parser; they hold nothing that matters.
    runtime.shutdown_timeout(Duration::from_secs(2));
    Ok(ExitCode::SUCCESS)
}

fn flags(command: &Serve) -> Vec<String> {
    let mut flags = Vec::new();
    if let Some(listen) = &command.listen {
        flags.push(format!("server.listen={listen}"));
    }
    if let Some(dir) = &command.data_dir {
        flags.push(format!("data_dir={}", dir.display()));
    }
    if let Some(dir) = &command.models_dir {
        flags.push(format!("models_dir={}", dir.display()));
    }
    flags
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let address = settings.server.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        tr(
            format!("{address} ne peut pas être écouté (server.listen)"),
            format!("{address} cannot be listened on (server.listen)"),
        )
    })?;
    let _lock = parts::lock_data_dir(&settings.data_dir)?;
    let (readiness, running) = (Readiness::default(), Running::default());
    let parts = parts::load(&settings).await?;

    let (stop_sender, stop_receiver) = watch::channel(false);
    let background = Background::start(&settings, &parts, &readiness, &stop_receiver);
    let state = state(&settings, &parts, (readiness.clone(), running.clone()))?;
    let warm_up = tokio::spawn(warm_up(parts.clone(), readiness.clone()));
    let drain = Duration::from_secs(settings.server.drain_seconds);
    let stopping = stop::signalled((readiness, running), stop_sender, parts.clone(), drain);
    let bound = listener.local_addr().context("the bound address is unknown")?;
    tracing::info!(address = %bound, "listening");

    let server = intramuros_http::serve(listener, state, stopping.requested());
    tokio::select! {
        () = server => {}
        () = stopping.overdue() => tracing::warn!("connections were cut off when the drain ended"),
    }
    warm_up.abort();
    background.ended().await?;
    parts.journal.flush().await;
    parts.ledger.close().await;
    tracing::info!("stopped");
    Ok(())
}

fn state(
    settings: &Settings,
    parts: &Parts,
    (readiness, running): (Readiness, Running),
) -> anyhow::Result<AppState> {
    Ok(AppState {
        ledger: parts.ledger.clone(),
        text: parts.text.clone(),
        encoders: parts.encoders.clone(),
        knowledge: parts.knowledge.clone(),
        accounting: accounting(settings, parts.journal.clone())?,
        sessions: SessionRules {
            idle: Duration::from_secs(u64::from(settings.sessions.idle_minutes) * 60),
            longest: Duration::from_secs(u64::from(settings.sessions.days) * 24 * 3600),
        },
        sign_ins: Arc::new(Semaphore::new(MAX_SIGN_INS)),
        prices: Arc::new(Prices {
            currency: settings.usage.currency.clone(),
            own: settings.usage.own(),
            outside: settings.usage.outside.clone(),
        }),
        notify: parts.notify.clone(),
        review_claim: Duration::from_secs(u64::from(settings.reviews.claim_minutes) * 60),
        data_life: parts.data_life.clone(),
        triage: parts.triage.clone(),
        chat: parts.chat.clone(),
        widgets: Widgets::default(),
        pilots: parts.pilots.clone(),
        limits: Arc::new(limits(settings)),
        policy: Arc::new(policy(settings)),
        readiness,
        running,
        metrics: Metrics::default(),
        started_at: OffsetDateTime::now_utc().unix_timestamp(),
    })
}

fn accounting(settings: &Settings, journal: Journal) -> anyhow::Result<Accounting> {
    let audit = &settings.audit;
    let level = match audit.level {
        settings::AuditLevel::None => AuditLevel::None,
        settings::AuditLevel::Metadata => AuditLevel::Metadata,
        settings::AuditLevel::Content => AuditLevel::Content(Sealer::new(&audit.public_key)?),
    };
    Ok(Accounting::new(journal, level, settings.limits.into()).strict(audit.strict))
}

fn limits(settings: &Settings) -> HttpLimits {
    HttpLimits {
        max_body_bytes: settings.server.max_body_bytes,
        max_upload_bytes: settings.server.max_upload_bytes,
        min_free_bytes: settings.server.min_free_mib.saturating_mul(1 << 20),
        head_timeout: HEAD_TIMEOUT,
        body_timeout: BODY_TIMEOUT,
        request_timeout: Duration::from_secs(settings.server.request_timeout_seconds),
        max_connections: settings.server.max_connections,
        max_connections_per_address: Some(settings.server.max_connections_per_address)
            .filter(|most| *most > 0),
    }
}

/// The lists were checked with the settings.
fn policy(settings: &Settings) -> HttpPolicy {
    let server = &settings.server;
    HttpPolicy {
        cors_origins: server.cors_origins.iter().filter_map(|text| Origin::parse(text)).collect(),
        allowed_hosts: (server.allowed_hosts.iter())
            .filter_map(|text| AllowedHost::parse(text))
            .collect(),
        trusted_proxies: (server.trusted_proxies.iter())
            .filter_map(|text| Network::parse(text))
            .collect(),
        compress: server.compression,
        slow_request: Some(Duration::from_millis(settings.log.slow_request_ms))
            .filter(|time| !time.is_zero()),
    }
}

/// Lets both models answer once, then tells the world. A model that cannot answer leaves the
/// server alive and not ready, so that the reason can be read.
async fn warm_up(parts: Parts, readiness: Readiness) {
    let started = std::time::Instant::now();
    let outcome = async {
        parts.encoders.warm_up().await?;
        if let Some(model) = parts.text.default_model() {
            parts.text.get(model.as_str()).await?.warm_up().await?;
        }
        Ok::<_, intramuros_engine::EngineError>(())
    };
    match outcome.await {
        Ok(()) => {
            readiness.set_warm();
            watchdog::ready();
            tracing::info!(elapsed_ms = started.elapsed().as_millis(), "ready");
        }
        Err(error) => tracing::error!(%error, "the models did not answer the warm-up"),
    }
    watchdog::run(parts).await;
}
