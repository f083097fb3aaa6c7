//! A segment followed hop by hop: its workloads here and on the other node, and one whose
//! forwarding entry somebody removes, and puts back.

use perouter::status::protocol::WalkReport;
use perouter::verify::walk::{Stage, State, Verdict, VniWalk};

use super::{AWAY, HOME, shell, until};
use crate::harness::Lab;

/// The workloads' MACs.
fn mac(lab: &Lab, node: &str) -> String {
    let mac = "ip netns exec pod cat /sys/class/net/eth0/address";
    shell(lab, node, mac).trim().to_owned()
}

/// What the agent says of the segment.
fn walked(lab: &Lab) -> VniWalk {
    let script = "perouter verify 110 -o json || test $? -le 1";
    let said = shell(lab, HOME, script);
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
    let segment = walked(lab);
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

    let fdb = |verb: &str, words: &str| {
        let entry = format!("{remote} dev vni110 dst 100.65.0.1 self {words}");
        let inside = "nsenter --net=/run/netns/perouter";
        shell(lab, HOME, &format!("{inside} bridge fdb {verb} {entry}"));
    };
    fdb("del", "");
    let segment = walked(lab);
    let hops = segment.hops.iter();
    let broken: Vec<_> = hops
        .filter(|hop| matches!(hop.state, State::Broken { .. }))
        .map(|hop| (hop.stage, hop.seen.contains(&remote)))
        .collect();
    assert_eq!(broken, [(Stage::RemoteHosts, true)], "{segment:#?}");
    fdb("replace", "extern_learn");
    assert!(walked(lab).is_whole());
}
