//! Reports long work to whoever shows it.

/// What a file is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// Its bytes come from the hub.
    Download,
    /// Its bytes come from this machine's disk.
    Copy,
    /// Its digest is computed.
    Verify,
}

/// Listens to the progress of a pull, an import or a verification.
///
/// Files come one after the other: `start`, any number of `advance`, `finish`. A `start` for a
/// file that is not finished begins it again (the hub could not resume).
pub trait Progress {
    /// A file begins; `done_bytes` of `total_bytes` were there already.
    fn start(&mut self, activity: Activity, file: &str, total_bytes: u64, done_bytes: u64);

    /// `bytes` more are done.
    fn advance(&mut self, bytes: u64);

    /// The file is complete.
    fn finish(&mut self);

    /// Something that the operator should read: a retry, a licence, a file left aside.
    fn note(&mut self, message: &str);
}

/// Shows nothing.
impl Progress for () {
    fn start(&mut self, _: Activity, _: &str, _: u64, _: u64) {}
    fn advance(&mut self, _: u64) {}
    fn finish(&mut self) {}
    fn note(&mut self, _: &str) {}
}
