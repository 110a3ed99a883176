use encoding_rs::WINDOWS_1252;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{Content, Format, Job, LabelledSet, MAX_SET_ITEMS, SetError};

fn read(job: Job, text: &str) -> Result<LabelledSet, SetError> {
    LabelledSet::read(job, Format::guess("", text.as_bytes()), text.as_bytes())
}

#[track_caller]
fn refused(job: Job, text: &str, expected: &str) {
    let error = read(job, text).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
    assert!(error.contains(": "), "no remedy: {error}");
}

fn triage(set: &LabelledSet, at: usize) -> super::TriageItem {
    {
        let Content::Triage(item) = &set.items[at].content else { panic!("another job") };
        item.clone()
    }
}

#[test]
fn known_sets_are_read_as_they_are() {
    let tickets = read(Job::Triage, include_str!("../../../fixtures/tickets.jsonl")).unwrap();
    assert_eq!(tickets.items.len(), 5);
    assert_eq!(tickets.items[0].id, "T001");
    assert_eq!(triage(&tickets, 0).category.as_deref(), Some("commande_materiel"));
    assert!(tickets.items.iter().any(|item| item.remarks.contains_key("why")));

    let gimp = include_str!("../../../fixtures/search.jsonl");
    let search = read(Job::Search, gimp).unwrap();
    let relevant = |at: usize| {
        let Content::Search(item) = &search.items[at].content else { panic!("another job") };
        item.relevant.len()
    };
    assert_eq!([relevant(0), relevant(1), relevant(2)], [1, 3, 0]);
    let chat = read(Job::Chat, gimp).unwrap();
    let answerable = |at: usize| {
        let Content::Chat(item) = &chat.items[at].content else { panic!("another job") };
        (item.answerable, item.answer_parts.len())
    };
    assert_eq!([answerable(0), answerable(3)], [(true, 1), (false, 0)]);

    let banking = read(Job::Triage, include_str!("../../../fixtures/banking77.csv")).unwrap();
    assert_eq!(banking.items.len(), 3);
    assert_eq!(
        triage(&banking, 1).body,
        "I still have not received my new card, I ordered over a week ago."
    );
    assert_eq!(banking.items[1].id, "L3");

    let documents =
        read(Job::Extraction, include_str!("../../../fixtures/documents.jsonl")).unwrap();
    {
        let Content::Extraction(item) = &documents.items[0].content else { panic!("another job") };
        {
            assert_eq!(item.document, "AV-26-0093.pdf");
            assert_eq!(item.document_type.as_deref(), Some("facture"));
            assert_eq!(item.fields["total_ht"], -314.0);
        }
    }
    assert_eq!(documents.items.len(), 3);
}

#[test]
fn what_french_spreadsheets_write_is_read() {
    let text = "Identifiant;Objet;Texte;Catégorie;Alerte;;\r\n\
                A1;Réseau;\"Plus d'accès ; \"\"erreur 403\"\"\r\ndepuis 9 h\";réseau;oui;;\r\n\
                ;;;;;;\r\n\
                A2;;Œuvre à 12 €;autre;Non;;\r\n";
    let check = |bytes: &[u8]| {
        let set = LabelledSet::read(Job::Triage, Format::Csv, bytes).unwrap();
        assert_eq!(set.items.len(), 2);
        let first = triage(&set, 0);
        assert_eq!(first.body, "Plus d'accès ; \"erreur 403\"\r\ndepuis 9 h");
        assert_eq!((first.category.as_deref(), first.alert), (Some("réseau"), Some(true)));
        assert_eq!(triage(&set, 1).body, "Œuvre à 12 €");
        set.sha256()
    };
    let marked = format!("\u{feff}{text}");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hashes = [
        check(text.as_bytes()),
        check(marked.as_bytes()),
        check(&WINDOWS_1252.encode(text).0),
        check(&wide),
    ];
    assert!(hashes.iter().all(|hash| *hash == hashes[0]));
    let tabs = text.replace(';', "\t").replace("accès \t", "accès ;");
    assert_eq!(check(tabs.as_bytes()), hashes[0]);
}

#[test]
fn lists_and_fields_of_cells_are_read() {
    let set = read(
        Job::Chat,
        "question,answerable,answer_parts,must_not\n\
         Combien ?,oui,12 € | douze euros; par mois,\n\
         Et ?,oui,\"[\"\"a;b\"\"]\",interdit\n",
    )
    .unwrap();
    let parts = |at: usize| {
        let Content::Chat(item) = &set.items[at].content else { panic!("another job") };
        (item.answer_parts.clone(), item.must_not.len())
    };
    assert_eq!(parts(0), (vec!["12 € | douze euros".to_owned(), "par mois".to_owned()], 0));
    assert_eq!(parts(1), (vec!["a;b".to_owned()], 1));

    let documents =
        read(Job::Extraction, "document,type,fields.total,fields.iban\nf.pdf,facture,\"12,50\",\n")
            .unwrap();
    {
        let Content::Extraction(item) = &documents.items[0].content else { panic!("another job") };
        {
            assert_eq!(item.fields["total"], "12,50");
            assert!(item.fields["iban"].is_null());
        }
    }
    let searched = read(Job::Search, "query;relevant\nx;[]\ny;a.pdf;\n").unwrap();
    assert_eq!(searched.items.len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_line_field_and_remedy() {
    refused(Job::Search, "{\"query\": \"a\"}\n", "line 1: 'relevant' is missing");
    refused(
        Job::Search,
        "{\"query\": 3.5, \"relevant\": \"a\"}\n",
        "line 1: 'relevant' is a text of 1 ",
    );
    refused(Job::Search, "\n{\"query\": [], \"relevant\": []}", "line 2: 'query' is a list of 0");
    refused(
        Job::Search,
        "{\"query\": \"a\", \"relevent\": [], \"relevant\": []}",
        "line 1: 'relevent' is no field",
    );
    refused(
        Job::Search,
        "{\"query\": \"a\", \"question\": \"b\", \"relevant\": []}",
        "line 1: 'question' is another name of 'query'",
    );
    refused(
        Job::Search,
        "{\"query\": \"a\", \"relevant\": [\"\"]}",
        "line 1: 'relevant' has an empty text",
    );
    refused(
        Job::Search,
        "{\"query\": \"secret\", \"relevant\": [}",
        "line 1 is no JSON from character 34",
    );
    refused(
        Job::Search,
        "{\"id\": \"a\", \"query\": \"a\", \"relevant\": []}\n{\"id\": \"a\", \"query\": \"b\", \"relevant\": []}",
        "line 2: 'id' is the one of line 1",
    );
}

#[test]
fn what_other_jobs_lack_is_told_too() {
    refused(Job::Chat, "{\"question\": \"a\"}", "line 1: 'answerable' is missing");
    refused(
        Job::Chat,
        "{\"question\": \"a\", \"answerable\": true}",
        "line 1: 'answer_parts' is missing",
    );
    refused(
        Job::Chat,
        "{\"question\": \"a\", \"answerable\": \"oui\"}",
        "line 1: 'answerable' is a text",
    );
    refused(
        Job::Chat,
        "{\"question\": \"a\", \"answerable\": false, \"answer_parts\": [\"b\"]}",
        "line 1: 'answer_parts' is there though",
    );
    refused(
        Job::Chat,
        "{\"question\": \"a\", \"answer_parts\": [\" … | ! \"]}",
        "line 1: 'answer_parts' has a text without",
    );
    refused(
        Job::Chat,
        "{\"question\": \"a\", \"answer_parts\": [\"b\"], \"history\": [1]}",
        "line 1: 'history' is no list",
    );
    refused(Job::Triage, "{\"body\": \"a\"}", "line 1: 'category' is missing, and so is");
    refused(Job::Triage, "{\"category\": \"a\"}", "line 1: 'body' is missing");
    refused(Job::Triage, "body;alert\na;peut-être\n", "line 2: 'alert' is a text of 9 ");
    refused(Job::Triage, "body;category;Category\na;b;c\n", "line 1: 'category' names two columns");
    refused(Job::Triage, "body;category\na;b;c\n", "line 2 has text in column 3");
    refused(Job::Triage, "body;category;team\n\na;b\n", "line 3 has 2 columns");
    refused(Job::Triage, "body;category\na;b\n\"open;b\nc;d\n", "line 3 opens a quotation mark");
    refused(
        Job::Extraction,
        "{\"document\": \"a\", \"fields\": []}",
        "line 1: 'fields' is no object",
    );
    refused(Job::Extraction, "{\"document\": \"a\"}", "line 1: 'fields' is missing");
    let deep = format!(
        "{{\"document\": \"a\", \"fields\": {{\"x\": {}1{}}}}}",
        "[".repeat(9),
        "]".repeat(9)
    );
    refused(Job::Extraction, &deep, "line 1: 'fields' is nested");
    let csv = LabelledSet::read(Job::Triage, Format::Jsonl, b"body,category\n");
    assert!(csv.unwrap_err().to_string().starts_with("line 1 is no JSON"));
    let list = LabelledSet::read(Job::Triage, Format::Jsonl, b"[{}]\n");
    assert!(list.unwrap_err().to_string().starts_with("line 1 is a list"));
}

#[test]
fn errors_repeat_no_text() {
    for (job, text) in [
        (Job::Triage, "body;alert\na;secret\n"),
        (Job::Search, "{\"query\": \"secret\", \"relevant\": secret"),
        (Job::Chat, "{\"question\": \"secret\", \"answerable\": \"secret\"}"),
        (Job::Triage, "body;category\n\"secret"),
    ] {
        assert!(!read(job, text).unwrap_err().to_string().contains("secret"));
    }
}

#[test]
fn limits_hold() {
    for nothing in ["", "\n\n", "body;category\n", "\u{feff}"] {
        let read = LabelledSet::read(Job::Triage, Format::Csv, nothing.as_bytes());
        assert_eq!(read, Err(SetError::Empty), "{nothing:?}");
    }
    let many = "{\"body\": \"a\", \"category\": \"b\"}\n".repeat(MAX_SET_ITEMS + 1);
    assert_eq!(read(Job::Triage, &many), Err(SetError::TooMany { limit: MAX_SET_ITEMS }));
    let large = vec![b' '; (64 << 20) + 1];
    assert!(matches!(
        LabelledSet::read(Job::Triage, Format::Csv, &large),
        Err(SetError::TooLarge { .. })
    ));
    assert_eq!(
        LabelledSet::read(Job::Triage, Format::Csv, b"PK\x03\x04\x00"),
        Err(SetError::Binary)
    );
    let long = format!("{{\"body\": \"{}\", \"category\": \"b\"}}", "é".repeat(100_001));
    refused(Job::Triage, &long, "line 1: 'body' has 100001 characters");
}

#[test]
fn the_hash_is_of_the_items() {
    let hash = |text: &str| read(Job::Extraction, text).unwrap().sha256();
    let one = hash("{\"document\": \"a\", \"fields\": {\"x\": {\"p\": 1, \"q\": 2}, \"y\": 1}}");
    assert_eq!(one, hash("{\"file\": \"a\", \"fields\": {\"y\": 1, \"x\": {\"q\": 2, \"p\": 1}}}"));
    assert_ne!(
        one,
        hash("{\"document\": \"a\", \"fields\": {\"x\": {\"p\": 1, \"q\": 3}, \"y\": 1}}")
    );
    assert_eq!(one.len(), 64);
}

#[test]
fn items_come_back_from_json() {
    for (job, text) in [
        (Job::Triage, include_str!("../../../fixtures/tickets.jsonl")),
        (Job::Search, include_str!("../../../fixtures/search.jsonl")),
        (Job::Chat, include_str!("../../../fixtures/search.jsonl")),
        (Job::Extraction, include_str!("../../../fixtures/documents.jsonl")),
    ] {
        let set = read(job, text).unwrap();
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<LabelledSet>(&json).unwrap(), set);
        assert!(set.items.iter().all(|item| item.content.job() == job));
        assert_eq!(Job::parse(job.as_str()), Some(job));
    }
}

#[test]
fn formats_are_guessed() {
    assert_eq!(Format::guess("a.JSONL", b"x"), Format::Jsonl);
    assert_eq!(Format::guess("a.csv", b"{"), Format::Csv);
    assert_eq!(Format::guess("a", b"\xEF\xBB\xBF {\"a\": 1}"), Format::Jsonl);
    assert_eq!(Format::guess("", b"a;b"), Format::Csv);
}

#[test]
fn whatever_is_uploaded_is_read_or_refused() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let files = [
        include_str!("../../../fixtures/tickets.jsonl"),
        include_str!("../../../fixtures/search.jsonl"),
        include_str!("../../../fixtures/banking77.csv"),
        include_str!("../../../fixtures/documents.jsonl"),
    ];
    let parts: [&[u8]; 12] = [
        b"\"",
        b";",
        b"\n",
        b"\r\n",
        b"{",
        b"}",
        b"[",
        b"\\",
        b"\xff\xfe",
        b"\0",
        b"\xe9",
        b"null",
    ];
    let mut read = 0;
    for _ in 0..1_500 {
        let mut bytes = files[random.random_range(0..files.len())].as_bytes().to_vec();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            let end = (at + random.random_range(0..20)).min(bytes.len());
            bytes.splice(at..end, parts[random.random_range(0..parts.len())].iter().copied());
        }
        for job in Job::ALL {
            for format in [Format::Jsonl, Format::Csv] {
                read += usize::from(LabelledSet::read(job, format, &bytes).is_ok());
            }
        }
    }
    // Some changes are within texts.
    assert!(read > 100, "{read}");
}
