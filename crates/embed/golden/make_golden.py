"""Computes the reference vectors that the tests of this crate compare with.

Writes, beside itself: <model>.json for the two encoders that scripts/fetch-models fetches, and
tiny-xlm-roberta/, a random XLM-RoBERTa with its own tokenizer, and two random cross-encoders,
tiny-cross-encoder/ (XLM-RoBERTa) and tiny-bert-cross-encoder/. Run it with the versions of
requirements.txt; it takes the models directory as its only argument:

    python make_golden.py "$HOME/.cache/intramuros/models"
"""

import json
import sys
from pathlib import Path

import numpy
import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
LONG = (
    "La plateforme élévatrice se loue à la journée, à la semaine ou au mois ; la caution est "
    "encaissée après le retour du matériel si celui-ci est endommagé. Le client vérifie le niveau "
    "d'huile, la pression des pneus et la charge de la batterie avant chaque utilisation. "
)
TEXTS = [
    ("query", "Quel est le délai de livraison d'une mini-pelle ?"),
    ("passage", "La mini-pelle de 1,8 t est livrée sous 48 heures ouvrées."),
    ("passage", "The deposit is returned within five working days after the return."),
    ("query", "how do I reset my password?"),
    ("plain", "L'été dernier, à Noël ou à la Toussaint : où étiez-vous ? Ça va, merci… « Œuvre »"),
    ("plain", "東京は日本の首都です。量子コンピュータの研究が進んでいる。"),
    ("plain", "北京是中国的首都，机器学习很有用。 한국어 문장도 있습니다."),
    ("plain", "Merci beaucoup 👍🏽🎉 à bientôt 👩‍👩‍👧‍👦 !"),
    ("plain", "Facture"),
    ("plain", "fn main() { println!(\"{:>8.2}\", 1_234.5e-3); } // 0xDEADBEEF"),
    ("plain", "Prix HT : 1 234,56 €\tTVA 20 %\n\nTotal TTC : 1 481,47 €"),
    ("plain", "naïve café e\u0301te\u0301 ﬁn — ½ ² ™ Ⅷ"),
    ("plain", "Привет, мир! مرحبا بالعالم. שלום עולם. नमस्ते दुनिया"),
    ("plain", "a"),
    ("passage", LONG * 5),
]


def versions():
    modules = [numpy, safetensors, tokenizers, torch, transformers]
    return {m.__name__: m.__version__.split("+")[0] for m in modules}


def load_tokenizer(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def load_model(kind, folder):
    config = kind.config_class.from_json_file(str(folder / "config.json"))
    model = kind(config, add_pooling_layer=False).eval().float()
    weights = {k: v.float() for k, v in load_file(folder / "model.safetensors").items()}
    missing, _unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if "position_ids" not in name]
    assert not missing, missing
    return model


def vector(model, ids, pooling, normalise):
    with torch.no_grad():
        row = torch.tensor([ids])
        hidden = model(input_ids=row, attention_mask=torch.ones_like(row)).last_hidden_state[0]
    pooled = hidden.mean(0) if pooling == "mean" else hidden[0]
    if normalise:
        pooled = torch.nn.functional.normalize(pooled, dim=0)
    return [round(float(x), 6) for x in pooled]


def write(path, model, tokenizer, profile, texts):
    prefixes = {"query": profile["query_prefix"], "passage": profile["passage_prefix"], "plain": ""}
    items = []
    for kind, text in texts:
        ids = tokenizer.encode(prefixes[kind] + text).ids
        made = vector(model, ids, profile["pooling"], profile["normalise"])
        items.append({"kind": kind, "text": text, "ids": ids, "vector": made})
    golden = {"made_with": versions(), "profile": profile, "items": items}
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path.name, len(items), "longest", max(len(i["ids"]) for i in items))


def profile(pooling, normalise, query="", passage=""):
    return {
        "pooling": pooling,
        "normalise": normalise,
        "query_prefix": query,
        "passage_prefix": passage,
    }


def tiny_tokenizer(path, pair=None):
    made = tokenizers.Tokenizer(tokenizers.models.Unigram())
    made.normalizer = tokenizers.normalizers.NFKC()
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = tokenizers.trainers.UnigramTrainer(
        vocab_size=380, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator([text for _, text in TEXTS], trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>",
        pair=pair or "<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    # What a tokenizer.json may carry, and what must not silently shorten an input.
    made.enable_truncation(16)
    made.enable_padding(pad_id=1, pad_token="<pad>", length=16)
    made.save(str(path))


def make_tiny():
    """A random XLM-RoBERTa: positions begin at pad + 1, the epsilon is not BERT's."""
    folder = HERE / "tiny-xlm-roberta"
    folder.mkdir(exist_ok=True)
    tiny_tokenizer(folder / "tokenizer.json")
    torch.manual_seed(20)
    config = transformers.XLMRobertaConfig(
        vocab_size=400,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=202,
        type_vocab_size=1,
        pad_token_id=1,
        layer_norm_eps=1e-5,
        initializer_range=0.5,
    )
    model = transformers.XLMRobertaModel(config, add_pooling_layer=False).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias") or "LayerNorm" in name:
            weight.data += 0.2 * torch.randn_like(weight)
    weights = {f"roberta.{k}": v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config.to_json_file(str(folder / "config.json"))
    tokenizer = load_tokenizer(folder)
    texts = [item for item in TEXTS if len(tokenizer.encode(item[1]).ids) <= 200]
    write(folder / "golden.json", model, tokenizer, profile("cls", False), texts)


def make_cross_encoder(name, kind, config, pair):
    """A random cross-encoder whose scores spread."""
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    tiny_tokenizer(folder / "tokenizer.json", pair)
    torch.manual_seed(21)
    model = kind(config).eval()
    for weight_name, weight in model.named_parameters():
        if weight_name.endswith("bias") or "LayerNorm" in weight_name:
            weight.data += 0.2 * torch.randn_like(weight)
    weights = {k: v.contiguous() for k, v in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config.to_json_file(str(folder / "config.json"))
    tokenizer = load_tokenizer(folder)
    items = []
    for _, query in TEXTS[:4]:
        for _, passage in TEXTS[1:10]:
            both = tokenizer.encode(query, passage)
            if len(both.ids) > 200:
                continue
            with torch.no_grad():
                score = model(
                    input_ids=torch.tensor([both.ids]),
                    attention_mask=torch.ones(1, len(both.ids), dtype=torch.long),
                    token_type_ids=torch.tensor([both.type_ids]),
                ).logits[0, 0]
            items.append(
                {"query": query, "passage": passage, "ids": both.ids, "score": round(float(score), 6)}
            )
    golden = {"made_with": versions(), "items": items}
    path = folder / "golden.json"
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")
    print(name, len(items), sorted(i["score"] for i in items)[:: len(items) // 5])


def make_cross_encoders():
    shape = {
        "vocab_size": 400,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 202,
        "initializer_range": 0.5,
        "num_labels": 1,
    }
    make_cross_encoder(
        "tiny-cross-encoder",
        transformers.XLMRobertaForSequenceClassification,
        transformers.XLMRobertaConfig(
            **shape, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5
        ),
        None,
    )
    make_cross_encoder(
        "tiny-bert-cross-encoder",
        transformers.BertForSequenceClassification,
        transformers.BertConfig(**shape, type_vocab_size=2, pad_token_id=1),
        "<s> $A </s> $B:1 </s>:1",
    )


def main():
    models = Path(sys.argv[1])
    for name, wanted in [
        ("all-minilm-l6-v2", profile("mean", True)),
        ("multilingual-e5-small", profile("mean", True, "query: ", "passage: ")),
    ]:
        model = load_model(transformers.BertModel, models / name)
        write(HERE / f"{name}.json", model, load_tokenizer(models / name), wanted, TEXTS)
    make_tiny()
    make_cross_encoders()


if __name__ == "__main__":
    main()
