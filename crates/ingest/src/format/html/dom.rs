//! Parses HTML into a tree of bounded size.
//!
//! The standard's error recovery can multiply elements (unclosed formatting is opened again in
//! every paragraph) and is quadratic in the nesting. So the source is fed in small pieces, and
//! between two of them the number of nodes, the depth and the time are looked at; attributes that
//! nobody reads are never stored.

use std::borrow::Cow;
use std::cell::{Cell, Ref};

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute, ParseOpts, QualName, parse_document};
use scraper::{Html, HtmlTreeSink};

use crate::IngestError;
use crate::builder::Builder;

/// Size of the pieces, in bytes.
const PIECE_BYTES: usize = 512;
/// The attributes that are read, see `read_head`, `content` and `grid`.
const ATTRIBUTES: [&str; 13] = [
    "aria-hidden",
    "class",
    "colspan",
    "content",
    "hidden",
    "id",
    "lang",
    "name",
    "property",
    "role",
    "rowspan",
    "start",
    "style",
];
/// The longest attribute value that is stored, in bytes.
const MAX_VALUE_BYTES: u32 = 1024;

/// Parses `source`.
///
/// # Errors
/// [`IngestError::LimitExceeded`] for the number of elements, their nesting or the time.
pub(super) fn parse(source: &str, builder: &Builder<'_>) -> Result<Html, IngestError> {
    let sink = BoundedSink {
        inner: HtmlTreeSink::new(Html::new_document()),
        last: Cell::new(None),
        nodes: Cell::new(0),
    };
    let mut parser = parse_document(sink, ParseOpts::default());
    let mut rest = source;
    while !rest.is_empty() {
        let mut cut = rest.len().min(PIECE_BYTES);
        while !rest.is_char_boundary(cut) {
            cut += 1;
        }
        let (piece, after) = rest.split_at(cut);
        parser.process(StrTendril::from(piece));
        rest = after;
        check(&parser.tokenizer.sink.sink, builder)?;
    }
    Ok(parser.finish())
}

fn check(sink: &BoundedSink, builder: &Builder<'_>) -> Result<(), IngestError> {
    builder.deadline.check()?;
    let limits = builder.limits;
    if sink.nodes.get() > u64::from(limits.max_nodes) {
        let limit = u64::from(limits.max_nodes);
        return Err(IngestError::LimitExceeded { what: "elements".into(), limit });
    }
    if let Some(last) = sink.last.get()
        && let Some(node) = sink.inner.0.borrow().tree.get(last)
        && node.ancestors().take(limits.max_nesting as usize + 1).count()
            > limits.max_nesting as usize
    {
        let limit = u64::from(limits.max_nesting);
        return Err(IngestError::LimitExceeded { what: "nested elements".into(), limit });
    }
    Ok(())
}

type Handle = <HtmlTreeSink as TreeSink>::Handle;

/// Counts what it passes on to `inner`.
struct BoundedSink {
    inner: HtmlTreeSink,
    /// The element that was created last. A `Cell`, because the parser hands out `&self` only.
    last: Cell<Option<Handle>>,
    nodes: Cell<u64>,
}

impl BoundedSink {
    fn count(&self) {
        self.nodes.set(self.nodes.get() + 1);
    }
}

impl TreeSink for BoundedSink {
    type Handle = Handle;
    type Output = Html;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Html {
        self.inner.finish()
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> Handle {
        self.inner.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a Handle) -> Ref<'a, QualName> {
        self.inner.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> Handle {
        self.count();
        let attrs = attrs.into_iter().filter(is_read).collect();
        let handle = self.inner.create_element(name, attrs, flags);
        self.last.set(Some(handle));
        handle
    }

    fn create_comment(&self, _: StrTendril) -> Handle {
        self.count();
        self.inner.create_comment(StrTendril::new())
    }

    fn create_pi(&self, target: StrTendril, _: StrTendril) -> Handle {
        self.count();
        self.inner.create_pi(target, StrTendril::new())
    }

    fn append(&self, parent: &Handle, child: NodeOrText<Handle>) {
        self.count();
        self.inner.append(parent, child);
    }

    fn append_based_on_parent_node(
        &self,
        element: &Handle,
        previous: &Handle,
        child: NodeOrText<Handle>,
    ) {
        self.count();
        self.inner.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &Handle) -> Handle {
        self.inner.get_template_contents(target)
    }

    fn same_node(&self, x: &Handle, y: &Handle) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.inner.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &Handle, child: NodeOrText<Handle>) {
        self.count();
        self.inner.append_before_sibling(sibling, child);
    }

    fn add_attrs_if_missing(&self, target: &Handle, attrs: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attrs.into_iter().filter(is_read).collect());
    }

    fn remove_from_parent(&self, target: &Handle) {
        self.inner.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &Handle, new_parent: &Handle) {
        self.inner.reparent_children(node, new_parent);
    }
}

fn is_read(attribute: &Attribute) -> bool {
    ATTRIBUTES.contains(&&*attribute.name.local) && attribute.value.len32() <= MAX_VALUE_BYTES
}
