//! The faults.

use super::{Break, Soon};
use crate::names::{NODE1, SPINE};

const fn fault(
    what: &'static str,
    found_by: &'static str,
    soon: Soon,
    node: &'static str,
    done: &'static str,
    mend: &'static str,
) -> Break {
    Break {
        what,
        found_by,
        node,
        done,
        mend,
        soon,
    }
}

#[rustfmt::skip]
pub(super) const BREAKS: &[Break] = &[
    fault("the switch's bgpd is killed", "underlay-session", Soon::Session, SPINE,
        "pid=$(pgrep -x bgpd); now; kill -KILL $pid",
        "/usr/lib/frr/bgpd -d --log file:/var/log/frr/bgpd.log -A 127.0.0.1; vtysh -b >&2"),
    fault("the switch shuts the session down", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 shutdown'",
        "frr 'router bgp 64512' 'no neighbor 10.0.1.2 shutdown'"),
    fault("the switch expects another AS", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 remote-as 64999'",
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 remote-as 64514'"),
    fault("the switch expects a password", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 password xyzzy'",
        "frr 'router bgp 64512' 'no neighbor 10.0.1.2 password'"),
    fault("the switch does not speak EVPN to us", "evpn-family", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'address-family l2vpn evpn' 'no neighbor 10.0.1.2 activate'",
        "frr 'router bgp 64512' 'address-family l2vpn evpn' 'neighbor 10.0.1.2 activate'"),
    fault("the host shuts its session down", "host-session", Soon::Late, NODE1,
        "frr 'router bgp 64515' 'neighbor 192.169.10.1 shutdown'",
        "frr 'router bgp 64515' 'no neighbor 192.169.10.1 shutdown'"),
    // What is deleted, zebra puts back before anybody notices; what is altered it leaves.
    fault("a route leads to another VTEP", "route-in-kernel", Soon::Told, NODE1,
        "now; r ip route change 172.16.9.0/24 via 100.64.0.77 dev br-pe-100 onlink proto bgp metric 20 vrf red",
        "r ip route change 172.16.9.0/24 via 100.64.0.9 dev br-pe-100 onlink proto bgp metric 20 vrf red"),
    fault("a remote router has another MAC", "neighbour-entry", Soon::Told, NODE1,
        "r ip neigh show 100.64.0.9 dev br-pe-100 | awk '{print $3}' > /run/lab-mac
         now; r ip neigh replace 100.64.0.9 lladdr 02:00:00:00:00:77 dev br-pe-100 nud noarp extern_learn",
        "r ip neigh replace 100.64.0.9 lladdr $(cat /run/lab-mac) dev br-pe-100 nud noarp extern_learn"),
    fault("the entry of a remote router's MAC goes", "fdb-entry", Soon::Told, NODE1,
        "r bridge fdb show dev vni100 | awk '/dst 100.64.0.9 / {print $1; exit}' > /run/lab-mac
         now; r bridge fdb del $(cat /run/lab-mac) dev vni100 dst 100.64.0.9 self",
        "r bridge fdb add $(cat /run/lab-mac) dev vni100 dst 100.64.0.9 self extern_learn"),
    fault("the kernel drops what goes to a VTEP", "underlay-route", Soon::Told, NODE1,
        "now; r ip route replace blackhole 100.64.0.9 proto bgp metric 20",
        "r ip route replace 100.64.0.9 via 10.0.1.1 dev eth1 proto bgp metric 20"),
    fault("the kernel drops what goes to the host", "host-route-in-kernel", Soon::Told, NODE1,
        "now; r ip route replace blackhole 172.16.1.0/24 proto bgp metric 20 vrf red",
        "r ip route replace 172.16.1.0/24 via 192.169.10.2 dev pe-e-100 proto bgp metric 20 vrf red"),
    fault("the switch hides the leaf's VTEP from us", "underlay-route", Soon::Late, SPINE,
        "frr 'ip prefix-list hidden seq 5 deny 100.64.0.9/32' 'ip prefix-list hidden seq 10 permit any' \
         'router bgp 64512' 'address-family ipv4 unicast' 'neighbor 10.0.1.2 prefix-list hidden out'",
        "frr 'router bgp 64512' 'address-family ipv4 unicast' \
         'no neighbor 10.0.1.2 prefix-list hidden out' 'exit' 'exit' 'no ip prefix-list hidden'"),
];
