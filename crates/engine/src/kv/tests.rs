//! Tests that blocks are shared by those who begin alike, and never lost or mixed up.

use intramuros_backend::KvLayout;

use super::{BlockPool, BlockTable, PoolUse};

const BLOCK: usize = 4;

fn pool(blocks: u32) -> BlockPool {
    BlockPool::new(KvLayout { block_tokens: BLOCK as u32, blocks, block_bytes: 1 })
}

/// A sequence that has computed `tokens`, and how many of them it took over.
fn compute(pool: &mut BlockPool, scope: u64, tokens: &[u32]) -> (BlockTable, usize) {
    let mut table = BlockTable::new(scope);
    let adopted = table.adopt(pool, tokens);
    assert!(table.extend(pool, tokens.len()), "no block is left");
    table.keep(pool, tokens, tokens.len());
    (table, adopted)
}

fn tokens(count: u32, last: u32) -> Vec<u32> {
    (1..count).chain([last]).collect()
}

#[test]
fn who_begins_alike_takes_over_whole_blocks() {
    let mut pool = pool(16);
    let (first, adopted) = compute(&mut pool, 0, &tokens(10, 90));
    assert_eq!(adopted, 0);
    for (other, expected) in [
        (tokens(10, 90), 8),
        (tokens(10, 91), 8),
        (tokens(8, 92), 4),
        (tokens(7, 7), 4),
        (tokens(3, 3), 0),
        (vec![9, 9, 9, 9, 5, 6, 7, 8], 0),
    ] {
        let (mut table, adopted) = compute(&mut pool, 0, &other);
        assert_eq!(adopted, expected, "{other:?}");
        let shared = adopted / BLOCK;
        assert_eq!(table.blocks()[..shared], first.blocks()[..shared]);
        table.release(&mut pool);
    }
}

#[test]
fn what_nobody_uses_can_be_forgotten() {
    let mut pool = pool(16);
    let (mut ended, _) = compute(&mut pool, 0, &tokens(10, 90));
    let (_runs, _) = compute(&mut pool, 0, &[9, 9, 9, 9, 8, 8, 8, 8]);
    ended.release(&mut pool);
    assert!(pool.in_use().idle > 0);
    pool.forget_idle();
    assert_eq!(pool.in_use().idle, 0);
    assert_eq!(
        compute(&mut pool, 0, &tokens(10, 91)).1,
        0,
        "it begins alike, and is computed anew"
    );
    assert_eq!(compute(&mut pool, 0, &[9, 9, 9, 9, 8, 8, 8, 8]).1, 8, "what is used is kept");
}

#[test]
fn scopes_share_nothing() {
    let mut pool = pool(16);
    let (_first, _) = compute(&mut pool, 7, &tokens(8, 8));
    assert_eq!(compute(&mut pool, 8, &tokens(8, 8)).1, 0);
    assert_eq!(compute(&mut pool, 7, &tokens(8, 8)).1, 8);
}

#[test]
fn the_same_tokens_after_another_beginning_are_another_block() {
    let mut pool = pool(16);
    let (_first, _) = compute(&mut pool, 0, &[1, 1, 1, 1, 5, 5, 5, 5]);
    assert_eq!(compute(&mut pool, 0, &[2, 2, 2, 2, 5, 5, 5, 5]).1, 0);
}

#[test]
fn two_who_computed_the_same_block_have_one_of_them() {
    let mut pool = pool(16);
    let (mut first, mut second) = (BlockTable::new(0), BlockTable::new(0));
    let tokens = tokens(6, 6);
    for table in [&mut first, &mut second] {
        assert!(table.extend(&mut pool, tokens.len()));
    }
    assert_eq!(pool.in_use().used, 4);
    for table in [&mut first, &mut second] {
        table.keep(&mut pool, &tokens, tokens.len());
    }
    assert_eq!(first.blocks()[0], second.blocks()[0]);
    assert_ne!(first.blocks()[1], second.blocks()[1]);
    assert_eq!(pool.in_use(), PoolUse { used: 3, idle: 0, total: 16 });
}

#[test]
fn idle_blocks_serve_until_their_place_is_needed_oldest_first() {
    let mut pool = pool(4);
    let (mut old, _) = compute(&mut pool, 0, &[1; 8]);
    old.release(&mut pool);
    let (mut new, _) = compute(&mut pool, 0, &[2; 8]);
    new.release(&mut pool);
    assert_eq!(pool.in_use(), PoolUse { used: 0, idle: 4, total: 4 });
    // One block is needed: of the older prefix the end goes, and its beginning still serves.
    let (mut third, _) = compute(&mut pool, 0, &[3; 4]);
    third.release(&mut pool);
    assert_eq!(compute(&mut pool, 0, &[1; 4]).1, 4);
    assert_eq!(compute(&mut pool, 0, &[2; 8]).1, 8);
}

#[test]
fn what_stood_below_a_forgotten_block_is_not_found_again() {
    let mut pool = pool(3);
    let (mut long, _) = compute(&mut pool, 0, &[1; 8]);
    long.release(&mut pool);
    // Takes all three blocks, so that the whole prefix is forgotten.
    let (mut other, adopted) = compute(&mut pool, 0, &[2; 12]);
    assert_eq!(adopted, 0);
    other.release(&mut pool);
    let (mut again, adopted) = compute(&mut pool, 0, &[1; 8]);
    assert_eq!(adopted, 0);
    again.release(&mut pool);
}

#[test]
fn a_sequence_gets_all_the_blocks_it_asks_for_or_none() {
    let mut pool = pool(3);
    let mut table = BlockTable::new(0);
    assert!(!table.extend(&mut pool, 13));
    assert!(table.blocks().is_empty());
    assert!(table.extend(&mut pool, 12));
    assert!(table.extend(&mut pool, 12), "nothing more is needed");
    assert!(!BlockTable::new(0).extend(&mut pool, 1));
    table.release(&mut pool);
    assert_eq!(pool.available(), 3);
}

#[test]
fn blocks_are_neither_lost_nor_given_twice_whatever_happens() {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    let mut random = StdRng::seed_from_u64(1);
    let mut pool = pool(24);
    let mut live: Vec<(BlockTable, Vec<u32>)> = Vec::new();
    for _ in 0..20_000 {
        if live.len() > 5 || (!live.is_empty() && random.random_bool(0.3)) {
            let at = random.random_range(0..live.len());
            live.swap_remove(at).0.release(&mut pool);
            continue;
        }
        let length = random.random_range(1..20);
        let prompt: Vec<u32> = (0..length).map(|_| random.random_range(0..2)).collect();
        let mut table = BlockTable::new(0);
        let adopted = table.adopt(&mut pool, &prompt);
        assert!(adopted <= prompt.len());
        if table.extend(&mut pool, prompt.len()) {
            table.keep(&mut pool, &prompt, random.random_range(adopted..=prompt.len()));
            live.push((table, prompt));
        } else {
            table.release(&mut pool);
        }
        // Two sequences may have a block in common only where all tokens up to its end agree.
        for (at, (a, of_a)) in live.iter().enumerate() {
            for (b, of_b) in &live[at + 1..] {
                for (index, block) in a.blocks().iter().enumerate() {
                    let end = (index + 1) * BLOCK;
                    let same = b.blocks().iter().position(|other| other == block);
                    assert!(same.is_none_or(|same| same == index && of_a[..end] == of_b[..end]));
                }
            }
        }
    }
    for (mut table, _) in live {
        table.release(&mut pool);
    }
    assert_eq!(pool.available(), 24);
}
