//! Lowers the keywords of numbers.

use serde_json::{Map, Value};

use super::keyword::Node;
use super::{Draft, Lowering, Place};
use crate::constraint::ConstraintError;

/// Past this, not every whole number is an f64, and bounds would be off by one.
pub(super) const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The largest product of a schema's divisors, in units of the finest of them. The lexer has a
/// state for each remainder.
const MAX_DIVISOR: u64 = 10_000;

/// The divisors of a whole schema. llguidance takes the least common multiple of those that meet
/// at one place in 32 bits without checking; the product of all of them bounds it.
#[derive(Default)]
pub(super) struct Divisors {
    seen: Vec<(u64, u32)>,
}

impl Divisors {
    /// Notes `coefficient` × 10^-`exponent`; false when the multiples do not fit any more.
    fn add(&mut self, coefficient: u64, exponent: u32) -> bool {
        if !self.seen.contains(&(coefficient, exponent)) {
            self.seen.push((coefficient, exponent));
        }
        let digits = self.seen.iter().map(|(_, exponent)| *exponent).max().unwrap_or(0);
        let product = self.seen.iter().try_fold(1_u64, |product, (coefficient, exponent)| {
            let scaled = coefficient.checked_mul(10_u64.checked_pow(digits - exponent)?)?;
            product.checked_mul(scaled).filter(|product| *product <= MAX_DIVISOR)
        });
        product.is_some()
    }
}

impl Lowering<'_> {
    /// Lowers a bound or a divisor.
    pub(super) fn bound(
        &mut self,
        node: &mut Node,
        fields: &Map<String, Value>,
        key: &str,
        value: &Value,
        place: &Place,
    ) -> Result<(), ConstraintError> {
        let exclusive = key.starts_with("exclusive");
        if let (Draft::Four, true, Value::Bool(strict)) = (self.draft, exclusive, value) {
            let plain = if key == "exclusiveMinimum" { "minimum" } else { "maximum" };
            if let (true, Some(bound)) = (strict, fields.get(plain)) {
                number(bound, plain, place)?;
                node.plain(key, bound.clone());
            }
            return Ok(());
        }
        let bound = number(value, key, place)?;
        if key == "multipleOf" {
            let Some((coefficient, exponent)) = decimal(bound) else {
                return Err(place.unsupported(key, "it has to be more than 0, with few digits"));
            };
            if !self.divisors.add(coefficient, exponent) {
                return Err(place.unsupported(key, "the schema's divisors multiply past 10,000"));
            }
        }
        node.plain(key, value.clone());
        Ok(())
    }
}

fn number(value: &Value, key: &str, place: &Place) -> Result<f64, ConstraintError> {
    let number = value.as_f64().ok_or_else(|| place.invalid(key, "it has to be a number"))?;
    if number.abs() > MAX_EXACT {
        return Err(place.unsupported(key, "numbers past 2^53 are not exact"));
    }
    Ok(number)
}

/// `number` as coefficient and number of decimals, by the steps that llguidance takes
/// (`json/numeric.rs`, `Decimal`): what it rounds is refused.
fn decimal(number: f64) -> Option<(u64, u32)> {
    let (mut scaled, mut exponent) = (number, 0);
    while scaled.fract() != 0.0 {
        scaled *= 10.0;
        exponent += 1;
        if exponent > 9 {
            return None;
        }
    }
    (scaled >= 1.0 && scaled <= f64::from(u32::MAX)).then_some((scaled as u64, exponent))
}
