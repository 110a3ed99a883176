//! Holds a slide until its parts can be pushed in reading order: title, text, notes.

use intramuros_types::BlockKind;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, push};

/// A slide of a presentation.
pub(super) struct Slide {
    number: u32,
    pub(super) title: Vec<Item>,
    pub(super) body: Vec<Item>,
    pub(super) notes: Vec<Item>,
}

impl Slide {
    /// An empty slide; `number` is its place in the presentation, from 1.
    pub(super) fn new(number: u32) -> Self {
        Self { number, title: Vec::new(), body: Vec::new(), notes: Vec::new() }
    }

    /// Pushes the slide as a page. Its title is a heading of the first level; without one, its
    /// text is under no heading rather than under that of the slide before.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for the number of pages, and the limits of
    /// [`Builder::push`].
    pub(super) fn push(self, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        let limit = builder.limits.max_pages;
        if self.number > limit {
            let limit = u64::from(limit);
            return Err(IngestError::LimitExceeded { what: "pages".into(), limit });
        }
        builder.page = Some(self.number);
        builder.pages = Some(self.number);
        builder.end_sections();
        let text = |item: &Item| match item {
            Item::Paragraph(paragraph) => Some(paragraph.text.trim().to_owned()),
            Item::Table(_) => None,
        };
        let title: Vec<String> = self.title.iter().filter_map(text).collect();
        builder.push(BlockKind::Heading(1), &title.join(" "))?;
        for item in self.body.into_iter().chain(self.notes) {
            push(item, builder)?;
        }
        Ok(())
    }
}
