//! Bounds what the process that reads one file may cost, and names what holds it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most that the process reading one file may take. [`ExtractLimits`](crate::ExtractLimits)
/// says what a document may be; this is the net below it, for parsers that do not come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLimits {
    /// Time on the clock, from start to answer. Generous, because the process has the lowest
    /// priority: beside a chat that keeps all cores busy it gets a hundredth of one.
    pub max_wall: Duration,
    /// Time of computing, in whole seconds, of the process, and of each program that it starts.
    pub max_cpu: Duration,
    /// Memory that the process may map beyond the program itself, in bytes; each program that it
    /// starts may map as much.
    pub max_memory_bytes: u64,
    /// Size of the answer, in bytes: text, positions and embedded files.
    pub max_answer_bytes: u64,
}

impl Default for WorkerLimits {
    fn default() -> Self {
        Self {
            max_wall: Duration::from_secs(20 * 60),
            max_cpu: Duration::from_secs(10 * 60),
            max_memory_bytes: 2 << 30,
            max_answer_bytes: 512 << 20,
        }
    }
}

/// What the kernel could do of that which holds back a process taken over by its document. Memory,
/// time and the death of the process are always bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Confinement {
    /// No file can be opened but the system's (`landlock`).
    pub files: bool,
    /// No socket can be made and no other process touched (`seccomp`).
    pub calls: bool,
    /// The process gives way to all others.
    pub priority: bool,
}
