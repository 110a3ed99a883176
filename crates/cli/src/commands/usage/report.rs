//! Writes the report of a month for people: what was used, by whom, and what it cost.

use std::fmt::Write as _;

use anyhow::Context as _;
use intramuros_ledger::{Ledger, UsageFilter, UsageGroup, UsageRow};
use intramuros_types::Consumption;
use time::{Date, Month};

use super::Names;
use crate::language::{Language, current, tr};
use crate::settings::Prices;

/// Lines of a table; the others are added up.
const MOST_LINES: usize = 20;

/// A month and what was consumed in it.
struct Period {
    first: Date,
    last: Date,
    total: UsageRow,
}

/// The report of `month` (`YYYY-MM`) as Markdown.
pub(super) async fn write(ledger: &Ledger, prices: &Prices, month: &str) -> anyhow::Result<String> {
    let first = read_month(month)?;
    let this = Period::read(ledger, first).await?;
    let before = Period::read(ledger, first.previous_day().unwrap_or(first)).await?;
    let names = Names::read(ledger).await?;
    let mut text = String::new();
    let name = month_name(first);
    writeln!(text, "# {} {name}\n", tr("Consommation de l'IA :", "Consumption of AI:"))?;
    summary(&mut text, &this, &before, prices)?;
    for (group, title) in [
        (UsageGroup::UseCase, tr("Par usage", "By use case")),
        (UsageGroup::Key, tr("Par application (clé)", "By application (key)")),
        (UsageGroup::User, tr("Par utilisateur", "By user")),
        (UsageGroup::Model, tr("Par modèle", "By model")),
    ] {
        let mut rows = ledger.usage(&this.filter(), &[group]).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.consumption.tokens()));
        table(&mut text, title, rows, prices, |value| names.show(group, value))?;
    }
    busiest(&mut text, ledger, &this).await?;
    method(&mut text, prices)?;
    Ok(text)
}

impl Period {
    /// The month that `day` is in.
    async fn read(ledger: &Ledger, day: Date) -> anyhow::Result<Self> {
        let first = day.replace_day(1)?;
        let last = day.replace_day(day.month().length(day.year()))?;
        let filter = UsageFilter { from: Some(first), to: Some(last), ..UsageFilter::default() };
        let nothing =
            UsageRow { group: Vec::new(), requests: 0, consumption: Consumption::default() };
        let total = ledger.usage(&filter, &[]).await?.pop().unwrap_or(nothing);
        Ok(Self { first, last, total })
    }

    fn filter(&self) -> UsageFilter {
        let (from, to) = (Some(self.first), Some(self.last));
        UsageFilter { from, to, ..UsageFilter::default() }
    }
}

fn summary(
    text: &mut String,
    this: &Period,
    before: &Period,
    prices: &Prices,
) -> Result<(), std::fmt::Error> {
    let (now, then) = (&this.total, &before.total);
    let (own, currency) = (prices.own(), &prices.currency);
    let cost = own.cost(&now.consumption);
    writeln!(
        text,
        "| | {} | {} |",
        tr("ce mois", "this month"),
        tr("mois d'avant", "month before")
    )?;
    writeln!(text, "|---|---:|---:|")?;
    let counts =
        |name: &str, now: u64, then: u64| format!("| {name} | {} | {} |", count(now), count(then));
    let (new, old) = (&now.consumption, &then.consumption);
    for line in [
        counts(tr("Requêtes", "Requests"), now.requests, then.requests),
        counts(tr("Tokens lus", "Tokens read"), new.prompt_tokens, old.prompt_tokens),
        counts(
            tr("… dont repris du cache", "… of them from the cache"),
            new.cached_tokens,
            old.cached_tokens,
        ),
        counts(tr("Tokens écrits", "Tokens written"), new.completion_tokens, old.completion_tokens),
    ] {
        writeln!(text, "{line}")?;
    }
    let hours = |took: &Consumption| number(took.compute.as_secs_f64() / 3600.0, 2);
    writeln!(
        text,
        "| {} | {} | {} |",
        tr("Heures de calcul", "Hours of computing"),
        hours(new),
        hours(old)
    )?;
    let (title, then_cost) = (tr("Coût interne", "Internal cost"), own.cost(old));
    writeln!(text, "| {title} ({currency}) | {} | {} |", number(cost, 2), number(then_cost, 2))?;
    for tariff in &prices.outside {
        let (name, here, there) = (&tariff.name, tariff.cost(new), tariff.cost(old));
        let title = tr("Les mêmes tokens chez", "The same tokens at");
        writeln!(
            text,
            "| {title} {name} ({currency}) | {} | {} |",
            number(here, 2),
            number(there, 2)
        )?;
    }
    writeln!(text)
}

/// A table of the lines with the most tokens; the others are added up.
fn table(
    text: &mut String,
    title: &str,
    rows: Vec<UsageRow>,
    prices: &Prices,
    name: impl Fn(&str) -> String,
) -> Result<(), std::fmt::Error> {
    writeln!(text, "## {title}\n")?;
    if rows.is_empty() {
        return writeln!(text, "{}\n", tr("Rien ce mois-ci.", "Nothing this month."));
    }
    writeln!(
        text,
        "| | {} | {} | {} | {} |\n|---|---:|---:|---:|---:|",
        tr("requêtes", "requests"),
        tr("tokens lus", "tokens read"),
        tr("tokens écrits", "tokens written"),
        tr("coût", "cost"),
    )?;
    let own = prices.own();
    let mut line = |name: &str, requests: u64, took: &Consumption| {
        // A user's name is what an application wrote: it must not become a column.
        let name: String = name.replace('|', "/").chars().filter(|c| !c.is_control()).collect();
        let (read, written) = (count(took.prompt_tokens), count(took.completion_tokens));
        let cost = number(own.cost(took), 2);
        writeln!(text, "| {name} | {} | {read} | {written} | {cost} |", count(requests))
    };
    for row in rows.iter().take(MOST_LINES) {
        let value = row.group.first().map_or("", String::as_str);
        line(&name(value), row.requests, &row.consumption)?;
    }
    if let Some(others) = rows.get(MOST_LINES..).filter(|others| !others.is_empty()) {
        let (mut requests, mut took) = (0, Consumption::default());
        for row in others {
            requests += row.requests;
            took += row.consumption;
        }
        let others = others.len();
        let name = tr(format!("{others} autres"), format!("{others} others"));
        line(&name, requests, &took)?;
    }
    writeln!(text)
}

async fn busiest(text: &mut String, ledger: &Ledger, this: &Period) -> anyhow::Result<()> {
    let days = ledger.usage(&this.filter(), &[UsageGroup::Day]).await?;
    let Some(most) = days.iter().max_by_key(|row| row.consumption.tokens()) else { return Ok(()) };
    let (day, tokens) = (&most.group[0], count(most.consumption.tokens()));
    let used = days.len();
    writeln!(
        text,
        "{}\n",
        tr(
            format!("Jours d'utilisation : {used}. Le plus chargé : {day}, {tokens} tokens."),
            format!("Days of use: {used}. The busiest: {day}, {tokens} tokens."),
        )
    )?;
    Ok(())
}

fn method(text: &mut String, prices: &Prices) -> Result<(), std::fmt::Error> {
    let own = prices.own();
    let (input, output) = (number(own.input_per_million, 2), number(own.output_per_million, 2));
    let (hour, currency) = (number(own.compute_hour, 2), &prices.currency);
    writeln!(
        text,
        "{}",
        tr(
            format!(
                "Tarif interne : {input} {currency} le million de tokens lus, {output} le million de \
                 tokens écrits, {hour} l'heure de calcul (réglages `usage.*`). Aucune donnée n'a \
                 quitté l'entreprise : les prix des autres fournisseurs sont ceux des réglages. Les \
                 mois sont en temps universel."
            ),
            format!(
                "Internal tariff: {input} {currency} a million tokens read, {output} a million tokens \
                 written, {hour} an hour of computing (settings `usage.*`). No data left the company: \
                 the prices of other providers are those of the settings. Months are in UTC."
            ),
        )
    )
}

fn read_month(text: &str) -> anyhow::Result<Date> {
    let month = || {
        let (year, month) = text.split_once('-')?;
        let month: u8 = month.parse().ok().filter(|_| text.len() == 7)?;
        Date::from_calendar_date(year.parse().ok()?, Month::try_from(month).ok()?, 1).ok()
    };
    month().with_context(|| {
        tr(
            format!("« {text} » n'est pas un mois comme 2026-11"),
            format!("'{text}' is not a month such as 2026-11"),
        )
    })
}

fn month_name(first: Date) -> String {
    const FRENCH: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let month = match current() {
        Language::French => FRENCH[usize::from(u8::from(first.month())) - 1].to_owned(),
        Language::English => first.month().to_string(),
    };
    format!("{month} {}", first.year())
}

/// `12 345` or `12,345`.
fn count(number: u64) -> String {
    let digits = number.to_string();
    // A thin space that does not break.
    let separator = tr('\u{202f}', ',');
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

fn number(value: f64, decimals: usize) -> String {
    let written = format!("{value:.decimals$}");
    tr(written.replace('.', ","), written)
}

#[cfg(test)]
mod tests {
    use super::{count, read_month};

    #[test]
    fn months_are_read_strictly() {
        assert_eq!(read_month("2026-02").unwrap().to_string(), "2026-02-01");
        for wrong in ["", "2026", "2026-13", "2026-00", "2026-2", "02-2026", "2026-02-01"] {
            assert!(read_month(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        let plain = |number| count(number).replace(['\u{202f}', ','], " ");
        assert_eq!([plain(0), plain(999), plain(1_000)], ["0", "999", "1 000"]);
        assert_eq!(plain(1_234_567), "1 234 567");
    }
}
