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

const GREETING: &str = "bonjour|bonsoir|salut|coucou|hello|hi|hey|good (?:morning|afternoon|\
    evening|day)|bjr|slt|rebonjour|re bonjour|ca va|comment (?:ca va|allez vous|vas tu)|vous \
    allez bien|how are you|enchante|bien le bonjour|greetings";

const LEAVE: &str = "au revoir|bonne (?:journee|soiree|nuit|continuation|fin de journee|semaine)|\
    bon (?:week end|apres midi|courage)|a bientot|a plus|a plus tard|bye|bye bye|goodbye|good \
    night|have a (?:nice|good|great) (?:day|one|evening|weekend)|take care";

const THANKS: &str = "merci(?: (?:beaucoup|bien|infiniment|mille fois|encore|d avance|bcp|a vous|a \
    toi|bien a vous|pour (?:votre|ton|tout|cette|l|ces|vos|le|la)(?: (?:aide|reponse|precision|\
    precisions|information|informations|info|infos|reactivite|patience|temps|retour|explication|\
    explications|rapidite|gentillesse))?(?: rapide| claire)?|de (?:votre|ton|l) (?:aide|reponse|\
    retour)))?|mille mercis|un grand merci|grand merci|remerciements|je vous remercie(?: \
    (?:beaucoup|infiniment|pour votre (?:aide|reponse|retour)))?|thank you(?: (?:so|very) \
    much)?(?: for your (?:help|answer|time))?|thanks(?: a lot| so much| again)?(?: for your help| \
    for the help)?|thx|cheers|mci|ok|okay|d accord|dac|tres bien|parfait|super|genial|top|nickel|\
    impeccable|cool|excellent|entendu|c est (?:note|parfait|gentil|compris|clair|tres clair|bon|\
    super)|compris|great|perfect|awesome|got it|bien a vous|cordialement|de rien|you re welcome";

const FILLER: &str = "a tous|madame|monsieur|mme|mr|bien|alors|oh|ah|et|and|beaucoup|vous|there|\
    everyone|a vous aussi|pour tout|then|you|infiniment|tout le monde|a toute l equipe|toute l \
    equipe|l equipe|encore|the|team|mate|much appreciated|guys|c est sympa|pour la reponse|pour \
    le retour";

/// That it works, or is settled, or that nothing more is wanted.
const RESOLVED: &str = " (?:(?:probleme|souci|c est|tout est|est|soit|ca y est|question|\
    affaire)(?: \\w+)? (?:resolue?|reglee?|rentre dans l ordre|arrangee?)|ca (?:marche|fonctionne|\
    a marche|a fonctionne|y est|remarche|refonctionne)|tout (?:marche|fonctionne|est bon|est ok|\
    est rentre dans l ordre)|(?:j ai|on a) (?:finalement |enfin |bien )?(?:reussi|retrouve|pu \
    (?:me connecter|le faire|resoudre))|(?:j ai|on a) (?:finalement |enfin )?trouve (?:la \
    (?:reponse|solution)|merci|comment)|j ai (?:la|ma) (?:reponse|solution)|c est (?:bon|tout bon|\
    ok|tout|fait|parfait)|ce sera tout|<nothing>|(?:reponse|repondu|repond) a ma question|it \
    works|works now|working now|that works|(?:problem|issue)(?: is| has been)? (?:solved|fixed|\
    resolved|sorted)|solved|fixed|found it|that s (?:all|everything)|that is (?:all|everything)|\
    nothing else|never mind|all good|all set|sorted|that helped|answer(?:s|ed) my question|that \
    (?:solved|fixed) (?:it|my problem)) | (?:j ai|on a) (?:finalement |enfin )?trouve $";

/// Nothing more is wanted, in words that deny.
const NOTHING: &str = "(?:(?:je )?(?:n ai|ai) (?:plus|pas) (?:de |d autres? )questions?|(?:je )?n \
    ai plus besoin (?:d aide|de rien)|plus besoin|(?:aucune autre|plus de) questions?|rien d \
    autre|no more questions|no longer need (?:help|it)|laissez tomber)";

/// Something is still wanted, or not well.
const OPEN: &str = " (?:ne|n|pas|jamais|toujours|sauf|comment|pourquoi|quand|quel|quelle|quels|\
    quelles|ou|combien|si|mais|par contre|voudrais|veux|peux|pouvez|pourriez|souhaite|besoin|\
    attends|regle(?:e|es|s)? (?:par|en|avec|des|une)|not|never|still|how|why|when|where|what|but|\
    want|need|can|could|until|unless|doesn|isn|didn|de me|de m|que je) ";

struct Patterns {
    greeting: Regex,
    greets: Regex,
    courtesy: Regex,
    thanks: Regex,
    resolved: Regex,
    nothing: Regex,
    leave: Regex,
    open: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    greeting: pattern(&format!("^ (?:(?:{GREETING}|{FILLER}) )+$")),
    greets: pattern(&format!(" (?:{GREETING}) ")),
    courtesy: pattern(&format!("^ (?:(?:{GREETING}|{THANKS}|{LEAVE}|{FILLER}) )+$")),
    thanks: pattern(&format!(" (?:{THANKS}|{LEAVE}) ")),
    resolved: pattern(&RESOLVED.replace("<nothing>", NOTHING)),
    nothing: pattern(&format!(" {NOTHING} ")),
    leave: pattern(&format!(" (?:{LEAVE}) ")),
    open: pattern(OPEN),
});

/// What kind of courtesy a message is, where it is nothing else.
pub(super) fn small_talk(clauses: &[String]) -> Option<SmallTalk> {
    let patterns = &*PATTERNS;
    let any = |one: &Regex| clauses.iter().any(|clause| one.is_match(clause));
    let all = |one: &Regex| clauses.iter().all(|clause| one.is_match(clause));
    if all(&patterns.greeting) && any(&patterns.greets) {
        return Some(SmallTalk::Greeting);
    }
    (all(&patterns.courtesy) && any(&patterns.thanks)).then_some(SmallTalk::Thanks)
}

/// Whether the writer is done: says so, or takes their leave, and asks nothing more.
pub(super) fn is_resolved(message: &str, clauses: &[String]) -> bool {
    let patterns = &*PATTERNS;
    // "Je n'ai plus de question" denies without wanting anything.
    let is_open =
        |clause: &String| patterns.open.is_match(&patterns.nothing.replace_all(clause, " "));
    let is_done =
        |clause: &String| patterns.resolved.is_match(clause) || patterns.leave.is_match(clause);
    !message.contains('?') && !clauses.iter().any(is_open) && clauses.iter().any(is_done)
}
