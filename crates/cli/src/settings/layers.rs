//! Lays settings over each other, key by key.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml::{Table, Value};

use crate::args::Common;
use crate::language::{self, tr};

/// The defaults, which are also the list of known keys.
const DEFAULTS: &str = r#"
data_dir = ""
models_dir = ""

[server]
listen = "127.0.0.1:8484"
max_body_bytes = 10485760
max_upload_bytes = 104857600
request_timeout_seconds = 600
drain_seconds = 30
max_connections = 4096
max_connections_per_address = 1024
min_free_mib = 512
cors_origins = []
allowed_hosts = []
trusted_proxies = []
compression = true

[text]
model = "qwen2.5-coder-1.5b-instruct-q4_k_m"
context_tokens = 8192
more_models = []
keep_alive_seconds = 600
max_sequences = 8
max_queue = 64
prefill_chunk_tokens = 256
max_token_gap_ms = 500
max_draft_tokens = 8
share_prefixes = true
kv_cache_mib = 2048
kv_type = "f16"
memory_mib = 0

[embedding]
model = "multilingual-e5-small"
more_models = []
max_queue_inputs = 8192
max_batch_tokens = 512

[rerank]
model = ""
candidates = 20

[knowledge]
chunk_target_tokens = 220
chunk_max_tokens = 400
passages = 6
answer_tokens = 300
ocr = "auto"
ocr_languages = "fra+eng"
folders = []
folder_interval_seconds = 30
unanswered_days = 90

[audit]
level = "metadata"
public_key = ""
strict = false
days = 365
content_days = 30

[limits]
requests_per_minute = 0
tokens_per_minute = 0
concurrent_requests = 0
monthly_tokens = 0

[sessions]
idle_minutes = 480
days = 7

[usage]
currency = "EUR"
input_per_million = 0.0
output_per_million = 0.0
compute_hour = 0.0
outside = []
days = 1095
[egress]
allow = []
allow_public = false
ca_file = ""

[webhooks]
retry_after = ["10s", "1m", "5m", "30m", "2h", "6h", "12h", "24h"]
keep_days = 30

[smtp]
host = ""
port = 0
security = "starttls"
user = ""
password_file = ""
from = ""
timeout_seconds = 30
recipients = []

[retention]
schedule = "30 3 * * *"
dry_run = false
keys_days = 0
erasures_days = 1825
documents = []

[jobs]
concurrency = 2
keep_days = 90

[reviews]
claim_minutes = 15
days = 1095

[triage]
days = 1095

[pilots]
days = 1095

[compute]
threads = 0

[log]
level = "info"
format = "auto"
slow_request_ms = 10000
"#;

const PREFIX: &str = "INTRAMUROS_";

/// Variables with the prefix that are not settings.
const OTHER_VARIABLES: &[&str] =
    &["INTRAMUROS_CONFIG", "INTRAMUROS_URL", "INTRAMUROS_API_KEY", language::VARIABLE];

/// The default settings.
pub(super) fn defaults() -> Table {
    let mut table: Table = DEFAULTS.parse().expect("the defaults are valid TOML");
    table.insert("data_dir".into(), Value::String(default_data_dir()));
    table
}

fn default_data_dir() -> String {
    let base = std::env::var("XDG_DATA_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.local/share")))
        .unwrap_or_else(|_| "/var/lib".into());
    format!("{base}/intramuros")
}

/// The file to read: the one named, or the first that exists of the usual two.
pub(super) fn file_path(common: &Common) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = &common.config {
        if !path.is_file() {
            let path = path.display();
            bail!(tr(
                format!("le fichier de réglages {path} n'existe pas"),
                format!("the settings file {path} does not exist"),
            ));
        }
        return Ok(Some(path.clone()));
    }
    let usual = ["intramuros.toml", "/etc/intramuros/intramuros.toml"];
    Ok(usual.iter().map(Path::new).find(|path| path.is_file()).map(Path::to_path_buf))
}

/// Lays the settings of a file over `table`.
pub(super) fn apply_file(table: &mut Table, text: &str) -> anyhow::Result<()> {
    let file: Table =
        text.parse().context(tr("ce n'est pas du TOML valide", "this is not valid TOML"))?;
    for (key, value) in file {
        let Value::Table(section) = value else {
            set(table, &key, value)?;
            continue;
        };
        if !matches!(table.get(&key), Some(Value::Table(_))) {
            return Err(unknown(table, &key));
        }
        for (name, value) in section {
            set(table, &format!("{key}.{name}"), value)?;
        }
    }
    Ok(())
}

/// Lays `INTRAMUROS_…` variables over `table`.
pub(super) fn apply_environment(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<()> {
    let known: Vec<(String, String)> =
        keys(table).into_iter().map(|key| (variable_of(&key), key)).collect();
    for (variable, text) in variables {
        if !variable.starts_with(PREFIX) || OTHER_VARIABLES.contains(&variable.as_str()) {
            continue;
        }
        let Some((_, key)) = known.iter().find(|(name, _)| *name == variable) else {
            let names = known.iter().map(|(name, _)| name.as_str());
            let hint = nearest(&variable, names);
            bail!(tr(
                format!("variable d'environnement inconnue {variable}{hint}"),
                format!("unknown environment variable {variable}{hint}"),
            ));
        };
        set_text(table, key, &text).with_context(|| format!("{} {variable}", tr("dans", "in")))?;
    }
    Ok(())
}

/// Lays `key=value` over `table`.
pub(super) fn apply_assignment(table: &mut Table, assignment: &str) -> anyhow::Result<()> {
    let (key, text) = assignment.split_once('=').with_context(|| {
        tr(
            format!("« {assignment} » n'est pas de la forme clé=valeur"),
            format!("'{assignment}' is not of the form key=value"),
        )
    })?;
    set_text(table, key.trim(), text.trim())
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

/// Every known key, dotted.
fn keys(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        if let Value::Table(section) = value {
            keys.extend(section.keys().map(|name| format!("{key}.{name}")));
        } else {
            keys.push(key.clone());
        }
    }
    keys
}

/// Sets `key` from text, read as the type that the default has.
fn set_text(table: &mut Table, key: &str, text: &str) -> anyhow::Result<()> {
    let Some(default) = slot(table, key) else { return Err(unknown(table, key)) };
    let value = if default.is_integer() {
        let number = text.parse();
        Value::Integer(number.with_context(|| {
            tr(
                format!("{key} : « {text} » n'est pas un nombre entier"),
                format!("{key}: '{text}' is not a whole number"),
            )
        })?)
    } else if default.is_float() {
        let number = text.parse();
        Value::Float(number.with_context(|| {
            tr(
                format!("{key} : « {text} » n'est pas un nombre"),
                format!("{key}: '{text}' is not a number"),
            )
        })?)
    } else if default.is_bool() {
        let flag = text.parse();
        Value::Boolean(flag.with_context(|| {
            tr(
                format!("{key} : « {text} » n'est ni true ni false"),
                format!("{key}: '{text}' is neither true nor false"),
            )
        })?)
    } else if default.is_array() {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        Value::Array(items.map(Value::from).collect())
    } else {
        Value::String(text.to_string())
    };
    set(table, key, value)
}

fn set(table: &mut Table, key: &str, value: Value) -> anyhow::Result<()> {
    let Some(place) = slot(table, key) else { return Err(unknown(table, key)) };
    // `2` is a price as good as `2.0`.
    let value = match (&*place, value) {
        (Value::Float(_), Value::Integer(whole)) => Value::Float(whole as f64),
        (_, value) => value,
    };
    if !place.same_type(&value) {
        let (wanted, found) = (place.type_str(), value.type_str());
        bail!(tr(
            format!("{key} doit être de type {wanted}, il est de type {found}"),
            format!("{key} must be of type {wanted}, it is {found}"),
        ));
    }
    *place = value;
    Ok(())
}

fn slot<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key).filter(|value| !value.is_table()),
        Some((section, name)) => table.get_mut(section)?.as_table_mut()?.get_mut(name),
    }
}

fn unknown(table: &Table, key: &str) -> anyhow::Error {
    let keys = keys(table);
    let hint = nearest(key, keys.iter().map(String::as_str));
    anyhow::anyhow!(tr(
        format!("réglage inconnu « {key} »{hint}"),
        format!("unknown setting '{key}'{hint}"),
    ))
}

/// ` (did you mean 'x'?)` for the known name most like `name`.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let scored = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, candidate)) if score > 0.75 => tr(
            format!(" (vouliez-vous dire « {candidate} » ?)"),
            format!(" (did you mean '{candidate}'?)"),
        ),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
