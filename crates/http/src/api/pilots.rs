//! Files labelled sets, runs them, and hands out what people read of a run.

pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod sets;
