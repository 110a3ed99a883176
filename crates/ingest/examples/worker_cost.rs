//! Measures what reading files in a process of their own costs: for each file given, the time
//! within this process and through a child, and for the text of a long document how large and slow
//! its two possible encodings are.
//!
//! `cargo run --release -p intramuros-ingest --example worker_cost -- FILE…`

#![allow(clippy::print_stdout, reason = "a measurement is for people to read")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use intramuros_ingest::worker::{Reader, WorkerLimits, serve};
use intramuros_ingest::{ExtractConfig, extract};
use intramuros_types::{ExtractedDocument, PageBox, PlacedWord, Span};

const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        return serve(std::io::stdin().lock(), std::io::stdout().lock());
    }
    let reader =
        Reader::new("/proc/self/exe".into(), vec!["child".into()], WorkerLimits::default());
    let config = ExtractConfig::default();
    for path in &arguments {
        let bytes = std::fs::read(path).expect("a readable file");
        let within = median(|| drop(extract(&bytes, path, &config)));
        let through = median(|| drop(reader.read(&bytes, path, &config, None)));
        println!("{path}: {} bytes, within {within:?}, through a child {through:?}", bytes.len());
    }
    let page = "Une phrase d'un long document, avec ses mots et ses chiffres : 1 240,50 €.\n\n";
    let text = page.repeat((19 << 20) / page.len());
    let mut document =
        extract(text.as_bytes(), "a.txt", &config).expect("plain text").document.expect("a text");
    encode("20 MB of text", &document);
    document.words = words(&document);
    encode(&format!("the same with {} placed words", document.words.len()), &document);
    ExitCode::SUCCESS
}

/// A place for every word of a document.
fn words(document: &ExtractedDocument) -> Vec<PlacedWord> {
    let mut words = Vec::new();
    let (mut start, mut end) = (0, 0);
    for c in document.text.chars().chain(['\n']) {
        if c.is_whitespace() {
            if end > start {
                let left = f32::from((start % 977) as u16) / 1_000.0;
                let place = PageBox { page: 1, left, top: left / 3.0, right: 0.98, bottom: 0.99 };
                words.push(PlacedWord { span: Span { start, end }, place });
            }
            start = end + 1;
        }
        end += 1;
    }
    words
}

fn encode(what: &str, document: &ExtractedDocument) {
    let json = serde_json::to_vec(document).expect("JSON");
    let compact = postcard::to_stdvec(document).expect("postcard");
    let write_json = median(|| drop(serde_json::to_vec(document)));
    let read_json = median(|| drop(serde_json::from_slice::<ExtractedDocument>(&json)));
    let write = median(|| drop(postcard::to_stdvec(document)));
    let read = median(|| drop(postcard::from_bytes::<ExtractedDocument>(&compact)));
    println!("{what}:");
    println!("  JSON {} bytes, written in {write_json:?}, read in {read_json:?}", json.len());
    println!("  postcard {} bytes, written in {write:?}, read in {read:?}", compact.len());
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2]
}
