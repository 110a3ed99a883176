//! Decides which part of a page is its content.

use scraper::{ElementRef, Html, Node};

use super::walk::{NodeRef, next_outside};

/// How much of a tree is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The content: without navigation, forms, tables of contents and the frame of the page.
    Content,
    /// The same with tables of contents, for pages that hold little else.
    ContentAndContents,
    /// All that a reader sees.
    Visible,
    /// Every text node.
    Everything,
}

/// Below this much text, in bytes, an element is not the main one of a page.
const MIN_MAIN_BYTES: usize = 100;
/// The one `<article>` of a page is its content when it holds this share of the text, one in:
const ARTICLE_SHARE: usize = 2;

/// A page with less text than this beside its table of contents is one, in bytes.
const MIN_BESIDE_CONTENTS_BYTES: usize = 300;

/// Never shown as text.
const INVISIBLE: [&str; 22] = [
    "applet", "audio", "base", "canvas", "datalist", "embed", "head", "iframe", "link", "map",
    "meta", "noembed", "noframes", "noscript", "object", "param", "script", "style", "svg",
    "template", "title", "video",
];
/// Shown, but not content.
const FRAME: [&str; 7] = ["aside", "button", "dialog", "input", "nav", "select", "textarea"];
/// Roles of the frame. Source: WAI-ARIA 1.2, landmark roles.
const FRAME_ROLES: [&str; 6] =
    ["banner", "complementary", "contentinfo", "menu", "navigation", "search"];
/// Names that generators of documentation and shops give to navigation.
const FRAME_CLASSES: [&str; 14] = [
    "breadcrumb",
    "breadcrumbs",
    "cookie-banner",
    "cookie-consent",
    "nav",
    "navbar",
    "navfooter",
    "navheader",
    "navigation",
    "pagination",
    "sidebar",
    "site-footer",
    "site-header",
    "skip-link",
];

/// Names that generators of documentation give to tables of contents. Their lines are titles, which
/// resemble every question about what they only point to.
const CONTENTS_CLASSES: [&str; 5] =
    ["list-of-figures", "list-of-tables", "table-of-contents", "toc", "toctree-wrapper"];

/// How to read `main`: without its tables of contents when there is something beside them.
pub(super) fn content_without_contents(main: ElementRef<'_>) -> Keep {
    let is_page = text_bytes(main) >= MIN_BESIDE_CONTENTS_BYTES;
    if is_page { Keep::Content } else { Keep::ContentAndContents }
}

/// The element that holds the content: `<main>`, else the only `<article>` when it is most of the
/// page, else everything.
pub(super) fn main_content(page: &Html) -> ElementRef<'_> {
    let root = page.root_element();
    let mut main = None;
    let mut articles = Vec::new();
    for element in root.descendants().filter_map(ElementRef::wrap) {
        let value = element.value();
        if main.is_none() && (value.name() == "main" || value.attr("role") == Some("main")) {
            main = Some(element);
        }
        if value.name() == "article" && articles.len() < 2 {
            articles.push(element);
        }
    }
    if let Some(main) = main.filter(|main| text_bytes(*main) >= MIN_MAIN_BYTES) {
        return main;
    }
    if let [article] = articles[..] {
        let bytes = text_bytes(article);
        if bytes >= MIN_MAIN_BYTES && bytes * ARTICLE_SHARE >= text_bytes(root) {
            return article;
        }
    }
    root
}

/// Whether `element` is left out.
pub(super) fn is_skipped(element: ElementRef<'_>, keep: Keep) -> bool {
    if keep == Keep::Everything {
        return false;
    }
    let value = element.value();
    let name = value.name();
    if INVISIBLE.contains(&name) || is_hidden(element) {
        return true;
    }
    if keep == Keep::Visible {
        return false;
    }
    match name {
        _ if FRAME.contains(&name) => return true,
        "header" | "footer" => return !is_within_content(element),
        "form" => return !has_heading(element),
        "html" | "body" | "main" | "article" => return false,
        _ => {}
    }
    if value.attr("role").is_some_and(|role| FRAME_ROLES.contains(&role)) {
        return true;
    }
    let named = |names: &[&str]| {
        let is = |name: &str| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        value.classes().any(is) || value.id().is_some_and(is)
    };
    named(&FRAME_CLASSES) || (keep == Keep::Content && named(&CONTENTS_CLASSES))
}

fn is_hidden(element: ElementRef<'_>) -> bool {
    let value = element.value();
    let style = value.attr("style").unwrap_or_default();
    value.attr("hidden").is_some()
        || value.attr("aria-hidden") == Some("true")
        || (!style.is_empty() && {
            let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
            let style = style.to_ascii_lowercase();
            style.contains("display:none") || style.contains("visibility:hidden")
        })
}

/// A header within an article or a section is that section's, not the page's.
fn is_within_content(element: ElementRef<'_>) -> bool {
    element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .any(|above| matches!(above.value().name(), "article" | "main" | "section"))
}

/// Some frameworks wrap the whole page in one form.
fn has_heading(element: ElementRef<'_>) -> bool {
    element
        .descendants()
        .filter_map(ElementRef::wrap)
        .any(|inner| matches!(inner.value().name(), "h1" | "h2" | "h3"))
}

/// Bytes of text that [`Keep::Content`] would read below `root`.
fn text_bytes(root: ElementRef<'_>) -> usize {
    let mut bytes = 0;
    let mut next: Option<NodeRef<'_>> = root.first_child();
    while let Some(node) = next {
        let skip = ElementRef::wrap(node).is_some_and(|e| is_skipped(e, Keep::Content));
        if let Node::Text(text) = node.value() {
            bytes += text.trim().len();
        }
        let inner = if skip { None } else { node.first_child() };
        next = inner.or_else(|| next_outside(node, root));
    }
    bytes
}
