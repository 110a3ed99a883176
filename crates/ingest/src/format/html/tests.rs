//! Checks the reading of HTML.

use std::time::{Duration, Instant};

use intramuros_types::{BlockKind, ExtractedDocument};

use crate::extract::tests::read_within;
use crate::{ExtractLimits, IngestError};

use BlockKind::{Code, Heading, ListItem, Paragraph, TableRow};

fn read(source: &str) -> ExtractedDocument {
    read_within(source.as_bytes(), "page.html", &ExtractLimits::default()).unwrap()
}

#[track_caller]
fn check(source: &str, expected: &[(BlockKind, &str)]) {
    let document = read(source);
    let blocks: Vec<(BlockKind, &str)> =
        document.blocks.iter().map(|b| (b.kind, b.span.slice(&document.text))).collect();
    assert_eq!(blocks, expected);
}

#[test]
fn structure_becomes_blocks() {
    check(
        "<h2>Un <em>titre</em></h2><p>L'&eacute;t&eacute;\n  2026&nbsp;: <a href=x>lien</a><br>fin\
         <ol start=3><li>trois<ul><li><p>sous</p></ul><li>quatre</ol><pre>a  b\n c</pre>reste",
        &[
            (Heading(2), "Un titre"),
            (Paragraph, "L'été 2026\u{a0}: lien\nfin"),
            (ListItem, "3. trois"),
            (ListItem, "- sous"),
            (ListItem, "4. quatre"),
            (Code, "a  b\n c"),
            (Paragraph, "reste"),
        ],
    );
}

#[test]
fn terms_go_with_their_definitions() {
    check(
        "<dl><dt>Mode :<dt>Type<dd>manuel<p>ou non<dt>Options<dd><ul><li>une</ul><dt>Seul</dl>fin",
        &[
            (ListItem, "Mode, Type: manuel"),
            (ListItem, "ou non"),
            (ListItem, "Options"),
            (ListItem, "- une"),
            (ListItem, "Seul"),
            (Paragraph, "fin"),
        ],
    );
}

#[test]
fn the_frame_of_a_page_is_dropped() {
    check(
        "<header>logo</header><nav>menu</nav><div class='navheader x'>suivant</div><h1>Titre</h1>\
         <script>a()</script><style>b{}</style><noscript>c</noscript><template>d</template>\
         <p hidden>e</p><p style='DISPLAY : none'>f</p><p aria-hidden=true>g</p><form>h</form>\
         <article><header><p>chapô</p></header>corps</article><aside>pub</aside><footer>pied</footer>",
        &[(Heading(1), "Titre"), (Paragraph, "chapô"), (Paragraph, "corps")],
    );
}

#[test]
fn main_and_the_only_article_are_the_content() {
    let long = "phrase du contenu principal ".repeat(6);
    let text = long.trim();
    check(&format!("<div>bandeau</div><main><p>{long}</main>"), &[(Paragraph, text)]);
    check(&format!("<div>bandeau</div><article>{long}</article>"), &[(Paragraph, text)]);
    check("<div>bandeau</div><main>court</main>", &[(Paragraph, "bandeau"), (Paragraph, "court")]);
}

#[test]
fn tables_of_contents_are_content_of_pages_without_any() {
    let contents = "<div class=toc><ul><li>Installer</ul></div>";
    let long = "phrase du contenu principal ".repeat(12);
    check(&format!("{contents}<p>{long}</p>"), &[(Paragraph, long.trim())]);
    check(
        &format!("<h1>Partie</h1>{contents}"),
        &[(Heading(1), "Partie"), (ListItem, "- Installer")],
    );
}

#[test]
fn a_page_that_is_a_form_is_read() {
    check("<form><label>Votre nom</label></form>", &[(Paragraph, "Votre nom")]);
    check(
        "<form><h1>Titre</h1><p>texte</p></form>",
        &[(Heading(1), "Titre"), (Paragraph, "texte")],
    );
}

#[test]
fn tables_name_their_cells() {
    check(
        "<table><caption>Tarifs</caption><thead><tr><th rowspan=2>Offre<th colspan=2>Prix<tr><th>HT\
         <th>TTC<tbody><tr><td>Base<td>10<td>12<tr><td colspan=2>Pro<td>24</table>",
        &[
            (TableRow, "Tarifs"),
            (TableRow, "Offre: Base ; Prix HT: 10 ; Prix TTC: 12"),
            (TableRow, "Offre: Pro ; Prix TTC: 24"),
        ],
    );
    check(
        "<table><tr><th>Nom<td>Durand<tr><th>Ville :<td>Lyon</table>",
        &[(TableRow, "Nom: Durand"), (TableRow, "Ville: Lyon")],
    );
    check(
        "<table><tr><td>Article<td>Qté<td>Prix<tr><td rowspan=2>Vis<td>1<td>2<tr><td>5<td>9</table>",
        &[
            (TableRow, "Article: Vis ; Qté: 1 ; Prix: 2"),
            (TableRow, "Article: Vis ; Qté: 5 ; Prix: 9"),
        ],
    );
}

#[test]
fn tables_that_place_things_are_walked_through() {
    check(
        "<table><tr><td><h1>Titre</h1><td><table><tr><td>a<td>b<tr><td>c<td>d</table></table>",
        &[(Heading(1), "Titre"), (TableRow, "a ; b"), (TableRow, "c ; d")],
    );
    check("<table><tr><td>seul<tr><td>autre</table>", &[(Paragraph, "seul"), (Paragraph, "autre")]);
}

#[test]
fn head_gives_title_language_and_encoding() {
    let document = read("<html lang=fr-CA><head><title> Ma\n page </title><body><p>12 345 678");
    assert_eq!((document.title.as_str(), document.language.as_deref()), ("Ma page", Some("fr")));
    let document = read(
        "<title>t</title><meta name=Author content='Léa Petit'><meta property='article:published_time' \
         content='2026-03-12T10:00:00+01:00'><meta name=author content=X><meta name=dcterms.modified \
         content='12 mars'><p>texte",
    );
    assert_eq!(document.author.as_deref(), Some("Léa Petit"));
    assert_eq!(document.created.as_deref(), Some("2026-03-12T10:00:00+01:00"));
    assert_eq!(document.modified, None);
    let bytes = b"<meta charset='iso-8859-2'><p>\xa3\xf3d\xbc";
    let document = read_within(bytes, "a.html", &ExtractLimits::default()).unwrap();
    assert_eq!(document.text, "Łódź");
}

#[track_caller]
fn check_hostile(source: &str) {
    let limits = ExtractLimits { max_duration: Duration::from_secs(3), ..ExtractLimits::default() };
    let start = Instant::now();
    match read_within(source.as_bytes(), "page.html", &limits) {
        Err(IngestError::LimitExceeded { .. } | IngestError::Empty) => {}
        Ok(document) => crate::extract::tests::check_promises(&document),
        Err(error) => panic!("{error}"),
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn hostile_pages_end_in_an_error() {
    let deep = format!("{}x", "<div>".repeat(100_000));
    let limits = ExtractLimits::default();
    let error = read_within(deep.as_bytes(), "a.html", &limits).unwrap_err();
    assert_eq!(error, IngestError::LimitExceeded { what: "nested elements".into(), limit: 1_000 });
    check_hostile(&"<table><tr><td>".repeat(20_000));
    check_hostile(&"<b><p>".repeat(20_000));
    let formats: String = (0..900).map(|at| format!("<b class=c{at}>")).collect();
    check_hostile(&format!("{formats}{}", "<p>x".repeat(20_000)));
    let attributes: String = (0..20_000).map(|at| format!(" a{at}=v")).collect();
    check_hostile(&format!("<p{attributes}>x"));
    check_hostile(&format!("<p class='{}'>x", "c ".repeat(500_000)));
    let row = "<td rowspan=99999>".to_owned() + &"x".repeat(190);
    check_hostile(&format!("<table><tr>{}{}", row.repeat(64), "<tr><td>1".repeat(50_000)));
    check_hostile(&"<td colspan=1000>1<tr>".repeat(20_000));
}
