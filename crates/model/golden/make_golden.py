"""Makes the reference data of crates/model: tiny random models and what transformers computes.

    python -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_golden.py tiny
    venv/bin/python make_golden.py smollm2 <directory that holds model.gguf>

`tiny` writes `decoder/<name>/`: `config.json` and `model.safetensors` as transformers writes them,
`f.gguf` (float weights) and `q8_0.gguf` where the format has the architecture, and
`golden.safetensors` with the prompt and the logits. Weights are rounded so that F32, F16 and BF16
hold the same numbers: one reference serves every file. `smollm2` writes `smollm2.json`: greedy
continuations by the de-quantised f32 model.
"""

import json
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers import LlamaConfig, Ministral3Config, MistralConfig, Qwen2Config

HERE = Path(__file__).parent
PROMPT_TOKENS = 44
KEPT_POSITIONS = [0, 1, 2, 7, 15, 16, 31, 39, 42, 43]

SHAPE = dict(
    hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, vocab_size=160, max_position_embeddings=128, rms_norm_eps=1e-5,
    bos_token_id=1, eos_token_id=2, pad_token_id=None,
)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=32)

# name -> (configuration, type of the safetensors, architecture and type of the float GGUF)
MODELS = {
    "llama-tied": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True), torch.bfloat16, ("llama", "F16")),
    "llama-untied": (
        LlamaConfig(**{**SHAPE, "num_key_value_heads": 4}, attention_bias=True,
                    tie_word_embeddings=False), torch.float16, ("llama", "BF16")),
    "llama-rope-llama3": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True, rope_parameters=dict(
            rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=32)),
        torch.bfloat16, ("llama", "F16")),
    "llama-rope-yarn": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True, rope_parameters=YARN),
        torch.bfloat16, ("llama", "F16")),
    "llama-rope-linear": (
        LlamaConfig(**SHAPE, tie_word_embeddings=True, rope_parameters=dict(
            rope_type="linear", rope_theta=10000.0, factor=4.0)), torch.bfloat16, None),
    "mistral-window": (
        MistralConfig(**SHAPE, sliding_window=7, tie_word_embeddings=True),
        torch.float32, ("llama", "F16")),
    "mistral-head-dim": (
        MistralConfig(**SHAPE, head_dim=24, sliding_window=None, tie_word_embeddings=True),
        torch.bfloat16, ("llama", "F32")),
    "ministral3": (
        Ministral3Config(**SHAPE, head_dim=16, tie_word_embeddings=True, rope_parameters=dict(
            **YARN, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1)),
        torch.bfloat16, ("mistral3", "F16")),
    "qwen2": (
        Qwen2Config(**SHAPE, tie_word_embeddings=True, use_sliding_window=False),
        torch.bfloat16, ("qwen2", "F16")),
    "qwen2-window": (
        Qwen2Config(**SHAPE, tie_word_embeddings=True, use_sliding_window=True, sliding_window=9,
                    max_window_layers=1), torch.bfloat16, None),
}


def representable(tensor):
    """Rounds to values that bf16 and f16 both hold exactly."""
    rounded = tensor.to(torch.bfloat16).to(torch.float32)
    return torch.where(rounded.abs() < 2.0 ** -10, torch.zeros_like(rounded), rounded)


def random_model(config, seed):
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if "norm" in name:
                value = 1.0 + 0.2 * noise
            elif name.endswith("bias"):
                value = 0.5 * noise
            elif "embed_tokens" in name or "lm_head" in name:
                value = 0.5 * noise
            else:
                value = 0.2 * noise
            parameter.copy_(representable(value))
    return model


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].float()


def rounded_to_q8_0(x):
    """What a Q8_0 product makes of its activations: blocks of 32 with a scale in f16.

    Source: ggml quantize_row_q8_0; candle-core k_quants.rs, BlockQ8_0::from_float.
    """
    blocks = x.reshape(*x.shape[:-1], -1, 32)
    scale = blocks.abs().amax(-1, keepdim=True) / 127
    inverse = torch.where(scale > 0, 1 / scale, torch.zeros_like(scale))
    return (torch.round(blocks * inverse) * scale.half().float()).reshape(x.shape)


def q8_0_logits_of(model, tokens):
    """Logits with the activations of every linear layer rounded: 3 to 4 % off in models this small,
    which no tolerance that is worth something would cover."""
    linears = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    hooks = [linear.register_forward_pre_hook(lambda _, inputs: (rounded_to_q8_0(inputs[0]),))
             for linear in linears]
    logits = logits_of(model, tokens)
    for hook in hooks:
        hook.remove()
    return logits


def gguf_name(name):
    name = name.removeprefix("model.")
    for old, new in [
        ("embed_tokens", "token_embd"), ("lm_head", "output"), ("layers.", "blk."),
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
        ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
    ]:
        name = name.replace(old, new)
    return "output_norm.weight" if name == "norm.weight" else name


def permuted(array, heads):
    """Rows of a query or key matrix in the order of interleaved RoPE.

    Source: llama.cpp convert_hf_to_gguf.py, LlamaModel.permute.
    """
    rows = array.shape[0]
    halves = array.reshape(heads, 2, rows // heads // 2, *array.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(array.shape))


def write_metadata(writer, config):
    rope = config.rope_parameters
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(rope["rope_theta"])
    head_dim = getattr(config, "head_dim", None)
    if head_dim:
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
        writer.add_rope_dimension_count(head_dim)
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if "mscale_all_dim" in rope:
        writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
    if "llama_4_scaling_beta" in rope:
        writer.add_float32(f"{writer.arch}.attention.temperature_scale",
                           rope["llama_4_scaling_beta"])
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)


def rope_factors(config):
    """What convert_hf_to_gguf.py writes as rope_freqs.weight for Llama 3.1 and later."""
    rope = config.rope_parameters
    dim = config.hidden_size // config.num_attention_heads
    frequencies = rope["rope_theta"] ** -(np.arange(0, dim, 2) / dim)
    wavelengths = 2 * np.pi / frequencies
    turns = rope["original_max_position_embeddings"] / wavelengths
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    smooth = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)


def write_gguf(path, model, architecture, kind):
    """Writes the model and returns its weights as the file holds them, under Hugging Face names."""
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    write_metadata(writer, config)
    if config.rope_parameters["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", rope_factors(config))
    held = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = tensor.numpy()
        heads = None
        if architecture != "qwen2" and ".q_proj." in name:
            heads = config.num_attention_heads
        elif architecture != "qwen2" and ".k_proj." in name:
            heads = config.num_key_value_heads
        if array.ndim == 1:
            array = permuted(array, heads) if heads else array
            writer.add_tensor(gguf_name(name), array)
            held[name] = tensor
            continue
        quantised = gguf.GGMLQuantizationType[kind]
        original = gguf.quants.quantize(array, quantised)
        held[name] = torch.from_numpy(gguf.quants.dequantize(original, quantised).copy())
        data = gguf.quants.quantize(permuted(array, heads), quantised) if heads else original
        writer.add_tensor(gguf_name(name), data, raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if config.tie_word_embeddings:
        held["lm_head.weight"] = held["model.embed_tokens.weight"]
    return held


# Quantised files repeat what the float ones test; three of them, one per kind of RoPE or head.
ALSO_Q8_0 = {"llama-tied", "mistral-head-dim", "qwen2"}
# Where transformers itself reads GGUF of the architecture with all that the model uses.
CROSS_CHECKED = {"llama-tied", "mistral-head-dim", "qwen2"}


def cross_check(directory, name, tokens, logits):
    """Asserts that transformers reads the same model from our GGUF file."""
    if name not in CROSS_CHECKED:
        return
    model = AutoModelForCausalLM.from_pretrained(
        directory, gguf_file="f.gguf", dtype=torch.float32).eval()
    difference = (logits_of(model, tokens) - logits).abs().max()
    assert difference < 1e-3, f"{name}: transformers reads another model, off by {difference}"


def make_tiny():
    for seed, (name, (config, dtype, in_gguf)) in enumerate(MODELS.items()):
        directory = HERE / "decoder" / name
        directory.mkdir(parents=True, exist_ok=True)
        model = random_model(config, seed)
        generator = np.random.default_rng(seed)
        tokens = generator.integers(0, config.vocab_size, PROMPT_TOKENS).tolist()
        logits = logits_of(model, tokens)
        golden = {
            "tokens": torch.tensor(tokens),
            "positions": torch.tensor(KEPT_POSITIONS),
            "logits": logits[KEPT_POSITIONS].contiguous(),
        }
        if in_gguf:
            architecture, kind = in_gguf
            held = write_gguf(directory / "f.gguf", model, architecture, kind)
            for key, value in model.state_dict().items():
                assert torch.equal(held[key], value), f"{name}: {kind} changed {key}"
        if name in ALSO_Q8_0:
            held = write_gguf(directory / "q8_0.gguf", model, architecture, "Q8_0")
            original = {key: value.clone() for key, value in model.state_dict().items()}
            model.load_state_dict(held)
            golden["q8_0_logits"] = q8_0_logits_of(model, tokens)[KEPT_POSITIONS].contiguous()
            model.load_state_dict(original)
        with tempfile.TemporaryDirectory() as saved:
            model.to(dtype).save_pretrained(saved)
            for file in ["config.json", "model.safetensors"]:
                (directory / file).write_bytes((Path(saved) / file).read_bytes())
        if in_gguf:
            cross_check(directory, name, tokens, logits)
        (directory / "golden.safetensors").unlink(missing_ok=True)
        save_file(golden, directory / "golden.safetensors")
        print(f"{name}: logits up to {logits.abs().max():.2f}")


def chat(question):
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


SMOLLM2_PROMPTS = [
    chat("What is the capital of France? Explain in two sentences."),
    chat("Repeat this sentence five times: The gate is closed at night."),
    chat("What are the three states of matter?"),
    "one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve,",
    "The cat sat on the mat. The dog sat on the log. " * 3 + "The cat",
    "January, February, March, April, May, June, July, August, September, October, November, "
    "December, January, February,",
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Monday Tuesday Wednesday",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n    return a - b\n\n\n"
    "def multiply(a, b):\n",
    "A B C D E F G H I J K L M N O P Q R S T U V W X Y Z A B C D",
]
SMOLLM2_KEPT = 3
SMOLLM2_TOKENS = 40


def make_smollm2(directory):
    model = AutoModelForCausalLM.from_pretrained(
        directory, gguf_file="model.gguf", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory, gguf_file="model.gguf")
    runs = []
    for text in SMOLLM2_PROMPTS:
        prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
        output, margin, step, past = [], float("inf"), prompt, None
        for _ in range(SMOLLM2_TOKENS):
            with torch.no_grad():
                result = model(torch.tensor([step]), past_key_values=past, use_cache=True)
            past = result.past_key_values
            best = result.logits[0, -1].topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            step = [int(best.indices[0])]
            output += step
        print(f"{margin:.3f} {text!r} -> {tokenizer.decode(output)!r}")
        runs.append({"text": text, "prompt": prompt, "output": output,
                     "least_margin": round(margin, 4)})
    # The server multiplies with 8-bit activations: where two tokens are nearly equal it may choose
    # the other one and be right too. Only clear continuations are a test.
    runs.sort(key=lambda run: -run["least_margin"])
    text = json.dumps(runs[:SMOLLM2_KEPT], indent=1)
    (HERE / "smollm2.json").write_text(text + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["tiny"]:
        make_tiny()
    elif sys.argv[1:2] == ["smollm2"] and len(sys.argv) == 3:
        make_smollm2(sys.argv[2])
    else:
        sys.exit(__doc__)
