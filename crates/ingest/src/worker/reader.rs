//! Reads files through processes of their own; the server's side.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::answer::is_sound;
use super::child::{Worker, cause_of_death};
use super::exchange::{Exchange, NoAnswer};
use super::wire::{RequestHead, read_answer};
use super::{Confinement, WorkerLimits};
use crate::{ExtractConfig, Extraction, IngestError};

/// Longer limits are this one: the clock cannot count any number of seconds.
const LONGEST_WALL: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads each file in a process of its own. Holds no process while it reads nothing; may be shared
/// by threads, each of which reads one file at a time.
#[derive(Debug, Clone)]
pub struct Reader {
    program: PathBuf,
    arguments: Vec<String>,
    limits: WorkerLimits,
}

impl Reader {
    /// A reader that starts `program` with `arguments` for each file: what calls
    /// [`serve`](super::serve) there. For the running program itself, `/proc/self/exe`.
    pub fn new(program: PathBuf, arguments: Vec<String>, limits: WorkerLimits) -> Self {
        Self { program, arguments, limits }
    }

    /// Reads `bytes` as [`extract`](crate::extract) does. Blocks until the answer is there or
    /// `cancelled` says that nobody wants it; no process is left either way.
    ///
    /// # Errors
    /// Those of [`extract`](crate::extract), and
    /// - [`IngestError::LimitExceeded`]: one of the reader's limits;
    /// - [`IngestError::Crashed`]: the process died over the file, or answered nonsense;
    /// - [`IngestError::Cancelled`];
    /// - [`IngestError::Unavailable`]: the system could not run the process.
    pub fn read(
        &self,
        bytes: &[u8],
        file_name: &str,
        config: &ExtractConfig,
        cancelled: Option<&Cancelled>,
    ) -> Result<Extraction, IngestError> {
        let size = bytes.len() as u64;
        self.read_from(&mut &bytes[..], size, file_name, config, cancelled)?.0
    }

    /// Tries the reader out on a word, and says what holds its processes, for whoever watches over
    /// the machine.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn probe(&self, config: &ExtractConfig) -> Result<Confinement, IngestError> {
        let word = b"Bonjour";
        let size = word.len() as u64;
        let (extraction, confinement) =
            self.read_from(&mut &word[..], size, "essai.txt", config, None)?;
        extraction.map(|_| confinement)
    }

    /// [`Self::read`] of the file at `path`, which is passed on piece by piece.
    ///
    /// # Errors
    /// Those of [`Self::read`]; [`IngestError::Unavailable`] also when the file cannot be opened.
    pub fn read_file(
        &self,
        path: &Path,
        file_name: &str,
        config: &ExtractConfig,
        cancelled: Option<&Cancelled>,
    ) -> Result<Extraction, IngestError> {
        let mut file = File::open(path).map_err(unavailable)?;
        let size = file.metadata().map_err(unavailable)?.len();
        self.read_from(&mut file, size, file_name, config, cancelled)?.0
    }

    fn read_from(
        &self,
        source: &mut dyn Read,
        size: u64,
        file_name: &str,
        config: &ExtractConfig,
        cancelled: Option<&Cancelled>,
    ) -> Result<(Result<Extraction, IngestError>, Confinement), IngestError> {
        let limit = config.limits.max_bytes;
        if size > limit {
            return Err(IngestError::TooLarge { bytes: size, limit });
        }
        let head = RequestHead {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            parent: std::process::id(),
            file_name: file_name.to_owned(),
            config: config.clone(),
            limits: self.limits.clone(),
            bytes: size,
        };
        let head = head.encode().map_err(unavailable)?;
        let mut request = head.chain(source.take(size));
        let until = Instant::now() + self.limits.max_wall.min(LONGEST_WALL);
        let mut worker = Worker::start(&self.program, &self.arguments).map_err(unavailable)?;
        let exchange = Exchange::new(&mut worker.child, &mut request, self.limits.max_answer_bytes)
            .map_err(unavailable)?;
        let answer = match exchange.run(until, cancelled) {
            Ok(answer) => answer,
            Err(NoAnswer::Broken(messages)) => {
                return Err(cause_of_death(worker.end(), &messages, &self.limits));
            }
            Err(no_answer) => return Err(self.without_answer(no_answer)),
        };
        // The answer is here: nothing the process still does matters.
        drop(worker);
        let (answer, confinement) = read_answer(&answer).map_err(|_| IngestError::Crashed)?;
        if answer.as_ref().is_ok_and(|extraction| !is_sound(extraction)) {
            return Err(IngestError::Crashed);
        }
        Ok((answer, confinement))
    }

    fn without_answer(&self, reason: NoAnswer) -> IngestError {
        match reason {
            NoAnswer::TimeUp => IngestError::LimitExceeded {
                what: "seconds of reading".into(),
                limit: self.limits.max_wall.as_secs(),
            },
            NoAnswer::TooLong => IngestError::LimitExceeded {
                what: "MiB of content".into(),
                limit: self.limits.max_answer_bytes >> 20,
            },
            NoAnswer::Cancelled => IngestError::Cancelled,
            NoAnswer::Broken(_) => IngestError::Crashed,
            NoAnswer::System(error) => unavailable(error),
        }
    }
}

/// Stops reading when it is dropped.
#[derive(Debug)]
pub struct Cancel {
    _open: PipeWriter,
}

/// Tells [`Reader::read`] that its [`Cancel`] was dropped.
#[derive(Debug)]
pub struct Cancelled {
    // A pipe rather than a flag, because reading waits for pipes and wakes with this one.
    closed: PipeReader,
}

impl AsFd for Cancelled {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.closed.as_fd()
    }
}

/// A pair of which one end stays with whoever may lose interest, in a future that may be dropped
/// for instance, and the other goes to the thread that reads.
///
/// # Errors
/// Of the system, when no more files may be opened.
pub fn cancellation() -> io::Result<(Cancel, Cancelled)> {
    let (closed, open) = io::pipe()?;
    Ok((Cancel { _open: open }, Cancelled { closed }))
}

/// The errors of the system name no document.
fn unavailable(error: io::Error) -> IngestError {
    IngestError::Unavailable { reason: error.to_string() }
}
