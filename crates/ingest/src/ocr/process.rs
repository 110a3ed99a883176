//! Runs the `tesseract` program on one image.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::gray::Gray;
use crate::OcrConfig;

/// The longest answer, in bytes: a full page has a tenth.
const MAX_ANSWER: u64 = 32 << 20;
/// The longest complaint that is kept, in bytes.
const MAX_COMPLAINT: u64 = 2_000;
/// How often it is looked whether the program has ended.
const POLL: Duration = Duration::from_millis(10);

/// Why there is no answer.
#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    /// The program cannot be started, so it is the same for every page.
    Start(String),
    /// It failed on this image.
    Run(String),
}

/// How the program looks at an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mode {
    /// A page: which way up it is and where its text stands is found out.
    Page,
    /// A block of upright lines.
    Block,
}

/// The answer for `image`, in hOCR. The program is killed after `limit`.
///
/// # Errors
/// See [`Failure`].
pub(super) fn run(
    config: &OcrConfig,
    image: &Gray,
    dpi: f32,
    mode: Mode,
    limit: Duration,
) -> Result<String, Failure> {
    let mut child = command(config, dpi, mode)
        .spawn()
        .map_err(|error| Failure::Start(format!("{}: {error}", config.program.display())))?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let bytes = image.to_pgm();
    // A program that reads and writes at its own pace blocks on a pipe that nobody serves; so each
    // pipe has a thread. They end with the program: its death closes the pipes.
    let (status, answer, complaint) = thread::scope(|scope| {
        scope.spawn(move || input.map(|mut input| input.write_all(&bytes)));
        let answer = scope.spawn(move || read(output, MAX_ANSWER));
        let complaint = scope.spawn(move || read(errors, MAX_COMPLAINT));
        let status = wait(&mut child, limit);
        (status, answer.join().unwrap_or_default(), complaint.join().unwrap_or_default())
    });
    match status {
        Some(status) if status.success() => {
            String::from_utf8(answer).map_err(|_| Failure::Run("its answer is no text".to_owned()))
        }
        Some(_) => Err(Failure::Run(first_line(&complaint))),
        None => Err(Failure::Run(format!("it took longer than {} s", limit.as_secs()))),
    }
}

/// The command: one thread, since documents are read side by side; input and output over pipes.
fn command(config: &OcrConfig, dpi: f32, mode: Mode) -> Command {
    let mode = match mode {
        Mode::Page => "1",
        Mode::Block => "6",
    };
    let mut command = Command::new(&config.program);
    command
        .args(["stdin", "stdout", "-l", &config.languages, "--psm", mode, "--dpi"])
        .arg((dpi.round() as u32).clamp(70, 2_400).to_string())
        .args(["-c", "tessedit_create_hocr=1"])
        .env_clear()
        .env("OMP_THREAD_LIMIT", "1")
        // Names of configuration files are looked up here first.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for the end, or kills the program at the end of `limit`.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if started.elapsed() < limit => thread::sleep(POLL),
            Ok(None) | Err(_) => {
                // Both fail only for a process that has ended already.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

/// Up to `max` bytes. The rest is read as well, and dropped: the program would wait for ever.
fn read(pipe: Option<impl Read>, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before an error is all that there is.
        let _ = pipe.by_ref().take(max).read_to_end(&mut bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    }
    bytes
}

fn first_line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.unwrap_or("it failed without saying why").to_owned()
}
