//! From manifests as written to domain objects, with every fault on the way.
//!
//! The rules of the definitions stand here a second time, in Rust, with the same messages. A
//! CEL interpreter could evaluate the definitions' own (the kube crates have one), but it
//! would add an interpreter, regular expressions, time zones and semantic versions to the
//! agent, to say less: its errors carry neither the value nor the index of the entry. That
//! the two agree is tested, with that interpreter, over all samples of the tests.

mod gateways;
mod host_session;
mod l2vni;
mod l3passthrough;
mod l3vni;
mod l3vpn;
mod neighbor;
mod raw_frr_config;
mod selector;
mod underlay;

#[cfg(test)]
pub(super) mod tests;

pub use l3vpn::VRF_OVER_SRV6;
pub use raw_frr_config::is_for_bgpd;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::Resource;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::fault::{ApiError, Faults, Identity, Reason};
use super::model::{IpVersion, Object, RemoteAs};
use super::selector::NodeSelector;
use super::types::{Asn, InterfaceName, Kind, ObjectKey};
use super::v1alpha1::{self, PeerType};

/// What a manifest of one kind says, as it is written.
pub(super) trait Written: DeserializeOwned {
    /// What the program works with.
    type Domain;

    /// The nodes that the object concerns.
    fn node_selector(&self) -> Option<&LabelSelector>;

    /// Converts all else; `None` only where a fault was noted.
    fn convert(&self, faults: &mut Faults) -> Option<Self::Domain>;
}

/// Makes the domain object of a manifest, as an API server gives it.
macro_rules! from_server {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $manifest:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// All that is wrong with it.
        pub fn $name(
            manifest: &v1alpha1::$manifest,
        ) -> Result<Object<super::model::$manifest>, ApiError> {
            object(Kind::$kind, manifest.meta(), &manifest.spec)
        }
    };
}

from_server! {
    /// Makes the domain object of an `Underlay`, as an API server gives it.
    underlay, Underlay, Underlay
}
from_server! {
    /// Makes the domain object of an `L3VNI`, as an API server gives it.
    l3vni, L3Vni, L3Vni
}
from_server! {
    /// Makes the domain object of an `L2VNI`, as an API server gives it.
    l2vni, L2Vni, L2Vni
}
from_server! {
    /// Makes the domain object of an `L3Passthrough`, as an API server gives it.
    l3passthrough, L3Passthrough, L3Passthrough
}
from_server! {
    /// Makes the domain object of a `RawFRRConfig`, as an API server gives it.
    raw_frr_config, RawFrrConfig, RawFrrConfig
}

fn object<S: Written>(
    kind: Kind,
    metadata: &ObjectMeta,
    written: &S,
) -> Result<Object<S::Domain>, ApiError> {
    let (key, generation) = identify(kind, metadata);
    let mut faults = Faults::default();
    let converted = spec(written, &mut faults);
    let object = converted.map(|(selector, spec)| Object {
        key: key.clone(),
        generation,
        selector,
        spec,
    });
    faults.finish(Identity::of(key), object)
}

/// What a manifest says, and for which nodes; `None` only where a fault was noted.
pub(super) fn spec<S: Written>(
    written: &S,
    faults: &mut Faults,
) -> Option<(NodeSelector, S::Domain)> {
    let selector = selector::convert(written.node_selector(), faults);
    let spec = written.convert(faults);
    Some((selector?, spec?))
}

/// The nodes that an object concerns, whatever else it says; none where that cannot be read.
#[must_use]
pub fn nodes_of(object: &Value) -> Option<NodeSelector> {
    match object.pointer("/spec/nodeSelector") {
        None | Some(Value::Null) => Some(NodeSelector::default()),
        Some(written) => {
            let written: LabelSelector = serde_json::from_value(written.clone()).ok()?;
            selector::convert(Some(&written), &mut Faults::default())
        }
    }
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

/// The IP version of tunnels, where a manifest names one.
fn tunnels_over(version: Option<v1alpha1::IpVersion>) -> Option<IpVersion> {
    version.map(|version| match version {
        v1alpha1::IpVersion::IPv4 => IpVersion::V4,
        v1alpha1::IpVersion::IPv6 => IpVersion::V6,
    })
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

/// An address with the length of its prefix; none of IPv4 that is written as one of IPv6, which
/// API servers refuse too.
fn ip_net(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok()?;
    let mapped = match net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => net.addr().to_ipv4_mapped().is_some(),
    };
    (!mapped).then_some(net)
}

/// A prefix without host bits.
fn ip_prefix(text: &str) -> Option<IpNet> {
    ip_net(text).map(|net| net.trunc())
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

/// An IPv6 prefix without host bits; `rule` says what was expected.
fn ipv6_prefix(text: &str, rule: &'static str) -> Result<Ipv6Net, Reason> {
    match ip_prefix(text) {
        Some(IpNet::V6(net)) => Ok(net),
        Some(IpNet::V4(_)) | None => Err(Reason::RuleFor {
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
