use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{BUFFER_BYTES, Needle, Searched, search};

fn look(folder: &Path, texts: &[&str]) -> Searched {
    let needles: Vec<Needle> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| Needle { label: format!("text {number}"), text: (*text).to_owned() })
        .collect();
    search(folder, &needles, &AtomicBool::new(false)).unwrap()
}

fn found(searched: &Searched) -> Vec<&str> {
    searched.found.iter().map(|hit| hit.file.as_str()).collect()
}

#[test]
fn a_text_is_found_in_every_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    write("utf8", "Madame Hélène Dupré,".as_bytes());
    write("capitals/deep/er", "HÉLÈNE DUPRÉ".as_bytes());
    write("folded", b"helene dupre");
    write("decomposed", "He\u{301}le\u{300}ne Dupre\u{301}".as_bytes());
    write("latin", b"H\xe9l\xe8ne Dupr\xe9");
    write("utf16", &utf16("xx Hélène Dupré"));
    write("other", "Hélène Durand".as_bytes());
    write("empty", b"");
    write("models/weights", "Hélène Dupré".as_bytes());
    write("blobs/models/file", "Hélène Dupré".as_bytes());
    let searched = look(folder.path(), &["Hélène Dupré", "ab"]);
    let expected = ["blobs/models/file", "capitals/deep/er", "decomposed", "folded", "latin"];
    assert_eq!(found(&searched), [&expected[..], &["utf16", "utf8"]].concat());
    assert_eq!((searched.texts, searched.too_short, searched.files), (1, 1, 9));
    assert!(searched.found.iter().all(|hit| hit.texts == ["text 0"]), "{searched:?}");
}

#[test]
fn a_text_on_the_border_of_two_pieces_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for shift in 0..12 {
        let mut bytes = vec![b'x'; BUFFER_BYTES - 6 + shift];
        bytes.extend_from_slice(b"jean.dupont@exemple.fr");
        bytes.extend_from_slice(&[b'y'; 100]);
        let path = folder.path().join("file");
        std::fs::write(&path, &bytes).unwrap();
        let searched = look(folder.path(), &["jean.dupont@exemple.fr"]);
        assert_eq!(found(&searched), ["file"], "{shift}");
        assert_eq!(searched.bytes, bytes.len() as u64);
    }
}

#[test]
fn a_search_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), b"x").unwrap();
    let needles = [Needle { label: String::new(), text: "Dupont".to_owned() }];
    assert_eq!(search(folder.path(), &needles, &AtomicBool::new(true)), None);
}
