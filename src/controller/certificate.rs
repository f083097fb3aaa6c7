//! The certificate that the API server knows the webhook by: what a Secret holds of it, and what to
//! do next.
//!
//! Pure but for the making of keys; the time is a parameter. A certificate comes with a CA of its
//! own, whose key is thrown away at once: nobody, who reads the Secret included, can make another
//! one that the API server would trust. What always holds: a certificate serves only when its CA has
//! been known for a while, and its CA is known for a while after it has served, so that no call fails
//! over a rotation, whichever of the controllers answers it and however late it hears of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::ByteString;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

#[cfg(test)]
mod tests;

/// The type of the Secret.
pub const TYPE: &str = "kubernetes.io/tls";

/// What the Secret holds, by key. Of the next pair no other program knows.
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const CA: &str = "ca.crt";
const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_KEY: &str = "next.key";

/// Clocks of API servers may be late by this much.
const BEFORE: Duration = Duration::from_secs(3600);

/// How long everybody has to hear of a change, at the most.
const OVERLAP: Duration = Duration::from_secs(60);

/// The data of a Secret.
pub type Data = BTreeMap<String, ByteString>;

/// What is wrong with a certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The Secret lacks something.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// It is no PEM, or not of what it should be.
    #[error("{0} cannot be read: {1}")]
    Pem(&'static str, rustls::pki_types::pem::Error),
    /// Key and certificate are of two minds, or no API server would trust them.
    #[error("it is of no use: {0}")]
    Useless(#[from] rustls::Error),
    /// Its CA cannot be used.
    #[error("its CA is of no use: {0}")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
    /// What it should be for is no name.
    #[error("{0:?} is no DNS name and no address")]
    Name(String),
    /// It could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// What certificates are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What the API server calls the webhook: DNS names and addresses.
    pub names: Vec<String>,
    /// How long one is good.
    pub lifetime: Duration,
}

impl Wish {
    /// How long before its end a certificate is replaced.
    fn margin(&self) -> Duration {
        self.lifetime / 3
    }

    /// How long everybody has to hear of a change.
    #[must_use]
    pub fn overlap(&self) -> Duration {
        OVERLAP.min(self.lifetime / 12)
    }
}

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// What a good Secret holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    serving: Pair,
    /// The CA of the one that serves.
    ca: Vec<u8>,
    /// The one that will serve, or has.
    other: Other,
}

/// What is held besides the certificate that serves.
#[derive(Clone, PartialEq, Eq)]
enum Other {
    Nothing,
    /// The one that comes next, and its CA.
    Next(Pair, Vec<u8>),
    /// The CA of the one before.
    Last(Vec<u8>),
}

impl fmt::Debug for Held {
    /// Without its keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = match self.other {
            Other::Nothing => "nothing",
            Other::Next(..) => "the next one",
            Other::Last(_) => "the CA of the last one",
        };
        f.debug_struct("Held")
            .field("besides", &other)
            .finish_non_exhaustive()
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Keep,
    /// Make the next one, so that its CA becomes known.
    Announce,
    /// Let the next one serve: its CA is known.
    Promote,
    /// Forget the CA of the last one: nobody serves with it any more.
    Retire,
}

/// What to do with a good certificate at `now`, since the epoch, given for how long nothing was seen
/// to change: neither the Secret nor what the API server was told of it.
#[must_use]
pub fn decide(held: &Held, wish: &Wish, now: Duration, steady: Duration) -> Step {
    let settled = steady >= wish.overlap();
    let then = now + wish.margin();
    match &held.other {
        Other::Next(..) | Other::Last(_) if !settled => Step::Keep,
        Other::Next(pair, ca) if good(pair, ca, wish, then).is_ok() => Step::Promote,
        Other::Next(..) => Step::Announce,
        Other::Last(_) => Step::Retire,
        Other::Nothing if good(&held.serving, &held.ca, wish, then).is_ok() => Step::Keep,
        Other::Nothing => Step::Announce,
    }
}

impl Held {
    /// Makes the first one.
    ///
    /// # Errors
    /// [`CertificateError`] when a name is none.
    pub fn make(wish: &Wish, now: Duration) -> Result<Self, CertificateError> {
        let (serving, ca) = make(wish, now)?;
        Ok(Self {
            serving,
            ca,
            other: Other::Nothing,
        })
    }

    /// What a Secret holds, if an API server would trust it at `now`.
    ///
    /// # Errors
    /// [`CertificateError`] with what is wrong, and nothing of a key.
    pub fn read(data: &Data, wish: &Wish, now: Duration) -> Result<Self, CertificateError> {
        let get = |key| {
            let bytes: Option<&ByteString> = data.get(key);
            bytes.map(|bytes| bytes.0.clone())
        };
        let demand = |key| get(key).ok_or(CertificateError::Missing(key));
        let serving = Pair {
            certificate: demand(CERTIFICATE)?,
            key: demand(KEY)?,
        };
        let bundle = demand(CA)?;
        let (ca, rest) = split(&bundle);
        good(&serving, ca, wish, now)?;
        let other = match (get(NEXT_CERTIFICATE), get(NEXT_KEY), rest) {
            (_, _, []) => Other::Nothing,
            (Some(certificate), Some(key), rest) => {
                Other::Next(Pair { certificate, key }, rest.to_vec())
            }
            (_, _, rest) => Other::Last(rest.to_vec()),
        };
        Ok(Self {
            serving,
            ca: ca.to_vec(),
            other,
        })
    }

    /// What comes of a step, to be written.
    ///
    /// # Errors
    /// [`CertificateError`] when a certificate cannot be made.
    pub fn after(
        mut self,
        step: Step,
        wish: &Wish,
        now: Duration,
    ) -> Result<Self, CertificateError> {
        self.other = match (step, self.other) {
            (Step::Keep, other) | (Step::Promote, other @ (Other::Nothing | Other::Last(_))) => {
                other
            }
            (Step::Announce, _) => {
                let (pair, ca) = make(wish, now)?;
                Other::Next(pair, ca)
            }
            (Step::Promote, Other::Next(pair, ca)) => {
                self.serving = pair;
                Other::Last(std::mem::replace(&mut self.ca, ca))
            }
            (Step::Retire, _) => Other::Nothing,
        };
        Ok(self)
    }

    /// What the API server is to trust.
    #[must_use]
    pub fn bundle(&self) -> Vec<u8> {
        let other: &[u8] = match &self.other {
            Other::Nothing => &[],
            Other::Next(_, ca) | Other::Last(ca) => ca,
        };
        [self.ca.as_slice(), other].concat()
    }

    /// As a Secret holds it.
    #[must_use]
    pub fn data(&self) -> Data {
        let mut data = Data::new();
        let mut put =
            |key: &str, bytes: &[u8]| data.insert(key.to_owned(), ByteString(bytes.to_vec()));
        put(CERTIFICATE, &self.serving.certificate);
        put(KEY, &self.serving.key);
        put(CA, &self.bundle());
        if let Other::Next(Pair { certificate, key }, _) = &self.other {
            put(NEXT_CERTIFICATE, certificate);
            put(NEXT_KEY, key);
        }
        data
    }
}

/// The certificate that a Secret has to serve with.
///
/// # Errors
/// [`CertificateError`] when there is none, or its key is another one's.
pub fn serving(data: &Data) -> Result<CertifiedKey, CertificateError> {
    let get = |key| data.get(key).ok_or(CertificateError::Missing(key));
    certified(&get(CERTIFICATE)?.0, &get(KEY)?.0)
}

fn certified(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(|error| CertificateError::Pem(CERTIFICATE, error))?;
    if chain.is_empty() {
        return Err(CertificateError::Missing(CERTIFICATE));
    }
    let key = PrivateKeyDer::from_pem_slice(key);
    // What is wrong with a key may hold parts of it.
    let key = key.map_err(|_| CertificateError::Missing(KEY))?;
    Ok(CertifiedKey::from_der(chain, key, &provider())?)
}

/// What does the cryptography.
#[must_use]
pub fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// The first certificate of a bundle, and the rest.
fn split(bundle: &[u8]) -> (&[u8], &[u8]) {
    const END: &[u8] = b"-----END CERTIFICATE-----\n";
    let at = bundle.windows(END.len()).position(|window| window == END);
    bundle.split_at(at.map_or(bundle.len(), |at| at + END.len()))
}

/// Whether an API server would trust it at `now` by this CA, whatever it calls it.
fn good(pair: &Pair, ca: &[u8], wish: &Wish, now: Duration) -> Result<(), CertificateError> {
    let certified = certified(&pair.certificate, &pair.key)?;
    let leaf = certified.end_entity_cert()?;
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca) {
        roots.add(root.map_err(|error| CertificateError::Pem(CA, error))?)?;
    }
    let provider = Arc::new(provider());
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
    for name in &wish.names {
        let parsed = ServerName::try_from(name.as_str());
        let parsed = parsed.map_err(|_| CertificateError::Name(name.clone()))?;
        let now = UnixTime::since_unix_epoch(now);
        verifier.verify_server_cert(leaf, &[], &parsed, &[], now)?;
    }
    Ok(())
}

/// Makes a certificate by a CA of its own; the CA's certificate is the second.
fn make(wish: &Wish, now: Duration) -> Result<(Pair, Vec<u8>), CertificateError> {
    let dated = |mut params: CertificateParams, name: &str| {
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + now.saturating_sub(BEFORE);
        params.not_after = epoch + now + wish.lifetime;
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params
    };
    let mut authority = dated(CertificateParams::default(), "perouter webhook CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut own = dated(
        CertificateParams::new(wish.names.clone())?,
        "perouter webhook",
    );
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = own.signed_by(&key, &issuer)?;
    let pair = Pair {
        certificate: pem(&certificate.pem()),
        key: pem(&key.serialize_pem()),
    };
    Ok((pair, pem(&issuer.pem())))
}

/// As every program reads it.
fn pem(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").into_bytes()
}
