//! Says what can go wrong between here and a receiver.

use std::net::IpAddr;
use std::path::PathBuf;

use intramuros_ledger::LedgerError;
use intramuros_types::Fault;

/// Why no connection is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// An entry of `egress.allow` cannot be read.
    #[error("egress.allow: `{entry}` {reason}")]
    Entry {
        /// The entry.
        entry: String,
        /// Continues the sentence.
        reason: &'static str,
    },
    /// An address is not one that can be posted to.
    #[error("url {reason}")]
    Url {
        /// Continues the sentence.
        reason: &'static str,
    },
    /// No entry of `egress.allow` covers it.
    #[error("egress.allow does not name {destination}; add it to the settings, then restart")]
    NotAllowed {
        /// Scheme, host and port.
        destination: String,
    },
    /// The name has no address.
    #[error("{host} was not found")]
    Unknown {
        /// The name.
        host: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// An address that the name resolves to is not connected to.
    #[error("{host} is at {address}, which {reason}")]
    Address {
        /// The name.
        host: String,
        /// The address.
        address: IpAddr,
        /// Continues the sentence.
        reason: &'static str,
    },
    /// `egress.ca_file` cannot be used.
    #[error("egress.ca_file {} {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Continues the sentence.
        reason: String,
    },
}

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// No connection is made.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A value cannot be used.
    #[error("{name} {reason}")]
    Invalid {
        /// The field or setting.
        name: &'static str,
        /// Continues the sentence.
        reason: String,
    },
    /// No SMTP server is configured.
    #[error("no e-mail can be sent: smtp.host is not set")]
    NoMail,
}

impl NotifyError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Ledger(error) => error.fault(),
            Self::Egress(_) | Self::Invalid { .. } => Fault::User,
            Self::NoMail => Fault::Runtime,
        }
    }
}

/// The error with what caused it, on one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
