//! Reads how much memory a process has.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::language::tr;

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resident {
    /// Now.
    pub(super) now_bytes: u64,
    /// At the most since it started.
    pub(super) peak_bytes: u64,
}

impl Resident {
    pub(super) fn to_json(self) -> Value {
        json!({"resident_bytes": self.now_bytes, "peak_bytes": self.peak_bytes})
    }
}

/// Reads `/proc/<pid>/status`.
///
/// # Errors
/// When there is no such process.
pub(super) fn read(pid: u32) -> anyhow::Result<Resident> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| {
        tr(
            format!("le processus {pid} (--pid) n'existe pas ou ne peut pas être lu"),
            format!("the process {pid} (--pid) does not exist or cannot be read"),
        )
    })?;
    parse(&text).with_context(|| path)
}

/// `VmRSS` and `VmHWM` of a status file. Source: proc(5), `/proc/pid/status`.
fn parse(text: &str) -> anyhow::Result<Resident> {
    let bytes = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
        kib.map_or(0, |kib| kib.saturating_mul(1024))
    };
    let resident = Resident { now_bytes: bytes("VmRSS:"), peak_bytes: bytes("VmHWM:") };
    ensure!(resident.now_bytes > 0, "no VmRSS");
    Ok(resident)
}

#[cfg(test)]
mod tests {
    use super::{Resident, parse, read};

    #[test]
    fn a_status_file_is_read_in_bytes() {
        let text = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expected = Resident { now_bytes: 1 << 20, peak_bytes: 2 << 20 };
        assert_eq!(parse(text).unwrap(), expected);
        assert!(parse("Name:\tkthreadd\n").is_err(), "a kernel thread has no memory of its own");
    }

    #[test]
    fn this_process_has_memory() {
        let resident = read(std::process::id()).unwrap();
        assert!(resident.peak_bytes >= resident.now_bytes, "{resident:?}");
    }
}
