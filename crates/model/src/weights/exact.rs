//! Rewrites quantised blocks in another type that holds the same numbers.

use candle_core::Device;
use candle_core::quantized::GgmlDType;

#[cfg(test)]
mod tests;

/// Bytes of a block of 32 numbers: scale, then high bits, then low ones.
const Q5_0_BYTES: usize = 22;
/// Bytes of a block of 32 numbers: scale, then numbers.
const Q8_0_BYTES: usize = 34;

/// The type that a matrix of `dtype` is held in. candle multiplies Q5_0 on the CPU one number at a
/// time, thirty times slower than Q8_0, which holds the same numbers in 8.5 bits instead of 5.5.
pub(super) fn held_type(dtype: GgmlDType, device: &Device) -> GgmlDType {
    if dtype == GgmlDType::Q5_0 && device.is_cpu() { GgmlDType::Q8_0 } else { dtype }
}

/// Blocks of Q8_0 with the numbers of `blocks` of Q5_0: a number of Q5_0 is a whole one from -16
/// to 15 times the block's scale.
///
/// Source: ggml `ggml-quants.c`, `dequantize_row_q5_0`.
pub(super) fn q5_0_as_q8_0(blocks: &[u8]) -> Vec<u8> {
    let (blocks, _) = blocks.as_chunks::<Q5_0_BYTES>();
    let mut out = Vec::with_capacity(blocks.len() * Q8_0_BYTES);
    for block in blocks {
        let (scale, rest) = block.split_at(2);
        let (high, low) = rest.split_at(4);
        let high = u32::from_le_bytes([high[0], high[1], high[2], high[3]]);
        let number = |at: usize| {
            let low = if at < 16 { low[at] & 15 } else { low[at - 16] >> 4 };
            let high = (high >> at & 1) as u8;
            (low | high << 4).wrapping_sub(16)
        };
        out.extend_from_slice(scale);
        out.extend((0..32).map(number));
    }
    out
}
