//! Declares the commands about keys, users and groups.

use clap::Subcommand;

/// `keys` …
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key. The secret is shown once.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// What it allows: inference, knowledge:read, knowledge:write, reviews:read,
        /// reviews:write, triage:read, triage:write, triage:manage, assistants:read,
        /// assistants:write, conversations:read, conversations:write, conversations:answer,
        /// pilots:read, pilots:write, jobs:read, jobs:write, usage:read, metrics:read, audit:read,
        /// admin.
        #[arg(long = "scope", value_delimiter = ',', value_name = "SCOPES",
            default_values_t = ["inference".to_string(), "knowledge:read".to_string(), "knowledge:write".to_string()])]
        scopes: Vec<String>,
        /// Name of the user whose it is: it then never does or reads more than they may.
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        #[command(flatten)]
        options: KeyOptions,
    },
    /// Change what is said about a key; its secret stays.
    Update {
        /// The key's id (imk_… and 8 characters).
        id: String,
        /// What it is for.
        #[arg(long)]
        name: Option<String>,
        /// What it allows.
        #[arg(long = "scope", value_delimiter = ',', value_name = "SCOPES")]
        scopes: Vec<String>,
        #[command(flatten)]
        options: KeyOptions,
    },
    /// List keys, without their secrets.
    List,
    /// Make a key that is like another but for its secret; the old one goes on for a while.
    Rotate {
        /// The key's id (imk_… and 8 characters).
        id: String,
        /// Hours for which the old secret goes on.
        #[arg(long, default_value_t = 24, value_name = "HOURS")]
        grace: u32,
    },
    /// Refuse a key from now on.
    Revoke {
        /// The key's id (imk_… and 8 characters).
        id: String,
    },
}

/// What is said about a key when it is made and when it is changed.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyOptions {
    /// Whose documents it opens beside those that are open to everybody; '*' for all.
    #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
    pub(crate) labels: Vec<String>,
    /// Labels whose documents it does not open, whatever else it opens.
    #[arg(long = "deny", value_delimiter = ',', value_name = "LABELS")]
    pub(crate) denied: Vec<String>,
    /// Days until it expires.
    #[arg(long, value_name = "DAYS")]
    pub(crate) expires: Option<u32>,
    #[command(flatten)]
    pub(crate) limits: KeyLimits,
}

/// How much a key may do.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyLimits {
    /// Requests that a minute brings.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) requests_per_minute: Option<u32>,
    /// Tokens that a minute brings, of prompts and answers together.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) tokens_per_minute: Option<u32>,
    /// Requests at the same time.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) concurrent_requests: Option<u32>,
    /// Tokens of a calendar month, of prompts and answers together.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) monthly_tokens: Option<u64>,
}

/// `users` …
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// Make a user. A password is drawn and shown once, unless one is given.
    Create {
        /// What they sign in with.
        name: String,
        /// What people call them [default: the name].
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// reader, reviewer, operator or admin; each may do what the one before may.
        #[arg(long, default_value = "reader")]
        role: String,
        /// Whose documents they read beside those that are open to everybody; '*' for all.
        #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
        labels: Vec<String>,
        /// Labels whose documents they do not read, whatever else they hold.
        #[arg(long = "deny", value_delimiter = ',', value_name = "LABELS")]
        denied: Vec<String>,
        /// Read the password from standard input instead of drawing one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List users.
    List,
    /// Change what is said about a user.
    Update {
        /// What they sign in with.
        name: String,
        /// What people call them.
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
        /// reader, reviewer, operator or admin.
        #[arg(long)]
        role: Option<String>,
        /// Whose documents they read; --label '' for none.
        #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
        labels: Vec<String>,
        /// Labels whose documents they do not read; --deny '' for none.
        #[arg(long = "deny", value_delimiter = ',', value_name = "LABELS")]
        denied: Vec<String>,
    },
    /// Give a user another password and sign them out.
    Password {
        /// What they sign in with.
        name: String,
        /// Read the password from standard input instead of drawing one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Sign a user out, and refuse them and their keys.
    Disable {
        /// What they sign in with.
        name: String,
    },
    /// Let a disabled user in again.
    Enable {
        /// What they sign in with.
        name: String,
    },
    /// Remove a user; their keys are revoked.
    Remove {
        /// What they sign in with.
        name: String,
    },
}

/// `groups` …
#[derive(Debug, Subcommand)]
pub(crate) enum Groups {
    /// Make a group without members.
    Create {
        /// Lower-case letters, digits and hyphens.
        id: String,
        /// What people call it [default: the id].
        #[arg(long)]
        title: Option<String>,
        /// Whose documents it opens to its members; '*' for all.
        #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
        labels: Vec<String>,
        /// Labels whose documents it closes to its members, whatever else they hold.
        #[arg(long = "deny", value_delimiter = ',', value_name = "LABELS")]
        denied: Vec<String>,
    },
    /// List groups.
    List,
    /// Show a group with its members.
    Show {
        /// The group's id.
        id: String,
    },
    /// Change what is said about a group.
    Update {
        /// The group's id.
        id: String,
        /// What people call it.
        #[arg(long)]
        title: Option<String>,
        /// Whose documents it opens; --label '' for none.
        #[arg(long = "label", value_delimiter = ',', value_name = "LABELS")]
        labels: Vec<String>,
        /// Labels whose documents it closes; --deny '' for none.
        #[arg(long = "deny", value_delimiter = ',', value_name = "LABELS")]
        denied: Vec<String>,
    },
    /// Take users (by name) and keys (by id) into a group.
    Add {
        /// The group's id.
        id: String,
        /// Names of users, ids of keys.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Take users (by name) and keys (by id) out of a group.
    Remove {
        /// The group's id.
        id: String,
        /// Names of users, ids of keys.
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Remove a group.
    Delete {
        /// The group's id.
        id: String,
    },
}
