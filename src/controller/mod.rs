//! What one program alone can do for a cluster: indices of nodes, the conditions of objects over
//! all nodes, the end of the status of a node that is gone, and the API server's question whether an
//! object may be as somebody wants it.
//!
//! Several may run; all of them answer, and a Lease says which one acts. What always holds: who does
//! not lead writes nothing but the lease; whoever loses it stops before another one can have it, in the middle of what it
//! does if need be; and no agent needs any of this to go on with what it has.

pub mod admission;
pub mod certificate;
mod duties;
mod elector;
pub mod fold;
pub mod health;
pub mod index;
mod keeper;
pub mod lease;
mod options;
mod webhook;
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
use keeper::Keeper;
use lease::{Candidate, Timing};
pub use options::{ControllerError, Options};
use webhook::{Certificates, Webhook};
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
    let (keeper, webhook) = match options.webhook {
        Listen::Off => (None, None),
        Listen::At(address) => {
            let (wish, namespace) = (options.certificates, &options.namespace);
            let certificates = Certificates::watch(&client, namespace, keeper::SECRET);
            let certificates = certificates.map_err(ControllerError::Tls)?;
            let webhook = Webhook::start(address, &certificates, world.known(), namespace);
            let keeper = Keeper::new(&client, namespace, wish, certificates);
            (Some(keeper), Some(webhook))
        }
    };
    let (_webhook, answers) = webhook.unzip();
    let _server = match options.listen {
        Listen::Off => None,
        Listen::At(address) => {
            let health = Health {
                timing: options.timing,
                signs: elector.signs(),
                progress: world.progress(),
                webhook: answers,
            };
            Some(Server::start(address, health))
        }
    };
    let leadership = elector.leadership();
    let duties = Duties::new(&client, &options.namespace, &world);
    tokio::select! {
        never = elector.run() => match never {},
        never = while_leading(leadership, duties, keeper) => match never {},
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
    mut keeper: Option<Keeper>,
) -> Infallible {
    loop {
        elector::won(&mut leadership).await;
        tokio::select! {
            biased;
            () = elector::lost(&mut leadership) => {}
            never = duties.run() => match never {},
            never = kept(keeper.as_mut()) => match never {},
        }
    }
}

/// Keeps the webhook's certificate, if there is a webhook.
async fn kept(keeper: Option<&mut Keeper>) -> Infallible {
    match keeper {
        Some(keeper) => keeper.run().await,
        None => std::future::pending().await,
    }
}

/// What a kubelet asks for.
#[derive(Clone)]
struct Health {
    timing: Timing,
    signs: Arc<Signs>,
    progress: Arc<Progress>,
    webhook: Option<webhook::State>,
}

impl Site for Health {
    const WHAT: &'static str = "probes";

    fn answer(&self, uri: &Uri) -> Response<Full<Bytes>> {
        let vitals = Vitals {
            silent: self.signs.silent(),
            allowed: health::allowed(self.timing),
            election: self.signs.election(),
            unread: self.progress.unread(),
            webhook: self.webhook.as_ref().and_then(webhook::State::trouble),
        };
        probed(uri, |probe, wishes| health::answer(probe, wishes, &vitals)).unwrap_or_else(|| {
            missing("there is /livez, /readyz, /startupz (with ?verbose, ?exclude=CHECK)\n")
        })
    }
}
