//! Keeps the keys and values of one sequence.

#[cfg(test)]
mod tests;

/// KV cache of one sequence: for each layer, keys and values of shape `(length, kv_width)`, f32,
/// row-major. Buffers grow by doubling up to the size that was reserved, so that appending a token
/// copies that token only, most of the time.
pub(crate) struct KvCache {
    layers: Vec<LayerCache>,
    width: usize,
}

/// Keys and values of one layer.
pub(crate) struct LayerCache {
    keys: Vec<f32>,
    values: Vec<f32>,
    max_elements: usize,
}

impl KvCache {
    /// An empty cache for at most `max_tokens` tokens; nothing is allocated yet.
    pub(crate) fn new(layers: usize, width: usize, max_tokens: usize) -> Self {
        let max_elements = max_tokens * width;
        let empty = || LayerCache { keys: Vec::new(), values: Vec::new(), max_elements };
        Self { layers: std::iter::repeat_with(empty).take(layers).collect(), width }
    }

    /// Tokens held. Between forward passes all layers hold the same number.
    pub(crate) fn length(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.keys.len() / self.width)
    }

    /// Drops the tokens from position `length` on.
    pub(crate) fn truncate(&mut self, length: usize) {
        for layer in &mut self.layers {
            layer.keys.truncate(length * self.width);
            layer.values.truncate(length * self.width);
        }
    }

    /// One layer's part.
    pub(crate) fn layer(&mut self, index: usize) -> &mut LayerCache {
        &mut self.layers[index]
    }
}

impl LayerCache {
    /// Appends rows of keys and values and returns the new keys, which still have to be rotated.
    pub(super) fn append(&mut self, keys: &[f32], values: &[f32]) -> &mut [f32] {
        let start = self.keys.len();
        append(&mut self.keys, keys, self.max_elements);
        append(&mut self.values, values, self.max_elements);
        &mut self.keys[start..]
    }

    /// All keys, shape `(length, kv_width)`.
    pub(super) fn keys(&self) -> &[f32] {
        &self.keys
    }

    /// All values, shape `(length, kv_width)`.
    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }
}

fn append(buffer: &mut Vec<f32>, rows: &[f32], max_elements: usize) {
    let needed = buffer.len() + rows.len();
    if needed > buffer.capacity() {
        // Doubling, but not past what was reserved for the sequence.
        let wanted = (buffer.capacity() * 2).min(max_elements).max(needed);
        buffer.reserve_exact(wanted - buffer.len());
    }
    buffer.extend_from_slice(rows);
}
