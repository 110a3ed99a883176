//! Checks who may call the server from where.

use anyhow::bail;
use intramuros_http::{AllowedHost, Network, Origin};

use super::Server;
use crate::language::tr;

/// Checks `server.cors_origins`, `server.allowed_hosts` and `server.trusted_proxies`.
pub(super) fn check(server: &Server) -> anyhow::Result<()> {
    if let Some(origin) = server.cors_origins.iter().find(|text| Origin::parse(text).is_none()) {
        bail!(tr(
            format!(
                "server.cors_origins contient « {origin} » ; il faut des origines exactes, comme \
                 https://intranet.exemple.fr ou http://localhost:3000, sans chemin ni joker"
            ),
            format!(
                "server.cors_origins has '{origin}'; it must have exact origins such as \
                 https://intranet.example.com or http://localhost:3000, without path or wildcard"
            ),
        ));
    }
    if let Some(host) = server.allowed_hosts.iter().find(|text| AllowedHost::parse(text).is_none())
    {
        bail!(tr(
            format!(
                "server.allowed_hosts contient « {host} » ; il faut des noms ou des adresses, avec \
                 ou sans port, comme ia.exemple.fr ou 10.0.0.5:8484"
            ),
            format!(
                "server.allowed_hosts has '{host}'; it must have names or addresses, with or \
                 without a port, such as ia.example.com or 10.0.0.5:8484"
            ),
        ));
    }
    let proxies = &server.trusted_proxies;
    if let Some(proxy) = proxies.iter().find(|text| Network::parse(text).is_none()) {
        bail!(tr(
            format!(
                "server.trusted_proxies contient « {proxy} » ; il faut des adresses ou des réseaux, \
                 comme 127.0.0.1 ou 10.0.0.0/8"
            ),
            format!(
                "server.trusted_proxies has '{proxy}'; it must have addresses or networks such as \
                 127.0.0.1 or 10.0.0.0/8"
            ),
        ));
    }
    Ok(())
}
