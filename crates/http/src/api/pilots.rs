//! Files labelled sets, runs them, and hands out what people read of a run.

pub(crate) mod models;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod sets;
pub(crate) mod thresholds;
