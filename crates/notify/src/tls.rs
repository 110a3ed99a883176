//! Reads the certificates that are trusted to sign those of receivers.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::egress::Egress;
use crate::error::EgressError;

/// The system's certificates and those of `ca_file`.
///
/// # Errors
/// `CaFile` when it cannot be read or holds no certificate.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let system = rustls_native_certs::load_native_certs();
    if let Some(error) = system.errors.first() {
        tracing::warn!(%error, "some of the system's certificates cannot be read");
    }
    let mut roots = system.certs;
    let Some(path) = ca_file else { return Ok(roots) };
    let wrong = |reason: String| EgressError::CaFile { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let own: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("is not PEM: {error}")))?;
    if own.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    let mut store = RootCertStore::empty();
    for certificate in &own {
        let added = store.add(certificate.clone());
        added.map_err(|error| wrong(format!("holds a certificate that is none: {error}")))?;
    }
    roots.extend(own);
    Ok(roots)
}

/// TLS with these certificates.
pub(crate) fn config(egress: &Egress) -> Arc<ClientConfig> {
    let mut store = RootCertStore::empty();
    // Systems carry some that rustls does not take; the others serve.
    let _ = store.add_parsable_certificates(egress.roots().iter().cloned());
    Arc::new(ClientConfig::builder().with_root_certificates(store).with_no_client_auth())
}
