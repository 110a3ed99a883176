//! Describes one tensor of a GGUF file.

use candle_core::quantized::GgmlDType;

/// A tensor of the file; its place was checked to lie within the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Element type.
    pub dtype: GgmlDType,
    /// Shape, row-major: `(out, in)` for a linear layer. The file stores it reversed.
    pub shape: Vec<usize>,
    /// First byte, from the start of the file.
    pub(super) start: usize,
    /// Length of the data in bytes.
    pub bytes: usize,
}

/// The type with that number in ggml's enumeration; the error names it.
///
/// Source: ggml, `include/ggml.h`, `enum ggml_type`.
pub(super) fn dtype_of(code: u32) -> Result<GgmlDType, String> {
    Ok(match code {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        30 => GgmlDType::BF16,
        _ => {
            let name = unsupported_name(code);
            return Err(format!(
                "type {code} ({name}) is not supported; supported are F32, F16, BF16, Q4_0, Q4_1, \
                 Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K and Q6_K"
            ));
        }
    })
}

fn unsupported_name(code: u32) -> &'static str {
    match code {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => "unknown",
    }
}
