//! Reads Markdown: CommonMark with tables, task lists, footnotes and front matter.
//!
//! Source: CommonMark 0.31 and the GitHub extensions, parsed by `pulldown-cmark`.

use intramuros_types::BlockKind;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::IngestError;
use crate::builder::Builder;
use crate::format::encoding::decode;
use crate::format::html;
use crate::format::list::Lists;
use crate::format::metadata;
use crate::format::table::row_text;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Unsupported`] for binary data; the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let source = decode(bytes, None)?;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader {
        builder,
        text: String::new(),
        kinds: Vec::new(),
        lists: Lists::default(),
        marker: None,
        table: Table::default(),
    };
    for event in Parser::new_ext(&source, options) {
        reader.builder.deadline.check()?;
        reader.read(event)?;
    }
    reader.flush()
}

/// What the events so far have opened.
struct Reader<'b, 'l> {
    builder: &'b mut Builder<'l>,
    /// Text of the block that is open.
    text: String,
    /// Kinds of the blocks that are open, innermost last.
    kinds: Vec<Kind>,
    lists: Lists,
    /// Marker of the list item that began, until its first text is pushed.
    marker: Option<String>,
    table: Table,
}

/// What becomes of the text of a block.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Block(BlockKind),
    Html,
    Metadata,
}

#[derive(Default)]
struct Table {
    headers: Vec<String>,
    cells: Vec<String>,
    rows: usize,
}

impl Reader<'_, '_> {
    fn read(&mut self, event: Event<'_>) -> Result<(), IngestError> {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::InlineHtml(html) => {
                if html.to_ascii_lowercase().starts_with("<br") {
                    self.text.push('\n');
                }
                Ok(())
            }
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::Html(text) => {
                self.text.push_str(&text);
                Ok(())
            }
            Event::SoftBreak => {
                self.text.push(' ');
                Ok(())
            }
            Event::HardBreak => {
                self.text.push('\n');
                Ok(())
            }
            Event::FootnoteReference(_) | Event::Rule | Event::TaskListMarker(_) => Ok(()),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "tags that are not named open no block: their text belongs to the one around"
    )]
    fn start(&mut self, tag: Tag<'_>) -> Result<(), IngestError> {
        let kind = match tag {
            Tag::Paragraph => return self.flush(),
            Tag::Heading { level, .. } => Kind::Block(BlockKind::Heading(level as u8)),
            Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) => Kind::Block(BlockKind::Paragraph),
            Tag::CodeBlock(_) => Kind::Block(BlockKind::Code),
            Tag::HtmlBlock => Kind::Html,
            Tag::MetadataBlock(_) => Kind::Metadata,
            Tag::List(start) => {
                self.flush()?;
                self.lists.open(start);
                return Ok(());
            }
            Tag::Item => {
                self.flush()?;
                self.marker = Some(self.lists.marker());
                self.kinds.push(Kind::Block(BlockKind::ListItem));
                return Ok(());
            }
            Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {
                Kind::Block(BlockKind::ListItem)
            }
            Tag::Table(_) => {
                self.table = Table::default();
                Kind::Block(BlockKind::TableRow)
            }
            Tag::TableCell => {
                self.text.clear();
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.flush()?;
        self.kinds.push(kind);
        Ok(())
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "tags that are not named open no block: their text belongs to the one around"
    )]
    fn end(&mut self, tag: TagEnd) -> Result<(), IngestError> {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::FootnoteDefinition
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::MetadataBlock(_)
            | TagEnd::Item
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => {
                self.flush()?;
                self.kinds.pop();
                Ok(())
            }
            TagEnd::List(_) => {
                self.lists.close();
                Ok(())
            }
            TagEnd::TableCell => {
                self.table.cells.push(std::mem::take(&mut self.text));
                Ok(())
            }
            TagEnd::TableHead => {
                self.table.headers = std::mem::take(&mut self.table.cells);
                Ok(())
            }
            TagEnd::TableRow => {
                let cells = std::mem::take(&mut self.table.cells);
                self.table.rows += 1;
                self.builder.push(BlockKind::TableRow, &row_text(&self.table.headers, &cells))
            }
            TagEnd::Table => {
                self.kinds.pop();
                if self.table.rows == 0 {
                    let headers = std::mem::take(&mut self.table.headers);
                    return self.builder.push(BlockKind::TableRow, &row_text(&[], &headers));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Ends the text so far as a block of the innermost kind.
    fn flush(&mut self) -> Result<(), IngestError> {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return Ok(());
        }
        match self.kinds.last().copied().unwrap_or(Kind::Block(BlockKind::Paragraph)) {
            Kind::Metadata => {
                let value = |keys: &[&str]| keys.iter().find_map(|key| front_matter(&text, key));
                self.builder.title = value(&["title", "titre"]);
                self.builder.author = value(&["author", "authors", "auteur"]);
                let day = |keys| value(keys).and_then(|text| metadata::date(&text));
                self.builder.created = day(&["date", "created"]);
                self.builder.modified = day(&["lastmod", "modified", "updated"]);
                self.builder.declared_language = value(&["lang", "language"]);
                Ok(())
            }
            Kind::Html => html::extract_fragment(&text, self.builder),
            Kind::Block(BlockKind::ListItem) => {
                let marker = self.marker.take().unwrap_or_default();
                self.builder.push(BlockKind::ListItem, &format!("{marker}{}", text.trim_start()))
            }
            Kind::Block(kind) => self.builder.push(kind, &text),
        }
    }
}

/// The value of `key:` (YAML) or `key =` (TOML) at the top level of front matter; of a list, its
/// entries joined.
fn front_matter(metadata: &str, key: &str) -> Option<String> {
    let mut lines = metadata.lines();
    let inline = lines.find_map(|line| {
        let rest = line.strip_prefix(key)?.trim_start();
        Some(rest.strip_prefix([':', '='])?.trim())
    })?;
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).trim().to_owned();
    let value = if inline.is_empty() {
        let entries = lines.map_while(|line| line.trim_start().strip_prefix("- "));
        entries.map(unquoted).collect::<Vec<_>>().join(", ")
    } else if let Some(list) = inline.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        list.split(',').map(unquoted).collect::<Vec<_>>().join(", ")
    } else {
        unquoted(inline)
    };
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests;
