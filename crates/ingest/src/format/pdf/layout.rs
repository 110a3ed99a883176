//! Lays out pages of runs: rows, reading order, frames of pages, blocks.

use super::row::{self, Row, Run};
use super::{assemble, column, furniture};
use crate::IngestError;
use crate::builder::Builder;

/// The rows of a page in reading order.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Whether they were recognised in an image.
    pub(super) recognised: bool,
}

/// Pages on their way to blocks.
#[derive(Default)]
pub(in crate::format) struct Pages {
    pages: Vec<Page>,
    chars: u64,
}

impl Pages {
    /// Appends a page, `recognised` in an image or read from the file.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for the length of the text.
    pub(in crate::format) fn push(
        &mut self,
        runs: Vec<Run>,
        recognised: bool,
        builder: &Builder<'_>,
    ) -> Result<(), IngestError> {
        let (rows, turned) = row::rows(runs);
        let mut rows = column::order(rows);
        rows.extend(turned);
        self.chars += rows.iter().map(Row::chars).sum::<usize>() as u64;
        let limit = builder.limits.max_text_chars;
        if self.chars > limit {
            return Err(IngestError::LimitExceeded { what: "characters".into(), limit });
        }
        self.pages.push(Page { rows, recognised });
        Ok(())
    }

    /// Letters and figures on all pages.
    pub(in crate::format) fn chars(&self) -> u64 {
        self.chars
    }

    /// Pushes the blocks of all pages.
    ///
    /// # Errors
    /// The limits of [`Builder::push`].
    pub(in crate::format) fn finish(
        mut self,
        builder: &mut Builder<'_>,
    ) -> Result<(), IngestError> {
        builder.pages = Some(self.pages.len() as u32);
        furniture::remove(self.pages.iter_mut().map(|page| &mut page.rows).collect());
        assemble::push(&self.pages, builder)
    }
}
