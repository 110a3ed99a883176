//! Names what is wrong with a file of labelled items, and what to do about it.

/// Why a labelled set cannot be used. Nothing of the file's texts is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// The file is too large.
    #[error("the set has {bytes} bytes, the limit is {limit}: cut it into several sets")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// There are too many items.
    #[error("the set has more than {limit} items: cut it into several sets")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// There are no items.
    #[error("the set has no item: write one JSON object a line, or a line of names and then rows")]
    Empty,
    /// The bytes are no text.
    #[error("the set is no text: save it as JSONL or CSV, in UTF-8 or Windows-1252")]
    Binary,
    /// A line cannot be taken apart.
    #[error("line {line} {found}: {remedy}")]
    Line {
        /// From 1.
        line: usize,
        /// What is there.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A field of a line is wrong.
    #[error("line {line}: '{field}' {found}: {remedy}")]
    Field {
        /// From 1; of an item of several lines, the first.
        line: usize,
        /// The field, as the manual names it.
        field: String,
        /// What is there.
        found: String,
        /// What to do.
        remedy: String,
    },
}
