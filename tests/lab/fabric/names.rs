//! Who is who in the topology.

/// The first node with an agent.
pub(crate) const NODE1: &str = "node1";
/// The second node with an agent.
pub(crate) const NODE2: &str = "node2";
/// The router behind the leaf.
pub(crate) const EXT: &str = "ext";
/// The PE that is configured by hand.
pub(crate) const LEAF: &str = "leaf";
/// The transit router.
pub(crate) const SPINE: &str = "spine";

/// The nodes with an agent.
pub(crate) const AGENTS: [&str; 2] = [NODE1, NODE2];

/// An end of a VRF: who announces which prefix, and has which address in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// The node.
    pub(crate) node: &'static str,
    /// The AS of its own BGP speaker.
    pub(crate) asn: u32,
    /// The prefix that it announces.
    pub(crate) prefix: &'static str,
    /// Its address in that prefix.
    pub(crate) address: &'static str,
}

/// The three ends of VRF red.
pub(crate) const RED: [End; 3] = [
    End {
        node: NODE1,
        asn: 64515,
        prefix: "172.16.1.0/24",
        address: "172.16.1.1",
    },
    End {
        node: NODE2,
        asn: 64515,
        prefix: "172.16.2.0/24",
        address: "172.16.2.1",
    },
    End {
        node: EXT,
        asn: 64530,
        prefix: "172.16.9.0/24",
        address: "172.16.9.1",
    },
];

/// The two ends of VRF blue.
pub(crate) const BLUE: [End; 2] = [
    End {
        node: NODE1,
        asn: 64515,
        prefix: "172.17.1.0/24",
        address: "172.17.1.1",
    },
    End {
        node: NODE2,
        asn: 64515,
        prefix: "172.17.2.0/24",
        address: "172.17.2.1",
    },
];

/// All ordered pairs of different ends of one VRF.
pub(crate) fn pairs(ends: &[End]) -> impl Iterator<Item = (&End, &End)> {
    ends.iter().flat_map(move |from| {
        let others = ends.iter().filter(|to| to.address != from.address);
        others.map(move |to| (from, to))
    })
}
