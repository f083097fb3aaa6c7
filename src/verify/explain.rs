//! What a failed check means, for whoever is woken by it.
//!
//! What always holds: every check has an explanation with every part filled in. The commands
//! are those of a shell on the node: `vtysh` and `ip` in the router's namespace
//! (`ip netns exec perouter …`); capitals stand for what the finding names.

mod segment;
#[cfg(test)]
mod tests;
mod underlay;

use super::finding::Check;

/// What stands behind a check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What does not work while the check fails, in one or two sentences.
    pub broken: &'static str,
    /// The usual causes, the likeliest first.
    pub causes: &'static [&'static str],
    /// What mends them, in the order in which to try.
    pub mend: &'static [&'static str],
    /// The commands to look with.
    pub look: &'static [&'static str],
}

impl Check {
    /// What it means that this check fails, what the usual causes are, and what to do.
    #[must_use]
    pub const fn explanation(self) -> Explanation {
        match self {
            Self::FactsReadable => FACTS_READABLE,
            Self::LinksPresent => LINKS_PRESENT,
            Self::VtepAddress => VTEP_ADDRESS,
            Self::DuplicateVtep => underlay::DUPLICATE_VTEP,
            Self::MtuPath => underlay::MTU_PATH,
            Self::UnderlaySession => UNDERLAY_SESSION,
            Self::BfdSession => underlay::BFD_SESSION,
            Self::EvpnFamily => EVPN_FAMILY,
            Self::HostSession => HOST_SESSION,
            Self::UnderlayRoute => underlay::UNDERLAY_ROUTE,
            Self::VtepReachable => underlay::VTEP_REACHABLE,
            Self::VniUp => VNI_UP,
            Self::BgpVni => BGP_VNI,
            Self::RouteTargets => ROUTE_TARGETS,
            Self::RouterMac => ROUTER_MAC,
            Self::Gateway => segment::GATEWAY,
            Self::HostRouteInKernel => HOST_ROUTE_IN_KERNEL,
            Self::HostRouteExported => HOST_ROUTE_EXPORTED,
            Self::LocalMacAdvertised => segment::LOCAL_MAC_ADVERTISED,
            Self::RouteAdvertised => ROUTE_ADVERTISED,
            Self::RouteFiltered => ROUTE_FILTERED,
            Self::RouteValid => ROUTE_VALID,
            Self::RouteImported => ROUTE_IMPORTED,
            Self::RouteInRib => ROUTE_IN_RIB,
            Self::RouteInKernel => ROUTE_IN_KERNEL,
            Self::NeighbourEntry => NEIGHBOUR_ENTRY,
            Self::FdbEntry => FDB_ENTRY,
            Self::FloodList => segment::FLOOD_LIST,
            Self::RemoteMacInFdb => segment::REMOTE_MAC_IN_FDB,
            Self::DuplicateAddress => segment::DUPLICATE_ADDRESS,
        }
    }
}

const FACTS_READABLE: Explanation = Explanation {
    broken: "FRR or the kernel did not answer, so nothing can be said of what depends on it. \
             Traffic may well flow: the kernel forwards without either.",
    causes: &[
        "a daemon of FRR does not run, is starting, or hangs",
        "the agent does not see FRR's vty sockets: another directory, or another mount",
        "the router's namespace was removed, or the agent may not use netlink in it",
        "a release of FRR whose answers this agent does not know",
    ],
    mend: &[
        "start FRR again; the agent configures it anew by itself",
        "compare --frr-dir and --netns of the agent with what is there",
        "give the agent CAP_NET_ADMIN and CAP_SYS_ADMIN",
    ],
    look: &["vtysh -c 'show daemons'", "ls /run/frr", "ip netns list"],
};

const LINKS_PRESENT: Explanation = Explanation {
    broken: "A NIC, VRF, bridge, VXLAN or veth of this object is missing, down or joined to the \
             wrong link; what goes through it is dropped.",
    causes: &[
        "someone, or another program, removed or changed the link by hand",
        "the object was refused by the kernel: see its condition Programmed",
        "spec names a NIC that this node does not have, or that is down",
        "a link of another owner has the name that is wanted, or the VNI",
    ],
    mend: &[
        "wait for the next pass: the agent repairs its links by itself",
        "correct the NIC's name, or plug the cable in",
        "rename the foreign link, or choose another VNI",
    ],
    look: &["perouter plan", "ip -d link show", "ip -br address"],
};

const VTEP_ADDRESS: Explanation = Explanation {
    broken: "The VTEP's address is not on the router's loopback: packets of the fabric to this \
             node are dropped, and those that it sends have a source that nobody can answer.",
    causes: &[
        "the address was removed by hand",
        "the underlay could not be applied: see its condition Programmed",
    ],
    mend: &[
        "wait for the next pass: the agent puts the address back",
        "mend what the underlay's condition Programmed says",
    ],
    look: &["ip address show dev lo", "perouter plan"],
};

const UNDERLAY_SESSION: Explanation = Explanation {
    broken: "No BGP session with a neighbour of the fabric: without another one this node \
             neither tells nor learns any route, and all overlays stop.",
    causes: &[
        "the neighbour cannot be reached: cable, VLAN, address, or its BGP is not running",
        "the AS numbers do not match what each side expects",
        "a password on one side only, or two that differ: TCP then never opens",
        "the neighbour shut the session down, or a limit of prefixes was exceeded",
        "a firewall keeps TCP port 179 closed, or the neighbour is further than one hop away",
    ],
    mend: &[
        "ping the neighbour from the router's namespace",
        "compare spec.asn and the neighbour's asn with the other side's configuration",
        "compare the passwords on both sides",
        "for a neighbour behind a router set ebgpMultiHop",
    ],
    look: &[
        "vtysh -c 'show bgp neighbors PEER'",
        "ip netns exec perouter ping PEER",
        "ip netns exec perouter ss -tn '( sport = 179 or dport = 179 )'",
    ],
};

const EVPN_FAMILY: Explanation = Explanation {
    broken: "The session stands, but does not carry EVPN: routes of the overlays are not \
             exchanged with this neighbour.",
    causes: &[
        "l2vpn evpn is not activated for this router on the neighbour",
        "the neighbour, a plain leaf switch for one, does not know EVPN",
    ],
    mend: &[
        "activate l2vpn evpn on the neighbour",
        "list the families of this neighbour in the Underlay when it is not to carry EVPN",
    ],
    look: &[
        "vtysh -c 'show bgp neighbors PEER'",
        "vtysh -c 'show bgp l2vpn evpn summary'",
    ],
};

const HOST_SESSION: Explanation = Explanation {
    broken: "No BGP session with the host: its routes are not learned, and it learns none of \
             the overlay.",
    causes: &[
        "no BGP speaker runs on the host, or it has not been configured for this session",
        "the host's AS differs from hostASN, or it expects another one of the router",
        "the veth between host and router is down or has lost its address",
    ],
    mend: &[
        "start the host's BGP speaker, with the router's address of this session as neighbour",
        "compare hostsession.asn and hostsession.hostASN with the speaker's configuration",
        "see the check links-present of the same object",
    ],
    look: &[
        "vtysh -c 'show bgp vrf VRF neighbors PEER'",
        "ip address show",
        "ss -tn '( sport = 179 or dport = 179 )'",
    ],
};

const VNI_UP: Explanation = Explanation {
    broken: "zebra does not take the VNI as up, so nothing of it reaches the kernel.",
    causes: &[
        "the bridge, the VXLAN device or the VRF is missing or down",
        "the VXLAN device is no port of the bridge, or the bridge not of the VRF",
        "the VRF is not mapped to the VNI, or a second VRF claims it",
    ],
    mend: &[
        "wait for the next pass: the agent repairs links and mapping",
        "if zebra keeps saying Down while the links are good, restart FRR",
    ],
    look: &[
        "vtysh -c 'show evpn vni VNI'",
        "vtysh -c 'show vrf vni'",
        "ip -d link show",
    ],
};

const BGP_VNI: Explanation = Explanation {
    broken: "bgpd does not know the VNI as it should: its routes are not made, or go to and \
             come from the wrong places.",
    causes: &[
        "advertise-all-vni is not set in bgpd's default instance",
        "route targets were changed by hand",
        "zebra has not told bgpd of the VNI yet",
    ],
    mend: &[
        "wait for the next pass: the agent repairs the configuration",
        "remove what RawFRRConfig adds to the same instance",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn vni VNI'",
        "vtysh -c 'show running-config'",
    ],
};

const ROUTE_TARGETS: Explanation = Explanation {
    broken: "Two VNIs of this node have one route distinguisher, so that the fabric keeps only \
             one of their routes to a prefix; or a VRF takes in another's routes by accident, \
             and tenants see each other.",
    causes: &[
        "RawFRRConfig sets an rd that another VNI has",
        "an exported target ends in the number of another VNI, whose derived import target takes \
         any AS with that number",
    ],
    mend: &[
        "remove the rd, or choose another",
        "where FRR keeps it after `no rd`, as 10.3 does: set the one that the VRF had before, and \
         then remove that",
        "list importRTs in the VNI that takes in too much: explicit targets are matched in full",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn vni'",
        "vtysh -c 'show bgp l2vpn evpn vrf-import-rt'",
    ],
};

const ROUTER_MAC: Explanation = Explanation {
    broken: "Bridge, zebra and bgpd do not agree on the router MAC. Remote routers send to the \
             one that bgpd announces, and this kernel drops what is not for the bridge's.",
    causes: &[
        "the bridge's address was changed after bgpd had announced it",
        "the bridge took over the address of a port",
    ],
    mend: &[
        "wait for the next pass: bgpd follows within seconds",
        "if it stays so, delete the bridge: the agent makes it anew",
    ],
    look: &[
        "ip link show dev br-pe-VNI",
        "vtysh -c 'show evpn vni VNI'",
        "vtysh -c 'show bgp l2vpn evpn vni VNI'",
    ],
};

const HOST_ROUTE_IN_KERNEL: Explanation = Explanation {
    broken: "What the host announced, or a network of the VRF's own links, is not in the VRF's \
             kernel table: packets from the fabric arrive here and go no further.",
    causes: &[
        "the host's next hop is not in the subnet of the link, and cannot be reached",
        "the kernel refused the route: see zebra's log",
        "someone deleted the route, or another program has one with a lower metric",
        "the link lost its address for a moment, and zebra does not know",
        "zebra lost, or never got, what bgpd chose",
    ],
    mend: &[
        "have the host announce its own address as next hop",
        "wait for the next pass, which has bgpd tell zebra anew, and delete what is foreign in the \
         table",
        "vtysh -c 'clear bgp vrf VRF prefix PREFIX' has zebra told by hand",
    ],
    look: &[
        "vtysh -c 'show bgp vrf VRF ipv4 unicast PREFIX'",
        "vtysh -c 'show ip route vrf VRF PREFIX'",
        "ip route show vrf VRF",
    ],
};

const HOST_ROUTE_EXPORTED: Explanation = Explanation {
    broken: "A route of this node's VRF is no Type-5 route, or a wrong one: the other routers \
             do not know the way to the prefix.",
    causes: &[
        "advertise unicast is missing in the VRF's l2vpn evpn family",
        "the route in the VRF is not valid: its next hop cannot be reached",
        "a policy, from RawFRRConfig for one, keeps it out",
    ],
    mend: &[
        "wait for the next pass: the agent repairs the configuration",
        "see whether the VRF's route is valid, and mend its next hop",
    ],
    look: &[
        "vtysh -c 'show bgp vrf VRF ipv4 unicast PREFIX'",
        "vtysh -c 'show bgp l2vpn evpn route type 5'",
    ],
};

const ROUTE_ADVERTISED: Explanation = Explanation {
    broken: "A route of ours (Type-5 of a VRF, Type-2 or Type-3 of a segment) is not sent to a \
             neighbour of the fabric; what is behind that neighbour does not know it.",
    causes: &[
        "a policy towards the neighbour filters it",
        "the neighbour is told with `sender-as-path-loop-detection`, and its AS is in the path",
        "the session has only just opened, and is still sending",
    ],
    mend: &[
        "remove the route map or filter that RawFRRConfig puts on the neighbour",
        "wait: a large table takes seconds to send",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn neighbors PEER advertised-routes'",
        "vtysh -c 'show bgp l2vpn evpn summary'",
    ],
};

const ROUTE_FILTERED: Explanation = Explanation {
    broken: "Other routers tell routes for this VNI, but with route targets that its VRF does \
             not import; the VRF learns nothing.",
    causes: &[
        "importRTs names another AS or number than the other routers export",
        "the other routers derive their target from another AS number",
    ],
    mend: &[
        "add the target that the finding names to importRTs",
        "or export on the other side what is imported here",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn route type 5'",
        "vtysh -c 'show bgp l2vpn evpn vni VNI'",
        "vtysh -c 'show bgp l2vpn evpn vrf-import-rt'",
    ],
};

const ROUTE_VALID: Explanation = Explanation {
    broken: "A received route has no valid best path; it is not used.",
    causes: &[
        "bgpd does not take its next hop as reachable",
        "bgpd is still choosing, after a restart for one",
    ],
    mend: &[
        "see the check vtep-reachable of the underlay when the next hop cannot be reached",
        "vtysh -c 'show bgp l2vpn evpn route rd RD type 5' names what each path lacks",
    ],
    look: &[
        "vtysh -c 'show bgp l2vpn evpn route type 5'",
        "vtysh -c 'show ip nht'",
    ],
};

const ROUTE_IMPORTED: Explanation = Explanation {
    broken: "A received route is not in the BGP table of the VRF that imports its route \
             targets; the VRF has no way to the prefix.",
    causes: &[
        "the VNI has only just come up, and bgpd is still importing",
        "a policy of the VRF keeps it out",
        "bgpd lost it: known of some releases after a VNI was removed and made again",
    ],
    mend: &[
        "see what the VRF's policies keep out",
        "write what is imported now, and one route target more, into the importRTs of the L3VNI, \
         and take it away again: bgpd imports all anew",
    ],
    look: &[
        "vtysh -c 'show bgp vrf VRF ipv4 unicast PREFIX'",
        "vtysh -c 'show bgp l2vpn evpn vrf-import-rt'",
    ],
};

const ROUTE_IN_RIB: Explanation = Explanation {
    broken: "zebra did not choose or install the VRF's route; packets to the prefix take \
             another way, or none.",
    causes: &[
        "the next hop cannot be reached as zebra sees it: the SVI is down",
        "the kernel refused the route: see zebra's log",
        "the VRF's table is full of another program's routes",
        "zebra lost, or never got, what bgpd chose",
    ],
    mend: &[
        "see the checks links-present and vni-up of the same object",
        "remove the foreign route that stands in the way",
        "wait for the next pass, which has bgpd tell zebra anew",
        "vtysh -c 'clear bgp vrf VRF prefix PREFIX' has zebra told by hand",
    ],
    look: &[
        "vtysh -c 'show ip route vrf VRF PREFIX'",
        "vtysh -c 'show evpn next-hops vni VNI'",
    ],
};

const ROUTE_IN_KERNEL: Explanation = Explanation {
    broken: "zebra says that the route is installed, but the kernel does not have it so: \
             packets to the prefix are lost or leave by the wrong link.",
    causes: &[
        "someone deleted or replaced the route by hand",
        "the bridge was down for a moment: the kernel drops its routes, and zebra does not know",
        "a route with a lower metric of another program hides it",
    ],
    mend: &[
        "wait for the next pass: the agent has zebra install it again when all are gone",
        "ip route show vrf VRF PREFIX, and delete what is foreign",
    ],
    look: &[
        "ip route show vrf VRF PREFIX",
        "vtysh -c 'show ip route vrf VRF PREFIX'",
        "ip monitor route",
    ],
};

const NEIGHBOUR_ENTRY: Explanation = Explanation {
    broken: "The kernel does not know the router MAC of a remote VTEP: packets through this \
             VTEP are not sent.",
    causes: &[
        "another write to the bridge had zebra flush its neighbour entries",
        "someone deleted the entry, or another program resolves on the bridge",
        "the remote router announces two MACs",
    ],
    mend: &[
        "wait for the next pass, which has zebra write it again",
        "ip link set br-pe-VNI down, and up again: zebra writes all of the VNI anew",
    ],
    look: &[
        "ip neigh show dev br-pe-VNI",
        "vtysh -c 'show evpn next-hops vni VNI'",
    ],
};

const FDB_ENTRY: Explanation = Explanation {
    broken: "The VXLAN device does not know behind which VTEP a router MAC is: packets to it \
             are dropped. Where only the bridge lacks the entry they arrive, flooded to all its ports.",
    causes: &[
        "someone deleted the entry, or learning is on and overwrote it",
        "two remote routers use one MAC",
    ],
    mend: &[
        "wait for the next pass",
        "give the remote routers MACs of their own",
    ],
    look: &[
        "bridge fdb show dev vniVNI",
        "vtysh -c 'show evpn rmac vni VNI'",
    ],
};
