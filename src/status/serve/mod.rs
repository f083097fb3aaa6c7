//! Answers over HTTP: probes, metrics, and the page on this node.
//!
//! On a thread of its own, so that a kubelet is answered while the loop is at work. What always
//! holds: nothing here waits for the loop or makes it wait; a connection takes one request, and
//! ends soon, whatever its client does; and there are only so many, of which the oldest gives
//! way. A port that is taken is tried again: a router does not die of it.

mod answer;
mod bind;
mod process;
mod pulse;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;

use super::metrics::Meters;
use super::report::{ListenReport, Report};
pub(crate) use answer::{missing, probed};
pub(crate) use bind::bind;
pub use pulse::Pulse;

/// How long a client may take to say what it wants.
const HEADERS: Duration = Duration::from_secs(5);

/// How long a connection may last in all, so that one that does not read its answer ends too.
const WHOLE: Duration = Duration::from_secs(20);

/// How many connections there may be. A kubelet and two Prometheus servers need a handful; when
/// there are more, the oldest has had its time.
const CONNECTIONS: usize = 64;

/// The most bytes of a request's head.
const HEAD: usize = 16 * 1024;

/// The time from a failure to listen to the next try, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(15);

/// Where to listen, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// At this address and port.
    At(SocketAddr),
}

impl Listen {
    /// Where the agent listens unless told otherwise: what it serves needs no password, and is
    /// nobody's business outside of the node.
    pub const DEFAULT: &str = "127.0.0.1:9081";
}

/// What is no place to listen at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must read like 127.0.0.1:9081, [::1]:9081, :9081 for all addresses, or off")]
pub struct NotAnAddress;

impl FromStr for Listen {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let all = text.strip_prefix(':').map(|port| format!("[::]:{port}"));
        let address = all.as_deref().unwrap_or(text).parse();
        address.map(Self::At).map_err(|_| NotAnAddress)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// What is served.
pub trait Site: Clone + Send + Sync + 'static {
    /// What there is, in words for the log.
    const WHAT: &'static str;

    /// The answer to whoever asks for this.
    fn answer(&self, uri: &Uri) -> Response<Full<Bytes>>;
}

/// What is served of a node, as the loop tells it.
#[derive(Clone, Debug)]
pub struct View {
    /// The last report.
    pub reports: watch::Receiver<Option<Arc<Report>>>,
    /// How the loop gets on.
    pub pulse: Arc<Pulse>,
    /// What it counts.
    pub meters: Meters,
}

/// The server's thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    wanted: SocketAddr,
    state: watch::Receiver<State>,
    _stop: oneshot::Sender<Infallible>,
}

/// Whether it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not tried yet.
    Starting,
    /// It does, here.
    At(SocketAddr),
    /// It does not.
    Failed(String),
}

impl Server {
    /// Begins to serve. That it cannot listen yet is no failure: it goes on trying, and says so.
    #[must_use]
    pub fn start<S: Site>(address: SocketAddr, site: S) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, state) = watch::channel(State::Starting);
        let failed = told.clone();
        let thread = std::thread::Builder::new().name("http".to_owned());
        let spawned = thread.spawn(move || {
            if let Err(error) = run(address, site, &told, stopped) {
                told.send_replace(State::Failed(error.to_string()));
                tracing::error!("{} are not served: {error}", S::WHAT);
            }
        });
        if let Err(error) = spawned {
            failed.send_replace(State::Failed(error.to_string()));
            tracing::error!("{} are not served: {error}", S::WHAT);
        }
        Self {
            wanted: address,
            state,
            _stop: stop,
        }
    }

    /// Where it listens, or why it does not.
    #[must_use]
    pub fn report(&self) -> ListenReport {
        let (address, error) = match &*self.state.borrow() {
            State::Starting => (self.wanted, None),
            State::At(address) => (*address, None),
            State::Failed(error) => (self.wanted, Some(error.clone())),
        };
        ListenReport {
            address: address.to_string(),
            error,
        }
    }

    /// Waits until it listens; the address tells the port where 0 was asked for.
    ///
    /// None when its thread has ended.
    pub async fn listening(&self) -> Option<SocketAddr> {
        let mut state = self.state.clone();
        let at = |state: &State| match state {
            State::At(address) => Some(*address),
            State::Starting | State::Failed(_) => None,
        };
        let state = state.wait_for(|state| at(state).is_some()).await.ok()?;
        at(&state)
    }
}

/// Serves until `stopped` is dropped.
fn run<S: Site>(
    address: SocketAddr,
    site: S,
    told: &watch::Sender<State>,
    stopped: oneshot::Receiver<Infallible>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::select! {
            never = serve(address, site, told) => match never {},
            _ = stopped => Ok(()),
        }
    })
}

async fn serve<S: Site>(address: SocketAddr, site: S, told: &watch::Sender<State>) -> Infallible {
    let listener = listen(address, S::WHAT, told).await;
    let mut open = Connections::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let task = tokio::spawn(converse(stream, site.clone()));
                open.add(task.abort_handle());
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Listens, sooner or later.
async fn listen(address: SocketAddr, what: &str, told: &watch::Sender<State>) -> TcpListener {
    let mut pause = RETRY_FIRST;
    loop {
        let bound = bind(address).await;
        match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((at, listener)) => {
                tracing::info!("{what} are at http://{at}/");
                told.send_replace(State::At(at));
                return listener;
            }
            Err(error) => {
                let words = cannot_listen(&error);
                if *told.borrow() != State::Failed(words.clone()) {
                    tracing::error!("{what} are not at {address}: {words}");
                }
                told.send_replace(State::Failed(words));
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
        }
    }
}

/// The kernel's words, and what to do.
fn cannot_listen(error: &io::Error) -> String {
    let advice = if error.kind() == io::ErrorKind::AddrInUse {
        "another program listens there (`ss -ltnp` names it): stop it, or give another port with --listen"
    } else if error.kind() == io::ErrorKind::AddrNotAvailable {
        "the node does not have this address: give one that it has with --listen"
    } else {
        "give another address with --listen"
    };
    format!("{error}; {advice}; trying again")
}

/// The connections that there are, the oldest first.
#[derive(Default)]
struct Connections(VecDeque<AbortHandle>);

impl Connections {
    fn add(&mut self, new: AbortHandle) {
        if self.0.len() >= CONNECTIONS {
            self.0.retain(|connection| !connection.is_finished());
        }
        if self.0.len() >= CONNECTIONS
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(new);
    }
}

/// One request and its answer.
async fn converse(stream: TcpStream, site: impl Site) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answer = answer::to(&site, request.method(), request.uri());
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(WHOLE, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("a client went before its answer: {error}"),
        Err(_) => tracing::debug!("a client took too long"),
    }
}
