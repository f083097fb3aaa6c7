//! Every feature that a desired configuration can express: typed into a real bgpd, it is in
//! force, it reads back without a difference, and it goes again without a trace.

use perouter::api::{Family, RemoteAs};
use perouter::frr::Mode;
use perouter::intent::NodeIntent;

use crate::bed::Bed;
use crate::intents::{
    asn, bare_vni, changed, evpn, graceful, hops, neighbor, only, password, plain, timers,
    vni_with_host, vni_with_targets, with_neighbor, with_vnis,
};

/// A feature, the intent that has it, and lines that bgpd prints once it is in force.
struct Feature {
    name: &'static str,
    intent: NodeIntent,
    lines: &'static [&'static str],
}

fn feature(name: &'static str, intent: NodeIntent, lines: &'static [&'static str]) -> Feature {
    Feature {
        name,
        intent,
        lines,
    }
}

/// What an underlay can say of itself.
fn of_underlays() -> Vec<Feature> {
    vec![
        feature(
            "the plainest underlay",
            plain(),
            &[
                "router bgp 64514",
                "bgp router-id 10.0.0.1",
                "neighbor 10.9.0.2 remote-as 64512",
            ],
        ),
        feature(
            "a four-octet AS number",
            changed(plain(), |u| u.spec.asn = asn(4_200_000_001)),
            &["router bgp 4200000001"],
        ),
        feature(
            "another router identifier",
            changed(plain(), |u| u.router_id = [10, 0, 0, 9].into()),
            &["bgp router-id 10.0.0.9"],
        ),
        feature(
            "graceful restart with FRR's default times",
            changed(plain(), |u| {
                u.spec.graceful_restart = Some(graceful(120, 360))
            }),
            &[
                "bgp graceful-restart\n",
                "bgp graceful-restart preserve-fw-state",
            ],
        ),
        feature(
            "graceful restart with other times",
            changed(plain(), |u| {
                u.spec.graceful_restart = Some(graceful(60, 600))
            }),
            &[
                "bgp graceful-restart restart-time 60",
                "bgp graceful-restart stalepath-time 600",
                "neighbor 10.9.0.2 timers connect 5",
            ],
        ),
        feature(
            "graceful restart with one other time",
            changed(plain(), |u| {
                u.spec.graceful_restart = Some(graceful(4095, 360))
            }),
            &["bgp graceful-restart restart-time 4095"],
        ),
        feature(
            "a VTEP",
            evpn(),
            &["network 100.65.0.1/32", "advertise-all-vni"],
        ),
        feature(
            "two neighbours",
            changed(plain(), |u| u.spec.neighbors.push(neighbor([10, 9, 1, 2]))),
            &[
                "neighbor 10.9.0.2 remote-as 64512",
                "neighbor 10.9.1.2 remote-as 64512",
            ],
        ),
    ]
}

/// What a neighbour's session can be.
fn of_sessions() -> Vec<Feature> {
    vec![
        feature(
            "iBGP by number",
            with_neighbor(|n| n.remote_as = RemoteAs::Number(asn(64514))),
            &[
                "neighbor 10.9.0.2 remote-as 64514",
                "neighbor 10.9.0.2 next-hop-self force",
            ],
        ),
        feature(
            "iBGP by word",
            with_neighbor(|n| n.remote_as = RemoteAs::Internal),
            &[
                "neighbor 10.9.0.2 remote-as internal",
                "neighbor 10.9.0.2 next-hop-self force",
            ],
        ),
        feature(
            "eBGP by word",
            with_neighbor(|n| n.remote_as = RemoteAs::External),
            &[
                "neighbor 10.9.0.2 remote-as external",
                "neighbor 10.9.0.2 allowas-in",
            ],
        ),
        feature(
            "another port",
            with_neighbor(|n| n.port = Some(1179.try_into().unwrap())),
            &["neighbor 10.9.0.2 port 1179"],
        ),
        feature(
            "the standard port, said",
            with_neighbor(|n| n.port = Some(179.try_into().unwrap())),
            &[],
        ),
        feature(
            "a password",
            with_neighbor(|n| n.password = Some(password("s3cret!%$"))),
            &["neighbor 10.9.0.2 password s3cret!%$"],
        ),
        feature(
            "timers",
            with_neighbor(|n| n.timers = Some(timers(3, 9))),
            &["neighbor 10.9.0.2 timers 3 9"],
        ),
        feature(
            "FRR's default timers, said",
            with_neighbor(|n| n.timers = Some(timers(60, 180))),
            &["neighbor 10.9.0.2 timers 60 180"],
        ),
        feature(
            "no hold timer",
            with_neighbor(|n| n.timers = Some(timers(0, 0))),
            &["neighbor 10.9.0.2 timers 0 0"],
        ),
        feature(
            "a connect timer",
            with_neighbor(|n| n.connect_time = Some(10)),
            &["neighbor 10.9.0.2 timers connect 10"],
        ),
        feature(
            "FRR's default connect timer, said",
            with_neighbor(|n| n.connect_time = Some(120)),
            &["neighbor 10.9.0.2 timers connect 120"],
        ),
        feature(
            "any number of hops",
            with_neighbor(|n| n.ebgp_multihop = Some(hops(None))),
            &["neighbor 10.9.0.2 ebgp-multihop\n"],
        ),
        feature(
            "two hops",
            with_neighbor(|n| n.ebgp_multihop = Some(hops(Some(2)))),
            &["neighbor 10.9.0.2 ebgp-multihop 2"],
        ),
        feature(
            "one hop, said",
            with_neighbor(|n| n.ebgp_multihop = Some(hops(Some(1)))),
            &[],
        ),
        feature(
            "hops to an iBGP neighbour, where they mean nothing",
            with_neighbor(|n| {
                n.remote_as = RemoteAs::Internal;
                n.ebgp_multihop = Some(hops(Some(2)));
            }),
            &["neighbor 10.9.0.2 remote-as internal"],
        ),
        feature(
            "everything at once",
            with_neighbor(|n| {
                n.port = Some(1179.try_into().unwrap());
                n.password = Some(password("s3cret"));
                n.timers = Some(timers(1, 3));
                n.connect_time = Some(1);
                n.ebgp_multihop = Some(hops(Some(3)));
                n.families = only([Family::Evpn]);
            }),
            &[
                "neighbor 10.9.0.2 password s3cret",
                "neighbor 10.9.0.2 timers 1 3",
            ],
        ),
        feature(
            "255 hops, said",
            with_neighbor(|n| n.ebgp_multihop = Some(hops(Some(255)))),
            &["neighbor 10.9.0.2 ebgp-multihop\n"],
        ),
    ]
}

/// Which families a session can carry.
fn of_families() -> Vec<Feature> {
    vec![
        feature(
            "EVPN alone",
            with_neighbor(|n| n.families = only([Family::Evpn])),
            &["address-family l2vpn evpn", "neighbor 10.9.0.2 activate"],
        ),
        feature(
            "both families, without a VTEP",
            with_neighbor(|n| n.families = only([Family::Ipv4Unicast, Family::Evpn])),
            &["address-family ipv4 unicast", "address-family l2vpn evpn"],
        ),
        feature(
            "IPv4 alone, with a VTEP",
            changed(evpn(), |u| {
                u.spec.neighbors[0].families = only([Family::Ipv4Unicast])
            }),
            &["address-family ipv4 unicast", "advertise-all-vni"],
        ),
        feature(
            "EVPN with an iBGP neighbour",
            changed(evpn(), |u| {
                u.spec.neighbors[0].remote_as = RemoteAs::Internal
            }),
            &["neighbor 10.9.0.2 next-hop-self force", "advertise-all-vni"],
        ),
    ]
}

/// What a VNI can be in bgpd.
fn of_vnis() -> Vec<Feature> {
    vec![
        feature(
            "a VNI without a host session",
            with_vnis([bare_vni("red", 100)]),
            &["router bgp 64514 vrf red", "advertise ipv4 unicast"],
        ),
        feature(
            "a VNI with an eBGP host session",
            with_vnis([vni_with_host(
                "red",
                100,
                64514,
                RemoteAs::Number(asn(64515)),
            )]),
            &[
                "neighbor 192.169.10.2 remote-as 64515",
                "neighbor 192.169.10.2 route-map allowall in",
                "neighbor 192.169.10.2 route-map allowall out",
                "network 192.169.10.2/32",
                "route-map allowall permit 1",
            ],
        ),
        feature(
            "a VNI with a host session to any other AS",
            with_vnis([vni_with_host("red", 100, 64514, RemoteAs::External)]),
            &["neighbor 192.169.10.2 remote-as external"],
        ),
        feature(
            "a VNI with an internal host session",
            with_vnis([vni_with_host("red", 100, 64514, RemoteAs::Internal)]),
            &[
                "neighbor 192.169.10.2 remote-as internal",
                "neighbor 192.169.10.2 next-hop-self force",
            ],
        ),
        feature(
            "a VNI with an AS number of its own",
            with_vnis([vni_with_host(
                "red",
                100,
                65001,
                RemoteAs::Number(asn(64515)),
            )]),
            &["router bgp 65001 vrf red"],
        ),
        feature(
            "explicit route targets of all encodings",
            with_vnis([vni_with_targets(
                "red",
                100,
                &["65000:1", "4200000001:2", "192.0.2.1:3"],
                &["65000:4", "4200000001:5", "192.0.2.1:6"],
            )]),
            &["route-target import 65000:1", "route-target export 65000:4"],
        ),
        feature(
            "route targets of one direction",
            with_vnis([vni_with_targets("red", 100, &["65000:1"], &[])]),
            &["route-target import 65000:1"],
        ),
        feature(
            "the route targets that FRR derives, said",
            with_vnis([vni_with_targets("red", 100, &["64514:100"], &["64514:100"])]),
            &["advertise ipv4 unicast"],
        ),
        feature(
            "derived and other route targets together",
            with_vnis([vni_with_targets(
                "red",
                100,
                &["64514:100", "65000:1"],
                &["65000:2", "64514:100"],
            )]),
            &["route-target import 65000:1", "route-target export 65000:2"],
        ),
        feature(
            "one route target in both directions",
            with_vnis([vni_with_targets("red", 100, &["65000:1"], &["65000:1"])]),
            &["65000:1"],
        ),
        feature(
            "two VNIs",
            with_vnis([
                vni_with_host("red", 100, 64514, RemoteAs::External),
                vni_with_targets("blue", 200, &["65000:1"], &["65000:2"]),
            ]),
            &["router bgp 64514 vrf red", "router bgp 64514 vrf blue"],
        ),
    ]
}

/// Demands that FRR's own words hold the feature's lines.
fn in_force(bed: &Bed, feature: &Feature) -> Result<(), String> {
    let running = bed.running();
    let missing = feature.lines.iter().find(|line| !running.contains(*line));
    missing.map_or(Ok(()), |line| {
        Err(format!("{line:?} is not in force:\n{running}"))
    })
}

/// Leads FRR to the feature and back, from `home`, and looks at FRR's own words on both ways.
async fn there_and_back(bed: &mut Bed, home: &NodeIntent, feature: &Feature) -> Result<(), String> {
    let before = bed.running();
    bed.try_to_lead(&feature.intent).await?;
    in_force(bed, feature)?;
    let writes = bed.driver.writes();
    bed.try_to_lead(&feature.intent).await?;
    if bed.driver.writes() != writes {
        return Err("what is so already is written again".to_owned());
    }
    bed.try_to_lead(home).await?;
    let after = bed.running();
    if after == before {
        Ok(())
    } else {
        Err(format!("it left something behind:\n{after}"))
    }
}

/// Fails with all faults at once: each names its feature.
fn no_faults(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}

async fn all_round_trips(mode: Mode, home: NodeIntent, features: Vec<Feature>) {
    let mut bed = Bed::new(mode);
    let mut faults = Vec::new();
    for feature in &features {
        bed.lead("the way home", &home).await;
        if let Err(fault) = there_and_back(&mut bed, &home, feature).await {
            faults.push(format!("{}: {fault}", feature.name));
        }
    }
    no_faults(&faults);
    bed.lead("nothing at all", &NodeIntent::default()).await;
    let left = bed.running();
    assert!(
        !left.contains("router bgp") && !left.contains("route-map"),
        "{left}"
    );
    assert_eq!(bed.mapped()["vrfs"].as_array().map_or(0, Vec::len), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn underlays() {
    all_round_trips(Mode::Require, plain(), of_underlays()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions() {
    all_round_trips(Mode::Require, plain(), of_sessions()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn families() {
    all_round_trips(Mode::Require, evpn(), of_families()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vnis_by_northbound() {
    all_round_trips(Mode::Require, evpn(), of_vnis()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vnis_by_vty() {
    all_round_trips(Mode::Off, evpn(), of_vnis()).await;
}

/// From each feature straight to the next: what one leaves must not be in the other's way.
async fn one_after_the_other(mode: Mode, features: Vec<Feature>) {
    let mut bed = Bed::new(mode);
    let mut faults = Vec::new();
    let first = features.first().expect("there are features");
    for feature in features.iter().chain([first]).chain(features.iter().rev()) {
        let led = bed.try_to_lead(&feature.intent).await;
        if let Err(fault) = led.and_then(|()| in_force(&bed, feature)) {
            faults.push(format!("{}: {fault}", feature.name));
        }
    }
    no_faults(&faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_underlay_to_underlay() {
    let features = of_underlays()
        .into_iter()
        .chain(of_sessions())
        .chain(of_families());
    one_after_the_other(Mode::Require, features.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_vni_to_vni() {
    one_after_the_other(Mode::Require, of_vnis()).await;
}
