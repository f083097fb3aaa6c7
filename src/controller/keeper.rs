//! What the leader does for the webhook's certificate: makes it, renews it, and tells the API server
//! whom to trust, as [`certificate`] decides.
//!
//! What always holds: a write replaces the version that was read, and fails if that is gone.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::certificate::{self, CertificateError, Held, Step, Wish};
use super::duties::{DutyError, MANAGER, call};
use super::webhook::Certificates;
use crate::agent::chain;

/// The Secret, in the controllers' namespace.
pub(super) const SECRET: &str = "perouter-webhook";

/// What tells the API server of the webhook.
const CONFIGURATION: &str = "perouter";

/// The longest time between looks.
const LOOK: Duration = Duration::from_secs(30);

/// Why it is not done.
#[derive(Debug, thiserror::Error)]
enum KeeperError {
    #[error(transparent)]
    Api(#[from] DutyError),
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Keeps the certificate.
pub(super) struct Keeper {
    secrets: Api<Secret>,
    configurations: Api<ValidatingWebhookConfiguration>,
    wish: Wish,
    certificates: Certificates,
    /// Since when all is as it is, by the version of the Secret.
    steady: Option<(Option<String>, Instant)>,
    complaint: Option<String>,
    warned: bool,
}

impl Keeper {
    pub(super) fn new(
        client: &Client,
        namespace: &str,
        wish: Wish,
        certificates: Certificates,
    ) -> Self {
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            configurations: Api::all(client.clone()),
            wish,
            certificates,
            steady: None,
            complaint: None,
            warned: false,
        }
    }

    /// Goes on for ever. May be dropped anywhere, and begun again.
    pub(super) async fn run(&mut self) -> Infallible {
        // Whoever led meanwhile may have changed all.
        self.steady = None;
        let pause = LOOK.min(self.wish.overlap() / 2);
        loop {
            match self.round().await {
                Ok(()) => self.complaint = None,
                Err(error) => {
                    self.steady = None;
                    let said = chain(&error);
                    if self.complaint.as_ref() != Some(&said) {
                        tracing::warn!("the webhook's certificate cannot be kept: {said}");
                        self.complaint = Some(said);
                    }
                    tokio::time::sleep(pause).await;
                    continue;
                }
            }
            let _ = tokio::time::timeout(pause, self.certificates.changed()).await;
        }
    }

    async fn round(&mut self) -> Result<(), KeeperError> {
        let secret = call(self.secrets.get_opt(SECRET)).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let held = match secret {
            None => self.create(now).await?,
            Some(secret) if secret.type_.as_deref() != Some(certificate::TYPE) => {
                // A type stays for ever.
                self.delete(&secret).await?;
                self.create(now).await?
            }
            Some(secret) => self.renew(secret, now).await?,
        };
        if self.publish(&held.bundle()).await? == Published::Now {
            self.steady = None;
        }
        Ok(())
    }

    async fn create(&mut self, now: Duration) -> Result<Held, KeeperError> {
        let held = Held::make(&self.wish, now)?;
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(SECRET.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some(certificate::TYPE.to_owned()),
            data: Some(held.data()),
            ..Secret::default()
        };
        call(self.secrets.create(&written(), &secret)).await?;
        self.steady = None;
        tracing::info!("made a certificate for the webhook");
        Ok(held)
    }

    async fn delete(&self, secret: &Secret) -> Result<(), DutyError> {
        let only = Preconditions {
            uid: secret.uid(),
            resource_version: secret.resource_version(),
        };
        let options = DeleteParams::default().preconditions(only);
        call(self.secrets.delete(SECRET, &options)).await.map(drop)
    }

    /// Takes the next step of a Secret that is there.
    async fn renew(&mut self, mut secret: Secret, now: Duration) -> Result<Held, KeeperError> {
        let data = secret.data.take().unwrap_or_default();
        let version = secret.resource_version();
        let held = match Held::read(&data, &self.wish, now) {
            Ok(held) => {
                let steady = self.steady_for(&version);
                let step = certificate::decide(&held, &self.wish, now, steady);
                if step == Step::Keep {
                    return Ok(held);
                }
                tracing::info!(?step, "renews the webhook's certificate");
                held.after(step, &self.wish, now)?
            }
            Err(error) => {
                tracing::warn!("the webhook's certificate is made anew: {error}");
                Held::make(&self.wish, now)?
            }
        };
        secret.data = Some(held.data());
        call(self.secrets.replace(SECRET, &written(), &secret)).await?;
        self.steady = None;
        Ok(held)
    }

    /// For how long this version of the Secret has been there, and known.
    fn steady_for(&mut self, version: &Option<String>) -> Duration {
        match &self.steady {
            Some((of, since)) if of == version => since.elapsed(),
            Some(_) | None => {
                self.steady = Some((version.clone(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// Tells the API server whom to trust.
    async fn publish(&mut self, bundle: &[u8]) -> Result<Published, DutyError> {
        let found = call(self.configurations.get_opt(CONFIGURATION)).await?;
        let Some(found) = found else {
            if !std::mem::replace(&mut self.warned, true) {
                tracing::warn!(
                    "there is no ValidatingWebhookConfiguration {CONFIGURATION}: nobody asks the webhook"
                );
            }
            return Ok(Published::Before);
        };
        self.warned = false;
        let bundle = ByteString(bundle.to_vec());
        let webhooks = found.webhooks.iter().flatten();
        let behind: Vec<Value> = webhooks
            .filter(|webhook| webhook.client_config.ca_bundle.as_ref() != Some(&bundle))
            .map(|webhook| json!({"name": webhook.name, "clientConfig": {"caBundle": bundle}}))
            .collect();
        if behind.is_empty() {
            return Ok(Published::Before);
        }
        let patch = json!({
            "metadata": {"resourceVersion": found.resource_version()},
            "webhooks": behind,
        });
        let options = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Strategic(&patch);
        call(self.configurations.patch(CONFIGURATION, &options, &patch)).await?;
        tracing::info!("told the API server whom to trust as the webhook");
        Ok(Published::Now)
    }
}

/// When the API server was told whom to trust.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Published {
    /// Before this round.
    Before,
    /// In it.
    Now,
}

fn written() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}
