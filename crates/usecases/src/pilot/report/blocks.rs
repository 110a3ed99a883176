//! Describes what reports are made of.

use super::Language;
use super::plot::Plot;

/// A report before it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// Whether a share is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Neutral,
    Bad,
}

/// One of the large figures of the first page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Big {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) range: String,
    pub(super) tone: Tone,
}

/// Rows under a line of names. The first column names the row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Whether cells are words rather than numbers.
    pub(super) is_wordy: bool,
}

/// Counts of pairs of labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    pub(super) caption: String,
    /// Of rows and of columns.
    pub(super) labels: Vec<String>,
    pub(super) counts: Vec<Vec<usize>>,
}

/// A plot with its equivalent for who cannot see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) plot: Plot,
    pub(super) table: Table,
}

/// An item that went wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Card {
    pub(super) title: String,
    /// What is said of it, each with its name.
    pub(super) lines: Vec<(String, String)>,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// Of level 2 or 3.
    Heading(u8, String),
    /// The sentence that everybody reads.
    Verdict(String),
    Text(String),
    Note(String),
    Bigs(Vec<Big>),
    List(Vec<String>),
    Table(Table),
    Matrix(Matrix),
    Figure(Box<Figure>),
    Cards(Vec<Card>),
    /// Where a new page of paper begins.
    Page,
}

impl Document {
    pub(super) fn new(language: Language, title: String) -> Self {
        Self { language, title, blocks: Vec::new() }
    }

    pub(super) fn add(&mut self, block: Block) {
        self.blocks.push(block);
    }

    pub(super) fn heading(&mut self, level: u8, french: &str, english: &str) {
        self.add(Block::Heading(level, self.language.pick(french, english).to_owned()));
    }

    pub(super) fn text(&mut self, text: impl Into<String>) {
        self.add(Block::Text(text.into()));
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.add(Block::Note(text.into()));
    }
}
