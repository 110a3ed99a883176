//! Builds an extracted document block by block, so that every format counts positions alike.

use intramuros_types::{
    Block, BlockKind, DocumentFormat, ExtractedDocument, PlacedWord, ReadWarning, Span,
};

use crate::limits::Deadline;
use crate::normalise::{Layout, clean};
use crate::placed::PlacedText;
use crate::{
    EmbeddedFile, ExtractConfig, ExtractLimits, Extraction, IngestError, OcrConfig, language,
};

/// Headings are repeated in the path of every block below them, so there they are cut to this
/// many characters.
const MAX_PATH_TITLE_CHARS: usize = 200;

/// A document under construction. Formats push blocks in reading order.
pub(crate) struct Builder<'l> {
    /// What reading may cost.
    pub(crate) limits: &'l ExtractLimits,
    /// How page images are read.
    pub(crate) ocr: Option<&'l OcrConfig>,
    /// When reading has taken too long.
    pub(crate) deadline: Deadline,
    /// Title from the document's metadata.
    pub(crate) title: Option<String>,
    /// Whether the first heading can stand in for the title.
    pub(crate) heading_is_title: bool,
    /// Language that the document declares.
    pub(crate) declared_language: Option<String>,
    /// Author, from the document's metadata or headers.
    pub(crate) author: Option<String>,
    /// When it was made: `YYYY-MM-DD` or RFC 3339.
    pub(crate) created: Option<String>,
    /// When it was last changed: `YYYY-MM-DD` or RFC 3339.
    pub(crate) modified: Option<String>,
    /// Number of pages, where the format has them.
    pub(crate) pages: Option<u32>,
    /// Page of the blocks that come next, from 1.
    pub(crate) page: Option<u32>,
    /// What could not be read well.
    pub(crate) warnings: Vec<ReadWarning>,
    /// Files within the document.
    pub(crate) files: Vec<EmbeddedFile>,
    words: Vec<PlacedWord>,
    text: String,
    chars: u64,
    blocks: Vec<Block>,
    open_headings: Vec<(u8, String)>,
}

impl<'l> Builder<'l> {
    /// An empty document; the time starts to count.
    pub(crate) fn new(config: &'l ExtractConfig) -> Self {
        Self::empty(&config.limits, config.ocr.as_ref())
    }

    fn empty(limits: &'l ExtractLimits, ocr: Option<&'l OcrConfig>) -> Self {
        Self {
            limits,
            ocr,
            deadline: Deadline::start(limits),
            title: None,
            heading_is_title: true,
            declared_language: None,
            author: None,
            created: None,
            modified: None,
            pages: None,
            page: None,
            warnings: Vec::new(),
            files: Vec::new(),
            words: Vec::new(),
            text: String::new(),
            chars: 0,
            blocks: Vec::new(),
            open_headings: Vec::new(),
        }
    }

    /// A document of its own under the same limits, to try something out in.
    pub(crate) fn scratch(&self) -> Self {
        Self { deadline: self.deadline, ..Self::empty(self.limits, self.ocr) }
    }

    /// The text so far.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether no block was pushed.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Appends a block of `raw` text, cleaned; nothing when nothing visible is in it.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for the text's length, the number of blocks or the time.
    pub(crate) fn push(&mut self, kind: BlockKind, raw: &str) -> Result<(), IngestError> {
        self.push_placed(kind, &PlacedText::from(raw))
    }

    /// Appends a block as [`Self::push`] does, and the places of its words.
    ///
    /// # Errors
    /// Those of [`Self::push`].
    pub(crate) fn push_placed(
        &mut self,
        kind: BlockKind,
        raw: &PlacedText,
    ) -> Result<(), IngestError> {
        let layout = match kind {
            BlockKind::Heading(_) | BlockKind::TableRow => Layout::Line,
            BlockKind::Paragraph | BlockKind::ListItem => Layout::Lines,
            BlockKind::Code => Layout::Verbatim,
        };
        let text = clean(raw, layout);
        if text.is_empty() {
            return Ok(());
        }
        self.deadline.check()?;
        let kind = if let BlockKind::Heading(level) = kind {
            BlockKind::Heading(level.clamp(1, 6))
        } else {
            kind
        };
        self.separate(kind);
        let start = self.chars;
        self.chars += text.chars().count() as u64;
        self.check_limits()?;
        self.words.extend(raw.spans_in(&text, start as u32));
        self.text.push_str(&text);
        if let BlockKind::Heading(level) = kind {
            self.open_headings.retain(|(above, _)| *above < level);
        }
        let section_path = self.open_headings.iter().map(|(_, title)| title.clone()).collect();
        let span = Span::new(start as u32, self.chars as u32);
        self.blocks.push(Block { kind, span, page: self.page, section_path });
        if let BlockKind::Heading(level) = kind {
            self.open_headings.push((level, shortened(text)));
        }
        Ok(())
    }

    /// Notes that a part was not read, or not well; the first note of a kind on a page counts.
    /// `text` does not quote the document.
    pub(crate) fn warn(&mut self, code: &str, text: &str, page: Option<u32>) {
        if !self.warnings.iter().any(|known| known.code == code && known.page == page) {
            self.warnings.push(ReadWarning { code: code.to_owned(), text: text.to_owned(), page });
        }
    }

    /// Ends all sections, so that what comes next is under no heading.
    pub(crate) fn end_sections(&mut self) {
        self.open_headings.clear();
    }

    /// Ends the document. A file without text that holds files has no document. The title is the
    /// metadata's, else the first heading, else the file name without its extension.
    ///
    /// # Errors
    /// [`IngestError::Empty`] when it has neither block nor file.
    pub(crate) fn finish(
        self,
        format: DocumentFormat,
        file_name: &str,
    ) -> Result<Extraction, IngestError> {
        if self.is_empty() {
            if self.files.is_empty() {
                return Err(IngestError::Empty);
            }
            let (files, warnings) = (self.files, self.warnings);
            return Ok(Extraction { document: None, files, warnings });
        }
        let is_heading = |b: &&Block| matches!(b.kind, BlockKind::Heading(_));
        let heading = self.blocks.iter().find(is_heading).filter(|_| self.heading_is_title);
        let title = self
            .title
            .map(|title| shortened(clean(&title, Layout::Line)))
            .filter(|title| !title.is_empty())
            .or_else(|| heading.map(|b| shortened(b.span.slice(&self.text).to_owned())))
            .unwrap_or_else(|| stem(file_name).to_owned());
        let language = language::detect(&self.text)
            .or_else(|| self.declared_language.as_deref().and_then(language::from_tag));
        let line = |text: Option<String>| {
            text.map(|text| shortened(clean(&text, Layout::Line))).filter(|text| !text.is_empty())
        };
        let document = ExtractedDocument {
            format,
            title,
            language,
            author: line(self.author),
            created: line(self.created),
            modified: line(self.modified),
            text: self.text,
            blocks: self.blocks,
            pages: self.pages,
            words: self.words,
            warnings: self.warnings,
        };
        Ok(Extraction { document: Some(document), files: self.files, warnings: Vec::new() })
    }

    /// Puts white space between the last block and the next one, of `kind`.
    fn separate(&mut self, kind: BlockKind) {
        let Some(last) = self.blocks.last() else { return };
        let close = matches!(kind, BlockKind::ListItem | BlockKind::TableRow) && last.kind == kind;
        let separator = if close { "\n" } else { "\n\n" };
        self.text.push_str(separator);
        self.chars += separator.len() as u64;
    }

    fn check_limits(&self) -> Result<(), IngestError> {
        let max_chars = self.limits.max_text_chars.min(u64::from(u32::MAX));
        if self.chars > max_chars {
            return Err(IngestError::LimitExceeded { what: "characters".into(), limit: max_chars });
        }
        let max_blocks = self.limits.max_blocks;
        if self.blocks.len() >= max_blocks as usize {
            let limit = u64::from(max_blocks);
            return Err(IngestError::LimitExceeded { what: "paragraphs".into(), limit });
        }
        Ok(())
    }
}

/// Cuts a title that is far too long to be one.
fn shortened(title: String) -> String {
    match title.char_indices().nth(MAX_PATH_TITLE_CHARS) {
        Some((at, _)) => format!("{}…", title[..at].trim_end()),
        None => title,
    }
}

/// The file name without folders and extension.
fn stem(file_name: &str) -> &str {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
