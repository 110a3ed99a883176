//! Writes a report as one HTML file: no script, nothing loaded, for the screen in light and dark and
//! for A4.

use std::fmt::Write as _;

use super::blocks::{Big, Block, Card, Document, Figure, Matrix, Table, Tone};
use super::plot;

/// What the page may load: nothing.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("style.css");

/// The whole file.
pub(super) fn write(document: &Document) -> String {
    let title = escape(&document.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n",
        document.language.pick("fr", "en"),
    );
    for (at, block) in document.blocks.iter().enumerate() {
        self::block(&mut out, block, at);
        out.push('\n');
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn block(out: &mut String, block: &Block, at: usize) {
    match block {
        Block::Heading(level, text) => {
            let level = (*level).clamp(2, 3);
            element(out, &format!("h{level}"), text);
        }
        Block::Verdict(text) => {
            out.push_str("<p class=\"verdict\">");
            out.push_str(&escape(text));
            out.push_str("</p>");
        }
        Block::Text(text) => element(out, "p", text),
        Block::Note(text) => {
            out.push_str("<p class=\"note\">");
            out.push_str(&escape(text));
            out.push_str("</p>");
        }
        Block::Bigs(all) => bigs(out, all),
        Block::List(lines) => {
            out.push_str("<ul>");
            lines.iter().for_each(|line| element(out, "li", line));
            out.push_str("</ul>");
        }
        Block::Table(table) => self::table(out, table),
        Block::Matrix(matrix) => self::matrix(out, matrix),
        Block::Figure(figure) => self::figure(out, figure, at),
        Block::Cards(all) => all.iter().for_each(|card| self::card(out, card)),
        Block::Page => out.push_str("<hr class=\"page\">"),
    }
}

fn element(out: &mut String, name: &str, text: &str) {
    // Writing to a text cannot fail.
    let _ = write!(out, "<{name}>{}</{name}>", escape(text));
}

fn bigs(out: &mut String, all: &[Big]) {
    out.push_str("<dl class=\"bigs\">");
    for big in all {
        let tone = match big.tone {
            Tone::Good => "good",
            Tone::Neutral => "neutral",
            Tone::Bad => "bad",
        };
        let _ = write!(
            out,
            "<div class=\"{tone}\"><dt>{}</dt><dd><strong>{}</strong> <span>{}</span></dd></div>",
            escape(&big.label),
            escape(&big.value),
            escape(&big.range),
        );
    }
    out.push_str("</dl>");
}

fn table(out: &mut String, table: &Table) {
    let class = if table.is_wordy { " class=\"wordy\"" } else { "" };
    let _ = write!(out, "<div class=\"wide\"><table{class}><caption>");
    out.push_str(&escape(&table.caption));
    out.push_str("</caption><thead><tr>");
    for name in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            match at {
                0 => {
                    let _ = write!(out, "<th scope=\"row\">{}</th>", escape(cell));
                }
                _ => element(out, "td", cell),
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn matrix(out: &mut String, matrix: &Matrix) {
    out.push_str("<div class=\"wide\"><table class=\"matrix\"><caption>");
    out.push_str(&escape(&matrix.caption));
    out.push_str("</caption><thead><tr><td></td>");
    for label in &matrix.labels {
        let _ = write!(out, "<th scope=\"col\"><span>{}</span></th>", escape(label));
    }
    out.push_str("</tr></thead><tbody>");
    for (row, (label, counts)) in matrix.labels.iter().zip(&matrix.counts).enumerate() {
        let sum: usize = counts.iter().sum();
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(label));
        for (column, count) in counts.iter().enumerate() {
            let class = if row == column { "hit" } else { "miss" };
            let share = (100 * count).checked_div(sum).unwrap_or(0);
            match count {
                0 => out.push_str("<td>·</td>"),
                _ => {
                    let _ = write!(
                        out,
                        "<td class=\"{class}\" style=\"--share:{share}%\">{count}</td>"
                    );
                }
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn figure(out: &mut String, figure: &Figure, at: usize) {
    out.push_str("<figure>");
    let (title, description) = (escape(&figure.title), escape(&figure.description));
    out.push_str(&plot::svg(&figure.plot, &format!("plot{at}"), &title, &description));
    let _ = write!(out, "<figcaption><strong>{title}</strong> {description}</figcaption>");
    table(out, &figure.table);
    out.push_str("</figure>");
}

fn card(out: &mut String, card: &Card) {
    out.push_str("<section class=\"card\">");
    // No heading: cards stand under headings of two levels.
    let _ = write!(out, "<p class=\"title\"><strong>{}</strong></p>", escape(&card.title));
    out.push_str("<dl>");
    for (name, text) in &card.lines {
        element(out, "dt", name);
        element(out, "dd", text);
    }
    out.push_str("</dl></section>");
}

/// A text that stands for itself, within elements and attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(visible(c)),
        }
    }
    escaped
}

/// What cannot be seen and changes what is seen is shown: control characters, and those that turn
/// the direction of what follows.
pub(super) fn visible(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\r' => ' ',
        '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}
