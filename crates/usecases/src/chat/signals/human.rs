//! Finds that somebody wants to talk to a person.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// Whom they want.
const PERSON: &str = "(?:humaine?s?|etres? humains?|(?:vrai|vraie|veritable) (?:personne|humain|gens|\
    conseiller|conseillere|interlocuteur|agent|quelqu un)|personne (?:physique|reelle|humaine|vivante)|\
    personne|vraies? gens|quelqu un|conseillers?|conseilleres?|agents?|operateurs?|operatrices?|\
    teleconseillers?|teleconseilleres?|conseiller clientele|collegues?|responsables?|superviseurs?|\
    interlocuteurs?|interlocutrices?|techniciens?|commercial|commerciaux|manager|directeur|employes?|\
    service (?:client|clients|clientele|apres vente)|sav|equipe|support)";

/// What may stand before them.
const ARTICLE: &str = "(?:(?:l|le|la|les|un|une|des|d|de|du|votre|vos|autre|vrai|vraie|veritable|votre \
    equipe) ){0,3}";

const ENGLISH: &str = "(?:humans?|human being|human agent|real (?:person|human|people)|live (?:person|agent|\
    human|chat agent)|actual (?:person|human)|person|someone|somebody|agents?|representatives?|rep|\
    advisors?|advisers?|operators?|manager|supervisor|customer (?:service|support|care)|support (?:agent|\
    team)|staff member|member of (?:staff|your team)|team member)";

const COURTESY: &str = "(?:bonjour|bonsoir|salut|ok|bon|bah|ben|non|oui|mais|alors|et|svp|stp|s il (?:vous|\
    te) plait|merci|vite|maintenant|tout de suite|rapidement|immediatement|please|pls|now|hello|hi|hey|no|\
    yes|thanks|en ligne|par telephone|au telephone|disponible|la|urgent)";

/// What a robot is called by who wants none.
const ROBOT: &str = "(?:robots?|bots?|chatbots?|machines?|ia|intelligence artificielle|repondeur|automate|\
    ordinateur|algorithme|ai|computer|virtual assistant|assistant virtuel)";

struct Patterns {
    /// Wishes: verbs of talking with a person.
    wishes: Vec<Regex>,
    /// A clause that names a person and nothing else.
    bare: Regex,
    /// Somebody does not want a robot.
    no_robot: Vec<Regex>,
    /// Before a wish: it is none.
    unwished: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    Patterns {
    wishes: [
        // To talk to a person.
        format!(" (?:parler|discuter|echanger|dialoguer|m adresser|communiquer|avoir affaire|voir) \
                 (?:(?:directement|vite|enfin|plutot|en direct|de vive voix) ){{0,2}}(?:a|avec|au|aux) \
                 {ARTICLE}{PERSON} "),
        // To reach one.
        format!(" (?:joindre|contacter|appeler|avoir|obtenir|rencontrer|voir|trouver) \
                 (?:(?:directement|enfin) )?{ARTICLE}(?:humaine?|etre humain|vraie? (?:personne|humain)|\
                 quelqu un|conseillere?|agent|operateur|teleconseillere?|interlocuteur|responsable|\
                 superviseur|service client|personne (?:physique|reelle)) "),
        // To be given to one.
        format!(" (?:passez|passe|passer|transferez|transfere|transferer|mettez|mets|mettre|redirigez|\
                 rediriger|orientez|connectez|basculez|dirigez|donnez|donne|filez|envoyez) \
                 (?:(?:moi|nous|me|nous) )?(?:(?:en relation|en contact|en ligne|directement|donc|vers|\
                 avec|a|au|aux) ){{0,3}}{ARTICLE}{PERSON} "),
        " (?:mettez|mettre|mets) (?:moi |me )?en (?:relation|contact) ".to_owned(),
        format!(" etre (?:mise? en (?:relation|contact)|redirigee?|transferee?|orientee?) (?:avec|vers|a|au) \
                 {ARTICLE}{PERSON} "),
        // To have one: nothing follows that makes it somebody else, as in "un conseiller en assurance".
        format!(" (?:veux|voudrais|voulons|souhaite|souhaiterais|souhaitons|aimerais|demande|exige|reclame|\
                 cherche|prefere|prefererais|faut|faudrait|besoin d|besoin de l aide d|aide d) {ARTICLE}{PERSON} \
                 (?:(?:svp|stp|s il|humaine?|maintenant|merci|qui|au telephone|par telephone|en ligne|et vite|\
                 tout de suite|rapidement|immediatement|pour (?:me|m|regler|parler)|de chez vous|competente?|\
                 de votre) .*)?$"),
        // To be called back; not to be reminded.
        " (?:etre|me faire) (?:rappelee?|recontactee?|contactee?|appelee?) ".to_owned(),
        " (?:rappelez|rappeler|rappelle|rappelles|recontactez|recontacter|contactez|contacter|appelez|appeler) \
         (?:moi |nous )?(?:svp |stp |s il vous plait |vite |rapidement |demain |ce soir |cet apres midi |ce matin |\
         des que possible |au plus vite |au \\d.* |sur mon .* |a ce numero |par telephone )*$".to_owned(),
        // "Un conseiller peut-il m'appeler", "can somebody call me".
        format!(" {ARTICLE}{PERSON} (?:peut|pourrait|pourra|va|puisse) (?:il|elle|t il|t elle|on)? ?(?:m|me|nous) \
                 (?:aider|rappeler|appeler|contacter|recontacter|repondre|parler|joindre) "),
        " (?:y a t il|il y a|ya|y a) (?:quelqu un|un humain|un conseiller|une (?:vraie )?personne) (?:de disponible \
         |derriere .*|la |en ligne |pour (?:me|m) .*|qui .*)?$".to_owned(),
        format!(" (?:speak|talk|chat|talking|speaking) (?:directly )?(?:to|with) (?:(?:a|an|the|your|some|real|\
                 actual|live|another|one|of) ){{0,3}}{ENGLISH} "),
        format!(" (?:connect|transfer|put|pass|get|forward|escalate|hand)(?:ed)? (?:me |us |this |it )?\
                 (?:(?:through|over|on|in touch) )?(?:(?:to|with) )?(?:(?:a|an|the|your|some|real|actual|live) \
                 ){{0,3}}{ENGLISH} "),
        format!(" (?:want|need|like|have|get|prefer) (?:(?:a|an|the|some|real|actual|live) ){{0,3}}{ENGLISH} \
                 (?:(?:please|now|to (?:help|talk|call|speak|answer)|who|not|instead|right) .*|please |now )?$"),
        " (?:call|phone|ring) me (?:back|please|asap|now|on) ".to_owned(),
        " (?:is there|are there) (?:a|an|any|some) ?(?:real |live |actual )?(?:human|person|one|agent|people|\
         body) (?:there |here |available |i can .*|who .*|to .*)?$".to_owned(),
        format!(" (?:can|could) (?:a|an|some|any) ?{ENGLISH} (?:call|help|contact|answer) (?:me|us) "),
    ]
    .iter()
    .map(|wish| pattern(wish))
    .collect(),
    bare: pattern(&format!(
        "^ (?:{COURTESY} )*(?:(?:juste |je veux |je voudrais |passez |a |an |l |le |la |les |un |une |de l |real |live \
         |vrai |vraie )*)(?:{BARE})(?: {COURTESY})* $",
        BARE = "humaine?|etre humain|vraie? personne|vrai humain|quelqu un|conseillere?|conseillere? humaine?|\
                agent(?: humain)?|operateur(?: humain)?|teleconseillere?|conseiller clientele|service client|\
                personne (?:reelle|physique|humaine)|aide humaine|assistance humaine|human|human agent|\
                real person|live agent|live chat|agent|representative|someone|person|operator|human being",
    )),
    no_robot: [
        // "Je ne veux pas parler à un robot", "ras le bol des robots".
        format!(" (?:pas|plus|marre|assez|assez parle|ras le bol|stop|arretez|inutile|jamais) (?:de |d )?(?:\\w+ ){{0,4}}?\
                 (?:a |avec |au |aux |de |des |d |du |vos |votre |ce |cette |le |la |les |un |une )*{ROBOT} "),
        format!(" (?:don t|do not|not|no more|tired of|sick of|stop|instead of|hate|rather than) (?:\\w+ ){{0,4}}?\
                 (?:a |an |the |this |your |to |with )*{ROBOT} "),
        " (?:autre chose|quelqu un d autre|mieux) qu (?:un|une) (?:robot|bot|machine|chatbot|ia) ".to_owned(),
    ]
    .iter()
    .map(|robot| pattern(robot))
    .collect(),
    unwished: pattern(
        " (?:(?:ne|n) (?:veux|souhaite|desire|tiens|voudrais|voulons|souhaitons|compte|cherche) (?:surtout )?(?:pas|plus|\
         aucunement|a aucun)|veux (?:surtout )?pas|souhaite pas|(?:ai|avons|avez) (?:pas|plus|nul) (?:du tout )?besoin|pas \
         (?:besoin|la peine|necessaire|envie|oblige)|inutile|sans|eviter|evite|(?:viens|venons|vient|venait) (?:juste |\
         tout juste )?de|apres|avant de|au lieu de|plutot que de|(?:ai|a|avons|avais|as) (?:enfin |deja |bien )?(?:pu|\
         reussi a|du|fini par)|merci de m avoir fait|don t (?:want|need|have|wish)|do not (?:want|need|have|wish)|didn t \
         (?:want|need|have)|no need|without|instead of|after|before|was able|managed|already|had to|avoid|rather not)",
    ),
}
});

/// Whether a part of the message is the wish for a person.
pub(super) fn asks(clauses: &[String]) -> bool {
    clauses.iter().any(|clause| asks_in(clause))
}

fn asks_in(clause: &str) -> bool {
    // "mais" and "but" turn over what was said before.
    let parts = clause.split(" mais ").flat_map(|part| part.split(" but "));
    parts.map(|part| format!(" {} ", part.trim())).any(|part| {
        let patterns = &*PATTERNS;
        if patterns.bare.is_match(&part) || is_against_robots(&part) {
            return true;
        }
        let found = patterns.wishes.iter().filter_map(|wish| wish.find(&part));
        found.into_iter().any(|wish| !is_unwished(&part, wish.start(), wish.as_str()))
    })
}

/// Not the question whether it is one, nor what a robot is wanted for.
fn is_against_robots(part: &str) -> bool {
    let product = [
        " robot de ",
        " robot a ",
        " robot aspirateur",
        " robot patissier",
        " robot tondeuse",
        " machine a ",
        " bot discord",
        " robot mixeur",
        " machine est ",
        " robot fonctionne",
        " robot marche",
    ];
    !product.iter().any(|of| part.contains(of))
        && PATTERNS.no_robot.iter().any(|robot| robot.is_match(part))
}

/// Whether what stands before a wish, up to a few words, takes it back.
fn is_unwished(part: &str, start: usize, wish: &str) -> bool {
    const WORDS: usize = 7;
    let before: Vec<&str> = part[..start].split_ascii_whitespace().collect();
    let near = &before[before.len().saturating_sub(WORDS)..];
    let first = wish.split_ascii_whitespace().next().unwrap_or_default();
    let near = format!(" {} {first} ", near.join(" "));
    PATTERNS.unwished.is_match(&near)
}
