//! Reads what the parts of the server know of themselves, at one moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intramuros_engine::{Distributions, EmbedModelInfo, Encoders, EngineStatus, ModelState};
use intramuros_knowledge::{DiskSpace, Figures};
use intramuros_ledger::{DocumentCounts, JobCount, Ledger, LedgerError, LedgerSize, OutboxCounts};
use intramuros_types::{AssistantId, KnowledgeBaseId, ModelId, TriagePolicyId};
use tokio::sync::Mutex;

use super::process::Process;
use crate::readiness::{self, Check};
use crate::state::AppState;

/// How long counts of the ledger are good for: they are the only figures that cost a query.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Knowledge bases, assistants and policies that are told apart; the first ones by id.
const MAX_TOLD_APART: u32 = 200;

/// What the ledger counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Documents of each knowledge base.
    pub(super) documents: Vec<(KnowledgeBaseId, DocumentCounts)>,
    pub(super) jobs: Vec<JobCount>,
    pub(super) outbox: OutboxCounts,
    /// Conversations with each assistant that wait for a person.
    pub(super) conversations: Vec<(AssistantId, u64)>,
    /// Of each policy the tickets that wait for a dispatcher, and the alerts that are open.
    pub(super) tickets: Vec<(TriagePolicyId, u64, u64)>,
}

/// What the server knew at one moment.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) checks: Vec<Check>,
    pub(super) running: usize,
    pub(super) connections: usize,
    pub(super) connections_limit: usize,
    pub(super) refused_connections: u64,
    pub(super) generators: Vec<ModelState>,
    pub(super) generator_distributions: Vec<(ModelId, Distributions)>,
    /// What the generators may take together, where that is bounded.
    pub(super) generator_bytes_limit: Option<u64>,
    pub(super) encoders: Vec<Encoder>,
    pub(super) knowledge: Figures,
    pub(super) counts: Arc<Counts>,
    pub(super) ledger: LedgerSize,
    pub(super) disk: Option<DiskSpace>,
    pub(super) min_free_bytes: u64,
    pub(super) process: Process,
}

/// An encoder or the cross-encoder.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) info: EmbedModelInfo,
    pub(super) status: EngineStatus,
    pub(super) distributions: Distributions,
}

impl Sample {
    pub(super) async fn take(state: &AppState) -> Self {
        let connections = state.metrics.connections();
        let ledger = state.ledger.clone();
        let on_disk = tokio::task::spawn_blocking(move || (ledger.size(), Process::read()));
        let (checks, counts, disk, on_disk) = tokio::join!(
            readiness::checks(state),
            state.metrics.shared.counted.read(&state.ledger),
            state.knowledge.disk_space(),
            on_disk,
        );
        let (ledger, process) = on_disk.unwrap_or_default();
        Self {
            checks,
            running: state.running.count(),
            connections: connections.open(),
            connections_limit: state.limits.max_connections,
            refused_connections: connections.refused(),
            generators: state.text.states(),
            generator_distributions: state.text.distributions(),
            generator_bytes_limit: state.text.limits().memory_bytes,
            encoders: encoders(&state.encoders),
            knowledge: state.knowledge.figures(),
            counts,
            ledger,
            disk: disk.ok(),
            min_free_bytes: state.limits.min_free_bytes,
            process,
        }
    }
}

fn encoders(encoders: &Encoders) -> Vec<Encoder> {
    let all = encoders.all().iter().map(|encoder| Encoder {
        info: encoder.info().clone(),
        status: encoder.status(),
        distributions: encoder.distributions(),
    });
    let reranker = encoders.reranker().map(|reranker| Encoder {
        info: reranker.info().clone(),
        status: reranker.status(),
        distributions: reranker.distributions(),
    });
    all.chain(reranker).collect()
}

/// The counts of the ledger, read again when they are old.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Held during the queries, so that one look does for all who ask meanwhile.
    known: Mutex<Option<(Instant, Arc<Counts>)>>,
}

impl Counted {
    async fn read(&self, ledger: &Ledger) -> Arc<Counts> {
        let mut known = self.known.lock().await;
        if let Some((when, counts)) = &*known
            && when.elapsed() < REMEMBERED
        {
            return Arc::clone(counts);
        }
        match count(ledger).await {
            Ok(counts) => {
                let counts = Arc::new(counts);
                *known = Some((Instant::now(), Arc::clone(&counts)));
                counts
            }
            Err(error) => {
                tracing::warn!(%error, "the ledger could not be counted for the metrics");
                Arc::default()
            }
        }
    }
}

async fn count(ledger: &Ledger) -> Result<Counts, LedgerError> {
    let mut documents = ledger.count_all_documents().await?;
    documents.truncate(MAX_TOLD_APART as usize);
    let (jobs, outbox) = (ledger.count_jobs().await?, ledger.count_outbox().await?);
    let conversations = ledger.count_waiting_conversations(MAX_TOLD_APART).await?;
    let tickets = ledger.count_waiting_tickets(MAX_TOLD_APART).await?;
    Ok(Counts { documents, jobs, outbox, conversations, tickets })
}
