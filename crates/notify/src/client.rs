//! Posts to webhooks, over connections that the egress policy agreed to.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::egress::Egress;
use crate::error::causes;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the look-up of the name to the last byte that is read.
pub(crate) const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Of an answer's head; its body is read only where it says why it is no success.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_BODY_BYTES: u64 = 1024;

const USER_AGENT: &str = concat!("intramuros/", env!("CARGO_PKG_VERSION"));

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The beginning of the body, when it is no success.
    pub(crate) body: String,
}

/// A client that connects to nothing but what the policy allows. Keeps no connection.
#[derive(Clone)]
pub(crate) struct WebhookClient {
    egress: Egress,
    agent: Agent,
}

impl WebhookClient {
    pub(crate) fn new(egress: Egress, total: Duration) -> Self {
        let roots = egress.roots().iter();
        let roots = roots.map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots))).build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // What the environment says about proxies is not what `egress.allow` says.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .max_response_header_size(MAX_HEAD_BYTES)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(total))
            .tls_config(tls)
            .build();
        let resolver = Checked(egress.clone());
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        Self { egress, agent }
    }

    /// Posts `body`. Blocks. An error says why there is no answer.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Result<Answer, String> {
        // Settings may have changed since the webhook was made.
        let url = self.egress.permit_url(url).map_err(|error| causes(&error))?;
        let mut request = self.agent.post(url.as_str()).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut answer = request.send(body).map_err(reason)?;
        let status = answer.status().as_u16();
        let mut said = Vec::new();
        if !(200..300).contains(&status) {
            // What cannot be read is missing from a message, no more.
            let _ = answer.body_mut().as_reader().take(MAX_BODY_BYTES).read_to_end(&mut said);
        }
        Ok(Answer { status, body: String::from_utf8_lossy(&said).trim().to_owned() })
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn reason(error: ureq::Error) -> String {
    // Ours come back wrapped.
    #[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
    match &error {
        ureq::Error::Other(ours) => causes(ours.as_ref()),
        other => causes(other),
    }
}

/// Resolves names as the policy does, and so connects to what it checked.
#[derive(Debug)]
struct Checked(Egress);

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let patience = (*timeout.after).min(CONNECT_TIMEOUT);
        let found = self.0.resolve(host, port, patience);
        let mut addresses = self.empty();
        for address in found.map_err(|error| ureq::Error::Other(Box::new(error)))? {
            addresses.push(address);
        }
        Ok(addresses)
    }
}
