//! Checks that a file is read in a process of its own, and that it costs only itself there.
//!
//! This program is both sides: started with `child` it is the process that reads, and behaves as
//! its second argument says; started otherwise it is the tests. That is why it has no test harness
//! around it, which would write to the standard output that carries the answer.

#![allow(clippy::print_stdout, reason = "this program is its own test harness")]

use std::hint::black_box;
use std::io::{Write, stdin, stdout};
use std::panic::catch_unwind;
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use intramuros_ingest::worker::{Reader, WorkerLimits, cancellation, serve, serve_with};
use intramuros_ingest::{ExtractConfig, Extraction, IngestError, OcrConfig, extract};
use intramuros_types::Fault;

const TESTS: [(&str, fn()); 13] = [
    ("a_good_file_is_read_as_in_process", a_good_file_is_read_as_in_process),
    ("a_bad_file_is_the_same_error_as_in_process", a_bad_file_is_the_same_error_as_in_process),
    ("a_child_that_sleeps_is_killed_in_time", a_child_that_sleeps_is_killed_in_time),
    ("a_child_that_computes_is_stopped", a_child_that_computes_is_stopped),
    ("a_child_that_allocates_is_stopped", a_child_that_allocates_is_stopped),
    ("a_child_that_crashes_costs_its_file", a_child_that_crashes_costs_its_file),
    ("a_child_that_says_nonsense_is_not_believed", a_child_that_says_nonsense_is_not_believed),
    ("a_child_that_says_too_much_is_cut_off", a_child_that_says_too_much_is_cut_off),
    ("what_a_child_started_dies_with_it", what_a_child_started_dies_with_it),
    ("a_cancelled_reading_ends_at_once", a_cancelled_reading_ends_at_once),
    ("a_child_cannot_reach_anything", a_child_cannot_reach_anything),
    ("a_child_dies_with_its_server", a_child_dies_with_its_server),
    ("a_missing_program_is_not_the_documents_fault", a_missing_program_is_not_the_documents_fault),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, role, ..] = &arguments[..]
        && first == "child"
    {
        return child(role);
    }
    let wanted = |name: &str| {
        let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
        filters.is_empty() || filters.iter().any(|filter| name.contains(*filter))
    };
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let start = Instant::now();
        let passed = catch_unwind(test).is_ok();
        let outcome = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {outcome} ({:.2} s)", start.elapsed().as_secs_f32());
        failed += u32::from(!passed);
        // Every test leaves what it found: no child, running or dead, and no open pipe.
        assert_eq!(children(), Vec::<u32>::new(), "{name} left children");
        assert!(open_files() < 12, "{name} left {} open files", open_files());
    }
    println!("{failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// The side that reads.
fn child(role: &str) -> ExitCode {
    match role {
        "serve" => serve(stdin().lock(), stdout().lock()),
        "nonsense" => {
            let _ = stdout().write_all(b"Bonjour !");
            ExitCode::SUCCESS
        }
        "silence" => ExitCode::SUCCESS,
        "broken off" => {
            let _ = stdout().write_all(b"im-text1\x10\x27\0\0\0\0\0\0");
            ExitCode::SUCCESS
        }
        "boast" => {
            let _ = stdout().write_all(b"im-text1\xff\xff\xff\xff\xff\xff\xff\x7f");
            let _ = stdout().flush();
            sleep(Duration::from_secs(60));
            ExitCode::SUCCESS
        }
        "server" => {
            println!("{}", std::process::id());
            let config = ExtractConfig::default();
            let _ = reader("sleep", WorkerLimits::default()).read(b"x", "a", &config, None);
            ExitCode::SUCCESS
        }
        _ => serve_with(stdin().lock(), stdout().lock(), |_, _, config| misbehave(role, config)),
    }
}

/// What a parser may do.
fn misbehave(role: &str, config: &ExtractConfig) -> Result<Extraction, IngestError> {
    match role {
        "sleep" => sleep(Duration::from_secs(60)),
        "compute" => loop {
            black_box(0);
        },
        "allocate" => {
            let mut blocks = Vec::new();
            loop {
                blocks.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "abort" => std::process::abort(),
        "overflow" => {
            black_box(overflow(1));
        }
        "panic" => panic!("memory, but not an allocation"),
        "orphan" => {
            let mut sleeper = Command::new("/usr/bin/env");
            let _ = sleeper.args(["sleep", "61"]).stdin(Stdio::null()).spawn();
            sleep(Duration::from_secs(60));
        }
        "lie" => {
            let mut extraction = extract(b"Bonjour", "a.txt", config)?;
            if let Some(document) = &mut extraction.document {
                document.blocks[0].span.end = 1_000;
            }
            return Ok(extraction);
        }
        "reach" => return extract(reach().as_bytes(), "a.txt", config),
        _ => {}
    }
    Err(IngestError::Empty)
}

#[expect(unconditional_recursion, reason = "that is what is tested")]
fn overflow(depth: u64) -> u64 {
    black_box([depth; 64]);
    1 + black_box(overflow(depth + 1))
}

/// Tries what code of a document would, and says what succeeded.
fn reach() -> String {
    let parent = std::os::unix::process::parent_id();
    let scratch = std::env::temp_dir().join(format!("intramuros-worker-{}", std::process::id()));
    let tried = [
        ("opened a socket", std::net::TcpListener::bind("127.0.0.1:0").is_ok()),
        ("opened a local socket", std::os::unix::net::UnixDatagram::unbound().is_ok()),
        ("read a file", std::fs::read("/etc/passwd").is_ok()),
        ("listed files", std::fs::read_dir("/").is_ok()),
        ("wrote a file", std::fs::write(&scratch, "x").is_ok()),
        ("read the server's memory", std::fs::File::open(format!("/proc/{parent}/mem")).is_ok()),
        ("started a program", Command::new("/usr/bin/env").arg("true").status().is_ok()),
        ("knows the home", std::env::var_os("HOME").is_some()),
    ];
    let done = tried.iter().filter(|(_, done)| *done).map(|(what, _)| format!("{what}\n"));
    format!("essais :\n{}", done.collect::<String>())
}

fn reader(role: &str, limits: WorkerLimits) -> Reader {
    let program = std::env::current_exe().expect("the path of this program");
    Reader::new(program, vec!["child".to_owned(), role.to_owned()], limits)
}

fn limits() -> WorkerLimits {
    WorkerLimits {
        max_wall: Duration::from_secs(20),
        max_cpu: Duration::from_secs(10),
        max_memory_bytes: 256 << 20,
        max_answer_bytes: 64 << 20,
    }
}

#[track_caller]
fn check(role: &str, limits: WorkerLimits, expected: &IngestError) {
    let start = Instant::now();
    let result = reader(role, limits).read(b"x", "a.txt", &ExtractConfig::default(), None);
    assert_eq!(result.as_ref(), Err(expected), "{role}");
    assert!(start.elapsed() < Duration::from_secs(15), "{role} took {:?}", start.elapsed());
}

fn exceeded(what: &'static str, limit: u64) -> IngestError {
    IngestError::LimitExceeded { what: what.into(), limit }
}

/// The processes that this one started and did not reap.
fn children() -> Vec<u32> {
    let me = std::process::id();
    let processes = std::fs::read_dir("/proc").expect("processes");
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent_of(*number) == Some(me)).collect()
}

/// Source: proc(5), `/proc/pid/stat`: the fourth field, after the name in brackets.
fn parent_of(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process runs that was started with this argument.
fn runs(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("processes");
    processes.filter_map(Result::ok).any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).any(|word| word == argument.as_bytes())
    })
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(5));
    }
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("open files").count()
}

fn a_good_file_is_read_as_in_process() {
    let config = ExtractConfig::default();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let reader = reader("serve", WorkerLimits::default());
    for name in ["notice.pdf", "procedure.docx", "courrier.eml"] {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).expect("a fixture");
        let expected = extract(&bytes, name, &config);
        assert!(expected.is_ok());
        assert_eq!(reader.read(&bytes, name, &config, None), expected);
        assert_eq!(reader.read_file(&path, name, &config, None), expected);
    }
    // More than pipes hold, in both directions at once.
    let long = "Une phrase de plusieurs mots.\n\n".repeat(200_000);
    let expected = extract(long.as_bytes(), "a.txt", &config);
    assert_eq!(reader.read(long.as_bytes(), "a.txt", &config, None), expected);
}

fn a_bad_file_is_the_same_error_as_in_process() {
    let config = ExtractConfig::default();
    let reader = reader("serve", WorkerLimits::default());
    for (bytes, name) in [(&b""[..], "a.txt"), (b"\x89PNG\r\n\x1a\n\0", "a.png"), (b"x", "a.pdf")] {
        let expected = extract(bytes, name, &config);
        assert!(expected.is_err());
        assert_eq!(reader.read(bytes, name, &config, None), expected);
    }
}

fn a_child_that_sleeps_is_killed_in_time() {
    let limits = WorkerLimits { max_wall: Duration::from_secs(1), ..limits() };
    check("sleep", limits, &exceeded("seconds of reading", 1));
}

fn a_child_that_computes_is_stopped() {
    let limits = WorkerLimits { max_cpu: Duration::from_secs(1), ..limits() };
    check("compute", limits, &exceeded("seconds of computing", 1));
}

fn a_child_that_allocates_is_stopped() {
    check("allocate", limits(), &exceeded("MiB of memory", 256));
}

fn a_child_that_crashes_costs_its_file() {
    for role in ["abort", "overflow", "panic"] {
        check(role, limits(), &IngestError::Crashed);
    }
    assert!(reader("serve", limits()).read(b"x", "a", &ExtractConfig::default(), None).is_ok());
}

fn a_child_that_says_nonsense_is_not_believed() {
    for role in ["nonsense", "silence", "broken off", "lie"] {
        check(role, limits(), &IngestError::Crashed);
    }
}

fn a_child_that_says_too_much_is_cut_off() {
    check("boast", limits(), &exceeded("MiB of content", 64));
    let limits = WorkerLimits { max_answer_bytes: 1 << 20, ..limits() };
    let long = "Une phrase de plusieurs mots.\n\n".repeat(50_000);
    let config = ExtractConfig::default();
    let result = reader("serve", limits).read(long.as_bytes(), "a.txt", &config, None);
    assert_eq!(result, Err(exceeded("MiB of content", 1)));
}

fn what_a_child_started_dies_with_it() {
    // Only OCR may start programs.
    let ocr = OcrConfig { program: "/usr/bin/env".into(), languages: "fra".to_owned() };
    let config = ExtractConfig { ocr: Some(ocr), ..ExtractConfig::default() };
    let (cancel, cancelled) = cancellation().expect("a pipe");
    std::thread::scope(|scope| {
        let reading = scope
            .spawn(|| reader("orphan", limits()).read(b"x", "a.txt", &config, Some(&cancelled)));
        wait_until("the child started a program", || runs("61"));
        drop(cancel);
        assert_eq!(reading.join().expect("no panic"), Err(IngestError::Cancelled));
    });
    wait_until("the program is gone", || !runs("61"));
}

fn a_cancelled_reading_ends_at_once() {
    let (cancel, cancelled) = cancellation().expect("a pipe");
    let config = ExtractConfig::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        let reading =
            scope.spawn(|| reader("sleep", limits()).read(b"x", "a", &config, Some(&cancelled)));
        wait_until("the child runs", || !children().is_empty());
        drop(cancel);
        assert_eq!(reading.join().expect("no panic"), Err(IngestError::Cancelled));
    });
    assert!(start.elapsed() < Duration::from_secs(5));
}

fn a_child_cannot_reach_anything() {
    let confinement =
        reader("serve", limits()).probe(&ExtractConfig::default()).expect("an answer");
    assert!(confinement.files && confinement.calls && confinement.priority, "{confinement:?}");

    let extraction = reader("reach", limits()).read(b"x", "a", &ExtractConfig::default(), None);
    let document = extraction.expect("an answer").document.expect("a text");
    assert_eq!(document.text, "essais :");
}

fn a_child_dies_with_its_server() {
    let program = std::env::current_exe().expect("the path of this program");
    let mut server = Command::new(program)
        .args(["child", "server"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a server");
    let mut reading = None;
    wait_until("the server reads", || {
        let me = server.id();
        let processes = std::fs::read_dir("/proc").expect("processes");
        let mut numbers =
            processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        reading = numbers.find(|number| parent_of(*number) == Some(me));
        reading.is_some()
    });
    let reading = reading.expect("a process");
    // Its lowest priority says that it is confined by now.
    wait_until("the child is set up", || nice(reading) == Some(19));
    let score = std::fs::read_to_string(format!("/proc/{reading}/oom_score_adj"));
    assert_eq!(score.expect("a score").trim(), "1000");
    server.kill().expect("a running server");
    server.wait().expect("a dead server");
    wait_until("the child is gone", || parent_of(reading).is_none());
}

/// Source: proc(5), `/proc/pid/stat`: the nineteenth field.
fn nice(process: u32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
}

fn a_missing_program_is_not_the_documents_fault() {
    let reader = Reader::new("/nicht/da".into(), Vec::new(), limits());
    let result = reader.read(b"x", "a", &ExtractConfig::default(), None);
    let error = result.expect_err("there is no such program");
    assert!(matches!(error, IngestError::Unavailable { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Runtime);
}
