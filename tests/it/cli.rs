//! Settings, keys, doctor and the client commands.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, intramuros, shared};

fn run(data: &Path, arguments: &[&str]) -> Output {
    intramuros(data).args(arguments).output().expect("the binary runs")
}

fn client(server: &Server, arguments: &[&str]) -> Output {
    intramuros(server.data.path())
        .env("INTRAMUROS_URL", &server.url)
        .env("INTRAMUROS_API_KEY", &server.key)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn an_unknown_setting_names_the_nearest() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("settings.toml");
    std::fs::write(&file, "[server]\nlistne = \"127.0.0.1:1\"\n").unwrap();
    let output = run(data.path(), &["serve", "--config", file.to_str().unwrap()]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains("did you mean 'server.listen'?"), "{message}");
}

#[test]
fn the_command_line_speaks_french_unless_the_locale_is_english() {
    let data = TempDir::new().unwrap();
    let help = |language: &str| {
        let output =
            intramuros(data.path()).env("INTRAMUROS_LANG", language).arg("--help").output();
        stdout(&output.expect("the binary runs"))
    };
    assert!(help("fr").contains("Pose une question"), "{}", help("fr"));
    assert!(help("en").contains("Ask a question"), "{}", help("en"));
    let mut unknown = intramuros(data.path());
    unknown.env("INTRAMUROS_LANG", "fr").args(["doctor", "--set", "server.listne=x"]);
    let output = unknown.output().expect("the binary runs");
    let message = String::from_utf8_lossy(&output.stdout).to_string();
    assert!(message.contains("vouliez-vous dire « server.listen »"), "{message}");
}

#[test]
fn a_missing_model_says_how_to_get_it() {
    let data = TempDir::new().unwrap();
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--set", "text.model=llama-3.2-1b-instruct-q4_k_m"];
    let output = run(data.path(), &arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(message.contains("intramuros models pull"), "{message}");
}

#[test]
fn keys_are_shown_once_and_listed_without_secret() {
    let data = TempDir::new().unwrap();
    let created = json_of(&run(data.path(), &["keys", "create", "--name", "erp", "--json"]));
    let secret = created["key"].as_str().unwrap();
    let listed = stdout(&run(data.path(), &["keys", "list", "--json"]));
    assert!(listed.contains("erp") && !listed.contains(secret), "{listed}");
    let stored = std::fs::read(data.path().join("ledger.sqlite")).unwrap();
    let found = stored.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(!found, "the ledger holds the secret");
    let wrong = run(data.path(), &["keys", "create", "--name", "x", "--scope", "root"]);
    let message = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && message.contains("knowledge:read"), "{message}");
}

#[test]
fn models_are_listed_and_recommended_with_figures() {
    let data = TempDir::new().unwrap();
    let listed = json_of(&run(data.path(), &["models", "list", "--json"]));
    let models = listed["models"].as_array().unwrap();
    assert!(
        models
            .iter()
            .any(|model| model["id"] == crate::server::TEXT_MODEL && model["installed"] == true)
    );
    assert!(
        models.iter().any(|model| model["family"] == "mistral" && model["status"] == "untried")
    );
    let fits = json_of(&run(data.path(), &["models", "recommend", "--json"]));
    let first = &fits["recommendations"][0];
    assert!(first["total_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{first}");
}

#[test]
fn a_truncated_gguf_is_refused_by_import_and_when_it_is_served() {
    let data = TempDir::new().unwrap();
    let source = crate::server::models_dir().join(crate::server::TEXT_MODEL).join("model.gguf");
    let whole = std::fs::read(source).unwrap();
    let file = data.path().join("cut.gguf");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let models = data.path().join("models");
    let cut = |arguments: &[&str]| {
        intramuros(data.path())
            .env("INTRAMUROS_MODELS_DIR", &models)
            .args(arguments)
            .output()
            .expect("the binary runs")
    };
    let imported = cut(&["models", "import", file.to_str().unwrap(), "--id", "cut"]);
    assert!(!imported.status.success(), "a file that can never be served is not taken in");
    std::fs::write(&file, b"not a model").unwrap();
    let refused = cut(&["models", "import", file.to_str().unwrap(), "--id", "junk"]);
    assert!(!refused.status.success());

    // One that was damaged after it was taken in: the server says so and doctor does.
    let file = data.path().join("whole.gguf");
    std::fs::write(&file, &whole).unwrap();
    assert!(cut(&["models", "import", file.to_str().unwrap(), "--id", "cut"]).status.success());
    let installed = models.join("cut/model.gguf");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&installed, mode).unwrap();
    let handle = std::fs::OpenOptions::new().write(true).open(&installed).unwrap();
    handle.set_len(whole.len() as u64 / 2).unwrap();
    let e5 = crate::server::models_dir().join(crate::server::ENCODER);
    std::os::unix::fs::symlink(e5, models.join(crate::server::ENCODER)).unwrap();
    let served = cut(&["serve", "--listen", "127.0.0.1:0", "--set", "text.model=cut"]);
    let message = String::from_utf8_lossy(&served.stderr).to_string();
    assert!(!served.status.success() && message.contains("cut"), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    let checked = cut(&["doctor", "--json", "--set", "text.model=cut"]);
    assert!(!checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn the_client_commands_add_search_and_ask() {
    let server = shared();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.txt"), "The deposit for the lift is 1500 euros.").unwrap();
    std::fs::write(folder.path().join("b.pdf"), "%PDF-1.4 broken").unwrap();
    std::fs::write(folder.path().join("ignored.exe"), "MZ").unwrap();
    assert!(client(&server, &["kb", "create", "cli"]).status.success());
    let path = folder.path().to_str().unwrap();
    let added = client(&server, &["kb", "add", "cli", path, "--json"]);
    assert!(!added.status.success(), "one of the files is broken");
    let added = json_of(&added);
    let count = |field: &str| added[field].as_u64().unwrap();
    assert_eq!((count("added"), count("failed"), count("skipped")), (1, 1, 1), "{added}");
    let file = folder.path().join("a.txt");
    let missing = folder.path().join("missing.txt");
    let again = ["kb", "add", "cli", file.to_str().unwrap(), missing.to_str().unwrap(), "--json"];
    let again = json_of(&client(&server, &again));
    assert_eq!((&again["already_there"], &again["failed"]), (&json!(1), &json!(1)), "{again}");
    let found = stdout(&client(&server, &["search", "--kb", "cli", "deposit"]));
    assert!(found.contains("1500 euros"), "{found}");
    let answer =
        json_of(&client(&server, &["ask", "--kb", "cli", "How much is the deposit?", "--json"]));
    assert!(answer["answer"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    let unknown = json_of(&client(&server, &["kb", "delete", "nosuch", "--json"]));
    assert_eq!(unknown["error"]["code"], "not_found", "{unknown}");
    let gone = json_of(&client(&server, &["kb", "delete", "cli", "--yes", "--json"]));
    assert_eq!(gone["erased"], "cli");
}

#[test]
fn clients_without_key_or_server_say_what_to_do() {
    let data = TempDir::new().unwrap();
    let without_key = run(data.path(), &["kb", "list"]);
    let message = String::from_utf8_lossy(&without_key.stderr);
    assert!(message.contains("INTRAMUROS_API_KEY"), "{message}");
    let arguments = ["kb", "list", "--url", "http://127.0.0.1:9", "--key", "imk_x"];
    let without_server = run(data.path(), &arguments);
    let message = String::from_utf8_lossy(&without_server.stderr);
    assert!(message.contains("intramuros serve"), "{message}");
}

#[test]
fn what_only_reads_makes_no_ledger_and_migrates_none() {
    let data = TempDir::new().unwrap();
    for command in [&["audit", "verify"][..], &["keys", "list"], &["users", "list"], &["usage"]] {
        let refused = run(data.path(), command);
        let message = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && message.contains("no ledger in"), "{message}");
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    assert!(run(data.path(), &["keys", "create", "--name", "erp"]).status.success());
    let mode = std::fs::metadata(data.path().join("ledger.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(run(data.path(), &["audit", "verify"]).status.success());
}

#[test]
fn doctor_finds_what_is_wrong() {
    let data = TempDir::new().unwrap();
    let healthy = run(
        data.path(),
        &["doctor", "--json", "--url", "http://127.0.0.1:9", "--set", "server.listen=127.0.0.1:0"],
    );
    assert_eq!(json_of(&healthy)["healthy"], json!(true), "{}", json_of(&healthy));
    let sick = run(data.path(), &["doctor", "--json", "--set", "embedding.model=nothing"]);
    assert!(!sick.status.success());
    let findings = json_of(&sick);
    let named = findings["findings"].as_array().unwrap().iter().any(|finding| {
        finding["verdict"] == "problem" && finding["what"].as_str().unwrap().contains("nothing")
    });
    assert!(named, "{findings}");
}

#[test]
fn the_data_directory_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = TempDir::new().unwrap();
    let data = parent.path().join("data");
    let made = intramuros(parent.path())
        .env("INTRAMUROS_DATA_DIR", &data)
        .args(["keys", "create", "--name", "x"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let checked = intramuros(parent.path())
        .env("INTRAMUROS_DATA_DIR", &data)
        .args(["doctor", "--json", "--url", "http://127.0.0.1:9"])
        .output()
        .unwrap();
    let findings = json_of(&checked);
    let warned = findings["findings"].as_array().unwrap().iter().any(|finding| {
        finding["remedy"].as_str().is_some_and(|remedy| remedy.starts_with("chmod"))
    });
    assert!(warned, "{findings}");
}

#[test]
fn json_is_english_whatever_the_locale() {
    let data = TempDir::new().unwrap();
    let mut command = intramuros(data.path());
    command.env("INTRAMUROS_LANG", "fr").args(["doctor", "--json", "--set", "server.listne=x"]);
    let findings = json_of(&command.output().unwrap());
    let text = findings.to_string();
    assert!(text.contains("did you mean 'server.listen'"), "{text}");
}

#[test]
fn bench_measures_a_running_server() {
    let server = shared();
    let pid = server.pid.to_string();
    // Small ones: the tests' model is slow at long prompts.
    let arguments = ["bench", "--json", "--only", "decode-128,gap", "--pid", &pid];
    let output = client(&server, &arguments);
    let report = json_of(&output);
    assert!(output.status.success(), "{report}");
    assert_eq!(report["model"], crate::server::TEXT_MODEL);
    let median = |metric: &str| {
        let figure = &report["workloads"]["decode-128"]["metrics"][metric]["median"];
        figure.as_f64().unwrap_or_else(|| panic!("no {metric}: {report}"))
    };
    assert!((median("prompt_tokens") - 128.0).abs() < 32.0, "{report}");
    assert!(median("decode_tokens_per_second") > 0.0 && median("ttft_ms") > 0.0, "{report}");
    assert!(median("itl_max_ms") >= median("itl_p50_ms"), "{report}");
    assert!(median("generated_tokens") > 1.0 && median("passes") > 1.0, "{report}");
    let skipped = report["workloads"]["gap-4000"]["skipped"].as_str().unwrap_or_default();
    assert!(skipped.contains("a context of 4001 tokens"), "{report}");
    assert!(report["memory"]["after"]["resident_bytes"].as_u64().unwrap() > 1 << 20, "{report}");
    assert!(report["memory"]["told"]["kv_bytes"].as_u64().unwrap() > 0, "{report}");
}

#[test]
fn bench_names_what_is_wrong() {
    let data = TempDir::new().unwrap();
    let refused = |arguments: &[&str]| {
        let output = run(data.path(), &[&["bench"], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).to_string()
    };
    let unknown = refused(&["--only", "prefil"]);
    assert!(unknown.contains("prefil") && unknown.contains("shared-prefix"), "{unknown}");
    let silent = refused(&["--url", "http://127.0.0.1:9"]);
    assert!(silent.contains("127.0.0.1:9") && silent.contains("--url"), "{silent}");
}

#[test]
fn a_folder_and_its_knowledge_base_stay_in_step() {
    let server = shared();
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("a.txt", "La caution de la nacelle est de 1 500 euros.");
    write("rh/b.txt", "La prime est versée en mars.");
    write("c.exe", "MZ");
    assert!(client(&server, &["kb", "create", "sync"]).status.success());
    let sync = |more: &[&str]| {
        let line = [&["kb", "sync", "sync", path, "--source", "docs", "--json"], more].concat();
        let output = client(&server, &line);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        json_of(&output)
    };
    let planned = sync(&["--dry-run"]);
    assert_eq!(planned["added"], json!(["docs:a.txt", "docs:rh/b.txt"]), "{planned}");
    assert_eq!(sync(&[])["added"].as_array().unwrap().len(), 2);
    let again = sync(&[]);
    assert_eq!((&again["unchanged"], &again["added"]), (&json!(2), &json!([])), "{again}");

    write("a.txt", "La caution de la nacelle est de 1 800 euros.");
    std::fs::remove_file(folder.path().join("rh/b.txt")).unwrap();
    write("d.txt", "Le dépôt ferme à midi.");
    assert_eq!(sync(&["--keep"])["removed"], json!([]));
    let changed = sync(&[]);
    assert_eq!(changed["removed"], json!(["docs:rh/b.txt"]), "{changed}");
    let documents = json_of(&client(&server, &["kb", "documents", "sync", "--json"]));
    let names: std::collections::BTreeSet<&str> = documents["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| document["external_id"].as_str().unwrap())
        .collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["docs:a.txt", "docs:d.txt"]);
    let found = stdout(&client(&server, &["search", "--kb", "sync", "caution nacelle"]));
    assert!(found.contains("1 800") && !found.contains("1 500"), "{found}");

    // Readers that somebody narrowed stay narrow, also when the file changes.
    let id = |name: &str| {
        let of = |document: &&Value| document["external_id"] == name;
        let documents = json_of(&client(&server, &["kb", "documents", "sync", "--json"]));
        let found =
            documents["documents"].as_array().unwrap().iter().find(of).unwrap()["id"].clone();
        format!("/api/v1/knowledge-bases/sync/documents/{}", found.as_str().unwrap())
    };
    let narrowed = json!({"labels": ["direction"]});
    let caller = server.with_key(&server.key);
    assert_eq!(caller.patch(&id("docs:d.txt"), &narrowed).status, 200);
    assert_eq!(sync(&[])["unchanged"], 2);
    write("d.txt", "Le dépôt ferme à treize heures.");
    assert_eq!(sync(&[])["changed"], json!(["docs:d.txt"]));
    assert_eq!(server.get(&id("docs:d.txt")).json()["labels"], json!(["direction"]));

    // An empty folder looks like a share that is not mounted; another of the same name is not it.
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    std::fs::remove_file(folder.path().join("d.txt")).unwrap();
    let line = ["kb", "sync", "sync", path, "--source", "docs"];
    assert!(!client(&server, &[&line[..], &["--dry-run"]].concat()).status.success());
    let refused = client(&server, &line);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("--replace") && said.contains("'docs'"), "{said}");
    assert!(server.get(&id("docs:a.txt")).status == 200);
    assert_eq!(sync(&["--replace"])["removed"], json!(["docs:a.txt", "docs:d.txt"]));
}
