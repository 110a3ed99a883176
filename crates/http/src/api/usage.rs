//! Reports what was consumed, and what it cost.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use intramuros_ledger::{Tariff, UsageFilter, UsageGroup, UsageRow, usage_csv};
use intramuros_types::{Consumption, KeyId};
use serde::{Deserialize, Serialize};
use time::Date;
use time::format_description::well_known::Iso8601;
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;
use crate::query::QueryParams;
use crate::state::{AppState, Prices};

/// Which consumption, told apart by what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// The first day, `YYYY-MM-DD` (UTC).
    from: Option<String>,
    /// The last day.
    to: Option<String>,
    /// Of this key, with its rotations.
    key: Option<String>,
    /// Of this user.
    user: Option<String>,
    /// Of this model.
    model: Option<String>,
    /// For this use case, such as `chat` or `search`.
    use_case: Option<String>,
    /// What to tell apart, in this order, with commas: `day`, `month`, `key`, `user`, `model`,
    /// `use_case`; one sum when left out.
    group: Option<String>,
    /// `json` (default) or `csv`.
    #[param(inline)]
    format: Option<UsageFormat>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UsageFormat {
    /// JSON.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// What was consumed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageReport {
    /// Name of the currency.
    currency: String,
    /// The lines, in the order of their groups.
    rows: Vec<ConsumptionDto>,
}

/// A line of a report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsumptionDto {
    /// The values of what was told apart, by name.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    group: serde_json::Map<String, serde_json::Value>,
    /// Requests.
    requests: u64,
    /// Tokens of prompts, those from the cache included.
    prompt_tokens: u64,
    /// Tokens of prompts that came from the cache.
    cached_tokens: u64,
    /// Tokens of answers.
    completion_tokens: u64,
    /// Share of the time that the models computed.
    compute_seconds: f64,
    /// What it cost here.
    cost: f64,
    /// What the same tokens would have cost elsewhere, by the name of the tariff.
    #[schema(value_type = std::collections::BTreeMap<String, f64>)]
    outside_cost: serde_json::Map<String, serde_json::Value>,
}

/// Reports what was consumed, and what it cost.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageQuery),
    responses((status = 200, description = "what was consumed", body = UsageReport)),
    security(("key" = [])))]
pub(crate) async fn read_usage(
    State(state): State<AppState>,
    QueryParams(query): QueryParams<UsageQuery>,
) -> Result<Response, ApiError> {
    let filter = UsageFilter {
        from: query.from.as_deref().map(|text| day("from", text)).transpose()?,
        to: query.to.as_deref().map(|text| day("to", text)).transpose()?,
        key: query.key.map(KeyId::new),
        user: query.user,
        model: query.model,
        use_case: query.use_case,
    };
    let groups = groups(query.group.as_deref().unwrap_or_default())?;
    let rows = state.ledger.usage(&filter, &groups).await?;
    if query.format == Some(UsageFormat::Csv) {
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"usage.csv\""),
        ];
        let Prices { currency, own, outside } = &*state.prices;
        return Ok((headers, usage_csv(&groups, &rows, currency, (own, outside))).into_response());
    }
    let rows = rows.into_iter().map(|row| dto(&groups, row, &state.prices)).collect();
    Ok(Json(UsageReport { currency: state.prices.currency.clone(), rows }).into_response())
}

fn groups(names: &str) -> Result<Vec<UsageGroup>, ApiError> {
    let mut groups = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let found = UsageGroup::ALL.into_iter().find(|group| group.as_str() == name);
        let known = UsageGroup::ALL.map(UsageGroup::as_str).join("', '");
        let group = found.ok_or_else(|| {
            let message = format!("'group' names '{name}'; known are '{known}'");
            ApiError::invalid("group", message)
        })?;
        if groups.contains(&group) {
            return Err(ApiError::invalid("group", format!("'group' names '{name}' twice")));
        }
        groups.push(group);
    }
    Ok(groups)
}

pub(super) fn day(name: &'static str, text: &str) -> Result<Date, ApiError> {
    let day = Date::parse(text, &Iso8601::DATE).ok().filter(|_| text.len() == 10);
    day.ok_or_else(|| ApiError::invalid(name, format!("'{name}' must be a day such as 2026-11-30")))
}

fn dto(groups: &[UsageGroup], row: UsageRow, prices: &Prices) -> ConsumptionDto {
    let Consumption { prompt_tokens, cached_tokens, completion_tokens, compute } = row.consumption;
    let names = groups.iter().map(|group| group.as_str().to_owned());
    let outside = |tariff: &Tariff| (tariff.name.clone(), tariff.cost(&row.consumption).into());
    ConsumptionDto {
        outside_cost: prices.outside.iter().map(outside).collect(),
        cost: prices.own.cost(&row.consumption),
        group: names.zip(row.group.into_iter().map(Into::into)).collect(),
        requests: row.requests,
        prompt_tokens,
        cached_tokens,
        completion_tokens,
        compute_seconds: compute.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn groups_are_named_once_and_known() {
        assert_eq!(groups("").unwrap(), []);
        assert_eq!(groups("key, day").unwrap().len(), 2);
        assert!(groups("key,key").is_err() && groups("1; DROP TABLE usage").is_err());
    }
}
