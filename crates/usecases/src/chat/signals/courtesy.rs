//! Finds that a message is courtesy alone, or that its writer is done.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// Courtesy that needs no answer from documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmallTalk {
    /// A greeting.
    Greeting,
    /// Thanks, consent, or a leave.
    Thanks,
}

const GREETING: &str = "bonjour|bonsoir|salut|coucou|hello|hi|hey|good (?:morning|afternoon|evening)|bjr|slt|rebonjour|\
    re bonjour|ca va|comment (?:ca va|allez vous|vas tu)|vous allez bien|how are you|enchante|bienvenue";

const THANKS: &str = "merci(?: (?:beaucoup|bien|infiniment|mille fois|encore|d avance|bcp|a vous|a toi|bien a vous|pour (?:votre|ton|tout|\
    cette|l|ces|vos|le|la)(?: (?:aide|reponse|precision|precisions|information|informations|info|infos|reactivite|patience|temps|retour|explication|\
    explications|rapidite|gentillesse))?(?: rapide| claire)?|de (?:votre|ton|l) (?:aide|reponse|retour)))?|mille mercis|un grand merci|grand merci|\
    remerciements|je vous remercie(?: (?:beaucoup|infiniment|pour votre (?:aide|reponse|retour)))?|thank you(?: (?:so|very) much)?(?: for your (?:help|answer|time))?|\
    thanks(?: a lot| so much| again)?(?: for your help| for the help)?|thx|cheers|mci|ok|okay|d accord|dac|tres bien|parfait|super|genial|top|nickel|impeccable|cool|excellent|\
    entendu|c est (?:note|parfait|gentil|compris|clair|tres clair|bon|super)|compris|great|perfect|awesome|got it|au revoir|bonne (?:journee|soiree|nuit|continuation|fin de journee|semaine)|bon \
    (?:week end|apres midi|courage)|a bientot|a plus|a plus tard|bye|bye bye|goodbye|good night|have a (?:nice|good|great) day|bien a vous|cordialement|\
    de rien|you re welcome";

const FILLER: &str = "a tous|madame|monsieur|mme|mr|bien|alors|oh|ah|et|and|beaucoup|vous|there|everyone|a vous aussi|pour tout|then|you|infiniment|tout le monde|\
    l equipe|toute l equipe|encore|the|team";

struct Patterns {
    greeting: Regex,
    courtesy: Regex,
    thanks: Regex,
    resolved: Regex,
    leave: Regex,
    open: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    greeting: pattern(&format!("^ (?:(?:{GREETING}|{FILLER}) )+$")),
    courtesy: pattern(&format!("^ (?:(?:{GREETING}|{THANKS}|{FILLER}) )+$")),
    thanks: pattern(&format!(" (?:{THANKS}) ")),
    // That it works, or is settled.
    resolved: pattern(
        " (?:(?:probleme|souci|c est|tout est|est|soit|ca y est|question|affaire)(?: \\w+)? (?:resolue?|reglee?|rentre dans l ordre|arrangee?)|\
         ca (?:marche|fonctionne|a marche|a fonctionne|y est|remarche|refonctionne)|tout (?:marche|fonctionne|est bon|est ok|est rentre dans l ordre)|\
         (?:j ai|on a) (?:reussi|trouve|pu (?:me connecter|le faire|resoudre))|c est (?:bon|tout bon|ok|tout|fait|parfait)|ce sera tout|\
         rien d autre|plus de question|reponse a ma question|repondu a ma question|repond a ma question|it works|works now|working now|that works|\
         (?:problem|issue)(?: is| has been)? (?:solved|fixed|resolved|sorted)|solved|fixed it|that s all|that is all|nothing else|all good|all set|\
         sorted|that helped|answers my question|answered my question|that (?:solved|fixed) (?:it|my problem)) ",
    ),
    leave: pattern(
        " (?:au revoir|bonne (?:journee|soiree|nuit|continuation|fin de journee|semaine)|bon (?:week end|apres midi)|a bientot|bye|goodbye|\
         have a (?:nice|good|great) day) ",
    ),
    // Something is still wanted, or not well.
    open: pattern(
        " (?:ne|n|pas|jamais|toujours|sauf|comment|pourquoi|quand|quel|quelle|quels|quelles|ou|combien|si|mais|par contre|voudrais|veux|peux|pouvez|\
         pourriez|souhaite|besoin|attends|not|never|still|how|why|when|where|what|but|want|need|can|could|until|unless|doesn|isn|didn|de me|de m|que je) ",
    ),
});

/// What kind of courtesy a message is, where it is nothing else.
pub(super) fn small_talk(clauses: &[String]) -> Option<SmallTalk> {
    let patterns = &*PATTERNS;
    if clauses.is_empty() {
        return None;
    }
    if clauses.iter().all(|clause| patterns.greeting.is_match(clause)) {
        return Some(SmallTalk::Greeting);
    }
    let is_courtesy = clauses.iter().all(|clause| patterns.courtesy.is_match(clause));
    let has_thanks = clauses.iter().any(|clause| patterns.thanks.is_match(clause));
    (is_courtesy && has_thanks).then_some(SmallTalk::Thanks)
}

/// Whether the writer is done: says so, or takes their leave, and asks nothing more.
pub(super) fn is_resolved(message: &str, clauses: &[String]) -> bool {
    let patterns = &*PATTERNS;
    let asks = message.contains('?');
    // "Rien d'autre" and "plus de question" deny without wanting anything.
    let is_open = |clause: &String| patterns.open.is_match(clause);
    !asks
        && !clauses.iter().any(is_open)
        && clauses
            .iter()
            .any(|clause| patterns.resolved.is_match(clause) || patterns.leave.is_match(clause))
}
