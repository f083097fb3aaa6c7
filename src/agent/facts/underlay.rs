//! Next hops, the routes by which they are reached, and BFD: from FRR's words to facts.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use perouter_parsers::{bfd, nexthop};

use super::Asker;
use crate::verify::facts::{BfdSession, BfdState, Reach, Read};

/// What bgpd takes for reachable.
pub(super) async fn next_hops(bgpd: &mut Asker<'_>) -> Read<HashMap<IpAddr, Reach>> {
    let known = bgpd.read("show bgp nexthop json", nexthop::bgp).await?;
    let reach = |(address, own): (IpAddr, nexthop::BgpNextHop)| {
        let reach = if own.valid {
            Reach::Reachable
        } else {
            Reach::Unreachable
        };
        (address.to_canonical(), reach)
    };
    Ok(known.into_iter().map(reach).collect())
}

/// By which routes zebra reaches what bgpd asked it about.
pub(super) async fn tracked(zebra: &mut Asker<'_>) -> Read<HashMap<IpAddr, Option<IpNet>>> {
    let mut all = HashMap::new();
    for command in ["show ip nht json", "show ipv6 nht json"] {
        let known: BTreeMap<_, _> = zebra.read(command, nexthop::tracked).await?;
        let route = |(address, own): (IpAddr, nexthop::Tracked)| (address, own.prefix);
        all.extend(known.into_iter().map(route));
    }
    Ok(all)
}

/// The BFD sessions outside of VRFs.
pub(super) fn bfd(peers: Vec<bfd::Peer>) -> Vec<BfdSession> {
    let outside = peers.into_iter().filter(|peer| peer.vrf == "default");
    let session = |peer: bfd::Peer| BfdSession {
        peer: peer.peer,
        // A name that no manifest can have is none of an intent's.
        link: peer.interface.and_then(|name| name.parse().ok()),
        state: match peer.state {
            bfd::SessionState::Up => BfdState::Up,
            bfd::SessionState::Init => BfdState::Init,
            bfd::SessionState::Down | bfd::SessionState::Shutdown | bfd::SessionState::Other(_) => {
                BfdState::Down(peer.state.as_str().to_owned())
            }
        },
        diagnostic: peer.diagnostic,
        remote_diagnostic: peer.remote_diagnostic,
    };
    outside.map(session).collect()
}
