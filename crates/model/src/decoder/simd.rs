//! Runs kernels with the vector instructions of the machine that they run on.
//!
//! The crate is built for every x86-64, whose vectors have four lanes and no fused multiply-add. A
//! kernel is compiled for each set of instructions below and the best one is chosen at run time.
//! Kernels name their vector operations: loops over arrays, left to the compiler, became one
//! instruction a number where many sums were kept at once.

use pulp::{Simd, WithSimd};

/// Runs a kernel with the best instructions that there are. What it calls must be
/// `#[inline(always)]`, or it is compiled for the least machine only.
pub(super) fn dispatch(kernel: impl WithSimd<Output = ()>) {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx512) = pulp::x86::V4::try_new() {
            return Simd::vectorize(avx512, kernel);
        }
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return Simd::vectorize(avx2, kernel);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(neon) = pulp::aarch64::Neon::try_new() {
        return Simd::vectorize(neon, kernel);
    }
    pulp::Scalar128b.vectorize(kernel);
}
