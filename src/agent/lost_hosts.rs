//! Has the kernel told again where remote hosts of segments are: zebra writes each entry once, and
//! does not look after it.

use std::collections::HashMap;
use std::net::IpAddr;

use super::execute::chain;
use super::facts::remote_hosts;
use super::pass::Worker;
use super::remedy::announce_neighbours;
use crate::api::types::Vni;
use crate::frr::Frr;
use crate::netlink::Kernel;
use crate::plan::desired::Names;
use crate::plan::link::{Mac, SeenKernel};
use crate::verify::facts::Read;
use crate::verify::lost_hosts::lost_hosts;

impl Worker {
    /// Has the entries written anew that verification twice missed: those of addresses by zebra,
    /// which does when it hears of their end, and those of MACs as zebra says they should be.
    pub(super) async fn place_hosts(&mut self, frr: &Frr) {
        let lost = lost_hosts(self.findings());
        let (Some(kernel), Some(seen), false) = (self.kernel(), &self.seen, lost.is_empty()) else {
            return;
        };
        let hosts = Hosts {
            kernel,
            seen,
            known: remote_hosts(frr.dir()).await,
        };
        let mut done = Vec::new();
        for segment in &self.resolution.intent.segments {
            let vni = segment.spec.vni;
            let Some(lost) = lost.get(&segment.key) else {
                continue;
            };
            done.extend(hosts.place(vni, &lost.macs).await);
            done.extend(announce_neighbours(kernel, vni, &lost.addresses, Some(seen)).await);
        }
        if !done.is_empty() {
            self.note_repair(done.len(), done);
        }
    }
}

/// What is known of remote hosts, and who is told of it.
struct Hosts<'a> {
    kernel: &'a Kernel,
    seen: &'a SeenKernel,
    known: Read<HashMap<(Vni, Mac), IpAddr>>,
}

impl Hosts<'_> {
    /// Writes where MACs of a segment are, those of them that zebra has behind a VTEP; what was
    /// done.
    async fn place(&self, vni: Vni, macs: &[String]) -> Vec<String> {
        let device = Names::of(vni).vxlan;
        let Some(link) = self.seen.router.get(&device) else {
            return Vec::new();
        };
        let mut done = Vec::new();
        for (&(of, mac), &vtep) in self.known.iter().flatten() {
            if of != vni || !macs.contains(&mac.to_string()) {
                continue;
            }
            match self.kernel.write_remote_mac(link.index, mac, vtep).await {
                Ok(()) => done.push(format!(
                    "~ router: MAC {mac} is behind {vtep} on {device} again, where zebra has it"
                )),
                Err(error) => tracing::warn!(
                    "the kernel cannot be told that {mac} is behind {vtep} on {device}: {}",
                    chain(&error)
                ),
            }
        }
        done.sort_unstable();
        done
    }
}
