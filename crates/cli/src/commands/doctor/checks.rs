//! The checks, an area each.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use intramuros_catalog::{Catalog, ModelsDir, Task};
use intramuros_ledger::{DocumentCounts, KnowledgeBase, Ledger, LedgerError};

use intramuros_types::Access;

use super::{Area, Finding};
use crate::args::Common;
use crate::language::tr;
use crate::settings::Settings;
use crate::{client, machine, output};

const GIB: u64 = 1 << 30;

/// Processor and memory.
pub(super) fn machine() -> Vec<Finding> {
    vec![processor(), memory()]
}

fn processor() -> Finding {
    let simd = machine::simd();
    if simd.contains(&"avx2") || simd.contains(&"neon") {
        let with = tr("processeur avec", "processor with");
        return Finding::good(Area::Machine, format!("{with} {}", simd.join(", ")));
    }
    Finding::warning(
        Area::Machine,
        tr(
            "le processeur n'a pas AVX2 ; les réponses seront très lentes",
            "the processor has no AVX2; answers will be very slow",
        ),
        tr("prenez une machine de 2013 ou plus récente", "use a machine from 2013 or later"),
    )
}

fn memory() -> Finding {
    let machine = machine::measure();
    let total = output::bytes(machine.memory_total_bytes);
    let available = output::bytes(machine.memory_available_bytes);
    let cores = machine.physical_cores;
    let what = tr(
        format!("{total} de mémoire, {available} disponibles, {cores} cœurs physiques"),
        format!("{total} of memory, {available} available, {cores} physical cores"),
    );
    if machine.memory_available_bytes >= 2 * GIB {
        return Finding::good(Area::Machine, what);
    }
    let remedy = tr(
        "libérez de la mémoire, ou choisissez un modèle plus petit (« intramuros models recommend »)",
        "free memory, or choose a smaller model ('intramuros models recommend')",
    );
    Finding::warning(Area::Machine, what, remedy)
}

/// The address: a server of ours answers, something else does, or nothing.
pub(super) fn server(common: &Common, settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let address = settings.server.listen;
    let mut findings = vec![running(&client::server_url(common)?, address)];
    if !address.ip().is_loopback() {
        let what = tr(
            format!("server.listen vaut {address} : d'autres machines s'y connectent, en clair"),
            format!("server.listen is {address}: other machines can connect, without encryption"),
        );
        let remedy = tr(
            "gardez 127.0.0.1 derrière un mandataire TLS, sauf sur un réseau de confiance",
            "keep 127.0.0.1 and put a TLS proxy in front, unless the network is trusted",
        );
        findings.push(Finding::warning(Area::Server, what, remedy));
    }
    Ok(findings)
}

fn running(url: &str, address: std::net::SocketAddr) -> Finding {
    match client::readiness(url) {
        Some((200, _)) => Finding::good(
            Area::Server,
            tr(format!("{url} répond et est prêt"), format!("{url} answers and is ready")),
        ),
        Some((_, body)) => {
            let reason = body["reason"].as_str().unwrap_or("-");
            Finding::warning(
                Area::Server,
                tr(
                    format!("{url} n'est pas prêt : {reason}"),
                    format!("{url} is not ready: {reason}"),
                ),
                tr(
                    "attendez, ou lisez son journal (« journalctl -u intramuros »)",
                    "wait, or read its log ('journalctl -u intramuros')",
                ),
            )
        }
        None => match std::net::TcpListener::bind(address) {
            Ok(_) => Finding::good(
                Area::Server,
                tr(
                    format!("à l'arrêt ; {address} est libre"),
                    format!("not running; {address} is free"),
                ),
            ),
            Err(error) => Finding::bad(
                Area::Server,
                tr(
                    format!("{address} ne peut pas être écouté : {error}"),
                    format!("{address} cannot be listened on: {error}"),
                ),
                tr(
                    "arrêtez ce qui l'occupe, ou changez server.listen",
                    "stop what uses it, or set server.listen",
                ),
            ),
        },
    }
}

/// The configured models, and whatever else lies in the models directory.
pub(super) fn models(settings: &Settings) -> Vec<Finding> {
    let models = ModelsDir::new(&settings.models_dir);
    let mut findings =
        vec![model(&models, "embedding.model", &settings.embedding.model, Task::Embedding)];
    if settings.text.model.is_empty() {
        let what = tr(
            "text.model est vide : la recherche marche, les réponses non",
            "text.model is empty: search works, answers do not",
        );
        let remedy = tr("choisissez text.model", "set text.model");
        findings.push(Finding::warning(Area::Models, what, remedy));
    } else {
        findings.push(model(&models, "text.model", &settings.text.model, Task::Text));
    }
    for id in &settings.embedding.more_models {
        findings.push(model(&models, "embedding.more_models", id, Task::Embedding));
    }
    if !settings.rerank.model.is_empty() {
        findings.push(model(&models, "rerank.model", &settings.rerank.model, Task::Rerank));
    }
    for id in &settings.text.more_models {
        findings.push(model(&models, "text.more_models", id, Task::Text));
    }
    match models.problems() {
        Ok(problems) => findings.extend(problems.into_iter().map(|(id, error)| {
            let remedy = refetch(id.as_str());
            Finding::warning(Area::Models, format!("{id}: {error}"), remedy)
        })),
        Err(error) => {
            let remedy = tr("vérifiez models_dir", "check models_dir");
            findings.push(Finding::bad(Area::Models, error.to_string(), remedy));
        }
    }
    findings
}

fn refetch(id: &str) -> String {
    tr(
        format!("supprimez-le (« intramuros models rm {id} ») et téléchargez-le de nouveau"),
        format!("remove it with 'intramuros models rm {id}' and fetch it again"),
    )
}

fn model(models: &ModelsDir, setting: &str, id: &str, task: Task) -> Finding {
    let installed = match models.get(id) {
        Ok(installed) => installed,
        Err(error) => {
            let remedy = tr(
                format!(
                    "téléchargez-le (« intramuros models pull {id} »), ou donnez à {setting} l'un \
                     de ceux de « intramuros models list --installed »"
                ),
                format!(
                    "fetch it with 'intramuros models pull {id}', or set {setting} to one of \
                     'intramuros models list --installed'"
                ),
            );
            return Finding::bad(Area::Models, format!("{setting} = {id}: {error}"), remedy);
        }
    };
    if let Some(other) = installed.task(Catalog::embedded()).filter(|found| *found != task) {
        let (other, task) = (other.as_str(), task.as_str());
        return Finding::bad(
            Area::Models,
            tr(
                format!("{setting} = {id} sert à « {other} », pas à « {task} »"),
                format!("{setting} = {id} is for {other}, not for {task}"),
            ),
            tr(
                format!("choisissez un autre modèle pour {setting}"),
                format!("set {setting} to another model"),
            ),
        );
    }
    for file in &installed.manifest.files {
        let found = std::fs::metadata(installed.dir.join(&file.path)).map(|data| data.len());
        if !matches!(found, Ok(bytes) if bytes == file.bytes) {
            let path = &file.path;
            let what = tr(
                format!("{id} : {path} manque ou n'a pas la bonne taille"),
                format!("{id}: {path} is missing or has the wrong size"),
            );
            return Finding::bad(Area::Models, what, refetch(id));
        }
    }
    if let Err(error) = readable(&installed.dir, task) {
        return Finding::bad(Area::Models, format!("{id}: {error:#}"), refetch(id));
    }
    let size = output::bytes(installed.manifest.total_bytes());
    Finding::good(
        Area::Models,
        tr(
            format!("{setting} = {id} ({size}) ; « models verify » contrôle ses empreintes"),
            format!("{setting} = {id} ({size}); 'models verify' checks its digests"),
        ),
    )
}

/// Whether the headers of a model's files make sense; weights are not loaded.
fn readable(dir: &Path, task: Task) -> anyhow::Result<()> {
    match task {
        Task::Text => crate::commands::models::check_text_model(dir),
        Task::Embedding | Task::Rerank => {
            Ok(intramuros_embed::EncoderFiles::discover(dir).map(|_| ())?)
        }
    }
}

/// The data directory and the ledger in it.
pub(super) fn data(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let dir = &settings.data_dir;
    let mut findings = vec![disk(dir)];
    findings.extend(access(dir));
    let path = dir.join("ledger.sqlite");
    if !path.is_file() {
        let path = path.display();
        let what = tr(
            format!("{path} n'existe pas encore ; le premier démarrage le crée"),
            format!("{path} does not exist yet; the first start creates it"),
        );
        findings.push(Finding::good(Area::Data, what));
        return Ok(findings);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    findings.extend(runtime.block_on(ledger(dir, &path)));
    Ok(findings)
}

fn disk(dir: &Path) -> Finding {
    let shown = dir.display();
    let Some(free_bytes) = machine::free_disk_bytes(dir) else {
        return Finding::warning(
            Area::Data,
            tr(
                format!("la place libre de {shown} est inconnue"),
                format!("the free space of {shown} is unknown"),
            ),
            tr("voyez « df »", "check it with 'df'"),
        );
    };
    let free = output::bytes(free_bytes);
    let what = tr(format!("{shown} a {free} libres"), format!("{shown} has {free} free"));
    if free_bytes >= GIB {
        return Finding::good(Area::Data, what);
    }
    let remedy = tr(
        "faites de la place, ou mettez data_dir sur un disque plus grand",
        "make room, or set data_dir to a larger disk",
    );
    Finding::bad(Area::Data, what, remedy)
}

/// Whether the data directory can be made or written, and who else can read it.
fn access(dir: &Path) -> Option<Finding> {
    let nearest = dir.ancestors().find(|ancestor| ancestor.is_dir())?;
    let probe = nearest.join(format!(".intramuros-doctor-{}", std::process::id()));
    let written = std::fs::create_dir(&probe).and_then(|()| std::fs::remove_dir(&probe));
    let shown = dir.display();
    if let Err(error) = written {
        let nearest = nearest.display();
        let what = tr(
            format!("{shown} : rien ne peut être écrit dans {nearest} ({error})"),
            format!("{shown}: nothing can be written in {nearest} ({error})"),
        );
        let remedy = tr(
            "lancez la commande sous l'utilisateur du service, ou changez data_dir",
            "run this as the service's user, or set data_dir",
        );
        return Some(Finding::bad(Area::Data, what, remedy));
    }
    let mode = std::fs::metadata(dir).ok()?.permissions().mode();
    if mode & 0o007 == 0 {
        return None;
    }
    let what = tr(
        format!("{shown} est lisible par tous les utilisateurs de la machine"),
        format!("{shown} can be read by every user of this machine"),
    );
    Some(Finding::warning(Area::Data, what, format!("chmod o-rwx {shown}")))
}

async fn ledger(dir: &Path, path: &Path) -> Vec<Finding> {
    let ledger = match Ledger::open_existing(path).await {
        Ok(ledger) => ledger,
        Err(error @ LedgerError::Older { .. }) => {
            let remedy = tr(
                "démarrez le serveur, qui en fait une copie puis le met à jour",
                "start the server, which copies it and then brings it up to date",
            );
            return vec![Finding::warning(Area::Data, error.to_string(), remedy)];
        }
        Err(error) => {
            let remedy = tr(
                "restaurez une sauvegarde, ou écartez le fichier pour repartir de rien",
                "restore a backup, or move the file away to start afresh",
            );
            return vec![Finding::bad(Area::Data, error.to_string(), remedy)];
        }
    };
    let mut findings = vec![match ledger.check().await {
        Ok(()) => Finding::good(Area::Data, tr("la base SQL est saine", "the ledger is sound")),
        Err(error) => Finding::bad(
            Area::Data,
            error.to_string(),
            tr("restaurez une sauvegarde", "restore a backup"),
        ),
    }];
    findings.extend(keys(&ledger).await);
    let bases = ledger.list_knowledge_bases().await.unwrap_or_default();
    for base in &bases {
        let counts =
            ledger.count_documents(&base.id, &Access::EVERYTHING).await.unwrap_or_default();
        findings.push(knowledge_base(base, counts));
    }
    ledger.close().await;
    findings.extend(super::contents::findings(dir).await);
    findings
}

async fn keys(ledger: &Ledger) -> Option<Finding> {
    let keys = ledger.list_keys().await.ok()?;
    let active = keys.iter().filter(|key| key.revoked.is_none()).count();
    if active > 0 {
        let what = tr(format!("{active} clés d'API"), format!("{active} API keys"));
        return Some(Finding::good(Area::Data, what));
    }
    Some(Finding::warning(
        Area::Data,
        tr(
            "aucune clé d'API ; personne ne peut se servir du serveur",
            "there is no API key; nobody can use the server",
        ),
        tr(
            "créez-en une : « intramuros keys create --name moi »",
            "make one with 'intramuros keys create --name me'",
        ),
    ))
}

fn knowledge_base(base: &KnowledgeBase, counts: DocumentCounts) -> Finding {
    let id = &base.id;
    let (ready, failed) = (counts.ready, counts.failed);
    let waiting = counts.pending + counts.indexing;
    let what = tr(
        format!("base « {id} » : {ready} documents prêts, {waiting} en attente, {failed} en échec"),
        format!(
            "knowledge base '{id}': {ready} documents ready, {waiting} waiting, {failed} failed"
        ),
    );
    if failed == 0 {
        return Finding::good(Area::Data, what);
    }
    let remedy = tr(
        format!("« intramuros kb documents {id} » dit pourquoi"),
        format!("'intramuros kb documents {id}' says why"),
    );
    Finding::warning(Area::Data, what, remedy)
}
