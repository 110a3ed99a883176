//! Reads pictures of text, PNG, JPEG, TIFF, WebP, BMP and GIF, by character recognition: each frame
//! of a TIFF is a page.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use intramuros_types::ReadWarning;

use super::pdf::layout::Pages;
use super::pdf::recognised;
use crate::builder::Builder;
use crate::ocr::{self, Gray, MAX_PIXELS, Outcome};
use crate::{ExtractLimits, IngestError};

mod tiff;

/// Resolution that pictures are recognised at when they are large enough, in dots per inch of a
/// page.
const DPI: f32 = 300.0;
/// The long side of a page, in inches (A4).
const PAGE_INCHES: f32 = 11.7;
/// Pictures with fewer dots per inch than this are enlarged up to it: letters of a screenshot are
/// too small for the program.
const ENLARGED_DPI: f32 = 200.0;
/// The most that a picture is enlarged.
const MAX_ENLARGED: f32 = 3.0;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::NoText`] without recognition or without text, [`IngestError::Damaged`] when no
/// frame can be decoded, [`IngestError::Recognition`] when it fails,
/// [`IngestError::LimitExceeded`] for the pixels, the number of frames, the time and the limits of
/// [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    builder.deadline.check()?;
    let format = image::guess_format(bytes).unwrap_or(ImageFormat::Tiff);
    let mut frames = if format == ImageFormat::Tiff {
        tiff::Frames::of(bytes, builder.limits.max_ocr_pages)?
    } else {
        tiff::Frames::single(bytes)
    };
    let count = frames.len() as u32;
    if builder.ocr.is_none() {
        return Err(IngestError::NoText { pages: count });
    }
    let mut pages = Pages::default();
    let mut failure: Option<IngestError> = None;
    for index in 0..count {
        builder.deadline.check()?;
        let page = index + 1;
        let picture = decode(frames.select(index as usize), format, builder.limits);
        let outcome = match picture {
            Ok(picture) => {
                let (image, dpi) = prepared(picture).ok_or(IngestError::Empty)?;
                ocr::recognise(&image, dpi, page, builder)?
            }
            Err(error @ IngestError::LimitExceeded { .. }) => return Err(error),
            Err(error) => {
                let reason = error.to_string();
                failure = Some(error);
                Outcome::Failed(reason)
            }
        };
        let runs = match outcome {
            Outcome::Read(lines) => recognised::runs(lines),
            Outcome::Failed(reason) => {
                failure = failure.or(Some(IngestError::Recognition { reason: reason.clone() }));
                builder.warnings.push(unreadable(page, &reason));
                Vec::new()
            }
        };
        pages.push(runs, true, builder)?;
    }
    if pages.chars() == 0 {
        return Err(failure.unwrap_or(IngestError::NoText { pages: count }));
    }
    if is_animated(bytes, format) {
        builder.warnings.push(ReadWarning {
            code: "frames_skipped".to_owned(),
            text: "only the first picture of this animation was read".to_owned(),
            page: None,
        });
    }
    pages.finish(builder)
}

/// Decodes a picture, the right way up.
///
/// # Errors
/// [`IngestError::LimitExceeded`] for the pixels that it declares, [`IngestError::Damaged`].
fn decode(
    bytes: &[u8],
    format: ImageFormat,
    limits: &ExtractLimits,
) -> Result<DynamicImage, IngestError> {
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut decoder = reader.into_decoder().map_err(IngestError::damaged)?;
    let (width, height) = decoder.dimensions();
    let limit = limits.max_image_pixels;
    if u64::from(width) * u64::from(height) > limit {
        return Err(IngestError::LimitExceeded { what: "pixels".into(), limit });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(IngestError::damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The picture in shades of grey on white, at a size that letters can be recognised at, and its
/// dots per inch if it is a page.
fn prepared(picture: DynamicImage) -> Option<(Gray, f32)> {
    let mut grey = if picture.color().has_alpha() {
        let mut on_white = picture.to_luma_alpha8();
        for pixel in on_white.pixels_mut() {
            let [shade, alpha] = pixel.0;
            let white = 255 - u16::from(alpha);
            pixel.0[0] = ((u16::from(shade) * u16::from(alpha)) / 255 + white) as u8;
        }
        let (width, height) = on_white.dimensions();
        let shades = on_white.pixels().map(|pixel| pixel.0[0]).collect();
        image::GrayImage::from_raw(width, height, shades)?
    } else {
        picture.into_luma8()
    };
    let (width, height) = (grey.width() as f32, grey.height() as f32);
    let dpi = width.max(height) / PAGE_INCHES;
    let wanted = if dpi < ENLARGED_DPI {
        (ENLARGED_DPI / dpi).min(MAX_ENLARGED)
    } else {
        (DPI / dpi).min(1.0)
    };
    let scale = wanted.min((MAX_PIXELS as f32 / width / height).sqrt());
    let side = |side: f32| ((side * scale).round() as u32).max(1);
    if (scale - 1.0).abs() > 0.1 {
        let filter = image::imageops::FilterType::CatmullRom;
        grey = image::imageops::resize(&grey, side(width), side(height), filter);
    }
    let (columns, rows) = (grey.width() as usize, grey.height() as usize);
    Some((Gray::new(columns, rows, grey.into_raw())?, dpi * scale))
}

/// Whether a GIF has more than one picture: an animation, of which the first says what it is about.
fn is_animated(bytes: &[u8], format: ImageFormat) -> bool {
    format == ImageFormat::Gif
        && image::codecs::gif::GifDecoder::new(Cursor::new(bytes))
            .is_ok_and(|decoder| decoder.into_frames().take(2).count() == 2)
}

fn unreadable(page: u32, reason: &str) -> ReadWarning {
    ReadWarning {
        code: "page_unreadable".to_owned(),
        text: format!("this page could not be read: {reason}"),
        page: Some(page),
    }
}

#[cfg(test)]
mod tests;
