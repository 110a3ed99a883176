//! Reduces texts to words that can be compared: without case, accents and endings.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Words that say nothing about what is asked, accents folded: French, then English, then courtesy.
const STOP_WORDS: &str = "a ai as au aux avec avez avons c ce ces cet cette ceci cela ca ci \
    comment combien d dans de des du elle elles en entre es est et eu eux faire fait faut fois \
    font ici il ils j je l la le les leur leurs lui m ma mais me mes mien moi mon n ne nos notre \
    nous on ont ou par pas peut peux plus pour pourquoi pourrais pourriez pouvez pouvons puis qu \
    quand que quel quelle quelles quels qui quoi s sa se ses si soi son sont suis sur t ta te tes \
    toi ton tu un une va vais veut veux voudrais voulez vos votre vous y etre avoir sera serait \
    souhaite souhaiterais aimerais savoir connaitre dire dites indiquer expliquer possible besoin \
    question donc alors aussi est-ce an and are as at be by can could do does for from how i in \
    is it me my of on or our please that the their there this to us was we what when where which \
    who why will with would you your have has had tell know want need like if bonjour bonsoir \
    salut hello hi merci svp stp plait madame monsieur cordialement avance thanks thank";

/// Words that turn a sentence into its opposite.
const NEGATIONS: [&str; 12] = [
    "ne", "n", "pas", "jamais", "aucun", "aucune", "sans", "not", "never", "no", "without",
    "cannot",
];

/// Words that say what is asked for of a thing.
const ASKING: [&str; 11] =
    ["ou", "quand", "comment", "combien", "pourquoi", "qui", "where", "when", "how", "why", "who"];

/// `text` in lower case without accents, ligatures taken apart, with one kind of apostrophe.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        match letter {
            '’' | '‘' | 'ʼ' | '`' | '´' => folded.push('\''),
            'œ' | 'Œ' => folded.push_str("oe"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded
}

/// The words of `text`, folded; what stands before an apostrophe is a word of its own.
pub(super) fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let split = folded.split(|letter: char| !letter.is_alphanumeric());
    split.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The parts of `text` between punctuation marks, as folded words with one space between and around
/// them, so that ` word ` finds whole words.
pub(super) fn clauses(text: &str) -> Vec<String> {
    let is_mark = |letter: char| matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '\n' | '…');
    let spaced = |part: &str| {
        let words = words(part);
        (!words.is_empty()).then(|| format!(" {} ", words.join(" ")))
    };
    text.split(is_mark).filter_map(spaced).collect()
}

/// What a word has in common with its plural and its feminine.
pub(super) fn singular(word: &str) -> &str {
    let mut stem = word;
    if stem.len() > 3 {
        stem = stem.strip_suffix(['s', 'x']).unwrap_or(stem);
    }
    // Not of "au" and the like.
    if stem.len() > 4 {
        stem = stem.trim_end_matches('e');
    }
    stem
}

/// What a word has in common with others of its family, by its ending: `livraison`, `livrer`,
/// `livré`. Five letters stay at least, so that short words are not thrown together.
pub(super) fn stem(word: &str) -> &str {
    // As they are once a plural and an e at the end are gone.
    const ENDINGS: [&str; 20] = [
        "issement", "ement", "ment", "ation", "aison", "ition", "tion", "ion", "anc", "enc", "abl",
        "ibl", "eur", "ant", "ag", "er", "ez", "ir", "ing", "ed",
    ];
    let stem = singular(word);
    let found = ENDINGS.iter().find_map(|ending| {
        let short = stem.strip_suffix(ending)?;
        (short.len() >= 4).then_some(short)
    });
    found.unwrap_or(stem)
}

/// The words of `text` that say what is asked, folded.
pub(super) fn content(text: &str) -> Vec<String> {
    let says = |word: &String| !STOP_WORDS.split_ascii_whitespace().any(|stop| stop == word);
    words(text).into_iter().filter(says).collect()
}

/// The words of `text` that say whether a place, a time, a way or a person is asked for.
pub(super) fn asking(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| ASKING.contains(&word.as_str())).collect()
}

/// Whether `text` denies something.
pub(super) fn is_negated(text: &str) -> bool {
    words(text).iter().any(|word| NEGATIONS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{clauses, content, fold, is_negated, singular, stem, words};

    #[test]
    fn case_accents_and_apostrophes_do_not_matter() {
        assert_eq!(fold("Œuvre d’ÉTÉ"), "oeuvre d'ete");
        assert_eq!(words("Qu’est-ce que l'« été » ?"), ["qu", "est", "ce", "que", "l", "ete"]);
        assert_eq!(clauses("Bonjour, ça va ?!"), [" bonjour ", " ca va "]);
    }

    #[test]
    fn endings_do_not_matter_and_short_words_stay() {
        assert_eq!(
            (singular("factures"), singular("colis"), singular("au")),
            ("factur", "coli", "au")
        );
        assert_eq!((stem("livraison"), stem("livrer"), stem("livree")), ("livr", "livr", "livr"));
        assert_eq!((stem("retractation"), stem("annuler")), ("retract", "annul"));
        assert_eq!((stem("mer"), stem("delai")), ("mer", "delai"));
    }

    #[test]
    fn courtesy_says_nothing() {
        let said =
            content("Bonjour, pourriez-vous me dire quel est le délai de rétractation svp ?");
        assert_eq!(said, ["delai", "retractation"]);
        assert_eq!(super::asking("Où est-ce, et quand ?"), ["ou", "quand"]);
        assert!(is_negated("je ne peux pas") && !is_negated("je peux"));
    }
}
