//! Knows how each family of byte-level BPE models cuts a text into words.

/// How a `tokenizer.ggml.pre` prepares a text for merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PreTokenizerRules {
    /// Regular expressions (Oniguruma), applied one after the other: each cuts what the one
    /// before left into its matches and what lies between them.
    pub(super) patterns: &'static [&'static str],
    /// The text is composed (Unicode NFC) first. A GGUF does not say it; the original
    /// `tokenizer.json` of the family does.
    pub(super) compose: bool,
    /// A word that is a token is that token, whatever the merges would make of it.
    pub(super) ignore_merges: bool,
    /// Begin-of-text goes before a text unless the file says otherwise.
    pub(super) add_bos: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const OLD_DEFAULT: &[&str] = &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"];
const DEEPSEEK_CODER: &[&str] =
    &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥\u{800}-一가-\u{D7FF}]+", r"\p{N}"];
const DEEPSEEK3: &[&str] = &[
    r"\p{N}{1,3}",
    "[一-龥\u{3040}-ゟ゠-ヿ]+",
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
];

const PLAIN: PreTokenizerRules =
    PreTokenizerRules { patterns: &[GPT2], compose: false, ignore_merges: false, add_bos: false };
const WITH_LLAMA3: PreTokenizerRules =
    PreTokenizerRules { patterns: &[LLAMA3], compose: false, ignore_merges: true, add_bos: true };

/// Every name that is known, with its rules: those that files of the supported architectures use.
///
/// Source: llama.cpp, `src/llama-vocab.cpp`, `llm_tokenizer_bpe` (where it quotes the original
/// regular expression beside its own adaptation, the original) and `llama_vocab::impl::load`.
const KNOWN: &[(&str, PreTokenizerRules)] = &[
    ("default", PreTokenizerRules { patterns: OLD_DEFAULT, ..PLAIN }),
    ("gpt-2", PLAIN),
    ("llama-bpe", WITH_LLAMA3),
    ("llama3", WITH_LLAMA3),
    ("llama-v3", WITH_LLAMA3),
    ("falcon3", WITH_LLAMA3),
    ("pixtral", WITH_LLAMA3),
    ("smaug-bpe", PreTokenizerRules { ignore_merges: false, add_bos: false, ..WITH_LLAMA3 }),
    ("qwen2", PreTokenizerRules { patterns: &[QWEN2], compose: true, ..PLAIN }),
    ("deepseek-r1-qwen", PreTokenizerRules { patterns: &[QWEN2], ..PLAIN }),
    ("megrez", PreTokenizerRules { patterns: &[QWEN2], ..PLAIN }),
    ("smollm", PreTokenizerRules { patterns: &[r"\p{N}", GPT2], ..PLAIN }),
    ("tekken", PreTokenizerRules { patterns: &[TEKKEN], ..WITH_LLAMA3 }),
    ("deepseek-coder", PreTokenizerRules { patterns: DEEPSEEK_CODER, ..PLAIN }),
    ("deepseek-v3", PreTokenizerRules { patterns: DEEPSEEK3, ..PLAIN }),
];

/// The rules of `name`, as `tokenizer.ggml.pre` gives it.
///
/// # Errors
/// The message that names it and lists the known ones.
pub(super) fn rules_of(name: &str) -> Result<PreTokenizerRules, String> {
    let found = KNOWN.iter().find(|(known, _)| *known == name);
    found.map(|(_, rules)| *rules).ok_or_else(|| {
        let known = KNOWN.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
        format!(
            "pre-tokenizer `{}` is not known; known are {known}; a tokenizer.json beside the gguf \
             would do instead",
            name.chars().take(64).collect::<String>()
        )
    })
}
