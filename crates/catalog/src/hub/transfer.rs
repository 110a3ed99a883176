//! Downloads one file: resumes, retries, checks.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::thread;

use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::client::{Client, header, protocol};
use super::part::{BLOCK_BYTES, Part};
use super::{Job, Retry};
use crate::error::io_error;
use crate::{Activity, CatalogError, Progress};

/// An attempt that brought this much was worth it, however it ended: the count of failures
/// begins again.
const GOOD_PROGRESS_BYTES: u64 = 16 << 20;
/// The pause between attempts doubles at most this often.
const MAX_DOUBLINGS: u32 = 5;

/// Completes the part of `job` and returns its SHA-256.
///
/// Contents that differ from what the hub announced are removed. When some of them came from an
/// earlier run or a cache, the file is fetched once more as a whole before that is an error.
pub(super) fn download(
    client: &Client,
    job: &Job,
    retry: Retry,
    progress: &mut dyn Progress,
) -> Result<String, CatalogError> {
    let mut part = Part::open(&job.part, &job.remote, progress)?;
    if part.bytes() == 0
        && let Some(cached) = &job.cached
    {
        copy_cached(cached, &mut part, progress)?;
    }
    let mut all_from_hub = part.bytes() == 0;
    loop {
        progress.start(Activity::Download, &job.remote.path, job.remote.bytes, part.bytes());
        complete(client, &mut part, retry, progress)?;
        progress.finish();
        match part.finish()? {
            Ok(sha256) => return Ok(sha256),
            Err((expected, actual)) if all_from_hub => {
                part.remove()?;
                let file = job.remote.path.clone();
                return Err(CatalogError::DigestMismatch { file, expected, actual });
            }
            Err(_) => {
                let file = &job.remote.path;
                progress.note(&format!("{file}: what was on disk is damaged; fetching it again"));
                part.reset()?;
                all_from_hub = true;
            }
        }
    }
}

/// Fetches what is missing, in as many attempts as `retry` grants.
fn complete(
    client: &Client,
    part: &mut Part<'_>,
    retry: Retry,
    progress: &mut dyn Progress,
) -> Result<(), CatalogError> {
    let mut failures = 0;
    while part.missing() > 0 {
        let before = part.bytes();
        let Err(error) = attempt(client, part, progress) else { continue };
        let good = part.bytes().saturating_sub(before) >= GOOD_PROGRESS_BYTES;
        failures = if good { 1 } else { failures + 1 };
        if failures >= retry.attempts || !can_pass(&error) {
            return Err(error);
        }
        let (file, bytes) = (&part.remote().path, part.bytes());
        progress.note(&format!("{file}: interrupted after {bytes} bytes; trying again"));
        let doublings = (failures - 1).min(MAX_DOUBLINGS);
        thread::sleep(retry.pause.saturating_mul(1 << doublings));
    }
    Ok(())
}

/// Whether the same request may succeed a moment later.
fn can_pass(error: &CatalogError) -> bool {
    if let CatalogError::HubStatus { status, .. } = error {
        // 403 from the redirect's host: its signed address has expired.
        return matches!(status, 403 | 408 | 416 | 429) || *status >= 500;
    }
    matches!(error, CatalogError::Unreachable { .. } | CatalogError::Truncated { .. })
}

/// One request for the missing bytes.
fn attempt(
    client: &Client,
    part: &mut Part<'_>,
    progress: &mut dyn Progress,
) -> Result<(), CatalogError> {
    let file = part.remote().path.clone();
    let answer = client.open(&file, part.bytes())?;
    let whole = answer.status() == StatusCode::OK;
    if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        restart(part, progress)?;
        return Err(CatalogError::HubStatus { what: file, status: 416 });
    }
    if whole && part.bytes() > 0 {
        // The host knows no ranges and begins at the beginning.
        restart(part, progress)?;
    }
    check_range(&answer, part, whole)?;
    let mut body = answer.into_body().into_reader();
    let mut block = vec![0_u8; BLOCK_BYTES];
    let ended = loop {
        match body.read(&mut block) {
            Ok(0) => break "no more bytes came".to_owned(),
            Ok(read) if read as u64 > part.missing() => {
                let (expected, actual) = (part.remote().bytes, part.bytes() + read as u64);
                return Err(CatalogError::SizeMismatch { file, expected, actual });
            }
            Ok(read) => {
                part.append(&block[..read])?;
                progress.advance(read as u64);
            }
            Err(error) => break error.to_string(),
        }
    };
    if part.missing() == 0 {
        return Ok(());
    }
    let (received, expected) = (part.bytes(), part.remote().bytes);
    Err(CatalogError::Truncated { file, received, expected, reason: ended })
}

fn restart(part: &mut Part<'_>, progress: &mut dyn Progress) -> Result<(), CatalogError> {
    part.reset()?;
    progress.start(Activity::Download, &part.remote().path, part.remote().bytes, 0);
    Ok(())
}

/// Checks that the answer continues the part and has the announced size.
fn check_range(answer: &Response<Body>, part: &Part<'_>, whole: bool) -> Result<(), CatalogError> {
    let file = &part.remote().path;
    let expected = part.remote().bytes;
    let total = if whole {
        header(answer.headers(), "content-length").and_then(|length| length.trim().parse().ok())
    } else {
        let range = header(answer.headers(), "content-range").and_then(parse_range);
        let (first, total) = range.ok_or_else(|| protocol(file, "its range is not readable"))?;
        if first != part.bytes() {
            return Err(protocol(file, "it sends another range than was asked for"));
        }
        total
    };
    match total {
        Some(actual) if actual != expected => {
            Err(CatalogError::SizeMismatch { file: file.clone(), expected, actual })
        }
        _ => Ok(()),
    }
}

/// First byte and total size of `bytes 5-9/10`; the total may be `*`.
fn parse_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Copies a file of another tool's cache; it is compared with the hub's digest like a download.
fn copy_cached(
    cached: &Path,
    part: &mut Part<'_>,
    progress: &mut dyn Progress,
) -> Result<(), CatalogError> {
    let mut source = File::open(cached).map_err(io_error("read", cached))?;
    let mut block = vec![0_u8; BLOCK_BYTES];
    progress.start(Activity::Copy, &part.remote().path, part.remote().bytes, 0);
    while part.missing() > 0 {
        let wanted = block.len().min(usize::try_from(part.missing()).unwrap_or(usize::MAX));
        let read = source.read(&mut block[..wanted]).map_err(io_error("read", cached))?;
        if read == 0 {
            break;
        }
        part.append(&block[..read])?;
        progress.advance(read as u64);
    }
    progress.finish();
    Ok(())
}
