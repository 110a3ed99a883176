//! Declares the commands about assistants and their conversations.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `assistant` …
#[derive(Debug, Subcommand)]
pub(crate) enum Assistant {
    /// List the assistants.
    List,
    /// Show an assistant with its draft.
    Show {
        /// Its slug or id.
        assistant: String,
    },
    /// Create an assistant from a file. It answers nobody before it is published.
    Create {
        /// Its slug, in public addresses: a-z, 0-9 and -.
        slug: String,
        /// File with its configuration, as docs/assistants.md describes it; - for standard input.
        file: PathBuf,
        /// What lists call it [default: the name of the configuration].
        #[arg(long)]
        name: Option<String>,
    },
    /// Put a file in the place of an assistant's draft, or give it another slug or name.
    Set {
        /// Its slug or id.
        assistant: String,
        /// File with its configuration; - for standard input.
        file: Option<PathBuf>,
        /// Another slug; the old one leads nowhere any more.
        #[arg(long)]
        slug: Option<String>,
        /// What lists call it.
        #[arg(long)]
        name: Option<String>,
    },
    /// Publish the draft: it answers in conversations that begin from now on.
    Publish {
        /// Its slug or id.
        assistant: String,
        /// What is to be said about it.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Publish an earlier version again.
    Restore {
        /// Its slug or id.
        assistant: String,
        /// The number of the version.
        number: u32,
        /// What is to be said about it.
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List the published versions, or show one.
    Versions {
        /// Its slug or id.
        assistant: String,
        /// The number of one to show.
        number: Option<u32>,
    },
    /// Let nobody begin a conversation any more; those that have begun go on.
    Retire {
        /// Its slug or id.
        assistant: String,
    },
    /// Bring a retired assistant back.
    Unretire {
        /// Its slug or id.
        assistant: String,
    },
    /// Remove an assistant with its versions and all of its conversations.
    Remove {
        /// Its slug or id.
        assistant: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show how its conversations went.
    Stats {
        /// Its slug or id.
        assistant: String,
        #[command(flatten)]
        days: Days,
    },
    /// List what it did not answer, the most asked first.
    Gaps {
        /// Its slug or id.
        assistant: String,
        #[command(flatten)]
        days: Days,
    },
    /// Talk to it: reads lines, prints answers with their sources.
    Talk {
        /// Its slug or id.
        assistant: String,
        /// To its draft instead of the published version.
        #[arg(long)]
        draft: bool,
        /// Your language, ISO 639-1 [default: its first].
        #[arg(long)]
        language: Option<String>,
    },
}

/// A time.
#[derive(Debug, Args)]
pub(crate) struct Days {
    /// From this day (YYYY-MM-DD, UTC) on [default: 30 days ago].
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<String>,
    /// Up to and with this day.
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<String>,
}

/// `conversation` …
#[derive(Debug, Subcommand)]
pub(crate) enum Conversation {
    /// List the conversations that you may see, newest first.
    List(ConversationFilter),
    /// Show a conversation with all that was said, and with its card.
    Show {
        /// Its id (conv_…).
        id: String,
    },
    /// Open a conversation with an assistant.
    Open {
        /// The assistant's slug or id.
        assistant: String,
        /// Your own name for it: while one is open, that one is given back.
        #[arg(long)]
        external_id: Option<String>,
        /// The customer's language, ISO 639-1.
        #[arg(long)]
        language: Option<String>,
        /// With the draft instead of the published version.
        #[arg(long)]
        draft: bool,
        /// Only who holds this label may see it; can be repeated.
        #[arg(long = "label")]
        labels: Vec<String>,
    },
    /// Write as the customer, in a conversation that you opened.
    Say {
        /// Its id (conv_…).
        id: String,
        /// What they write.
        text: String,
    },
    /// Take a conversation, from the queue or from the assistant.
    Take {
        /// Its id (conv_…).
        id: String,
    },
    /// Put a conversation back in the queue.
    Release {
        /// Its id (conv_…).
        id: String,
    },
    /// Answer in a conversation that you have.
    Answer {
        /// Its id (conv_…).
        id: String,
        /// What you answer.
        text: String,
    },
    /// Give a conversation back to the assistant.
    HandBack {
        /// Its id (conv_…).
        id: String,
    },
    /// Close a conversation.
    Close {
        /// Its id (conv_…).
        id: String,
        /// Why: a code such as resolved or no_answer.
        #[arg(long, default_value = "resolved")]
        reason: String,
    },
    /// Open a closed conversation again; you have it then.
    Reopen {
        /// Its id (conv_…).
        id: String,
    },
    /// Remove a conversation with all that was said.
    Remove {
        /// Its id (conv_…).
        id: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// `conversation list`
#[derive(Debug, Args)]
pub(crate) struct ConversationFilter {
    /// Only those that are bot, waiting, human or closed.
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only those with this assistant: its slug or id.
    #[arg(long)]
    pub(crate) assistant: Option<String>,
    /// Only those of this channel: api or widget.
    #[arg(long)]
    pub(crate) channel: Option<String>,
    /// Only those that you have.
    #[arg(long)]
    pub(crate) mine: bool,
    /// Only those of which the customer thinks so: resolved, unresolved, thumb_up, thumb_down.
    #[arg(long)]
    pub(crate) feedback: Option<String>,
    /// The most conversations to list, 1 to 1,000.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}
