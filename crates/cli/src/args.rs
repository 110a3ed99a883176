//! Declares the command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

mod accounting;
mod assistant;
mod data_life;
mod identity;
mod notify;
mod pilot;
mod reviews;
mod triage;

pub(crate) use accounting::{Audit, Usage, UsageSelection};
pub(crate) use assistant::{Assistant, Conversation, ConversationFilter, Days};
pub(crate) use data_life::{Erase, Export, PersonOptions, Retention};
pub(crate) use identity::{Groups, KeyLimits, KeyOptions, Keys, Users};
pub(crate) use notify::{Mail, Webhooks};
pub(crate) use pilot::{Pilot, PilotReport, PilotRun};
pub(crate) use reviews::{Decide, ExportFormat, ReviewFilter, Reviews};
pub(crate) use triage::{Submit, Triage};

const ABOUT: &str = "Self-hosted AI server: your documents, your machine, nothing leaves.";

const TEACH: &str = "\
First steps:
  intramuros models recommend            what fits this machine
  intramuros models pull <id>            fetch a model (or: import <path>, offline)
  intramuros keys create --name me       make an API key, shown once
  intramuros serve                       start the server on 127.0.0.1:8484

Then, with INTRAMUROS_API_KEY set to the key:
  intramuros kb create docs --title 'Our documents'
  intramuros kb add docs ./documents
  intramuros ask --kb docs 'Quelle est la caution pour une mini-pelle ?'

Something wrong?  intramuros doctor";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "intramuros", version, about = ABOUT, after_help = TEACH)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every subcommand.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// Print machine-readable JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Settings file [default: ./intramuros.toml, then /etc/intramuros/intramuros.toml].
    #[arg(long, global = true, env = "INTRAMUROS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Override one setting, such as --set server.listen=127.0.0.1:9000; repeatable.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Server to talk to (ask, search, kb, jobs, reviews, triage, assistant, conversation, pilot, erase, export, retention, webhooks, mail, bench, doctor) [default: the address of the settings].
    #[arg(long, global = true, env = "INTRAMUROS_URL")]
    pub(crate) url: Option<String>,
    /// API key (ask, search, kb, jobs, reviews, triage, assistant, conversation, pilot, erase, export, retention, webhooks, mail, bench).
    /// Better given by the environment, where other users of the machine cannot see it.
    #[arg(
        long,
        global = true,
        env = "INTRAMUROS_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub(crate) key: Option<String>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server and stay in the foreground.
    Serve(Serve),
    /// Ask a question about the documents of a knowledge base.
    Ask(Ask),
    /// Find passages in a knowledge base.
    Search(Search),
    /// Manage knowledge bases and their documents.
    #[command(subcommand)]
    Kb(Kb),
    /// Watch and steer the work that the server does in the background (a key with the scopes jobs:read, jobs:write).
    #[command(subcommand)]
    Jobs(Jobs),
    /// Decide what waits for a person: proposals to approve, correct or reject (a key with the scopes
    /// reviews:read and reviews:write).
    #[command(subcommand)]
    Reviews(Reviews),
    /// Sort tickets: category, urgency, team, alerts (a key with the scopes triage:read, triage:write
    /// and triage:manage).
    #[command(subcommand)]
    Triage(Triage),
    /// Manage assistants that answer customers (a key with the scopes assistants:read,
    /// assistants:write and conversations:read).
    #[command(subcommand)]
    Assistant(Assistant),
    /// Follow conversations of customers and answer in them (a key with the scopes
    /// conversations:read, conversations:answer and conversations:write).
    #[command(subcommand)]
    Conversation(Conversation),
    /// Measure a job on items whose right result is known (a key with the scopes pilots:read and
    /// pilots:write).
    #[command(subcommand)]
    Pilot(Pilot),
    /// Manage the models on this machine.
    #[command(subcommand)]
    Models(Models),
    /// Manage API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Manage users: who may sign in, with which role.
    #[command(subcommand)]
    Users(Users),
    /// Manage groups: labels that several users and keys have together.
    #[command(subcommand)]
    Groups(Groups),
    /// Show what was consumed, and what it cost.
    Usage(Usage),
    /// Show and check the audit trail.
    #[command(subcommand)]
    Audit(Audit),
    /// Erase a user, what is known of a person, or documents, with a report.
    #[command(subcommand)]
    Erase(Erase),
    /// Export what is known of a user or a person, as a ZIP.
    #[command(subcommand)]
    Export(Export),
    /// Show and apply how long what is kept.
    #[command(subcommand)]
    Retention(Retention),
    /// Manage webhooks, the addresses that are told of events.
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Try whether e-mail works, and see what did not arrive.
    #[command(subcommand)]
    Mail(Mail),
    /// Measure a running server, this one or any other that speaks OpenAI's API.
    Bench(Bench),
    /// Measure how good search is, on questions whose answers are known.
    #[command(subcommand)]
    Eval(Eval),
    /// Back up the data, also while the server runs, and verify backups.
    #[command(subcommand)]
    Backup(Backup),
    /// Put a backup into an empty data directory.
    Restore(Restore),
    /// Check the machine, the settings, the models and the data, and say how to mend what is
    /// wrong.
    Doctor,
    /// Read one document from standard input; the server starts this for each file.
    #[command(hide = true)]
    ReadDocument,
}

/// Options of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Address and port [setting: server.listen].
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Folder of ledger, passages and files [setting: data_dir].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Folder of models [setting: models_dir].
    #[arg(long, value_name = "DIR")]
    pub(crate) models_dir: Option<PathBuf>,
}

/// Options of `ask`.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// The question, in French or English.
    pub(crate) question: String,
    /// Knowledge base; may be left out when there is only one.
    #[arg(long)]
    pub(crate) kb: Option<String>,
    /// Passages to write from, 1 to 20.
    #[arg(long)]
    pub(crate) passages: Option<usize>,
}

/// Options of `search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    /// Words or a question.
    pub(crate) query: String,
    /// Knowledge base; may be left out when there is only one.
    #[arg(long)]
    pub(crate) kb: Option<String>,
    /// The most passages, 1 to 100.
    #[arg(long, default_value_t = 5)]
    pub(crate) limit: usize,
    /// Let the generator judge whether the passages answer, and show none when they do not.
    #[arg(long)]
    pub(crate) judge: bool,
}

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// Model to measure [default: the first text model that the server lists].
    #[arg(long, value_name = "ID")]
    pub(crate) model: Option<String>,
    /// Workloads to run, such as prefill,decode-1024 [default: all].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// Times that each workload runs; the median, the lowest and the highest are shown.
    #[arg(long, default_value_t = 1)]
    pub(crate) runs: usize,
    /// The server's process, to measure its memory.
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// What the prompts are drawn from; the same number makes the same prompts [default: a new one].
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// `eval` …
#[derive(Debug, Subcommand)]
pub(crate) enum Eval {
    /// Ask a knowledge base questions whose documents are known, and report recall, order, shown
    /// passages, refusals and times.
    Retrieval(EvalRetrieval),
}

/// Options of `eval retrieval`.
#[derive(Debug, clap::Args)]
pub(crate) struct EvalRetrieval {
    /// Knowledge base; not needed when there is only one.
    #[arg(long)]
    pub(crate) kb: Option<String>,
    /// Questions, one JSON object a line: id, query, relevant (file names or external ids, best
    /// first), and if wanted passage, style.
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: PathBuf,
    /// Questions that the documents do not answer: id, query.
    #[arg(long, value_name = "FILE")]
    pub(crate) unanswerable: Option<PathBuf>,
    /// How passages are found and ordered: hybrid, likelihood, vectors or words.
    #[arg(long, default_value = "hybrid")]
    pub(crate) ranking: String,
    /// Passages that are asked for; several of one document count once, at the best place.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Let the generator judge whether the passages answer; refusals are counted by its score.
    #[arg(long)]
    pub(crate) judge: bool,
    /// Questions asked at the same time.
    #[arg(long, default_value_t = 1)]
    pub(crate) clients: usize,
    /// Write what was found for every question to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with an earlier run, question by question (paired bootstrap).
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
}

/// `kb` …
#[derive(Debug, Subcommand)]
pub(crate) enum Kb {
    /// List knowledge bases.
    List,
    /// Create a knowledge base.
    Create {
        /// Lower-case letters, digits and hyphens.
        id: String,
        /// What people call it.
        #[arg(long)]
        title: Option<String>,
        /// Main language, ISO 639-1.
        #[arg(long, default_value = "fr")]
        language: String,
        /// Encoder [default: embedding.model].
        #[arg(long, value_name = "MODEL")]
        embedding_model: Option<String>,
    },
    /// Add files, or the files of folders, and wait until they are searchable.
    Add {
        /// Knowledge base.
        id: String,
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Who may read them; everybody when left out.
        #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
        labels: Vec<String>,
        /// Names and values to filter by, such as --metadata service=paie; repeatable.
        #[arg(long, value_name = "NAME=VALUE")]
        metadata: Vec<String>,
    },
    /// Keep a knowledge base in step with a folder: add what is new, replace what changed, erase
    /// what is gone.
    Sync(KbSync),
    /// List the folders that the server watches, and how it goes.
    Folders,
    /// Make the index of a knowledge base anew beside the old one, which it replaces when it is
    /// complete and answers the test questions as well.
    Reindex {
        /// Knowledge base.
        id: String,
        /// Encoder [default: that of the index].
        #[arg(long, value_name = "MODEL")]
        embedding_model: Option<String>,
        /// Wait until it is done.
        #[arg(long)]
        wait: bool,
    },
    /// List the indexes of a knowledge base: the active one, and the one beside it.
    Indexes {
        /// Knowledge base.
        id: String,
    },
    /// Let an index take the active one's place: one that was rejected, or the previous one again.
    Activate {
        /// Knowledge base.
        id: String,
        /// Its number.
        index: u32,
    },
    /// Erase an index that is not the active one.
    Discard {
        /// Knowledge base.
        id: String,
        /// Its number.
        index: u32,
    },
    /// List the questions that the documents did not answer, the most asked first.
    Unanswered {
        /// Knowledge base.
        id: String,
        /// Forget one of them (its id), or all with --forget all.
        #[arg(long, value_name = "QUESTION")]
        forget: Option<String>,
    },
    /// Show or replace the questions that a new index must answer.
    TestQuestions {
        /// Knowledge base.
        id: String,
        /// One JSON object a line, as for `eval retrieval`: id, query, relevant (none where the
        /// documents do not answer); repeatable.
        #[arg(long = "file", value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Learn from the test questions from where on the generator's judgement counts as a yes; then
    /// questions that the documents do not answer are refused.
    Calibrate {
        /// Knowledge base.
        id: String,
        /// Share of the questions whose passages answer that are to be answered, 0.5 to 0.99.
        #[arg(long, default_value_t = 0.9)]
        keep: f32,
        /// Wait until it is done.
        #[arg(long)]
        wait: bool,
        /// Only show what was learnt.
        #[arg(long)]
        show: bool,
    },
    /// List the documents of a knowledge base.
    Documents {
        /// Knowledge base.
        id: String,
    },
    /// Erase documents.
    Remove {
        /// Knowledge base.
        id: String,
        /// Document ids (doc_…).
        #[arg(required = true)]
        documents: Vec<String>,
    },
    /// Erase a knowledge base with its documents.
    Delete {
        /// Knowledge base.
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Options of `kb sync`.
#[derive(Debug, clap::Args)]
pub(crate) struct KbSync {
    /// Knowledge base.
    pub(crate) id: String,
    /// Folder.
    pub(crate) folder: PathBuf,
    /// What the folder is called in the knowledge base [default: its name]. Only what came under
    /// this name is replaced or erased.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Who may read its files; when left out, new ones are for everybody and known ones keep their
    /// readers.
    #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
    pub(crate) labels: Vec<String>,
    /// Names and values to filter by, such as --metadata service=paie; repeatable. When left out,
    /// known files keep theirs.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// Erase what came before even when none of it is in the folder any more.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not erase what is gone from the folder.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `backup` …
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Copy the ledger, passages and files of one moment to a new folder below a destination, and
    /// read the copy back. Models and the settings file are not in it.
    Create {
        /// Folder of backups, best on another machine; created if missing.
        destination: PathBuf,
        /// Keep this many backups there and remove the oldest.
        #[arg(long, value_name = "NUMBER", value_parser = keep)]
        keep: Option<usize>,
    },
    /// Read every file of a backup and compare ledger, passages and files.
    Verify {
        /// The backup's folder.
        backup: PathBuf,
    },
    /// List the complete backups of a destination, oldest first.
    List {
        /// Folder of backups.
        destination: PathBuf,
    },
}

/// None at all would be no backup.
fn keep(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|keep| *keep > 0).ok_or_else(|| "must be 1 or more".to_owned())
}

/// Options of `restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup's folder.
    pub(crate) backup: PathBuf,
    /// Folder to restore into, missing or empty but for models [setting: data_dir].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// `jobs` …
#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// List jobs, newest first.
    List {
        /// Only those that are queued, running, paused, done, failed or cancelled.
        #[arg(long)]
        state: Option<String>,
        /// Only those of this kind: ingest, reindex, calibrate and others.
        #[arg(long)]
        kind: Option<String>,
        /// The most jobs to list, 1 to 1,000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a job, with what failed of it.
    Show {
        /// The job's id (job_…).
        id: String,
    },
    /// Pause a job; it stops within seconds.
    Pause {
        /// The job's id (job_…).
        id: String,
    },
    /// Let a paused job go on.
    Resume {
        /// The job's id (job_…).
        id: String,
    },
    /// Stop a job for good; what it has done stays.
    Cancel {
        /// The job's id (job_…).
        id: String,
    },
    /// Try again what failed of a job, or go on with one that was cancelled.
    Retry {
        /// The job's id (job_…).
        id: String,
    },
    /// Give a job another priority.
    Priority {
        /// The job's id (job_…).
        id: String,
        /// high, normal or low.
        priority: String,
    },
    /// List what begins by the clock.
    Schedules,
}

/// `models` …
#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// List the catalogue and what is installed.
    List {
        /// Only what is installed.
        #[arg(long)]
        installed: bool,
    },
    /// Fetch a model from the hub (HF_ENDPOINT and HF_TOKEN are honoured).
    Pull {
        /// Id in the catalogue.
        id: String,
    },
    /// Take in a model from disk: a .gguf file, or a folder with config.json, safetensors and
    /// tokenizer.json.
    Import {
        /// File or folder.
        path: PathBuf,
        /// Id to give it [default: from the file's name].
        #[arg(long)]
        id: Option<String>,
        /// Its licence, for the record.
        #[arg(long)]
        licence: Option<String>,
    },
    /// Compare the files of models with their manifests.
    Verify {
        /// Id; all when left out.
        id: Option<String>,
    },
    /// Remove a model.
    Rm {
        /// Id.
        id: String,
    },
    /// Say which models fit this machine, with the figures.
    Recommend,
}
