//! Reads the header of a GGUF file from untrusted bytes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::tensor::{TensorInfo, dtype_of};
use super::value::{Array, Value};

/// Magic, version and the two counts.
pub(super) const MIN_FILE_BYTES: u64 = 24;

const MAGIC: &[u8] = b"GGUF";
/// The header ends before this byte; a 262,144-token vocabulary with merges takes about 20 MB.
const MAX_HEADER_BYTES: usize = 256 << 20;
const MAX_METADATA: u64 = 65_536;
const MAX_TENSORS: u64 = 65_536;
/// Bytes of a metadata key or a tensor name. ggml allows 64 for tensors, the specification
/// 65,535 for keys.
const MAX_NAME_BYTES: u64 = 1_024;
/// Bytes of a string value; chat templates are the longest, some ten thousand.
const MAX_STRING_BYTES: u64 = 16 << 20;
const MAX_ARRAY_ITEMS: u64 = 4 << 20;
const MAX_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
/// Larger alignments than a huge page have no use.
const MAX_ALIGNMENT: u64 = 1 << 21;

type Metadata = HashMap<String, Value>;
type Tensors = HashMap<String, TensorInfo>;

/// Reads a whole file's header; the error says what is wrong and at which byte.
pub(super) fn read(file: &[u8]) -> Result<(Metadata, Tensors), String> {
    let mut cursor = Cursor { bytes: &file[..file.len().min(MAX_HEADER_BYTES)], at: 0 };
    if cursor.take(4, "the magic number")? != MAGIC {
        return Err("it does not start with GGUF".to_owned());
    }
    let version = cursor.u32("the version")?;
    if version.swap_bytes() <= 0xff && version > 0xff {
        return Err("it is big-endian; only little-endian files are supported".to_owned());
    }
    if !(2..=3).contains(&version) {
        return Err(format!("gguf version is {version}, supported are 2 and 3"));
    }
    let tensor_count = cursor.count("tensors", MAX_TENSORS)?;
    let metadata_count = cursor.count("metadata entries", MAX_METADATA)?;
    let metadata = read_metadata(&mut cursor, metadata_count)?;
    let alignment = alignment(&metadata)?;
    let entries = read_tensor_table(&mut cursor, tensor_count)?;
    let data_start = (cursor.at as u64).next_multiple_of(alignment);
    let tensors = place_tensors(entries, data_start, alignment, file.len() as u64)?;
    Ok((metadata, tensors))
}

fn read_metadata(cursor: &mut Cursor<'_>, count: u64) -> Result<Metadata, String> {
    let mut metadata = Metadata::new();
    for index in 0..count {
        let key = cursor.string(MAX_NAME_BYTES, "a metadata key")?;
        let kind = cursor.u32("a metadata type")?;
        let value = read_value(cursor, kind)
            .map_err(|problem| format!("metadata `{key}` ({} of {count}): {problem}", index + 1))?;
        match metadata.entry(key) {
            Entry::Occupied(entry) => {
                return Err(format!("metadata `{}` occurs twice", entry.key()));
            }
            Entry::Vacant(entry) => entry.insert(value),
        };
    }
    Ok(metadata)
}

fn read_value(cursor: &mut Cursor<'_>, kind: u32) -> Result<Value, String> {
    const WHAT: &str = "a value";
    Ok(match kind {
        0 => Value::Integer(cursor.array::<1>(WHAT)?[0].into()),
        1 => Value::Integer(i8::from_le_bytes(cursor.array(WHAT)?).into()),
        2 => Value::Integer(u16::from_le_bytes(cursor.array(WHAT)?).into()),
        3 => Value::Integer(i16::from_le_bytes(cursor.array(WHAT)?).into()),
        4 => Value::Integer(cursor.u32(WHAT)?.into()),
        5 => Value::Integer(i32::from_le_bytes(cursor.array(WHAT)?).into()),
        6 => Value::Float(f32::from_le_bytes(cursor.array(WHAT)?).into()),
        7 => Value::Bool(cursor.bool()?),
        8 => Value::String(cursor.string(MAX_STRING_BYTES, "a string")?),
        9 => Value::Array(read_array(cursor)?),
        10 => {
            let value = cursor.u64(WHAT)?;
            i64::try_from(value).map_or(Value::Large(value), Value::Integer)
        }
        11 => Value::Integer(i64::from_le_bytes(cursor.array(WHAT)?)),
        12 => Value::Float(f64::from_le_bytes(cursor.array(WHAT)?)),
        _ => return Err(format!("type {kind} is unknown")),
    })
}

fn read_array(cursor: &mut Cursor<'_>) -> Result<Array, String> {
    const WHAT: &str = "an array item";
    let kind = cursor.u32("an array's type")?;
    let count = cursor.count("array items", MAX_ARRAY_ITEMS)?;
    let item_bytes = match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => return Err("it is an array of arrays, which no known key needs".to_owned()),
        _ => return Err(format!("array type {kind} is unknown")),
    };
    let left = (cursor.bytes.len() - cursor.at) as u64;
    if count * item_bytes > left {
        return Err(format!("an array of {count} items does not fit in the {left} bytes left"));
    }
    let range = 0..count;
    Ok(match kind {
        0..=5 | 10 | 11 => {
            let item = |_| {
                if let Value::Integer(value) = read_value(cursor, kind)? {
                    Ok(value)
                } else {
                    Err("an array item exceeds 9223372036854775807".to_owned())
                }
            };
            Array::Integers(range.map(item).collect::<Result<_, _>>()?)
        }
        6 => {
            let item = |_| Ok(f32::from_le_bytes(cursor.array(WHAT)?));
            Array::Floats(range.map(item).collect::<Result<_, String>>()?)
        }
        12 => {
            let item = |_| Ok(f64::from_le_bytes(cursor.array(WHAT)?) as f32);
            Array::Floats(range.map(item).collect::<Result<_, String>>()?)
        }
        7 => Array::Bools(range.map(|_| cursor.bool()).collect::<Result<_, _>>()?),
        _ => {
            let item = |_| cursor.string(MAX_STRING_BYTES, "a string of an array");
            Array::Strings(range.map(item).collect::<Result<_, _>>()?)
        }
    })
}

fn alignment(metadata: &Metadata) -> Result<u64, String> {
    let Some(value) = metadata.get("general.alignment") else { return Ok(DEFAULT_ALIGNMENT) };
    let alignment = value.as_u32().map_or(0, u64::from);
    // 8 is what the specification asks for, and what the element types need.
    if alignment.is_power_of_two() && (8..=MAX_ALIGNMENT).contains(&alignment) {
        return Ok(alignment);
    }
    Err(format!("general.alignment must be a power of two from 8 to {MAX_ALIGNMENT}"))
}

/// A row of the tensor table, before its place in the file is known.
struct TensorEntry {
    name: String,
    info: TensorInfo,
    offset: u64,
}

fn read_tensor_table(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<TensorEntry>, String> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let name = cursor.string(MAX_NAME_BYTES, "a tensor name")?;
        let entry = read_tensor_entry(cursor).map_err(|p| format!("tensor `{name}`: {p}"))?;
        entries.push(TensorEntry { name, info: entry.0, offset: entry.1 });
    }
    Ok(entries)
}

fn read_tensor_entry(cursor: &mut Cursor<'_>) -> Result<(TensorInfo, u64), String> {
    let dimensions = cursor.u32("the number of dimensions")?;
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(format!("it has {dimensions} dimensions, supported are 1 to {MAX_DIMENSIONS}"));
    }
    let mut shape = Vec::new();
    let mut elements = 1_u64;
    for _ in 0..dimensions {
        let size = cursor.u64("a dimension")?;
        elements = elements.saturating_mul(size);
        shape.push(usize::try_from(size).map_err(|_| format!("dimension {size} is too large"))?);
    }
    if elements == 0 || elements > i64::MAX as u64 / 8 {
        return Err(format!("its dimensions {shape:?} are zero or overflow"));
    }
    let dtype = dtype_of(cursor.u32("a tensor type")?)?;
    let offset = cursor.u64("a tensor offset")?;
    // The file lists the fastest-moving dimension first.
    let row = shape[0];
    if row % dtype.block_size() != 0 {
        let block = dtype.block_size();
        return Err(format!("rows of {row} are not a multiple of {dtype:?}'s block of {block}"));
    }
    shape.reverse();
    let bytes = (elements / dtype.block_size() as u64).checked_mul(dtype.type_size() as u64);
    let bytes = bytes.and_then(|b| usize::try_from(b).ok());
    let bytes = bytes.ok_or_else(|| format!("its dimensions {shape:?} overflow"))?;
    Ok((TensorInfo { dtype, shape, start: 0, bytes }, offset))
}

fn place_tensors(
    entries: Vec<TensorEntry>,
    data_start: u64,
    alignment: u64,
    file_bytes: u64,
) -> Result<Tensors, String> {
    let available = file_bytes.saturating_sub(data_start);
    let mut total = 0_u64;
    let mut tensors = Tensors::with_capacity(entries.len());
    for TensorEntry { name, mut info, offset } in entries {
        if !offset.is_multiple_of(alignment) {
            return Err(format!("tensor `{name}`: offset {offset} is not aligned to {alignment}"));
        }
        let end = offset.saturating_add(info.bytes as u64);
        if end > available {
            return Err(format!(
                "tensor `{name}` ends at byte {end} of the data, the file has {available}; it was \
                 cut short, fetch it again"
            ));
        }
        // Overlapping tensors would let a small file demand any amount of memory.
        total = total.saturating_add(info.bytes as u64);
        if total > available {
            return Err(format!("tensor `{name}` overlaps others: {total} bytes in {available}"));
        }
        // It fits: `end` is at most the length of a map in memory.
        info.start = (data_start + offset) as usize;
        match tensors.entry(name) {
            Entry::Occupied(entry) => return Err(format!("tensor `{}` occurs twice", entry.key())),
            Entry::Vacant(entry) => entry.insert(info),
        };
    }
    Ok(tensors)
}

/// Walks the header; every read is checked against its end.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize, what: &str) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            let (at, size) = (self.at, self.bytes.len());
            return Err(format!("{what} at byte {at} goes beyond the header's end at {size}"));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn u32(&mut self, what: &str) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    fn bool(&mut self) -> Result<bool, String> {
        match self.array::<1>("a truth value")?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("a truth value is {other}, not 0 or 1")),
        }
    }

    fn count(&mut self, what: &str, limit: u64) -> Result<u64, String> {
        let count = self.u64(what)?;
        if count > limit {
            return Err(format!("it announces {count} {what}, the limit is {limit}"));
        }
        Ok(count)
    }

    fn string(&mut self, limit: u64, what: &str) -> Result<String, String> {
        let at = self.at;
        let length = self.u64(what)?;
        if length > limit {
            return Err(format!("{what} at byte {at} has {length} bytes, the limit is {limit}"));
        }
        let bytes = self.take(length as usize, what)?;
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned).map_err(|_| format!("{what} at byte {at} is not utf-8"))
    }
}
