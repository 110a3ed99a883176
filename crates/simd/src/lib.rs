//! Runs kernels with the vector instructions of the machine that they run on.

mod dispatch;

pub use dispatch::dispatch;
