//! Writes a report as Markdown, with tables in the place of plots.

use std::fmt::Write as _;

use super::blocks::{Block, Document, Matrix, Table};
use super::html::visible;

/// The whole text.
pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", escape(&document.title));
    for block in &document.blocks {
        self::block(&mut out, block, document.language.pick(" :", ":"));
    }
    out
}

/// `colon` is the language's: French has a space before it.
fn block(out: &mut String, block: &Block, colon: &str) {
    // Writing to a text cannot fail.
    let _ = match block {
        Block::Heading(level, text) => {
            let level = usize::from((*level).clamp(2, 3));
            writeln!(out, "\n{} {}", "#".repeat(level), escape(text))
        }
        Block::Verdict(text) => writeln!(out, "\n**{}**", escape(text)),
        Block::Text(text) | Block::Note(text) => writeln!(out, "\n{}", escape(text)),
        Block::Bigs(all) => {
            out.push('\n');
            all.iter().try_for_each(|big| {
                let (label, value) = (escape(&big.label), escape(&big.value));
                writeln!(out, "- {label}{colon} **{value}** ({})", escape(&big.range))
            })
        }
        Block::List(lines) => {
            out.push('\n');
            lines.iter().try_for_each(|line| writeln!(out, "- {}", escape(line)))
        }
        Block::Table(table) => {
            self::table(out, table);
            Ok(())
        }
        Block::Matrix(matrix) => {
            self::matrix(out, matrix);
            Ok(())
        }
        Block::Figure(figure) => {
            let written =
                writeln!(out, "\n**{}** {}", escape(&figure.title), escape(&figure.description));
            self::table(out, &figure.table);
            written
        }
        Block::Cards(all) => all.iter().try_for_each(|card| {
            writeln!(out, "\n- **{}**", escape(&card.title))?;
            card.lines.iter().try_for_each(|(name, text)| {
                writeln!(out, "  - {}{colon} {}", escape(name), escape(text))
            })
        }),
        Block::Page => writeln!(out, "\n---"),
    };
}

fn table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "\n{}\n", escape(&table.caption));
    row(out, table.head.iter());
    let line = |at: usize| if at == 0 || table.is_wordy { "---" } else { "---:" };
    row(out, (0..table.head.len()).map(line));
    for cells in &table.rows {
        row(out, cells.iter().map(|cell| escape(cell)));
    }
}

fn matrix(out: &mut String, matrix: &Matrix) {
    let _ = writeln!(out, "\n{}\n", escape(&matrix.caption));
    row(out, [String::new()].into_iter().chain(matrix.labels.iter().map(|name| escape(name))));
    row(out, (0..=matrix.labels.len()).map(|at| if at == 0 { "---" } else { "---:" }));
    for (label, counts) in matrix.labels.iter().zip(&matrix.counts) {
        let counts = counts.iter().map(|count| match count {
            0 => "·".to_owned(),
            count => count.to_string(),
        });
        row(out, [escape(label)].into_iter().chain(counts));
    }
}

fn row(out: &mut String, cells: impl Iterator<Item = impl AsRef<str>>) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", cell.as_ref());
    }
    out.push('\n');
}

/// A text that stands for itself on one line: neither a cell's border, nor HTML, nor an emphasis,
/// nor a link.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => escaped.push(' '),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(visible(c)),
        }
    }
    // An address would become a link by itself.
    escaped.replace("://", ":\u{200b}//").replace("www.", "www\u{200b}.")
}
