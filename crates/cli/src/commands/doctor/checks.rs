//! The checks, an area each.

use std::path::Path;

use intramuros_catalog::{Catalog, ModelsDir, Task};
use intramuros_ledger::Ledger;

use super::Finding;
use crate::args::Common;
use crate::settings::Settings;
use crate::{client, machine, output};

const GIB: u64 = 1 << 30;

/// Processor and memory.
pub(super) fn machine() -> Vec<Finding> {
    let machine = machine::measure();
    let memory = format!(
        "{} of memory, {} available, {} physical cores",
        output::bytes(machine.memory_total_bytes),
        output::bytes(machine.memory_available_bytes),
        machine.physical_cores
    );
    let simd = machine::simd();
    let processor = if simd.contains(&"avx2") || simd.contains(&"neon") {
        Finding::good("machine", format!("processor with {}", simd.join(", ")))
    } else {
        let what = "the processor has no AVX2; answers will be very slow";
        Finding::warning("machine", what, "use a machine from 2013 or later")
    };
    let memory = if machine.memory_available_bytes < 2 * GIB {
        let remedy = "free memory, or choose a smaller model ('intramuros models recommend')";
        Finding::warning("machine", memory, remedy)
    } else {
        Finding::good("machine", memory)
    };
    vec![processor, memory]
}

/// The address: a server of ours answers, something else does, or nothing.
pub(super) fn server(common: &Common, settings: &Settings) -> Vec<Finding> {
    let address = settings.server.listen;
    let mut findings = Vec::new();
    findings.push(match client::readiness(&common.url) {
        Some((200, _)) => Finding::good("server", format!("{} answers and is ready", common.url)),
        Some((_, body)) => {
            let reason = body["reason"].as_str().unwrap_or("it gives no reason").to_string();
            let remedy = "wait, or read its log ('journalctl -u intramuros')";
            Finding::warning("server", format!("{} is not ready: {reason}", common.url), remedy)
        }
        None => match std::net::TcpListener::bind(address) {
            Ok(_) => Finding::good("server", format!("not running; {address} is free")),
            Err(error) => Finding::bad(
                "server",
                format!("{address} cannot be listened on: {error}"),
                "stop what uses it, or set server.listen",
            ),
        },
    });
    if !address.ip().is_loopback() {
        findings.push(Finding::warning(
            "server",
            format!("server.listen is {address}: other machines can connect, without encryption"),
            "keep 127.0.0.1 and put a TLS proxy in front, unless the network is trusted",
        ));
    }
    findings
}

/// The configured models, and whatever else lies in the models directory.
pub(super) fn models(settings: &Settings) -> Vec<Finding> {
    let models = ModelsDir::new(&settings.models_dir);
    let mut findings =
        vec![model(&models, "embedding.model", &settings.embedding.model, Task::Embedding)];
    if settings.text.model.is_empty() {
        let what = "text.model is empty: search works, answers do not";
        findings.push(Finding::warning("models", what, "set text.model"));
    } else {
        findings.push(model(&models, "text.model", &settings.text.model, Task::Text));
    }
    match models.problems() {
        Ok(problems) => findings.extend(problems.into_iter().map(|(id, error)| {
            let remedy = format!("remove it with 'intramuros models rm {id}' and fetch it again");
            Finding::warning("models", format!("{id}: {error}"), remedy)
        })),
        Err(error) => {
            findings.push(Finding::bad("models", error.to_string(), "check models_dir"));
        }
    }
    findings
}

fn model(models: &ModelsDir, setting: &str, id: &str, task: Task) -> Finding {
    let installed = match models.get(id) {
        Ok(installed) => installed,
        Err(error) => {
            let remedy = format!(
                "fetch it with 'intramuros models pull {id}', or set {setting} to one of \
                 'intramuros models list --installed'"
            );
            return Finding::bad("models", format!("{setting} = {id}: {error}"), remedy);
        }
    };
    if let Some(other) = installed.task(Catalog::embedded()).filter(|found| *found != task) {
        let what = format!("{setting} = {id} is for {}, not for {}", other.as_str(), task.as_str());
        return Finding::bad("models", what, format!("set {setting} to another model"));
    }
    for file in &installed.manifest.files {
        let found = std::fs::metadata(installed.dir.join(&file.path)).map(|data| data.len());
        if !matches!(found, Ok(bytes) if bytes == file.bytes) {
            let what = format!("{id}: {} is missing or has the wrong size", file.path);
            let remedy = format!("'intramuros models rm {id}', then fetch it again");
            return Finding::bad("models", what, remedy);
        }
    }
    let size = output::bytes(installed.manifest.total_bytes());
    Finding::good(
        "models",
        format!("{setting} = {id} ({size}); 'models verify' checks its digests"),
    )
}

/// The data directory and the ledger in it.
pub(super) fn data(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let dir = &settings.data_dir;
    let mut findings = vec![disk(dir)];
    let path = dir.join("ledger.sqlite");
    if !path.is_file() {
        let what = format!("{} does not exist yet; the first start creates it", path.display());
        findings.push(Finding::good("data", what));
        return Ok(findings);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    findings.extend(runtime.block_on(ledger(&path)));
    Ok(findings)
}

fn disk(dir: &Path) -> Finding {
    match machine::free_disk_bytes(dir) {
        Some(free) if free < GIB => Finding::bad(
            "data",
            format!("{} has {} free", dir.display(), output::bytes(free)),
            "make room, or set data_dir to a larger disk",
        ),
        Some(free) => {
            Finding::good("data", format!("{} has {} free", dir.display(), output::bytes(free)))
        }
        None => Finding::warning(
            "data",
            format!("the free space of {} is unknown", dir.display()),
            "check it with 'df'",
        ),
    }
}

async fn ledger(path: &Path) -> Vec<Finding> {
    let ledger = match Ledger::open(path).await {
        Ok(ledger) => ledger,
        Err(error) => {
            let remedy = "restore a backup, or move the file away to start afresh";
            return vec![Finding::bad("data", error.to_string(), remedy)];
        }
    };
    let mut findings = Vec::new();
    findings.push(match ledger.check().await {
        Ok(()) => Finding::good("data", "the ledger is sound"),
        Err(error) => Finding::bad("data", error.to_string(), "restore a backup"),
    });
    if let Ok(keys) = ledger.list_keys().await {
        let active = keys.iter().filter(|key| key.revoked.is_none()).count();
        findings.push(if active == 0 {
            let remedy = "make one with 'intramuros keys create --name me'";
            Finding::warning("data", "there is no API key; nobody can use the server", remedy)
        } else {
            Finding::good("data", format!("{active} API keys"))
        });
    }
    for base in ledger.list_knowledge_bases().await.unwrap_or_default() {
        let counts = base.documents;
        let what = format!(
            "knowledge base '{}': {} documents ready, {} waiting, {} failed",
            base.id,
            counts.ready,
            counts.pending + counts.indexing,
            counts.failed
        );
        findings.push(if counts.failed == 0 {
            Finding::good("data", what)
        } else {
            let remedy = format!("'intramuros kb documents {}' says why", base.id);
            Finding::warning("data", what, remedy)
        });
    }
    ledger.close().await;
    findings
}
