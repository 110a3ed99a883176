//! `intramuros kb unanswered`.

use super::{BASES, erased, text};
use crate::args::Common;
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

/// What `--forget` takes for every question.
const ALL: &str = "all";

pub(super) fn run(
    common: &Common,
    client: &Client,
    base: &str,
    forget: Option<&str>,
) -> anyhow::Result<()> {
    let path = format!("{BASES}/{}/unanswered", segment(base));
    if let Some(question) = forget {
        let one = format!("{path}/{}", segment(question));
        client.delete(if question == ALL { &path } else { &one })?;
        erased(common, question);
        return Ok(());
    }
    let listed = client.get(&format!("{path}?limit=1000"))?;
    if common.json {
        output::json(&listed);
        return Ok(());
    }
    let rows = listed["questions"].as_array().into_iter().flatten().map(|question| {
        let last = text(question, "last_asked");
        let day = last.get(..10).unwrap_or(&last).to_owned();
        vec![text(question, "id"), question["times"].to_string(), day, text(question, "question")]
    });
    let header = tr(["ID", "FOIS", "DERNIÈRE", "QUESTION"], ["ID", "TIMES", "LAST", "QUESTION"]);
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}
