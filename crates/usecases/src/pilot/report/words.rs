//! Writes numbers, dates and names of things as the reader's language has them.

use time::OffsetDateTime;

use super::Language;
use crate::pilot::interval::Interval;
use crate::pilot::run::{Outcome, Run};
use crate::pilot::set::Job;

/// The narrow space that French puts into and after numbers; it breaks no line.
const NARROW: &str = "\u{202f}";

/// The longest text of an item that is shown, in characters.
const MAX_SHOWN: usize = 600;

/// A number with so many decimals at most.
pub(super) fn number(language: Language, value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, rest) = plain.split_once('.').unwrap_or((&plain, ""));
    let rest = rest.trim_end_matches('0');
    let is_zero = rest.is_empty() && whole.bytes().all(|digit| digit == b'0');
    let mut text = if value < 0.0 && !is_zero { "−".to_owned() } else { String::new() };
    text.push_str(&grouped(language, whole));
    if !rest.is_empty() {
        text.push_str(language.pick(",", "."));
        text.push_str(rest);
    }
    text
}

/// A count.
pub(super) fn count(language: Language, value: usize) -> String {
    grouped(language, &value.to_string())
}

fn grouped(language: Language, digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 3 {
            text.push_str(language.pick(NARROW, ","));
        }
        text.push(digit);
    }
    text
}

/// A share, such as `72,5 %`.
pub(super) fn percent(language: Language, share: f64) -> String {
    let number = number(language, share * 100.0, 1);
    language.pick(format!("{number}{NARROW}%"), format!("{number}%"))
}

/// A difference of shares, in points.
pub(super) fn points(language: Language, difference: f64) -> String {
    let number = number(language, difference * 100.0, 1);
    let sign = if difference > 0.0 && number != "0" { "+" } else { "" };
    format!("{sign}{number}")
}

/// Between which shares the true one is.
pub(super) fn range(language: Language, interval: &Interval) -> String {
    let (low, high) = (percent(language, interval.low), percent(language, interval.high));
    language.pick(format!("entre {low} et {high}"), format!("between {low} and {high}"))
}

/// A share with its interval, for tables.
pub(super) fn share(language: Language, interval: Option<&Interval>) -> String {
    interval.map_or_else(
        || "–".to_owned(),
        |interval| format!("{} ({})", percent(language, interval.share), range(language, interval)),
    )
}

/// A figure between 0 and 1 that is no share.
pub(super) fn figure(language: Language, value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| number(language, value, 3))
}

/// Milliseconds, in the unit that is read best.
pub(super) fn milliseconds(language: Language, value: u64) -> String {
    if value < 1_000 {
        format!("{value} ms")
    } else {
        format!("{} s", number(language, value as f64 / 1_000.0, 1))
    }
}

/// Money, the sign after it.
pub(super) fn money(language: Language, value: f64, currency: &str) -> String {
    let currency = if currency.is_empty() { "€" } else { currency };
    let decimals = if value.abs() < 100.0 { 2 } else { 0 };
    format!("{}{NARROW}{currency}", number(language, value, decimals))
}

/// A moment, to the minute.
pub(super) fn moment(language: Language, at: OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let clock = format!("{:02}:{:02} (UTC{})", at.hour(), at.minute(), offset(at));
    language.pick(
        format!("{day:02}/{month:02}/{year:04} {clock}"),
        format!("{year:04}-{month:02}-{day:02} {clock}"),
    )
}

fn offset(at: OffsetDateTime) -> String {
    let (hours, minutes, _) = at.offset().as_hms();
    if (hours, minutes) == (0, 0) {
        String::new()
    } else {
        format!("{hours:+03}:{:02}", minutes.unsigned_abs())
    }
}

/// The items of a job, in the plural.
pub(super) fn items(language: Language, job: Job) -> &'static str {
    match job {
        Job::Search => language.pick("recherches", "searches"),
        Job::Chat => "questions",
        Job::Triage => "messages",
        Job::Extraction => "documents",
    }
}

/// What a job is called.
pub(super) fn job(language: Language, job: Job) -> &'static str {
    match job {
        Job::Search => language.pick("recherche documentaire", "document search"),
        Job::Chat => language.pick("réponses aux questions", "answers to questions"),
        Job::Triage => language.pick("tri des messages", "message triage"),
        Job::Extraction => language.pick("lecture de documents", "document extraction"),
    }
}

/// What a field of a message is called; others are called by their own names.
pub(super) fn field(language: Language, name: &str) -> &str {
    match name {
        "category" => language.pick("catégorie", "category"),
        "urgency" => language.pick("urgence", "urgency"),
        "team" => language.pick("équipe", "team"),
        "alert" => language.pick("alerte", "alert"),
        other => other,
    }
}

/// What an outcome is called.
pub(super) fn outcome(language: Language, outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Right => language.pick("juste", "right"),
        Outcome::HandedOver => language.pick("confié à une personne", "handed over"),
        Outcome::Wrong => language.pick("faux", "wrong"),
        Outcome::Failed => language.pick("en panne", "failed"),
    }
}

/// What a run's report is called.
pub(super) fn title(run: &Run, language: Language) -> String {
    let (job, set) = (job(language, run.meta.job), &run.meta.set.name);
    language.pick(format!("Pilote : {job}, jeu « {set} »"), format!("Pilot: {job}, set “{set}”"))
}

/// What the report of two runs is called.
pub(super) fn comparison_title(run: &Run, language: Language) -> String {
    let (job, set) = (job(language, run.meta.job), &run.meta.set.name);
    language.pick(
        format!("Comparaison de deux essais : {job}, jeu « {set} »"),
        format!("Two runs compared: {job}, set “{set}”"),
    )
}

/// A text of an item, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
