//! Talks to a running server, as any HTTP client would.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::unversioned::multipart::{Form, Part};

use crate::args::Common;
use crate::language::tr;
use crate::settings;

/// A server and the key to it.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    key: String,
}

/// A status and its JSON body.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Client {
    /// The server and key of the command line.
    pub(crate) fn new(common: &Common) -> anyhow::Result<Self> {
        let key = common.key.clone().context(tr(
            "il faut une clé d'API : mettez-la dans INTRAMUROS_API_KEY (« intramuros keys create \
             --name moi » en crée une)",
            "an API key is needed: set INTRAMUROS_API_KEY ('intramuros keys create --name me' \
             makes one)",
        ))?;
        Ok(Self { agent: agent(), base: server_url(common)?, key })
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(self.address(path)).header("authorization", self.bearer());
        self.finish(request.call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.post(self.address(path)).header("authorization", self.bearer());
        self.finish(request.send_json(body))
    }

    /// What the server hands out as text.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        let request = self.agent.get(self.address(path)).header("authorization", self.bearer());
        let result = request.call();
        if !result.as_ref().is_ok_and(|response| response.status().is_success()) {
            let reply = self.reply(result)?;
            return Err(reply.error().into());
        }
        Ok(result?.body_mut().read_to_string()?)
    }

    /// Posts a file as it is.
    pub(crate) fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> anyhow::Result<Value> {
        let request = self.agent.post(self.address(path)).header("authorization", self.bearer());
        self.finish(request.content_type(content_type).send(bytes))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.put(self.address(path)).header("authorization", self.bearer());
        self.finish(request.send_json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.agent.patch(self.address(path)).header("authorization", self.bearer());
        self.finish(request.send_json(body))
    }

    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.delete(self.address(path)).header("authorization", self.bearer());
        self.finish(request.call())
    }

    /// Uploads a file with what is said about it, as names and values of form parts; the answer may
    /// be an error that concerns only this file.
    pub(crate) fn upload(
        &self,
        path: &str,
        file: &Path,
        details: &[(String, String)],
    ) -> anyhow::Result<Reply> {
        let part = Part::file(file).with_context(|| {
            let file = file.display();
            tr(format!("{file} ne peut pas être lu"), format!("{file} cannot be read"))
        })?;
        let form = details.iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
        let form = form.part("file", part);
        let request = self.agent.post(self.address(path)).header("authorization", self.bearer());
        self.reply(request.send(form))
    }

    /// Writes what the server hands out to a file; returns its bytes. `body`: posted; without one it
    /// is asked for. Half a file is none: it goes when the answer breaks off.
    pub(crate) fn download(
        &self,
        path: &str,
        body: Option<&Value>,
        out: &Path,
    ) -> anyhow::Result<u64> {
        let address = self.address(path);
        let bearer = self.bearer();
        let result = match body {
            Some(body) => self.agent.post(address).header("authorization", bearer).send_json(body),
            None => self.agent.get(address).header("authorization", bearer).call(),
        };
        if !result.as_ref().is_ok_and(|response| response.status().is_success()) {
            let reply = self.reply(result)?;
            return Err(reply.error().into());
        }
        let mut answer = result?.into_body().into_reader();
        let unwritable = || {
            let out = out.display();
            tr(format!("{out} ne peut pas être écrit"), format!("{out} cannot be written"))
        };
        // It holds data of people: for its owner only.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(out).with_context(unwritable)?;
        match std::io::copy(&mut answer, &mut file)
            .and_then(|bytes| file.sync_all().map(|()| bytes))
        {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                std::fs::remove_file(out).with_context(unwritable)?;
                Err(error).context(tr("l'export s'est interrompu", "the export broke off"))
            }
        }
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    fn reply(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Reply> {
        let mut response = result.with_context(|| {
            let base = &self.base;
            tr(
                format!("{base} ne répond pas ; « intramuros serve » y tourne-t-il (--url) ?"),
                format!("no answer from {base}; is 'intramuros serve' running there (--url)?"),
            )
        })?;
        let status = response.status().as_u16();
        let text = response
            .body_mut()
            .read_to_string()
            .context(tr("la réponse s'est interrompue", "the answer broke off"))?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).context(tr(
                "la réponse n'est pas du JSON ; --url est-il juste ?",
                "the answer is not JSON; is --url right?",
            ))?
        };
        Ok(Reply { status, body })
    }

    fn finish(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Value> {
        let reply = self.reply(result)?;
        if reply.status >= 400 {
            return Err(reply.error().into());
        }
        Ok(reply.body)
    }
}

/// An error that the server answered with.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// The stable name, as docs/api.md lists them.
    pub(crate) code: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Reply {
    /// An error reply as an error.
    pub(crate) fn error(&self) -> Problem {
        let code = self.body["code"].as_str().or(self.body["error"]["code"].as_str());
        Problem { message: self.problem(), code: code.map(str::to_string) }
    }

    /// The message of an error reply.
    pub(crate) fn problem(&self) -> String {
        let detail = self.body["detail"].as_str().or(self.body["error"]["message"].as_str());
        match detail {
            Some(detail) => detail.to_string(),
            None => {
                let status = self.status;
                tr(
                    format!("le serveur a répondu avec le statut {status}"),
                    format!("the server answered with status {status}"),
                )
            }
        }
    }
}

/// An agent without proxies: the server is ours, and `HTTP_PROXY` must not see its keys.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_connect(Some(Duration::from_secs(5)))
        .build()
        .new_agent()
}

/// The server of `--url`, else the one that the settings put on this machine.
///
/// # Errors
/// Without `--url`, those of reading the settings.
pub(crate) fn server_url(common: &Common) -> anyhow::Result<String> {
    if let Some(url) = &common.url {
        return Ok(url.trim_end_matches('/').to_string());
    }
    let mut address = settings::load_to_call(common)?.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(format!("http://{address}"))
}

/// Whether a server answers at `url`, and whether it is ready.
pub(crate) fn readiness(url: &str) -> Option<(u16, Value)> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(3)))
        .build();
    let address = format!("{}/readyz", url.trim_end_matches('/'));
    let mut response = config.new_agent().get(address).call().ok()?;
    let status = response.status().as_u16();
    let body = response.body_mut().read_to_string().ok()?;
    Some((status, serde_json::from_str(&body).ok()?))
}

/// The knowledge base to use: the one named, or the only one there is.
pub(crate) fn choose_base(client: &Client, named: Option<&str>) -> anyhow::Result<String> {
    if let Some(named) = named {
        return Ok(named.to_string());
    }
    let list = client.get("/api/v1/knowledge-bases")?;
    let bases = list["knowledge_bases"].as_array().cloned().unwrap_or_default();
    let ids: Vec<&str> = bases.iter().filter_map(|base| base["id"].as_str()).collect();
    match ids.as_slice() {
        [only] => Ok((*only).to_string()),
        [] => bail!(tr(
            "il n'y a pas de base de connaissances ; « intramuros kb create <id> » en crée une",
            "there is no knowledge base; 'intramuros kb create <id>' makes one",
        )),
        several => {
            let names = several.join(", ");
            bail!(tr(
                format!("il y a plusieurs bases, nommez-en une avec --kb : {names}"),
                format!("there are several knowledge bases, name one with --kb: {names}"),
            ))
        }
    }
}

/// Percent-encodes one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
