//! Reads PPTX: each slide is a page, with its title as heading, its text, tables and notes.
//!
//! Source: ECMA-376 part 1 (PresentationML, DrawingML). Slides come in the order in which they are
//! shown. Slides that the author hid are not read; nor is what every slide repeats (its number,
//! the date, the footer).

use crate::IngestError;
use crate::builder::Builder;
use crate::format::flow::{Item, Paragraph};
use crate::format::metadata;
use crate::format::package::Package;
use crate::format::slide::Slide;
use crate::format::xml::{Step, Xml, attribute, relation_attribute};

mod paragraph;
mod shapes;

use shapes::Role;

/// Where the presentation is when the archive does not say.
const USUAL_MAIN: &str = "ppt/presentation.xml";

/// Reads `bytes` into `builder`.
///
/// # Errors
/// Those of [`Package`], and the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut package = Package::open(bytes, builder)?;
    if let Some(core) = package.part("docProps/core.xml")? {
        metadata::read_office(&core, builder)?;
    }
    let main = package.main_part(USUAL_MAIN, builder)?;
    let Some(source) = package.part(&main)? else {
        return Err(IngestError::damaged(format!("the archive has no {main}")));
    };
    let slides = slide_ids(&source, builder)?;
    let relations = package.relations(&main, builder)?;
    let total = u32::try_from(slides.len()).unwrap_or(u32::MAX);
    let (mut hidden, mut missing) = (0, 0);
    for (number, id) in (1..).zip(slides) {
        let target = relations.get(&id).map(|relation| relation.target.as_str());
        let part = target.map(|target| package.part(target)).transpose()?.flatten();
        let Some((target, part)) = target.zip(part) else {
            missing += 1;
            continue;
        };
        if is_hidden(&part, builder)? {
            hidden += 1;
            continue;
        }
        slide(&mut package, target, &part, number, builder)?.push(builder)?;
    }
    builder.pages = Some(total);
    if hidden > 0 {
        let text = format!("{hidden} hidden slides were not read");
        builder.warn("hidden_slides_left_out", &text, None);
    }
    if missing > 0 {
        let text = format!("{missing} slides are missing in the file");
        builder.warn("slides_missing", &text, None);
    }
    Ok(())
}

/// Ids of the relations to the slides, in the order in which they are shown.
fn slide_ids(source: &str, builder: &Builder<'_>) -> Result<Vec<String>, IngestError> {
    let mut ids = Vec::new();
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        if let Step::Open(tag) = step
            && tag.local_name().as_ref() == "sldId"
        {
            ids.extend(relation_attribute(&tag, "id"));
        }
    }
    Ok(ids)
}

fn is_hidden(source: &str, builder: &Builder<'_>) -> Result<bool, IngestError> {
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        if let Step::Open(tag) = step {
            return Ok(matches!(attribute(&tag, "show").as_deref(), Some("0" | "false")));
        }
    }
    Ok(false)
}

/// Reads the slide in the part called `name`, with its diagrams and notes.
fn slide(
    package: &mut Package<'_>,
    name: &str,
    source: &str,
    number: u32,
    builder: &mut Builder<'_>,
) -> Result<Slide, IngestError> {
    let mut slide = Slide::new(number);
    let relations = package.relations(name, builder)?;
    for shape in shapes::read(source, builder)? {
        match shape.role {
            Role::Title if slide.title.is_empty() => slide.title = shape.items,
            Role::Frame => {}
            Role::Title | Role::Text | Role::Body => slide.body.extend(shape.items),
        }
        let diagram = shape.diagram.and_then(|id| relations.get(&id));
        if let Some(diagram) = diagram
            && let Some(part) = package.part(&diagram.target)?
        {
            let points = shapes::read_texts(&part, builder)?;
            slide.body.extend(points.into_iter().map(point));
        }
        if shape.chart {
            let text = "charts on slides were not read";
            builder.warn("charts_left_out", text, Some(number));
        }
    }
    for relation in relations.values() {
        match relation.kind.as_str() {
            "notesSlide" => {
                if let Some(part) = package.part(&relation.target)? {
                    let shapes = shapes::read(&part, builder)?;
                    let notes = shapes.into_iter().filter(|shape| shape.role == Role::Body);
                    slide.notes.extend(notes.flat_map(|shape| shape.items).map(unlisted));
                }
            }
            "comments" => {
                builder.warn("comments_left_out", "its comments were not read", None);
            }
            _ => {}
        }
    }
    Ok(slide)
}

/// A point of a diagram.
fn point(text: String) -> Item {
    Item::Paragraph(Paragraph { text, marker: Some("- ".to_owned()), ..Paragraph::default() })
}

/// Notes are running text, though their placeholder is one for lists.
fn unlisted(item: Item) -> Item {
    match item {
        Item::Paragraph(paragraph) => Item::Paragraph(Paragraph { marker: None, ..paragraph }),
        Item::Table(_) => item,
    }
}

#[cfg(test)]
mod tests;
