//! Finds that somebody wants to talk to a person.
//!
//! A clause that names a person and little else (`un conseiller svp`); a wish in so many words
//! (`passez-moi quelqu'un`, `je ne veux pas de robot`); the word `humain`, unless it asks who is
//! there; and, because people put it in as many ways as there are people, a clause that has all
//! three of a wish, a verb of contact and a person. What was done already, and what is not wanted,
//! is taken away.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// What stands for what in the patterns below: `<person>` for the second of the first, and so on.
const NAMES: &[(&str, &str)] = &[
    // Whom they want, where a verb says that it is a person.
    (
        "<person>",
        "(?:<sure>|personne|agents?|responsables?|techniciens?|commercial|commerciaux|manager|\
         directeur|employes?|service (?:client|clients|clientele|apres vente)|(?:votre|vos|au|le) \
         services? \\w+|sav|equipe|support)",
    ),
    // Whom they want, whatever the verb.
    (
        "<sure>",
        "(?:humaine?s?|etres? humains?|(?:vrai|vraie|veritable) (?:personne|gens|agent|\
         interlocuteur)|vraies gens|personne (?:physique|reelle|humaine|vivante|de vivant)|quelqu \
         un|conseillere?s?|operateurs?|operatrices?|teleconseillere?s?|collegues?|superviseurs?|\
         interlocuteurs?|interlocutrices?|chefs?|experts?)",
    ),
    (
        "<the>",
        "(?:(?:l|le|la|les|un|une|des|d|de|du|votre|vos|autre|vrai|vraie|veritable|mes) ){0,3}",
    ),
    (
        "<english>",
        "(?:humans?|human being|human agent|real (?:person|human|people)|live (?:person|agent|\
         human)|actual (?:person|human)|person|someone|somebody|agents?|representatives?|rep|\
         advisors?|advisers?|operators?|manager|supervisor|customer (?:service|support|care)|\
         support (?:agent|team)|staff member|member of (?:staff|your team)|team member)",
    ),
    ("<an>", "(?:(?:a|an|the|your|some|any|real|actual|live|another|one|of) ){0,3}"),
    (
        "<courtesy>",
        "(?:bonjour|bonsoir|salut|ok|bon|bah|ben|non|oui|alors|et|svp|stp|s il (?:vous|te) plait|\
         merci|vite|maintenant|tout de suite|rapidement|immediatement|please|pls|now|hello|hi|hey|\
         no|yes|thanks|en ligne|par telephone|au telephone|au tel|disponible|urgent|allo)",
    ),
    // What a robot is called by who wants none.
    (
        "<robot>",
        "(?:robots?|bots?|chatbots?|machines?|ia|intelligence artificielle|repondeur|automate|\
         ordinateur|algorithme|ai|computer|virtual assistant|assistant virtuel)",
    ),
    (
        "<wants>",
        "(?:veux|voudrais|voulons|voudrait|souhaite|souhaiterais|souhaitons|aimerais|demande|exige|\
         reclame|cherche|prefere|prefererais|desire|faut|faudrait)",
    ),
];

/// Wishes in so many words.
const WISHES: &[&str] = &[
    // To talk to a person, to reach one, to be given to one.
    " (?:parler|<wants> parle|discuter|echanger|dialoguer|m adresser|m entretenir|s entretenir|\
     communiquer|avoir affaire|avoir a faire|traiter|voir (?:ca|cela)) (?:(?:directement|vite|\
     enfin|plutot|en direct|de vive voix) ){0,2}(?:a|avec|au|aux) <the><person> ",
    " (?:joindre|contacter|appeler|avoir|obtenir|rencontrer|trouver) (?:directement |enfin \
     )?<the>(?:<sure>|responsable|service client|personne (?:au tel|au telephone|en ligne)) ",
    " (?:passez|passe|passer|transferez|transfere|transferer|mettez|mets|mettre|redirigez|\
     rediriger|orientez|orienter|connectez|basculez|dirigez|donnez|donne|filez|envoyez) (?:(?:moi|\
     nous|me|nous) )?(?:(?:en relation|en contact|en ligne|directement|donc|vers|avec|a|au|aux) \
     ){0,3}<the><person> ",
    " (?:mettez|mettre|mets) (?:moi |me )?en (?:relation|contact) ",
    " etre (?:mise? en (?:relation|contact)|redirigee?|transferee?|orientee?) (?:avec|vers|a|au) \
     <the><person> ",
    // To have one: nothing follows that makes it somebody else, as in "un conseiller en assurance".
    " (?:<wants>|besoin d|besoin de l aide d|aide d) (?:avoir )?<the><person> (?:(?:humaine?|svp|\
     stp|s il|maintenant|merci|qui|au tel|au telephone|par telephone|en ligne|et vite|tout de \
     suite|rapidement|immediatement|a (?:un|une|la|votre|ce) <robot>|pour (?:me|m|regler|parler)|\
     de chez vous|competente?|de votre) .*)?$",
    " (?:<sure>|responsable) (?:c est|est ce|ce serait|serait ce|serait il|est il) possible ",
    " (?:personne|quelqu un|humain) .*a qui parler ",
    // To be called back; not to be reminded.
    " (?:etre|me faire|qu on me|que l on me) (?:rappelee?|rappeler?|recontactee?|recontacter?|\
     contactee?|appelee?|appeler?|telephoner?) ",
    " (?:rappelez|rappeler|rappelle|rappelles|recontactez|recontacter|contactez|contacter|appelez|\
     appeler|telephonez|telephoner) (?:moi |nous )?(?:svp |stp |s il vous plait |vite |rapidement \
     |demain |ce soir |cet apres midi |ce matin |des que possible |au plus vite |au \\d.* |sur \
     mon .* |a ce numero |par telephone )*$",
    " (?:qu on|que l on) (?:me|m|nous) (?:rappelle|recontacte|contacte|appelle|telephone|reponde|\
     aide) ",
    " (?:vous|te) avoir (?:au tel|au telephone|en ligne|de vive voix) ",
    // That a person does something for them.
    " (?:l un|l une|un|une|quelqu un|avec|a) (?:de |d entre |des )?(?:vos|votre) (?:employes?|\
     conseillere?s?|agents?|collegues?|techniciens?|experts?|responsables?|collaborateurs?|\
     operateurs?|salaries|specialistes?|equipe) (?:svp|s il|directement|par|au|de vive|pour|avant|\
     afin|$)",
    " (?:quelqu un|une (?:vraie )?personne|un humain|un conseiller) (?:lit|lira|regarde|regardera|\
     suit|voit|repond|repondra|traite|traitera|va (?:me |m )?(?:lire|repondre|aider|rappeler)|\
     peut (?:me |m )?(?:lire|repondre|aider|expliquer|renseigner)) ",
    " (?:expliquer|repondre|aider|parler|voir|regler|discuter|joindre|renseigner|echanger) (?:\\w+ \
     ){0,4}?(?:par|au) (?:telephone|tel) ",
    " une (?:vraie )?personne qui (?:me|m|traite|s occupe|puisse|comprend|comprenne) ",
    " (?:conseillere?|agent|collegue|responsable) (?:sera|est|serait) (?:il )?(?:disponible|libre|\
     joignable) pour (?:me|m|nous) ",
    " <the><person> (?:peut|pourrait|pourra|va|puisse|pourrais) (?:(?:il|elle|t il|t elle|on) \
     )?(?:m|me|nous) (?:aider|rappeler|appeler|telephoner|contacter|recontacter|repondre|parler|\
     joindre) ",
    " (?:que|qu) <the><person> (?:me|m|nous) \\w+ ",
    " <sure> (?:pourrait|peut) (?:il|elle) (?:lire|regarder|voir|traiter|prendre) ",
    " (?:y a t il|il y a|ya|y a) (?:quelqu un|un humain|un conseiller|une (?:vraie )?personne) \
     (?:de disponible |derriere .*|la |en ligne |pour (?:me|m) .*|qui .*)?$",
    // English.
    " (?:speak|talk|chat|talking|speaking|deal|dealing) (?:directly )?(?:to|with) <an><english> ",
    " (?:connect|transfer|put|pass|get|forward|escalate|hand)(?:ed)? (?:me|us|this|it) \
     (?:(?:through|over|on|in touch) )?(?:(?:to|with) )?<an><english> (?:please |now |$)",
    " (?:connect|transfer|put|pass|hand)(?:ed)? (?:me|us) (?:(?:through|over|on) )?(?:to|with) \
     <an><english> ",
    " (?:want|need|like|have|get|prefer) <an><english> (?:(?:please|now|to (?:help|talk|call|speak|\
     answer)|who|not|instead|right|on the) .*|please |now )?$",
    " (?:one|some|any|member) of your (?:agents|staff|team|employees|people|advisors|advisers|\
     colleagues) ",
    " (?:speak|talk|discuss|explain|help|sort|go over) (?:\\w+ ){0,4}?(?:over|by|on) the phone ",
    " put through to <an><english> ",
    " give me <an>(?:human|real person|person|agent|manager) ",
    " (?:is|are) (?:anyone|anybody|someone|somebody) (?:there|here|real|available) $",
    " (?:call|phone|ring) me (?:back|please|asap|now|on) ",
    " (?:is there|are there) (?:a|an|any|some) ?(?:real |live |actual )?(?:humans?|person|one|\
     agents?|people|body) (?:there |here |available |i can .*|who .*|to .*)?$",
    " (?:can|could) (?:a|an|some|any) ?<english> (?:call|help|contact|answer) (?:me|us) ",
];

/// A clause that names a person and little else.
const BARE: &str = "^ (?:<courtesy> )*(?:(?:juste|je veux|je voudrais|passez|a|an|l|le|la|les|un|\
    une|de l|real|live|vrai|vraie) )*(?:humaine?|etre humain|vraie? personne|vrai humain|quelqu \
    un|conseillere?|conseillere? humaine?|agent(?: humain)?|operateur(?: humain)?|\
    teleconseillere?|conseiller clientele|service client|personne (?:reelle|physique|humaine)|\
    aide humaine|assistance humaine|human|human agent|real person|live agent|live chat|agent|\
    representative|someone|person|operator|human being)(?: <courtesy>)* $";

/// Somebody does not want a robot.
const NO_ROBOT: &[&str] = &[
    " (?:pas|plus|marre|assez|assez parle|ras le bol|stop|arretez|inutile|jamais|refuse|plutot qu|\
     plutot que) (?:de |d )?(?:\\w+ ){0,4}?(?:a |avec |au |aux |de |des |d |du |vos |votre |ce |\
     cette |le |la |les |un |une )*<robot> ",
    " (?:don t|do not|not|no more|tired of|sick of|stop|instead of|hate|rather than) (?:\\w+ \
     ){0,4}?(?:a |an |the |this |your |to |with )*<robot> ",
    " (?:autre chose|quelqu un d autre|mieux) qu (?:un|une) (?:robot|bot|machine|chatbot|ia) ",
];

/// Robots and machines that are sold, or break down.
const PRODUCTS: &str = " (?:robots?|machines?|bots?) (?:de|a|d|aspirateur|patissier|tondeuse|\
    mixeur|discord|cuiseur|est|sont|ne|n|fonctionne|marche|affiche|vendu|livre) ";

/// A person in the word itself, wanted whatever is said of them.
const HUMAN: &str = " (?:(?:un|d un|vrai|\\w{3,}) humaine?|(?:a|real|actual|live|some) human|real \
    person|vraie personne) ";

/// The question whether it is one, and humans of another kind.
const IDENTITY: &str = " (?:etes vous|es tu|vous etes|tu es|suis je|parle je|est ce|c est|is this|\
    are you|am i|is it|humain ou|robot ou|ressources?|corps|droits?|genre|sciences?|facteur|\
    dimension|erreur|consommation|sante|vie|usage|taille|moyens?|relations?|test\\w*|dans|human \
    readable|human resources) ";

/// The three of which a clause is a wish that has them all, in whatever order.
const ALL_OF: [&str; 3] = [
    " (?:<wants>|peux|puis|peut|peuvent|pourrais|pourrait|pourra|possible|moyen|besoin|merci de|\
     svp|stp|s il vous plait|laisse|passe|comment|il n y a|insiste|preferais|prefererais|\
     \\w{3,}(?:ez|iez)|faites|please|want|need|like|let|rather|may|would|wish|must|dois|can|could|\
     prefer) ",
    " (?:parl\\w*|discut\\w*|echang\\w*|dialogu\\w*|entretenir|telephon\\w*|appeler|appelle|\
     rappel\\w*|recontact\\w*|joindre|contacte[rz]?|transfer\\w*|transmet\\w*|orient\\w*|\
     redirig\\w*|escalad\\w*|intervenir|intervienne|relais|prenne|reprenne|traite[rz]?|relation|\
     rendez vous|rdv|entretien|explications?|discussion|conversation|avis|vive voix|au tel|au \
     telephone|speak|speaking|talk|talking|chat|reach|escalate|through) ",
    " (?:humaine?s?|quelqu un|(?:un|une|des|votre|vos|au|aux|a|avec|de) (?:vrais? |vraies? \
     )?(?:conseillere?s?|conseille|collegues?|superviseurs?|experts?|responsables?|chefs?|\
     operateurs?|interlocuteurs?)|(?:un|votre) agent (?:peut|pourrait|svp)|vraies? (?:personnes?|\
     gens)|personne (?:reelle|physique|de vivant|vivante)|someone|somebody|humans?|real person|\
     manager) ",
];

/// Before a wish: it is none, or was granted.
const UNWISHED: &str = " (?:(?:ne|n) (?:veux|souhaite|desire|tiens|voudrais|voulons|souhaitons|\
    compte|cherche) (?:surtout )?(?:pas|plus|aucunement|a aucun)|veux (?:surtout )?pas|souhaite \
    pas|(?:ai|avons|avez) (?:pas|plus|nul) (?:du tout )?besoin|pas (?:besoin|la peine|necessaire|\
    envie|oblige)|inutile|sans|evite[rz]?|(?:viens|venons|vient|venait) (?:juste |tout juste )?de|\
    apres|avant de|au lieu de|plutot que de|(?:ai|a|avons|avais|as) (?:enfin |deja |bien )?(?:pu|\
    reussi a|du|fini par|parle|eu|contacte|discute)|merci de m avoir fait|don t (?:want|need|have|\
    wish)|do not (?:want|need|have|wish)|didn t (?:want|need|have)|no need|without|instead of|\
    after|before|was able|managed|already|had to|avoid|rather not) ";

/// Short forms of messages that are typed in a hurry.
const SHORT: &[(&str, &str)] = &[
    (" qqn ", " quelqu un "),
    (" qqun ", " quelqu un "),
    (" jveux ", " je veux "),
    (" jvoudrais ", " je voudrais "),
    (" jpeux ", " je peux "),
];

struct Patterns {
    wishes: Vec<Regex>,
    bare: Regex,
    no_robot: Vec<Regex>,
    products: Regex,
    human: Regex,
    identity: Regex,
    all_of: [Regex; 3],
    unwished: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    wishes: WISHES.iter().map(|wish| named(wish)).collect(),
    bare: named(BARE),
    no_robot: NO_ROBOT.iter().map(|robot| named(robot)).collect(),
    products: named(PRODUCTS),
    human: named(HUMAN),
    identity: named(IDENTITY),
    all_of: ALL_OF.map(named),
    unwished: named(UNWISHED),
});

/// A pattern with what stands for something put in its place.
fn named(words: &str) -> Regex {
    let put = |words: String, (name, value): &(&str, &str)| words.replace(name, value);
    pattern(&NAMES.iter().fold(words.to_owned(), put))
}

/// Whether a part of the message is the wish for a person.
pub(super) fn asks(clauses: &[String]) -> bool {
    clauses.iter().any(|clause| {
        let clause = SHORT.iter().fold(clause.clone(), |said, (from, to)| said.replace(from, to));
        // "mais" and "but" turn over what was said before.
        let parts = clause.split(" mais ").flat_map(|part| part.split(" but "));
        parts.map(|part| format!(" {} ", part.trim())).any(|part| asks_in(&part))
    })
}

fn asks_in(part: &str) -> bool {
    let patterns = &*PATTERNS;
    if patterns.bare.is_match(part) {
        return true;
    }
    if !patterns.products.is_match(part) && patterns.no_robot.iter().any(|one| one.is_match(part)) {
        return true;
    }
    let is_named = patterns.human.is_match(part) && !patterns.identity.is_match(part);
    if is_named && !patterns.unwished.is_match(part) {
        return true;
    }
    let mut found = patterns.wishes.iter().filter_map(|wish| wish.find(part));
    found.any(|wish| !is_unwished(part, wish.start(), wish.as_str())) || has_all(part)
}

/// Whether a wish, a verb of contact and a person are there, and nothing takes it back.
fn has_all(part: &str) -> bool {
    let patterns = &*PATTERNS;
    patterns.all_of.iter().all(|one| one.is_match(part))
        && !patterns.unwished.is_match(part)
        && !patterns.identity.is_match(part)
}

/// Whether what stands before a wish, up to a few words, takes it back.
fn is_unwished(part: &str, start: usize, wish: &str) -> bool {
    const WORDS: usize = 7;
    let before: Vec<&str> = part[..start].split_ascii_whitespace().collect();
    let near = &before[before.len().saturating_sub(WORDS)..];
    let first = wish.split_ascii_whitespace().next().unwrap_or_default();
    PATTERNS.unwished.is_match(&format!(" {} {first} ", near.join(" ")))
}
