//! The French help of `erase`, `export` and `retention`.

pub(super) const TEXTS: &[(&str, &str)] = &[
    (
        "erase",
        "Efface un utilisateur, ce qu'on sait d'une personne, ou des documents, avec un rapport",
    ),
    (
        "erase user",
        "Efface un utilisateur du serveur : compte, sessions, groupes ; ses clés sont révoquées, sa \
         consommation reste sous un pseudonyme",
    ),
    ("erase user user", "Le nom avec lequel il se connecte, ou l'identifiant (usr_…)"),
    ("erase user --yes", "Ne demande pas confirmation"),
    (
        "erase person",
        "Liste les documents qui parlent d'une personne ; avec --confirm, efface ceux que nomme \
         --document, et les questions, résultats de travaux et courriels qui ont ces textes",
    ),
    (
        "erase person --text",
        "Nom, adresse ou numéro tel qu'il est dans les documents, comme --text 'Dupont Jean' ; peut \
         se répéter",
    ),
    (
        "erase person --metadata",
        "Métadonnée qu'ont tous les documents sur elle, comme --metadata customer=C-123 ; peut se \
         répéter",
    ),
    ("erase person --kb", "Base où chercher ; toutes si absent ; peut se répéter"),
    ("erase person --document", "Document à effacer (doc_…) ; peut se répéter"),
    ("erase person --confirm", "Efface ; sans cette option, rien ne l'est"),
    ("erase documents", "Efface des documents et les fichiers qu'ils contiennent, avec un rapport"),
    ("erase documents documents", "Identifiants des documents (doc_…)"),
    ("erase documents --yes", "Ne demande pas confirmation"),
    ("erase list", "Liste les effacements, les plus récents d'abord"),
    ("erase show", "Montre le rapport d'un effacement"),
    ("erase show id", "Son identifiant (era_…)"),
    ("export", "Exporte ce qu'on sait d'un utilisateur ou d'une personne, en ZIP"),
    ("export user", "Ce que le serveur sait d'un utilisateur"),
    ("export user user", "Le nom avec lequel il se connecte, ou l'identifiant (usr_…)"),
    ("export user --out", "Où l'écrire"),
    ("export me", "Ce que le serveur sait du propriétaire de la clé"),
    ("export me --out", "Où l'écrire"),
    ("export person", "Les documents qui parlent d'une personne"),
    (
        "export person --text",
        "Nom, adresse ou numéro tel qu'il est dans les documents ; peut se répéter",
    ),
    ("export person --metadata", "Métadonnée qu'ont tous les documents sur elle ; peut se répéter"),
    ("export person --kb", "Base où chercher ; toutes si absent ; peut se répéter"),
    (
        "export person --document",
        "Seulement celui-ci des documents trouvés (doc_…) ; peut se répéter",
    ),
    ("export person --out", "Où l'écrire"),
    ("retention", "Montre et applique les durées de conservation"),
    (
        "retention show",
        "Montre les durées de conservation, et ce que le dernier passage a supprimé",
    ),
    ("retention run", "Supprime maintenant ce qui a été gardé assez longtemps, et attend la fin"),
    ("retention run --dry-run", "Compte seulement les documents"),
];
