//! Starts the process that reads, ends it with all that it started, and says how it died.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::WorkerLimits;
use super::serve::{NOT_ASKED, NOT_CONFINED};
use crate::IngestError;

/// What the child may know of the server's environment: how to find programs and their data.
const KEPT_VARIABLES: [&str; 6] =
    ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TESSDATA_PREFIX"];
/// One thread for libraries that would take all cores, and few reserves of memory, each of which
/// counts as mapped.
const SET_VARIABLES: [(&str, &str); 3] =
    [("OMP_THREAD_LIMIT", "1"), ("RAYON_NUM_THREADS", "1"), ("MALLOC_ARENA_MAX", "2")];

/// How long a process that closed its output may take to exit.
const EXIT_WITHIN: Duration = Duration::from_secs(2);

/// What the standard library says before it aborts for memory.
const OUT_OF_MEMORY: &str = "memory allocation of ";

/// A running child. Dropping it kills its process group and reaps it.
pub(super) struct Worker {
    /// The process, with the pipes that were not taken yet.
    pub(super) child: Child,
    reaped: bool,
}

impl Worker {
    /// Starts `program` in a process group of its own.
    ///
    /// # Errors
    /// Of the system.
    pub(super) fn start(program: &Path, arguments: &[String]) -> io::Result<Self> {
        let kept = KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(kept)
            .envs(SET_VARIABLES)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        Ok(Self { child, reaped: false })
    }

    /// Waits for the child to exit by itself, not for long; then kills what is left of its group.
    /// `None` when it had to be killed.
    pub(super) fn end(mut self) -> Option<ExitStatus> {
        let until = Instant::now() + EXIT_WITHIN;
        // Without reaping it: as long as it is a zombie its number cannot be given to another.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        let exited = loop {
            let status = waitid(Id::Pid(self.pid()), flags);
            if status.is_ok_and(|status| status != WaitStatus::StillAlive) {
                break true;
            }
            if Instant::now() > until {
                break false;
            }
            sleep(Duration::from_millis(2));
        };
        self.reap().filter(|_| exited)
    }

    /// Kills what is left of the group, and then gives the child's number back: before, nobody else
    /// can have it.
    fn reap(&mut self) -> Option<ExitStatus> {
        self.reaped = true;
        // Fails only when nothing of the group is left.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        self.child.wait().ok()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.reaped {
            self.reap();
        }
    }
}

/// What the way a child died says about the file. `messages` is the end of what it wrote to its
/// standard error; nothing of it gets out of here.
pub(super) fn cause_of_death(
    status: Option<ExitStatus>,
    messages: &[u8],
    limits: &WorkerLimits,
) -> IngestError {
    let memory = || IngestError::LimitExceeded {
        what: "MiB of memory".into(),
        limit: limits.max_memory_bytes >> 20,
    };
    let Some(status) = status else { return IngestError::Crashed };
    if status.code() == Some(NOT_CONFINED.into()) || status.code() == Some(NOT_ASKED.into()) {
        let reason = "its process could not be set up".to_owned();
        return IngestError::Unavailable { reason };
    }
    match status.signal().and_then(|number| Signal::try_from(number).ok()) {
        Some(Signal::SIGXCPU) => IngestError::LimitExceeded {
            what: "seconds of computing".into(),
            limit: limits.max_cpu.as_secs().max(1),
        },
        // Nobody here sent it: the system was short of memory, or of patience with SIGXCPU.
        Some(Signal::SIGKILL) => memory(),
        Some(Signal::SIGABRT) if String::from_utf8_lossy(messages).contains(OUT_OF_MEMORY) => {
            memory()
        }
        _ => IngestError::Crashed,
    }
}
