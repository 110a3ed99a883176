//! Reads what the system knows of this process.

use std::fs;

/// The unit of times in `/proc`. Source: proc(5) and `USER_HZ`, which is 100 on every architecture
/// that Linux runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the system knows; what cannot be read is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) cpu_seconds: f64,
    /// Seconds since the Unix epoch.
    pub(super) start_seconds: f64,
    pub(super) open_files: usize,
    pub(super) max_files: u64,
    pub(super) threads: u64,
}

impl Process {
    /// Reads `/proc`. Blocks, for a fraction of a millisecond.
    pub(super) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let open_files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let mut process = parse(&text("/proc/self/stat"), &text("/proc/self/status"));
        process.start_seconds += number(&text("/proc/stat"), "btime") as f64;
        process.max_files = max_files(&text("/proc/self/limits"));
        // The look itself has one open.
        process.open_files = open_files.saturating_sub(1);
        process
    }
}

/// Source: proc_pid_stat(5), fields 14, 15 and 22; proc_pid_status(5).
fn parse(stat: &str, status: &str) -> Process {
    // The name of the program may hold spaces and parentheses; what follows its last one does not.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |field: usize| {
        let ticks = fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
        ticks.unwrap_or(0) as f64 / TICKS_PER_SECOND
    };
    let kibibytes = |name| number(status, name).saturating_mul(1024);
    Process {
        resident_bytes: kibibytes("VmRSS:"),
        virtual_bytes: kibibytes("VmSize:"),
        cpu_seconds: ticks(14) + ticks(15),
        start_seconds: ticks(22),
        threads: number(status, "Threads:"),
        ..Process::default()
    }
}

/// The number behind `name` at the beginning of a line.
fn number(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn max_files(limits: &str) -> u64 {
    number(limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::{Process, max_files, parse};

    #[test]
    fn the_fields_are_those_of_the_manual() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 9 0 4200 1 2";
        let status = "Name:\tx\nVmSize:\t  2048 kB\nVmRSS:\t    512 kB\nThreads:\t9\n";
        let process = parse(stat, status);
        assert_eq!((process.resident_bytes, process.virtual_bytes), (512 << 10, 2 << 20));
        assert!((process.cpu_seconds - 2.0).abs() < 1e-9, "{process:?}");
        assert!((process.start_seconds - 42.0).abs() < 1e-9, "{process:?}");
        assert_eq!(process.threads, 9);
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n";
        assert_eq!(max_files(limits), 1024);
    }

    #[test]
    fn nonsense_is_nothing() {
        assert_eq!(parse("", ""), Process::default());
        assert_eq!(parse("17 (x", "VmRSS: many"), Process::default());
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let process = Process::read();
        assert!(process.resident_bytes > 0 && process.open_files > 0, "{process:?}");
        assert!(process.start_seconds > 1.6e9, "{process:?}");
    }
}
