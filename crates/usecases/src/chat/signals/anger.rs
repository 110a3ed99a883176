//! Finds that somebody is angry.
//!
//! Strong signs count alone: insults, threats of a lawyer or a complaint, words for outrage, a
//! request made for the third time. Of weak ones it takes two: shouting, rows of exclamation marks,
//! words that others use calmly.

use std::sync::LazyLock;

use regex::Regex;

use super::pattern;

/// Signs that it takes, weak ones counting one and strong ones two.
const ENOUGH: usize = 2;
/// Letters from which on capitals are shouting, and the part of them, of 100.
const SHOUTED_LETTERS: usize = 12;
const SHOUTED_PERCENT: usize = 70;

static STRONG: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Insults.
        " (?:connards?|connasses?|cons|conne|encules?|salauds?|salopards?|abrutis?|imbeciles?|\
         cretins?|debiles?|merde|merdique|putain|bordel|foutaises?|charlots?|guignols?|clowns?|\
         bouffons?|incompetente?s?|incapables|minables?|nazes?|branleurs?|tocards?|bons a rien|\
         bons? qu a|feignants?|faineants?|blaireaux?|andouilles?|charognards?|rapaces|ordures?|\
         parasites|escrocs?|arnaqueurs?|voyous?|menteurs?|menteuses?|fumistes?|malhonnetes?|\
         rigolos|enfoires?|couillons?|pignoufs?) ",
        " (?:bande|bandes|tas) d[e ] ?\\w+ ",
        " (?:vous etes|t es|tu es|c est) (?:(?:vraiment|tous|tellement|trop|completement|des|une|\
         gros|du|grand|pur|et simple|franchement|juste|tout simplement) ){0,3}(?:nuls?|nulle|\
         nullards?|des voleurs|des escrocs|des incapables|pitoyables?|lamentables?|une arnaque|de \
         l arnaque|du vol|du foutage .*|n importe quoi|la honte|une honte|honteux|insupportable|\
         scandaleux|un scandale|inadmissible|inacceptable|intolerable|deplorable|catastrophique|\
         aberrant|hallucinant) ",
        " (?:foutez|foutes|fichez|moquez|payez|prenez) (?:vous )?(?:de |nous |moi |pour |ma |la |\
         ma tete|notre).* ?(?:gueule|tete|nous|moi|monde|idiots?|cons) ",
        " (?:inadmissible|inacceptable|intolerable|scandaleux|scandaleuse|honteux|honteuse|\
         lamentable|pitoyable|ecoeurante?|revoltante?|exasperante?) ",
        // What they feel.
        " (?:suis|sommes|je|vraiment|tres) (?:vraiment |tres |tellement |plus que |completement |\
         hyper |trop )?(?:furieux|furieuse|en colere|exasperee?|excedee?|enervee?|agacee?|\
         degoutee?|outree?|scandalisee?|revoltee?|a bout|hors de moi|remontee?) ",
        " (?:ras le bol|ras le cul|en ai (?:vraiment |plus que )?(?:marre|assez)|j en peux plus|ca \
         suffit|marre de vous|y en a marre|quelle honte|la honte|c est une honte|de qui se moque \
         t on|on se moque de (?:moi|nous)|vous vous moquez|vous vous foutez|me prenez pour|nous \
         prenez pour|plus jamais chez vous|service de merde|trop c est trop|se fout (?:du monde|\
         de (?:moi|nous))|derniere fois que je (?:commande|viens|achete|fais)|service pourri|que \
         des mensonges|kidding me|c est le comble|un comble|hors de moi|mauvaise foi|foutage|\
         incompetence|malhonnetete|mepris|fichez (?:des|de|du)|foutez (?:des|de|du)|jamais ete \
         (?:aussi|si)|vous rigolez|tu rigoles|jamais vu (?:un |une |ca |de |d )?(?:\\w+ \
         ){0,3}(?:aussi|pareil|si) ?\\w*|vous n avez aucun respect|m avez vole|nous avez vole|m \
         avez arnaque|m avez escroque|vous aurez de mes nouvelles|ne vous laisserai pas) ",
        // Threats.
        " mon avocat ",
        " (?:notre|nos|un) (?:avocats?|huissier) (?:va|vont|vous|prendra|sera|se chargera|est|\
         saisi|s en) ",
        " (?:vais|allons|va|compte|ferai|prendre|saisir|saisirai|contacter|contacterai|appeler|\
         consulter) (?:\\w+ ){0,3}?(?:avocat|tribunal|justice|prud hommes|dgccrf|repression des \
         fraudes|ufc|60 millions|association de consommateurs|conciliateur|huissier|presse|cnil|\
         mediateur) ",
        " (?:(?:j|nous) (?:appelle|contacte|saisis|appelons|contactons)|previens|passe par) \
         (?:\\w+ ){0,3}?(?:avocat|dgccrf|ufc|tribunal|huissier|repression des fraudes) ",
        " (?:coller|faire|intenter|ferai|collerai) (?:un |le )?proces ",
        " plainte (?:deposee|va etre deposee|sera deposee) ",
        " (?:porter|porterai|porte|depose|deposer|deposerai|portons) plainte (?:contre|si|demain|\
         aujourd|pour|aupres) ?(?:vous|votre|rien|hui|demain|escroquerie|arnaque|n|la police|.*)? \
         ?$",
        " (?:poursuites? (?:judiciaires?|contre vous)|vous (?:poursuivre|poursuivrai|attaquer|\
         trainer) (?:en justice|au|devant)?|mise en demeure|en justice contre) ",
        // The third time.
        " (?:ca fait|c est|deja|voila) (?:(?:deja|maintenant|bien|la|au moins) )*(?:\\d+|deux|\
         trois|quatre|cinq|six|dix|vingt|cent|mille|plusieurs|x|combien de) (?:fois|mails?|appels|\
         relances|messages) (?:que |qu )?(?:je |j |on |nous )?(?:vous )?(?:appelle|demande|ecris|\
         explique|relance|contacte|repete|dis|le dis|vous le dis|signale|reclame|envoie|essaie|\
         essaye|attends|rappelle|redis|pose|tente) ",
        " c est (?:deja )?la (?:2e|3e|4e|5e|deuxieme|troisieme|quatrieme|cinquieme|sixieme|dixieme|\
         enieme|nieme|centieme|\\d+ ?eme) (?:fois que (?:je|j|on|nous) (?:vous )?(?:appelle|\
         demande|ecris|explique|relance|contacte|repete|dis|signale|reclame|essaie|essaye)|\
         relance|mail sans|appel sans|reclamation) ",
        " (?:attends|attend|attendons|sans (?:aucune )?(?:nouvelles?|reponse)|toujours (?:rien|\
         pas)) (?:\\w+ ){0,5}?(?:depuis|ca fait) (?:\\w+ ){0,2}?(?:semaines|mois) (?:c est|et \
         toujours|sans|personne).* ?",
        // English.
        " (?:idiots?|morons?|stupid|useless|pathetic|bullshit|shit|shitty|fuck|fucking|wtf|damn|\
         crap|scam|scammers?|liars?|thieves|ridiculous|unacceptable|disgraceful|disgusting|\
         appalling|outrageous|incompetent|joke|disgrace|rip off|ripoff|rubbish|garbage|nightmare|\
         clueless|infuriating|insulting|crooks?|thugs?|frauds?|fraudsters?|dishonest) ",
        " (?:furious|fed up|sick of (?:this|you|waiting)|had enough|so angry|very angry|i am angry|\
         i m angry|really angry|worst (?:service|company|experience|customer)|my lawyer|what the \
         hell|the hell|how dare you|sick and tired|sue you|robbed me|stole my money|legal action|\
         small claims|trading standards|file a complaint against|never again) ",
        " (?:this is the|for the) (?:second|third|fourth|fifth|tenth|hundredth|nth|umpteenth) time \
         (?:i|we|that|asking) ?",
        " i (?:have|ve) (?:already )?(?:asked|called|contacted|told|written|emailed|said) (?:you |\
         this )?(?:\\w+ )?(?:two|twice|three|four|five|ten|\\d+|many|several|countless) times ",
    ]
    .into_iter()
    .map(pattern)
    .collect()
});

static WEAK: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        " (?:nuls?|nulle|honte|arnaque|scandale|voleurs?|marre|incapable|catastrophe|\
         catastrophique|deplorable|pire|decue?s?|mecontente?s?|insatisfaite?s?|insupportable|\
         aberrant|absurde|n importe quoi|colere|enerve|penible|mauvaise?s?|mensonges?|mensonger|\
         jamais|mal recue?|publicite|croyez moi|honnetement|pourrie?s?|derniere fois que|se fout|\
         bons qu a|pire|foutez|reseaux sociaux|kidding|rien compris|comprenez rien|comprend rien|\
         lamentable|minable|balade|incroyable|hallucinant|scandaleux|prelever|facturez|arretez|\
         assez) ",
        " (?:avocat|tribunal|plainte|huissier|dgccrf|que choisir|avis negatif|mauvais avis|une \
         etoile|reseaux sociaux) ",
        " (?:toujours (?:rien|pas|aucune)|aucune reponse|sans reponse|personne ne (?:repond|me \
         repond|m a)|jamais (?:de reponse|eu)|encore une fois|ca fait (?:\\w+ ){1,3}?(?:semaines|\
         mois|jours) (?:que|qu)|depuis (?:des|plusieurs|trois|quatre|deux) (?:semaines|mois)) ",
        " (?:serieux|serieusement|sans blague|vous plaisantez|c est une blague|franchement|c est \
         du n importe quoi|lol) ",
        " (?:remboursez moi|rendez moi|je veux mon argent|j exige|immediatement|reveillez vous|\
         repondez) ",
        " (?:terrible|awful|horrible|angry|complaint|disappointed|refund me now|seriously|still \
         waiting|nobody answers|lawyer|my money back|money back now|waste of time|unbelievable|\
         unhappy|no refund|never received|dissatisfied|bad service|poor service|ignored) ",
    ]
    .into_iter()
    .map(pattern)
    .collect()
});

/// What is shouted in anger, and not for being found in a list of products.
static SHOUTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        " (?:rien|jamais|toujours|ne|n|pas|plus|arretez|stop|rembours\\w*|rendez|repondez|not|\
         never|nothing|refund|stop) ",
    )
});

pub(super) fn is_angry(message: &str, clauses: &[String]) -> bool {
    let is_shouted = is_shouted(message);
    let denies = || clauses.iter().any(|clause| SHOUTED.is_match(clause));
    let strong = (is_shouted && denies())
        || STRONG.iter().any(|sign| clauses.iter().any(|clause| sign.is_match(clause)));
    if strong {
        return true;
    }
    let weak =
        WEAK.iter().filter(|sign| clauses.iter().any(|clause| sign.is_match(clause))).count();
    weak + usize::from(is_shouted) + usize::from(is_insisted(message)) >= ENOUGH
}

fn is_shouted(message: &str) -> bool {
    let letters = message.chars().filter(|letter| letter.is_alphabetic()).count();
    let capitals = message.chars().filter(|letter| letter.is_uppercase()).count();
    letters >= SHOUTED_LETTERS && capitals * 100 >= letters * SHOUTED_PERCENT
}

fn is_insisted(message: &str) -> bool {
    let marks: String = message.chars().filter(|letter| !letter.is_whitespace()).collect();
    ["!!", "??", "?!", "!?"].iter().any(|row| marks.contains(row))
}
