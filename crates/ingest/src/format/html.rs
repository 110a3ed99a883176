//! Reads HTML: the main content without navigation, scripts and forms.
//!
//! Source: the HTML standard, parsed by `html5ever` into the tree of `scraper`. What the standard
//! leaves open, which part of a page is its content, is decided in `content`.

use encoding_rs::Encoding;
use intramuros_types::BlockKind;
use scraper::Html;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::encoding::decode;
use crate::format::metadata;

mod content;
mod dom;
mod grid;
mod walk;

use content::{Keep, content_without_contents, main_content};
use walk::{inline_text, walk};

/// A declaration of the encoding stands within this many bytes.
/// Source: HTML standard, 4.2.5.4.
const PRESCAN_BYTES: usize = 1024;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Unsupported`] for binary data; [`IngestError::LimitExceeded`] for the number or
/// the nesting of elements and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let source = decode(bytes, declared_encoding(bytes))?;
    let page = dom::parse(&source, builder)?;
    read_head(&page, builder);
    walk_page(&page, builder)
}

/// Reads a page within another format, such as the text of an e-mail: without its title.
///
/// # Errors
/// Those of [`extract`].
pub(crate) fn extract_page(source: &str, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    walk_page(&dom::parse(source, builder)?, builder)
}

fn walk_page(page: &Html, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let before = builder.text().len();
    let main = main_content(page);
    walk(main, content_without_contents(main), builder)?;
    if builder.text().len() == before {
        // A page that is nothing but a form or a menu still says something.
        walk(page.root_element(), Keep::Visible, builder)?;
    }
    Ok(())
}

/// Reads the HTML within another format's text.
///
/// # Errors
/// Those of [`extract`].
pub(crate) fn extract_fragment(source: &str, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let page = dom::parse(source, builder)?;
    walk(page.root_element(), Keep::Visible, builder)
}

/// Takes title, language, author and dates from the head of the page.
fn read_head(page: &Html, builder: &mut Builder<'_>) {
    let root = page.root_element();
    builder.declared_language = root.value().attr("lang").map(str::to_owned);
    let head = root
        .descendants()
        .filter_map(scraper::ElementRef::wrap)
        .take_while(|element| element.value().name() != "body");
    for element in head {
        match element.value().name() {
            "title" if builder.title.is_none() => {
                builder.title = Some(inline_text(element, Keep::Everything));
            }
            "meta" => read_meta(element, builder),
            _ => {}
        }
    }
}

/// Takes the first author and dates that are named in the usual ways: Dublin Core, Open Graph.
fn read_meta(element: scraper::ElementRef<'_>, builder: &mut Builder<'_>) {
    let value = element.value();
    let Some(name) = value.attr("name").or_else(|| value.attr("property")) else { return };
    let content = value.attr("content").unwrap_or_default().trim();
    if content.is_empty() {
        return;
    }
    match name.to_ascii_lowercase().as_str() {
        "author" | "article:author" | "dc.creator" | "dcterms.creator" => {
            builder.author.get_or_insert_with(|| content.to_owned());
        }
        "date" | "article:published_time" | "dc.date" | "dcterms.created" | "dcterms.date" => {
            builder.created = builder.created.take().or_else(|| metadata::date(content));
        }
        "article:modified_time" | "dcterms.modified" | "last-modified" => {
            builder.modified = builder.modified.take().or_else(|| metadata::date(content));
        }
        _ => {}
    }
}

/// The encoding that a `<meta>` element declares.
fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes[..bytes.len().min(PRESCAN_BYTES)].to_ascii_lowercase();
    let at = head.windows(8).position(|window| window == b"charset=")? + 8;
    let label: Vec<u8> = head[at..]
        .iter()
        .copied()
        .skip_while(|b| matches!(b, b'"' | b'\'' | b' '))
        .take_while(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(b))
        .collect();
    Encoding::for_label(&label)
}

/// The kind of block that an element's own text is; `None` for elements within a line.
fn block_kind(name: &str) -> Option<BlockKind> {
    Some(match name {
        "h1" => BlockKind::Heading(1),
        "h2" => BlockKind::Heading(2),
        "h3" => BlockKind::Heading(3),
        "h4" => BlockKind::Heading(4),
        "h5" => BlockKind::Heading(5),
        "h6" => BlockKind::Heading(6),
        "li" | "dt" | "dd" => BlockKind::ListItem,
        "pre" | "listing" | "xmp" => BlockKind::Code,
        "address" | "article" | "aside" | "blockquote" | "body" | "caption" | "center"
        | "details" | "dialog" | "dir" | "div" | "dl" | "fieldset" | "figcaption" | "figure"
        | "footer" | "form" | "header" | "hgroup" | "hr" | "html" | "legend" | "main" | "menu"
        | "nav" | "ol" | "option" | "p" | "search" | "section" | "summary" | "table" | "tbody"
        | "td" | "tfoot" | "th" | "thead" | "tr" | "ul" => BlockKind::Paragraph,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
