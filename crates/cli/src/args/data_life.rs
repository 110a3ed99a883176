//! Declares `erase`, `export` and `retention`.

use std::path::PathBuf;

use clap::Subcommand;

/// `erase` …
#[derive(Debug, Subcommand)]
pub(crate) enum Erase {
    /// Erase a user of this server: account, sessions, memberships; keys are revoked, consumption
    /// stays under a pseudonym.
    User {
        /// The name that they sign in with, or the id (usr_…).
        user: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// List the documents that speak of a person; with --confirm, erase those named by --document,
    /// and questions, results of jobs and e-mails that have the texts.
    Person {
        #[command(flatten)]
        person: PersonOptions,
        /// Document to erase (doc_…); repeatable.
        #[arg(long = "document", value_name = "DOCUMENT")]
        documents: Vec<String>,
        /// Erase; without it nothing is.
        #[arg(long)]
        confirm: bool,
    },
    /// Erase documents and the files within them, with a report.
    Documents {
        /// Document ids (doc_…).
        #[arg(required = true)]
        documents: Vec<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// List erasures, newest first.
    List,
    /// Show the report of an erasure.
    Show {
        /// Its id (era_…).
        id: String,
    },
}

/// What a person is known by.
#[derive(Debug, clap::Args)]
pub(crate) struct PersonOptions {
    /// Name, address or number as it stands in documents, such as --text 'Dupont Jean'; repeatable.
    #[arg(long = "text", value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    /// What all documents about them have of metadata, such as --metadata customer=C-123;
    /// repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// Knowledge base to look in; all when left out; repeatable.
    #[arg(long = "kb", value_name = "KB")]
    pub(crate) bases: Vec<String>,
}

/// `export` …
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// What the server knows of a user, as a ZIP.
    User {
        /// The name that they sign in with, or the id (usr_…).
        user: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// What the server knows of the owner of the key, as a ZIP.
    Me {
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// The documents that speak of a person, as a ZIP.
    Person {
        #[command(flatten)]
        person: PersonOptions,
        /// Only this one of the documents that are found (doc_…); repeatable.
        #[arg(long = "document", value_name = "DOCUMENT")]
        documents: Vec<String>,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// `retention` …
#[derive(Debug, Subcommand)]
pub(crate) enum Retention {
    /// Show how long what is kept, and what the last run removed.
    Show,
    /// Remove now what was kept long enough, and wait for it.
    Run {
        /// Only count documents.
        #[arg(long)]
        dry_run: bool,
    },
}
