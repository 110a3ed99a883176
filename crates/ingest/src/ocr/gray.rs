//! Holds a page image in shades of grey, and turns and scales it.

/// The most pixels that are recognised at once: A3 at 300 dots per inch with room to spare.
pub(crate) const MAX_PIXELS: u64 = 24_000_000;

/// An image, one byte a pixel, black is 0; row after row from the top.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gray {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Gray {
    /// An image of `pixels`; `None` when they are not `width * height`, or none.
    pub(crate) fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let fits = width > 0 && height > 0 && width.checked_mul(height) == Some(pixels.len());
        fits.then_some(Self { width, height, pixels })
    }

    /// As a portable graymap. Source: netpbm, pgm(5).
    pub(crate) fn to_pgm(&self) -> Vec<u8> {
        let mut out = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        out.extend_from_slice(&self.pixels);
        out
    }

    /// Reduced by a whole number in both directions, each pixel the mean of those it stands for.
    pub(crate) fn reduced(&self, by: usize) -> Self {
        let by = by.max(1);
        let (width, height) = (self.width.div_ceil(by), self.height.div_ceil(by));
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            let rows = y * by..((y + 1) * by).min(self.height);
            for x in 0..width {
                let columns = x * by..((x + 1) * by).min(self.width);
                let count = (rows.len() * columns.len()) as u32;
                let sum: u32 = rows
                    .clone()
                    .flat_map(|row| &self.pixels[row * self.width..][columns.clone()])
                    .map(|pixel| u32::from(*pixel))
                    .sum();
                pixels.push((sum / count) as u8);
            }
        }
        Self { width, height, pixels }
    }

    /// Width and height after [`Self::turned`].
    pub(crate) fn size_turned(&self, degrees: f32) -> (f32, f32) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (width, height) = (self.width as f32, self.height as f32);
        if degrees == 0.0 {
            return (width, height);
        }
        let turned_width = (width * cos.abs() + height * sin.abs()).ceil();
        (turned_width, (width * sin.abs() + height * cos.abs()).ceil())
    }

    /// Turned counter-clockwise about its middle, on white ground that is large enough.
    pub(crate) fn turned(&self, degrees: f32) -> Self {
        let (width, height) = self.size_turned(degrees);
        let (columns, rows) = (width as usize, height as usize);
        let mut pixels = Vec::with_capacity(columns * rows);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (from_x, from_y) = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        for row in 0..rows {
            let dy = row as f32 + 0.5 - height / 2.0;
            for column in 0..columns {
                let dx = column as f32 + 0.5 - width / 2.0;
                let x = from_x + dx * cos - dy * sin;
                let y = from_y + dx * sin + dy * cos;
                pixels.push(self.between(x - 0.5, y - 0.5));
            }
        }
        Self { width: columns, height: rows, pixels }
    }

    /// Where a point of [`Self::turned`] was before.
    pub(crate) fn before_turning(&self, (x, y): (f32, f32), degrees: f32) -> (f32, f32) {
        if degrees == 0.0 {
            return (x, y);
        }
        let (width, height) = self.size_turned(degrees);
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (dx, dy) = (x - width / 2.0, y - height / 2.0);
        let (from_x, from_y) = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        (from_x + dx * cos - dy * sin, from_y + dx * sin + dy * cos)
    }

    /// The shade at a point between pixels; white outside.
    fn between(&self, x: f32, y: f32) -> u8 {
        let (left, top) = (x.floor(), y.floor());
        let (right_share, lower_share) = (x - left, y - top);
        let at = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < self.width as f32 && y < self.height as f32;
            if inside {
                f32::from(self.pixels[y as usize * self.width + x as usize])
            } else {
                255.0
            }
        };
        let upper = at(left, top) * (1.0 - right_share) + at(left + 1.0, top) * right_share;
        let lower =
            at(left, top + 1.0) * (1.0 - right_share) + at(left + 1.0, top + 1.0) * right_share;
        (upper * (1.0 - lower_share) + lower * lower_share).round() as u8
    }
}
