//! Follows the blocks of one sequence.

use intramuros_backend::BlockId;

use super::pool::{BlockPool, Edge, Node};

/// The blocks of one sequence in the order of its positions. Its first blocks are kept ones, which
/// others may have too; those after them are its own.
#[derive(Debug)]
pub(crate) struct BlockTable {
    root: Node,
    blocks: Vec<BlockId>,
    /// Blocks from the beginning that are kept.
    kept: usize,
    /// Where the kept ones end.
    end: Node,
}

impl BlockTable {
    /// A sequence without blocks that shares prefixes with those of the same scope.
    pub(crate) fn new(scope: u64) -> Self {
        let root = BlockPool::root(scope);
        Self { root, blocks: Vec::new(), kept: 0, end: root }
    }

    /// The blocks.
    pub(crate) fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// The way to the first block that is not kept yet, when `tokens` fill it. Two sequences that
    /// are about to compute the same block have the same one.
    pub(crate) fn next_edge(&self, pool: &BlockPool, tokens: &[u32]) -> Option<Edge> {
        let size = pool.block_tokens();
        let tokens = tokens.get(self.kept * size..(self.kept + 1) * size)?;
        Some(Edge::new(self.end, tokens))
    }

    /// Takes over kept blocks as long as they hold what comes next of `tokens`; only a sequence
    /// whose own blocks are all kept can. Returns how many tokens it has then.
    pub(crate) fn adopt(&mut self, pool: &mut BlockPool, tokens: &[u32]) -> usize {
        while self.kept == self.blocks.len()
            && let Some(edge) = self.next_edge(pool, tokens)
            && let Some((block, node)) = pool.find(&edge)
        {
            pool.share(block);
            self.blocks.push(block);
            self.kept += 1;
            self.end = node;
        }
        self.kept * pool.block_tokens()
    }

    /// Blocks that are missing for `length` tokens.
    pub(crate) fn missing(&self, pool: &BlockPool, length: usize) -> usize {
        length.div_ceil(pool.block_tokens()).saturating_sub(self.blocks.len())
    }

    /// Takes blocks until `length` tokens fit. False when there are too few; none is taken then.
    #[must_use]
    pub(crate) fn extend(&mut self, pool: &mut BlockPool, length: usize) -> bool {
        let missing = self.missing(pool, length);
        if missing > pool.available() {
            return false;
        }
        let taken = (0..missing).map_while(|_| pool.take());
        self.blocks.extend(taken);
        true
    }

    /// Keeps the blocks that the first `computed` of `tokens` have filled.
    pub(crate) fn keep(&mut self, pool: &mut BlockPool, tokens: &[u32], computed: usize) {
        while (self.kept + 1) * pool.block_tokens() <= computed
            && let Some(edge) = self.next_edge(pool, tokens)
            && let Some(own) = self.blocks.get_mut(self.kept)
        {
            let (block, node) = pool.keep(*own, edge);
            *own = block;
            self.kept += 1;
            self.end = node;
        }
    }

    /// Gives all blocks back. The last goes first, so that of an idle prefix the end is forgotten
    /// before the beginning, without which it could not be found.
    pub(crate) fn release(&mut self, pool: &mut BlockPool) {
        while let Some(block) = self.blocks.pop() {
            pool.release(block);
        }
        self.kept = 0;
        self.end = self.root;
    }
}
