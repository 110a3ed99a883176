//! `intramuros usage`: reads the ledger directly, also while the server runs.

mod report;

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use intramuros_ledger::{Ledger, UsageFilter, UsageGroup, UsageRow, usage_csv};
use serde_json::{Map, Value, json};
use time::Date;
use time::format_description::well_known::Iso8601;

use crate::args::{Common, Usage, UsageSelection};
use crate::language::tr;
use crate::ledger::with;
use crate::output;
use crate::settings::Prices;

/// Users whose names are looked up.
const MOST_USERS: u32 = 100_000;

pub(crate) fn run(common: &Common, command: &Usage) -> anyhow::Result<ExitCode> {
    with(common, async |ledger, settings| {
        let prices = &settings.usage;
        if let Some(month) = &command.report {
            output::line(report::write(ledger, prices, month).await?.trim_end());
            return Ok(());
        }
        let groups = groups(&command.group)?;
        let rows = ledger.usage(&filter(ledger, &command.selection)?, &groups).await?;
        if command.csv {
            csv(&groups, &rows, prices);
        } else if common.json {
            let rows: Vec<Value> = rows.iter().map(|row| to_json(&groups, row, prices)).collect();
            output::json(&json!({"currency": prices.currency, "rows": rows}));
        } else {
            table(&groups, &rows, prices, &Names::read(ledger).await?);
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What people call keys and users, by their ids.
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) async fn read(ledger: &Ledger) -> anyhow::Result<Self> {
        let mut names = HashMap::new();
        for user in ledger.list_users(None, MOST_USERS).await? {
            names.insert(user.id.to_string(), user.name);
        }
        // Consumption is kept under the first of a key's rotations.
        for key in ledger.list_keys().await? {
            names.insert(key.family.to_string(), key.name);
        }
        Ok(Self(names))
    }

    /// The value of a group as people read it.
    pub(super) fn show(&self, group: UsageGroup, value: &str) -> String {
        match (group, value) {
            (UsageGroup::Key, "") => tr("(serveur, sessions)", "(server, sessions)").to_owned(),
            (UsageGroup::Model, "") => tr("(aucun)", "(none)").to_owned(),
            (_, "") => "-".to_owned(),
            (UsageGroup::Key, id) => match self.0.get(id) {
                Some(name) => format!("{name} ({id})"),
                None => id.to_owned(),
            },
            (UsageGroup::User, id) => self.0.get(id).cloned().unwrap_or_else(|| id.to_owned()),
            (_, value) => value.to_owned(),
        }
    }
}

fn filter(ledger: &Ledger, selection: &UsageSelection) -> anyhow::Result<UsageFilter> {
    let day = |text: &Option<String>| text.as_deref().map(read_day).transpose();
    let today = ledger.now().date();
    let from = day(&selection.from)?.or_else(|| today.replace_day(1).ok());
    let to = day(&selection.to)?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        bail!(tr("--from est après --to", "--from is after --to"));
    }
    Ok(UsageFilter { from, to, ..UsageFilter::default() })
}

fn read_day(text: &str) -> anyhow::Result<Date> {
    // Not the library's reason, which says less.
    Date::parse(text, &Iso8601::DATE).ok().with_context(|| {
        tr(
            format!("« {text} » n'est pas un jour du calendrier comme 2026-11-30"),
            format!("'{text}' is not a day of the calendar such as 2026-11-30"),
        )
    })
}

fn groups(names: &[String]) -> anyhow::Result<Vec<UsageGroup>> {
    let group = |name: &String| {
        let found = UsageGroup::ALL.into_iter().find(|group| group.as_str() == name.trim());
        found.with_context(|| {
            let known = UsageGroup::ALL.map(UsageGroup::as_str).join(", ");
            tr(
                format!("--group : « {name} » n'existe pas ; il y a {known}"),
                format!("--group: there is no '{name}'; there are {known}"),
            )
        })
    };
    names.iter().filter(|name| !name.trim().is_empty()).map(group).collect()
}

fn to_json(groups: &[UsageGroup], row: &UsageRow, prices: &Prices) -> Value {
    let mut shown = Map::new();
    for (group, value) in groups.iter().zip(&row.group) {
        shown.insert(group.as_str().to_owned(), json!(value));
    }
    let took = &row.consumption;
    let outside: Map<String, Value> = (prices.outside.iter())
        .map(|tariff| (tariff.name.clone(), json!(tariff.cost(took))))
        .collect();
    for (name, value) in [
        ("requests", json!(row.requests)),
        ("prompt_tokens", json!(took.prompt_tokens)),
        ("cached_tokens", json!(took.cached_tokens)),
        ("completion_tokens", json!(took.completion_tokens)),
        ("compute_seconds", json!(took.compute.as_secs_f64())),
        ("cost", json!(prices.own().cost(took))),
        ("outside_cost", Value::Object(outside)),
    ] {
        shown.insert(name.to_owned(), value);
    }
    Value::Object(shown)
}

fn csv(groups: &[UsageGroup], rows: &[UsageRow], prices: &Prices) {
    let own = prices.own();
    let text = usage_csv(groups, rows, &prices.currency, (&own, &prices.outside));
    output::line(text.trim_end());
}

fn table(groups: &[UsageGroup], rows: &[UsageRow], prices: &Prices, names: &Names) {
    let titles = |group: &UsageGroup| match group {
        UsageGroup::Day => tr("JOUR", "DAY"),
        UsageGroup::Month => tr("MOIS", "MONTH"),
        UsageGroup::Key => tr("CLÉ", "KEY"),
        UsageGroup::User => tr("UTILISATEUR", "USER"),
        UsageGroup::Model => tr("MODÈLE", "MODEL"),
        UsageGroup::UseCase => tr("USAGE", "USE CASE"),
    };
    let mut header: Vec<&str> = groups.iter().map(titles).collect();
    header.extend(tr(
        ["REQUÊTES", "TOKENS LUS", "DONT CACHE", "TOKENS ÉCRITS", "CALCUL (S)", "COÛT"],
        ["REQUESTS", "TOKENS READ", "CACHED", "TOKENS WRITTEN", "COMPUTE (S)", "COST"],
    ));
    let own = prices.own();
    let shown = rows.iter().map(|row| {
        let took = &row.consumption;
        let mut cells: Vec<String> =
            groups.iter().zip(&row.group).map(|(group, value)| names.show(*group, value)).collect();
        let counts = [row.requests, took.prompt_tokens, took.cached_tokens, took.completion_tokens];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(format!("{:.1}", took.compute.as_secs_f64()));
        cells.push(format!("{:.2} {}", own.cost(took), prices.currency));
        cells
    });
    output::table(&header, &shown.collect::<Vec<_>>());
}
