//! Tests that headers are read, and that hostile ones end in errors.

use std::io::Write;

use candle_core::quantized::GgmlDType;

use super::*;

/// Writes GGUF bytes, honest or not.
#[derive(Default, Clone)]
struct Writer(Vec<u8>);

impl Writer {
    fn header(version: u32, tensors: u64, metadata: u64) -> Self {
        Self(b"GGUF".to_vec()).u32(version).u64(tensors).u64(metadata)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn string(self, text: &str) -> Self {
        self.u64(text.len() as u64).bytes(text.as_bytes())
    }

    fn tensor(self, name: &str, dims: &[u64], dtype: u32, offset: u64) -> Self {
        let start = self.string(name).u32(dims.len() as u32);
        dims.iter().fold(start, |w, d| w.u64(*d)).u32(dtype).u64(offset)
    }

    fn pad(mut self, alignment: usize) -> Self {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
        self
    }

    fn open(&self) -> Result<Gguf, ModelError> {
        let mut file = tempfile::Builder::new().suffix(".gguf").tempfile().unwrap();
        file.write_all(&self.0).unwrap();
        Gguf::open(file.path())
    }
}

fn valid() -> Writer {
    Writer::header(3, 1, 4)
        .string("n")
        .u32(5)
        .bytes(&(-7_i32).to_le_bytes())
        .string("f")
        .u32(6)
        .bytes(&1.5_f32.to_le_bytes())
        .string("names")
        .u32(9)
        .u32(8)
        .u64(2)
        .string("é")
        .string("")
        .string("scores")
        .u32(9)
        .u32(6)
        .u64(1)
        .bytes(&0.25_f32.to_le_bytes())
        .tensor("w", &[2, 3], 0, 0)
        .pad(32)
        .bytes(&[1; 24])
}

#[track_caller]
fn check_error(writer: &Writer, expected: &str) {
    let error = writer.open().expect_err("it must be refused").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_valid_file_is_read() {
    let file = valid().open().unwrap();
    assert_eq!(file.value("n"), Some(&Value::Integer(-7)));
    assert_eq!(file.f32("f").unwrap(), Some(1.5));
    assert_eq!(file.strings("names").unwrap().unwrap(), ["é", ""]);
    assert_eq!(file.floats("scores").unwrap().unwrap(), [0.25]);
    assert_eq!(file.string("absent").unwrap(), None);
    let info = file.tensor("w").unwrap();
    assert_eq!((info.dtype, info.shape.as_slice()), (GgmlDType::F32, [3, 2].as_slice()));
    assert_eq!(file.data(info), [1; 24]);
    assert_eq!(file.tensor_names().collect::<Vec<_>>(), ["w"]);
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_both() {
    let file = valid().open().unwrap();
    let error = file.u32("n").unwrap_err().to_string();
    assert!(error.contains("`n`") && error.contains("not a whole number from 0"), "{error}");
    let error = file.string("names").unwrap_err().to_string();
    assert!(error.contains("an array of strings, not a string"), "{error}");
    let error = file.required::<u32>("absent", None).unwrap_err().to_string();
    assert!(error.contains("`absent`") && error.contains("missing"), "{error}");
}

#[test]
fn every_truncation_is_refused() {
    let whole = valid();
    for length in 0..whole.0.len() {
        let cut = Writer(whole.0[..length].to_vec());
        assert!(cut.open().is_err(), "accepted {length} of {} bytes", whole.0.len());
    }
}

#[test]
fn every_changed_byte_is_read_or_refused_without_a_panic() {
    let whole = valid();
    for at in 0..whole.0.len() {
        for change in [0xff, 0x80, 0x01] {
            let mut changed = whole.clone();
            changed.0[at] ^= change;
            if let Ok(file) = changed.open() {
                let names: Vec<_> = file.tensor_names().map(str::to_owned).collect();
                for name in names {
                    let info = file.tensor(&name).unwrap();
                    assert_eq!(file.data(info).len(), info.bytes);
                }
            }
        }
    }
}

#[test]
fn other_files_are_refused() {
    check_error(&Writer(b"PK\x03\x04 not a model at all, a zip".to_vec()), "start with GGUF");
    check_error(&Writer::header(1, 0, 0), "version is 1");
    check_error(&Writer::header(4, 0, 0), "version is 4");
    check_error(&Writer::header(3_u32.swap_bytes(), 0, 0), "big-endian");
}

#[test]
fn absurd_counts_are_refused() {
    check_error(&Writer::header(3, u64::MAX, 0), "tensors, the limit is");
    check_error(&Writer::header(3, 0, u64::MAX), "metadata entries, the limit is");
    let array = |kind, count| Writer::header(3, 0, 1).string("a").u32(9).u32(kind).u64(count);
    check_error(&array(8, u64::MAX), "array items, the limit is");
    check_error(&array(8, 1 << 20), "does not fit");
    check_error(&array(9, 1), "array of arrays");
    check_error(&array(77, 0), "array type 77 is unknown");
    check_error(&Writer::header(3, 0, 1).u64(u64::MAX), "bytes, the limit is");
    check_error(&Writer::header(3, 0, 1).string("s").u32(8).u64(1 << 40), "the limit is");
    check_error(&Writer::header(3, 0, 1).string("s").u32(13), "type 13 is unknown");
    check_error(&Writer::header(3, 0, 1).string("b").u32(7).bytes(&[2]), "not 0 or 1");
    let invalid = Writer::header(3, 0, 1).string("s").u32(8).u64(2).bytes(&[0xc3, 0x28]);
    check_error(&invalid, "not utf-8");
}

#[test]
fn names_occur_once() {
    let twice = Writer::header(3, 0, 2).string("k").u32(4).u32(1).string("k").u32(4).u32(2);
    check_error(&twice, "`k` occurs twice");
    let twice = Writer::header(3, 2, 0).tensor("t", &[8], 0, 0).tensor("t", &[8], 0, 32);
    check_error(&twice.pad(32).bytes(&[0; 64]), "`t` occurs twice");
}

#[track_caller]
fn check_tensor_error(dims: &[u64], dtype: u32, offset: u64, expected: &str) {
    let writer = Writer::header(3, 1, 0).tensor("t", dims, dtype, offset);
    check_error(&writer.pad(32).bytes(&[0; 64]), expected);
}

#[test]
fn impossible_tensors_are_refused() {
    check_tensor_error(&[], 0, 0, "0 dimensions");
    check_tensor_error(&[1; 5], 0, 0, "5 dimensions");
    check_tensor_error(&[4, 0], 0, 0, "zero or overflow");
    check_tensor_error(&[u64::MAX, u64::MAX], 0, 0, "zero or overflow");
    check_tensor_error(&[1 << 32, 1 << 31], 0, 0, "zero or overflow");
    check_tensor_error(&[1 << 40], 0, 0, "it was cut short");
    check_tensor_error(&[8], 0, 7, "not aligned");
    check_tensor_error(&[8], 0, u64::MAX - 31, "it was cut short");
    check_tensor_error(&[8], 8, 0, "block of 32");
    check_tensor_error(&[256], 20, 0, "type 20 (IQ4_NL) is not supported");
    check_tensor_error(&[256], 999, 0, "type 999 (unknown)");
}

#[test]
fn overlapping_tensors_are_refused() {
    let two = Writer::header(3, 2, 0).tensor("a", &[16], 0, 0).tensor("b", &[16], 0, 0);
    check_error(&two.pad(32).bytes(&[0; 64]), "overlaps");
}

#[test]
fn alignment_is_checked() {
    let aligned =
        |value: u32| Writer::header(3, 0, 1).string("general.alignment").u32(4).u32(value);
    assert!(aligned(64).open().is_ok());
    for wrong in [0, 4, 24, 1 << 30] {
        check_error(&aligned(wrong), "general.alignment");
    }
}
