//! Says whose fault an error is, which decides its HTTP status and whether a retry can help.

/// Whose fault an error is. Every library error of the workspace answers `fault()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request cannot succeed as it is; the message says what to change.
    User,
    /// The request is fine, the machine is busy or full; retrying later can succeed.
    Capacity,
    /// The environment failed: disk, a missing or damaged file, the network of a pull.
    Runtime,
    /// A promise of this code was broken.
    Bug,
}
