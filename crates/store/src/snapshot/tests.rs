//! Tests what is found, in which order, and for whom.

use intramuros_types::{Access, DocumentId};

use crate::fixture::{Fixture, all, axis, documents, labelled, row};
use crate::maintenance::Policy;
use crate::{Filter, PassageRow, StoreError};

const CORPUS: [&str; 9] = [
    "Les locations de véhicules se règlent à l'avance.",
    "En été, l'imprimante du bureau chauffe.",
    "L'erreur E-403 signifie que l'accès est refusé.",
    "La fiche FT-2041/B décrit la pompe.",
    "Le code 403 existe aussi sans lettre, la lettre e aussi.",
    "Qu'importe la désactivation des comptes d'utilisateurs.",
    "Les techniciens vérifieront la cuve.",
    "La panne A17 vient du capteur.",
    "Rayon B : FT, FT et 2041, 2041 ; B encore.",
];

async fn found_by(fixture: &Fixture, query: &str) -> Vec<String> {
    let found = fixture.table.full_text(query, 10, &all()).await.unwrap();
    documents(&found).into_iter().map(str::to_owned).collect()
}

/// The first hit of each query, before and after the words are indexed.
#[tokio::test]
async fn french_words_are_found_in_their_forms() {
    let fixture = Fixture::with_texts(&CORPUS).await;
    for indexed in [false, true] {
        if indexed {
            fixture.table.maintain().await.unwrap();
        }
        for (query, expected) in [
            ("location", "doc_0"),
            ("LOCATIONS", "doc_0"),
            ("vehicule", "doc_0"),
            ("ete", "doc_1"),
            ("été", "doc_1"),
            ("imprimantes", "doc_1"),
            ("l’imprimante", "doc_1"),
            ("d'imprimante", "doc_1"),
            ("utilisateur", "doc_5"),
            ("importe", "doc_5"),
            ("vérifier", "doc_6"),
            ("A-17", "doc_7"),
            ("E-403", "doc_2"),
            ("e403", "doc_2"),
            ("FT-2041/B", "doc_3"),
            ("ft2041b", "doc_3"),
            ("(FT-2041/B)", "doc_3"),
        ] {
            let found = found_by(&fixture, query).await;
            assert_eq!(found.first().map(String::as_str), Some(expected), "{query} {indexed}");
        }
    }
}

#[tokio::test]
async fn what_no_passage_holds_finds_nothing() {
    let fixture = Fixture::with_texts(&CORPUS).await;
    for query in ["", "   ", "le la les", "l' d' qu'", "zymurgie", "!?;", "\u{0}", "🙂"] {
        assert_eq!(found_by(&fixture, query).await, [""; 0], "{query:?}");
    }
}

#[tokio::test]
async fn title_and_headings_are_searched_too() {
    let fixture = Fixture::with_texts(&CORPUS[..1]).await;
    assert_eq!(found_by(&fixture, "notices").await, ["doc_0"]);
    assert_eq!(found_by(&fixture, "chapitre").await, ["doc_0"]);
}

#[tokio::test]
async fn nothing_in_a_query_is_syntax() {
    let fixture = Fixture::with_texts(&CORPUS).await;
    for query in [
        "imprimante\" OR (",
        "+imprimante -bureau",
        "imprimante' OR 1=1 --",
        "{\"match\": {\"imprimante\": 1}}",
        "search_text:imprimante~2^3 AND NOT *",
        "imprimante\\",
    ] {
        assert_eq!(found_by(&fixture, query).await, ["doc_1"], "{query}");
    }
    let error = fixture.table.full_text(&"a".repeat(10_001), 1, &all()).await;
    assert!(matches!(error, Err(StoreError::Invalid { name: "query", .. })));
}

#[tokio::test]
async fn rarer_words_weigh_more() {
    let fixture = Fixture::with_texts(&["pompe pompe moteur", "pompe vanne", "pompe pompe"]).await;
    let found = fixture.table.full_text("pompe moteur", 3, &all()).await.unwrap();
    assert_eq!(found[0].document.as_str(), "doc_0");
    assert_eq!(found.len(), 3);
    assert!(found.is_sorted_by(|a, b| a.score >= b.score) && found[2].score > 0.0);
}

#[tokio::test]
async fn nearest_ranks_by_cosine() {
    let fixture = Fixture::new().await;
    let rows = (0..4).map(|ordinal| row("doc", ordinal, "texte")).collect();
    fixture.replace("doc", rows).await;
    let mut query = axis(1);
    query[2] = 0.5;
    // The length of the query does not matter.
    query.iter_mut().for_each(|value| *value *= 7.0);
    let found = fixture.table.nearest(&query, 3, &all()).await.unwrap();
    let ordinals: Vec<u32> = found.iter().map(|passage| passage.chunk.ordinal).collect();
    assert_eq!(ordinals[..2], [1, 2]);
    // cos = 1 / sqrt(1.25) and 0.5 / sqrt(1.25).
    for (passage, expected) in found.iter().zip([0.894_427_2, 0.447_213_6, 0.0]) {
        assert!((passage.score - expected).abs() < 1e-5, "{} {expected}", passage.score);
    }
}

#[tokio::test]
async fn results_carry_everything_but_the_vector() {
    let fixture = Fixture::new().await;
    let stored = labelled("doc", "La pompe", &["rh"]);
    fixture.replace("doc", vec![stored.clone()]).await;
    let by_words = fixture.table.full_text("pompe", 1, &all()).await.unwrap();
    let by_vector = fixture.table.nearest(&axis(0), 1, &all()).await.unwrap();
    for found in [&by_words[0], &by_vector[0]] {
        assert_eq!(found.id.as_str(), "doc:0");
        assert_eq!(found.title, stored.title);
        assert_eq!(found.chunk, stored.chunk);
        assert_eq!(found.language, stored.language);
        assert_eq!(found.details, stored.details);
    }
}

/// What a caller sees through a filter, by words and by vector, with and without indexes.
#[tokio::test]
async fn filters_hide_what_they_should() {
    let fixture = Fixture::new().await;
    for (document, labels) in
        [("open", &[][..]), ("hr", &["rh"]), ("both", &["rh", "it"]), ("odd", &["x' OR 1=1"])]
    {
        fixture.replace(document, vec![labelled(document, "pompe", labels)]).await;
    }
    let holder = |labels: &[&str]| Access::of(labels);
    let by_labels = |labels: &[&str]| Filter::readable_by(holder(labels));
    let without =
        |labels: &[&str], denied: &[&str]| Filter::readable_by(holder(labels).without(denied));
    let by_documents = |ids: &[&str]| Filter {
        documents: Some(ids.iter().map(|id| DocumentId::new(*id)).collect()),
        ..all()
    };
    for indexed in [false, true] {
        if indexed {
            // The filters have their indexes too.
            let policy = Policy { filtered_one_by_one_up_to: 0, ..Policy::default() };
            fixture.table.maintain_with(&policy).await.unwrap();
        }
        for (filter, expected) in [
            (all(), &["both", "hr", "odd", "open"][..]),
            (by_labels(&[]), &["open"]),
            (by_labels(&["rh"]), &["both", "hr", "open"]),
            (by_labels(&["it", "absent"]), &["both", "open"]),
            (by_labels(&["x' OR 1=1"]), &["odd", "open"]),
            (by_labels(&["') OR true --", "\\", "\"", "`", "r_", "%"]), &["open"]),
            (without(&["*"], &["rh"]), &["odd", "open"]),
            (without(&["rh"], &["it"]), &["hr", "open"]),
            (without(&["rh"], &["x' OR 1=1", "rh"]), &["open"]),
            (by_documents(&[]), &[]),
            (by_documents(&["hr", "absent"]), &["hr"]),
            (by_documents(&["x' OR 1=1"]), &[]),
            (Filter { access: holder(&[]), ..by_documents(&["hr", "open"]) }, &["open"]),
        ] {
            let by_words = fixture.table.full_text("pompe", 10, &filter).await.unwrap();
            let by_vector = fixture.table.nearest(&axis(0), 10, &filter).await.unwrap();
            for found in [by_words, by_vector] {
                let mut found = documents(&found);
                found.sort_unstable();
                assert_eq!(found, expected, "{filter:?} {indexed}");
            }
        }
    }
}

/// A filter applied after the search would leave fewer than `k`, or none.
#[tokio::test]
async fn filters_apply_before_the_ranking() {
    let fixture = Fixture::new().await;
    let loud = (0..50).map(|ordinal| row("loud", ordinal * 8, "pompe pompe pompe")).collect();
    fixture.replace("loud", loud).await;
    let mut quiet = row("quiet", 0, "la pompe parmi bien des mots qui la cachent");
    quiet.vector = axis(1);
    quiet.vector[0] = 0.1;
    fixture.replace("quiet", vec![quiet]).await;
    let filter = Filter { documents: Some(vec!["quiet".into()]), ..all() };
    let by_words = fixture.table.full_text("pompe", 1, &filter).await.unwrap();
    let by_vector = fixture.table.nearest(&axis(0), 1, &filter).await.unwrap();
    assert_eq!(documents(&by_words), ["quiet"]);
    assert_eq!(documents(&by_vector), ["quiet"]);
}

#[tokio::test]
async fn k_is_bounded() {
    let fixture = Fixture::with_texts(&CORPUS).await;
    let all = all();
    assert_eq!(fixture.table.nearest(&axis(0), 0, &all).await.unwrap(), []);
    assert_eq!(fixture.table.full_text("erreur", 0, &all).await.unwrap(), []);
    assert_eq!(fixture.table.nearest(&axis(0), 2, &all).await.unwrap().len(), 2);
    let error = fixture.table.nearest(&axis(0), 10_001, &all).await.unwrap_err();
    assert_eq!(error.to_string(), "k is 10001, the limit is 10000");
}

#[tokio::test]
async fn an_empty_table_finds_nothing() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.table.nearest(&axis(0), 5, &all()).await.unwrap(), []);
    assert_eq!(found_by(&fixture, "pompe").await, [""; 0]);
    fixture.table.maintain().await.unwrap();
    assert_eq!(found_by(&fixture, "pompe").await, [""; 0]);
}

#[tokio::test]
async fn rows_are_read_in_the_order_in_which_they_are_asked_for() {
    let fixture = Fixture::new().await;
    for document in ["a", "b"] {
        let rows = (0..3).map(|ordinal| {
            let tokens = vec![ordinal as u8; 3];
            PassageRow { tokens, ..row(document, ordinal, "pompe") }
        });
        fixture.replace(document, rows.collect()).await;
    }
    let snapshot = fixture.table.snapshot().await.unwrap();
    let found = snapshot.full_text("pompe", 10, &all()).await.unwrap();
    let mut rows: Vec<_> = found.iter().map(|found| found.row).collect();
    assert_eq!((rows.len(), snapshot.count_rows().await.unwrap()), (6, 6));
    for _ in 0..2 {
        rows.reverse();
        let ordinals: Vec<u32> = snapshot
            .passages(&rows)
            .await
            .unwrap()
            .iter()
            .map(|passage| passage.chunk.ordinal)
            .collect();
        let tokens = snapshot.tokens(&rows).await.unwrap();
        let vectors = snapshot.vectors(&rows).await.unwrap();
        for ((ordinal, tokens), vector) in ordinals.iter().zip(tokens).zip(vectors) {
            assert_eq!(tokens, [*ordinal as u8; 3]);
            assert_eq!(vector, axis(*ordinal as usize));
        }
    }
    assert_eq!(snapshot.passages(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_snapshot_stays_what_it_was() {
    let fixture = Fixture::with_texts(&CORPUS).await;
    let snapshot = fixture.table.snapshot().await.unwrap();
    let found = snapshot.full_text("imprimante", 5, &all()).await.unwrap();
    fixture.table.delete_document(&"doc_1".into()).await.unwrap();
    let changed = vec![row("doc_0", 0, "Autre chose.")];
    fixture.table.replace_document(&"doc_0".into(), changed).await.unwrap();
    assert_eq!(snapshot.passages(&[found[0].row]).await.unwrap()[0].chunk.text, CORPUS[1]);
    assert_eq!(snapshot.full_text("location", 5, &all()).await.unwrap().len(), 1);
    drop(snapshot);
    assert_eq!(found_by(&fixture, "imprimante").await, [""; 0]);
}
