//! Subnets that must not overlap, and whose they are.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::api::types::ObjectKey;

/// Disjoint subnets, each of one object.
#[derive(Clone, Debug, Default)]
pub(super) struct Subnets {
    /// By network address: they never overlap, so a neighbour in this order is enough to ask.
    by_network: BTreeMap<IpAddr, (IpNet, ObjectKey)>,
}

impl Subnets {
    /// One that has addresses in common with `subnet`, and whose it is.
    pub(super) fn overlapping(&self, subnet: IpNet) -> Option<&(IpNet, ObjectKey)> {
        let mut below = self.by_network.range(..=subnet.broadcast());
        let (_, candidate) = below.next_back()?;
        let overlaps = candidate.0.broadcast() >= subnet.network();
        // Addresses of IPv4 come before all of IPv6, and have none in common with them.
        let same_version = candidate.0.addr().is_ipv4() == subnet.addr().is_ipv4();
        (same_version && overlaps).then_some(candidate)
    }

    /// Enters a subnet that overlaps none.
    pub(super) fn insert(&mut self, subnet: IpNet, by: &ObjectKey) {
        let subnet = subnet.trunc();
        self.by_network
            .insert(subnet.network(), (subnet, by.clone()));
    }

    /// Takes a subnet out.
    pub(super) fn remove(&mut self, subnet: IpNet) {
        self.by_network.remove(&subnet.network());
    }
}
