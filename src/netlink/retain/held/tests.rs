use std::net::Ipv4Addr;

use rtnetlink::packet_route::route::{RouteAddress, RouteNextHop};

use super::*;

fn route(protocol: RouteProtocol, metric: u32) -> RouteMessage {
    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.destination_prefix_length = 24;
    route.header.protocol = protocol;
    route.header.flags = RouteFlags::Onlink | RouteFlags::Linkdown;
    route.attributes = vec![
        RouteAttribute::Destination(RouteAddress::Inet(Ipv4Addr::new(172, 16, 1, 0))),
        RouteAttribute::Priority(metric),
        RouteAttribute::Gateway(RouteAddress::Inet(Ipv4Addr::new(10, 0, 0, 1))),
        RouteAttribute::Oif(4),
        RouteAttribute::NhId(17),
    ];
    route
}

fn forwarding(flags: NeighbourFlags, mac: Mac) -> NeighbourMessage {
    let mut entry = NeighbourMessage::default();
    entry.header.family = AddressFamily::Bridge;
    entry.header.ifindex = 7;
    entry.header.state = NeighbourState::Reachable;
    entry.header.flags = flags;
    entry.attributes = vec![
        NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        NeighbourAttribute::Controller(3),
    ];
    entry
}

const MAC: Mac = [2, 0, 0, 0, 0, 9];

#[test]
fn a_route_of_bgpd_is_put_back_behind_zebras_without_what_may_be_gone() {
    let Some(Held::Route(held)) = Held::route(&route(RouteProtocol::Bgp, 20)) else {
        panic!("it is not put back");
    };
    assert_eq!(held.header.flags, RouteFlags::Onlink);
    assert!(held.attributes.contains(&RouteAttribute::Priority(METRIC)));
    assert!(!held.attributes.contains(&RouteAttribute::Priority(20)));
    assert!(!held.attributes.contains(&RouteAttribute::NhId(17)));
    assert!(held.attributes.contains(&RouteAttribute::Oif(4)));
    assert!(is_held_route(&held));
    assert_eq!(Held::route(&held), None, "it was put back itself");
}

#[test]
fn routes_of_others_are_not_put_back() {
    for protocol in [
        RouteProtocol::Static,
        RouteProtocol::Kernel,
        RouteProtocol::Zebra,
    ] {
        assert_eq!(Held::route(&route(protocol, 20)), None);
    }
}

#[test]
fn every_leg_of_a_route_is_rid_of_the_kernels_word_on_it() {
    let mut several = route(RouteProtocol::Bgp, 20);
    let mut leg = RouteNextHop::default();
    leg.flags = RouteNextHopFlags::Onlink | RouteNextHopFlags::Dead;
    several
        .attributes
        .push(RouteAttribute::MultiPath(vec![leg]));
    let Some(Held::Route(held)) = Held::route(&several) else {
        panic!("it is not put back");
    };
    let legs = held
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::MultiPath(legs) => Some(legs),
            _ => None,
        });
    assert_eq!(
        legs.map(|legs| legs[0].flags),
        Some(RouteNextHopFlags::Onlink)
    );
}

#[test]
fn only_what_a_control_plane_told_is_put_back() {
    let told = NeighbourFlags::ExtLearned;
    let own = NeighbourFlags::Own;
    assert_eq!(
        Held::forwarding(&forwarding(NeighbourFlags::empty(), MAC)),
        None
    );
    assert!(matches!(
        Held::forwarding(&forwarding(told, MAC)),
        Some(Held::Bridge(_))
    ));
    assert!(matches!(
        Held::forwarding(&forwarding(told | own, MAC)),
        Some(Held::Vxlan(_))
    ));
    assert!(matches!(
        Held::forwarding(&forwarding(told | own, FLOODING)),
        Some(Held::Flooding(_))
    ));
}

#[test]
fn zebras_mark_on_a_bridges_entry_tells_of_the_tunnels_too() {
    let told = NeighbourFlags::ExtLearned;
    let own = forwarding(told | NeighbourFlags::Own, MAC);
    let tunnels = BTreeSet::from([7]);
    let zebras = [forwarding(told, MAC), own.clone()];
    assert_eq!(held_forwarding(&zebras, &tunnels), []);
    let ours = [forwarding(NeighbourFlags::empty(), MAC), own.clone()];
    assert_eq!(held_forwarding(&ours, &tunnels).len(), 2);
    // A workload behind any other port.
    assert_eq!(held_forwarding(&ours[..1], &BTreeSet::from([8])), []);
    let held = Held::forwarding(&own).expect("a tunnel's entry");
    assert!(held.is_half_of(&told_to_bridges(&zebras)));
    assert!(!held.is_half_of(&told_to_bridges(&ours)));
}
