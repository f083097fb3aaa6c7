//! The admission webhook: reads what the API server asks, and answers as [`admission`] judges.
//!
//! Every controller answers, whoever leads. What always holds: an answer comes from what the watches
//! have told, never from a request to the API server, which waits for it; before they have told all
//! there is no answer but an error, at once; and the certificate is the one that the Secret holds
//! now, for every connection anew.

mod secure;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview, Operation};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::admission::{self, SeenNode, Verdict};
use super::world::{Known, NodeMeta};
use crate::agent::source::INDEX;
use crate::api::{Kind, Manifest, ObjectKey};
use crate::intent::NodeIndex;
use crate::status::serve::bind;
pub(super) use secure::Certificates;

/// Where the API server asks.
const PATH: &str = "/validate";

/// How long one call may take in all. The API server gives up earlier.
const WHOLE: Duration = Duration::from_secs(15);

/// How many calls there may be at once; others wait.
const CALLS: usize = 64;

/// The most bytes of a question: an object before and after, of which etcd takes 1.5 MiB.
const QUESTION: usize = 8 * 1024 * 1024;

/// The pause after a failure to listen.
const RETRY: Duration = Duration::from_secs(2);

/// What answers, until it is dropped.
pub(super) struct Webhook {
    _server: AbortOnDropHandle<()>,
}

/// What a probe wants to know of it.
#[derive(Clone)]
pub(super) struct State {
    listens: Arc<AtomicBool>,
    certificates: Certificates,
}

impl State {
    /// What keeps it from answering.
    pub(super) fn trouble(&self) -> Option<String> {
        if !self.certificates.any() {
            Some("there is no certificate yet".to_owned())
        } else if !self.listens.load(Ordering::Acquire) {
            Some("it cannot listen at its address".to_owned())
        } else {
            None
        }
    }
}

impl Webhook {
    /// Begins to answer at `address` with these certificates, by what is known. `namespace` is the
    /// one of agents and controller.
    pub(super) fn start(
        address: SocketAddr,
        certificates: &Certificates,
        known: Known,
        namespace: &str,
    ) -> (Self, State) {
        let state = State {
            listens: Arc::default(),
            certificates: certificates.clone(),
        };
        let reviewer = Arc::new(Reviewer {
            namespace: namespace.to_owned(),
            known,
            read: Mutex::default(),
        });
        let acceptor = TlsAcceptor::from(certificates.config());
        let listens = Arc::clone(&state.listens);
        let server =
            tokio::spawn(
                async move { match serve(address, acceptor, reviewer, &listens).await {} },
            );
        let this = Self {
            _server: AbortOnDropHandle::new(server),
        };
        (this, state)
    }
}

async fn serve(
    address: SocketAddr,
    acceptor: TlsAcceptor,
    reviewer: Arc<Reviewer>,
    listens: &AtomicBool,
) -> Infallible {
    let listener = listen(address).await;
    listens.store(true, Ordering::Release);
    let calls = Arc::new(Semaphore::new(CALLS));
    loop {
        let accepted = listener.accept().await;
        let Ok(call) = Arc::clone(&calls).acquire_owned().await else {
            // It is never closed; were it, calls would wait for their end.
            continue;
        };
        match accepted {
            Ok((stream, _)) => {
                let (acceptor, reviewer) = (acceptor.clone(), Arc::clone(&reviewer));
                tokio::spawn(async move {
                    let conversation = converse(stream, acceptor, reviewer);
                    if tokio::time::timeout(WHOLE, conversation).await.is_err() {
                        tracing::debug!("a caller of the webhook took too long");
                    }
                    drop(call);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Listens, sooner or later.
async fn listen(address: SocketAddr) -> TcpListener {
    let mut complaint = None;
    loop {
        let bound = bind(address).await;
        match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((at, listener)) => {
                tracing::info!("the webhook is at https://{at}{PATH}");
                return listener;
            }
            Err(error) => {
                let said = error.to_string();
                if complaint.as_ref() != Some(&said) {
                    tracing::error!(
                        "the webhook is not at {address}: {said}; give another address with \
                         --webhook-listen; trying again"
                    );
                    complaint = Some(said);
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// One question and its answer. There is no second one on a connection: the next call sees the
/// certificate as it is then, and none is lost because a connection ends that was idle.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, reviewer: Arc<Reviewer>) {
    let secured = match acceptor.accept(stream).await {
        Ok(secured) => secured,
        Err(error) => {
            tracing::debug!("a caller of the webhook does not come to terms: {error}");
            return;
        }
    };
    let service = service_fn(|request| {
        let reviewer = Arc::clone(&reviewer);
        async move { Ok::<_, Infallible>(answer(request, reviewer).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(WHOLE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(secured), service);
    if let Err(error) = serving.await {
        tracing::debug!("a caller of the webhook went before its answer: {error}");
    }
}

async fn answer(request: Request<Incoming>, reviewer: Arc<Reviewer>) -> Response<Full<Bytes>> {
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, format!("there is {PATH}\n"));
    }
    if request.method() != Method::POST {
        let words = "post an AdmissionReview\n".to_owned();
        return plain(StatusCode::METHOD_NOT_ALLOWED, words);
    }
    let unread = reviewer.known.progress.unread();
    if !unread.is_empty() {
        let words = format!("not read from the API yet: {}\n", unread.join(", "));
        return plain(StatusCode::SERVICE_UNAVAILABLE, words);
    }
    let question = match Limited::new(request.into_body(), QUESTION).collect().await {
        Ok(question) => question.to_bytes(),
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    // It may take its time, in which others are to be answered.
    let reviewed = tokio::task::spawn_blocking(move || reviewer.review(&question)).await;
    match reviewed {
        Ok(Ok(review)) => {
            let mut response = plain(StatusCode::OK, review);
            let json = hyper::header::HeaderValue::from_static("application/json");
            let headers = response.headers_mut();
            headers.insert(hyper::header::CONTENT_TYPE, json);
            response
        }
        Ok(Err(error)) => plain(StatusCode::BAD_REQUEST, format!("{error}\n")),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn plain(status: StatusCode, words: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(words));
    *response.status_mut() = status;
    response
}

/// Answers by what is known.
struct Reviewer {
    namespace: String,
    known: Known,
    /// Objects as they were read, by the version that they were read of.
    read: Mutex<HashMap<ObjectKey, AsRead>>,
}

struct AsRead {
    version: Option<String>,
    manifest: Option<Arc<Manifest>>,
}

impl Reviewer {
    /// Answers an AdmissionReview with one, both as JSON.
    fn review(&self, question: &[u8]) -> Result<String, serde_json::Error> {
        let review: AdmissionReview<DynamicObject> = serde_json::from_slice(question)?;
        let answer = match review.try_into() {
            Ok(request) => self.response(&request)?,
            Err(error) => AdmissionResponse::invalid(error),
        };
        serde_json::to_string(&answer.into_review())
    }

    fn response(
        &self,
        request: &AdmissionRequest<DynamicObject>,
    ) -> Result<AdmissionResponse, serde_json::Error> {
        let mut response = AdmissionResponse::from(request);
        let wanted = match request.operation {
            Operation::Create | Operation::Update => request.object.as_ref(),
            Operation::Delete | Operation::Connect => None,
        };
        let Some(wanted) = wanted else {
            return Ok(response);
        };
        let new = serde_json::to_value(wanted)?;
        let old = request.old_object.as_ref();
        let old = old.map(serde_json::to_value).transpose()?;
        Ok(match self.judge(&new, old.as_ref()) {
            Verdict::Allowed { warnings } => {
                response.warnings = (!warnings.is_empty()).then_some(warnings);
                response
            }
            Verdict::Denied { reasons } => {
                let (name, namespace) = (wanted.name_any(), wanted.namespace());
                tracing::info!(name, namespace, ?reasons, "denied");
                response.deny(reasons.join("\n"))
            }
        })
    }

    fn judge(&self, new: &Value, old: Option<&Value>) -> Verdict {
        let nodes = self.known.nodes.state();
        let nodes: Vec<SeenNode> = nodes.iter().map(|node| seen(node)).collect();
        let manifests = self.manifests();
        let objects: Vec<&Manifest> = manifests.iter().map(AsRef::as_ref).collect();
        let world = admission::World {
            namespace: &self.namespace,
            nodes: &nodes,
            objects: &objects,
        };
        admission::review(&world, new, old)
    }

    /// All objects that are valid by themselves.
    fn manifests(&self) -> Vec<Arc<Manifest>> {
        // Whoever panicked left whole objects behind.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *read);
        for (kind, store) in &self.known.objects {
            for object in store.state() {
                let (key, version) = (key(*kind, &object), object.resource_version());
                let same = before.remove(&key).filter(|it| it.version == version);
                let entry = same.unwrap_or_else(|| AsRead {
                    version,
                    manifest: manifest(&object).map(Arc::new),
                });
                read.insert(key, entry);
            }
        }
        let manifests = read.values().filter_map(|it| it.manifest.clone());
        manifests.collect()
    }
}

fn key(kind: Kind, object: &DynamicObject) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn manifest(object: &DynamicObject) -> Option<Manifest> {
    admission::read(&serde_json::to_value(object).ok()?).ok()
}

fn seen(node: &NodeMeta) -> SeenNode {
    let index = node.annotations().get(INDEX);
    SeenNode {
        name: node.name_any(),
        labels: node.labels().clone(),
        index: index.and_then(|text| text.parse().ok()).map(NodeIndex),
    }
}
