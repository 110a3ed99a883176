//! Prints results: for people on a terminal, as JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::client::Problem;
use crate::language::{Language, current};

/// Prints one line. A reader that went away (`| head`) is not an error.
pub(crate) fn line(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a JSON value.
pub(crate) fn json(value: &Value) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => line(json!({"error": {"message": error.to_string()}})),
    }
}

/// Prints progress that is not part of the result.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints why a command failed.
pub(crate) fn error(as_json: bool, error: &anyhow::Error) {
    if as_json {
        let code = error.downcast_ref::<Problem>().and_then(|problem| problem.code.as_deref());
        json(&json!({"error": {"message": format!("{error:#}"), "code": code}}));
    } else {
        note(format!("intramuros: {error:#}"));
    }
}

/// Whether progress bars make sense.
pub(crate) fn is_interactive() -> bool {
    std::io::stderr().is_terminal()
}

/// Prints rows as aligned columns.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let print = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    print(header.to_vec());
    for row in rows {
        print(row.iter().map(String::as_str).collect());
    }
}

/// `1,1 Go` or `1.1 GB`, in the decimal units that disks and hubs use.
pub(crate) fn bytes(count: u64) -> String {
    const PREFIXES: [&str; 5] = ["", "k", "M", "G", "T"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < PREFIXES.len() {
        value /= 1000.0;
        unit += 1;
    }
    let number = if unit == 0 { count.to_string() } else { format!("{value:.1}") };
    match current() {
        Language::French => format!("{} {}o", number.replace('.', ","), PREFIXES[unit]),
        Language::English => format!("{number} {}B", PREFIXES[unit]),
    }
}
