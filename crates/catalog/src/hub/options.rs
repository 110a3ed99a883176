//! Says which hub is used, as whom, and with how much patience.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
use crate::CatalogError;

/// How often and how fast an interrupted file is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts in a row that may fail without much progress; at least one is made.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each further one, up to 32 times.
    pub pause: Duration,
}

/// Which hub is used, and how. `Default` is the public hub without a token.
#[derive(Clone)]
pub struct HubOptions {
    /// Base address of the hub (`HF_ENDPOINT`); `None` is hf-hub's default.
    pub endpoint: Option<String>,
    /// Access token (`HF_TOKEN`). It is sent to the hub's origin only, and never in clear text
    /// over a network.
    pub token: Option<String>,
    /// A hub cache of other tools (`HF_HOME/hub`): files found there are copied and checked
    /// instead of fetched. Nothing is written to it.
    pub cache: Option<PathBuf>,
    /// Patience with broken connections.
    pub retry: Retry,
    /// The longest silence of a connection before it counts as broken.
    pub stall_timeout: Duration,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            endpoint: None,
            token: None,
            cache: None,
            retry: Retry { attempts: 5, pause: Duration::from_secs(1) },
            stall_timeout: Duration::from_secs(60),
        }
    }
}

/// Leaves the token out.
impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubOptions")
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("cache", &self.cache)
            .field("retry", &self.retry)
            .field("stall_timeout", &self.stall_timeout)
            .finish()
    }
}

impl HubOptions {
    /// Refuses settings that could not work or would give the token away.
    pub(super) fn check(&self) -> Result<(), CatalogError> {
        let refuse =
            |reason: &str| Err(CatalogError::InvalidHubOption { reason: reason.to_owned() });
        if let Some(token) = &self.token
            && (token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return refuse("the token must be visible ASCII characters without spaces");
        }
        let Some(endpoint) = &self.endpoint else { return Ok(()) };
        let Some(address) = Address::parse(endpoint) else {
            return refuse("the endpoint must be http:// or https:// and a host, without a user");
        };
        if endpoint.contains(['?', '#']) {
            return refuse("the endpoint must have neither query nor fragment");
        }
        if self.token.is_some() && !address.is_secure() && !address.is_loopback() {
            return refuse("a token would cross the network in clear text; use an https endpoint");
        }
        Ok(())
    }
}
