//! Words the text that is embedded for a passage: where it stands, then what it says.

use intramuros_types::Chunk;

/// Separates the parts of a [`context_line`].
const SEPARATOR: &str = " › ";

/// Says where a passage stands: `Title › Section › Sub`. Empty parts are left out, and so is the
/// first heading where it repeats the title.
pub fn context_line(title: &str, section_path: &[String]) -> String {
    let title = title.trim();
    let mut line = title.to_owned();
    for (depth, part) in section_path.iter().map(|part| part.trim()).enumerate() {
        if part.is_empty() || (depth == 0 && part.to_lowercase() == title.to_lowercase()) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(SEPARATOR);
        }
        line.push_str(part);
    }
    line
}

/// The text to embed for `chunk` of the document called `title`: its [`context_line`], a line
/// break, the passage. The encoder's own prefix is not part of it.
pub fn embedding_text(title: &str, chunk: &Chunk) -> String {
    let line = context_line(title, &chunk.section_path);
    if line.is_empty() { chunk.text.clone() } else { format!("{line}\n{}", chunk.text) }
}

#[cfg(test)]
mod tests;
