//! Holds no code: the end-to-end tests are in `it/`, the repository's rules in `tidy/`.
