//! What one program alone can do for a cluster: indices of nodes, the conditions of objects over
//! all nodes, and the end of the status of a node that is gone.
//!
//! Several may run; a Lease says which one acts. What always holds: who does not lead writes nothing
//! but the lease; whoever loses it stops before another one can have it, in the middle of what it
//! does if need be; and no agent needs any of this to go on with what it has.

mod duties;
mod elector;
pub mod fold;
pub mod health;
pub mod index;
pub mod lease;
mod options;
mod world;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, Uri};
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::status::serve::{Listen, Server, Site, missing, probed};
use duties::Duties;
use elector::{Elector, Leadership, Signs};
use health::Vitals;
use lease::{Candidate, Timing};
pub use options::{ControllerError, Options};
use world::{Progress, World};

/// How long the end waits for the API server to take the lease back.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs until SIGTERM or SIGINT, and gives the lease back then.
///
/// # Errors
/// [`ControllerError`] when it cannot start; once it runs, failures are told and retried.
pub async fn run(options: Options) -> Result<(), ControllerError> {
    let mut stop = signal(SignalKind::terminate()).map_err(ControllerError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ControllerError::Signal)?;
    let client = Client::try_default().await;
    let client = client.map_err(ControllerError::Kubernetes)?;
    let world = World::watch(&client, &options.namespace);
    let candidate = Candidate::new(options.identity, options.timing);
    tracing::info!(identity = candidate.identity(), "started");
    let mut elector = Elector::new(&client, &options.namespace, &options.lease, candidate);
    let _server = match options.listen {
        Listen::Off => None,
        Listen::At(address) => {
            let health = Health {
                timing: options.timing,
                signs: elector.signs(),
                progress: world.progress(),
            };
            Some(Server::start(address, health))
        }
    };
    let leadership = elector.leadership();
    let duties = Duties::new(&client, &options.namespace, &world);
    tokio::select! {
        never = elector.run() => match never {},
        never = while_leading(leadership, duties) => match never {},
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    if tokio::time::timeout(FAREWELL, elector.release())
        .await
        .is_err()
    {
        tracing::warn!("the lease could not be given back in time; it runs out by itself");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Does the duties whenever this is the leader, and drops what it is at when it no longer is.
async fn while_leading(
    mut leadership: watch::Receiver<Leadership>,
    mut duties: Duties<'_>,
) -> Infallible {
    loop {
        elector::won(&mut leadership).await;
        tokio::select! {
            biased;
            () = elector::lost(&mut leadership) => {}
            never = duties.run() => match never {},
        }
    }
}

/// What a kubelet asks for.
#[derive(Clone)]
struct Health {
    timing: Timing,
    signs: Arc<Signs>,
    progress: Arc<Progress>,
}

impl Site for Health {
    const WHAT: &'static str = "probes";

    fn answer(&self, uri: &Uri) -> Response<Full<Bytes>> {
        let vitals = Vitals {
            silent: self.signs.silent(),
            allowed: health::allowed(self.timing),
            election: self.signs.election(),
            unread: self.progress.unread(),
        };
        probed(uri, |probe, wishes| health::answer(probe, wishes, &vitals)).unwrap_or_else(|| {
            missing("there is /livez, /readyz, /startupz (with ?verbose, ?exclude=CHECK)\n")
        })
    }
}
