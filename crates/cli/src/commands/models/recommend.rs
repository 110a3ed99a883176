//! `intramuros models recommend`: which models fit this machine, with the figures.

use intramuros_catalog::{Catalog, Machine, Recommendation, Status, Task, recommend};
use serde_json::{Value, json};

use crate::args::Common;
use crate::language::tr;
use crate::{machine, output};

/// Models of a task that are shown on a terminal; `--json` has all.
const SHOWN: usize = 5;

pub(super) fn run(common: &Common) -> anyhow::Result<()> {
    let measured = machine::measure();
    let facts = Machine {
        memory_total_bytes: measured.memory_total_bytes,
        memory_available_bytes: measured.memory_available_bytes,
        physical_cores: measured.physical_cores,
        gpu: None,
    };
    let verdicts = recommend(Catalog::embedded(), &facts);
    if common.json {
        let list: Vec<Value> = verdicts.iter().map(to_json).collect();
        output::json(&json!({
            "machine": {
                "memory_total_bytes": facts.memory_total_bytes,
                "memory_available_bytes": facts.memory_available_bytes,
                "physical_cores": facts.physical_cores,
            },
            "recommendations": list,
        }));
        return Ok(());
    }
    print(&facts, &verdicts);
    Ok(())
}

fn print(facts: &Machine, verdicts: &[Recommendation]) {
    let total = output::bytes(facts.memory_total_bytes);
    let available = output::bytes(facts.memory_available_bytes);
    let cores = facts.physical_cores;
    output::line(tr(
        format!("Cette machine : {total} de mémoire ({available} disponibles), {cores} cœurs"),
        format!("This machine: {total} of memory ({available} available), {cores} cores"),
    ));
    for same_task in verdicts.chunk_by(|a, b| a.task == b.task) {
        output::line(format!("\n{}", title(same_task[0].task)));
        for verdict in same_task.iter().take(SHOWN) {
            show(verdict);
        }
    }
}

fn show(verdict: &Recommendation) {
    let mark = match verdict.fits {
        true => tr("convient  ", "fits   "),
        false => tr("trop grand", "too big"),
    };
    let untried = match Catalog::embedded().get(verdict.id.as_str()) {
        Ok(model) if model.status == Status::Untried => {
            tr("  (jamais essayé par nous)", "  (not tried by us)")
        }
        _ => "",
    };
    let indent = " ".repeat(mark.chars().count() + 4);
    output::line(format!("  {mark}  {}{untried}\n{indent}{}", verdict.id, reason(verdict)));
}

fn title(task: Task) -> &'static str {
    match task {
        Task::Text => tr("rédiger (text) :", "text:"),
        Task::Embedding => tr("chercher (embedding) :", "embedding:"),
        Task::Rerank => tr("reclasser (rerank) :", "rerank:"),
    }
}

/// The figures in a sentence.
fn reason(verdict: &Recommendation) -> String {
    let weights = output::bytes(verdict.weights_bytes);
    let mut sum =
        tr(format!("en mémoire : {weights} de poids"), format!("in memory: {weights} weights"));
    if verdict.context_tokens > 0 {
        let (kv, tokens) = (output::bytes(verdict.kv_bytes), verdict.context_tokens);
        sum.push_str(&tr(
            format!(" + {kv} de cache KV pour {tokens} tokens"),
            format!(" + {kv} KV cache for {tokens} tokens"),
        ));
    }
    let (working, total) =
        (output::bytes(verdict.working_bytes), output::bytes(verdict.total_bytes));
    sum.push_str(&tr(
        format!(" + {working} de mémoire de travail = {total}"),
        format!(" + {working} working memory = {total}"),
    ));
    if !verdict.fits {
        let usable = output::bytes(verdict.usable_bytes);
        sum.push_str(&tr(format!(", {usable} utilisables"), format!(", {usable} are usable")));
    } else if !verdict.suits {
        sum.push_str(match verdict.task {
            Task::Text => tr(
                " ; lent sur ces cœurs : chaque token lit tous les poids",
                "; slow on these cores: every token reads all weights",
            ),
            Task::Embedding | Task::Rerank => tr(
                " ; lent sur ces cœurs : beaucoup de paramètres",
                "; slow on these cores: many parameters",
            ),
        });
    }
    if verdict.fits && !verdict.fits_now {
        sum.push_str(tr(" ; libérez d'abord de la mémoire", "; free memory first"));
    }
    sum
}

fn to_json(verdict: &Recommendation) -> Value {
    json!({
        "id": verdict.id.as_str(),
        "task": verdict.task.as_str(),
        "fits": verdict.fits,
        "fits_now": verdict.fits_now,
        "suits": verdict.suits,
        "download_bytes": verdict.download_bytes,
        "weights_bytes": verdict.weights_bytes,
        "context_tokens": verdict.context_tokens,
        "kv_bytes": verdict.kv_bytes,
        "working_bytes": verdict.working_bytes,
        "total_bytes": verdict.total_bytes,
        "usable_bytes": verdict.usable_bytes,
    })
}

#[cfg(test)]
mod tests {
    use intramuros_catalog::{Catalog, Machine, Recommendation, recommend};

    use super::reason;
    use crate::language::tr;

    const GIB: u64 = 1 << 30;

    fn of(memory_gib: u64, available_gib: u64, id: &str) -> Recommendation {
        let machine = Machine {
            memory_total_bytes: memory_gib * GIB,
            memory_available_bytes: available_gib * GIB,
            physical_cores: 2,
            gpu: None,
        };
        let all = recommend(Catalog::embedded(), &machine);
        all.into_iter().find(|verdict| verdict.id.as_str() == id).unwrap()
    }

    #[track_caller]
    fn check(verdict: &Recommendation, french: &str, english: &str) {
        let said = reason(verdict);
        assert!(said.contains(tr(french, english)), "{said}");
    }

    #[test]
    fn the_sum_and_what_stands_in_the_way_are_said() {
        let small = "qwen2.5-coder-1.5b-instruct-q4_k_m";
        let large = "mistral-small-3.2-24b-instruct-2506-q4_k_m";
        let sum = ("= 4,0 Go", "= 4.0 GB");
        check(&of(24, 24, small), sum.0, sum.1);
        check(&of(24, 1, small), "libérez d'abord de la mémoire", "free memory first");
        check(&of(24, 24, large), "23,2 Go utilisables", "23.2 GB are usable");
        check(&of(128, 128, large), "lent sur ces cœurs", "slow on these cores");
        assert!(!reason(&of(24, 24, small)).contains(tr("libérez", "free memory")));
    }
}
