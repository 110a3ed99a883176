//! Shows the generator the rows of a table that the question is about.
//!
//! A price list is many lines that differ by a reference and some numbers, and small models answer
//! from the neighbouring one. Where the question names a reference (`MP-18`) and some rows of a
//! passage have it, the others are left out of the prompt. Evidence is still checked against the
//! whole passage, so this can only narrow what is said, never prove more. What it costs: a question
//! that names one row and asks about others (`plus puissante que la MP-18 ?`) sees only that row.

use std::borrow::Cow;

use intramuros_ingest::CELL_SEPARATOR;

use crate::words::fold;

/// References of a question.
pub(crate) struct Focus {
    references: Vec<String>,
}

impl Focus {
    /// The references that `question` names.
    pub(crate) fn new(question: &str) -> Self {
        Self { references: references(question).collect() }
    }

    /// `text` without the rows that have none of the references; all of it when no row has one.
    pub(crate) fn rows<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let named = |line: &str| references(line).any(|found| self.names(&found));
        if !text.lines().any(|line| is_row(line) && named(line)) {
            return Cow::Borrowed(text);
        }
        let kept: Vec<&str> = text.lines().filter(|line| !is_row(line) || named(line)).collect();
        Cow::Owned(kept.join("\n"))
    }

    /// Whether the question means `found`: the same letters and digits, or the same with a letter
    /// for the variant behind them (`na12` means `NA-12E`).
    fn names(&self, found: &str) -> bool {
        self.references.iter().any(|reference| {
            found.strip_prefix(reference.as_str()).is_some_and(|variant| {
                variant.len() <= 1 && variant.chars().all(char::is_alphabetic)
            })
        })
    }
}

fn is_row(line: &str) -> bool {
    line.contains(CELL_SEPARATOR)
}

/// Words that start with a letter and have a digit, folded, separators dropped: `MP-18` gives
/// `mp18`.
fn references(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && !"-/._".contains(letter));
    words.filter_map(|word| {
        let joined: String = fold(word).chars().filter(|letter| letter.is_alphanumeric()).collect();
        let starts = joined.chars().next().is_some_and(char::is_alphabetic);
        let mixed = joined.chars().any(|letter| letter.is_ascii_digit());
        (starts && mixed).then_some(joined)
    })
}

#[cfg(test)]
mod tests {
    use super::Focus;

    const TABLE: &str = "Terrassement\n\
                         Référence: MP-08 ; Jour: 98 € ; Caution: 1 500 €\n\
                         Référence: MP-18 ; Jour: 135 € ; Caution: 2 500 €\n\
                         Référence: NA-12E ; Jour: 192 € ; Caution: 4 000 €\n\
                         La semaine compte quatre jours.";

    #[track_caller]
    fn check(question: &str, expected: &[&str]) {
        let focus = Focus::new(question);
        let shown = focus.rows(TABLE);
        let rows: Vec<&str> = shown.lines().filter(|line| line.contains(" ; ")).collect();
        let references: Vec<&str> =
            rows.iter().map(|row| row.split([':', ';']).nth(1).unwrap().trim()).collect();
        assert_eq!(references, expected, "{question}");
        assert!(shown.starts_with("Terrassement\n") && shown.ends_with("quatre jours."));
    }

    #[test]
    fn rows_of_the_named_references_are_kept() {
        check("Combien coûte la MP-18 ?", &["MP-18"]);
        check("caution mp18", &["MP-18"]);
        check("MP-08 ou MP-18 ?", &["MP-08", "MP-18"]);
        check("la nacel na12 monte plus", &["NA-12E"]);
    }

    #[test]
    fn tables_without_the_reference_are_shown_whole() {
        let all = ["MP-08", "MP-18", "NA-12E"];
        check("Combien coûte une mini-pelle ?", &all);
        check("Et la MP-1 ?", &all);
        check("Et la GE-40 ?", &all);
        check("prix 18 €", &all);
    }
}
