//! Finds the rows of a grid that name its columns.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::kind::Kind;
use super::{Cell, Line};

/// Rows that are looked at for headers: titles may stand above them.
const SEARCHED_ROWS: usize = 10;
/// Rows below a candidate that are looked at.
const PEEKED_ROWS: usize = 50;
/// The longest header, in characters.
const MAX_HEADER_CHARS: usize = 80;
/// Rows above the lowest row of headers that group its columns.
const MAX_GROUP_ROWS: usize = 3;
/// Words that name columns, in French and English, lower case: where nothing else tells headers
/// from values (a list of people and towns), these do.
const WORDS: &str = "nom prénom prenom nom(s) ville adresse pays code référence reference réf ref \
    désignation designation libellé libelle article produit client fournisseur service fonction \
    poste e-mail email mail courriel téléphone telephone tél tel date statut état etat type \
    catégorie categorie famille description commentaire commentaires remarque remarques \
    responsable société societe entreprise agence site lieu numéro numero n° id identifiant \
    quantité quantite qté qte prix montant total unité unite taux name surname first last city \
    address country product customer supplier department role phone status category comment \
    owner company number quantity price amount unit title titre équipe equipe team question \
    réponse reponse answer échéance echeance début debut fin start end note détail detail lien \
    niveau rôle âge age projet tâche tache task project commande facture région region année annee \
    mois jour trimestre year month day groupe group marque modèle modele version durée duree";

/// The names of columns.
#[derive(Debug)]
pub(super) struct Headers {
    names: HashMap<u32, String>,
    /// Columns whose values are figures or dates.
    figures: HashSet<u32>,
}

impl Headers {
    /// The name of `column`; empty when it has none.
    pub(super) fn name(&self, column: u32) -> &str {
        self.names.get(&column).map_or("", String::as_str)
    }

    /// Whether no two columns have the same name.
    pub(super) fn are_different(&self) -> bool {
        let different: HashSet<&String> = self.names.values().collect();
        different.len() == self.names.len()
    }

    /// Whether no column with a name is further to the left.
    pub(super) fn is_leftmost(&self, column: u32) -> bool {
        self.names.keys().all(|named| *named >= column)
    }

    /// Whether `line` is a label with its value, as totals are, although it stands in the table:
    /// its first text is in a column of figures.
    pub(super) fn is_labelled(&self, line: &Line) -> bool {
        (2..=3).contains(&line.cells.len())
            && line.cells.len() < self.names.len()
            && line.cells[0].kind == Kind::Text
            && self.figures.contains(&line.cells[0].column)
    }

    /// Whether `lines`, which a blank row separates from the table, go on with it.
    pub(super) fn fit(&self, lines: &[Line]) -> bool {
        lines.iter().all(|line| {
            let fits = |cell: &Cell| {
                self.names.contains_key(&cell.column)
                    && (cell.kind != Kind::Text || !self.figures.contains(&cell.column))
            };
            line.cells.len() >= 2
                && line.cells.len() * 2 >= self.names.len()
                && !line.header
                && line.cells.iter().all(fits)
                && line.cells.iter().any(|cell| self.figures.contains(&cell.column))
        })
    }
}

/// The rows of headers within `lines`, and what they say; `None` when there are none.
pub(super) fn find_headers(lines: &[Line]) -> Option<(Range<usize>, Headers)> {
    let last = lines.len().checked_sub(1)?;
    let at = (0..last.min(SEARCHED_ROWS)).find(|at| is_header(lines, *at))?;
    let mut rows = at..at + 1;
    while rows.start > 0
        && rows.len() <= MAX_GROUP_ROWS
        && !lines[at].header
        && groups(&lines[rows.start - 1])
    {
        rows.start -= 1;
    }
    // The candidate may itself be the upper row, whose groups are divided below.
    while rows.end < last
        && rows.len() <= MAX_GROUP_ROWS
        && groups(&lines[rows.end - 1])
        && divides(&lines[rows.end], &lines[rows.end + 1..])
    {
        rows.end += 1;
    }
    let mut names: HashMap<u32, String> = HashMap::new();
    for cell in lines[rows.clone()].iter().flat_map(|line| &line.cells) {
        let text = cell.text.trim();
        for column in cell.column..cell.column.saturating_add(cell.columns) {
            let name = names.entry(column).or_default();
            if !name.ends_with(text) {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(text);
            }
        }
    }
    let body = &lines[rows.end..];
    let figures = names.keys().copied().filter(|column| column_of(body, *column).has_figures());
    let figures = figures.collect();
    Some((rows, Headers { names, figures }))
}

/// Whether a row holds names of groups of columns.
fn groups(line: &Line) -> bool {
    line.cells.len() >= 2
        && line.cells.iter().any(|cell| cell.columns > 1)
        && line.cells.iter().all(|cell| cell.kind == Kind::Text || is_year(cell))
}

/// Whether a row of words, or of years, stands above figures.
fn divides(line: &Line, below: &[Line]) -> bool {
    line.cells.iter().all(|cell| cell.kind == Kind::Text || is_year(cell))
        && line.cells.iter().any(|cell| column_of(below, cell.column).has_figures())
}

/// Whether the row at `at` names the columns of those below it.
fn is_header(lines: &[Line], at: usize) -> bool {
    let head = &lines[at];
    let below = &lines[at + 1..lines.len().min(at + 1 + PEEKED_ROWS)];
    if head.header {
        return true;
    }
    if head.cells.len() < 2 || !head.cells.iter().all(can_be_header) || !covers(head, below) {
        return false;
    }
    let bold = |line: &Line| line.cells.iter().all(|cell| cell.bold);
    let set_apart = bold(head) && !bold(&below[0]);
    let different: HashSet<&str> = head.cells.iter().map(|cell| cell.text.trim()).collect();
    let plain = |cell: &Cell| is_year(cell) || !is_code(&cell.text);
    let is_grouped = at > 0 && groups(&lines[at - 1]);
    if !set_apart
        && !is_grouped
        && (different.len() < head.cells.len() || !head.cells.iter().all(plain))
    {
        return false;
    }
    let mut votes = 0;
    let mut known = 0;
    for cell in &head.cells {
        let column = column_of(below, cell.column);
        if column.holds(&cell.text) {
            return false;
        }
        votes += column.votes_for(cell);
        known += usize::from(is_known(&cell.text));
    }
    let is_known = known * 2 >= head.cells.len() && known >= 2;
    set_apart || is_known || (head.cells.len() > 2 && votes > 0)
}

fn can_be_header(cell: &Cell) -> bool {
    let text = cell.text.trim();
    is_year(cell)
        || (cell.kind == Kind::Text
            && text.chars().count() <= MAX_HEADER_CHARS
            && text.chars().any(char::is_alphabetic)
            && !text.ends_with(':')
            && !text.contains('@'))
}

fn is_year(cell: &Cell) -> bool {
    let text = cell.text.trim();
    text.len() == 4 && text.parse::<u32>().is_ok_and(|year| (1900..2100).contains(&year))
}

/// Whether a text with figures is a reference or an address rather than a name such as `Prix 1`.
fn is_code(text: &str) -> bool {
    let text = text.trim();
    let figures = text.chars().filter(char::is_ascii_digit).count();
    let begins = text.starts_with(char::is_alphabetic);
    figures > 0 && (!begins || figures > 4 || !text.chars().any(char::is_lowercase))
}

/// Whether `head` has a name for every column that most rows of `below` fill; the first may be
/// without one, being a column of labels.
fn covers(head: &Line, below: &[Line]) -> bool {
    let mut filled: HashMap<u32, usize> = HashMap::new();
    for cell in below.iter().flat_map(|line| &line.cells) {
        *filled.entry(cell.column).or_default() += 1;
    }
    let over = |cell: &Cell| cell.column..cell.column.saturating_add(cell.columns);
    let named: HashSet<u32> = head.cells.iter().flat_map(over).collect();
    let required = |count: usize| count * 2 > below.len();
    let first = filled.keys().min().copied();
    let is_covered = |column: &u32| named.contains(column) || Some(*column) == first;
    filled.iter().all(|(column, count)| !required(*count) || is_covered(column))
        && filled.keys().filter(|column| named.contains(column)).count() >= 2
}

/// The values of a column.
struct Column<'l>(Vec<&'l Cell>);

fn column_of(lines: &[Line], column: u32) -> Column<'_> {
    let peeked = &lines[..lines.len().min(PEEKED_ROWS)];
    let at = |line: &Line| line.cells.binary_search_by_key(&column, |cell| cell.column).ok();
    Column(peeked.iter().filter_map(|line| at(line).map(|at| &line.cells[at])).collect())
}

impl Column<'_> {
    fn has_figures(&self) -> bool {
        let figures = self.0.iter().filter(|cell| cell.kind != Kind::Text).count();
        figures * 2 > self.0.len()
    }

    fn holds(&self, text: &str) -> bool {
        self.0.iter().any(|cell| cell.kind == Kind::Text && cell.text.trim() == text.trim())
    }

    /// How much the values look different from `head`, which then is no value.
    fn votes_for(&self, head: &Cell) -> usize {
        let has_figure = |text: &str| text.chars().any(|c| c.is_ascii_digit() || c == '@');
        if is_year(head) {
            return usize::from(self.has_figures());
        }
        if has_figure(&head.text) {
            return usize::from(self.has_figures());
        }
        let figured = self.0.iter().filter(|cell| has_figure(&cell.text)).count();
        let different: HashSet<&str> = self.0.iter().map(|cell| cell.text.as_str()).collect();
        let repeated = self.0.len() >= 4 && different.len() * 2 <= self.0.len();
        usize::from(!self.0.is_empty() && figured * 10 >= self.0.len() * 6) + usize::from(repeated)
    }
}

/// Whether a text is, or begins with, a word that names columns.
fn is_known(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let first = text.split([' ', '/', '(', '\u{a0}']).next().unwrap_or_default();
    let first = first.trim_end_matches(['.', 's']);
    let is = |wanted: &str| WORDS.split_whitespace().any(|word| word == wanted);
    text.split_whitespace().count() <= 4 && (is(first) || is(&text))
}
