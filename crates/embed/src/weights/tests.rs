//! Checks number types, names and shapes of tensors.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::tensor::TensorView;

use super::*;

/// Values that every type of the test represents exactly.
const VALUES: [f32; 6] = [0.0, -1.5, 2.0, 0.25, -8.0, 1.0];

/// A file with one word table of shape `(3, 2)` and one more tensor.
fn open(name: &str, dtype: Dtype, bytes: &[u8], shape: &[usize]) -> (tempfile::TempDir, Weights) {
    let words: Vec<u8> = VALUES.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
    let view = |dtype, shape: &[usize], bytes| {
        TensorView::new(dtype, shape.to_vec(), bytes).expect("shape and bytes agree")
    };
    let tensors = HashMap::from([
        (
            "bert.embeddings.word_embeddings.weight".to_owned(),
            view(Dtype::F16, &[3, 2], words.as_slice()),
        ),
        (name.to_owned(), view(dtype, shape, bytes)),
    ]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    safetensors::serialize_to_file(tensors, None, &path).expect("the file is written");
    let weights = Weights::open(&path).expect("the file is valid");
    (folder, weights)
}

#[track_caller]
fn check_decodes(dtype: Dtype, bytes: &[u8]) {
    let (_folder, weights) = open("bert.x", dtype, bytes, &[2, 3]);
    assert_eq!(weights.tensor("x", &[2, 3]).expect("the tensor is read"), VALUES);
}

#[test]
fn each_float_type_is_read() {
    check_decodes(Dtype::F32, &VALUES.map(f32::to_le_bytes).concat());
    check_decodes(Dtype::F16, &VALUES.map(|v| f16::from_f32(v).to_le_bytes()).concat());
    check_decodes(Dtype::BF16, &VALUES.map(|v| bf16::from_f32(v).to_le_bytes()).concat());
}

#[test]
fn table_rows_are_converted_on_use() {
    let (_folder, weights) = open("bert.x", Dtype::F32, &[0; 4], &[1]);
    let table = weights.table("embeddings.word_embeddings.weight", 3, 2).expect("it is there");
    let mut row = [9.0; 2];
    for (index, expected) in VALUES.as_chunks::<2>().0.iter().enumerate() {
        table.row_into(index, &mut row);
        assert_eq!(row, *expected);
    }
    assert_eq!(table.bytes(), 12);
}

#[test]
fn old_names_of_layer_normalisation_are_found() {
    let bytes = 7.0_f32.to_le_bytes();
    let (_folder, weights) = open("bert.a.LayerNorm.gamma", Dtype::F32, &bytes, &[1]);
    assert_eq!(weights.tensor("a.LayerNorm.weight", &[1]).expect("it is found"), [7.0]);
    let (_folder, weights) = open("bert.a.LayerNorm.beta", Dtype::F32, &bytes, &[1]);
    assert_eq!(weights.tensor("a.LayerNorm.bias", &[1]).expect("it is found"), [7.0]);
}

#[test]
fn missing_misshapen_and_mistyped_tensors_are_named() {
    let (_folder, weights) = open("bert.x", Dtype::I64, &[0; 8], &[1]);
    let refused = |name: &str, shape: &[usize]| {
        weights.tensor(name, shape).expect_err("it is refused").to_string()
    };
    assert!(refused("x", &[1]).ends_with("tensor bert.x is I64, read are F32, F16 and BF16"));
    assert!(refused("x", &[2]).ends_with("tensor bert.x has shape [1], config.json says [2]"));
    assert!(refused("y", &[1]).ends_with("has no tensor bert.y"));
}
