//! Computes and checks the chain of hashes.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::AuditRecord;

/// What the first entry has as the hash of the one before.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Says which fields the hash is over, and how.
const FORMAT: &[u8] = b"intramuros audit 1";
/// The action of an entry that says that older ones were removed by retention.
pub(crate) const PRUNED: &str = "audit.prune";
/// Faults that are listed; a trail that was copied together has as many as entries.
const MAX_FAULTS: usize = 100;

/// Hash of an entry: SHA-256 over a name of the format and its fields, each with its length before
/// it, so that no two entries write the same bytes.
pub(crate) fn hash(record: &AuditRecord) -> String {
    let mut hasher = Sha256::new();
    let (seq, at) = (record.seq.to_string(), record.at.to_string());
    let fields: [&[u8]; 11] = [
        FORMAT,
        record.previous.as_bytes(),
        seq.as_bytes(),
        at.as_bytes(),
        record.actor.as_bytes(),
        record.action.as_bytes(),
        record.target.as_bytes(),
        record.outcome.as_bytes(),
        record.request.as_bytes(),
        record.details.as_bytes(),
        record.content.as_bytes(),
    ];
    for field in fields {
        hasher.update((field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hex::encode(hasher.finalize())
}

/// The last entry of a trail: its number and its hash. Kept elsewhere, it shows later whether the
/// trail up to it is still the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// Number of the entry; 0 for an empty trail.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Head {
    /// Of an empty trail.
    pub(crate) fn genesis() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a number, a colon and 64 hexadecimal digits".to_owned();
        let (seq, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hash.len() != 64 || !hash.bytes().all(hexadecimal) {
            return Err(wrong());
        }
        Ok(Self { seq: seq.parse().map_err(|_| wrong())?, hash: hash.to_owned() })
    }
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Its fields do not give its hash: it was changed.
    Changed,
    /// It does not follow the entry before: one was removed, added or moved.
    Unlinked,
    /// Numbers are missing before it.
    Gap,
    /// Entries before the first were removed, and none says so.
    Beginning,
    /// Its sealed content is another one.
    Content,
    /// The trail ends before the head that was exported, or has another entry in its place.
    Head,
}

/// A fault in a trail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Number of the entry.
    pub seq: u64,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What checking a trail found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    /// Entries that were checked.
    pub entries: u64,
    /// Number of the first entry; above 1 when older ones were removed by retention.
    pub first: u64,
    /// The last entry.
    pub head: Head,
    /// Entries with content that is still there.
    pub contents: u64,
    /// What is wrong, up to 100; empty for a sound trail.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Checks entries in their order, one after the other.
#[derive(Debug)]
pub struct AuditVerifier {
    entries: u64,
    first: u64,
    contents: u64,
    last: Head,
    /// The hash before the first entry, unless that is the first of all.
    beginning: Option<Head>,
    /// Whether an entry says that those before the first were removed.
    pruned: bool,
    /// A head that was exported before.
    expected: Option<Head>,
    met: bool,
    faults: Vec<Fault>,
}

impl AuditVerifier {
    /// Begins; `expected` is a head that was exported earlier.
    pub fn new(expected: Option<Head>) -> Self {
        Self {
            entries: 0,
            first: 0,
            contents: 0,
            last: Head::genesis(),
            beginning: None,
            pruned: false,
            expected,
            met: false,
            faults: Vec::new(),
        }
    }

    /// Takes the next entry; `sealed` is its content where it is still there.
    pub fn take(&mut self, record: &AuditRecord, sealed: Option<&str>) {
        let seq = record.seq;
        if self.entries == 0 {
            self.first = seq;
            if seq != 1 || record.previous != GENESIS {
                let before = seq.saturating_sub(1);
                self.beginning = Some(Head { seq: before, hash: record.previous.clone() });
            }
        } else {
            if seq != self.last.seq.saturating_add(1) {
                self.note(seq, FaultKind::Gap);
            }
            if record.previous != self.last.hash {
                self.note(seq, FaultKind::Unlinked);
            }
        }
        if hash(record) != record.hash {
            self.note(seq, FaultKind::Changed);
        }
        if let Some(sealed) = sealed {
            self.contents += 1;
            if digest(sealed) != record.content {
                self.note(seq, FaultKind::Content);
            }
        }
        if record.action == PRUNED && self.says_pruned(&record.details) {
            self.pruned = true;
        }
        if let Some(expected) = &self.expected
            && expected.seq == seq
        {
            self.met = expected.hash == record.hash;
        }
        self.entries += 1;
        self.last = Head { seq, hash: record.hash.clone() };
    }

    /// Ends.
    pub fn finish(mut self) -> Verification {
        if self.beginning.is_some() && !self.pruned {
            self.note(self.first, FaultKind::Beginning);
        }
        if let Some(expected) = self.expected.take() {
            // What was removed by retention cannot be compared, but for the entry right before.
            let kept = expected.seq >= self.first && self.entries > 0;
            let known = match &self.beginning {
                Some(before) if before.seq == expected.seq => before.hash == expected.hash,
                Some(_) if !kept => self.pruned,
                Some(_) | None => self.met || expected == Head::genesis(),
            };
            if !known {
                self.note(expected.seq, FaultKind::Head);
            }
        }
        Verification {
            entries: self.entries,
            first: self.first,
            head: self.last,
            contents: self.contents,
            faults: self.faults,
        }
    }

    fn note(&mut self, seq: u64, kind: FaultKind) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { seq, kind });
        }
    }

    /// Whether an entry names what is missing before the first one.
    fn says_pruned(&self, details: &str) -> bool {
        let Some(beginning) = &self.beginning else { return false };
        let Ok(details) = serde_json::from_str::<serde_json::Value>(details) else { return false };
        details["through"].as_u64() == Some(beginning.seq)
            && details["hash"].as_str() == Some(beginning.hash.as_str())
    }
}

/// SHA-256 of a sealed content in hexadecimal.
pub(crate) fn digest(sealed: &str) -> String {
    hex::encode(Sha256::digest(sealed.as_bytes()))
}
