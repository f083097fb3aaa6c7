//! The certificate that the webhook serves with, as the Secret holds it now.
//!
//! What always holds: one that cannot be used replaces none that can.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::agent::source::{Recovery, follow};
use crate::controller::certificate;

/// What serves now, until all who know of it are dropped.
#[derive(Clone)]
pub(in crate::controller) struct Certificates {
    current: Arc<Current>,
    changed: Arc<Notify>,
    config: Arc<ServerConfig>,
    _watch: Arc<AbortOnDropHandle<()>>,
}

impl Certificates {
    /// Watches the Secret of this name.
    ///
    /// # Errors
    /// When there is no version of TLS that this program speaks.
    pub(in crate::controller) fn watch(
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<Self, rustls::Error> {
        let current = Arc::new(Current::default());
        let provider = Arc::new(certificate::provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        let changed = Arc::new(Notify::new());
        let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let told = watcher::watcher(api, only).boxed();
        let (kept, tell) = (Arc::clone(&current), Arc::clone(&changed));
        let heed = move |event| {
            match event {
                Ok(Event::Apply(secret) | Event::InitApply(secret)) => kept.load(&secret),
                Ok(Event::Init | Event::InitDone | Event::Delete(_)) | Err(_) => {}
            }
            tell.notify_one();
        };
        let watch = follow(format!("Secret {name}"), told, Recovery::default(), heed);
        Ok(Self {
            current,
            changed,
            config: Arc::new(config),
            _watch: Arc::new(AbortOnDropHandle::new(tokio::spawn(watch))),
        })
    }

    /// Whether there is one.
    pub(super) fn any(&self) -> bool {
        self.current.get().is_some()
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Waits until the Secret is otherwise than at the last call.
    ///
    /// Cancel safe.
    pub(in crate::controller) async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[derive(Default)]
struct Current(RwLock<Option<Arc<CertifiedKey>>>);

impl Current {
    fn get(&self) -> Option<Arc<CertifiedKey>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn load(&self, secret: &Secret) {
        let data = secret.data.clone().unwrap_or_default();
        match certificate::serving(&data) {
            Ok(key) => {
                let same = self.get().is_some_and(|old| old.cert == key.cert);
                if !same {
                    tracing::info!("the webhook has another certificate");
                }
                let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
                *current = Some(Arc::new(key));
            }
            Err(error) => tracing::warn!("the certificate in the Secret cannot be used: {error}"),
        }
    }
}

impl fmt::Debug for Current {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.get()
    }
}
