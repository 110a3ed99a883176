//! Holds the French help texts of the commands about reviews.

pub(super) const TEXTS: &[(&str, &str)] = &[
    (
        "reviews",
        "Décide ce qui attend une personne : propositions à approuver, corriger ou rejeter (avec une \
         clé de portées reviews:read et reviews:write)",
    ),
    ("reviews list", "Liste les propositions, les plus récentes d'abord"),
    ("reviews list --state", "Seulement celles qui sont open, claimed, decided ou withdrawn"),
    ("reviews list --kind", "Seulement celles de ce genre"),
    ("reviews list --team", "Seulement celles de cette équipe"),
    ("reviews list --verdict", "Seulement celles qui ont été approved, corrected ou rejected"),
    ("reviews list --mine", "Seulement celles que vous avez prises, ou qui vous sont confiées"),
    (
        "reviews list --overdue",
        "Seulement celles dont l'échéance est passée et qui attendent encore",
    ),
    ("reviews list --limit", "Nombre de propositions au plus, de 1 à 1000"),
    (
        "reviews show",
        "Montre une proposition : ce qui est proposé, pourquoi, sur quelles preuves, ce qui a été \
         décidé",
    ),
    ("reviews show id", "Identifiant de la proposition (rev_…)"),
    ("reviews next", "Prend la proposition la plus urgente que personne n'a prise"),
    ("reviews next --kind", "Seulement une de ce genre"),
    ("reviews next --team", "Seulement une de cette équipe"),
    ("reviews claim", "Prend une proposition, ou la garde plus longtemps"),
    ("reviews claim id", "Identifiant de la proposition (rev_…)"),
    ("reviews release", "Rend une proposition"),
    ("reviews release id", "Identifiant de la proposition (rev_…)"),
    ("reviews approve", "Décide qu'une proposition est juste"),
    ("reviews approve id", "Identifiant de la proposition (rev_…)"),
    ("reviews approve --comment", "Ce que vous avez à en dire"),
    (
        "reviews approve --seen",
        "La version que vous avez vue ; si quelqu'un a décidé depuis, votre décision est refusée \
         [sinon : celle de maintenant]",
    ),
    ("reviews correct", "Décide qu'autre chose est juste"),
    ("reviews correct id", "Identifiant de la proposition (rev_…)"),
    ("reviews correct --comment", "Ce que vous avez à en dire"),
    (
        "reviews correct --seen",
        "La version que vous avez vue ; si quelqu'un a décidé depuis, votre décision est refusée \
         [sinon : celle de maintenant]",
    ),
    ("reviews correct --value", "Fichier de ce qui est juste, en JSON ; - pour l'entrée standard"),
    ("reviews reject", "Décide qu'une proposition ne vaut rien"),
    ("reviews reject id", "Identifiant de la proposition (rev_…)"),
    ("reviews reject --comment", "Ce que vous avez à en dire"),
    (
        "reviews reject --seen",
        "La version que vous avez vue ; si quelqu'un a décidé depuis, votre décision est refusée \
         [sinon : celle de maintenant]",
    ),
    ("reviews assign", "Change à qui et pour quand est une proposition"),
    ("reviews assign id", "Identifiant de la proposition (rev_…)"),
    ("reviews assign --assignee", "Seulement pour cet utilisateur (usr_…) ; '' pour tous"),
    ("reviews assign --team", "Seulement pour les membres de ce groupe ; '' pour tous"),
    ("reviews assign --priority", "high, normal ou low"),
    (
        "reviews assign --due",
        "L'échéance, comme 2027-01-31T17:00:00Z ; never pour n'en avoir aucune",
    ),
    ("reviews add", "Dépose une proposition"),
    (
        "reviews add file",
        "Fichier de la proposition en JSON, comme docs/api.md la décrit ; - pour l'entrée standard",
    ),
    ("reviews withdraw", "Retire une proposition dont on ne veut plus"),
    ("reviews withdraw id", "Identifiant de la proposition (rev_…)"),
    (
        "reviews stats",
        "Montre où l'on en est : ce qui attend, combien de fois la machine a raison, le temps que les \
         personnes y passent",
    ),
    ("reviews stats --kind", "Seulement de ce genre"),
    ("reviews stats --team", "Seulement de cette équipe"),
    ("reviews stats --from", "Seulement ce qui a été décidé ce jour (AAAA-MM-JJ, UTC) ou après"),
    ("reviews stats --to", "Seulement ce qui a été décidé ce jour ou avant"),
    (
        "reviews export",
        "Écrit les propositions décidées, avec les corrections et leurs différences",
    ),
    ("reviews export --kind", "Seulement celles de ce genre"),
    ("reviews export --team", "Seulement celles de cette équipe"),
    ("reviews export --verdict", "Seulement celles qui ont été approved, corrected ou rejected"),
    ("reviews export --from", "Seulement celles décidées ce jour (AAAA-MM-JJ, UTC) ou après"),
    ("reviews export --to", "Seulement celles décidées ce jour ou avant"),
    ("reviews export --format", "Un objet JSON par ligne (jsonl), ou des valeurs séparées (csv)"),
];
