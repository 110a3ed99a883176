//! Stores the keys, or the values, of one layer in their storage type.

use super::{KvType, LANES, float16};

/// Elements of a head that share a scale in Q8_0.
pub(super) const QUANT: usize = 32;

/// Groups of `LANES × head_dim` numbers, one after the other.
pub(super) struct Pool {
    data: Data,
    dim: usize,
    order: Order,
}

/// Which of a group's two axes runs faster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `(head_dim, LANES)`; scales of Q8_0 `(head_dim / 32, LANES)`.
    Keys,
    /// `(LANES, head_dim)`; scales of Q8_0 `(LANES, head_dim / 32)`.
    Values,
}

/// The numbers. Integers rather than `f16`, because only for primitive types does `vec!` ask the
/// operating system for zeros instead of writing them.
enum Data {
    F32(Vec<f32>),
    F16(Vec<u16>),
    Q8_0 { scales: Vec<u16>, quants: Vec<i8> },
}

impl Pool {
    /// A pool for keys.
    pub(super) fn keys(kv_type: KvType, groups: usize, dim: usize) -> Self {
        Self { data: Data::zeros(kv_type, groups * LANES * dim), dim, order: Order::Keys }
    }

    /// A pool for values.
    pub(super) fn values(kv_type: KvType, groups: usize, dim: usize) -> Self {
        Self { data: Data::zeros(kv_type, groups * LANES * dim), dim, order: Order::Values }
    }

    /// Bytes of a group.
    pub(super) fn group_bytes(kv_type: KvType, dim: usize) -> u64 {
        let elements = LANES * dim;
        let bytes = match kv_type {
            KvType::F32 => elements * size_of::<f32>(),
            KvType::F16 => elements * size_of::<u16>(),
            KvType::Q8_0 => elements + elements / QUANT * size_of::<u16>(),
        };
        bytes as u64
    }

    /// Stores one position's `row` of `head_dim` numbers.
    pub(super) fn write(&mut self, group: usize, lane: usize, row: &[f32]) {
        let (dim, start) = (self.dim, group * LANES * self.dim);
        let places = |width: usize| match self.order {
            Order::Keys => (lane, LANES),
            Order::Values => (lane * width, 1),
        };
        let (first, stride) = places(dim);
        match &mut self.data {
            Data::F32(numbers) => {
                let places = numbers[start + first..].iter_mut().step_by(stride);
                places.zip(row).for_each(|(place, value)| *place = *value);
            }
            Data::F16(bits) => {
                let places = bits[start + first..].iter_mut().step_by(stride);
                places.zip(row).for_each(|(place, value)| *place = float16::to_bits(*value));
            }
            Data::Q8_0 { scales, quants } => {
                let (first_scale, scale_stride) = places(dim / QUANT);
                let scales = scales[start / QUANT + first_scale..].iter_mut().step_by(scale_stride);
                let mut quants = quants[start + first..].iter_mut().step_by(stride);
                for (values, scale) in row.chunks_exact(QUANT).zip(scales) {
                    let (bits, inverse) = scale_of(values);
                    *scale = bits;
                    for (value, quant) in values.iter().zip(&mut quants) {
                        *quant = (value * inverse).round() as i8;
                    }
                }
            }
        }
    }

    /// Reads a whole group in its own order.
    #[inline(always)]
    pub(super) fn read(&self, group: usize, out: &mut [f32]) {
        let elements = LANES * self.dim;
        let range = group * elements..(group + 1) * elements;
        match &self.data {
            Data::F32(numbers) => out.copy_from_slice(&numbers[range]),
            Data::F16(bits) => {
                for (out, bits) in out.iter_mut().zip(&bits[range]) {
                    *out = float16::from_bits(*bits);
                }
            }
            Data::Q8_0 { scales, quants } => {
                let scales = &scales[range.start / QUANT..range.end / QUANT];
                let quants = &quants[range];
                match self.order {
                    Order::Keys => read_keys(scales, quants, out),
                    Order::Values => read_values(scales, quants, out),
                }
            }
        }
    }
}

impl Data {
    fn zeros(kv_type: KvType, elements: usize) -> Self {
        match kv_type {
            KvType::F32 => Data::F32(vec![0.0; elements]),
            KvType::F16 => Data::F16(vec![0; elements]),
            KvType::Q8_0 => {
                Data::Q8_0 { scales: vec![0; elements / QUANT], quants: vec![0; elements] }
            }
        }
    }
}

/// The scale of a block of Q8_0 as f16 bits, and what its numbers are multiplied by.
///
/// Source: ggml `ggml-quants.c`, `quantize_row_q8_0_ref`.
fn scale_of(values: &[f32]) -> (u16, f32) {
    let greatest = values.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    let scale = greatest / 127.0;
    (float16::to_bits(scale), if scale > 0.0 { scale.recip() } else { 0.0 })
}

/// Scales `(head_dim / 32, LANES)`, quants `(head_dim, LANES)`.
#[inline(always)]
fn read_keys(scales: &[u16], quants: &[i8], out: &mut [f32]) {
    let (scales, _) = scales.as_chunks::<LANES>();
    let quants = quants.chunks_exact(QUANT * LANES);
    let out = out.chunks_exact_mut(QUANT * LANES);
    for ((bits, quants), out) in scales.iter().zip(quants).zip(out) {
        let scales = bits.map(float16::from_bits);
        let (quants, _) = quants.as_chunks::<LANES>();
        let (out, _) = out.as_chunks_mut::<LANES>();
        for (out, quants) in out.iter_mut().zip(quants) {
            for lane in 0..LANES {
                out[lane] = f32::from(quants[lane]) * scales[lane];
            }
        }
    }
}

/// Scales and quants follow one another along each position's head.
#[inline(always)]
fn read_values(scales: &[u16], quants: &[i8], out: &mut [f32]) {
    let (quants, _) = quants.as_chunks::<QUANT>();
    let (out, _) = out.as_chunks_mut::<QUANT>();
    for ((bits, quants), out) in scales.iter().zip(quants).zip(out) {
        let scale = float16::from_bits(*bits);
        for (out, quant) in out.iter_mut().zip(quants) {
            *out = f32::from(*quant) * scale;
        }
    }
}
