//! The Secrets that sessions may take their passwords from: those of one type, in the namespace
//! that the agent runs in. No others are asked for.
//!
//! What was told stays while the API server is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::cluster::tell;
use super::follow::follow;
use super::recovery::Recovery;
use crate::api::secrets::{Secrets, TYPE};

/// What is known of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Sealed {
    namespace: String,
    store: Store<Secret>,
    complete: Arc<AtomicBool>,
    _watch: AbortOnDropHandle<()>,
}

impl Sealed {
    /// Watches them. Whenever something else than before is known, `changed` is told.
    pub(super) fn watch(
        client: &Client,
        namespace: &str,
        recovery: &Recovery,
        changed: &mpsc::Sender<()>,
    ) -> Self {
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let only = watcher::Config::default().fields(&format!("type={TYPE}"));
        let (store, writer) = reflector::store();
        let told = reflector::reflector(writer, watcher::watcher(api, only)).boxed();
        let complete = Arc::new(AtomicBool::new(false));
        let (done, changed) = (Arc::clone(&complete), changed.clone());
        let heed = move |event| match event {
            Ok(Event::InitDone) => {
                done.store(true, Ordering::Release);
                tell(&changed);
            }
            Ok(Event::Apply(_) | Event::Delete(_)) => tell(&changed),
            Ok(Event::Init | Event::InitApply(_)) | Err(_) => {}
        };
        let watch = follow("Secret".to_owned(), told, recovery.clone(), heed);
        Self {
            namespace: namespace.to_owned(),
            store,
            complete,
            _watch: AbortOnDropHandle::new(tokio::spawn(watch)),
        }
    }

    /// All that are known.
    pub(super) fn secrets(&self) -> Secrets {
        let mut secrets = if self.complete.load(Ordering::Acquire) {
            Secrets::within(&self.namespace)
        } else {
            Secrets::unread("the Kubernetes API has not told of Secrets yet")
        };
        for secret in self.store.state() {
            secrets.add(&secret);
        }
        secrets
    }
}
