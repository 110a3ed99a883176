//! Writes the first page: what who decides has to know.

use super::blocks::{Big, Block, Document, Tone};
use super::words::{count, items, milliseconds, money, number, percent, range};
use super::{Language, ReportOptions, errors};
use crate::pilot::figures::{ManagerFigures, Savings, Shares};
use crate::pilot::interval::Interval;
use crate::pilot::promise::PromiseRow;
use crate::pilot::run::Run;
use crate::pilot::set::Job;

/// Errors that are shown on the first page.
const WORST: usize = 5;
/// Below that, shares are too unsure to be decided by.
const FEW: usize = 100;
/// How often promises of the first page are kept.
const CERTAINTY: f64 = 0.95;

pub(super) fn write(
    document: &mut Document,
    run: &Run,
    figures: &ManagerFigures,
    promises: &[PromiseRow],
    options: &ReportOptions<'_>,
) {
    let language = options.language;
    let Some(shares) = &figures.shares else {
        let nothing = language.pick(
            "Aucun élément n’a été traité : il n’y a rien à juger.",
            "No item was done: there is nothing to judge.",
        );
        document.add(Block::Verdict(nothing.to_owned()));
        return;
    };
    document.add(Block::Verdict(verdict(language, run, figures)));
    document.add(Block::Bigs(bigs(language, figures, shares)));
    document.note(reading(language, figures));
    for line in remarks(language, run, figures, shares) {
        document.text(line);
    }
    if let Some(savings) = &figures.savings {
        document.heading(2, "Temps gagné", "Time saved");
        write_savings(document, run, savings, options);
    }
    document.heading(2, "Ce qui peut être promis", "What can be promised");
    promise(document, run, promises);
    let worst = errors::worst(run, WORST);
    if !worst.is_empty() {
        document.heading(2, "Les erreurs, les plus sûres d’abord", "The errors, the surest first");
        document.add(Block::Cards(errors::cards(&worst, options)));
        if options.texts.is_none() {
            document.note(language.pick(
                "Les textes ne figurent pas dans ce rapport ; les identifiants renvoient au jeu.",
                "Texts are not in this report; the ids lead to the set.",
            ));
        }
    }
}

/// The one sentence.
fn verdict(language: Language, run: &Run, figures: &ManagerFigures) -> String {
    let all = count(language, figures.items);
    let part = |of: usize| percent(language, of as f64 / figures.items as f64);
    let (right, over, wrong) =
        (part(figures.right), part(figures.handed_over), part(figures.wrong));
    let kind = items(language, run.meta.job);
    let failed = match figures.failed {
        0 => String::new(),
        failed => {
            let failed = part(failed);
            language.pick(format!(" ; {failed} sont en panne"), format!("; {failed} failed"))
        }
    };
    // Searches and questions are feminine, messages and documents are not.
    let (done, given, bad) = match run.meta.job {
        Job::Search | Job::Chat => ("traitées", "confiées", "fausses"),
        Job::Triage | Job::Extraction => ("traités", "confiés", "faux"),
    };
    language.pick(
        format!(
            "Sur {all} {kind}, {right} sont {done} correctement, {over} sont {given} à une personne et \
             {wrong} sont {bad}{failed}."
        ),
        format!(
            "Of {all} {kind}, {right} are done right, {over} are handed over to a person and {wrong} \
             are wrong{failed}."
        ),
    )
}

fn bigs(language: Language, figures: &ManagerFigures, shares: &Shares) -> Vec<Big> {
    let big = |label: &str, interval: &Interval, tone| Big {
        label: label.to_owned(),
        value: percent(language, interval.share),
        range: range(language, interval),
        tone,
    };
    let mut all = vec![
        big(language.pick("Juste", "Right"), &shares.right, Tone::Good),
        big(
            language.pick("Confié à une personne", "Handed over"),
            &shares.handed_over,
            Tone::Neutral,
        ),
        big(language.pick("Faux", "Wrong"), &shares.wrong, Tone::Bad),
    ];
    if figures.failed > 0 {
        all.push(big(language.pick("En panne", "Failed"), &shares.failed, Tone::Bad));
    }
    all
}

fn reading(language: Language, figures: &ManagerFigures) -> String {
    let all = count(language, figures.items);
    let few = if figures.items < FEW {
        language.pick(
            " C’est peu : les intervalles sont larges, et c’est d’après eux qu’il faut décider.",
            " That is few: the intervals are wide, and they are what to decide by.",
        )
    } else {
        ""
    };
    language.pick(
        format!(
            "Les intervalles disent où se trouve la vraie part, 95 fois sur 100, pour des éléments \
             semblables aux {all} mesurés.{few}"
        ),
        format!(
            "The intervals say where the true share is, 95 times of 100, for items like the {all} \
             that were measured.{few}"
        ),
    )
}

fn remarks(
    language: Language,
    run: &Run,
    figures: &ManagerFigures,
    shares: &Shares,
) -> Vec<String> {
    let mut lines = Vec::new();
    if figures.rightly_handed_over > 0 {
        let over = count(language, figures.rightly_handed_over);
        lines.push(language.pick(
            format!(
                "Parmi les justes, confiés à une personne à raison : {over}. Rien ne permettait d’y \
                 répondre, ou une personne devait regarder d’abord."
            ),
            format!(
                "Of the right ones, rightly handed over: {over}. Nothing answers them, or a person had \
                 to look first."
            ),
        ));
    }
    if figures.partly > 0 {
        let partly = count(language, figures.partly);
        lines.push(language.pick(
            format!("Parmi les faux, avec une partie de la bonne réponse : {partly}."),
            format!("Of the wrong ones, with a part of the right answer: {partly}."),
        ));
    }
    if let Some(wrong) = &shares.wrong_of_automatic {
        let (share, range) = (percent(language, wrong.share), range(language, wrong));
        lines.push(language.pick(
            format!("De ce qui est fait sans personne, {share} est faux ({range})."),
            format!("Of what is done without a person, {share} is wrong ({range})."),
        ));
    }
    if let Some(times) = &figures.times {
        let (half, most) =
            (milliseconds(language, times.median_ms), milliseconds(language, times.p95_ms));
        lines.push(language.pick(
            format!("Temps par élément : {half} pour la moitié, {most} au plus pour 95 sur 100."),
            format!("Time per item: {half} for half of them, {most} at most for 95 of 100."),
        ));
    }
    if run.meta.set.items > figures.items {
        let (done, all) = (count(language, figures.items), count(language, run.meta.set.items));
        lines.push(language.pick(
            format!("L’essai n’est pas complet : {done} éléments sur {all}."),
            format!("The run is not complete: {done} items of {all}."),
        ));
    }
    lines
}

fn write_savings(
    document: &mut Document,
    run: &Run,
    savings: &Savings,
    options: &ReportOptions<'_>,
) {
    let language = options.language;
    let hours = |value: f64| format!("{} h", number(language, value, 1));
    let (low, high) = (hours(savings.hours_low), hours(savings.hours_high));
    let saved = hours(savings.hours_per_week);
    let share = savings.share_of_work.map_or_else(String::new, |share| {
        let share = percent(language, share);
        language.pick(
            format!(", soit {share} du travail d’aujourd’hui"),
            format!(", {share} of today’s work"),
        )
    });
    let sentence = if savings.hours_per_week < 0.0 {
        let lost = hours(-savings.hours_per_week);
        language.pick(
            format!("Rien n’est gagné : le contrôle coûte {lost} de plus par semaine qu’il n’en économise."),
            format!("Nothing is saved: checking costs {lost} a week more than it saves."),
        )
    } else {
        language.pick(
            format!("{saved} par semaine (entre {low} et {high}){share}."),
            format!("{saved} a week (between {low} and {high}){share}."),
        )
    };
    document.add(Block::Verdict(sentence));
    document.add(Block::List(arithmetic(run, savings, options)));
    document.note(if savings.volumes.minutes_to_check > 0.0 {
        language.pick(
            "On suppose que le contrôle trouve chaque faux, qui est alors refait à la main.",
            "The check is supposed to find every wrong one, which is then done again by hand.",
        )
    } else {
        language.pick(
            "Sans contrôle, personne ne voit les faux : ils partent tels quels, et ce qu’ils coûtent \
             n’est pas compté ici.",
            "Without a check nobody sees the wrong ones: they go out as they are, and what they cost \
             is not counted here.",
        )
    });
}

/// The reckoning, line by line, so that a reader can do it again.
fn arithmetic(run: &Run, savings: &Savings, options: &ReportOptions<'_>) -> Vec<String> {
    let language = options.language;
    let volumes = &savings.volumes;
    let n = |value: f64| number(language, value, 1);
    let kind = items(language, run.meta.job);
    let (by_hand, check) = (volumes.minutes_by_hand, volumes.minutes_to_check);
    let (all, hand, check_text) = (n(volumes.per_week), n(by_hand), n(check));
    let (done, wrong, left) =
        (n(savings.done_per_week), n(savings.wrong_per_week), n(savings.by_hand_per_week));
    let gained = savings.done_per_week * (by_hand - check);
    let lost = savings.wrong_per_week * check;
    let (gained_text, lost_text, total) = (n(gained), n(lost), n(gained - lost));
    let hours = n(savings.hours_per_week);
    let money = |value: f64| money(language, value, options.currency);
    let (rate, week, year) =
        (money(volumes.hourly_rate), money(savings.money_per_week), money(savings.money_per_year));
    let french = vec![
        format!("{all} {kind} par semaine ; {hand} min à la main, {check_text} min de contrôle."),
        format!(
            "{done} justes sans personne × ({hand} − {check_text}) min = {gained_text} min gagnées."
        ),
        format!("{wrong} faux × {check_text} min de contrôle = {lost_text} min perdues."),
        format!("{left} faits par une personne (confiés ou en panne) : rien de gagné."),
        format!("{gained_text} − {lost_text} = {total} min, soit {hours} h par semaine."),
        format!("{hours} h × {rate} = {week} par semaine, {year} en 52 semaines."),
    ];
    let english = vec![
        format!("{all} {kind} a week; {hand} min by hand, {check_text} min to check."),
        format!(
            "{done} right without a person × ({hand} − {check_text}) min = {gained_text} min saved."
        ),
        format!("{wrong} wrong × {check_text} min of checking = {lost_text} min lost."),
        format!("{left} done by a person (handed over or failed): nothing saved."),
        format!("{gained_text} − {lost_text} = {total} min, that is {hours} h a week."),
        format!("{hours} h × {rate} = {week} a week, {year} in 52 weeks."),
    ];
    language.pick(french, english)
}

/// Every bound that can be kept 95 times of 100, each with its threshold; else what it would take.
fn promise(document: &mut Document, run: &Run, promises: &[PromiseRow]) {
    let language = document.language;
    let kind = items(language, run.meta.job);
    let sure = (promises.iter()).filter(|row| (row.promise.certainty - CERTAINTY).abs() < 1e-9);
    let kept = sure.clone().filter_map(|row| {
        let threshold = row.threshold?;
        let errors = percent(language, row.promise.max_error);
        let at = number(language, threshold.confidence, 3);
        let (share, range) =
            (percent(language, threshold.coverage.share), range(language, &threshold.coverage));
        Some(language.pick(
            format!(
                "{errors} d’erreurs au plus : {share} des {kind} ({range}) acceptés sans relecture, à \
                 partir d’une confiance de {at}."
            ),
            format!(
                "{errors} of errors at most: {share} of the {kind} ({range}) accepted without a look, \
                 from a confidence of {at} on."
            ),
        ))
    });
    let kept: Vec<String> = kept.collect();
    if !kept.is_empty() {
        document.add(Block::List(kept));
        document.note(language.pick(
            "Le reste va à une personne. Chaque promesse est tenue 95 fois sur 100, si les éléments à \
             venir ressemblent à ceux du jeu ; on en choisit une.",
            "The rest goes to a person. Each promise is kept 95 times of 100, if items to come are like \
             those of the set; one of them is to be chosen.",
        ));
        return;
    }
    let needed = sure.filter_map(|row| Some((row.needed?, row.promise))).min_by_key(|row| row.0);
    document.text(match needed {
        Some((needed, promise)) => {
            let (needed, errors) =
                (count(language, needed), percent(language, promise.max_error));
            language.pick(
                format!(
                    "Rien ne peut être promis avec ce jeu : il faudrait au moins {needed} éléments pour \
                     promettre {errors} d’erreurs au plus, 95 fois sur 100. D’ici là, une personne \
                     relit tout."
                ),
                format!(
                    "Nothing can be promised with this set: it would take at least {needed} items to \
                     promise {errors} of errors at most, 95 times of 100. Until then a person looks at \
                     everything."
                ),
            )
        }
        None => language
            .pick(
                "Rien ne peut être promis : même là où le serveur est le plus sûr, il se trompe trop \
                 souvent, et un jeu plus grand n’y changerait rien. Une personne relit tout.",
                "Nothing can be promised: even where the server is surest it is wrong too often, and a \
                 larger set would not change that. A person looks at everything.",
            )
            .to_owned(),
    });
}
