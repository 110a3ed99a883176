//! Converts between f32 and the bits of f16.

#[cfg(test)]
mod tests;

/// The greatest finite f16.
const MAX: f32 = 65_504.0;

/// The nearest f16; what lies beyond its range becomes its greatest number, so that one large key
/// does not turn a sequence into infinities.
pub(super) fn to_bits(value: f32) -> u16 {
    half::f16::from_f32(value.clamp(-MAX, MAX)).to_bits()
}

/// The number that f16 `bits` stand for, exactly. Without branches, tables or subnormal f32
/// operands, so that a loop over it becomes vector instructions of full speed; `half` itself
/// converts eight numbers per call.
///
/// Source: F. Giesen, `half_to_float_fast4` (gist rygorous/2144712).
#[inline(always)]
pub(super) fn from_bits(bits: u16) -> f32 {
    const EXPONENT: u32 = 0x7c00 << 13;
    let bits = u32::from(bits);
    let magnitude = (bits & 0x7fff) << 13;
    let exponent = magnitude & EXPONENT;
    // From a bias of 15 to one of 127.
    let normal = magnitude + ((127 - 15) << 23);
    let infinite = normal + ((128 - 16) << 23);
    // A subnormal's bits are the fraction of 2⁻¹⁴ × 1.x, from which the 1 is taken away.
    let tiny = f32::from_bits(normal + (1 << 23)) - f32::from_bits(113 << 23);
    let value = if exponent == 0 { tiny.to_bits() } else { normal };
    let value = if exponent == EXPONENT { infinite } else { value };
    f32::from_bits(value | ((bits & 0x8000) << 16))
}
