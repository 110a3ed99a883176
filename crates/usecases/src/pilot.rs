//! Measures how well the server does a job, on items whose right result is known.
//!
//! Plain arithmetic: what a run gave goes in, figures come out. A figure that has an uncertainty
//! comes with it, because sets are small: 200 items tell 85 % from 90 % only just.

mod classification;
mod compare;
mod interval;
mod ranking;
mod threshold;

pub use classification::{Band, Class, Classification, Labelled, coverage_at, reliability};
pub use compare::{Difference, paired};
pub use interval::{Interval, share};
pub use ranking::{auroc, ndcg, refused_at};
pub use threshold::{Promise, Threshold, TooSmall, accept};
