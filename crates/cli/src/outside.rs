//! Makes what speaks to others, as the settings say: the egress policy, webhooks, e-mail.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use intramuros_ledger::Ledger;
use intramuros_notify::{
    Egress, EgressConfig, Notifier, NotifyConfig, Schedule, Security, SmtpConfig,
};

use crate::language::tr;
use crate::settings::{Settings, Smtp, SmtpSecurity};

const MAX_PASSWORD_BYTES: u64 = 4096;

/// Webhooks and e-mail.
pub(crate) fn notifier(settings: &Settings, ledger: Ledger) -> anyhow::Result<Notifier> {
    let config = NotifyConfig {
        schedule: Schedule::read(&settings.webhooks.retry_after)?,
        smtp: smtp(&settings.smtp)?,
    };
    Ok(Notifier::new(ledger, egress(settings)?, config)?)
}

/// What may be connected to.
pub(crate) fn egress(settings: &Settings) -> anyhow::Result<Egress> {
    let egress = &settings.egress;
    let config = EgressConfig {
        allow: egress.allow.clone(),
        allow_public: egress.allow_public,
        ca_file: Some(egress.ca_file.clone()).filter(|file| !file.as_os_str().is_empty()),
    };
    Ok(Egress::new(&config)?)
}

/// The SMTP server, if there is one.
pub(crate) fn smtp(smtp: &Smtp) -> anyhow::Result<Option<SmtpConfig>> {
    if smtp.host.is_empty() {
        return Ok(None);
    }
    let credentials = match smtp.user.as_str() {
        "" => None,
        user => Some((user.to_owned(), password(&smtp.password_file)?)),
    };
    let (security, usual_port) = match smtp.security {
        SmtpSecurity::Tls => (Security::Tls, 465),
        SmtpSecurity::Starttls => (Security::StartTls, 587),
        SmtpSecurity::None => (Security::None, 25),
    };
    Ok(Some(SmtpConfig {
        host: smtp.host.clone(),
        port: if smtp.port == 0 { usual_port } else { smtp.port },
        security,
        credentials,
        from: smtp.from.clone(),
        timeout: Duration::from_secs(smtp.timeout_seconds),
        recipients: smtp.recipients.clone(),
    }))
}

/// The first line of a file that other users of the machine cannot read.
fn password(path: &Path) -> anyhow::Result<String> {
    let unreadable = || {
        let path = path.display();
        tr(
            format!("smtp.password_file : {path} ne peut pas être lu"),
            format!("smtp.password_file: {path} cannot be read"),
        )
    };
    let file = File::open(path).with_context(unreadable)?;
    // Of the very file that is read.
    let mode = file.metadata().with_context(unreadable)?.mode();
    if mode & 0o007 != 0 {
        let path = path.display();
        bail!(tr(
            format!(
                "smtp.password_file : tous les utilisateurs de la machine peuvent lire {path} ; \
                 chmod 640 {path}"
            ),
            format!(
                "smtp.password_file: every user of this machine can read {path}; chmod 640 {path}"
            ),
        ));
    }
    let mut text = String::new();
    file.take(MAX_PASSWORD_BYTES).read_to_string(&mut text).with_context(unreadable)?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        let path = path.display();
        bail!(tr(
            format!("smtp.password_file : la première ligne de {path} est vide"),
            format!("smtp.password_file: the first line of {path} is empty"),
        ));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::password;

    #[test]
    fn a_password_that_others_can_read_is_refused() {
        let file = std::env::temp_dir().join(format!("intramuros-password-{}", std::process::id()));
        let write = |text: &str, mode: u32| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            password(&file).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(write("s3cret\nmore\n", 0o640).unwrap(), "s3cret");
        for mode in [0o644, 0o604, 0o602, 0o601] {
            let error = write("s3cret\n", mode).unwrap_err();
            assert!(error.contains("chmod 640") && !error.contains("s3cret"), "{error}");
        }
        assert!(write("\n", 0o600).is_err());
        std::fs::remove_file(&file).unwrap();
        assert!(password(&file).is_err());
    }
}
