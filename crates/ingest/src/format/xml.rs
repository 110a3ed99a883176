//! Reads XML as opening tags, closing tags and text, with bounded nesting and without entities.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::IngestError;
use crate::builder::Builder;
use crate::limits::Deadline;

/// One step through a part.
pub(crate) enum Step<'a> {
    /// An element begins. Every one is closed, empty elements too.
    Open(BytesStart<'a>),
    /// The element of this local name ends.
    Close(String),
    /// Text, references resolved.
    Text(String),
}

/// A part that is being read.
pub(crate) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: u32,
    max_depth: u32,
    deadline: Deadline,
}

impl<'a> Xml<'a> {
    /// Reads `source` within the limits of `builder`.
    pub(crate) fn new(source: &'a str, builder: &Builder<'_>) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, depth: 0, max_depth: builder.limits.max_nesting, deadline: builder.deadline }
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// The next step; `None` at the end. Only the five predefined entities and character
    /// references are resolved: declared entities are how a small file expands to a huge one.
    ///
    /// # Errors
    /// [`IngestError::Damaged`] for what is not well-formed or ends early,
    /// [`IngestError::LimitExceeded`] for the nesting or the time.
    pub(crate) fn next(&mut self) -> Result<Option<Step<'a>>, IngestError> {
        loop {
            self.deadline.check()?;
            match self.reader.read_event().map_err(IngestError::damaged)? {
                Event::Start(tag) => {
                    self.depth += 1;
                    if self.depth > self.max_depth {
                        let limit = u64::from(self.max_depth);
                        return Err(IngestError::LimitExceeded {
                            what: "nested elements".into(),
                            limit,
                        });
                    }
                    return Ok(Some(Step::Open(tag)));
                }
                Event::End(tag) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Step::Close(tag.local_name().as_ref().to_owned())));
                }
                Event::Text(text) => {
                    return Ok(Some(Step::Text(text.xml10_content().into_owned())));
                }
                Event::CData(data) => {
                    return Ok(Some(Step::Text(data.xml10_content().into_owned())));
                }
                Event::GeneralRef(reference) => {
                    if let Ok(Some(c)) = reference.resolve_char_ref() {
                        return Ok(Some(Step::Text(c.to_string())));
                    }
                    let name = reference.into_inner();
                    if let Some(text) = quick_xml::escape::resolve_predefined_entity(&name) {
                        return Ok(Some(Step::Text(text.to_owned())));
                    }
                }
                Event::Eof if self.depth > 0 => {
                    return Err(IngestError::damaged("its XML ends early"));
                }
                Event::Eof => return Ok(None),
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
    }
}

/// The value of the attribute of this local name.
pub(crate) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .and_then(|attribute| attribute.normalized_value(XmlVersion::Explicit1_0).ok())
        .map(std::borrow::Cow::into_owned)
}

/// The value of the attribute of this local name that has a prefix: `r:id` beside `id`.
pub(crate) fn relation_attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = tag.attributes();
    attributes
        .with_checks(false)
        .filter_map(Result::ok)
        .find(|attribute| {
            attribute.key.local_name().as_ref() == name && attribute.key.prefix().is_some()
        })
        .and_then(|attribute| attribute.normalized_value(XmlVersion::Explicit1_0).ok())
        .map(std::borrow::Cow::into_owned)
}

/// The attribute `val` as a number.
pub(crate) fn number(tag: &BytesStart<'_>) -> Option<u32> {
    attribute(tag, "val")?.trim().parse().ok()
}

/// Whether an on/off property is on: it is unless `val` says otherwise.
/// Source: ECMA-376 part 1, 17.17.4.
pub(crate) fn is_on(tag: &BytesStart<'_>) -> bool {
    !matches!(attribute(tag, "val").as_deref(), Some("0" | "false" | "off"))
}
