//! Knows which models exist, fetches them, and keeps the directory of those that are installed.
//!
//! Three things live here. The [`Catalog`] is `models/catalog.toml`, embedded in the binary: what
//! each model is, under which licence, where its files come from, and how much memory it needs.
//! The [`ModelsDir`] is the directory of installed models, each with a [`Manifest`] that pins
//! source, revision, sizes, digests and licence; models enter it by [`pull`] from a hub, by
//! [`ModelsDir::import`] from a disk, or by `scripts/fetch-models` from registry packages.
//! [`recommend`] says which models of the catalogue fit a machine, with the figures.
//!
//! # Invariants
//! - A model appears under its id only when every file is complete, checked and on disk: files are
//!   prepared in `.staging/`, synced, and renamed into place in one step.
//! - No digest is invented. The catalogue holds digests of registry packages that were checked;
//!   for a hub file the digest is what the hub itself announces, checked while downloading.
//! - An access token goes to the hub's own origin and never to the host that a download is
//!   redirected to.
//! - Ids and paths from users, manifests and hubs are checked before they touch a path.
//!
//! # What it does not do
//! It serves nothing, loads no weights, and opens a connection only inside [`pull`]. It reads no
//! environment variable: the binary reads `HF_ENDPOINT` and `HF_TOKEN` and passes them in
//! [`HubOptions`].

mod catalog;
mod digest;
mod error;
mod figures;
mod hub;
mod magic;
mod manifest;
mod models_dir;
mod names;
mod progress;
mod recommend;

pub use catalog::{
    Catalog, CatalogFile, CatalogModel, HubFile, HubSource, PackageFile, Status, Task,
};
pub use error::CatalogError;
pub use figures::Bytes;
pub use hub::{HubOptions, Retry, pull};
pub use manifest::{Manifest, ManifestFile, Source};
pub use models_dir::{
    FileCheck, FileState, ImportOptions, Imported, InstalledModel, ModelsDir, Verification,
};
pub use progress::{Activity, Progress};
pub use recommend::{Gpu, Machine, Recommendation, recommend};
