//! Reads ODP: each slide is a page, with its title as heading, its text and its notes.
//!
//! Slides that the author hid are not shown and not read.

use super::odf::body::Reader;
use super::odf::{self};
use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::Item;
use crate::format::slide::Slide;
use crate::format::xml::{Step, Xml, attribute};

/// Reads `bytes` into `builder`.
///
/// # Errors
/// Those of [`odf::open`], and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let document = odf::open(bytes, builder)?;
    let mut reader = Reader::new(&document.styles);
    let mut slide: Option<Slide> = None;
    let mut number = 0;
    let mut hidden = 0;
    let mut in_notes = false;
    // Depth and role of the outermost frame that is open.
    let mut frame: Option<(u32, String)> = None;
    let mut xml = Xml::new(&document.content, builder);
    while let Some(step) = xml.next()? {
        match &step {
            Step::Open(tag) if tag.name().as_ref() == "draw:page" => {
                number += 1;
                slide = Some(Slide::new(number));
                let style = attribute(tag, "style-name").unwrap_or_default();
                if document.styles.is_hidden("drawing-page", &style) {
                    hidden += 1;
                    slide = None;
                }
            }
            Step::Open(tag) if tag.local_name().as_ref() == "notes" => {
                if let Some(slide) = &mut slide {
                    slide.body.append(&mut reader.take());
                }
                in_notes = true;
            }
            Step::Open(tag) if frame.is_none() && tag.local_name().as_ref() == "frame" => {
                let role = attribute(tag, "class").unwrap_or_default();
                if let Some(slide) = &mut slide {
                    slide.body.append(&mut reader.take());
                }
                frame = Some((xml.depth(), role));
            }
            Step::Open(_) | Step::Close(_) | Step::Text(_) => {}
        }
        if slide.is_some() || in_notes {
            reader.step(&step, xml.depth());
        }
        let Step::Close(name) = &step else { continue };
        if let Some((depth, role)) = &frame
            && *depth == xml.depth() + 1
        {
            let items = reader.take();
            if let Some(slide) = &mut slide {
                place(slide, role, in_notes, items);
            }
            frame = None;
        }
        match name.as_str() {
            "notes" => in_notes = false,
            // Draw pages nest nothing of their own name.
            "page" if !in_notes => {
                if let Some(mut slide) = slide.take() {
                    slide.body.append(&mut reader.take());
                    slide.push(builder)?;
                }
                reader.take();
            }
            _ => {}
        }
    }
    builder.pages = Some(number);
    if hidden > 0 {
        let text = format!("{hidden} hidden slides were not read");
        builder.warn("hidden_slides_left_out", &text, None);
    }
    Ok(())
}

/// Puts what a frame holds where its role says. Source: OpenDocument 1.3 part 3, 19.389.
fn place(slide: &mut Slide, role: &str, in_notes: bool, mut items: Vec<Item>) {
    match role {
        "title" if !in_notes && slide.title.is_empty() => slide.title = items,
        "header" | "footer" | "date-time" | "page-number" => {}
        _ if in_notes => slide.notes.append(&mut items),
        _ => slide.body.append(&mut items),
    }
}

#[cfg(test)]
mod tests;
