//! Tells the main language of a text.

use whatlang::Lang;

/// How much of a text is looked at, in characters.
const SAMPLE_CHARS: usize = 6_000;
/// Below this many letters a guess is not worth having.
const MIN_LETTERS: usize = 25;

/// ISO 639-1 code of the language of `text`; `None` when it cannot be told reliably.
pub(crate) fn detect(text: &str) -> Option<String> {
    let sample: String = text.chars().take(SAMPLE_CHARS).collect();
    if sample.chars().filter(|c| c.is_alphabetic()).count() < MIN_LETTERS {
        return None;
    }
    let info = whatlang::detect(&sample)?;
    if !info.is_reliable() {
        return None;
    }
    iso_639_1(info.lang()).map(str::to_owned)
}

/// ISO 639-1 code of a declared language such as `fr-FR`.
pub(crate) fn from_tag(tag: &str) -> Option<String> {
    let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
    let valid = primary.len() == 2 && primary.bytes().all(|b| b.is_ascii_alphabetic());
    valid.then(|| primary.to_ascii_lowercase())
}

/// The two-letter code; languages that no European office document is likely to be in are left
/// out, since a wrong code is worse than none.
fn iso_639_1(lang: Lang) -> Option<&'static str> {
    const CODES: [(Lang, &str); 30] = [
        (Lang::Fra, "fr"),
        (Lang::Eng, "en"),
        (Lang::Deu, "de"),
        (Lang::Spa, "es"),
        (Lang::Ita, "it"),
        (Lang::Nld, "nl"),
        (Lang::Por, "pt"),
        (Lang::Cat, "ca"),
        (Lang::Pol, "pl"),
        (Lang::Ces, "cs"),
        (Lang::Slk, "sk"),
        (Lang::Slv, "sl"),
        (Lang::Hrv, "hr"),
        (Lang::Hun, "hu"),
        (Lang::Ron, "ro"),
        (Lang::Bul, "bg"),
        (Lang::Ell, "el"),
        (Lang::Dan, "da"),
        (Lang::Swe, "sv"),
        (Lang::Nob, "nb"),
        (Lang::Fin, "fi"),
        (Lang::Est, "et"),
        (Lang::Lav, "lv"),
        (Lang::Lit, "lt"),
        (Lang::Rus, "ru"),
        (Lang::Ukr, "uk"),
        (Lang::Tur, "tr"),
        (Lang::Ara, "ar"),
        (Lang::Jpn, "ja"),
        (Lang::Cmn, "zh"),
    ];
    CODES.iter().find(|(known, _)| *known == lang).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests;
