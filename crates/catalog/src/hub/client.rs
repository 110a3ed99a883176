//! Asks a hub, follows its redirects, and reads what it announces about a file.

use std::time::Duration;

use hf_hub::api::RepoInfo;
use hf_hub::api::sync::{ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use sha2::{Digest, Sha256};
use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

use super::HubOptions;
use super::address::Address;
use crate::digest::Expected;
use crate::names::is_hex;
use crate::{CatalogError, HubSource};

/// The most redirects that are followed for one file; the public hub needs two.
const MAX_REDIRECTS: usize = 5;
/// The largest description of a repository that is read.
const MAX_INFO_BYTES: u64 = 16 << 20;
/// Time for name, connection and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// What the hub announces about a file.
#[derive(Debug, Clone)]
pub(super) struct RemoteFile {
    /// Path within the repository.
    pub(super) path: String,
    /// Its size.
    pub(super) bytes: u64,
    /// Its contents.
    pub(super) expected: Expected,
    /// Identifies contents of unknown digest: commit and path.
    identity: String,
}

impl RemoteFile {
    /// Name of the partial file: the same for the same contents, whatever the revision.
    pub(super) fn part_name(&self) -> String {
        let key = match &self.expected {
            Expected::Sha256(digest) | Expected::GitBlob(digest) => digest,
            Expected::Unknown => &self.identity,
        };
        let name = Sha256::digest(format!("{key} {}", self.bytes).as_bytes());
        format!("{}.part", hex::encode(&name[..16]))
    }
}

/// One repository at one commit.
pub(super) struct Client {
    repository: String,
    licence: String,
    commit: String,
    stall_timeout: Duration,
    origin: Address,
    /// Sends the token; for the hub's own origin only.
    trusted: ApiRepo,
    /// The same without a token; for hosts that the hub redirects to.
    anonymous: ApiRepo,
}

/// Headers gathered along the redirects of one request.
#[derive(Default)]
struct Announced {
    commit: Option<String>,
    /// Of large files, which are stored elsewhere.
    linked_etag: Option<String>,
    linked_size: Option<u64>,
    /// Of the last answer of the hub itself; other hosts' tags have other meanings.
    etag: Option<String>,
}

impl Client {
    /// Resolves the revision of `hub` to a commit.
    pub(super) fn connect(
        options: &HubOptions,
        hub: &HubSource,
        licence: &str,
    ) -> Result<Self, CatalogError> {
        let trusted = api_repo(options, options.token.clone(), hub, &hub.revision)?;
        let base = trusted.url("");
        let origin = Address::parse(&base).ok_or_else(|| CatalogError::InvalidHubOption {
            reason: "the repository or revision cannot be part of an address".to_owned(),
        })?;
        let mut client = Self {
            repository: hub.repository.clone(),
            licence: licence.to_owned(),
            commit: String::new(),
            stall_timeout: options.stall_timeout,
            origin,
            anonymous: api_repo(options, None, hub, &hub.revision)?,
            trusted,
        };
        let what = format!("{} at {}", hub.repository, hub.revision);
        client.commit = client.resolve(&what)?;
        let pinned = HubSource { revision: client.commit.clone(), ..hub.clone() };
        client.trusted = api_repo(options, options.token.clone(), &pinned, &client.commit)?;
        Ok(client)
    }

    /// The commit, 40 hexadecimal digits.
    pub(super) fn commit(&self) -> &str {
        &self.commit
    }

    fn resolve(&self, what: &str) -> Result<String, CatalogError> {
        let uri = self.trusted.info_request().uri_ref().map(ToString::to_string);
        let address = uri.as_deref().and_then(Address::parse);
        let address = address.ok_or_else(|| protocol(what, "the address is not usable"))?;
        let mut answer = self.get(address, None, what, &mut Announced::default())?;
        let info: RepoInfo = answer
            .body_mut()
            .with_config()
            .limit(MAX_INFO_BYTES)
            .read_json()
            .map_err(|_| protocol(what, "it is not the description of a repository"))?;
        if !is_hex(&info.sha, 40) {
            return Err(protocol(what, "the commit is not 40 hexadecimal digits"));
        }
        Ok(info.sha)
    }

    /// What the hub says about `file`; one byte of it is fetched.
    pub(super) fn describe(&self, file: &str) -> Result<RemoteFile, CatalogError> {
        let what = format!("{file} of {}", self.repository);
        let mut announced = Announced::default();
        let answer = self.get(self.address(file)?, Some("bytes=0-0"), &what, &mut announced)?;
        if announced.commit.as_ref().is_some_and(|commit| *commit != self.commit) {
            return Err(protocol(&what, "it belongs to another commit than was asked for"));
        }
        let sized = announced.linked_size.or_else(|| total_size(&answer));
        let bytes = sized.ok_or_else(|| protocol(&what, "the size of the file is missing"))?;
        let etag = announced.linked_etag.or(announced.etag).unwrap_or_default();
        Ok(RemoteFile {
            path: file.to_owned(),
            bytes,
            expected: Expected::from_etag(&etag),
            identity: format!("{}/{file}@{}", self.repository, self.commit),
        })
    }

    /// Starts the transfer of `file` from byte `from` on.
    ///
    /// The answer's status is 200 or 206, or 416 when the hub has nothing after `from`.
    pub(super) fn open(&self, file: &str, from: u64) -> Result<Response<Body>, CatalogError> {
        let range = (from > 0).then(|| format!("bytes={from}-"));
        let what = format!("{file} of {}", self.repository);
        self.get(self.address(file)?, range.as_deref(), &what, &mut Announced::default())
    }

    fn address(&self, file: &str) -> Result<Address, CatalogError> {
        Address::parse(&self.trusted.url(file))
            .ok_or_else(|| protocol(file, "the address is not usable"))
    }

    /// Sends a request and follows redirects; the token stays on the hub's origin.
    fn get(
        &self,
        start: Address,
        range: Option<&str>,
        what: &str,
        announced: &mut Announced,
    ) -> Result<Response<Body>, CatalogError> {
        let mut address = start;
        for _ in 0..=MAX_REDIRECTS {
            let on_hub = address.same_origin(&self.origin);
            let answer = self.send(&address, on_hub, range)?;
            if on_hub {
                announced.note(answer.headers());
            }
            if !answer.status().is_redirection() {
                return self.accept(answer, on_hub, what);
            }
            let location = header(answer.headers(), "location");
            address = location
                .and_then(|location| address.redirect(location))
                .ok_or_else(|| protocol(what, "it redirects to no usable address"))?;
        }
        Err(protocol(what, "it redirects more than five times"))
    }

    fn send(
        &self,
        address: &Address,
        on_hub: bool,
        range: Option<&str>,
    ) -> Result<Response<Body>, CatalogError> {
        let repo = if on_hub { &self.trusted } else { &self.anonymous };
        // `info_request` is the one door of hf-hub to its agent; only the address is replaced.
        let mut request = repo.info_request().uri(address.uri().clone());
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let mut config = request
            .config()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("identity")
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(self.stall_timeout))
            .timeout_per_read(Some(self.stall_timeout));
        if address.is_loopback() {
            config = config.proxy(None);
        }
        config.build().call().map_err(|error| CatalogError::Unreachable {
            host: address.host_and_port(),
            reason: error.to_string(),
        })
    }

    fn accept(
        &self,
        answer: Response<Body>,
        on_hub: bool,
        what: &str,
    ) -> Result<Response<Body>, CatalogError> {
        let status = answer.status();
        let code = header(answer.headers(), "x-error-code").unwrap_or_default();
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                Ok(answer)
            }
            // The hub answers 401 for what does not exist, too, and says so in this header.
            _ if on_hub && (status == StatusCode::NOT_FOUND || code.ends_with("NotFound")) => {
                Err(CatalogError::NotOnHub { what: what.to_owned() })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if on_hub => {
                Err(CatalogError::Gated {
                    repository: self.repository.clone(),
                    status: status.as_u16(),
                    licence: self.licence.clone(),
                })
            }
            _ => Err(CatalogError::HubStatus { what: what.to_owned(), status: status.as_u16() }),
        }
    }
}

impl Announced {
    fn note(&mut self, headers: &HeaderMap) {
        let text = |name| header(headers, name).map(str::to_owned);
        self.commit = self.commit.take().or_else(|| text("x-repo-commit"));
        self.linked_etag = self.linked_etag.take().or_else(|| text("x-linked-etag"));
        let size = header(headers, "x-linked-size").and_then(|size| size.trim().parse().ok());
        self.linked_size = self.linked_size.or(size);
        self.etag = text("etag").or_else(|| self.etag.take());
    }
}

fn api_repo(
    options: &HubOptions,
    token: Option<String>,
    hub: &HubSource,
    revision: &str,
) -> Result<ApiRepo, CatalogError> {
    // hf-hub looks for a token beside its cache; `with_token` replaces whatever it found. The
    // cache itself stays unused.
    let mut builder = ApiBuilder::from_cache(Cache::new("".into()))
        .with_token(token)
        .with_progress(false)
        .with_user_agent("intramuros", env!("CARGO_PKG_VERSION"));
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint.trim().trim_end_matches('/').to_owned());
    }
    let api = builder.build().map_err(|error| CatalogError::InvalidHubOption {
        reason: format!("the hub client cannot start: {error}"),
    })?;
    let name = hub.repository.clone();
    Ok(api.repo(Repo::with_revision(name, RepoType::Model, revision.to_owned())))
}

/// Size of the whole file, from `Content-Range` of a part or `Content-Length` of the whole.
fn total_size(answer: &Response<Body>) -> Option<u64> {
    match answer.status() {
        StatusCode::OK => header(answer.headers(), "content-length")?.trim().parse().ok(),
        // `bytes */0` is how an empty file refuses a range.
        _ => header(answer.headers(), "content-range")?.rsplit('/').next()?.trim().parse().ok(),
    }
}

/// A header as text; `None` when it is missing or not ASCII.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An answer that breaks the protocol.
pub(super) fn protocol(what: &str, reason: &str) -> CatalogError {
    CatalogError::HubProtocol { what: what.to_owned(), reason: reason.to_owned() }
}
