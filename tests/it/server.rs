//! Starts the real server on a temporary data directory and talks to it.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;
use ureq::unversioned::multipart::{Form, Part};

/// The small real Llama of the tests.
pub(crate) const TEXT_MODEL: &str = "smollm2-135m-instruct-q4_1";
/// What keys of tests may do.
pub(crate) const SCOPES: &str = "inference,knowledge:read,knowledge:write";
/// The default encoder.
pub(crate) const ENCODER: &str = "multilingual-e5-small";

/// Longest time for a start, on a busy machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The binary that was built beside the tests.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let binary = folder.join("intramuros");
    assert!(binary.is_file(), "{} is missing: run 'cargo build --release'", binary.display());
    binary
}

/// The models directory; says how to fill it when it is not.
pub(crate) fn models_dir() -> PathBuf {
    let dir = std::env::var_os("INTRAMUROS_MODELS_DIR").map_or_else(
        || {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
            cache.unwrap_or_else(|| home().join(".cache")).join("intramuros/models")
        },
        PathBuf::from,
    );
    for id in [TEXT_MODEL, ENCODER] {
        assert!(dir.join(id).is_dir(), "model {id} is missing: run 'scripts/fetch-models'");
    }
    dir
}

/// The binary with the settings that every test shares.
pub(crate) fn intramuros(data: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(data)
        .env_remove("INTRAMUROS_CONFIG")
        .env_remove("INTRAMUROS_API_KEY")
        .env("INTRAMUROS_LANG", "en")
        .env("INTRAMUROS_DATA_DIR", data)
        .env("INTRAMUROS_MODELS_DIR", models_dir())
        .env("INTRAMUROS_TEXT_MODEL", TEXT_MODEL)
        .env("INTRAMUROS_TEXT_CONTEXT_TOKENS", "2048")
        .env("INTRAMUROS_LOG_FORMAT", "json");
    command
}

/// Makes a key with `scopes` that opens every document and returns its secret.
pub(crate) fn create_key(data: &Path, scopes: &str) -> String {
    create_labelled_key(data, scopes, "*")
}

/// Makes a key with `scopes` and `labels`, separated by commas, and returns its secret.
pub(crate) fn create_labelled_key(data: &Path, scopes: &str, labels: &str) -> String {
    let mut command = intramuros(data);
    command.args(["keys", "create", "--name", "test", "--scope", scopes, "--json"]);
    if !labels.is_empty() {
        command.args(["--label", labels]);
    }
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    key["key"].as_str().expect("a secret").to_string()
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Mutex<Child>,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) pid: u32,
    log: Arc<Mutex<Vec<String>>>,
    pub(crate) data: Arc<TempDir>,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The data of the server-sent events, in order.
    pub(crate) fn events(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }
}

/// The server that tests share while any of them runs: loading the models costs seconds.
pub(crate) fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::start(&[]));
    *shared = Arc::downgrade(&server);
    server
}

/// A client of a server with a key of its own.
pub(crate) struct Caller<'s> {
    server: &'s Server,
    bearer: String,
}

impl Caller<'_> {
    pub(crate) fn get(&self, path: &str) -> Reply {
        let request = self.server.agent().get(format!("{}{path}", self.server.url));
        reply(request.header("authorization", &self.bearer).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        let request = self.server.agent().delete(format!("{}{path}", self.server.url));
        reply(request.header("authorization", &self.bearer).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self.server.agent().post(format!("{}{path}", self.server.url));
        reply(request.header("authorization", &self.bearer).send_json(body))
    }

    /// An answer that is no text.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.server.agent().get(format!("{}{path}", self.server.url));
        let mut response = request.header("authorization", &self.bearer).call().expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.body_mut().read_to_vec().expect("a whole body")
    }

    pub(crate) fn post_raw(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let request = self.server.agent().post(format!("{}{path}", self.server.url));
        let request = request.header("authorization", &self.bearer);
        reply(request.header("content-type", content_type).send(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        let request = self.server.agent().put(format!("{}{path}", self.server.url));
        reply(request.header("authorization", &self.bearer).send_json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Reply {
        let request = self.server.agent().patch(format!("{}{path}", self.server.url));
        reply(request.header("authorization", &self.bearer).send_json(body))
    }

    /// The body of an answer that is still being written.
    pub(crate) fn post_open(&self, path: &str, body: &Value) -> impl Read + use<> {
        let request = self.server.agent().post(format!("{}{path}", self.server.url));
        let request = request.header("authorization", &self.bearer);
        let response = request.send_json(body).expect("an answer");
        assert_eq!(response.status(), 200);
        response.into_body().into_reader()
    }

    /// Uploads a file with further parts of the form.
    pub(crate) fn upload(
        &self,
        base: &str,
        file_name: &str,
        bytes: &[u8],
        query: &str,
        parts: &[(&str, &str)],
    ) -> Reply {
        let part = Part::bytes(bytes).file_name(file_name);
        let form = parts.iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
        let form = form.part("file", part);
        let path = format!("{}/api/v1/knowledge-bases/{base}/documents{query}", self.server.url);
        let request = self.server.agent().post(path).header("authorization", &self.bearer);
        reply(request.send(form))
    }
}

impl Server {
    /// A server of its own, with `--set` settings.
    pub(crate) fn start(settings: &[&str]) -> Self {
        Self::start_in(Arc::new(TempDir::new().expect("a temporary directory")), settings)
    }

    /// A server on an existing data directory.
    pub(crate) fn start_in(data: Arc<TempDir>, settings: &[&str]) -> Self {
        Self::start_on(data, settings, &[])
    }

    /// A server of its own, with more variables in its environment.
    pub(crate) fn start_with(settings: &[&str], environment: &[(&str, &str)]) -> Self {
        let data = Arc::new(TempDir::new().expect("a temporary directory"));
        Self::start_on(data, settings, environment)
    }

    fn start_on(data: Arc<TempDir>, settings: &[&str], environment: &[(&str, &str)]) -> Self {
        let key = create_key(data.path(), SCOPES);
        let mut command = intramuros(data.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.envs(environment.iter().copied());
        let mut server = Self::launch(command, data);
        server.key = key;
        server
    }

    /// A server that `command` starts on the data directory `data`; it has no key yet.
    pub(crate) fn launch(mut command: Command, data: Arc<TempDir>) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let pid = child.id();
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let url = address(stderr, &log);
        let key = String::new();
        let server = Self { child: Mutex::new(child), url, key, pid, log, data };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while self.get_without_key("/readyz").status != 200 {
            assert!(Instant::now() < deadline, "not ready:\n{}", self.log());
            // The only wait without an event: readiness is polled, as load balancers do.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether `text` stands, as it is, in any file of the data directory.
    pub(crate) fn on_disk(&self, text: &str) -> bool {
        let grep = Command::new("grep").args(["-rqaF", text]).arg(self.data.path()).status();
        grep.expect("grep runs").success()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Waits for a log line that `wanted` takes; lines come a moment after what they tell of.
    pub(crate) fn wait_for_log(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let lines: Vec<Value> = self.log_lines();
            if let Some(line) = lines.into_iter().find(|line| wanted(line)) {
                return line;
            }
            assert!(Instant::now() < deadline, "no such line:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The log lines so far.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        let lines = self.log.lock().unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap_or_default()).collect()
    }

    fn agent(&self) -> Agent {
        let timeout = Some(Duration::from_secs(300));
        let config = Agent::config_builder().http_status_as_error(false).proxy(None);
        config.timeout_global(timeout).build().new_agent()
    }

    /// The same server, spoken to with another key. Dropping it leaves the server alone.
    pub(crate) fn with_key<'s>(&'s self, key: &str) -> Caller<'s> {
        Caller { server: self, bearer: format!("Bearer {key}") }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    pub(crate) fn get_without_key(&self, path: &str) -> Reply {
        reply(self.agent().get(format!("{}{path}", self.url)).call())
    }

    pub(crate) fn post_without_key(&self, path: &str, body: &Value) -> Reply {
        reply(self.agent().post(format!("{}{path}", self.url)).send_json(body))
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        let request = self.agent().get(format!("{}{path}", self.url));
        reply(request.header("authorization", self.bearer()).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        let request = self.agent().delete(format!("{}{path}", self.url));
        reply(request.header("authorization", self.bearer()).call())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_raw(path, "application/json", body.to_string().as_bytes())
    }

    pub(crate) fn post_raw(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let request = self.agent().post(format!("{}{path}", self.url));
        let request = request.header("authorization", self.bearer());
        reply(request.header("content-type", content_type).send(body))
    }

    /// Posts and returns the body as a reader, for clients that leave early.
    pub(crate) fn post_open(&self, path: &str, body: &Value) -> impl Read + use<> {
        self.with_key(&self.key).post_open(path, body)
    }

    pub(crate) fn upload(&self, base: &str, file_name: &str, bytes: &[u8], query: &str) -> Reply {
        self.with_key(&self.key).upload(base, file_name, bytes, query, &[])
    }

    pub(crate) fn create_base(&self, id: &str) {
        let reply = self.post("/api/v1/knowledge-bases", &json!({"id": id}));
        assert_eq!(reply.status, 201, "{}", reply.text);
    }

    pub(crate) fn chat(&self, body: &Value) -> Reply {
        let mut body = body.clone();
        if body.get("model").is_none() {
            body["model"] = json!(TEXT_MODEL);
        }
        self.post("/v1/chat/completions", &body)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.pid.to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&self) -> std::process::ExitStatus {
        self.child.lock().unwrap().wait().expect("the server can be waited for")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Reads log lines until the server says where it listens, then keeps collecting them.
fn address(stderr: impl Read + Send + 'static, log: &Arc<Mutex<Vec<String>>>) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    let lines = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["fields"]["address"].as_str() {
                let _ = sender.send(format!("http://{address}"));
            }
            lines.lock().unwrap().push(line);
        }
    });
    receiver.recv_timeout(START_TIMEOUT).unwrap_or_else(|_| {
        panic!("the server did not listen:\n{}", log.lock().unwrap().join("\n"))
    })
}

fn reply(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = result.expect("the server answers");
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_string()))
        .collect();
    let text = response.body_mut().read_to_string().expect("a whole body");
    Reply { status, headers, text }
}
