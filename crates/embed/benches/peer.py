"""Measures with torch what benches/encode.rs measures, for comparison on the same machine.

    python peer.py "$INTRAMUROS_MODELS_DIR"        (versions: ../golden/requirements.txt)
"""

import sys
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

PASSAGES, PASSAGE_TOKENS, QUESTION_TOKENS, ROUNDS = 64, 128, 16, 5


def load(folder):
    kind = transformers.BertModel
    config = kind.config_class.from_json_file(str(folder / "config.json"))
    model = kind(config, add_pooling_layer=False).eval()
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    model.load_state_dict(weights, strict=False)
    return model


def best_seconds(model, inputs, tokens, batch):
    ids = [[1000 + (i * 977 + p * 131) % 20000 for p in range(tokens)] for i in range(inputs)]
    ids = torch.tensor(ids)
    best = float("inf")
    with torch.inference_mode():
        for _ in range(ROUNDS + 1):
            started = time.perf_counter()
            for part in ids.split(batch):
                model(part, attention_mask=torch.ones_like(part)).last_hidden_state.mean(1)
            best = min(best, time.perf_counter() - started)
    return best


def main():
    model = load(Path(sys.argv[1]) / (sys.argv[2:] or ["multilingual-e5-small"])[0])
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for batch in (8, 32):
        rate = PASSAGES / best_seconds(model, PASSAGES, PASSAGE_TOKENS, batch)
        print(f"{rate:.1f} passages of {PASSAGE_TOKENS} tokens/s, batch {batch}")
    question = best_seconds(model, 1, QUESTION_TOKENS, 1)
    print(f"{question * 1e3:.1f} ms for a question of {QUESTION_TOKENS} tokens")


if __name__ == "__main__":
    main()
