//! Decides which sequence has which blocks of the KV cache, and which blocks several share.
//!
//! A block that is full is *kept*: it becomes a node of a tree whose edges are the tokens of a
//! block, and whoever begins with the same tokens takes it over instead of computing it. Edges
//! are compared token by token, never by a hash alone, so nobody is ever given the blocks of
//! another prompt. Kept blocks that no sequence uses stay until their place is needed, the one
//! that was used longest ago first.
//!
//! Source: Kwon et al. 2023 (PagedAttention, arXiv 2309.06180); Zheng et al. 2024 (SGLang, arXiv
//! 2312.07104), section 3, for the tree.

mod pool;
mod table;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use pool::PoolUse;
pub(crate) use pool::{BlockPool, Edge};
pub(crate) use table::BlockTable;
