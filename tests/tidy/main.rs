//! Checks the repository's own rules: layers, file sizes, headers, paths, unsafe code, documents.
//!
//! Each rule is one test that lists every violation, so that one run shows all there is to mend.

mod documents;
mod files;
mod layers;
mod tree;
