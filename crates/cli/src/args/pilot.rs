//! Declares the commands about pilots.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `pilot` …
#[derive(Debug, Subcommand)]
pub(crate) enum Pilot {
    /// File a labelled set: JSON lines or a table (CSV), as docs/measuring.md describes them.
    Add {
        /// What it is called.
        name: String,
        /// The file.
        file: PathBuf,
        /// What it measures: search, chat or triage.
        #[arg(long)]
        job: String,
        /// Only readers with this label may read it; can be repeated.
        #[arg(long = "label")]
        labels: Vec<String>,
    },
    /// List the labelled sets.
    Sets,
    /// Run a labelled set and wait for its figures.
    Run(PilotRun),
    /// List the runs, newest first.
    Runs {
        /// The most runs to list, 1 to 1,000.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show the figures of a run.
    Show {
        /// The run's id (plr_…).
        run: String,
    },
    /// Write the report of a run, as a page by itself.
    Report(PilotReport),
    /// Put the threshold in force that keeps a promise on errors, from a run of an assistant or a
    /// policy.
    Accept {
        /// The run that vouches for it (plr_…).
        run: String,
        /// The largest share of errors among what is accepted, such as 0.05.
        #[arg(long)]
        max_error: f64,
        /// How sure that is.
        #[arg(long, default_value_t = 0.95)]
        certainty: f64,
    },
    /// List the thresholds that are in force.
    Thresholds,
    /// Take the threshold of an assistant or a policy back; the one before it is in force again.
    TakeBack {
        /// chat or triage.
        job: String,
        /// Id of the assistant or the policy.
        target: String,
    },
    /// List the switches of generators, newest first.
    Models,
    /// Let another generator that is served write, for questions, assistants and triage.
    Switch {
        /// The model.
        model: String,
        /// The run with the model of today.
        #[arg(long, requires = "after")]
        before: Option<String>,
        /// The run of the same set with the new one.
        #[arg(long, requires = "before")]
        after: Option<String>,
    },
    /// Undo the last switch of generators.
    RollBack {
        /// Its id (swi_…).
        switch: String,
    },
    /// Delete a labelled set with its runs, or a run.
    Remove {
        /// The id (pls_… or plr_…).
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// `pilot run`
#[derive(Debug, Args)]
pub(crate) struct PilotRun {
    /// The labelled set: its id (pls_…) or its name.
    // `--set` of all commands has the id `set`: clap would read this as one of them.
    #[arg(id = "labelled_set", value_name = "SET")]
    pub(crate) set: String,
    /// Where to look, for search and chat.
    #[arg(long)]
    pub(crate) kb: Option<String>,
    /// Who answers, for chat: the id or slug of an assistant, in place of --kb.
    #[arg(long, conflicts_with = "kb")]
    pub(crate) assistant: Option<String>,
    /// The generator, one that is served; else the default one.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// The policy, for triage.
    #[arg(long)]
    pub(crate) policy: Option<String>,
    /// Parts of the tickets, each decided with the others as examples; 0 for no examples.
    #[arg(long, default_value_t = 5)]
    pub(crate) folds: usize,
    /// Let the encoder decide alone, for triage.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Let the generator judge what was found, for search.
    #[arg(long)]
    pub(crate) judged: bool,
    /// Do not wait.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// `pilot report`
#[derive(Debug, Args)]
pub(crate) struct PilotReport {
    /// The run's id (plr_…).
    pub(crate) run: String,
    /// The file to write: .html, or .md for Markdown.
    #[arg(long, short)]
    pub(crate) out: PathBuf,
    /// A run that came before, to compare with.
    #[arg(long)]
    pub(crate) before: Option<String>,
    /// Put texts of items and answers into it.
    #[arg(long)]
    pub(crate) texts: bool,
    /// In English.
    #[arg(long)]
    pub(crate) english: bool,
    /// Items a week, to say what is saved.
    #[arg(long, requires = "minutes")]
    pub(crate) per_week: Option<f64>,
    /// Minutes that one takes by hand.
    #[arg(long, requires = "per_week")]
    pub(crate) minutes: Option<f64>,
    /// Minutes that checking one takes.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) check_minutes: f64,
    /// What an hour costs.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) rate: f64,
}
