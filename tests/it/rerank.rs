//! A cross-encoder orders what a search finds, and serves `/v1/rerank`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::server::{ENCODER, Server, intramuros, models_dir};

/// A models directory with the default encoder and a small cross-encoder with random weights, whose
/// scores are as real as those of a trained one.
fn models(dir: &Path) -> PathBuf {
    let models = dir.join("models");
    std::fs::create_dir(&models).unwrap();
    std::os::unix::fs::symlink(models_dir().join(ENCODER), models.join(ENCODER)).unwrap();
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/embed/golden/tiny-cross-encoder")
        .canonicalize()
        .unwrap();
    let mut import = intramuros(dir);
    import.env("INTRAMUROS_MODELS_DIR", &models);
    let output = import.args(["models", "import"]).arg(tiny).args(["--id", "tiny"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    models
}

fn server(settings: &[&str]) -> Server {
    let data = tempfile::tempdir().unwrap();
    let models = format!("models_dir={}", models(data.path()).display());
    let mut all = vec![models.as_str(), "text.model=", "rerank.model=tiny"];
    all.extend(settings);
    Server::start_in(Arc::new(data), &all)
}

#[test]
fn a_cross_encoder_orders_what_was_found() {
    let server = server(&["rerank.candidates=3"]);
    server.create_base("notices");
    for (name, text) in [
        ("caution.txt", "La caution de la mini-pelle est de 1 500 €."),
        ("delai.txt", "La mini-pelle est livrée sous deux jours."),
        ("prix.txt", "La mini-pelle se loue 145 € la journée."),
        ("huile.txt", "Vérifiez l'huile de la mini-pelle avant le départ."),
        ("vol.txt", "En cas de vol de la mini-pelle, prévenez l'agence."),
    ] {
        let added = server.upload("notices", name, text.as_bytes(), "?wait=true");
        assert_eq!(added.status, 201, "{}", added.text);
    }
    let body = json!({"query": "Quelle est la caution de la mini-pelle ?", "limit": 5});
    let found = server.post("/api/v1/knowledge-bases/notices/search", &body).json();
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 5, "{found}");
    let read: Vec<Option<f64>> =
        hits.iter().map(|hit| hit["reason"]["cross_encoder"].as_f64()).collect();
    assert!(read[..3].iter().all(Option::is_some) && read[3..].iter().all(Option::is_none));
    assert!(read[0] >= read[1] && read[1] >= read[2], "{read:?}");
    let scores: Vec<f64> = hits.iter().map(|hit| hit["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");

    // What late interaction put first is among those that were read, whatever random weights say.
    let first = hits[..3].iter().any(|hit| hit["text"].as_str().unwrap().contains("1 500"));
    assert!(first, "{found}");
    // A single hit is the best of all that were read.
    let one = json!({"query": "Quelle est la caution de la mini-pelle ?", "limit": 1});
    let best = server.post("/api/v1/knowledge-bases/notices/search", &one).json();
    assert_eq!(best["hits"][0]["id"], hits[0]["id"]);
    // Other rankings are what they say.
    let words = json!({"query": "caution", "ranking": "words"});
    let by_words = server.post("/api/v1/knowledge-bases/notices/search", &words).json();
    assert!(by_words["hits"][0]["reason"]["cross_encoder"].is_null());
}

#[test]
fn documents_are_ranked_by_the_cross_encoder() {
    let server = server(&[]);
    let documents: Vec<String> = (0..20).map(|at| format!("La caution {at} est rendue.")).collect();
    let body = json!({"model": "tiny", "query": "la caution ?", "documents": documents});
    let reply = server.post("/v1/rerank", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    let results = reply.json()["results"].as_array().unwrap().clone();
    let scores: Vec<f64> =
        results.iter().map(|one| one["relevance_score"].as_f64().unwrap()).collect();
    assert_eq!(scores.len(), 20);
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");

    let models = server.get("/v1/models").json();
    let tasks: Vec<&str> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["task"].as_str().unwrap())
        .collect();
    assert_eq!(tasks, ["embedding", "rerank"]);
    assert_eq!(server.get("/api/v1/status").json()["rerank"]["model"], "tiny");
    // Nothing is cut silently.
    let long = [documents, vec!["mot ".repeat(2_000)]].concat();
    let body = json!({"model": "tiny", "query": "la caution ?", "documents": long});
    let refused = server.post("/v1/rerank", &body);
    assert_eq!(refused.status, 400, "{}", refused.text);
    let expected = "of the documents from 16 on, input 4: query and text together have more";
    assert!(refused.text.contains(expected), "{}", refused.text);
    // It gives no vectors.
    let embed = json!({"model": "tiny", "input": "x"});
    assert_eq!(server.post("/v1/embeddings", &embed).status, 404);
}

#[test]
fn an_encoder_is_no_cross_encoder() {
    let data = tempfile::tempdir().unwrap();
    let mut serve = intramuros(data.path());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--set"]);
    let output = serve.arg(format!("rerank.model={ENCODER}")).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("is for embedding, not for rerank"), "{text}");
}
