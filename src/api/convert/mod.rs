//! From manifests as written to domain objects, with every fault on the way.
//!
//! The rules of the definitions stand here a second time, in Rust, with the same messages. A
//! CEL interpreter could evaluate the definitions' own (the kube crates have one), but it
//! would add an interpreter, regular expressions, time zones and semantic versions to the
//! agent, to say less: its errors carry neither the value nor the index of the entry. That
//! the two agree is tested, with that interpreter, over all samples of the tests.

mod host_session;
mod l3vni;
mod neighbor;
mod raw_frr_config;
mod underlay;

#[cfg(test)]
pub(super) mod tests;

pub use raw_frr_config::is_for_bgpd;

use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::fault::{ApiError, Faults, Identity, Reason};
use super::model::{L3Vni, Object, RawFrrConfig, RemoteAs, Underlay};
use super::types::{Asn, InterfaceName, Kind, ObjectKey};
use super::v1alpha1::{self, PeerType};

/// Makes the domain object of an `Underlay`, as an API server gives it.
///
/// # Errors
///
/// All that is wrong with it.
pub fn underlay(manifest: &v1alpha1::Underlay) -> Result<Object<Underlay>, ApiError> {
    object(Kind::Underlay, &manifest.metadata, |faults| {
        underlay::convert(&manifest.spec, faults)
    })
}

/// Makes the domain object of an `L3VNI`, as an API server gives it.
///
/// # Errors
///
/// All that is wrong with it.
pub fn l3vni(manifest: &v1alpha1::L3Vni) -> Result<Object<L3Vni>, ApiError> {
    object(Kind::L3Vni, &manifest.metadata, |faults| {
        l3vni::convert(&manifest.spec, faults)
    })
}

/// Makes the domain object of a `RawFRRConfig`, as an API server gives it.
///
/// # Errors
///
/// All that is wrong with it.
pub fn raw_frr_config(manifest: &v1alpha1::RawFrrConfig) -> Result<Object<RawFrrConfig>, ApiError> {
    object(Kind::RawFrrConfig, &manifest.metadata, |faults| {
        raw_frr_config::convert(&manifest.spec, faults)
    })
}

/// The object that `convert` makes the specification of, or all that it finds wrong.
fn object<S>(
    kind: Kind,
    metadata: &ObjectMeta,
    convert: impl FnOnce(&mut Faults) -> Option<S>,
) -> Result<Object<S>, ApiError> {
    let (key, generation) = identify(kind, metadata);
    let mut faults = Faults::default();
    let spec = convert(&mut faults);
    let identity = Identity::of(key.clone());
    faults.finish(
        identity,
        spec.map(|spec| Object {
            key,
            generation,
            spec,
        }),
    )
}

/// The domain object of an `Underlay`'s specification, with the faults noted elsewhere.
pub(super) fn underlay_spec(
    spec: &v1alpha1::UnderlaySpec,
    faults: &mut Faults,
) -> Option<Underlay> {
    underlay::convert(spec, faults)
}

/// The domain object of an `L3VNI`'s specification, with the faults noted elsewhere.
pub(super) fn l3vni_spec(spec: &v1alpha1::L3VniSpec, faults: &mut Faults) -> Option<L3Vni> {
    l3vni::convert(spec, faults)
}

/// The domain object of a `RawFRRConfig`'s specification, with the faults noted elsewhere.
pub(super) fn raw_frr_config_spec(
    spec: &v1alpha1::RawFrrConfigSpec,
    faults: &mut Faults,
) -> Option<RawFrrConfig> {
    raw_frr_config::convert(spec, faults)
}

/// An API server gives every object a name, a namespace and a generation.
fn identify(kind: Kind, metadata: &ObjectMeta) -> (ObjectKey, Option<i64>) {
    let key = ObjectKey {
        kind,
        namespace: metadata
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned()),
        name: metadata.name.clone().unwrap_or_default(),
    };
    (key, metadata.generation)
}

/// Refuses a node selector that selects: objects concern all nodes for now.
fn check_node_selector(selector: Option<&LabelSelector>, faults: &mut Faults) {
    let Some(LabelSelector {
        match_expressions,
        match_labels,
    }) = selector
    else {
        return;
    };
    let labels = match_labels
        .as_ref()
        .is_some_and(|labels| !labels.is_empty());
    let expressions = match_expressions
        .as_ref()
        .is_some_and(|list| !list.is_empty());
    if labels || expressions {
        faults.add("spec.nodeSelector", Reason::NotYet("selecting nodes is"));
    }
}

/// A number between two limits, in a narrower type.
fn ranged<T: TryFrom<i64>>(
    found: impl Into<i64>,
    min: i64,
    max: i64,
    unit: &'static str,
) -> Result<T, Reason> {
    let found = found.into();
    Some(found)
        .filter(|number| (min..=max).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or(Reason::OutOfRange {
            found,
            min,
            max,
            unit,
        })
}

/// Notes a list that is too short or too long.
fn check_count(path: &str, found: usize, min: usize, max: usize, faults: &mut Faults) {
    if !(min..=max).contains(&found) {
        faults.add(path, Reason::Count { found, min, max });
    }
}

/// The peer's AS, from a number or a word; `at` is the object that has the two fields, and
/// `rule` is broken unless it has one of them.
fn remote_as(
    at: &str,
    (number_field, number): (&str, Option<i64>),
    word: Option<PeerType>,
    rule: &'static str,
    faults: &mut Faults,
) -> Option<RemoteAs> {
    match (number, word) {
        (Some(number), None) => faults
            .check(format!("{at}.{number_field}"), Asn::try_from(number))
            .map(RemoteAs::Number),
        (None, Some(PeerType::External)) => Some(RemoteAs::External),
        (None, Some(PeerType::Internal)) => Some(RemoteAs::Internal),
        (Some(_), Some(_)) | (None, None) => {
            faults.add(at, Reason::Rule(rule));
            None
        }
    }
}

/// A prefix without host bits; none of IPv4 that is written as one of IPv6, which API servers
/// refuse too.
fn ip_prefix(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok()?;
    let mapped = match net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => net.addr().to_ipv4_mapped().is_some(),
    };
    (!mapped).then(|| net.trunc())
}

/// An IPv4 prefix without host bits; `rule` says what was expected.
fn ipv4_prefix(text: &str, rule: &'static str) -> Result<Ipv4Net, Reason> {
    match text.parse::<IpNet>() {
        Ok(IpNet::V4(net)) => Ok(net.trunc()),
        Ok(IpNet::V6(_)) | Err(_) => Err(Reason::RuleFor {
            found: text.to_owned(),
            rule,
        }),
    }
}

/// A NIC's name is narrower than the kernel's rules, `^[a-zA-Z][a-zA-Z0-9._-]*$`, so that FRR
/// takes it for a name wherever it stands.
fn nic_name(text: &str) -> Result<InterfaceName, Reason> {
    let name: InterfaceName = text.parse()?;
    let narrow = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    narrow.then_some(name).ok_or_else(|| Reason::RuleFor {
        found: text.to_owned(),
        rule: "must have letters, digits, '.', '_' or '-' only, and begin with a letter",
    })
}
