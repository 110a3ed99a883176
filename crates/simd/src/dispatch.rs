//! Chooses the vector instructions that a kernel runs with.
//!
//! The program is built for every x86-64, whose vectors have four lanes and no fused multiply-add.
//! A kernel is compiled for each set of instructions below and the best one is chosen at run time.

use pulp::{Simd, WithSimd};

/// Runs a kernel, a closure without parameters among others, with the best instructions that
/// there are. What it calls must be `#[inline(always)]`, or it is compiled for the least machine
/// only.
///
/// Loops over arrays become vector code where they are simple; one that keeps many sums at once
/// should name its vector operations, or it becomes one instruction a number.
#[inline]
pub fn dispatch<K: WithSimd>(kernel: K) -> K::Output {
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
    pulp::Scalar128b.vectorize(kernel)
}

#[cfg(test)]
mod tests {
    use super::dispatch;

    #[test]
    fn a_closure_runs_once_and_its_result_comes_back() {
        let mut values = vec![1.5_f32; 1_003];
        let sum: f32 = dispatch(|| {
            values.iter_mut().for_each(|value| *value *= 2.0);
            values.iter().sum()
        });
        assert_eq!(sum, 3_009.0);
    }
}
