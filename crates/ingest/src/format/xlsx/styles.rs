//! Reads how the cells of a workbook look: their number formats, and which are bold.

use std::collections::HashMap;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml, attribute, is_on};

/// The formats of cells, by the index that cells refer to.
#[derive(Debug, Default)]
pub(super) struct Styles {
    cells: Vec<CellStyle>,
    /// Number formats that the workbook defines, by id.
    codes: HashMap<u32, String>,
}

#[derive(Debug, Clone, Copy, Default)]
struct CellStyle {
    format: u32,
    bold: bool,
}

impl Styles {
    /// Id of the number format of the style at `index`.
    pub(super) fn format(&self, index: usize) -> u32 {
        self.cells.get(index).map_or(0, |style| style.format)
    }

    /// The code that the workbook defines for the number format `id`; `None` for built-in ones.
    pub(super) fn code(&self, id: u32) -> Option<&str> {
        self.codes.get(&id).map(String::as_str)
    }

    /// Whether the style at `index` is bold.
    pub(super) fn is_bold(&self, index: usize) -> bool {
        self.cells.get(index).is_some_and(|style| style.bold)
    }
}

/// Reads `xl/styles.xml`.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Styles, IngestError> {
    let mut styles = Styles::default();
    let mut bold_fonts: Vec<bool> = Vec::new();
    let (mut in_fonts, mut in_cells) = (false, false);
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => {
                let number = |name| attribute(&tag, name).and_then(|v| v.trim().parse().ok());
                match tag.local_name().as_ref() {
                    "fonts" => in_fonts = true,
                    "cellXfs" => in_cells = true,
                    "font" if in_fonts => bold_fonts.push(false),
                    "b" if in_fonts => {
                        if let Some(font) = bold_fonts.last_mut() {
                            *font = is_on(&tag);
                        }
                    }
                    "numFmt" => {
                        let code = attribute(&tag, "formatCode");
                        styles.codes.extend(number("numFmtId").zip(code));
                    }
                    "xf" if in_cells => {
                        let font = number("fontId").unwrap_or(0) as usize;
                        styles.cells.push(CellStyle {
                            format: number("numFmtId").unwrap_or(0),
                            bold: bold_fonts.get(font).copied().unwrap_or(false),
                        });
                    }
                    _ => {}
                }
            }
            Step::Close(name) => match name.as_str() {
                "fonts" => in_fonts = false,
                "cellXfs" => in_cells = false,
                _ => {}
            },
            Step::Text(_) => {}
        }
    }
    Ok(styles)
}
