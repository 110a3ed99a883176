//! Tests that no row of a product depends on the others.

use candle_core::{Device, Tensor};

use super::*;

const ROWS: usize = 5;
const COLUMNS: usize = 256;
const OUT: usize = 32;

/// A `(rows, COLUMNS)` matrix without a pattern.
fn noise(rows: usize, seed: f32) -> Tensor {
    let values: Vec<f32> =
        (0..rows * COLUMNS).map(|at| ((at as f32 + seed) * 12.9898).sin()).collect();
    Tensor::from_vec(values, (rows, COLUMNS), &Device::Cpu).unwrap()
}

fn rows_of(tensor: &Tensor) -> Vec<Vec<f32>> {
    tensor.to_vec2().unwrap()
}

/// Each row alone, in pairs and with all others: the same bits; and near the float product.
#[track_caller]
fn check(dtype: GgmlDType, tolerance: f32) {
    let weight = noise(OUT, 0.3);
    let x = noise(ROWS, 0.8);
    let linear = Linear::new(Arc::new(QTensor::quantize(&weight, dtype).unwrap()));
    let together = rows_of(&linear.forward(&x).unwrap());
    let expected = rows_of(&x.matmul(&weight.t().unwrap()).unwrap());
    let greatest = expected.concat().iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    for (actual, expected) in together.concat().iter().zip(expected.concat()) {
        let difference = (actual - expected).abs();
        assert!(difference <= tolerance * greatest, "{dtype:?}: {actual} for {expected}");
    }
    for first in 0..ROWS {
        for count in 1..=ROWS - first {
            let part = x.narrow(0, first, count).unwrap();
            let part = rows_of(&linear.forward(&part).unwrap());
            assert_eq!(part, together[first..first + count], "{dtype:?}: {count} from {first}");
        }
    }
}

#[test]
fn a_row_does_not_depend_on_the_others() {
    check(GgmlDType::F32, 1e-5);
    check(GgmlDType::Q8_0, 0.02);
    for dtype in [GgmlDType::Q6K, GgmlDType::Q5K, GgmlDType::Q5_0, GgmlDType::Q5_1] {
        check(dtype, 0.06);
    }
    for dtype in [GgmlDType::Q4K, GgmlDType::Q4_0, GgmlDType::Q4_1] {
        check(dtype, 0.15);
    }
    for dtype in [GgmlDType::Q3K, GgmlDType::Q2K] {
        check(dtype, 0.6);
    }
}
