//! Routes in: each hop is broken by itself, and exactly that hop is found.

use super::fixture::{OWN_MAC, SVI, VETH, VXLAN, evpn, ip, net, peer_address, red, run};
use crate::plan::link::Mac;
use crate::verify::Check;
use crate::verify::facts::{
    Facts, FdbEntry, ForwardTo, KernelRoute, NeighbourEntry, Origin, RibChoice, RibEntry,
    RibProtocol, RouteAction, RouteHop, Standing, Telling, VrfFacts, VrfPath,
};

/// The remote prefix that is broken, and how it is named in a finding on its route.
const REMOTE: &str = "172.16.2.0/24";
const ROUTE: &str = "172.16.2.0/24 (RD 10.0.0.2:2)";

fn vrf(facts: &mut Facts) -> &mut VrfFacts {
    facts.vrfs.get_mut(&red()).unwrap()
}

fn in_vrf(facts: &mut Facts) -> &mut Vec<VrfPath> {
    let table = vrf(facts).bgp.as_mut().unwrap();
    table.get_mut(&net(REMOTE)).unwrap()
}

fn in_rib(facts: &mut Facts) -> &mut Vec<RibEntry> {
    let rib = vrf(facts).rib.as_mut().unwrap();
    rib.get_mut(&net(REMOTE)).unwrap()
}

fn in_kernel(facts: &mut Facts) -> &mut KernelRoute {
    let table = vrf(facts).table.as_mut().unwrap();
    let mut routes = table.iter_mut();
    routes.find(|to| to.destination == net(REMOTE)).unwrap()
}

fn hop(facts: &mut Facts) -> &mut RouteHop {
    match &mut in_kernel(facts).action {
        RouteAction::Forward(hops) => hops.first_mut().unwrap(),
        RouteAction::Drop(_) | RouteAction::Local => panic!("the fixture forwards"),
    }
}

#[test]
fn routes_in_bgp() {
    run(&[
        (
            "next hop not reachable",
            |facts| evpn(facts, REMOTE, Origin::Peer(peer_address())).standing = Standing::Invalid,
            &[(Check::RouteValid, ROUTE)],
        ),
        (
            "no best path",
            |facts| evpn(facts, REMOTE, Origin::Peer(peer_address())).standing = Standing::Valid,
            &[(Check::RouteValid, ROUTE)],
        ),
        (
            "not imported",
            |facts| {
                let table = vrf(facts).bgp.as_mut().unwrap();
                table.remove(&net(REMOTE));
            },
            &[(Check::RouteImported, ROUTE)],
        ),
        (
            "imported with another next hop",
            |facts| in_vrf(facts)[0].next_hop = ip("100.65.0.9"),
            &[(Check::RouteImported, ROUTE)],
        ),
        (
            "imported, but no best path",
            |facts| in_vrf(facts)[0].standing = Standing::Valid,
            &[(Check::RouteImported, REMOTE)],
        ),
    ]);
}

#[test]
fn routes_in_zebra_and_kernel() {
    run(&[
        (
            "not in the RIB",
            |facts| in_rib(facts).clear(),
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not selected",
            |facts| in_rib(facts)[0].choice = RibChoice::NotSelected,
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not installed",
            |facts| in_rib(facts)[0].choice = RibChoice::Selected,
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "next hop not active",
            |facts| in_rib(facts)[0].next_hops.clear(),
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not in the kernel",
            |facts| {
                let table = vrf(facts).table.as_mut().unwrap();
                table.retain(|to| to.destination != net(REMOTE));
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel by another link",
            |facts| hop(facts).link = Some(VETH),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel to another next hop",
            |facts| hop(facts).gateway = Some(ip("100.65.0.9")),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel, not onlink",
            |facts| hop(facts).onlink = false,
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "the kernel drops it",
            |facts| in_kernel(facts).action = RouteAction::Drop("unreachable"),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "a route with a lower metric shadows it",
            |facts| {
                let shadow = KernelRoute {
                    metric: 1,
                    action: RouteAction::Drop("blackhole"),
                    ..in_kernel(facts).clone()
                };
                vrf(facts).table.as_mut().unwrap().push(shadow);
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
    ]);
}

#[test]
fn forwarding_entries() {
    run(&[
        (
            "no neighbour entry",
            |facts| {
                facts.neighbours.as_mut().unwrap().remove(0);
            },
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry with another MAC",
            |facts| facts.neighbours.as_mut().unwrap()[0].mac = Some(OWN_MAC),
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry not resolved",
            |facts| facts.neighbours.as_mut().unwrap()[0].mac = None,
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry on another link",
            |facts| facts.neighbours.as_mut().unwrap()[0].link = VETH,
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "no forwarding entry",
            |facts| {
                facts.fdb.as_mut().unwrap().remove(0);
            },
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
        (
            "forwarding entry in the device, but not in its bridge",
            |facts| {
                facts.fdb.as_mut().unwrap().remove(1);
            },
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
        (
            "forwarding entry to another VTEP",
            |facts| facts.fdb.as_mut().unwrap()[0].to = ForwardTo::Vtep(ip("100.65.0.9")),
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
        (
            "forwarding entry on another VXLAN device",
            |facts| facts.fdb.as_mut().unwrap()[0].link = VXLAN + 100,
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
    ]);
}

#[test]
fn what_is_as_it_should_be() {
    run(&[
        (
            "a route with a foreign route target is not ours",
            |facts| {
                let mut foreign = evpn(facts, REMOTE, Origin::Peer(peer_address())).clone();
                foreign.id.prefix = net("10.99.0.0/16");
                foreign.targets = vec!["64514:7".parse().unwrap()];
                facts.evpn.as_mut().unwrap().push(foreign);
            },
            &[],
        ),
        (
            "our own route, told back by the fabric",
            |facts| {
                let mut reflected = evpn(facts, "172.16.1.0/24", Origin::Local).clone();
                reflected.origin = Origin::Peer(peer_address());
                reflected.standing = Standing::Invalid;
                facts.evpn.as_mut().unwrap().push(reflected);
            },
            &[],
        ),
        (
            "a path that loops beside a good one",
            |facts| {
                let mut loops = evpn(facts, REMOTE, Origin::Peer(peer_address())).clone();
                loops.origin = Origin::Peer(ip("10.0.2.1"));
                loops.standing = Standing::Invalid;
                facts.evpn.as_mut().unwrap().push(loops);
            },
            &[],
        ),
        (
            "zebra prefers a connected route",
            |facts| {
                in_rib(facts)[0].choice = RibChoice::NotSelected;
                in_rib(facts).push(RibEntry {
                    protocol: RibProtocol::Other("connected".into()),
                    choice: RibChoice::Installed,
                    next_hops: Vec::new(),
                });
                hop(facts).link = Some(VETH);
            },
            &[],
        ),
        (
            "a kernel route with a higher metric does no harm",
            |facts| {
                let spare = KernelRoute {
                    metric: 4000,
                    action: RouteAction::Drop("unreachable"),
                    ..in_kernel(facts).clone()
                };
                vrf(facts).table.as_mut().unwrap().push(spare);
            },
            &[],
        ),
    ]);
}

/// A second PE with the same prefix, and a route by both.
fn add_second_pe(facts: &mut Facts) {
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 3]);
    let vtep = ip("100.65.0.3");
    let mut path = evpn(facts, REMOTE, Origin::Peer(peer_address())).clone();
    path.id.rd = "10.0.0.3:2".into();
    path.next_hop = vtep;
    path.router_mac = Some(MAC);
    facts.evpn.as_mut().unwrap().push(path);
    in_vrf(facts).push(VrfPath {
        origin: Origin::Peer(peer_address()),
        next_hop: vtep,
        standing: Standing::Multipath,
        telling: Telling::Told,
    });
    in_rib(facts)[0].next_hops.push(vtep);
    let hop = RouteHop {
        gateway: Some(vtep),
        ..*hop(facts)
    };
    if let RouteAction::Forward(hops) = &mut in_kernel(facts).action {
        hops.push(hop);
    }
    let main = facts.underlay.table.as_mut().unwrap();
    let way = main
        .iter()
        .find(|to| to.destination == net("100.65.0.2/32"));
    let mut way = way.unwrap().clone();
    way.destination = net("100.65.0.3/32");
    main.push(way);
    facts.neighbours.as_mut().unwrap().push(NeighbourEntry {
        link: SVI,
        ip: vtep,
        mac: Some(MAC),
    });
    for to in [ForwardTo::Vtep(vtep), ForwardTo::Device] {
        facts.fdb.as_mut().unwrap().push(FdbEntry {
            link: VXLAN,
            mac: MAC,
            to,
        });
    }
}

#[test]
fn equal_cost_next_hops() {
    run(&[
        ("both good", add_second_pe, &[]),
        (
            "the kernel has only one of both",
            |facts| {
                add_second_pe(facts);
                if let RouteAction::Forward(hops) = &mut in_kernel(facts).action {
                    hops.pop();
                }
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "the second is not imported",
            |facts| {
                add_second_pe(facts);
                in_vrf(facts).pop();
            },
            &[(Check::RouteImported, "172.16.2.0/24 (RD 10.0.0.3:2)")],
        ),
        (
            "the second's forwarding entry is missing",
            |facts| {
                add_second_pe(facts);
                facts.fdb.as_mut().unwrap().pop();
            },
            &[(Check::FdbEntry, "02:00:00:00:00:03 to 100.65.0.3")],
        ),
    ]);
}
