//! A segment followed hop by hop: its workloads here and on the other node, and one whose
//! forwarding entry somebody removes.
//!
//! The entry is removed over and over, because the agent has zebra mend it.

use perouter::status::protocol::WalkReport;
use perouter::verify::walk::{Stage, State, Verdict, VniWalk};

use super::{AWAY, HOME, shell, until};
use crate::harness::Lab;

/// How often the entry is removed until the walk sees it.
const TRIES: usize = 20;

/// The workloads' MACs.
fn mac(lab: &Lab, node: &str) -> String {
    let mac = "ip netns exec pod cat /sys/class/net/eth0/address";
    shell(lab, node, mac).trim().to_owned()
}

/// What the agent says of the segment, while something is done over and over.
fn walked(lab: &Lab, meanwhile: &str) -> VniWalk {
    let script = format!(
        "while :; do {meanwhile}; done 2>/dev/null &
        doing=$!
        status=0
        perouter verify 110 -o json || status=$?
        kill $doing
        test $status -le 1"
    );
    let said = shell(lab, HOME, &script);
    let mut report: WalkReport = serde_json::from_str(&said).unwrap();
    assert_ne!(report.walk.verdict(), Verdict::NoRoute, "{said}");
    report.walk.vnis.remove(0)
}

pub(super) fn a_segment_is_followed_hop_by_hop(lab: &Lab) {
    let [own, remote] = [HOME, AWAY].map(|node| mac(lab, node));
    let known = format!(
        "perouter verify 110 | grep -F '{own}' && perouter verify 110 | grep -F '{remote}'"
    );
    until(lab, HOME, "both workloads are known", &known);
    let segment = walked(lab, "sleep 1");
    assert!(segment.is_whole(), "{segment:#?}");
    let seen = |stage| {
        let hop = segment.hops.iter().find(|hop| hop.stage == stage);
        hop.map_or("", |hop| hop.seen.as_str())
    };
    let there = format!("{remote} dst 100.65.0.1");
    for (stage, words) in [
        (Stage::Gateway, "10.20.0.1/24"),
        (Stage::OwnHosts, own.as_str()),
        (Stage::FloodList, "100.65.0.1"),
        (Stage::RemoteHosts, &there),
        (Stage::Duplicates, "none"),
    ] {
        assert!(seen(stage).contains(words), "{words}: {segment:#?}");
    }

    let remove = format!(
        "nsenter --net=/run/netns/perouter bridge fdb del {remote} dev vni110 dst 100.65.0.1 self"
    );
    let is_broken = |segment: &VniWalk| {
        let broken = segment
            .hops
            .iter()
            .filter(|hop| matches!(hop.state, State::Broken { .. }) && hop.seen.contains(&remote));
        broken.map(|hop| hop.stage).collect::<Vec<_>>()
    };
    let mut tries = (0..TRIES).map(|_| walked(lab, &remove));
    let broken = tries.find(|segment| !segment.is_whole()).unwrap();
    assert_eq!(is_broken(&broken), [Stage::RemoteHosts], "{broken:#?}");
    until(lab, HOME, "it is mended", "perouter verify 110 >&2");
}
