//! Holds the French help texts, by the words of the command line.

mod assistant;
mod data_life;
mod identity;
mod pilot;
mod reviews;
mod triage;

/// What the program's help ends with.
pub(super) const TEACH: &str = "\
Premiers pas :
  intramuros models recommend            ce qui tient sur cette machine
  intramuros models pull <id>            télécharger un modèle (ou import <chemin>, hors ligne)
  intramuros keys create --name moi      créer une clé d'API, montrée une seule fois
  intramuros serve                       démarrer le serveur sur 127.0.0.1:8484

Ensuite, la clé étant dans INTRAMUROS_API_KEY :
  intramuros kb create docs --title 'Nos documents'
  intramuros kb add docs ./documents
  intramuros ask --kb docs 'Quelle est la caution pour une mini-pelle ?'

Un problème ?  intramuros doctor
English?       INTRAMUROS_LANG=en intramuros --help";

/// The text of a command or an argument; the unit tests of `help` hold the table to be complete.
pub(super) fn text(path: &str) -> &'static str {
    let path = path.trim();
    let found = TABLES.iter().copied().flatten().find(|(known, _)| *known == path);
    found.map_or("", |(_, text)| text)
}

const TABLES: &[&[(&str, &str)]] = &[
    TEXTS,
    assistant::TEXTS,
    data_life::TEXTS,
    identity::TEXTS,
    pilot::TEXTS,
    reviews::TEXTS,
    triage::TEXTS,
];

const TEXTS: &[(&str, &str)] = &[
    ("", "Serveur d'IA chez vous : vos documents, votre machine, rien ne sort."),
    ("--json", "Écrit du JSON, pour les programmes"),
    (
        "--config",
        "Fichier de réglages [sinon : ./intramuros.toml, puis /etc/intramuros/intramuros.toml]",
    ),
    ("--set", "Change un réglage, comme --set server.listen=127.0.0.1:9000 ; peut se répéter"),
    (
        "--url",
        "Serveur auquel s'adresser (ask, search, kb, jobs, reviews, triage, assistant, conversation, pilot, erase, export, retention, webhooks, mail, bench, doctor) [sinon : l'adresse des réglages]",
    ),
    (
        "--key",
        "Clé d'API (ask, search, kb, jobs, reviews, triage, assistant, conversation, pilot, erase, export, retention, webhooks, mail, bench) ; mieux vaut la variable d'environnement, que les autres \
         utilisateurs de la machine ne voient pas",
    ),
    ("serve", "Démarre le serveur et reste au premier plan"),
    ("serve --listen", "Adresse et port [réglage : server.listen]"),
    ("serve --data-dir", "Dossier des données [réglage : data_dir]"),
    ("serve --models-dir", "Dossier des modèles [réglage : models_dir]"),
    ("ask", "Pose une question sur les documents d'une base"),
    ("ask question", "La question, en français ou en anglais"),
    ("ask --kb", "Base de connaissances ; inutile quand il n'y en a qu'une"),
    ("ask --passages", "Nombre de passages d'où tirer la réponse, de 1 à 20"),
    ("search", "Trouve des passages dans une base"),
    ("search query", "Des mots ou une question"),
    ("search --kb", "Base de connaissances ; inutile quand il n'y en a qu'une"),
    ("search --limit", "Nombre de passages au plus, de 1 à 100"),
    (
        "search --judge",
        "Fait juger par le modèle si les passages répondent, et n'en montre aucun sinon",
    ),
    ("kb", "Gère les bases de connaissances et leurs documents"),
    ("kb list", "Liste les bases"),
    ("kb create", "Crée une base"),
    ("kb create id", "Minuscules, chiffres et tirets"),
    ("kb create --title", "Le nom que l'on montre"),
    ("kb create --language", "Langue principale, ISO 639-1"),
    ("kb add", "Ajoute des fichiers, ou ceux de dossiers, et attend qu'ils soient trouvables"),
    ("kb add id", "Base"),
    ("kb add paths", "Fichiers et dossiers"),
    ("kb add --label", "Qui peut les lire ; tout le monde si absent"),
    (
        "kb add --metadata",
        "Noms et valeurs sur lesquels filtrer, comme --metadata service=paie ; peut se répéter",
    ),
    (
        "kb sync",
        "Tient une base au pas d'un dossier : ajoute ce qui est nouveau, remplace ce qui a changé, \
         efface ce qui a disparu",
    ),
    ("kb sync id", "Base"),
    ("kb sync folder", "Dossier"),
    (
        "kb sync --source",
        "Nom du dossier dans la base [sinon : le sien] ; seul ce qui est venu sous ce nom est \
         remplacé ou effacé",
    ),
    (
        "kb sync --label",
        "Qui peut lire ses fichiers ; si absent, les nouveaux sont pour tout le monde et les connus \
         gardent leurs lecteurs",
    ),
    (
        "kb sync --metadata",
        "Noms et valeurs sur lesquels filtrer, comme --metadata service=paie ; peut se répéter ; si \
         absent, les fichiers connus gardent les leurs",
    ),
    ("kb sync --replace", "Efface ce qui était venu même si rien n'en est plus dans le dossier"),
    ("kb sync --keep", "N'efface pas ce qui a disparu du dossier"),
    ("kb sync --dry-run", "Dit ce qui serait fait, et ne fait rien"),
    ("kb create --embedding-model", "Encodeur [sinon : embedding.model]"),
    (
        "kb reindex",
        "Refait l'index d'une base à côté de l'ancien, qu'il remplace quand il est complet et \
         répond aussi bien aux questions d'essai",
    ),
    ("kb reindex id", "Base"),
    ("kb reindex --embedding-model", "Encodeur [sinon : celui de l'index]"),
    ("kb reindex --wait", "Attend la fin"),
    ("kb indexes", "Liste les index d'une base : l'actif, et celui qui est à côté"),
    ("kb indexes id", "Base"),
    (
        "kb activate",
        "Met un index à la place de l'actif : un index refusé, ou de nouveau le précédent",
    ),
    ("kb activate id", "Base"),
    ("kb activate index", "Son numéro"),
    ("kb discard", "Efface un index qui n'est pas l'actif"),
    ("kb discard id", "Base"),
    ("kb discard index", "Son numéro"),
    (
        "kb test-questions",
        "Montre ou remplace les questions auxquelles un nouvel index doit répondre",
    ),
    ("kb test-questions id", "Base"),
    (
        "kb test-questions --file",
        "Un objet JSON par ligne, comme pour eval retrieval : id, query, relevant (aucun là où les \
         documents ne répondent pas) ; peut se répéter",
    ),
    (
        "kb calibrate",
        "Apprend des questions d'essai à partir d'où le jugement du modèle vaut un oui ; les \
         questions auxquelles les documents ne répondent pas sont alors écartées",
    ),
    ("kb calibrate id", "Base"),
    (
        "kb calibrate --keep",
        "Part des questions auxquelles les passages répondent à garder, de 0.5 à 0.99",
    ),
    ("kb calibrate --wait", "Attend la fin"),
    ("kb calibrate --show", "Montre seulement ce qui a été appris"),
    (
        "kb unanswered",
        "Liste les questions auxquelles les documents n'ont pas répondu, les plus posées d'abord",
    ),
    ("kb unanswered id", "Base"),
    (
        "kb unanswered --forget",
        "Oublie l'une d'elles (son identifiant), ou toutes avec --forget all",
    ),
    ("kb folders", "Liste les dossiers que le serveur surveille, et ce qu'il en est"),
    ("kb documents", "Liste les documents d'une base"),
    ("kb documents id", "Base"),
    ("kb remove", "Efface des documents"),
    ("kb remove id", "Base"),
    ("kb remove documents", "Identifiants des documents (doc_…)"),
    ("kb delete", "Efface une base et ses documents"),
    ("kb delete id", "Base"),
    ("kb delete --yes", "Ne demande pas confirmation"),
    (
        "jobs",
        "Suit et conduit les travaux de fond du serveur (avec une clé de portée jobs:read, jobs:write)",
    ),
    ("jobs list", "Liste les travaux, les plus récents d'abord"),
    (
        "jobs list --state",
        "Seulement ceux qui sont queued, running, paused, done, failed ou cancelled",
    ),
    ("jobs list --kind", "Seulement ceux de ce genre : ingest, reindex, calibrate et d'autres"),
    ("jobs list --limit", "Nombre de travaux au plus, de 1 à 1000"),
    ("jobs show", "Montre un travail, et ce qui en a échoué"),
    ("jobs show id", "Identifiant du travail (job_…)"),
    ("jobs pause", "Met un travail en pause ; il s'arrête en quelques secondes"),
    ("jobs pause id", "Identifiant du travail (job_…)"),
    ("jobs resume", "Reprend un travail en pause"),
    ("jobs resume id", "Identifiant du travail (job_…)"),
    ("jobs cancel", "Arrête un travail pour de bon ; ce qu'il a fait reste"),
    ("jobs cancel id", "Identifiant du travail (job_…)"),
    ("jobs retry", "Retente ce qui a échoué d'un travail, ou reprend un travail annulé"),
    ("jobs retry id", "Identifiant du travail (job_…)"),
    ("jobs priority", "Donne une autre priorité à un travail"),
    ("jobs priority id", "Identifiant du travail (job_…)"),
    ("jobs priority priority", "high, normal ou low"),
    ("jobs schedules", "Liste ce qui commence à heure fixe"),
    ("models", "Gère les modèles de cette machine"),
    ("models list", "Liste le catalogue et ce qui est installé"),
    ("models list --installed", "Seulement ce qui est installé"),
    ("models pull", "Télécharge un modèle (HF_ENDPOINT et HF_TOKEN sont respectés)"),
    ("models pull id", "Identifiant du catalogue"),
    (
        "models import",
        "Prend un modèle sur le disque : un fichier .gguf, ou un dossier avec config.json, \
         safetensors et tokenizer.json",
    ),
    ("models import path", "Fichier ou dossier"),
    ("models import --id", "Identifiant à lui donner [sinon : tiré du nom du fichier]"),
    ("models import --licence", "Sa licence, pour mémoire"),
    ("models verify", "Compare les fichiers des modèles à leurs manifestes"),
    ("models verify id", "Identifiant ; tous si absent"),
    ("models rm", "Supprime un modèle"),
    ("models rm id", "Identifiant"),
    ("models recommend", "Dit quels modèles tiennent sur cette machine, chiffres à l'appui"),
    ("webhooks", "Gère les webhooks, les adresses prévenues des événements"),
    ("webhooks list", "Liste les webhooks, sans leur secret"),
    (
        "webhooks add",
        "Ajoute un webhook ; egress.allow doit nommer son adresse. Le secret n'est montré qu'une fois",
    ),
    ("webhooks add address", "Où les événements sont envoyés"),
    (
        "webhooks add --events",
        "Sortes d'événements, comme document.failed,job.failed [sinon : toutes]",
    ),
    ("webhooks add --description", "Le nom que vous lui donnez"),
    ("webhooks enable", "Réactive un webhook, et envoie ce qui l'attend"),
    ("webhooks enable id", "Identifiant (whk_…)"),
    ("webhooks disable", "N'envoie plus rien à un webhook jusqu'à ce qu'il soit réactivé"),
    ("webhooks disable id", "Identifiant (whk_…)"),
    ("webhooks remove", "Supprime un webhook et ses envois"),
    ("webhooks remove id", "Identifiant (whk_…)"),
    (
        "webhooks rotate",
        "Donne à un webhook un nouveau secret ; l'ancien signe aussi pendant 24 heures",
    ),
    ("webhooks rotate id", "Identifiant (whk_…)"),
    ("webhooks ping", "Envoie à un webhook un événement de sorte ping"),
    ("webhooks ping id", "Identifiant (whk_…)"),
    ("webhooks deliveries", "Liste ce qui a été envoyé à un webhook, le plus récent d'abord"),
    ("webhooks deliveries id", "Identifiant (whk_…)"),
    ("webhooks deliveries --state", "Seulement ceux qui sont pending, delivered ou dead"),
    ("webhooks retry", "Renvoie ce qui a été abandonné"),
    ("webhooks retry id", "Identifiant du webhook (whk_…)"),
    ("webhooks retry delivery", "Identifiant de l'envoi (dlv_…)"),
    ("mail", "Essaie si le courriel fonctionne, et montre ce qui n'est pas arrivé"),
    ("mail test", "Envoie un message d'essai et dit si le serveur de courriel l'a pris"),
    ("mail test to", "À qui l'envoyer"),
    ("mail list", "Liste les courriels, le plus récent d'abord"),
    ("mail list --state", "Seulement ceux qui sont pending, delivered ou dead"),
    ("mail retry", "Renvoie ce qui a été abandonné"),
    ("mail retry id", "Identifiant (eml_…)"),
    ("bench", "Mesure un serveur en marche, celui-ci ou tout autre qui parle l'API d'OpenAI"),
    ("bench --model", "Modèle à mesurer [sinon : le premier modèle de texte du serveur]"),
    ("bench --only", "Charges à lancer, comme prefill,decode-1024 [sinon : toutes]"),
    ("bench --runs", "Nombre de fois ; on montre la médiane, le minimum et le maximum"),
    ("bench --pid", "Processus du serveur, pour mesurer sa mémoire"),
    (
        "bench --seed",
        "Ce dont les demandes sont tirées ; le même nombre fait les mêmes [sinon : un nouveau]",
    ),
    ("eval", "Mesure la qualité de la recherche, sur des questions dont la réponse est connue"),
    (
        "eval retrieval",
        "Pose à une base des questions dont on connaît les documents, et donne le rappel, l'ordre, \
         les passages montrés, les refus et les temps",
    ),
    ("eval retrieval --kb", "Base ; inutile quand il n'y en a qu'une"),
    (
        "eval retrieval --queries",
        "Questions, un objet JSON par ligne : id, query, relevant (noms de fichiers ou identifiants \
         externes, le meilleur d'abord), et si l'on veut passage, style",
    ),
    (
        "eval retrieval --unanswerable",
        "Questions auxquelles les documents ne répondent pas : id, query",
    ),
    (
        "eval retrieval --ranking",
        "Comment les passages sont trouvés et rangés : hybrid, likelihood, vectors ou words",
    ),
    (
        "eval retrieval --limit",
        "Passages demandés ; plusieurs d'un même document comptent une fois, à la meilleure place",
    ),
    (
        "eval retrieval --judge",
        "Fait juger par le modèle si les passages répondent ; les refus sont comptés d'après lui",
    ),
    ("eval retrieval --clients", "Questions posées en même temps"),
    ("eval retrieval --out", "Écrit dans ce fichier ce qui a été trouvé pour chaque question"),
    (
        "eval retrieval --compare",
        "Compare à une exécution précédente, question par question (bootstrap apparié)",
    ),
    ("backup", "Sauvegarde les données, serveur en marche ou non, et vérifie les sauvegardes"),
    (
        "backup create",
        "Copie le registre, les passages et les fichiers d'un même instant dans un nouveau dossier, \
         et relit la copie. Les modèles et le fichier de réglages n'y sont pas",
    ),
    (
        "backup create destination",
        "Dossier des sauvegardes, de préférence sur une autre machine ; créé s'il manque",
    ),
    (
        "backup create --keep",
        "Nombre de sauvegardes à y garder ; les plus anciennes sont supprimées",
    ),
    (
        "backup verify",
        "Relit chaque fichier d'une sauvegarde et compare registre, passages et fichiers",
    ),
    ("backup verify backup", "Dossier de la sauvegarde"),
    ("backup list", "Liste les sauvegardes complètes d'un dossier, la plus ancienne d'abord"),
    ("backup list destination", "Dossier des sauvegardes"),
    ("restore", "Remet une sauvegarde dans un dossier de données vide"),
    ("restore backup", "Dossier de la sauvegarde"),
    (
        "restore --data-dir",
        "Dossier où restaurer, absent ou vide sauf les modèles [réglage : data_dir]",
    ),
    (
        "read-document",
        "Lit un document sur l'entrée standard ; le serveur le lance pour chaque fichier",
    ),
    (
        "doctor",
        "Vérifie la machine, les réglages, les modèles et les données, et dit comment remédier à \
         ce qui ne va pas",
    ),
];

#[cfg(test)]
pub(super) fn paths() -> Vec<&'static str> {
    TABLES.iter().copied().flatten().map(|(path, _)| *path).collect()
}
