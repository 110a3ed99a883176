//! Checks `[egress]`, `[webhooks]` and `[smtp]`, all that concerns connections to others.

use std::path::PathBuf;

use anyhow::bail;
use intramuros_notify::{Egress as Policy, Schedule};
use serde::Deserialize;

use super::Settings;
use crate::language::tr;

/// `[egress]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Egress {
    /// Empty: nothing leaves.
    pub(crate) allow: Vec<String>,
    pub(crate) allow_public: bool,
    /// Empty: the system's certificates alone.
    pub(crate) ca_file: PathBuf,
}

/// `[webhooks]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhooks {
    pub(crate) retry_after: Vec<String>,
    pub(crate) keep_days: u32,
}

/// `[smtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Smtp {
    /// Empty: no e-mail.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: SmtpSecurity,
    /// Empty: the server asks for none.
    pub(crate) user: String,
    pub(crate) password_file: PathBuf,
    pub(crate) from: String,
    pub(crate) timeout_seconds: u64,
    /// Empty: the domain of `from`.
    pub(crate) recipients: Vec<String>,
}

/// `smtp.security`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmtpSecurity {
    /// From the first byte.
    Tls,
    /// After `STARTTLS`.
    Starttls,
    /// To this machine and private networks only.
    None,
}

/// Refuses what could not work. What is read from files is looked at when the server starts.
pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    Policy::check_entries(&settings.egress.allow)?;
    Schedule::read(&settings.webhooks.retry_after)?;
    if settings.webhooks.keep_days == 0 {
        bail!(tr(
            "webhooks.keep_days vaut 0 ; il doit valoir au moins 1",
            "webhooks.keep_days is 0; it must be at least 1",
        ));
    }
    let smtp = &settings.smtp;
    if smtp.host.is_empty() {
        return Ok(());
    }
    if smtp.from.is_empty() {
        bail!(tr(
            "smtp.host demande smtp.from, l'adresse de l'expéditeur",
            "smtp.host needs smtp.from, the sender's address",
        ));
    }
    if !(1..=600).contains(&smtp.timeout_seconds) {
        let seconds = smtp.timeout_seconds;
        bail!(tr(
            format!("smtp.timeout_seconds vaut {seconds} ; il doit valoir de 1 à 600"),
            format!("smtp.timeout_seconds is {seconds}; it must be 1 to 600"),
        ));
    }
    if smtp.user.is_empty() != smtp.password_file.as_os_str().is_empty() {
        bail!(tr(
            "smtp.user et smtp.password_file vont ensemble",
            "smtp.user and smtp.password_file go together",
        ));
    }
    if !smtp.user.is_empty() && smtp.security == SmtpSecurity::None {
        bail!(tr(
            "smtp.user demande smtp.security = \"tls\" ou \"starttls\" : le mot de passe passerait en \
             clair",
            "smtp.user needs smtp.security = \"tls\" or \"starttls\": the password would cross the \
             network in the clear",
        ));
    }
    Ok(())
}
