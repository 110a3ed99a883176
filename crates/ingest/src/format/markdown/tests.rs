//! Checks the reading of Markdown.

use intramuros_types::{BlockKind, ExtractedDocument};

use crate::ExtractLimits;
use crate::extract::tests::read_within;

fn read(source: &str) -> ExtractedDocument {
    read_within(source.as_bytes(), "page.md", &ExtractLimits::default()).unwrap()
}

#[track_caller]
fn check(source: &str, expected: &[(BlockKind, &str)]) {
    let document = read(source);
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

use BlockKind::{Code, Heading, ListItem, Paragraph, TableRow};

#[test]
fn headings_and_paragraphs() {
    check(
        "# Un {#ancre}\n\ntexte *gras*\nsuite `code` et [lien](http://x.test)\n\nDeux\n----\nfin",
        &[
            (Heading(1), "Un"),
            (Paragraph, "texte gras suite code et lien"),
            (Heading(2), "Deux"),
            (Paragraph, "fin"),
        ],
    );
}

#[test]
fn lists_keep_their_numbers() {
    check(
        "3. Ouvrir\n   - le capot\n   - la trappe\n4. Fermer\n\n   Attendre.\n- [x] fait",
        &[
            (ListItem, "3. Ouvrir"),
            (ListItem, "- le capot"),
            (ListItem, "- la trappe"),
            (ListItem, "4. Fermer"),
            (ListItem, "Attendre."),
            (ListItem, "- fait"),
        ],
    );
}

#[test]
fn table_rows_carry_their_headers() {
    check(
        "| Code | Sens |\n|--|--|\n| 403 | refusé |\n| 404 | |\n\n| Vide | ici |\n|--|--|\n",
        &[
            (TableRow, "Code: 403 ; Sens: refusé"),
            (TableRow, "Code: 404"),
            (TableRow, "Vide ; ici"),
        ],
    );
}

#[test]
fn code_keeps_its_lines_and_html_loses_its_tags() {
    check("```sh\nls  -l\n\n  cd\n```\n", &[(Code, "ls  -l\n\n  cd")]);
    check(
        "<div><p>Un <b>avis</b></p><script>x()</script></div>\n\na<br>b <i>c</i>",
        &[(Paragraph, "Un avis"), (Paragraph, "a\nb c")],
    );
}

#[test]
fn front_matter_gives_the_title() {
    assert_eq!(read("---\nlayout: x\ntitle: \"Mon guide\"\n---\n# Un\n").title, "Mon guide");
    assert_eq!(read("+++\ntitle = 'Toml'\n+++\n# Un\n").title, "Toml");
    let document = read("---\ntitles: x\n---\n# Un\n");
    assert_eq!((document.title.as_str(), document.text.as_str()), ("Un", "Un"));
}

#[test]
fn front_matter_gives_author_and_dates() {
    let source = "---\ntitle: Guide\nauthors:\n  - Léa Petit\n  - \"Max\"\ndate: 2026-03-12 10:00\n\
                  lastmod: 2026-03-13\n---\n\nTexte.";
    let document = read_within(source.as_bytes(), "a.md", &ExtractLimits::default()).unwrap();
    assert_eq!(document.author.as_deref(), Some("Léa Petit, Max"));
    assert_eq!(document.created.as_deref(), Some("2026-03-12"));
    assert_eq!(document.modified.as_deref(), Some("2026-03-13"));
    let source = "+++\nauthor = [\"Léa\", 'Max']\n+++\nTexte.";
    let document = read_within(source.as_bytes(), "a.md", &ExtractLimits::default()).unwrap();
    assert_eq!(document.author.as_deref(), Some("Léa, Max"));
}
