//! Removes the lines that frame every page: running headers, footers, page numbers.

use std::collections::HashMap;

use super::row::Row;

/// Documents with fewer pages keep everything: on two pages a repetition proves nothing.
const MIN_PAGES: usize = 3;
/// Rows at the top and at the bottom of a page that can be its frame.
const EDGE_ROWS: usize = 3;

/// Removes rows that stand at the edge of most pages, figures aside. The first occurrence stays,
/// since a letterhead says who wrote; page numbers go altogether.
pub(super) fn remove(mut pages: Vec<&mut Vec<Row>>) {
    if pages.len() < MIN_PAGES {
        return;
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for page in &pages {
        let mut keys: Vec<String> = edges(page).into_iter().map(|at| key(&page[at])).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
    }
    let filled = pages.iter().filter(|page| !page.is_empty()).count();
    counts.retain(|_, count| *count >= MIN_PAGES && *count * 2 > filled);
    let mut seen: Vec<String> = Vec::new();
    for page in &mut pages {
        let mut removed = Vec::new();
        for at in edges(page) {
            let key = key(&page[at]);
            if !counts.contains_key(&key) {
                continue;
            }
            if is_page_number(&key) || seen.contains(&key) {
                removed.push(at);
            } else {
                seen.push(key);
            }
        }
        let mut at = 0;
        page.retain(|_| {
            at += 1;
            !removed.contains(&(at - 1))
        });
    }
}

/// Indices of the highest and lowest rows of a page; the order of reading is another one.
fn edges(page: &[Row]) -> Vec<usize> {
    let mut by_height: Vec<usize> = (0..page.len()).collect();
    by_height.sort_by(|a, b| page[*b].middle.total_cmp(&page[*a].middle));
    if by_height.len() > 2 * EDGE_ROWS {
        by_height.drain(EDGE_ROWS..by_height.len() - EDGE_ROWS);
    }
    by_height
}

/// The text of a row with every number alike.
fn key(row: &Row) -> String {
    let mut key = String::new();
    for c in row.segments.iter().flat_map(|segment| segment.text.chars()) {
        if c.is_ascii_digit() {
            if !key.ends_with('#') {
                key.push('#');
            }
        } else if !c.is_whitespace() {
            key.extend(c.to_lowercase());
        }
    }
    key
}

fn is_page_number(key: &str) -> bool {
    let rest = ["page", "seite", "pagina", "p."].iter().find_map(|word| key.strip_prefix(word));
    let rest = rest.unwrap_or(key).trim_matches(|c: char| "-–—|()[].:n°".contains(c));
    matches!(rest, "#" | "#/#" | "#sur#" | "#of#" | "#von#" | "#-#")
}

#[cfg(test)]
mod tests;
