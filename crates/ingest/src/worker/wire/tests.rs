//! Checks that requests and answers come out as they went in, and that others are refused.

use std::time::Duration;

use intramuros_types::ReadWarning;

use super::{ANSWER_MARK, Garbage, RequestHead, answer_length, read_answer, write_answer};
use crate::worker::{Confinement, WorkerLimits};
use crate::{EmbeddedFile, ExtractConfig, Extraction, IngestError, extract};

const CONFINEMENT: Confinement = Confinement { files: true, calls: false, priority: true };

fn written(answer: Result<Extraction, IngestError>) -> Vec<u8> {
    let mut out = Vec::new();
    write_answer(answer, CONFINEMENT, &mut out).unwrap();
    out
}

#[track_caller]
fn check(answer: Result<Extraction, IngestError>) {
    let bytes = written(answer.clone());
    assert_eq!(answer_length(&bytes), Ok(Some(bytes.len() as u64)));
    assert_eq!(read_answer(&bytes), Ok((answer, CONFINEMENT)));
}

#[test]
fn answers_survive() {
    let config = ExtractConfig::default();
    let eml = include_bytes!("../../../fixtures/courrier.eml");
    check(extract(eml, "a.eml", &config));
    check(extract(include_bytes!("../../../fixtures/notice.pdf"), "a.pdf", &config));
    let file = |name: &str, bytes: &[u8]| EmbeddedFile { name: name.into(), bytes: bytes.into() };
    let warning = ReadWarning { code: "a".into(), text: "b".into(), page: Some(1) };
    check(Ok(Extraction {
        document: None,
        files: vec![file("a", b""), file("a", b"\0\xff"), file("b", b"x")],
        warnings: vec![warning],
    }));
    check(Err(IngestError::LimitExceeded { what: "pages".into(), limit: 3 }));
    check(Err(IngestError::NoText { pages: 7 }));
    check(Err(IngestError::damaged("été")));
}

#[test]
fn requests_survive() {
    let head = RequestHead {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        parent: 7,
        file_name: "été.pdf".to_owned(),
        config: ExtractConfig::default(),
        limits: WorkerLimits { max_wall: Duration::from_millis(1_500), ..Default::default() },
        bytes: u64::MAX,
    };
    let mut bytes = head.encode().unwrap();
    bytes.extend(b"suite");
    let mut rest = &bytes[..];
    assert_eq!(RequestHead::read(&mut rest).unwrap(), head);
    assert_eq!(rest, b"suite");
    let other = RequestHead { version: "0".to_owned(), ..head };
    assert!(RequestHead::read(&mut &other.encode().unwrap()[..]).is_err());
    assert!(RequestHead::read(&mut &b"im-read1\xff\xff\xff\xff"[..]).is_err());
    assert!(RequestHead::read(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).is_err());
}

#[test]
fn garbage_is_refused() {
    assert_eq!(answer_length(b""), Ok(None));
    assert_eq!(answer_length(b"im-te"), Ok(None));
    assert_eq!(answer_length(b"im-texte"), Err(Garbage));
    assert_eq!(answer_length(b"Bonjour"), Err(Garbage));
    let whole = written(extract(b"Bonjour", "a.txt", &ExtractConfig::default()));
    for end in 0..whole.len() {
        assert_eq!(read_answer(&whole[..end]), Err(Garbage), "{end} bytes");
    }
    let mut long = whole.clone();
    long.push(0);
    assert_eq!(read_answer(&long), Err(Garbage));
    // Lengths that no memory holds.
    let mut absurd = ANSWER_MARK.to_vec();
    absurd.extend([0xff; 64]);
    assert_eq!(read_answer(&absurd), Err(Garbage));
    // Any byte may be another.
    for at in 16..whole.len() {
        let mut other = whole.clone();
        other[at] ^= 0xff;
        let _ = read_answer(&other);
    }
}
