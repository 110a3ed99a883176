//! Takes rights and resources from the process that reads.
//!
//! What bounds a document (memory, processor, life) must succeed; what would only hold back code of
//! an attacker (`landlock`, `seccomp`) is done as far as the kernel can.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

use super::{Confinement, WorkerLimits};
use crate::OcrConfig;

/// Open files: pipes, an OCR program's libraries and data.
const MAX_OPEN_FILES: u64 = 64;
/// Between the signal that says the processor time is over and the one that does not ask.
const CPU_GRACE_SECONDS: u64 = 2;

/// What an OCR program needs to start: programs, libraries, data, and where it asks how many
/// cores there are. Paths that do not exist are passed over.
const READABLE_FOR_OCR: [&str; 9] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
];

/// Calls that no reader of documents needs: sockets, other processes, the kernel's rarer doors.
const FORBIDDEN: [libc::c_long; 37] = [
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_personality,
    libc::SYS_quotactl,
];

/// Starting another program, which only OCR needs.
const STARTING: [libc::c_long; 2] = [libc::SYS_execve, libc::SYS_execveat];

/// What does not depend on the request: the process dies with the server, gains no rights, leaves
/// no dump of a document, and waits for everything else on the machine.
///
/// # Errors
/// Of the kernel.
pub(super) fn from_the_start() -> io::Result<Confinement> {
    // Where memory runs out all the same, this is the process to kill. While it may be dumped,
    // since its files in /proc are closed after that.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    lower(Resource::RLIMIT_CORE, 0, 0)?;
    lower(Resource::RLIMIT_NOFILE, MAX_OPEN_FILES, MAX_OPEN_FILES)?;
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    // A process that was started with an even lower priority cannot be raised to this one.
    let priority =
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, batch).is_ok();
    Ok(Confinement { priority, ..Confinement::default() })
}

/// What the request bounds; notes in `confinement` what the kernel could do.
///
/// # Errors
/// Of the kernel, for memory and time.
pub(super) fn within(
    limits: &WorkerLimits,
    ocr: Option<&OcrConfig>,
    confinement: &mut Confinement,
) -> io::Result<()> {
    let memory = mapped_bytes()?.saturating_add(limits.max_memory_bytes);
    lower(Resource::RLIMIT_AS, memory, memory)?;
    let seconds = limits.max_cpu.as_secs().max(1);
    lower(Resource::RLIMIT_CPU, seconds, seconds.saturating_add(CPU_GRACE_SECONDS))?;
    // Pipes are no files; nothing is to be written to any.
    lower(Resource::RLIMIT_FSIZE, 0, 0)?;
    let files = close_files(ocr);
    confinement.files = files.is_ok_and(|status| status != RulesetStatus::NotEnforced);
    confinement.calls = close_calls(ocr.is_some()).is_ok();
    Ok(())
}

/// Sets a limit, or leaves the one that is lower already.
fn lower(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(most), hard.min(most))?)
}

/// What the process has mapped now: the program and its libraries, mostly.
/// Source: proc(5), `/proc/pid/statm`, first field, in pages.
fn mapped_bytes() -> io::Result<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    // Pages are at least this large; larger ones only make the limit lower by less than it seems.
    let page = 4096;
    pages.map(|pages| pages * page).ok_or_else(|| io::Error::other("/proc/self/statm"))
}

/// Leaves no file to be opened, but what an OCR program is made of.
fn close_files(ocr: Option<&OcrConfig>) -> Result<RulesetStatus, RulesetError> {
    let abi = ABI::V6;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::from_file(abi)))?;
    if let Some(ocr) = ocr {
        let fixed = READABLE_FOR_OCR.iter().map(PathBuf::from);
        let data = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from);
        let paths: Vec<PathBuf> = fixed.chain(data).chain(home_of(&ocr.program)).collect();
        rules = rules.add_rules(path_beneath_rules(paths, AccessFs::from_read(abi)))?;
    }
    rules.restrict_self().map(|status| status.ruleset)
}

/// Where a program's own libraries are, if it is not one of the system's: beside its `bin`.
fn home_of(program: &Path) -> Option<PathBuf> {
    let folder = program.canonicalize().ok()?.parent()?.to_owned();
    let home = if folder.ends_with("bin") { folder.parent()?.to_owned() } else { folder };
    // A program that lies in the root would open everything.
    (home.components().count() > 1).then_some(home)
}

/// Makes the kernel answer `EPERM` to [`FORBIDDEN`] calls.
fn close_calls(may_start: bool) -> Result<(), Box<dyn std::error::Error>> {
    let starting: &[libc::c_long] = if may_start { &[] } else { &STARTING };
    let rules: BTreeMap<i64, _> =
        FORBIDDEN.iter().chain(starting).map(|call| (*call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let target = std::env::consts::ARCH.try_into()?;
    let program: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, target)?.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}
