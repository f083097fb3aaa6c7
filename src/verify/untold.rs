//! Routes that bgpd chose and zebra has not got.
//!
//! bgpd tells zebra of a route when its choice changes, and takes it for known from then on. What
//! zebra lost, or never got, stays missing until the choice changes again.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;

use super::facts::{Origin, RibEntry, RibProtocol, VrfPath};
use super::finding::{Check, Finding};
use crate::api::types::VrfName;
use crate::intent::NodeIntent;

/// The prefixes of which bgpd uses a path that somebody told it, and zebra has no entry of bgpd's.
#[must_use]
pub fn untold(
    bgp: &HashMap<IpNet, Vec<VrfPath>>,
    rib: &HashMap<IpNet, Vec<RibEntry>>,
) -> BTreeSet<IpNet> {
    let is_told = |path: &VrfPath| match path.origin {
        Origin::Peer(_) => path.standing.is_used(),
        // bgpd tells zebra of none that came from there.
        Origin::Local => false,
    };
    let chosen = bgp.iter().filter(|(_, paths)| paths.iter().any(is_told));
    let is_known = |prefix: &IpNet| {
        let entries = rib.get(prefix).map(Vec::as_slice).unwrap_or_default();
        entries
            .iter()
            .any(|entry| entry.protocol == RibProtocol::Bgp)
    };
    chosen
        .map(|(prefix, _)| *prefix)
        .filter(|prefix| !is_known(prefix))
        .collect()
}

/// The VRFs in which a route did not come as far as it should, beyond bgpd.
#[must_use]
pub fn vrfs_that_lack<'a>(intent: &'a NodeIntent, findings: &[Finding]) -> BTreeSet<&'a VrfName> {
    let is_lack = |finding: &&Finding| {
        let beyond_bgpd = matches!(finding.check, Check::HostRouteInKernel | Check::RouteInRib);
        beyond_bgpd && finding.is_bad()
    };
    let lacking = findings.iter().filter(is_lack);
    let lacking: BTreeSet<_> = lacking.filter_map(|it| it.object.as_ref()).collect();
    let vnis = intent.vnis.iter();
    vnis.filter(|vni| lacking.contains(&vni.key))
        .map(|vni| &vni.spec.vrf)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::facts::{RibChoice, Standing, Telling};

    fn path(origin: Origin, standing: Standing) -> VrfPath {
        VrfPath {
            origin,
            next_hop: [192, 168, 0, 1].into(),
            standing,
            telling: Telling::Told,
        }
    }

    fn entry(protocol: RibProtocol) -> RibEntry {
        RibEntry {
            protocol,
            choice: RibChoice::Installed,
            next_hops: Vec::new(),
        }
    }

    #[test]
    fn what_bgpd_chose_of_others_and_zebra_has_not_of_bgpd_is_untold() {
        let peer = Origin::Peer([192, 168, 0, 2].into());
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let other = RibProtocol::Other("connected".into());
        let bgp = [
            ("10.0.0.0/24", path(peer, Standing::Best)),
            ("10.0.1.0/24", path(peer, Standing::Multipath)),
            ("10.0.2.0/24", path(peer, Standing::Best)),
            ("10.0.3.0/24", path(peer, Standing::Best)),
            ("10.0.4.0/24", path(peer, Standing::Valid)),
            ("10.0.5.0/24", path(peer, Standing::Invalid)),
            ("10.0.6.0/24", path(Origin::Local, Standing::Best)),
        ];
        let bgp = bgp.map(|(prefix, path)| (net(prefix), vec![path])).into();
        let rib = [
            ("10.0.2.0/24", vec![entry(other.clone())]),
            ("10.0.3.0/24", vec![entry(other), entry(RibProtocol::Bgp)]),
        ];
        let rib = rib.map(|(prefix, entries)| (net(prefix), entries)).into();
        let untold = untold(&bgp, &rib);
        let expected = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"].map(net);
        assert_eq!(untold, expected.into());
    }
}
