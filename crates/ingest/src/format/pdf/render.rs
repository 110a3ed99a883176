//! Draws pages as images for character recognition.
//!
//! Drawing rather than taking the image out of the file: scanners cut pages into strips, put
//! masks over backgrounds, and turn pages with a matrix; and text that is drawn as outlines has no
//! image at all.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::read::ZlibDecoder;
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::stream::Stream;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

use crate::ExtractLimits;
use crate::ocr::{Gray, MAX_PIXELS};

/// The longest side of an image, in pixels.
const MAX_SIDE: f32 = 30_000.0;
/// Bytes of decompressed data for each pixel that an image may have: four colours, one byte each.
const BYTES_PER_PIXEL: u64 = 4;

/// A document whose pages can be drawn.
pub(super) struct Renderer {
    pdf: Pdf,
}

/// A page as an image.
pub(super) struct Drawn {
    pub(super) image: Gray,
    /// Dots per inch.
    pub(super) dpi: f32,
}

impl Renderer {
    /// Opens the document.
    ///
    /// # Errors
    /// Why it cannot be drawn: it cannot be parsed, or an image within it is larger than the
    /// limits allow.
    pub(super) fn open(bytes: &[u8], limits: &ExtractLimits) -> Result<Self, String> {
        guarded(|| {
            let pdf = Pdf::new(bytes.to_vec()).map_err(|error| format!("{error:?}"))?;
            for object in pdf.objects() {
                if let Object::Stream(stream) = object {
                    check(&stream, limits.max_image_pixels)?;
                }
            }
            Ok(Self { pdf })
        })
    }

    /// Draws page `index`, from 0, with `dpi` dots per inch, fewer for a huge page.
    ///
    /// # Errors
    /// Why it cannot be drawn.
    pub(super) fn draw(&self, index: usize, dpi: f32) -> Result<Drawn, String> {
        guarded(|| {
            let page = self.pdf.pages().get(index).ok_or("the page is missing")?;
            let (width, height) = page.render_dimensions();
            if !(width >= 1.0 && height >= 1.0) {
                return Err("the page has no size".to_owned());
            }
            let most = (MAX_PIXELS as f32 / width / height).sqrt();
            let scale = (dpi / 72.0).min(most).min(MAX_SIDE / width.max(height));
            let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
            let drawn = hayro::render(
                page,
                &RenderCache::new(),
                &InterpreterSettings::default(),
                &RenderSettings::default(),
                &settings,
            );
            let shade = |pixel: &[u8]| {
                // Weights of the colours in what the eye sees. Source: ITU-R BT.601.
                let [red, green, blue, _] = *pixel else { return 255 };
                ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114) / 1000)
                    as u8
            };
            let pixels = drawn.data_as_u8_slice().chunks_exact(4).map(shade).collect();
            let image = Gray::new(drawn.width().into(), drawn.height().into(), pixels)
                .ok_or("the page is too small")?;
            Ok(Drawn { image, dpi: scale * 72.0 })
        })
    }
}

/// The filters that a stream names, by one name or a list. Source: ISO 32000-1, table 5 and 94.
fn filters(dict: &Dict<'_>) -> Vec<Vec<u8>> {
    let named = |key: &[u8]| {
        let one = dict.get::<Name<'_>>(key).map(|name| vec![name.to_vec()]);
        one.or_else(|| {
            let list = dict.get::<Array<'_>>(key)?;
            Some(list.iter::<Name<'_>>().map(|name| name.to_vec()).collect())
        })
    };
    named(b"Filter").or_else(|| named(b"F")).unwrap_or_default()
}

/// The renderer is third-party code on hostile input: a panic is a failure.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("its renderer gave up".to_owned()))
}

/// The renderer allocates what a stream asks for; so it is looked at before: the size that an image
/// declares, and what compressed data becomes.
fn check(stream: &Stream<'_>, max_pixels: u64) -> Result<(), String> {
    let too_large = || Err(format!("an image has more than {max_pixels} pixels"));
    let dict = stream.dict();
    let side = |long: &[u8], short: &[u8]| {
        dict.get::<u32>(long).or_else(|| dict.get::<u32>(short)).map_or(1, u64::from)
    };
    let declared = side(b"Width", b"W").saturating_mul(side(b"Height", b"H"));
    if declared > max_pixels {
        return too_large();
    }
    let max_bytes = max_pixels.saturating_mul(BYTES_PER_PIXEL);
    let deflated = filters(dict).iter().filter(|name| name.starts_with(b"Fl")).count();
    let data = stream.raw_data();
    // Deflate makes at most 1,032 bytes of one.
    if deflated == 0 || (data.len() as u64).saturating_mul(1_032) <= max_bytes {
        return if deflated > 1 { Err("its data is compressed twice".to_owned()) } else { Ok(()) };
    }
    let mut inflated = ZlibDecoder::new(&*data).take(max_bytes + 1);
    // Damaged data ends early, here as in the renderer.
    let bytes = std::io::copy(&mut inflated, &mut std::io::sink()).unwrap_or(0);
    if bytes > max_bytes { too_large() } else { Ok(()) }
}
