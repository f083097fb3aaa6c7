//! Has zebra hear of hosts at the segments' own ports that it missed.
//!
//! The kernel tells of a host when it learns it, and not again while the host speaks. zebra takes no
//! notice as long as it has not taken the port for one of a VNI's bridge, which it learns in
//! another way and perhaps later (FRR 10.3); so a host that speaks in the moment in which its
//! segment is made may stay unheard of, and the fabric only floods to it. What the kernel forgets it
//! learns with the host's next frame, and tells of it.

use std::collections::{BTreeMap, BTreeSet};

use perouter_parsers::id::RouterMac;

use super::execute::chain;
use super::pass::Worker;
use crate::api::ObjectKey;
use crate::plan::desired::Names;
use crate::plan::link::{Mac, SeenKernel};
use crate::verify::lost_hosts::unheard_hosts;

/// How often a host is forgotten until all is well with it: who knows why zebra does not hear.
const TRIES: u8 = 3;

/// How often each was forgotten that is not well yet, by its segment and MAC.
#[derive(Debug, Default)]
pub(super) struct Unheard(BTreeMap<(ObjectKey, String), u8>);

impl Unheard {
    /// Notes a try of each that is worth one, and forgets those that are well.
    fn next<'a>(
        &mut self,
        ill: &BTreeSet<(&'a ObjectKey, &'a str)>,
    ) -> Vec<(&'a ObjectKey, &'a str)> {
        self.0
            .retain(|(object, mac), _| ill.contains(&(object, mac.as_str())));
        let mut turn = Vec::new();
        for &(object, mac) in ill {
            let tries = self.0.entry((object.clone(), mac.to_owned())).or_default();
            if *tries < TRIES {
                *tries += 1;
                turn.push((object, mac));
            }
        }
        turn
    }
}

/// The ports of a segment's bridge to its own hosts, with the kernel's indices.
fn ports(seen: &SeenKernel, names: &Names) -> Vec<u32> {
    let links = seen.router.values();
    let links = links.filter(|link| link.master.as_ref() == Some(&names.bridge));
    links
        .filter(|link| link.kind.leads_to_own_hosts())
        .map(|link| link.index)
        .collect()
}

impl Worker {
    /// Has the kernel learn anew the hosts that verification twice missed in zebra or bgpd.
    pub(super) async fn introduce_hosts(&mut self) {
        let mut unheard = std::mem::take(&mut self.unheard);
        let mut done = Vec::new();
        for (object, mac) in unheard.next(&unheard_hosts(self.findings())) {
            done.extend(self.introduce(object, mac).await);
        }
        self.unheard = unheard;
        if !done.is_empty() {
            self.note_repair(done.len(), done);
        }
    }

    /// The same of one host of a segment; what was done.
    async fn introduce(&self, object: &ObjectKey, mac: &str) -> Vec<String> {
        let mut segments = self.resolution.intent.segments.iter();
        let segment = segments.find(|segment| segment.key == *object);
        let (Some(segment), Some(kernel), Some(seen), Ok(address)) =
            (segment, self.kernel(), &self.seen, mac.parse::<RouterMac>())
        else {
            return Vec::new();
        };
        let names = Names::of(segment.spec.vni);
        let mut done = Vec::new();
        for port in ports(seen, &names) {
            match kernel.forget_learned_mac(port, Mac(address.0)).await {
                Ok(true) => done.push(format!(
                    "~ router: MAC {mac} is learned anew on {}, of which zebra had not heard",
                    names.bridge
                )),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    "the kernel cannot be had learn {mac} anew on {}: {}",
                    names.bridge,
                    chain(&error)
                ),
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::intent::samples::key;

    #[test]
    fn a_host_is_introduced_so_often_until_it_is_well() {
        let lan = key(Kind::L2Vni, "lan");
        let mut unheard = Unheard::default();
        let mut next = |macs: &[&'static str]| {
            let ill = macs.iter().map(|mac| (&lan, *mac)).collect();
            let next = unheard.next(&ill);
            next.into_iter().map(|(_, mac)| mac).collect::<Vec<_>>()
        };
        for _ in 0..TRIES {
            assert_eq!(next(&["02:00:00:00:00:01"]), ["02:00:00:00:00:01"]);
        }
        let both = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
        assert_eq!(next(&both), ["02:00:00:00:00:02"]);
        assert!(next(&[]).is_empty());
        assert_eq!(next(&both), both, "they were well");
    }
}
