//! Holds the French help texts about keys, users, groups, consumption and the audit trail.

pub(super) const TEXTS: &[(&str, &str)] = &[
    ("keys", "Gère les clés d'API"),
    ("keys create", "Crée une clé. Elle n'est montrée qu'une fois"),
    ("keys create --name", "À quoi elle sert"),
    (
        "keys create --scope",
        "Ce qu'elle permet : inference, knowledge:read, knowledge:write, reviews:read, \
         reviews:write, triage:read, triage:write, triage:manage, assistants:read, \
         assistants:write, conversations:read, conversations:write, conversations:answer, \
         pilots:read, pilots:write, jobs:read, jobs:write, usage:read, metrics:read, audit:read, \
         admin",
    ),
    (
        "keys create --owner",
        "Nom de l'utilisateur à qui elle est : elle ne peut jamais plus que lui",
    ),
    ("keys create --label", LABEL),
    ("keys create --deny", DENY),
    ("keys create --expires", "Jours avant qu'elle n'expire"),
    ("keys create --requests-per-minute", "Requêtes par minute"),
    ("keys create --tokens-per-minute", "Tokens par minute, lus et écrits"),
    ("keys create --concurrent-requests", "Requêtes en même temps"),
    ("keys create --monthly-tokens", "Tokens par mois civil, lus et écrits"),
    ("keys update", "Change ce qui est dit d'une clé ; son secret reste"),
    ("keys update id", KEY_ID),
    ("keys update --name", "À quoi elle sert"),
    ("keys update --scope", "Ce qu'elle permet"),
    ("keys update --label", LABEL),
    ("keys update --deny", DENY),
    ("keys update --expires", "Jours avant qu'elle n'expire"),
    (
        "keys update --requests-per-minute",
        "Requêtes par minute ; 0 : comme tout le monde (limits.*)",
    ),
    (
        "keys update --tokens-per-minute",
        "Tokens par minute, lus et écrits ; 0 : comme tout le monde (limits.*)",
    ),
    (
        "keys update --concurrent-requests",
        "Requêtes en même temps ; 0 : comme tout le monde (limits.*)",
    ),
    (
        "keys update --monthly-tokens",
        "Tokens par mois civil, lus et écrits ; 0 : comme tout le monde (limits.*)",
    ),
    ("keys list", "Liste les clés, sans leur secret"),
    (
        "keys rotate",
        "Crée une clé pareille à une autre, secret à part ; l'ancienne sert encore un temps",
    ),
    ("keys rotate id", KEY_ID),
    ("keys rotate --grace", "Heures pendant lesquelles l'ancien secret sert encore"),
    ("keys revoke", "Refuse désormais une clé"),
    ("keys revoke id", KEY_ID),
    ("users", "Gère les utilisateurs : qui peut se connecter, avec quel rôle"),
    (
        "users create",
        "Crée un utilisateur. Un mot de passe est tiré et montré une seule fois, sauf si l'on en \
         donne un",
    ),
    ("users create name", "Ce avec quoi il se connecte"),
    ("users create --full-name", "Son nom, tel qu'on le montre [sinon : le précédent]"),
    (
        "users create --role",
        "reader, reviewer, operator ou admin ; chacun peut ce que peut le précédent",
    ),
    ("users create --label", USER_LABEL),
    ("users create --deny", USER_DENY),
    ("users create --password-stdin", STDIN),
    ("users list", "Liste les utilisateurs"),
    ("users update", "Change ce qui est dit d'un utilisateur"),
    ("users update name", USER_NAME),
    ("users update --full-name", "Son nom, tel qu'on le montre"),
    ("users update --role", "reader, reviewer, operator ou admin"),
    ("users update --label", "De qui il lit les documents ; --label '' pour personne"),
    ("users update --deny", "Étiquettes dont il ne lit pas les documents ; --deny '' pour aucune"),
    ("users password", "Donne un autre mot de passe à un utilisateur, et le déconnecte"),
    ("users password name", USER_NAME),
    ("users password --password-stdin", STDIN),
    ("users disable", "Déconnecte un utilisateur, et le refuse désormais, lui et ses clés"),
    ("users disable name", USER_NAME),
    ("users enable", "Admet de nouveau un utilisateur désactivé"),
    ("users enable name", USER_NAME),
    ("users remove", "Supprime un utilisateur ; ses clés sont révoquées"),
    ("users remove name", USER_NAME),
    ("groups", "Gère les groupes : des étiquettes communes à plusieurs utilisateurs et clés"),
    ("groups create", "Crée un groupe sans membres"),
    ("groups create id", "Minuscules, chiffres et tirets"),
    ("groups create --title", "Le nom que l'on montre [sinon : l'identifiant]"),
    ("groups create --label", "De qui il ouvre les documents à ses membres ; « * » pour tous"),
    (
        "groups create --deny",
        "Étiquettes dont il ferme les documents à ses membres, quoi qu'ils aient d'autre",
    ),
    ("groups list", "Liste les groupes"),
    ("groups show", "Montre un groupe et ses membres"),
    ("groups show id", GROUP_ID),
    ("groups update", "Change ce qui est dit d'un groupe"),
    ("groups update id", GROUP_ID),
    ("groups update --title", "Le nom que l'on montre"),
    ("groups update --label", "De qui il ouvre les documents ; --label '' pour personne"),
    ("groups update --deny", "Étiquettes dont il ferme les documents ; --deny '' pour aucune"),
    ("groups add", "Met dans un groupe des utilisateurs (par leur nom) et des clés (par leur id)"),
    ("groups add id", GROUP_ID),
    ("groups add members", "Noms d'utilisateurs, identifiants de clés"),
    ("groups remove", "Retire d'un groupe des utilisateurs et des clés"),
    ("groups remove id", GROUP_ID),
    ("groups remove members", "Noms d'utilisateurs, identifiants de clés"),
    ("groups delete", "Supprime un groupe"),
    ("groups delete id", GROUP_ID),
    ("usage", "Montre ce qui a été consommé, et ce que cela coûte"),
    ("usage --from", "Premier jour, AAAA-MM-JJ [sinon : le premier de ce mois]"),
    ("usage --to", "Dernier jour, AAAA-MM-JJ"),
    (
        "usage --group",
        "Ce que l'on distingue, dans cet ordre : day, month, key, user, model, use_case",
    ),
    ("usage --csv", "Écrit des valeurs séparées par des virgules"),
    ("usage --report", "Écrit plutôt le rapport d'un mois (AAAA-MM) à lire, en Markdown"),
    ("audit", "Montre et vérifie le journal d'audit"),
    ("audit list", "Liste les dernières entrées"),
    ("audit list --actor", "De cet auteur : key:…, user:…, local:…, server:…"),
    ("audit list --action", "De cet acte, comme documents.delete"),
    ("audit list --target", "Sur cet objet"),
    ("audit list --limit", "Nombre d'entrées au plus, jusqu'à 1 000"),
    ("audit verify", "Vérifie que rien dans le journal n'a été changé, retiré ou déplacé"),
    (
        "audit verify --head",
        "Une tête exportée auparavant : trouve aussi ce qui a été coupé à la fin",
    ),
    ("audit verify --file", "Vérifie un fichier exporté plutôt que la base"),
    ("audit head", "Écrit le numéro et l'empreinte de la dernière entrée, à garder ailleurs"),
    ("audit export", "Écrit toutes les entrées, un objet JSON par ligne"),
    (
        "audit keygen",
        "Tire la paire de clés qui scelle les contenus : la publique pour audit.public_key, la \
         privée à garder hors de cette machine",
    ),
    ("audit open", "Ouvre le contenu scellé d'une entrée"),
    ("audit open seq", "Numéro de l'entrée"),
    ("audit open --private-key", "Fichier de la clé privée"),
];

const LABEL: &str =
    "De qui elle ouvre les documents, en plus de ceux ouverts à tous ; « * » pour tous";
const DENY: &str = "Étiquettes dont elle n'ouvre pas les documents, quoi qu'elle ouvre d'autre";
const KEY_ID: &str = "Identifiant de la clé (imk_ et 8 caractères)";
const USER_NAME: &str = "Ce avec quoi il se connecte";
const USER_LABEL: &str =
    "De qui il lit les documents, en plus de ceux ouverts à tous ; « * » pour tous";
const USER_DENY: &str = "Étiquettes dont il ne lit pas les documents, quoi qu'il ait d'autre";
const GROUP_ID: &str = "Identifiant du groupe";
const STDIN: &str = "Lit le mot de passe sur l'entrée standard au lieu d'en tirer un";
