//! What has no routes of its own to follow: segments, and the session of the passthrough.

use super::fixture::{bad, facts, good, intent};
use crate::api::{
    AllowedPrefixes, HostMaster, HostSession, Kind, L2Vni, LocalCidr, Peer, RemoteAs, RouteTarget,
    Vni,
};
use crate::intent::addresses::HostLeg;
use crate::intent::samples::{asn, key, segment};
use crate::intent::{NodeIntent, PassthroughIntent, SegmentIntent};
use crate::plan::desired::{Tunnels, links_of_passthrough, links_of_segment};
use crate::plan::link::{Link, LinkKind, Master, SeenKernel, SeenKind, SeenLink, Space};
use crate::verify::facts::{BgpVni, FloodPath, ImportTarget, SessionState, ZebraSegment};
use crate::verify::{Check, Facts, verify};

fn with_segment(master: Option<HostMaster>) -> NodeIntent {
    let mut intent = intent();
    intent.segments.push(SegmentIntent {
        key: key(Kind::L2Vni, "flat"),
        spec: L2Vni {
            host_master: master,
            ..segment(120)
        },
        vrf: None,
    });
    intent
}

fn with_passthrough() -> NodeIntent {
    let mut intent = intent();
    intent.passthrough = Some(PassthroughIntent {
        key: key(Kind::L3Passthrough, "host"),
        session: HostSession {
            asn: asn(64514),
            remote_as: RemoteAs::Number(asn(64515)),
            local_cidr: LocalCidr::of_ipv4("192.169.30.0/24".parse().unwrap()),
            allowed: AllowedPrefixes::default(),
        },
        legs: vec![HostLeg {
            router: "192.169.30.1/24".parse().unwrap(),
            host: "192.169.30.2/24".parse().unwrap(),
        }],
    });
    intent
}

/// The links of an object as the kernel shows them once all is done.
fn made(kernel: &mut SeenKernel, links: &[Link]) {
    let index = |space, name: &str| {
        let same = |link: &Link| link.space == space && link.name.as_str() == name;
        let place = links.iter().position(same).expect("one of them");
        500 + u32::try_from(place).expect("few")
    };
    for link in links {
        let kind = match &link.kind {
            LinkKind::Vrf { table } => SeenKind::Vrf { table: *table },
            LinkKind::Bridge => SeenKind::Bridge,
            LinkKind::Vxlan { vni, local, port } => SeenKind::Vxlan {
                vni: vni.get(),
                local: Some(*local),
                port: *port,
                learning: false,
            },
            LinkKind::Veth { peer_space, peer } => SeenKind::Veth {
                peer_index: Some(index(*peer_space, peer.as_str())),
            },
        };
        let seen = SeenLink {
            index: index(link.space, link.name.as_str()),
            kind,
            master: match &link.master {
                Master::None | Master::Free => None,
                Master::Link(master) | Master::Foreign(master) => Some(master.clone()),
            },
            up: true,
            mtu: 1450,
            mac: link.mac,
            group: 0,
            alias: link.alias.clone(),
            address_generation: None,
            evpn_port: None,
            addresses: link.addresses.clone(),
        };
        let there = match link.space {
            Space::Host => &mut kernel.host,
            Space::Router => &mut kernel.router,
        };
        there.insert(link.name.clone(), seen);
    }
}

fn facts_with(links: &[Link]) -> Facts {
    let mut facts = facts();
    made(facts.kernel.as_mut().expect("read"), links);
    know_segment(&mut facts);
    facts
}

/// What FRR says of a segment that nobody routes, and in which nobody is.
fn know_segment(facts: &mut Facts) {
    let [lan, flat] = [110_u32, 120].map(|number| Vni::try_from(number).expect("a VNI"));
    let bgp = facts.bgp_vnis.as_mut().expect("read");
    let target: RouteTarget = "64514:120".parse().expect("a route target");
    let own = BgpVni {
        rd: "10.0.0.1:4".into(),
        import_targets: vec![ImportTarget::Exact(target)],
        export_targets: vec![target],
        ..bgp[&lan].clone()
    };
    let floods = facts.segments.floods.as_mut().expect("read");
    let ours = floods.iter().find(|path| path.rd == bgp[&lan].rd);
    let ours = FloodPath {
        rd: own.rd.clone(),
        ..ours.expect("our own").clone()
    };
    for sent in facts.segments.advertised.values_mut().flatten() {
        sent.insert(ours.route());
    }
    floods.push(ours);
    bgp.insert(flat, own);
    let zebra = facts.segments.zebra.as_mut().expect("read");
    let own = ZebraSegment {
        vrf: Some("default".to_owned()),
        svi: Some("br-pe-120".to_owned()),
        vxlan: Some("vni120".to_owned()),
        ..zebra[&lan].clone()
    };
    zebra.insert(flat, own);
}

fn links_of(intent: &NodeIntent) -> Vec<Link> {
    let tunnels = Tunnels {
        vteps: intent.underlay.as_ref().expect("an underlay").vteps,
        nic_mtu: None,
    };
    let lan = super::fixture::lan_key();
    let segments = intent.segments.iter().filter(|own| own.key != lan);
    let of_segments = segments.flat_map(|own| links_of_segment(own, &tunnels).expect("a tunnel"));
    let of_host = intent.passthrough.iter().flat_map(links_of_passthrough);
    of_segments.chain(of_host).collect()
}

#[test]
fn the_links_of_a_segment_are_looked_at() {
    let intent = with_segment(Some(HostMaster::Managed));
    let links = links_of(&intent);
    let well = verify(&intent, &facts_with(&links));
    assert_eq!(bad(&well), []);
    let without = good(
        &verify(&super::fixture::intent(), &facts()),
        Check::LinksPresent,
    );
    let looked_at = u64::try_from(links.len()).expect("few");
    assert_eq!(good(&well, Check::LinksPresent), without + looked_at);

    let mut broken = facts_with(&links);
    let kernel = broken.kernel.as_mut().expect("read");
    kernel.host.remove(&"br-hs-120".parse().unwrap());
    let end = kernel.host.get_mut(&"host-e-120".parse().unwrap());
    end.expect("it stands").master = None;
    let expected = ["br-hs-120 (host)", "host-e-120 (host)"];
    let expected = expected.map(|subject| (Check::LinksPresent, subject.to_owned()));
    assert_eq!(bad(&verify(&intent, &broken)), expected);
}

/// Nobody wants to know what others attach a free end to.
#[test]
fn a_free_end_may_be_attached_to_anything() {
    let intent = with_segment(None);
    let mut facts = facts_with(&links_of(&intent));
    let kernel = facts.kernel.as_mut().expect("read");
    let end = kernel.host.get_mut(&"host-e-120".parse().unwrap());
    end.expect("it stands").master = Some("cni0".parse().unwrap());
    assert_eq!(bad(&verify(&intent, &facts)), []);
}

#[test]
fn the_session_of_the_passthrough_is_one_of_the_default_instance() {
    let intent = with_passthrough();
    let mut facts = facts_with(&links_of(&intent));
    let peer = Peer::Address("192.169.30.2".parse().unwrap());
    let subject = (Check::HostSession, peer.to_string());
    assert_eq!(
        bad(&verify(&intent, &facts)),
        std::slice::from_ref(&subject),
        "bgpd does not know it"
    );

    let sessions = facts.fabric_sessions.as_mut().expect("read");
    let mut session = sessions.values().next().expect("the spine's").clone();
    sessions.insert(peer.clone(), session.clone());
    assert_eq!(bad(&verify(&intent, &facts)), []);

    session.state = SessionState::Down {
        state: "Active".to_owned(),
    };
    let sessions = facts.fabric_sessions.as_mut().expect("read");
    sessions.insert(peer, session);
    assert_eq!(bad(&verify(&intent, &facts)), [subject]);
}
