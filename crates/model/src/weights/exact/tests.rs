//! Compares the numbers before and after, as candle reads both.

use candle_core::Tensor;
use candle_core::quantized::{QStorage, QTensor};

use super::*;

fn numbers(blocks: &[u8], dtype: GgmlDType) -> Vec<f32> {
    let storage = QStorage::from_data(blocks.into(), &Device::Cpu, dtype).unwrap();
    let count = blocks.len() / dtype.type_size() * 32;
    let tensor = QTensor::new(storage, count).unwrap();
    tensor.dequantize(&Device::Cpu).unwrap().to_vec1().unwrap()
}

#[test]
fn q8_0_holds_the_numbers_of_q5_0() {
    let values: Vec<f32> = (0..4_096).map(|at| ((at * at) as f32).sin() * 3.0).collect();
    let tensor = Tensor::from_vec(values, 4_096, &Device::Cpu).unwrap();
    let quantised = QTensor::quantize(&tensor, GgmlDType::Q5_0).unwrap();
    let blocks = quantised.data().unwrap();
    let before = numbers(&blocks, GgmlDType::Q5_0);
    assert_eq!(numbers(&q5_0_as_q8_0(&blocks), GgmlDType::Q8_0), before);
    assert!(before.iter().any(|number| *number < 0.0));
}
