//! Looks at what the server may connect to, without connecting.

use super::{Area, Finding};
use crate::language::tr;
use crate::outside;
use crate::settings::Settings;

/// The findings about `[egress]` and `[smtp]`.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let count = settings.egress.allow.len();
    let mut findings = vec![Finding::good(
        Area::Settings,
        match count {
            0 => tr(
                "le serveur ne se connecte à rien (egress.allow est vide)".to_owned(),
                "the server connects to nothing (egress.allow is empty)".to_owned(),
            ),
            _ => tr(
                format!("le serveur peut se connecter à {count} destinations (egress.allow)"),
                format!("the server may connect to {count} destinations (egress.allow)"),
            ),
        },
    )];
    if settings.egress.allow_public {
        findings.push(Finding::warning(
            Area::Settings,
            tr(
                "egress.allow_public laisse sortir des données vers des adresses publiques",
                "egress.allow_public lets data leave for public addresses",
            ),
            tr(
                "remettez-le à false si toutes les destinations sont sur vos réseaux",
                "set it to false if all destinations are in your networks",
            ),
        ));
    }
    if let Err(error) = usable(settings) {
        let remedy = tr(
            "corrigez [egress] et [smtp] ; docs/configuration.md les décrit",
            "correct [egress] and [smtp]; docs/configuration.md describes them",
        );
        findings.push(Finding::bad(Area::Settings, format!("{error:#}"), remedy));
    }
    findings
}

fn usable(settings: &Settings) -> anyhow::Result<()> {
    let egress = outside::egress(settings)?;
    if let Some(smtp) = outside::smtp(&settings.smtp)? {
        smtp.check(&egress)?;
    }
    Ok(())
}
