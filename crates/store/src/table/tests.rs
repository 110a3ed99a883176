//! Tests writing, replacing, erasing and maintaining, also while others read.

use std::borrow::Borrow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixture::{DIMENSION, Fixture, all, axis, documents, labelled, row};
use crate::maintenance::Policy;
use crate::{Filter, PassageDetails, PassageRow, StoreError, StoredPassage};

fn texts<P: Borrow<StoredPassage>>(found: &[P]) -> Vec<&str> {
    found.iter().map(|passage| passage.borrow().chunk.text.as_str()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The files below `folder` that hold `word`.
fn files_with(folder: &Path, word: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        fs::read(path).unwrap().windows(word.len()).any(|window| window == word.as_bytes())
    };
    files_below(folder).into_iter().filter(holds).collect()
}

#[tokio::test]
async fn replacing_a_document_leaves_nothing_of_the_old_one() {
    let fixture = Fixture::with_texts(&["autre chose"]).await;
    let old = (0..5).map(|ordinal| row("doc", ordinal, "ancienne pompe")).collect();
    fixture.replace("doc", old).await;
    // Fewer passages, and ordinals both kept and new.
    fixture.replace("doc", vec![row("doc", 1, "nouvelle pompe"), row("doc", 9, "vanne")]).await;

    for maintained in [false, true] {
        if maintained {
            fixture.table.maintain().await.unwrap();
        }
        assert_eq!(fixture.table.count_rows().await.unwrap(), 3);
        let found = fixture.table.passages(&"doc".into(), 0..100).await.unwrap();
        assert_eq!(texts(&found), ["nouvelle pompe", "vanne"]);
        let all = all();
        let found = fixture.table.full_text("ancienne", 10, &all).await.unwrap();
        assert_eq!(texts(&found), [""; 0], "{maintained}");
        let found = fixture.table.full_text("pompe", 10, &all).await.unwrap();
        assert_eq!(texts(&found), ["nouvelle pompe"], "{maintained}");
    }
}

#[tokio::test]
async fn deletion_takes_one_document_and_can_be_repeated() {
    let fixture = Fixture::with_texts(&["la pompe", "la pompe"]).await;
    let id = "doc_0".into();
    assert!(fixture.table.contains(&id).await.unwrap());
    fixture.table.delete_document(&id).await.unwrap();
    fixture.table.delete_document(&id).await.unwrap();
    assert!(!fixture.table.contains(&id).await.unwrap());
    let found = fixture.table.full_text("pompe", 10, &all()).await.unwrap();
    assert_eq!(documents(&found), ["doc_1"]);
    fixture.table.delete_document(&"x' OR 1=1 --".into()).await.unwrap();
    assert_eq!(fixture.table.count_rows().await.unwrap(), 1);
    fixture.replace("doc_1", Vec::new()).await;
    assert_eq!(fixture.table.count_rows().await.unwrap(), 0);
}

#[tokio::test]
async fn a_document_with_a_hostile_id_is_stored_like_any_other() {
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let id = "x' OR '1'='1";
    for text in ["une vanne", "deux vannes"] {
        fixture.replace(id, vec![row(id, 0, text)]).await;
        assert_eq!(fixture.table.count_rows().await.unwrap(), 2);
    }
    let found = fixture.table.passages(&id.into(), 0..10).await.unwrap();
    assert_eq!(texts(&found), ["deux vannes"]);
}

/// Words that stand nowhere else, once in a file of its own and once among other documents.
#[tokio::test]
async fn nothing_of_an_erased_document_is_left_on_disk() {
    const SECRET: &str = "zanzibarquokka";
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let secret = format!("Le mot {SECRET} est secret.");
    for document in ["own-file", "replaced", "merged"] {
        fixture.replace(document, vec![row(document, 0, &secret), row(document, 1, "rien")]).await;
        fixture
            .replace(
                &format!("{document}-other"),
                vec![row(&format!("{document}-other"), 0, "autre")],
            )
            .await;
        if document == "merged" {
            // Into one file with its neighbours, and into the index.
            fixture.table.maintain().await.unwrap();
        }
    }
    let before = files_with(fixture.folder.path(), SECRET);
    assert!(!before.is_empty(), "the test must be able to see the text");

    fixture.table.delete_document(&"own-file".into()).await.unwrap();
    fixture.replace("replaced", vec![row("replaced", 0, "rien du tout")]).await;
    fixture.table.delete_document(&"merged".into()).await.unwrap();
    fixture.table.maintain().await.unwrap();

    assert_eq!(files_with(fixture.folder.path(), SECRET), Vec::<PathBuf>::new());
    for path in before {
        assert!(!path.exists(), "{}", path.display());
    }
    assert_eq!(fixture.table.count_rows().await.unwrap(), 5);
    let found = fixture.table.full_text("pompe", 5, &all()).await.unwrap();
    assert_eq!(documents(&found), ["doc_0"]);
}

/// An index keeps words in a form that a byte search does not see, so its size has to tell. With
/// neighbours the document shares a file with them; without, its file goes as a whole.
#[tokio::test]
async fn nothing_of_an_erased_document_is_left_in_the_index() {
    for neighbours in [&[][..], &["la pompe"]] {
        let fixture = Fixture::with_texts(neighbours).await;
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let words = (0..5000).map(|_| format!("{:016x}", random.random::<u64>()));
        let text = words.collect::<Vec<_>>().join(" ");
        fixture.replace("doc", vec![row("doc", 0, &text)]).await;
        fixture.table.maintain().await.unwrap();
        let before = index_bytes(fixture.folder.path());
        assert!(before > 20_000, "{before} bytes: the test must be able to see the words");
        fixture.table.delete_document(&"doc".into()).await.unwrap();
        fixture.table.maintain().await.unwrap();
        let after = index_bytes(fixture.folder.path());
        assert!(after < before / 4, "{before} bytes before, {after} after, {neighbours:?}");
    }
}

fn index_bytes(folder: &Path) -> u64 {
    let in_index = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "_indices");
    let files = files_below(folder).into_iter().filter(in_index);
    files.map(|path| fs::metadata(path).unwrap().len()).sum()
}

/// Files of old versions go only when the last reader has left.
#[tokio::test]
async fn maintenance_waits_for_readers_before_it_removes_files() {
    const MARK: &str = "zanzibarquokka";
    let fixture = Fixture::with_texts(&["la pompe", MARK]).await;
    let table = fixture.table.clone();
    let reader = table.enter().await.unwrap();
    table.delete_document(&"doc_1".into()).await.unwrap();
    let maintenance = tokio::spawn({
        let table = table.clone();
        async move { table.maintain().await }
    });
    // Until maintenance waits at the gate, which lets nobody else in from then on.
    while table.shared.gate.try_read().is_ok() && !maintenance.is_finished() {
        tokio::task::yield_now().await;
    }
    assert!(!files_with(fixture.folder.path(), MARK).is_empty());
    drop(reader);
    maintenance.await.unwrap().unwrap();
    assert!(files_with(fixture.folder.path(), MARK).is_empty());
}

/// A process that dies between a deletion and its maintenance, and one that finishes the job.
#[tokio::test]
async fn erasure_is_finished_after_a_restart() {
    const SECRET: &str = "zanzibarquokka";
    let fixture = Fixture::with_texts(&["la pompe", SECRET]).await;
    fixture.table.maintain().await.unwrap();
    fixture.table.delete_document(&"doc_1".into()).await.unwrap();
    let table = fixture.reopen().await;
    table.maintain().await.unwrap();
    assert_eq!(files_with(fixture.folder.path(), SECRET), Vec::<PathBuf>::new());
    assert_eq!(table.count_rows().await.unwrap(), 1);
}

#[tokio::test]
async fn maintenance_merges_files_and_keeps_results() {
    let texts: Vec<String> = (0..30).map(|number| format!("pompe numero{number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let fixture = Fixture::with_texts(&texts).await;
    let before = files_below(fixture.folder.path()).len();
    fixture.table.maintain().await.unwrap();
    let after = files_below(fixture.folder.path()).len();
    assert!(after < before / 2, "{before} files before, {after} after");
    fixture.table.maintain().await.unwrap();
    assert!(files_below(fixture.folder.path()).len() <= after);
    for number in [0, 17, 29] {
        let query = format!("numero{number}");
        let found = fixture.table.full_text(&query, 5, &all()).await.unwrap();
        assert_eq!(documents(&found), [format!("doc_{number}")]);
    }
}

#[tokio::test]
async fn bad_rows_are_refused_and_change_nothing() {
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let good = || row("doc_0", 0, "autre");
    let with_vector = |vector: Vec<f32>| PassageRow { vector, ..good() };
    let with_labels = |label: &str| labelled("doc_0", "autre", &[label]);
    let mut nan = axis(0);
    nan[3] = f32::NAN;
    for (rows, expected) in [
        (vec![row("other", 0, "x")], "rows holds a passage of `other`, not of `doc_0`"),
        (vec![good(), good()], "rows repeats ordinal 0"),
        (vec![with_vector(vec![1.0; 3])], "vector has 3 values, the table's dimension is 8"),
        (vec![with_vector(vec![0.0; DIMENSION])], "vector is all zero"),
        (vec![with_vector(nan)], "vector holds a value that is not finite"),
        (vec![with_labels("")], "labels holds a label that is empty"),
        (vec![with_labels(&"a".repeat(201))], "labels holds a label that is empty or beyond 200"),
    ] {
        let error = fixture.table.replace_document(&"doc_0".into(), rows).await.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let found = fixture.table.full_text("pompe", 5, &all()).await.unwrap();
    assert_eq!(documents(&found), ["doc_0"]);
    let query = fixture.table.nearest(&[1.0], 1, &all()).await;
    assert!(matches!(query, Err(StoreError::Invalid { name: "vector", .. })));
}

#[tokio::test]
async fn neighbours_come_in_order() {
    let fixture = Fixture::new().await;
    let rows = (0..20).rev().map(|ordinal| row("doc", ordinal, &format!("t{ordinal}"))).collect();
    fixture.replace("doc", rows).await;
    let doc = "doc".into();
    let found = fixture.table.passages(&doc, 9..12).await.unwrap();
    assert_eq!(texts(&found), ["t9", "t10", "t11"]);
    assert_eq!(fixture.table.passages(&doc, 18..40).await.unwrap().len(), 2);
    let (start, end) = (5, 3);
    assert_eq!(fixture.table.passages(&doc, start..end).await.unwrap(), []);
    let error = fixture.table.passages(&doc, 0..u32::MAX).await.unwrap_err();
    assert!(matches!(error, StoreError::Invalid { name: "ordinals", .. }), "{error:?}");
}

/// While a document is replaced again and again, with maintenance in between, every reader sees
/// one of its versions, whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_documents_while_others_write() {
    const PASSAGES: u32 = 4;
    let fixture = Fixture::with_texts(&["la pompe"]).await;
    let version = |number: u32| -> Vec<PassageRow> {
        (0..PASSAGES).map(|ordinal| row("doc", ordinal, &format!("vanne v{number}"))).collect()
    };
    fixture.replace("doc", version(0)).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (table, done) = (fixture.table.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0_u32;
                while !done.load(Ordering::SeqCst) {
                    let all = all();
                    let found = table.full_text("vanne", 10, &all).await.unwrap();
                    let found = texts(&found);
                    assert_eq!(found.len(), PASSAGES as usize, "{found:?}");
                    assert!(found.iter().all(|text| *text == found[0]), "{found:?}");
                    let near = table.nearest(&axis(0), 10, &all).await.unwrap();
                    assert_eq!(near.len(), PASSAGES as usize + 1);
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for number in 1..=12 {
        fixture.replace("doc", version(number)).await;
        if number % 4 == 0 {
            fixture.table.maintain().await.unwrap();
        }
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_table_do_not_lose_documents() {
    let fixture = Fixture::new().await;
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let table = fixture.table.clone();
            tokio::spawn(async move {
                let id = format!("doc_{number}");
                table.replace_document(&id.as_str().into(), vec![row(&id, 0, "x")]).await?;
                table.replace_document(&id.as_str().into(), vec![row(&id, 1, "y")]).await
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(fixture.table.count_rows().await.unwrap(), 8);
}

/// The approximate index against the exact scan, with rows that the index does not know yet.
#[tokio::test]
async fn the_vector_index_finds_what_the_scan_finds() {
    const ROWS: u32 = 3000;
    const K: usize = 10;
    let fixture = Fixture::new().await;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut vector =
        || (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f32>>();
    let rows = (0..ROWS).map(|ordinal| PassageRow { vector: vector(), ..row("doc", ordinal, "x") });
    fixture.replace("doc", rows.collect()).await;
    let queries: Vec<Vec<f32>> = (0..20).map(|_| vector()).collect();
    let all = all();
    let mut exact = Vec::new();
    for query in &queries {
        exact.push(fixture.table.nearest(query, K, &all).await.unwrap());
    }

    let policy = Policy { exact_up_to: 1000, ..Policy::default() };
    fixture.table.maintain_with(&policy).await.unwrap();
    assert!(fixture.table.has_vector_index().await);
    let mut same = 0;
    for (query, exact) in queries.iter().zip(&exact) {
        let found = fixture.table.nearest(query, 4 * K, &all).await.unwrap();
        assert_eq!(found.len(), 4 * K);
        same += found.iter().filter(|passage| exact.iter().any(|e| e.id == passage.id)).count();
    }
    assert!(same >= queries.len() * K * 95 / 100, "{same} of {}", queries.len() * K);

    fixture
        .replace("new", vec![PassageRow { vector: queries[0].clone(), ..row("new", 0, "x") }])
        .await;
    for maintained in [false, true] {
        if maintained {
            fixture.table.maintain_with(&policy).await.unwrap();
        }
        let found = fixture.table.nearest(&queries[0], 1, &all).await.unwrap();
        assert_eq!(documents(&found), ["new"], "{maintained}");
        let filter = Filter { documents: Some(vec!["new".into()]), ..all.clone() };
        let far: Vec<f32> = queries[0].iter().map(|value| -value).collect();
        let found = fixture.table.nearest(&far, 5, &filter).await.unwrap();
        assert_eq!(documents(&found), ["new"], "{maintained}");
    }
    // Below the threshold again: back to the scan.
    fixture.table.delete_document(&"doc".into()).await.unwrap();
    fixture.table.maintain_with(&policy).await.unwrap();
    assert!(!fixture.table.has_vector_index().await);
    assert_eq!(fixture.table.nearest(&queries[0], 5, &all).await.unwrap().len(), 1);
}

#[tokio::test]
async fn rows_come_back_with_vectors_and_take_other_details() {
    let fixture = Fixture::new().await;
    let stored: Vec<PassageRow> = (0..3).map(|ordinal| row("doc", ordinal, "pompe")).collect();
    fixture.replace("doc", stored.clone()).await;
    let mut rows = fixture.table.rows(&"doc".into()).await.unwrap();
    assert_eq!(rows, stored);

    for row in &mut rows {
        row.details = PassageDetails { labels: vec!["rh".to_owned()], ..PassageDetails::default() };
    }
    fixture.replace("doc", rows).await;
    let open = Filter::readable_by(intramuros_types::Access::of::<&str>(&[]));
    assert_eq!(fixture.table.full_text("pompe", 5, &open).await.unwrap(), []);
    assert_eq!(fixture.table.full_text("pompe", 5, &all()).await.unwrap().len(), 3);
}

/// During an import the words of what was removed may stay in the index, but nothing is found by
/// them, and what is new is.
#[tokio::test]
async fn extended_indexes_find_what_is_new_and_nothing_that_is_gone() {
    let fixture = Fixture::with_texts(&["la pompe", "le moteur"]).await;
    fixture.table.maintain().await.unwrap();
    for stale in [false, true] {
        let name = format!("neuf_{stale}");
        fixture.replace(&name, vec![row(&name, 0, "la vanne")]).await;
        if stale {
            fixture.table.delete_document(&"doc_0".into()).await.unwrap();
        }
        fixture.table.extend_indexes().await.unwrap();
        assert!(
            documents(&fixture.table.full_text("vanne", 5, &all()).await.unwrap())
                .contains(&name.as_str())
        );
        let gone = fixture.table.full_text("pompe", 5, &all()).await.unwrap();
        assert_eq!(gone.is_empty(), stale);
    }
    fixture.table.maintain().await.unwrap();
    assert_eq!(fixture.table.full_text("vanne", 5, &all()).await.unwrap().len(), 2);
}
