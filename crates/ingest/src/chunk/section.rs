//! Groups blocks by heading, and tiny sections with their neighbours.

use std::ops::Range;

use intramuros_types::{Block, ExtractedDocument};

use super::{ChunkConfig, is_heading};

/// A heading with what follows it, or what stands before the first heading.
struct Section<'a> {
    blocks: Range<usize>,
    tokens: usize,
    /// Whether something follows the heading.
    has_body: bool,
    /// Headings above its body, its own included.
    path: &'a [String],
}

/// Ranges of blocks that may share passages, in order; together they are all blocks.
/// `tokens` has the size of each block.
pub(super) fn groups(
    document: &ExtractedDocument,
    tokens: &[usize],
    config: &ChunkConfig,
) -> Vec<Range<usize>> {
    let mut sections = sections(&document.blocks, tokens).into_iter();
    let mut groups = Vec::new();
    let Some(mut group) = sections.next() else { return groups };
    for next in sections {
        if joins(&group, &next, config) {
            group.blocks.end = next.blocks.end;
            group.tokens += next.tokens;
        } else {
            groups.push(std::mem::replace(&mut group, next).blocks);
        }
    }
    groups.push(group.blocks);
    groups
}

/// The headings above a passage: those that all its blocks share, headings within it aside unless
/// there is nothing else.
pub(super) fn common_path(blocks: &[&Block]) -> Vec<String> {
    let has_body = blocks.iter().any(|block| !is_heading(block.kind));
    let mut paths = blocks
        .iter()
        .filter(|block| !has_body || !is_heading(block.kind))
        .map(|block| block.section_path.as_slice());
    let first = paths.next().unwrap_or_default();
    let shared = paths.fold(first.len(), |shared, path| {
        first[..shared].iter().zip(path).take_while(|(a, b)| a == b).count()
    });
    first[..shared].to_vec()
}

fn sections<'a>(blocks: &'a [Block], tokens: &[usize]) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let is_body = !is_heading(block.kind);
        match sections.last_mut() {
            // Headings right below one another begin one section.
            Some(last) if is_body || !last.has_body => {
                last.blocks.end = at + 1;
                last.tokens += tokens[at];
                last.has_body |= is_body;
                last.path = &block.section_path;
            }
            _ => sections.push(Section {
                blocks: at..at + 1,
                tokens: tokens[at],
                has_body: is_body,
                path: &block.section_path,
            }),
        }
    }
    sections
}

/// Whether `next` belongs to the passages of `group`.
fn joins(group: &Section<'_>, next: &Section<'_>, config: &ChunkConfig) -> bool {
    // Only the last section can have no body; its heading is not left alone.
    if !next.has_body {
        return true;
    }
    let tiny = config.tiny_tokens();
    let together = group.tokens + next.tokens;
    let chapter = group.path.split_last().map_or(group.path, |(_, above)| above);
    let is_below = next.path.starts_with(group.path) && next.path.len() > group.path.len();
    let fits = together <= config.target_tokens
        || (is_below && next.tokens < tiny && together <= config.max_tokens);
    next.path.starts_with(chapter) && fits && (group.tokens < tiny || next.tokens < tiny)
}
