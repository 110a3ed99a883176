//! Times the comparison of a question with 200 passages.
//!
//! `cargo bench -p intramuros-maxsim`. A search does this once.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use intramuros_maxsim::{Query, Space, pack};

const DIMENSION: usize = 384;
const PASSAGES: usize = 200;
const WORDS: usize = 62;
const ASKED: usize = 12;
const ROUNDS: usize = 30;

fn random(seed: usize) -> f32 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / 8_388_608.0 - 1.0
}

fn main() {
    let passages: Vec<Vec<u8>> = (0..PASSAGES)
        .map(|passage| {
            let vectors: Vec<f32> =
                (0..WORDS * DIMENSION).map(|at| random(passage * WORDS * DIMENSION + at)).collect();
            pack(&vectors, DIMENSION)
        })
        .collect();
    let started = Instant::now();
    let space = Space::fit(passages.iter().map(Vec::as_slice), DIMENSION);
    println!("fit {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    let asked: Vec<f32> = (0..ASKED * DIMENSION).map(random).collect();
    let query = Query::new(&asked, &[1.0; ASKED], &space);
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for passage in &passages {
            black_box(query.score(black_box(passage)));
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!("{PASSAGES} passages of {WORDS} words, {ASKED} words asked: {:.2} ms", best * 1e3);
}
