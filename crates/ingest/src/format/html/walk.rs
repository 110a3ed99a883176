//! Walks the tree of a page in document order, without recursion: the nesting is the author's.

use std::ops::Deref;

use intramuros_types::BlockKind;
use scraper::{ElementRef, Node};

use super::block_kind;
use super::content::{Keep, is_skipped};
use super::grid;
use crate::IngestError;
use crate::builder::Builder;
use crate::format::list::Lists;

/// A node of the tree.
pub(super) type NodeRef<'a> = <ElementRef<'a> as Deref>::Target;

/// Pushes the blocks below `root` into `builder`.
///
/// # Errors
/// The limits of [`Builder::push`].
pub(super) fn walk(
    root: ElementRef<'_>,
    keep: Keep,
    builder: &mut Builder<'_>,
) -> Result<(), IngestError> {
    let mut walker = Walker {
        builder,
        keep,
        text: String::new(),
        kinds: Vec::new(),
        lists: Lists::default(),
        marker: None,
        in_term: false,
        terms: Vec::new(),
    };
    let mut next: Option<NodeRef<'_>> = root.first_child();
    while let Some(node) = next {
        walker.builder.deadline.check()?;
        let inner = if walker.enter(node)? { node.first_child() } else { None };
        if inner.is_some() {
            next = inner;
            continue;
        }
        let mut node = node;
        walker.leave(node)?;
        while node.next_sibling().is_none() {
            match node.parent() {
                Some(parent) if parent.id() != root.id() => node = parent,
                _ => return walker.finish(),
            }
            walker.leave(node)?;
        }
        next = node.next_sibling();
    }
    walker.finish()
}

/// The node after `node` and all below it, within `root`.
pub(super) fn next_outside<'a>(node: NodeRef<'a>, root: ElementRef<'a>) -> Option<NodeRef<'a>> {
    let mut node = node;
    loop {
        if let Some(next) = node.next_sibling() {
            return Some(next);
        }
        node = node.parent().filter(|parent| parent.id() != root.id())?;
    }
}

/// The text below `root` as one line, blocks and line breaks apart.
pub(super) fn inline_text(root: ElementRef<'_>, keep: Keep) -> String {
    let mut out = String::new();
    let mut next: Option<NodeRef<'_>> = root.first_child();
    while let Some(node) = next {
        let element = ElementRef::wrap(node);
        if let Node::Text(text) = node.value() {
            out.push_str(text);
        }
        if element
            .is_some_and(|e| e.value().name() == "br" || block_kind(e.value().name()).is_some())
        {
            out.push(' ');
        }
        let skip = element.is_some_and(|e| is_skipped(e, keep));
        let inner = if skip { None } else { node.first_child() };
        next = inner.or_else(|| next_outside(node, root));
    }
    out
}

struct Walker<'b, 'l> {
    builder: &'b mut Builder<'l>,
    keep: Keep,
    /// Text since the last border of a block.
    text: String,
    /// Kinds of the elements that are open, where they are not plain paragraphs.
    kinds: Vec<BlockKind>,
    lists: Lists,
    /// Marker of the list item that began, until its first text is pushed.
    marker: Option<String>,
    /// Whether a `<dt>` is open.
    in_term: bool,
    /// Terms whose definition has not begun.
    terms: Vec<String>,
}

impl Walker<'_, '_> {
    /// Reads `node` itself; answers whether to go on with its children.
    fn enter(&mut self, node: NodeRef<'_>) -> Result<bool, IngestError> {
        if let Node::Text(text) = node.value() {
            self.push_text(text);
            return Ok(false);
        }
        let Some(element) = ElementRef::wrap(node) else {
            return Ok(node.value().is_fragment() || node.value().is_document());
        };
        if is_skipped(element, self.keep) {
            return Ok(false);
        }
        let name = element.value().name();
        if name == "br" {
            self.text.push('\n');
            return Ok(false);
        }
        let Some(kind) = block_kind(name) else { return Ok(true) };
        self.flush()?;
        if name == "table" {
            let mut push = |row: &str| self.builder.push(BlockKind::TableRow, row);
            if grid::rows(element, self.keep, &mut push)? {
                return Ok(false);
            }
        }
        match name {
            "ul" | "menu" | "dir" => self.lists.open(None),
            "ol" => {
                let start = element.value().attr("start").and_then(|s| s.trim().parse().ok());
                self.lists.open(Some(start.unwrap_or(1)));
            }
            "li" => self.marker = Some(self.lists.marker()),
            "dt" => self.in_term = true,
            _ => {}
        }
        if kind != BlockKind::Paragraph {
            self.kinds.push(kind);
        }
        Ok(true)
    }

    /// Ends `node`, after its children.
    fn leave(&mut self, node: NodeRef<'_>) -> Result<(), IngestError> {
        let Some(element) = ElementRef::wrap(node) else { return Ok(()) };
        let name = element.value().name();
        let Some(kind) = block_kind(name) else { return Ok(()) };
        if is_skipped(element, self.keep) {
            return Ok(());
        }
        self.flush()?;
        match name {
            "ul" | "menu" | "dir" | "ol" => self.lists.close(),
            "dt" => self.in_term = false,
            _ => {}
        }
        if kind != BlockKind::Paragraph {
            self.kinds.pop();
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) {
        if self.kinds.last() == Some(&BlockKind::Code) {
            self.text.push_str(text);
        } else {
            // Line ends of the source mean nothing; no-break spaces do.
            self.text.extend(text.chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c }));
        }
    }

    /// Ends the text so far as a block of the innermost kind. A term goes into the block of its
    /// definition, which says little without it.
    fn flush(&mut self) -> Result<(), IngestError> {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return Ok(());
        }
        if self.in_term {
            self.terms.push(text.trim().trim_end_matches(':').trim_end().to_owned());
            return Ok(());
        }
        let kind = self.kinds.last().copied().unwrap_or(BlockKind::Paragraph);
        if kind != BlockKind::ListItem || self.marker.is_some() {
            self.push_terms()?;
        }
        if kind != BlockKind::ListItem {
            return self.builder.push(kind, &text);
        }
        let mut item = self.marker.take().unwrap_or_default();
        if !self.terms.is_empty() {
            item = format!("{}: ", std::mem::take(&mut self.terms).join(", "));
        }
        self.builder.push(kind, &(item + text.trim_start()))
    }

    /// Pushes the terms that have no definition of their own.
    fn push_terms(&mut self) -> Result<(), IngestError> {
        for term in std::mem::take(&mut self.terms) {
            self.builder.push(BlockKind::ListItem, &term)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), IngestError> {
        self.flush()?;
        self.push_terms()
    }
}
