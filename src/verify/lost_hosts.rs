//! Hosts of segments that one side does not know of: remote ones that the kernel does not have where
//! the fabric says they are, and own ones of which the fabric was not told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::finding::{Check, Finding};
use crate::api::ObjectKey;

/// Hosts at the segments' own ports, by their MACs as they are written, of which the fabric was not
/// told.
#[must_use]
pub fn unheard_hosts(findings: &[Finding]) -> BTreeSet<(&ObjectKey, &str)> {
    findings
        .iter()
        .filter(|finding| finding.check == Check::LocalMacAdvertised && finding.is_bad())
        // That there are more than are listed has no subject.
        .filter(|finding| !finding.subject.is_empty())
        .filter_map(|finding| Some((finding.object.as_ref()?, finding.subject.as_str())))
        .collect()
}

/// What the kernel has not, or not so, of one segment's remote hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostHosts {
    /// MACs, as they are written, that are not behind their VTEP.
    pub macs: Vec<String>,
    /// Addresses that have not their MAC.
    pub addresses: Vec<IpAddr>,
}

/// The segments with such hosts.
#[must_use]
pub fn lost_hosts(findings: &[Finding]) -> BTreeMap<&ObjectKey, LostHosts> {
    let mut lost: BTreeMap<&ObjectKey, LostHosts> = BTreeMap::new();
    let bad = findings
        .iter()
        .filter(|finding| finding.check == Check::RemoteMacInFdb && finding.is_bad());
    for finding in bad {
        let Some(object) = &finding.object else {
            continue;
        };
        let lost = lost.entry(object).or_default();
        match finding.subject.parse() {
            Ok(address) => lost.addresses.push(address),
            // That there are more than are listed has no subject.
            Err(_) if finding.subject.is_empty() => {}
            Err(_) => lost.macs.push(finding.subject.clone()),
        }
    }
    lost
}
