//! Translates tensor names between GGUF and Hugging Face checkpoints.
//!
//! Source: llama.cpp `gguf-py/gguf/tensor_mapping.py`.

/// The Hugging Face name of a GGUF tensor.
pub(super) fn hugging_face(name: &str) -> String {
    match name {
        "token_embd.weight" => return "model.embed_tokens.weight".to_owned(),
        "output_norm.weight" => return "model.norm.weight".to_owned(),
        "output.weight" => return "lm_head.weight".to_owned(),
        _ => {}
    }
    let parts: Vec<&str> = name.split('.').collect();
    let ["blk", layer, module, kind] = parts[..] else { return name.to_owned() };
    let module = match module {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "ffn_norm" => "post_attention_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => other,
    };
    format!("model.layers.{layer}.{module}.{kind}")
}

/// Whether a tensor of the file only repeats what the configuration says.
pub(super) fn is_derived(name: &str) -> bool {
    name == "rope_freqs.weight" || name.ends_with(".rotary_emb.inv_freq")
}
