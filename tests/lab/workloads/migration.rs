//! A workload moves from node to node with its MAC and its addresses, says so by a gratuitous ARP
//! and, by IPv6, to its gateway, and moves back: its EVPN routes move along, with a
//! greater mobility sequence each time (RFC 7432 §7.7), and traffic follows, in the segment and from
//! outside.
//!
//! Seen to fail: without the gratuitous ARP, when its route took 23 s to come back.

use std::time::{Duration, Instant};

use super::{AWAY, HOME, ROUTES, WORKLOAD, shell, until};
use crate::harness::Lab;
use crate::pinging::Pinging;

/// Some times what it takes here. Without the workload's word it would take until somebody asks for
/// it: a neighbour entry that nobody corrects goes stale after 15 to 45 s, a MAC after 300 s.
const BOUND: Duration = Duration::from_secs(15);

const WORKLOAD_IPV6: &str = "fd00:20::11";

/// The workload's own words, once it is there: an ARP request for itself.
const ANNOUNCE: &str = r#"
import socket, sys
mac = bytes.fromhex(sys.argv[1].replace(":", ""))
address = socket.inet_aton(sys.argv[2])
arp = bytes.fromhex("0001080006040001") + mac + address + bytes(6) + address
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("eth0", 0))
link.send(b"\xff" * 6 + mac + bytes.fromhex("0806") + arp)
"#;

pub(super) fn traffic_follows_a_workload(lab: &Lab) {
    let mac = shell(
        lab,
        HOME,
        "ip netns exec pod cat /sys/class/net/eth0/address",
    );
    let mac = mac.trim();
    let inside = Pinging::start(lab, AWAY, "ip netns exec pod", WORKLOAD);
    let inside_ipv6 = Pinging::start(lab, AWAY, "ip netns exec pod", WORKLOAD_IPV6);
    let outside = Pinging::start(lab, "ext", "", &format!("-I 172.16.9.1 {WORKLOAD}"));
    let there = travel(lab, mac, HOME, AWAY, 1);
    let back = travel(lab, mac, AWAY, HOME, 2);
    let (inside, inside_ipv6, outside) = (
        inside.stop().gap,
        inside_ipv6.stop().gap,
        outside.stop().gap,
    );
    eprintln!(
        "a workload moved: its routes {there:?} after its word, back {back:?}; without an answer \
         at most {inside:?} in the segment, {inside_ipv6:?} by IPv6, {outside:?} from outside"
    );
    for (what, took, bound) in [
        ("its routes there", there, BOUND),
        ("its routes back", back, BOUND),
        ("an answer in the segment", inside, BOUND),
        ("an answer by IPv6", inside_ipv6, BOUND),
        ("an answer from outside", outside, BOUND),
    ] {
        assert!(took < bound, "{what} took {took:?}");
    }
}

/// Moves the workload; how long it took, from its word, until the node that it left has the
/// routes by the other, with the mobility sequence, and traffic follows.
fn travel(lab: &Lab, mac: &str, from: &str, to: &str, sequence: u32) -> Duration {
    // The other node's own workload has the name already.
    let name = |node| if node == HOME { "pod" } else { "guest" };
    shell(lab, from, &format!("ip netns del {}", name(from)));
    let name = name(to);
    shell(
        lab,
        to,
        &format!(
            ". /etc/lab/workloads
            workload {name} br-hs-110 'link set eth0 address {mac}' \
                'address add {WORKLOAD}/24 dev eth0' 'route add default via 10.20.0.1'
            until ip -o link show {name} | grep -q 'master br-hs-110 state UP'; do sleep 0.05; done
            ip netns exec {name} python3 -c \"$ANNOUNCE\" {mac} {WORKLOAD}
            ip -n {name} address add {WORKLOAD_IPV6}/64 dev eth0
            until ip netns exec {name} ping -n -c 1 -W 1 -I {WORKLOAD_IPV6} fd00:20::1 >&2
            do sleep 0.1; done"
        )
        .replace(
            "$ANNOUNCE",
            &ANNOUNCE.replace('\\', "\\\\").replace('"', "\\\""),
        ),
    );
    let endpoint = if to == HOME {
        "100.65.0.0"
    } else {
        "100.65.0.1"
    };
    let route = |address: &str| {
        format!(
            "{ROUTES} | grep -A 3 -F '[{mac}]:{address}' > /tmp/route; cat /tmp/route >&2
            grep -q ' {endpoint} ' /tmp/route; grep -q 'MM:{sequence}' /tmp/route"
        )
    };
    let begin = Instant::now();
    for address in [
        format!("[32]:[{WORKLOAD}]"),
        format!("[128]:[{WORKLOAD_IPV6}]"),
    ] {
        until(lab, from, &format!("{address} has moved"), &route(&address));
    }
    let took = begin.elapsed();
    for (node, before, source) in [
        (AWAY, "ip netns exec pod", ""),
        ("ext", "", "-I 172.16.9.1"),
    ] {
        let ping = format!("{before} ping -n -c 1 -W 1 {source} {WORKLOAD}");
        until(lab, node, "traffic follows", &ping);
    }
    took
}
