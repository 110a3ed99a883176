//! Tests that no row of a product depends on the others.

use candle_core::{Device, Tensor};

use super::*;

/// More than any kernel computes at once: candle's take 4, 16 and, on machines with AMX, 32.
const ROWS: usize = 37;
/// Rows and columns of weights. candle packs in 16 rows and 256 columns, and computes four rows at
/// once of what it does not pack: shapes that it packs, and some that it does not.
const SHAPES: [(usize, usize); 5] = [(32, 256), (48, 512), (30, 256), (35, 512), (17, 768)];

/// A `(rows, columns)` matrix without a pattern.
fn noise(rows: usize, columns: usize, seed: f32) -> Tensor {
    let values: Vec<f32> =
        (0..rows * columns).map(|at| ((at as f32 + seed) * 12.9898).sin()).collect();
    Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
}

fn rows_of(tensor: &Tensor) -> Vec<Vec<f32>> {
    tensor.to_vec2().unwrap()
}

/// Each row alone, and beside others on either side of each kernel's limit: the same bits; and near the float product.
#[track_caller]
fn check(dtype: GgmlDType, tolerance: f32) {
    let mut shapes = SHAPES.to_vec();
    // Types with blocks of 32 also have matrices that blocks of 256 would not fit.
    if 288 % dtype.block_size() == 0 {
        shapes.extend([(32, 288), (30, 32)]);
    }
    for (out, columns) in shapes {
        check_shape(dtype, tolerance, (out, columns));
    }
}

#[track_caller]
fn check_shape(dtype: GgmlDType, tolerance: f32, (out, columns): (usize, usize)) {
    let (weight, x) = (noise(out, columns, 0.3), noise(ROWS, columns, 0.8));
    let linear = Linear::new(Arc::new(QTensor::quantize(&weight, dtype).unwrap()));
    let together = rows_of(&linear.forward(&x).unwrap());
    let expected = rows_of(&x.matmul(&weight.t().unwrap()).unwrap());
    let greatest = expected.concat().iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    for (actual, expected) in together.concat().iter().zip(expected.concat()) {
        let difference = (actual - expected).abs();
        assert!(difference <= tolerance * greatest, "{dtype:?}: {actual} for {expected}");
    }
    for count in [1, 2, 3, 4, 5, 16, 17, 32, 33] {
        for first in [0, ROWS - count] {
            let part = x.narrow(0, first, count).unwrap();
            let part = rows_of(&linear.forward(&part).unwrap());
            let case = format!("{dtype:?}, ({out}, {columns}): {count} from {first}");
            assert_eq!(part, together[first..first + count], "{case}");
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
