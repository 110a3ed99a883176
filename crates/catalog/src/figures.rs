//! Writes sizes so that a person and a script can both read them.

use std::fmt;

#[cfg(test)]
mod tests;

/// A number of bytes; displays as `1.04 GiB`, binary units, two decimals from KiB on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let power = (self.0.ilog2() / 10).min(UNITS.len() as u32);
        let value = self.0 as f64 / 1024_f64.powi(power as i32);
        write!(f, "{value:.2} {}", UNITS[power as usize - 1])
    }
}
