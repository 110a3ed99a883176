//! Hands out blocks, keeps full ones for others, and forgets the oldest when it must.

use std::collections::{BTreeMap, HashMap};

use intramuros_backend::{BlockId, KvLayout};

/// A kept block's place in the tree of prefixes. Never used twice, so that what stood below a
/// forgotten node can never be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node(u64);

/// The way to a kept block: where its prefix ends, and its own tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Edge {
    parent: Node,
    tokens: Box<[u32]>,
}

impl Edge {
    pub(super) fn new(parent: Node, tokens: &[u32]) -> Self {
        Self { parent, tokens: tokens.into() }
    }
}

/// How the blocks are used at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PoolUse {
    /// Blocks that sequences have now.
    pub(crate) used: usize,
    /// Blocks that are kept for whoever begins alike, and used by nobody now.
    pub(crate) idle: usize,
    /// Blocks there are.
    pub(crate) total: usize,
}

/// All blocks of one model's KV cache.
#[derive(Debug)]
pub(crate) struct BlockPool {
    block_tokens: usize,
    blocks: Vec<Block>,
    /// Blocks that hold nothing.
    free: Vec<BlockId>,
    kept: HashMap<Edge, BlockId>,
    /// Kept blocks without a user, the one that lost its last user longest ago first.
    idle: BTreeMap<u64, BlockId>,
    /// Counts what happens, to put it in order.
    clock: u64,
}

#[derive(Debug, Default)]
struct Block {
    /// Sequences that have it.
    users: u32,
    kept: Option<(Edge, Node)>,
    /// Its key in `idle`; meaningful only there.
    idle_since: u64,
}

impl BlockPool {
    /// All blocks of a cache, empty.
    pub(crate) fn new(layout: KvLayout) -> Self {
        let mut blocks = Vec::new();
        blocks.resize_with(layout.blocks as usize, Block::default);
        Self {
            block_tokens: layout.block_tokens.max(1) as usize,
            blocks,
            // The last is taken first: low numbers first, which keeps untouched memory untouched.
            free: (0..layout.blocks).rev().map(BlockId).collect(),
            kept: HashMap::new(),
            idle: BTreeMap::new(),
            clock: 0,
        }
    }

    /// Positions of a block.
    pub(crate) fn block_tokens(&self) -> usize {
        self.block_tokens
    }

    /// Where the prefixes of `scope` begin. Scopes share nothing with each other.
    pub(super) fn root(scope: u64) -> Node {
        // Nodes count up from 0 and roots down from the top; they never meet.
        Node(u64::MAX - scope)
    }

    /// Blocks that can be taken now: free ones and idle ones.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.idle.len()
    }

    /// How the blocks are used.
    pub(crate) fn in_use(&self) -> PoolUse {
        let total = self.blocks.len();
        PoolUse { used: total - self.available(), idle: self.idle.len(), total }
    }

    /// A block for one user alone, a free one or the idle one that was used longest ago.
    pub(super) fn take(&mut self) -> Option<BlockId> {
        let block = match self.free.pop() {
            Some(block) => block,
            None => {
                let (_, oldest) = self.idle.pop_first()?;
                if let Some((edge, _)) = self.block(oldest).kept.take() {
                    self.kept.remove(&edge);
                }
                oldest
            }
        };
        self.block(block).users = 1;
        Some(block)
    }

    /// The kept block at the end of `edge`.
    pub(super) fn find(&self, edge: &Edge) -> Option<(BlockId, Node)> {
        let block = *self.kept.get(edge)?;
        let (_, node) = self.blocks[block.0 as usize].kept.as_ref()?;
        Some((block, *node))
    }

    /// Adds a user to a kept block.
    pub(super) fn share(&mut self, block: BlockId) {
        let state = self.block(block);
        state.users += 1;
        let idle_since = state.idle_since;
        if state.users == 1 {
            self.idle.remove(&idle_since);
        }
    }

    /// Keeps a full block of one user for whoever comes the same way. Returns the block that the
    /// user has from now on: where the tree has such a block already, that one; its own is free.
    pub(super) fn keep(&mut self, own: BlockId, edge: Edge) -> (BlockId, Node) {
        if let Some((block, node)) = self.find(&edge) {
            self.share(block);
            self.release(own);
            return (block, node);
        }
        let node = Node(self.tick());
        self.kept.insert(edge.clone(), own);
        self.block(own).kept = Some((edge, node));
        (own, node)
    }

    /// Takes a user from a block. A kept one becomes idle with its last user, another one free.
    pub(super) fn release(&mut self, block: BlockId) {
        let tick = self.tick();
        let state = self.block(block);
        state.users = state.users.saturating_sub(1);
        if state.users > 0 {
            return;
        }
        if state.kept.is_some() {
            state.idle_since = tick;
            self.idle.insert(tick, block);
        } else {
            self.free.push(block);
        }
    }

    /// Forgets what is kept and used by nobody. What sequences have now is kept until they end.
    pub(crate) fn forget_idle(&mut self) {
        while let Some((_, block)) = self.idle.pop_first() {
            if let Some((edge, _)) = self.block(block).kept.take() {
                self.kept.remove(&edge);
            }
            self.free.push(block);
        }
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn block(&mut self, block: BlockId) -> &mut Block {
        &mut self.blocks[block.0 as usize]
    }
}
