//! Vectors and their formats.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::server::{ENCODER, Server, shared};

fn embed(server: &Server, changes: Value) -> Value {
    let mut body = json!({"model": ENCODER});
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    let reply = server.post("/v1/embeddings", &body);
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn vector(embedding: &Value) -> Vec<f32> {
    embedding.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_are_normalised_and_counted() {
    let server = shared();
    let reply = embed(&server, json!({"input": ["Bonjour", "La nacelle est en panne"]}));
    let data = reply["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    for (index, entry) in data.iter().enumerate() {
        let values = vector(&entry["embedding"]);
        assert_eq!((entry["index"].as_u64(), values.len()), (Some(index as u64), 384));
        assert!((dot(&values, &values) - 1.0).abs() < 1e-4);
    }
    assert!(reply["usage"]["prompt_tokens"].as_u64().unwrap() > 5);
}

#[test]
fn base64_holds_the_same_numbers() {
    let server = shared();
    let floats = embed(&server, json!({"input": "Bonjour"}));
    let coded = embed(&server, json!({"input": "Bonjour", "encoding_format": "base64"}));
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(coded["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let decoded: Vec<f32> = bytes
        .chunks_exact(4)
        .map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
        .collect();
    assert_eq!(decoded, vector(&floats["data"][0]["embedding"]));
}

#[test]
fn fewer_dimensions_are_the_first_ones_normalised_again() {
    let server = shared();
    let full = vector(&embed(&server, json!({"input": "Bonjour"}))["data"][0]["embedding"]);
    let short = embed(&server, json!({"input": "Bonjour", "dimensions": 64}));
    let short = vector(&short["data"][0]["embedding"]);
    assert_eq!(short.len(), 64);
    assert!((dot(&short, &short) - 1.0).abs() < 1e-4);
    let norm = dot(&full[..64], &full[..64]).sqrt();
    assert!((short[0] - full[0] / norm).abs() < 1e-5);
}

#[test]
fn the_input_type_adds_the_encoders_prefix() {
    let server = shared();
    let plain = embed(&server, json!({"input": "query: la caution"}));
    let query = embed(&server, json!({"input": "la caution", "input_type": "query"}));
    assert_eq!(plain["data"], query["data"]);
}

#[test]
fn french_questions_find_french_passages() {
    let server = shared();
    let passages = [
        "La caution est rendue au retour du matériel en bon état.",
        "Le marché a lieu chaque samedi sur la place du village.",
        "Pour remplacer le filtre, coupez d'abord le moteur.",
    ];
    let stored = embed(&server, json!({"input": passages, "input_type": "passage"}));
    for (question, expected) in [
        ("Quand est-ce que je récupère mon dépôt de garantie ?", 0),
        ("comment changer le filtre", 2),
    ] {
        let asked = embed(&server, json!({"input": question, "input_type": "query"}));
        let asked = vector(&asked["data"][0]["embedding"]);
        let best = (0..passages.len())
            .max_by(|a, b| {
                let score = |at: usize| dot(&asked, &vector(&stored["data"][at]["embedding"]));
                score(*a).total_cmp(&score(*b))
            })
            .unwrap();
        assert_eq!(best, expected, "{question}");
    }
}
