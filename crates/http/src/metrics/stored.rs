//! Writes the figures of what is stored: knowledge bases, jobs, what is on its way, the ledger, the
//! disk.

use std::fmt;

use intramuros_types::{AssistantId, TriagePolicyId};

use super::page::Page;
use super::sample::Sample;

pub(super) fn write(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    write_knowledge(sample, page)?;
    write_work(sample, page)?;
    let ledger = sample.ledger;
    page.gauge("intramuros_ledger_size_bytes", "Size of the ledger", ledger.bytes as f64)?;
    page.gauge(
        "intramuros_ledger_wal_size_bytes",
        "Size of the ledger's write-ahead log",
        ledger.log_bytes as f64,
    )?;
    let disk = |bytes: Option<u64>| bytes.map(|bytes| (Vec::new(), bytes as f64));
    page.gauges(
        "intramuros_data_dir_free_bytes",
        "Free space of the disk of data_dir",
        disk(sample.disk.map(|disk| disk.free_bytes)),
    )?;
    page.gauges(
        "intramuros_data_dir_size_bytes",
        "Size of the disk of data_dir",
        disk(sample.disk.map(|disk| disk.total_bytes)),
    )?;
    page.gauge(
        "intramuros_data_dir_min_free_bytes",
        "Free space below which uploads are refused (server.min_free_mib)",
        sample.min_free_bytes as f64,
    )
}

fn write_knowledge(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let figures = &sample.knowledge;
    page.histogram(
        "intramuros_knowledge_search_seconds",
        "Time of searches, those for answers included",
        &figures.searches,
    )?;
    page.histogram(
        "intramuros_knowledge_indexing_seconds",
        "Time from the claim of a document until it was searchable",
        &figures.documents,
    )?;
    let outcomes = [("ready", figures.documents.count()), ("failed", figures.failed_documents)];
    page.counters(
        "intramuros_knowledge_documents_indexed",
        "Documents that were indexed, or could not be",
        outcomes.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count)),
    )?;
    page.counter(
        "intramuros_knowledge_passages_indexed",
        "Passages that were made searchable",
        figures.passages as f64,
    )?;
    let documents = sample.counts.documents.iter().flat_map(|(base, counts)| {
        let states = [
            ("pending", counts.pending),
            ("indexing", counts.indexing),
            ("ready", counts.ready),
            ("failed", counts.failed),
            ("deleting", counts.deleting),
        ];
        states.map(|(state, count)| {
            let labels = vec![("knowledge_base", base.to_string()), ("state", state.to_owned())];
            (labels, count as f64)
        })
    });
    page.gauges(
        "intramuros_knowledge_documents",
        "Documents by state, up to ten seconds old",
        documents,
    )
}

fn write_work(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let jobs = sample.counts.jobs.iter().map(|count| {
        let state = count.state.as_str().to_owned();
        (vec![("kind", count.kind.clone()), ("state", state)], count.jobs as f64)
    });
    page.gauges("intramuros_jobs", "Jobs by kind and state, up to ten seconds old", jobs)?;
    let outbox = sample.counts.outbox;
    let rows = [
        ("webhook", "pending", outbox.pending_deliveries),
        ("webhook", "dead", outbox.dead_deliveries),
        ("mail", "pending", outbox.pending_mails),
        ("mail", "dead", outbox.dead_mails),
    ];
    page.gauges(
        "intramuros_outbox",
        "Deliveries to webhooks and e-mails that have not arrived, up to ten seconds old",
        rows.map(|(kind, state, count)| {
            (vec![("kind", kind.to_owned()), ("state", state.to_owned())], count as f64)
        }),
    )?;
    write_people(sample, page)
}

/// What waits for people.
fn write_people(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let of_assistant =
        |(id, count): &(AssistantId, u64)| (vec![("assistant", id.to_string())], *count as f64);
    page.gauges(
        "intramuros_conversations_waiting",
        "Conversations that wait for a person, up to ten seconds old",
        sample.counts.conversations.iter().map(of_assistant),
    )?;
    let of_policy =
        |id: &TriagePolicyId, count: u64| (vec![("policy", id.to_string())], count as f64);
    let tickets = &sample.counts.tickets;
    page.gauges(
        "intramuros_tickets_waiting",
        "Tickets that wait for a dispatcher, up to ten seconds old",
        tickets.iter().map(|(id, waiting, _)| of_policy(id, *waiting)),
    )?;
    page.gauges(
        "intramuros_ticket_alerts_open",
        "Alerts that nobody has acknowledged, up to ten seconds old",
        tickets.iter().map(|(id, _, alerts)| of_policy(id, *alerts)),
    )
}
