//! Reads server-sent events.
//!
//! Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream", as far as the API's streams
//! need it: fields other than `data` and comments are passed over.

use std::io::BufRead;

/// The data of the events of a stream, in order.
pub(super) struct Events<R> {
    reader: R,
}

impl<R: BufRead> Events<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader }
    }

    /// The lines of one event's data, `None` at the end of the stream. An event that the end cuts
    /// off before its empty line counts, because some servers leave out the last one.
    fn event(&mut self) -> std::io::Result<Option<String>> {
        let mut data: Option<String> = None;
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(data);
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']).trim_start_matches('\u{feff}');
            if text.is_empty() {
                if data.is_some() {
                    return Ok(data);
                }
            } else if let Some(value) = field(text) {
                match &mut data {
                    Some(lines) => {
                        lines.push('\n');
                        lines.push_str(value);
                    }
                    None => data = Some(value.to_string()),
                }
            }
        }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = std::io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.event().transpose()
    }
}

/// The value of a `data` line.
fn field(line: &str) -> Option<&str> {
    let value = line.strip_prefix("data")?;
    if value.is_empty() {
        return Some("");
    }
    let value = value.strip_prefix(':')?;
    Some(value.strip_prefix(' ').unwrap_or(value))
}

#[cfg(test)]
mod tests;
