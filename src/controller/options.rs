//! What the controller is told, and why it may not start.

use super::certificate::Wish;
use super::lease::Timing;
use crate::status::serve::Listen;

/// What the controller is told on its command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the lease and the statuses of nodes are.
    pub namespace: String,
    /// The name of the lease.
    pub lease: String,
    /// The times of the election.
    pub timing: Timing,
    /// What this one is called in the lease; no other may be called so.
    pub identity: String,
    /// Where it answers probes over HTTP.
    pub listen: Listen,
    /// Where it answers the API server over HTTPS, whether objects may be as somebody wants them.
    pub webhook: Listen,
    /// The certificates of that.
    pub certificates: Wish,
}

/// The controller cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The credentials for the Kubernetes API.
    #[error("cannot find out how to reach the Kubernetes API")]
    Kubernetes(#[source] kube::Error),
    /// TLS.
    #[error("cannot prepare TLS for the webhook")]
    Tls(#[source] rustls::Error),
    /// Its signals.
    #[error("cannot catch signals: {0}")]
    Signal(std::io::Error),
}
