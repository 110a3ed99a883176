//! Looks at the first bytes of a weights file, so that a saved web page or half a file is refused
//! before it is installed.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

#[cfg(test)]
mod tests;

/// The largest safetensors header; the format's own limit.
///
/// Source: safetensors, `src/tensor.rs` (`MAX_HEADER_SIZE`).
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Checks the kind of weights that `name` promises; other names pass.
///
/// # Errors
/// Says what is wrong with the file.
pub(crate) fn check(name: &str, path: &Path) -> Result<(), String> {
    let open = || File::open(path).map_err(|error| error.to_string());
    if name.ends_with(".gguf") {
        return gguf(open()?);
    }
    if name.ends_with(".safetensors") {
        let file = open()?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        return safetensors(file, length);
    }
    Ok(())
}

/// GGUF: the four letters, then a version of 2 or 3, little-endian.
///
/// Source: ggml, `docs/gguf.md`.
fn gguf(mut file: File) -> Result<(), String> {
    let mut head = [0_u8; 8];
    file.read_exact(&mut head).map_err(|_| "it is too short for a GGUF file".to_owned())?;
    let [a, b, c, d, version @ ..] = head;
    if [a, b, c, d] != *b"GGUF" {
        return Err("it does not start with GGUF".to_owned());
    }
    match u32::from_le_bytes(version) {
        2 | 3 => Ok(()),
        other => Err(format!("its GGUF version is {other}, versions 2 and 3 are read")),
    }
}

/// safetensors: u64 length of the header, the header as JSON, then the tensors, which end with the
/// file.
///
/// Source: safetensors, `README.md`, section "Format".
fn safetensors(mut file: File, length: u64) -> Result<(), String> {
    let mut head = [0_u8; 8];
    file.read_exact(&mut head).map_err(|_| "it is too short for safetensors".to_owned())?;
    let header_bytes = u64::from_le_bytes(head);
    if header_bytes > MAX_HEADER_BYTES || header_bytes > length - 8 {
        return Err(format!("its header claims {header_bytes} bytes of {length}"));
    }
    let header = BufReader::new(file.take(header_bytes));
    let Ends(data_bytes) = serde_json::from_reader(header)
        .map_err(|error| format!("its safetensors header is not readable: {error}"))?;
    let expected = data_bytes.checked_add(8 + header_bytes);
    if expected != Some(length) {
        return Err(format!(
            "it has {length} bytes, its header promises {}",
            expected.map_or_else(|| "more than can be".to_owned(), |bytes| bytes.to_string())
        ));
    }
    Ok(())
}

/// The end of the last tensor of a safetensors header, read without keeping the header.
struct Ends(u64);

#[derive(Deserialize)]
struct Tensor {
    data_offsets: Option<(u64, u64)>,
    #[serde(flatten)]
    _rest: std::collections::BTreeMap<String, IgnoredAny>,
}

impl<'de> Deserialize<'de> for Ends {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Ends;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Ends, A::Error> {
                let mut end = 0;
                while let Some((_, tensor)) = map.next_entry::<String, Tensor>()? {
                    end = end.max(tensor.data_offsets.map_or(0, |(_, end)| end));
                }
                Ok(Ends(end))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
