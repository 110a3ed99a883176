//! Writes the report of a run, or of two, as Markdown and as one HTML file.
//!
//! The first page is for who decides: one sentence, three shares with what they may be by chance,
//! hours with the arithmetic, the worst errors. The rest is for who improves: figures, plots and the
//! list of what went wrong. A report travels, so texts of items are in it only where that is asked
//! for; names of labels and of fields are in it always.
//!
//! What is said is put together once, from a few kinds of blocks (`blocks`), and then written in
//! either form (`html`, `markdown`): escaping is there and nowhere else. The HTML has no script and
//! loads nothing, which its own policy says as well.

use super::comparison::{Comparison, ComparisonError};
use super::figures::{EngineerFigures, ManagerFigures, Volumes};
use super::run::Run;
use super::set::LabelledSet;

mod blocks;
mod compared;
mod curves;
mod engineer;
mod errors;
mod html;
mod job;
mod manager;
mod markdown;
mod plot;
mod words;

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// French, as reports are unless asked otherwise.
    #[default]
    French,
    /// English.
    English,
}

impl Language {
    /// The one of the two that is of this language.
    pub(super) fn pick<T>(self, french: T, english: T) -> T {
        match self {
            Language::French => french,
            Language::English => english,
        }
    }
}

/// What a report is to be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportOptions<'a> {
    /// Its language.
    pub language: Language,
    /// How much of the job there is, to say what is saved.
    pub volumes: Option<Volumes>,
    /// The sign of the currency that rates are in; euros where it is empty.
    pub currency: &'a str,
    /// The set, where texts of items and of answers are to be in the report.
    pub texts: Option<&'a LabelledSet>,
}

/// What people read.
#[derive(Debug, Clone, PartialEq)]
pub struct Report(blocks::Document);

impl Report {
    /// The report of one run.
    pub fn of_run(run: &Run, options: &ReportOptions<'_>) -> Self {
        let figures = ManagerFigures::of(run, options.volumes.as_ref());
        let engineer = EngineerFigures::of(run);
        let title = words::title(run, options.language);
        let mut document = blocks::Document::new(options.language, title);
        manager::write(&mut document, run, &figures, &engineer.promises, options);
        engineer::write(&mut document, run, &engineer, options);
        Self(document)
    }

    /// The report of two runs of one set.
    ///
    /// # Errors
    /// [`ComparisonError`] where they cannot be compared.
    pub fn of_comparison(
        before: &Run,
        after: &Run,
        options: &ReportOptions<'_>,
    ) -> Result<Self, ComparisonError> {
        let comparison = Comparison::of(before, after)?;
        let title = words::comparison_title(before, options.language);
        let mut document = blocks::Document::new(options.language, title);
        compared::write(&mut document, before, after, &comparison, options);
        Ok(Self(document))
    }

    /// As Markdown, with tables instead of plots.
    pub fn markdown(&self) -> String {
        markdown::write(&self.0)
    }

    /// As one HTML file that needs no other.
    pub fn html(&self) -> String {
        html::write(&self.0)
    }
}

#[cfg(test)]
mod tests;
