//! The faults of segments of layer 2, and of the gateway of the one that is routed.

use super::{Break, Mender, Soon, fault, passing};
use crate::names::{NODE1, NODE2};

/// A workload that says who it is every second: it asks for somebody who is not there.
const TWIN: &str = ". /etc/lab/workloads
    workload twin br-hs-110 'link set eth0 address 02:00:00:00:0d:0d' \
        'address add 10.20.0.66/24 dev eth0'
    ip netns exec twin sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip netns exec twin ping -n 10.20.0.99 > /dev/null 2>&1 &";

/// It goes, and FRR forgets that it was in two places.
const NO_TWIN: &str = "kill $(ip netns pids twin); ip netns del twin
    vtysh -N perouter -c 'clear evpn dup-addr vni 110' >&2";

/// Finds out a remote host's MAC, which stays for the mend.
const REMOTE_MAC: &str = "r bridge fdb show dev vni110 \
    | awk '/dst 100.65.0.1 / && !/^00:00:00:00:00:00/ {print $1; exit}' | grep . > /run/lab-mac";

/// Has the gateway know a workload's address, and so the other node.
const SPEAK: &str = "until ip netns exec pod ping -n -c 1 -W 1 10.20.0.1 >&2; do :; done";

#[rustfmt::skip]
pub(super) const BREAKS: &[Break] = &[
    fault("the entry of a remote host's MAC goes", "remote-mac-in-fdb", Soon::Told, NODE1,
        "now; r bridge fdb del $(cat /run/lab-mac) dev vni110 dst 100.65.0.1 self",
        // zebra does not care; the agent writes the entry again, and those of the next two faults.
        ":")
        .after(NODE1, REMOTE_MAC, ":"),
    fault("a remote host is behind another VTEP", "remote-mac-in-fdb", Soon::Told, NODE1,
        "now; r bridge fdb replace $(cat /run/lab-mac) dev vni110 dst 100.65.0.7 self extern_learn",
        ":")
        .after(NODE1, REMOTE_MAC, ":"),
    fault("a remote host's address has another MAC", "remote-mac-in-fdb", Soon::Told, NODE1,
        "until r ip neigh show 10.20.0.12 dev br-pe-110 | grep -o 'lladdr [^ ]*' > /run/lab-mac
         do sleep 0.1; done
         now; r ip neigh replace 10.20.0.12 lladdr 02:00:00:00:00:77 dev br-pe-110 nud noarp extern_learn",
        ":")
        .after(NODE2, SPEAK, ":"),
    fault("a policy keeps our hosts from the switch", "route-advertised", Soon::Late, NODE1,
        "printf '%s\n' 'route-map no-hosts deny 10' ' match evpn route-type macip' \
                       'route-map no-hosts permit 20' 'router bgp 64514' ' address-family l2vpn evpn' \
                       '  neighbor 10.0.1.1 route-map no-hosts out' | raw",
        "rm /etc/perouter/zz-raw.yaml"),
    fault("nobody is to flood", "flood-list", Soon::Told, NODE1,
        "printf '%s\n' 'router bgp 64514' ' address-family l2vpn evpn' '  flooding disable' | raw",
        "rm /etc/perouter/zz-raw.yaml"),
    fault("a MAC moves to and fro between the nodes", "duplicate-address", Soon::Late, NODE1,
        TWIN, NO_TWIN)
        .after(NODE2, TWIN, NO_TWIN),
    passing("the entry to flood to a VTEP goes", Mender::Zebra,
        "now; r bridge fdb del 00:00:00:00:00:00 dev vni110 dst 100.65.0.1 self",
        "r bridge fdb show dev vni110 | grep -q '^00:00:00:00:00:00 dst 100.65.0.1 '", ":"),
    passing("the gateway loses its address", Mender::Agent,
        "now; r ip address del 10.20.0.1/24 dev br-pe-110",
        "r ip -o address show dev br-pe-110 | grep -q ' 10.20.0.1/24 '", ":"),
    passing("the gateway gets another MAC", Mender::Agent,
        "r ip -o link show br-pe-110 | grep -o 'link/ether [0-9a-f:]*' > /run/lab-mac
         now; r ip link set br-pe-110 address 02:00:00:00:00:77",
        "r ip -o link show br-pe-110 | grep -qFf /run/lab-mac", ":"),
    passing("the VXLAN device of a segment goes down", Mender::Agent,
        "now; r ip link set vni110 down",
        "r ip -o link show vni110 | grep -q '[<,]UP[,>]'", ":"),
    passing("the hosts' port leaves its bridge", Mender::Agent,
        "now; r ip link set pe-e-110 nomaster",
        "r ip -o link show pe-e-110 | grep -q 'master br-pe-110'", ":"),
];
