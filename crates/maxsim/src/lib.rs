//! Compares a question and a passage word by word: late interaction.
//!
//! A single vector says what a passage is about on the whole; the one sentence that answers hardly
//! moves it. Here each word of the question looks for the word of the passage that means most
//! nearly the same, and the similarities are summed, weighted by how much the words say (MaxSim).
//! It needs no other model than the encoder, whose token vectors are there anyway.
//! Source: Khattab and Zaharia 2020, "ColBERT", section 3.3; the encoder was not trained for it,
//! which is made up for by [`Space`].
//!
//! - [`pack`] keeps the word vectors of a passage in 4 bits a value: 192 bytes a word of 384 values.
//! - [`Space::fit`] finds what the words of a collection have in common; it is taken away before
//!   comparing. Source: Mu and Viswanath 2018, "All-but-the-Top".
//! - [`Query::score`] compares.
//!
//! Invariants: the same inputs give the same scores; bytes that [`pack`] cannot have written are
//! refused, never misread. What is absent: models, tokens, stores, threads.

mod kernel;
mod pack;
mod query;
mod space;

pub use pack::{MAX_WORDS, pack, words_in};
pub use query::Query;
pub use space::Space;
