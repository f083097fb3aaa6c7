//! The fabric below the tunnels.

use super::Explanation;

pub(super) const DUPLICATE_VTEP: Explanation = Explanation {
    broken: "Another router tells routes with this node's VTEP address. What the fabric sends to \
             the address reaches one of the two, and the other's workloads lose it. bgpd drops such \
             routes unseen unless a RawFRRConfig gives it `bgp allow-martian-nexthop`: without that \
             this check sees no twin.",
    causes: &[
        "two nodes have the same index: the annotation openpe.io/nodeindex, or --node-index",
        "the tunnel endpoint pool overlaps with addresses of another cluster or a leaf",
        "a cloned machine that still runs with the configuration of the first",
    ],
    mend: &[
        "find the router behind the RD that the finding names, and compare the indices",
        "give one of the two another index, or another pool",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn'",
        "ip address show dev lo",
        "perouter status",
    ],
};

pub(super) const MTU_PATH: Explanation = Explanation {
    broken: "Packets that fit through the link between host and router do not fit through the \
             NIC once the tunnel's headers are around them. Small packets pass and large ones \
             are lost: pings work, and transfers hang.",
    causes: &[
        "the NIC's MTU is too small for a tunnel: 50 bytes go to VXLAN over IPv4, 70 over IPv6",
        "the MTU of a link was changed by hand",
        "the MTU of the NIC was changed, and the agent has not followed yet",
    ],
    mend: &[
        "raise the MTU of the NIC and of every link of the fabric, to 9000 or 1600 at least",
        "wait for the next pass: the agent fits the links of the overlay to the NIC",
    ],
    look: &[
        "ip link show dev NIC",
        "ip link show dev pe-e-VNI",
        "ip netns exec perouter ping -M do -s SIZE VTEP (SIZE: the NIC's MTU less 28)",
    ],
};

pub(super) const BFD_SESSION: Explanation = Explanation {
    broken: "BGP runs, but BFD does not watch the way to the neighbour: a broken way is noticed \
             only when the hold time is over, up to minutes later.",
    causes: &[
        "the neighbour does not run BFD for this session",
        "UDP port 3784, or 4784 over several hops, does not pass",
        "both sides are passive, or the times differ so that packets count as lost",
        "bfdd does not run",
    ],
    mend: &[
        "configure BFD for this router on the neighbour",
        "open the ports on the way",
        "remove bfd from the neighbour in the Underlay when it is not to be watched",
    ],
    look: &[
        "vtysh -c 'show bfd peers'",
        "vtysh -c 'show bfd peers counters'",
        "vtysh -c 'show bgp neighbors PEER'",
    ],
};

pub(super) const UNDERLAY_ROUTE: Explanation = Explanation {
    broken: "There is no route to a remote VTEP in the main table, so the tunnel to it has \
             nowhere to go: everything behind it is out of reach, in every VRF and segment.",
    causes: &[
        "the router behind that VTEP is down, or does not announce its address",
        "a router between filters the pool of tunnel endpoints",
        "the reflector of EVPN routes knows the router, but no neighbour tells the way to it",
        "only a default route leads there, by which zebra lets no next hop go",
        "someone deleted the route, or another program replaced it",
    ],
    mend: &[
        "see on that router whether its VTEP address is in its BGP table, and announced",
        "let the pool of tunnel endpoints pass on the way, with prefixes of full length",
    ],
    look: &[
        "vtysh -c 'show ip nht'",
        "vtysh -c 'show ip route VTEP'",
        "ip netns exec perouter ip route get VTEP",
    ],
};

pub(super) const VTEP_REACHABLE: Explanation = Explanation {
    broken: "The main table has a route to a remote VTEP, but bgpd does not take it for one: \
             all routes by that VTEP are invalid, and not used.",
    causes: &[
        "the route came a moment ago, and bgpd has not looked again yet",
        "bgpd lost what zebra told it, after a restart of zebra for one",
    ],
    mend: &[
        "wait for the next pass",
        "restart bgpd when it stays so: forwarding goes on with graceful restart",
    ],
    look: &["vtysh -c 'show bgp nexthop VTEP'", "vtysh -c 'show ip nht'"],
};
