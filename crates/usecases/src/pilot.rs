//! Measures how well the server does a job, on items whose right result is known.
//!
//! Plain arithmetic: what a run gave goes in, figures come out. A figure that has an uncertainty
//! comes with it, because sets are small: 200 items tell 85 % from 90 % only just.
//!
//! A file becomes a [`LabelledSet`]; who runs it gives each item to the server and what came back
//! ([`Given`]) to [`judge`], and stores the [`ItemResult`]. From those come the figures
//! ([`ManagerFigures`], [`EngineerFigures`]), the thresholds that can be promised ([`promises`]), the
//! comparison of two runs ([`Comparison`]) and what people read ([`Report`]).

mod classification;
mod compare;
mod comparison;
mod figures;
mod interval;
mod judge;
mod promise;
mod ranking;
mod report;
mod run;
mod set;
mod threshold;

#[cfg(test)]
mod tests;

pub use classification::{Band, Class, Classification, Labelled, coverage_at, reliability};
pub use compare::{Difference, paired};
pub use comparison::{Change, Comparison, ComparisonError, Measure, Turned, Verdict};
pub use figures::{
    ChatFigures, EngineerFigures, ExtractionFigures, FieldFigures, JobFigures, ManagerFigures,
    Point, Savings, SearchFigures, Shares, Sureness, Times, TriageFigures, Volumes, VolumesError,
    proposals,
};
pub use interval::{Interval, share};
pub use judge::{JudgeRules, judge};
pub use promise::{PromiseRow, promises};
pub use ranking::{auroc, ndcg, recall, reciprocal_rank, refused_at};
pub use report::{Language, Report, ReportOptions};
pub use run::{
    ChatDetails, ChatGiven, Details, ExtractionDetails, ExtractionGiven, FieldMatch, FieldResult,
    Given, GivenField, Guess, ItemResult, LabelResult, Outcome, Part, Run, RunMeta, SearchDetails,
    SearchGiven, SetName, TriageDetails, TriageGiven, Versions,
};
pub use set::{
    ChatItem, Content, ExtractionItem, Format, Item, Job, LabelledSet, MAX_SET_BYTES,
    MAX_SET_ITEMS, SearchItem, SetError, Speaker, TriageItem, Turn,
};
pub use threshold::{Promise, Threshold, TooSmall, accept};
