//! Reads documents in a process of their own, so that a hostile one costs nothing but itself.
//!
//! The parsers are third-party code on files that strangers send. Within one process a parser that
//! overflows its stack, is killed for memory or never returns takes the server with it, and a limit
//! that it looks at from time to time does not help. So [`Reader`], on the server's side, starts the
//! program anew for each file, writes the file to it and reads the answer; [`serve`], on the other
//! side, gives up what it can of its rights, reads one file and answers.
//!
//! ```text
//! Reader::read ──(header: name, configuration, limits; then the file)──> serve: confine, extract
//!              <──(text, positions, warnings; then the files within)────
//! ```
//!
//! # What this holds back
//! - **Time**: a limit on the wall clock, kept by the parent, and one on the processor, kept by the
//!   kernel. At its end the whole process group is killed, the OCR program with it.
//! - **Memory**: a limit on what the process maps beyond the program itself, kept by the kernel.
//! - **Crashes**: stack overflows, aborts, illegal instructions end the child and become
//!   [`IngestError::Crashed`](crate::IngestError::Crashed).
//! - **The running chat**: lowest priority, batch scheduling, one thread for libraries that would
//!   take all cores.
//! - **Secrets of the server**: its memory is another process's; the environment is cleared; no
//!   core dump is written. The child's messages are looked at for how it died, and never logged,
//!   since they may quote the document.
//! - **The rest of the machine**, should a parser be made to run code of the document: no network
//!   and no sockets at all, no other processes to trace or signal, no new rights (`seccomp`,
//!   `no_new_privs`); no file but the system's programs and libraries, and those only when OCR is
//!   on, nothing to be written (`landlock`).
//! - **Lies**: an answer is bounded in size and its positions are checked, so that a child that was
//!   taken over cannot make the server panic.
//!
//! # What it does not
//! - The kernel is shared: a hole in it is a hole here. A virtual machine would be stronger.
//! - Memory is bounded per process: a child and an OCR program that it starts may each take the
//!   limit, and the machine's memory bandwidth is not shared fairly by any priority. Bound the
//!   number of files read at a time. Where the machine, or the `MemoryMax` of a service, runs out
//!   all the same, the kernel kills the child first (`oom_score_adj`); the service must be told to
//!   go on then (`OOMPolicy=continue`).
//! - `landlock` needs Linux 5.13 (6.12 for all that is used) and `seccomp` a kernel with filters.
//!   Where either is missing the rest still holds, and reading goes on without it;
//!   [`Reader::probe`] tells. A service manager that filters system calls must let `seccomp` and
//!   the three of `landlock` pass.
//! - Whoever takes the child over can still lie about what the document says, as the document can.
//! - A process that leaves its group, as only code of the document would, outlives the kill; it
//!   stays confined and within its limit of processor time.
//! - The answer is believed for its content. It is not checked against the file.
//!
//! # How to call it
//! [`serve`] must run before the process has other threads, since rights are a thread's own; so the
//! subcommand that calls it starts no runtime. The program for [`Reader::new`] is best
//! `/proc/self/exe`: it stays the same file while an upgrade replaces it on disk. [`Reader::read`]
//! blocks, and belongs on a thread that lives as long as it: the kernel kills the child when the
//! *thread* that started it ends. Where the caller may lose interest, it holds a [`Cancel`].

mod answer;
mod child;
mod confine;
mod exchange;
mod limits;
mod reader;
mod serve;
mod wire;

pub use limits::{Confinement, WorkerLimits};
pub use reader::{Cancel, Cancelled, Reader, cancellation};
pub use serve::{serve, serve_with};
