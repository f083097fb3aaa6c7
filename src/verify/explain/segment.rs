//! Layer 2 segments.

use super::Explanation;

pub(super) const GATEWAY: Explanation = Explanation {
    broken: "The segment's bridge lacks an address of the gateway, or the MAC that all nodes \
             share: workloads on this node reach nothing outside of their segment, or lose it \
             when they move.",
    causes: &[
        "someone changed the bridge by hand",
        "the segment could not be applied: see its condition Programmed",
    ],
    mend: &[
        "wait for the next pass: the agent puts address and MAC back",
        "mend what the condition Programmed says",
    ],
    look: &["ip address show dev br-pe-VNI", "perouter plan"],
};

pub(super) const LOCAL_MAC_ADVERTISED: Explanation = Explanation {
    broken: "A workload of this node is in the bridge, but the fabric is not told: the other \
             nodes flood to it instead of sending, or think it is elsewhere.",
    causes: &[
        "the workload has only just sent its first packet",
        "it moved here, and the other node still tells that it has it",
        "zebra missed the bridge's notice, under load or after a restart",
    ],
    mend: &[
        "wait for the next pass",
        "have the workload send something: a gratuitous ARP has zebra look again",
        "look for the same MAC on another node",
    ],
    look: &[
        "bridge fdb show br br-pe-VNI",
        "vtysh -c 'show evpn mac vni VNI'",
        "vtysh -c 'show bgp l2vpn evpn route vni VNI'",
    ],
};

pub(super) const FLOOD_LIST: Explanation = Explanation {
    broken: "Broadcasts and packets to unknown hosts do not reach every node of the segment, or \
             not this one: ARP and neighbour discovery fail between them.",
    causes: &[
        "the other node has only just joined",
        "someone deleted the entry of the VXLAN device, or created the device anew",
        "flooding is disabled in bgpd: flooding disable",
    ],
    mend: &[
        "wait for the next pass",
        "remove flooding disable from what RawFRRConfig sets",
    ],
    look: &[
        "bridge fdb show dev vniVNI",
        "vtysh -c 'show evpn vni VNI'",
        "vtysh -c 'show bgp l2vpn evpn route type 3'",
    ],
};

pub(super) const REMOTE_MAC_IN_FDB: Explanation = Explanation {
    broken: "The fabric tells where a remote workload is, but this kernel does not have it \
             there: packets to it are flooded, dropped, or sent to the wrong node.",
    causes: &[
        "the workload has only just come or moved",
        "someone deleted the entry, or learning is on and overwrote it",
        "zebra could not write it: see its log",
    ],
    mend: &[
        "wait for the next pass, which has the entry written again",
        "clear evpn dup-addr vni VNI when zebra froze it as a duplicate",
        "ip link set vniVNI down, and up again: zebra writes all of the segment anew",
    ],
    look: &[
        "bridge fdb show dev vniVNI",
        "ip neigh show dev br-pe-VNI",
        "vtysh -c 'show evpn mac vni VNI mac MAC'",
        "vtysh -c 'show evpn arp-cache vni VNI'",
    ],
};

pub(super) const DUPLICATE_ADDRESS: Explanation = Explanation {
    broken: "A MAC or an address of the segment moves to and fro between nodes; packets reach \
             one place or the other by chance.",
    causes: &[
        "two workloads have the same MAC or address",
        "a cable or a second bridge joins two nodes beside the fabric: a loop",
        "a virtual machine was cloned with its MAC",
    ],
    mend: &[
        "find both places, by the ports and VTEPs that zebra names, and change one",
        "break the loop",
        "vtysh -c 'clear evpn dup-addr vni VNI' once it is mended",
    ],
    look: &[
        "vtysh -c 'show evpn mac vni VNI duplicate'",
        "vtysh -c 'show evpn arp-cache vni VNI duplicate'",
        "bridge fdb show br br-pe-VNI",
    ],
};
