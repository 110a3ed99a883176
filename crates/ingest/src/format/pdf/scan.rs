//! Decides which pages are images of text, and has them recognised.

use intramuros_types::ReadWarning;
use pdf_oxide::document::PdfDocument;
use pdf_oxide::fonts::MappingProvenance;
use pdf_oxide::layout::TextSpan;

use super::frame::Frame;
use super::recognised;
use super::render::Renderer;
use super::row::Run;
use crate::IngestError;
use crate::builder::Builder;
use crate::ocr::{self, Outcome};

/// A page that an image covers to this share is a scan.
const SCAN_SHARE: f32 = 0.5;
/// A scan with fewer letters and figures of text than this has no text layer: stamps, page numbers.
const MIN_LAYER_CHARS: usize = 60;
/// Resolutions at which pages are recognised, in dots per inch: the one that the program was made
/// for, and the least. What was scanned in between is taken as it is.
const MAX_DPI: f32 = 300.0;
const MIN_DPI: f32 = 200.0;

/// What a page's text layer is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Layer {
    /// It is the page's text.
    Good,
    /// There is nothing on the page.
    Blank,
    /// The page is an image, or its text has no meaning; to be recognised with so many dots per
    /// inch.
    Missing {
        /// Dots per inch.
        dpi: f32,
    },
}

/// Looks at page `index`, from 0, whose text layer is `spans`.
pub(super) fn layer(
    document: &PdfDocument,
    index: usize,
    frame: Option<&Frame>,
    spans: &[TextSpan],
) -> Layer {
    let chars: usize = spans.iter().map(|span| letters(&span.text)).sum();
    if chars >= MIN_LAYER_CHARS {
        return Layer::Good;
    }
    let images = document.page_image_handles(index).unwrap_or_default();
    let covering = images
        .iter()
        .map(|image| (frame.map_or(1.0, |frame| frame.share(&image.bbox)), image))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match covering {
        // Scanners cut pages into strips.
        Some((share, image)) if share * images.len() as f32 >= SCAN_SHARE => {
            let dpi = image.width as f32 * 72.0 / image.bbox.width.max(1.0);
            Layer::Missing {
                dpi: if dpi.is_finite() { dpi.clamp(MIN_DPI, MAX_DPI) } else { MAX_DPI },
            }
        }
        _ if chars > 0 => Layer::Good,
        _ if images.is_empty() && !draws(document, index) => Layer::Blank,
        _ => Layer::Missing { dpi: MAX_DPI },
    }
}

/// Letters and figures.
fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

/// Whether the text of a page cannot be what is seen on it: most of its characters have no meaning,
/// or, `or_made_up`, were made up by the parser for a font that does not say what its signs mean.
pub(super) fn is_garbage(spans: &[TextSpan], or_made_up: bool) -> bool {
    let (mut all, mut bad) = (0, 0);
    for span in spans {
        let made_up = or_made_up && span.provenance == Some(MappingProvenance::Fallback);
        for c in span.text.chars().filter(|c| !c.is_whitespace()) {
            let private = ('\u{e000}'..='\u{efff}').contains(&c);
            all += 1;
            bad += usize::from(made_up || private || c == '\u{fffd}' || c.is_control());
        }
    }
    all > 0 && bad * 2 > all
}

/// Whether the page paints anything, by its content's operators.
/// Source: ISO 32000-1, annex A: `S`, `s`, `f`, `F`, `f*`, `B`, `b`, `Do`, `sh` and `BI`.
fn draws(document: &PdfDocument, index: usize) -> bool {
    let Ok(content) = document.get_page_content_data(index) else { return true };
    content.split(|b| b.is_ascii_whitespace()).any(|token| {
        matches!(
            token,
            b"S" | b"s" | b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" | b"Do" | b"sh" | b"BI"
        )
    })
}

/// Recognises the pages of one document.
pub(super) struct Scans<'b> {
    bytes: &'b [u8],
    /// Opened for the first page that needs it.
    renderer: Option<Result<Renderer, String>>,
    /// Pages that were recognised.
    recognised: u32,
    /// Why the last page could not be recognised.
    pub(super) failure: Option<String>,
}

impl<'b> Scans<'b> {
    /// For a document of these bytes.
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, renderer: None, recognised: 0, failure: None }
    }

    /// The runs of page `index`, from 0, drawn with `dpi` dots per inch; `None`, with a warning,
    /// when it cannot be read.
    ///
    /// # Errors
    /// [`IngestError::Recognition`] when recognition does not work at all,
    /// [`IngestError::LimitExceeded`] for the number of pages.
    pub(super) fn read(
        &mut self,
        index: usize,
        dpi: f32,
        builder: &mut Builder<'_>,
    ) -> Result<Option<Vec<Run>>, IngestError> {
        let page = index as u32 + 1;
        if builder.ocr.is_none() {
            builder.warnings.push(ReadWarning {
                code: "page_without_text".to_owned(),
                text: "this page is an image and was not read: character recognition (OCR) is not \
                       available"
                    .to_owned(),
                page: Some(page),
            });
            return Ok(None);
        }
        let limit = builder.limits.max_ocr_pages;
        if self.recognised >= limit {
            return Err(IngestError::LimitExceeded {
                what: "scanned pages".into(),
                limit: limit.into(),
            });
        }
        self.recognised += 1;
        let (bytes, limits) = (self.bytes, builder.limits);
        let renderer = self.renderer.get_or_insert_with(|| Renderer::open(bytes, limits));
        let drawn = match renderer {
            Ok(renderer) => renderer.draw(index, dpi),
            Err(reason) => Err(reason.clone()),
        };
        let outcome = match drawn {
            Ok(drawn) => ocr::recognise(&drawn.image, drawn.dpi, page, builder)?,
            Err(reason) => Outcome::Failed(reason),
        };
        match outcome {
            Outcome::Read(lines) => Ok(Some(recognised::runs(lines))),
            Outcome::Failed(reason) => {
                builder.warnings.push(unreadable(page, &reason));
                self.failure = Some(reason);
                Ok(None)
            }
        }
    }
}

/// The warning for a page that could not be read.
pub(super) fn unreadable(page: u32, reason: &str) -> ReadWarning {
    ReadWarning {
        code: "page_unreadable".to_owned(),
        text: format!("this page could not be read: {reason}"),
        page: Some(page),
    }
}
