//! Compiles loops for the vector instructions of the machine that they run on.
//!
//! The crate is built for every x86-64, whose vectors have four lanes and no fused
//! multiply-add. A [`Kernel`] is compiled once more for AVX2 and FMA and chosen at run time; the
//! loops themselves are ordinary ones over slices.

/// A computation that is worth compiling twice. `run` and all that it calls must be
/// `#[inline(always)]`, or they are compiled for the least machine only.
pub(super) trait Kernel {
    /// Computes; with `FUSED` the machine multiplies and adds in one instruction.
    fn run<const FUSED: bool>(self);
}

/// Runs a kernel with the best instructions that there are.
pub(super) fn dispatch(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return v3.vectorize(Fused(kernel));
    }
    if cfg!(target_arch = "aarch64") { kernel.run::<true>() } else { kernel.run::<false>() }
}

/// `a × b + c`: rounded once when fused, after the product and after the sum otherwise. Without
/// the instruction, `mul_add` would be a call of many.
#[inline(always)]
pub(super) fn multiply_add<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Wraps a kernel for `pulp`.
#[cfg(target_arch = "x86_64")]
struct Fused<K>(K);

#[cfg(target_arch = "x86_64")]
impl<K: Kernel> pulp::NullaryFnOnce for Fused<K> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.run::<true>();
    }
}
