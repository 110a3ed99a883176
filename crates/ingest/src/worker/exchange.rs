//! Writes a request and reads its answer at the same time, within the limits and until cancelled.
//!
//! One loop over `poll` rather than a thread per pipe: nothing is left behind when it ends, and it
//! ends on time even when a process that the child started keeps a pipe open.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::reader::Cancelled;
use super::wire::answer_length;

/// Bytes moved at once: what a pipe holds.
const CHUNK_BYTES: usize = 64 << 10;
/// How much of the child's messages is read at once; twice that of their end is kept, in bytes.
const MESSAGES_BYTES: usize = 4 << 10;
/// How long messages are waited for after the answer ended without being one.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why there is no answer.
pub(super) enum NoAnswer {
    /// The time is over.
    TimeUp,
    /// Nobody wants it any more.
    Cancelled,
    /// It is longer than allowed.
    TooLong,
    /// It is none, or it broke off. What the child said at the end.
    Broken(Vec<u8>),
    /// The document could not be read from where it lies, or the system failed.
    System(io::Error),
}

impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// The ends of a child's pipes, each until it is closed.
pub(super) struct Exchange<'a> {
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    source: &'a mut dyn Read,
    /// Read from the source, not yet written.
    chunk: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    messages: Vec<u8>,
    max_answer_bytes: u64,
}

impl<'a> Exchange<'a> {
    /// Takes the pipes of `child`; `source` is the request.
    ///
    /// # Errors
    /// Of the system.
    pub(super) fn new(
        child: &mut std::process::Child,
        source: &'a mut dyn Read,
        max_answer_bytes: u64,
    ) -> io::Result<Self> {
        let input = child.stdin.take();
        if let Some(input) = &input {
            let flags = OFlag::from_bits_retain(fcntl(input, FcntlArg::F_GETFL)?);
            fcntl(input, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        }
        Ok(Self {
            input,
            output: child.stdout.take(),
            errors: child.stderr.take(),
            source,
            chunk: Vec::new(),
            written: 0,
            answer: Vec::new(),
            messages: Vec::new(),
            max_answer_bytes,
        })
    }

    /// Runs until the answer is there, whole.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(super) fn run(
        mut self,
        mut until: Instant,
        cancelled: Option<&Cancelled>,
    ) -> Result<Vec<u8>, NoAnswer> {
        let mut broken = false;
        loop {
            let now = Instant::now();
            if now >= until || broken && self.errors.is_none() {
                let messages = std::mem::take(&mut self.messages);
                return Err(if broken { NoAnswer::Broken(messages) } else { NoAnswer::TimeUp });
            }
            let ready = self.wait(until - now, cancelled)?;
            if ready.cancelled {
                return Err(NoAnswer::Cancelled);
            }
            if ready.errors {
                self.listen()?;
            }
            if ready.input {
                self.write()?;
            }
            if ready.output {
                match self.read()? {
                    Progress::Whole => return Ok(self.answer),
                    Progress::More => {}
                    Progress::Broken => {
                        broken = true;
                        (self.input, self.output) = (None, None);
                        until = until.min(now + LAST_WORDS);
                    }
                }
            }
        }
    }

    /// Waits until one of the pipes can be used.
    fn wait(&self, most: Duration, cancelled: Option<&Cancelled>) -> io::Result<Ready> {
        let pipes = [
            (self.input.as_ref().map(AsFd::as_fd), PollFlags::POLLOUT),
            (self.output.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
            (self.errors.as_ref().map(AsFd::as_fd), PollFlags::POLLIN),
            (cancelled.map(AsFd::as_fd), PollFlags::POLLIN),
        ];
        let mut open = Vec::with_capacity(pipes.len());
        let mut fds = Vec::with_capacity(pipes.len());
        for (at, (fd, flags)) in pipes.into_iter().enumerate() {
            if let Some(fd) = fd {
                open.push(at);
                fds.push(PollFd::new(fd, flags));
            }
        }
        // Rounded up, so that the last wait does not end before the time.
        let most = most.saturating_add(Duration::from_millis(1));
        match poll(&mut fds, PollTimeout::try_from(most).unwrap_or(PollTimeout::MAX)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = [false; 4];
        for (at, fd) in open.into_iter().zip(&fds) {
            ready[at] = fd.any().unwrap_or(true);
        }
        let [input, output, errors, cancelled] = ready;
        Ok(Ready { input, output, errors, cancelled })
    }

    /// Writes as much of the request as the pipe takes.
    fn write(&mut self) -> io::Result<()> {
        if self.written == self.chunk.len() {
            self.chunk.resize(CHUNK_BYTES, 0);
            let length = read_some(self.source, &mut self.chunk)?;
            self.chunk.truncate(length);
            self.written = 0;
        }
        let Some(input) = &mut self.input else { return Ok(()) };
        if self.chunk.is_empty() {
            self.input = None;
            return Ok(());
        }
        match input.write(&self.chunk[self.written..]) {
            Ok(count) => self.written += count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            // The child stopped listening; what it says will tell why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.input = None,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Reads what there is of the answer.
    fn read(&mut self) -> Result<Progress, NoAnswer> {
        let Some(output) = &mut self.output else { return Ok(Progress::More) };
        let before = self.answer.len();
        self.answer.resize(before + CHUNK_BYTES, 0);
        let count = read_some(output, &mut self.answer[before..])?;
        self.answer.truncate(before + count);
        let Ok(length) = answer_length(&self.answer) else { return Ok(Progress::Broken) };
        if length.unwrap_or(0).max(self.answer.len() as u64) > self.max_answer_bytes {
            return Err(NoAnswer::TooLong);
        }
        Ok(match length {
            Some(length) if self.answer.len() as u64 == length => Progress::Whole,
            Some(length) if self.answer.len() as u64 > length => Progress::Broken,
            _ if count == 0 => Progress::Broken,
            _ => Progress::More,
        })
    }

    /// Keeps the end of what the child says.
    fn listen(&mut self) -> io::Result<()> {
        let Some(errors) = &mut self.errors else { return Ok(()) };
        let mut chunk = [0; MESSAGES_BYTES];
        let count = read_some(errors, &mut chunk)?;
        if count == 0 {
            self.errors = None;
        }
        self.messages.extend_from_slice(&chunk[..count]);
        let excess = self.messages.len().saturating_sub(2 * MESSAGES_BYTES);
        self.messages.drain(..excess);
        Ok(())
    }
}

/// Which of the pipes can be used.
struct Ready {
    input: bool,
    output: bool,
    errors: bool,
    cancelled: bool,
}

/// How far the answer is.
enum Progress {
    More,
    Whole,
    Broken,
}

/// Reads once, however often a signal interrupts it.
fn read_some(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
