//! Talks to the server that is measured.

use std::io::Read;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;
use ureq::Agent;

use crate::args::Common;
use crate::client::{Problem, Reply, server_url};
use crate::language::tr;

/// Longest time for an answer to begin, and longest silence within one: a long prompt on a slow
/// machine takes minutes, a server that hangs must not hang the measurement.
const PATIENCE: Duration = Duration::from_secs(900);

/// A server and the model of it that is measured. Shared by the threads of the clients: each
/// request takes a connection of its own from the agent.
#[derive(Debug)]
pub(super) struct Target {
    agent: Agent,
    pub(super) url: String,
    key: Option<String>,
    pub(super) model: String,
    /// The most tokens of a request; `None` when the server does not tell.
    pub(super) context_tokens: Option<u32>,
}

/// What our own server counts (`GET /api/v1/status`, `text`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Counters {
    pub(super) steps: u64,
    pub(super) drafted_tokens: u64,
    pub(super) accepted_tokens: u64,
    pub(super) forced_tokens: u64,
    pub(super) preempted: u64,
}

impl Target {
    /// The server of the command line and `model`, or the first one that generates text.
    ///
    /// # Errors
    /// When the server does not answer, or serves no such model.
    pub(super) fn new(common: &Common, model: Option<&str>) -> anyhow::Result<Self> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The server is ours, and `HTTP_PROXY` must not see its keys.
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(PATIENCE))
            .build()
            .new_agent();
        let (url, key) = (server_url(common)?, common.key.clone());
        let mut target = Self { agent, url, key, model: String::new(), context_tokens: None };
        let list = target.get("/v1/models")?;
        let served = list["data"].as_array().cloned().unwrap_or_default();
        let found = match model {
            Some(named) => served.iter().find(|served| served["id"] == named),
            // Servers that tell no task serve text models only.
            None => {
                served.iter().find(|served| served["task"].as_str().unwrap_or("text") == "text")
            }
        };
        let context = found.and_then(|served| served["context_tokens"].as_u64());
        target.context_tokens = context.and_then(|tokens| u32::try_from(tokens).ok());
        // A model that is named and not listed may be served under an alias: the server decides.
        let id = model.or_else(|| found.and_then(|served| served["id"].as_str()));
        target.model = id.map(str::to_string).with_context(|| {
            let url = &target.url;
            tr(
                format!("{url} ne sert aucun modèle de texte"),
                format!("{url} serves no text model"),
            )
        })?;
        Ok(target)
    }

    /// The counters of the generator; `None` where there are none.
    pub(super) fn counters(&self) -> Option<Counters> {
        serde_json::from_value(self.status()?).ok()
    }

    /// What the server says its model takes, in bytes; `None` where it does not.
    pub(super) fn memory(&self) -> Option<Value> {
        let told = self.status()?["memory"].take();
        told.is_object().then_some(told)
    }

    /// What the server says of the measured model; `None` where it says nothing.
    fn status(&self) -> Option<Value> {
        let mut status = self.get("/api/v1/status").ok()?;
        let models = status["text"].as_array_mut()?;
        models.iter_mut().find(|one| one["model"] == self.model.as_str()).map(Value::take)
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let request = match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        };
        let mut response = accepted(request.call().with_context(|| self.silent())?)?;
        response.body_mut().read_json().with_context(|| {
            let url = &self.url;
            tr(
                format!("la réponse de {url}{path} n'est pas du JSON"),
                format!("the answer of {url}{path} is not JSON"),
            )
        })
    }

    /// Posts and returns the body of the answer, to be read as it arrives.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub(super) fn open(&self, path: &str, body: &Value) -> anyhow::Result<impl Read + use<>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        };
        let response = request.send_json(body).with_context(|| self.silent())?;
        Ok(accepted(response)?.into_body().into_reader())
    }

    fn silent(&self) -> String {
        let url = &self.url;
        tr(
            format!("{url} ne répond pas ; un serveur y tourne-t-il (--url) ?"),
            format!("no answer from {url}; is a server running there (--url)?"),
        )
    }
}

/// The response, or the error that it is.
fn accepted(
    mut response: ureq::http::Response<ureq::Body>,
) -> anyhow::Result<ureq::http::Response<ureq::Body>> {
    let status = response.status().as_u16();
    if status < 400 {
        return Ok(response);
    }
    let text = response.body_mut().read_to_string().unwrap_or_default();
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    // llama.cpp names its errors in `type`.
    let kind = body["error"]["type"].as_str().map(str::to_string);
    let mut problem = Reply { status, body }.error();
    problem.code = problem.code.or(kind);
    Err(problem.into())
}

/// Whether the server refused because prompt and answer do not fit: `context_length_exceeded` of
/// OpenAI's API, `exceed_context_size_error` of llama.cpp.
pub(super) fn is_context_error(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Problem>().and_then(|problem| problem.code.as_deref());
    code.is_some_and(|code| code.contains("context"))
}
