//! Replaces models, directories and accidents in tests.
//!
//! - [`FakeText`] and [`FakeCodec`]: a generative model over bytes, without weights. What it says
//!   is a pure function of the tokens of its own sequence, so that a scheduler that mixes up,
//!   loses or repeats tokens changes the answer.
//! - [`FakeEmbed`] and [`FakeEmbedCodec`]: an encoder over words; texts that share words get
//!   similar vectors.
//! - [`Control`]: what a test holds of a fake: it records the batches, holds steps up and lets
//!   them go one by one, and makes chosen steps panic, fail or give nonsense.
//! - [`temp_dir`], [`models_dir`], [`require_model`].
//!
//! Nothing here sleeps: to wait for a state, a test waits for a step. For tests only; no crate may
//! depend on it outside of `dev-dependencies`.

mod control;
mod embed;
mod models;
mod text;

pub use control::{Control, Mishap};
pub use embed::{FakeEmbed, FakeEmbedCodec};
pub use models::{models_dir, require_model, temp_dir};
pub use text::{FakeCodec, FakeText, Reply};
