//! Holds one metadata value of a GGUF file.

/// A metadata value. Numbers are widened: which of the file's eight integer types was used says
/// nothing about the meaning.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A signed or unsigned whole number up to `i64::MAX`.
    Integer(i64),
    /// A whole number above `i64::MAX`.
    Large(u64),
    /// A floating-point number; f32 in the file unless it was written as f64.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    String(String),
    /// A list of values of one type.
    Array(Array),
}

/// A list of values of one type; arrays of arrays are refused when the file is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Whole numbers; u64 values above `i64::MAX` are refused when the file is read.
    Integers(Vec<i64>),
    /// Floating-point numbers; f64 values are narrowed.
    Floats(Vec<f32>),
    /// Truth values.
    Bools(Vec<bool>),
    /// Texts.
    Strings(Vec<String>),
}

impl Value {
    /// What the value is, in words, for error messages; never its content.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Integer(_) | Value::Large(_) => "a whole number",
            Value::Float(_) => "a floating-point number",
            Value::Bool(_) => "a truth value",
            Value::String(_) => "a string",
            Value::Array(Array::Integers(_)) => "an array of whole numbers",
            Value::Array(Array::Floats(_)) => "an array of floating-point numbers",
            Value::Array(Array::Bools(_)) => "an array of truth values",
            Value::Array(Array::Strings(_)) => "an array of strings",
        }
    }

    /// The value as u32, if it is a whole number that fits.
    pub fn as_u32(&self) -> Option<u32> {
        if let Value::Integer(value) = self { u32::try_from(*value).ok() } else { None }
    }

    /// The value as f32, if it is a number and finite.
    pub fn as_f32(&self) -> Option<f32> {
        let value = match self {
            Value::Float(value) => *value as f32,
            Value::Integer(value) => *value as f32,
            Value::Large(_) | Value::Bool(_) | Value::String(_) | Value::Array(_) => return None,
        };
        value.is_finite().then_some(value)
    }

    /// The value as a truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    /// The value as text.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(value) = self { Some(value) } else { None }
    }

    /// The value as a list of texts.
    pub fn as_strings(&self) -> Option<&[String]> {
        if let Value::Array(Array::Strings(values)) = self { Some(values) } else { None }
    }

    /// The value as a list of whole numbers.
    pub fn as_integers(&self) -> Option<&[i64]> {
        if let Value::Array(Array::Integers(values)) = self { Some(values) } else { None }
    }

    /// The value as a list of floating-point numbers.
    pub fn as_floats(&self) -> Option<&[f32]> {
        if let Value::Array(Array::Floats(values)) = self { Some(values) } else { None }
    }
}
