//! Writes reports as comma-separated values: quoted as RFC 4180 says, and harmless in a spreadsheet.

use super::{Tariff, UsageGroup, UsageRow};

/// A report with what it cost here and elsewhere: a header, then one line a row.
pub fn usage_csv(
    groups: &[UsageGroup],
    rows: &[UsageRow],
    currency: &str,
    (own, outside): (&Tariff, &[Tariff]),
) -> String {
    let mut header: Vec<String> = groups.iter().map(|group| group.as_str().to_owned()).collect();
    let figures =
        ["requests", "prompt_tokens", "cached_tokens", "completion_tokens", "compute_seconds"];
    header.extend(figures.map(str::to_owned));
    header.push(format!("cost_{}", currency));
    header.extend(outside.iter().map(|tariff| format!("cost_{}", tariff.name)));
    let mut text = line(header.iter().map(|name| field(name)));
    for row in rows {
        let took = &row.consumption;
        let mut fields: Vec<String> = row.group.iter().map(|value| field(value)).collect();
        let counts = [row.requests, took.prompt_tokens, took.cached_tokens, took.completion_tokens];
        fields.extend(counts.map(|count| count.to_string()));
        fields.push(format!("{:.3}", took.compute.as_secs_f64()));
        fields.push(format!("{:.6}", own.cost(took)));
        fields.extend(outside.iter().map(|tariff| format!("{:.6}", tariff.cost(took))));
        text.push_str(&line(fields.into_iter()));
    }
    text
}

/// A line of comma-separated values, each quoted where it must be and harmless in a spreadsheet.
pub fn csv_line(fields: impl IntoIterator<Item = String>) -> String {
    line(fields.into_iter().map(|value| field(&value)))
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let mut line = fields.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A field. Spreadsheets run what begins with `=`, `+`, `-` or `@`; an application names its users.
fn field(value: &str) -> String {
    let dangerous = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let value = if dangerous { format!("'{value}") } else { value.to_owned() };
    if value.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", value.replace('"', "\"\""));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_stay_fields() {
        assert_eq!(field("chat"), "chat");
        assert_eq!(field("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
        assert_eq!(field("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(field("@SUM(1,2)"), "\"'@SUM(1,2)\"");
    }
}
