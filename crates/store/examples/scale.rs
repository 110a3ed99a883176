//! Measures how a table grows: what it costs to fill, what it takes on disk and in memory, and how
//! long a search takes, alone and with eight at a time.
//!
//! `cargo run --release -p intramuros-store --example scale -- 10000 100000 1000000`. The passages
//! are made up: words drawn by Zipf's law, vectors around 1,000 centres, packed words of random
//! bits, so that nothing compresses better than in life. The table stays in `$SCALE_FOLDER` (else
//! in a temporary folder) and grows from one size to the next.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use intramuros_store::{Filter, PassageDetails, PassageRow, PassageTable, Store, TableSpec};
use intramuros_types::{Access, Chunk, DocumentId, Span};
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const DIMENSION: usize = 384;
const CENTRES: usize = 1_000;
const VOCABULARY: usize = 60_000;
const WORDS_A_PASSAGE: usize = 130;
/// Bytes of packed token vectors of a passage: 62 words of 384 values of 4 bits, with their norms.
const PACKED: usize = 62 * (DIMENSION / 2 + 2);
const PASSAGES_A_DOCUMENT: usize = 20;
/// Documents are stored in bulk up to the last few, which are stored as an import does.
const BULK: usize = 5_000;
const SINGLY: usize = 20;
const K: usize = 100;
const SEARCHES: usize = 100;
/// Passages whose text is read.
const SHOWN: usize = 10;
const CLIENTS: usize = 8;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let sizes: Vec<usize> =
        std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    let temporary = tempfile::tempdir()?;
    let folder =
        std::env::var_os("SCALE_FOLDER").map_or(temporary.path().to_owned(), PathBuf::from);
    let location = folder.join("lance");
    let location = location.to_str().ok_or("the folder's name is not Unicode")?;
    let store = Store::open(location).await?;
    let spec = TableSpec {
        knowledge_base: "scale".into(),
        model: "multilingual-e5-small".into(),
        dimension: DIMENSION,
        generation: 0,
    };
    let table = store.table(&spec).await?;
    let made = Source::new();
    println!("| passages | add/s | per document | maintain | on disk | resident | peak |");
    println!("|---|---|---|---|---|---|---|");
    let mut reports = Vec::new();
    for size in sizes {
        fill(&table, &made, size, &folder).await?;
        reports.extend(search(&table, &made, size).await?);
    }
    println!("\n| passages | what | clients | median | p95 |\n|---|---|---|---|---|");
    reports.iter().for_each(|line| println!("{line}"));
    Ok(())
}

async fn fill(table: &PassageTable, made: &Source, size: usize, folder: &Path) -> Outcome<()> {
    let mut rows = usize::try_from(table.count_rows().await?)?;
    let from = rows;
    let mut spent = Duration::ZERO;
    while rows < size {
        let count = BULK.min(size - rows);
        let document = format!("doc_{rows}");
        let passages = (0..count).map(|at| made.passage(&document, rows + at, at)).collect();
        let started = Instant::now();
        table.replace_document(&document.as_str().into(), passages).await?;
        spent += started.elapsed();
        rows += count;
    }
    let started = Instant::now();
    table.maintain().await?;
    let maintained = started.elapsed();
    let mut singly = Duration::ZERO;
    for at in 0..SINGLY {
        let document = format!("single_{size}_{at}");
        let passages = (0..PASSAGES_A_DOCUMENT)
            .map(|ordinal| made.passage(&document, size + at * 1_000 + ordinal, ordinal))
            .collect();
        let started = Instant::now();
        table.replace_document(&document.as_str().into(), passages).await?;
        singly += started.elapsed();
    }
    // As after an import; rows that no index knows yet are searched one by one.
    table.maintain().await?;
    let (resident, peak) = memory()?;
    println!(
        "| {size} | {:.0} | {:.1} ms | {:.1} s | {:.2} GB | {resident} MB | {peak} MB |",
        (rows - from) as f64 / spent.as_secs_f64(),
        singly.as_secs_f64() * 1e3 / SINGLY as f64,
        maintained.as_secs_f64(),
        bytes(folder)? as f64 / 1e9,
    );
    Ok(())
}

async fn search(table: &PassageTable, made: &Source, size: usize) -> Outcome<Vec<String>> {
    let mut lines = Vec::new();
    for what in ["vectors", "words", "search"] {
        for clients in [1, CLIENTS] {
            let mut tasks = Vec::new();
            for client in 0..clients {
                let queries: Vec<(Vec<f32>, String)> = (0..SEARCHES / clients)
                    .map(|at| made.query((client * SEARCHES + at * 7_919) % size))
                    .collect();
                let table = table.clone();
                tasks.push(tokio::spawn(async move { time(&table, what, queries).await }));
            }
            let mut times = Vec::new();
            for task in tasks {
                times.extend(task.await??);
            }
            times.sort_unstable();
            let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
            lines.push(format!(
                "| {size} | {what} | {clients} | {:.1} ms | {:.1} ms |",
                at(50).as_secs_f64() * 1e3,
                at(95).as_secs_f64() * 1e3
            ));
        }
    }
    Ok(lines)
}

async fn time(
    table: &PassageTable,
    what: &str,
    queries: Vec<(Vec<f32>, String)>,
) -> Outcome<Vec<Duration>> {
    let filter = Filter::readable_by(Access::of(&["direction"]));
    let mut times = Vec::new();
    for (vector, words) in queries {
        let started = Instant::now();
        let snapshot = table.snapshot().await?;
        let found = match what {
            "vectors" => snapshot.nearest(&vector, K, &filter).await?.len(),
            "words" => snapshot.full_text(&words, K, &filter).await?.len(),
            _ => {
                let (near, words) = tokio::try_join!(
                    snapshot.nearest(&vector, K, &filter),
                    snapshot.full_text(&words, K, &filter)
                )?;
                let mut rows: Vec<_> = near.iter().chain(&words).map(|found| found.row).collect();
                rows.sort_unstable();
                rows.dedup();
                snapshot.tokens(&rows).await?;
                snapshot.passages(&rows[..SHOWN.min(rows.len())]).await?.len()
            }
        };
        times.push(started.elapsed());
        if found == 0 {
            return Err("a search found nothing".into());
        }
    }
    Ok(times)
}

/// Makes passages, the same ones at each run.
struct Source {
    centres: Vec<Vec<f32>>,
    words: Vec<String>,
}

impl Source {
    fn new() -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let centres = (0..CENTRES)
            .map(|_| (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect())
            .collect();
        let syllables = ["ba", "cor", "di", "fé", "gou", "lan", "mi", "nou", "pra", "ré", "sti"];
        let word = |_| {
            let count = random.random_range(2..5);
            (0..count).map(|_| syllables[random.random_range(0..syllables.len())]).collect()
        };
        Self { centres, words: (0..VOCABULARY).map(word).collect() }
    }

    fn text(&self, random: &mut ChaCha8Rng) -> String {
        let mut text = String::new();
        for _ in 0..WORDS_A_PASSAGE {
            // By Zipf's law: the logarithm of the rank is uniform.
            let rank = (VOCABULARY as f64).powf(random.random::<f64>()) as usize;
            text.push_str(&self.words[rank.min(VOCABULARY - 1)]);
            text.push(' ');
        }
        text
    }

    fn vector(&self, random: &mut ChaCha8Rng) -> Vec<f32> {
        let centre = &self.centres[random.random_range(0..CENTRES)];
        centre.iter().map(|value| value + random.random_range(-0.7..0.7)).collect()
    }

    fn passage(&self, document: &str, number: usize, ordinal: usize) -> PassageRow {
        let mut random = ChaCha8Rng::seed_from_u64(number as u64);
        let vector = self.vector(&mut random);
        let text = self.text(&mut random);
        let tokens = (0..PACKED).map(|_| random.random()).collect();
        PassageRow {
            document: DocumentId::new(document),
            title: format!("Document {document}"),
            chunk: Chunk {
                ordinal: u32::try_from(ordinal).unwrap_or(u32::MAX),
                span: Span::new(0, u32::try_from(text.chars().count()).unwrap_or(u32::MAX)),
                text,
                pages: None,
                section_path: Vec::new(),
                words: Vec::new(),
            },
            language: Some("fr".to_owned()),
            details: PassageDetails::default(),
            tokens,
            vector,
        }
    }

    /// Something near passage `number`.
    fn query(&self, number: usize) -> (Vec<f32>, String) {
        let mut random = ChaCha8Rng::seed_from_u64(number as u64);
        let vector = self.vector(&mut random);
        let text = self.text(&mut random);
        let words: Vec<&str> = text.split(' ').step_by(WORDS_A_PASSAGE / 8).collect();
        let vector = vector.iter().map(|value| value + random.random_range(-0.2..0.2)).collect();
        (vector, words.join(" "))
    }
}

/// Resident memory now and at most, in MB.
fn memory() -> Outcome<(u64, u64)> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        value.unwrap_or(0) / 1024
    };
    Ok((field("VmRSS"), field("VmHWM")))
}

fn bytes(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let of = entry.metadata()?;
        sum += if of.is_dir() { bytes(&entry.path())? } else { of.len() };
    }
    Ok(sum)
}
