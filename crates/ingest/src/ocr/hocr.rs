//! Reads the program's answer: lines of words with their boxes.
//!
//! Source: the hOCR 1.2 specification. It says what the plain tables of the program do not: the
//! size of a line's letters and the direction it runs in.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// The most words of a page: a broadsheet has a tenth.
const MAX_WORDS: usize = 200_000;

/// A rectangle in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Box {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

/// A word as it was recognised.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) place: Box,
    /// In per cent.
    pub(super) confidence: f32,
}

/// A line as it was recognised.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) words: Vec<Word>,
    /// Height of its letters from the highest to the lowest, in pixels.
    pub(super) size: f32,
    /// In which direction it runs: quarter turns counter-clockwise from left to right.
    pub(super) quarter: u8,
}

/// Reads the lines of an answer, in its order.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(answer: &str) -> Result<Vec<Line>, String> {
    let mut reader = Reader::from_str(answer);
    reader.config_mut().check_end_names = false;
    let mut lines: Vec<Line> = Vec::new();
    let mut count = 0;
    // The word that is open, and how many elements are open within it.
    let mut open: Option<(Word, u32)> = None;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                if let Some((_, depth)) = &mut open {
                    *depth += 1;
                    continue;
                }
                let class = attribute(&tag, "class");
                let title = attribute(&tag, "title");
                if class == "ocrx_word" {
                    open = word(&title).map(|word| (word, 0));
                } else if is_line(&class) {
                    lines.push(line(&title));
                }
            }
            Event::End(_) => match &mut open {
                Some((_, depth)) if *depth > 0 => *depth -= 1,
                Some(_) => {
                    let closed = open.take().map(|(word, _)| word);
                    let words = closed.into_iter().flat_map(split);
                    if let Some(line) = lines.last_mut() {
                        line.words.extend(words);
                    }
                    count += 1;
                    if count > MAX_WORDS {
                        return Err(format!("more than {MAX_WORDS} words"));
                    }
                }
                None => {}
            },
            Event::Text(text) => append(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                if let Ok(Some(c)) = reference.resolve_char_ref() {
                    append(&mut open, c.encode_utf8(&mut [0; 4]));
                } else if let Some(text) =
                    quick_xml::escape::resolve_predefined_entity(&reference.into_inner())
                {
                    append(&mut open, text);
                }
            }
            Event::Eof => return Ok(lines),
            Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

fn append(open: &mut Option<(Word, u32)>, text: &str) {
    if let Some((word, _)) = open {
        word.text.push_str(text);
    }
}

/// A word without white space, or nothing when nothing was recognised. Some languages have words
/// with white space inside; their parts share the box.
fn split(word: Word) -> Vec<Word> {
    let part = |text: &str| Word { text: text.to_owned(), ..word.clone() };
    word.text.split_whitespace().map(part).collect()
}

fn is_line(class: &str) -> bool {
    matches!(class, "ocr_line" | "ocr_header" | "ocr_caption" | "ocr_textfloat" | "ocr_footer")
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = tag.attributes();
    attributes
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.as_ref() == name)
        .and_then(|attribute| attribute.normalized_value(XmlVersion::Explicit1_0).ok())
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

/// The numbers of a property, as in `bbox 149 169 822 216; x_size 40.4`.
fn property(title: &str, name: &str) -> Vec<f32> {
    title
        .split(';')
        .map(str::split_whitespace)
        .find_map(|mut words| (words.next() == Some(name)).then_some(words))
        .map(|words| words.filter_map(|word| word.parse().ok()).collect())
        .unwrap_or_default()
}

fn word(title: &str) -> Option<Word> {
    let [left, top, right, bottom] = property(title, "bbox")[..] else { return None };
    let place = Box { left, top, right, bottom };
    let sound = [left, top, right, bottom].iter().all(|edge| edge.is_finite() && *edge >= 0.0)
        && left <= right
        && top <= bottom;
    let confidence = property(title, "x_wconf").first().copied().unwrap_or(0.0);
    sound.then_some(Word { text: String::new(), place, confidence })
}

fn line(title: &str) -> Line {
    let size = property(title, "x_size").first().copied().unwrap_or(0.0);
    let angle = property(title, "textangle").first().copied().unwrap_or(0.0);
    let quarter = (angle.rem_euclid(360.0) / 90.0).round() as u8 % 4;
    Line { words: Vec::new(), size: size.clamp(1.0, 10_000.0), quarter }
}
