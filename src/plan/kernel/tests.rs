//! The steps of single links, and their order.

use std::collections::BTreeSet;

use super::{Id, TABLE_STRIDE, address_steps, is_ours, plan_links, removals, without};
use crate::intent::samples::{fabric, intent, l3vni, underlay, vni, vrf_with_host};
use crate::plan::desired::{Names, Tunnels, links_of_vni, table};
use crate::plan::link::{
    KernelStep, Link, LinkChange, OWN_GROUP, SeenKernel, SeenKind, SeenLink, Space,
};
use crate::plan::tests::world::{World, address, link, name};
use crate::plan::{Planned, Step};

fn links() -> Vec<Link> {
    let intent = intent([
        fabric("u", underlay()),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
    ]);
    let tunnels = Tunnels {
        vteps: intent.underlay.as_ref().expect("an underlay").vteps,
        nic_mtu: Some(1500),
    };
    links_of_vni(&intent.vnis[0], &tunnels).expect("a tunnel")
}

fn shown(steps: &[Planned]) -> Vec<String> {
    let lines = steps.iter().map(|planned| planned.step.to_string());
    lines.map(|line| line.trim().to_owned()).collect()
}

fn undone(steps: &[Planned]) -> Vec<String> {
    let undos = steps.iter().filter_map(|planned| planned.undo.as_ref());
    undos
        .map(|undo| undo.to_string().trim().to_owned())
        .collect()
}

#[test]
fn a_new_address_comes_before_an_old_one_goes() {
    let now = BTreeSet::from([address("10.0.0.1/24"), address("10.0.0.2/24")]);
    let wanted = BTreeSet::from([address("10.0.0.2/24"), address("10.0.0.3/24")]);
    let steps = address_steps(Space::Host, &name("x"), &now, &wanted);
    assert_eq!(
        shown(&steps),
        [
            "+ host: address 10.0.0.3/24 on x",
            "- host: address 10.0.0.1/24 on x"
        ]
    );
    assert_eq!(
        undone(&steps),
        [
            "- host: address 10.0.0.3/24 on x",
            "+ host: address 10.0.0.1/24 on x"
        ]
    );
    // Another prefix length is another address.
    let wanted = BTreeSet::from([address("10.0.0.1/32"), address("10.0.0.2/24")]);
    assert_eq!(
        address_steps(Space::Host, &name("x"), &now, &wanted).len(),
        2
    );
    assert_eq!(address_steps(Space::Host, &name("x"), &now, &now), []);
}

/// An attribute that was there has an undo with its old value; one of a new link needs none,
/// because the link itself goes. Only these have no way back at all.
#[test]
fn what_has_no_undo_is_known() {
    let mut world = World::new();
    for planned in plan_links(&links(), &world.kernel).expect("free names") {
        let step = &planned.step;
        if let Step::Kernel(KernelStep::SetLink { .. }) = step {
            assert_eq!(planned.undo, None, "{step}");
        } else {
            assert!(planned.undo.is_some(), "{step}");
        }
    }
    // Everything is there, and every attribute is wrong.
    for wanted in links() {
        let kind = match &wanted.kind {
            crate::plan::link::LinkKind::Vrf { table } => SeenKind::Vrf { table: *table },
            crate::plan::link::LinkKind::Bridge => SeenKind::Bridge,
            crate::plan::link::LinkKind::Vxlan { vni, local, port } => SeenKind::Vxlan {
                vni: u32::from(*vni),
                local: Some(*local),
                port: *port,
                learning: false,
            },
            crate::plan::link::LinkKind::Veth { .. } => SeenKind::Veth {
                peer_index: Some(if wanted.space == Space::Host { 51 } else { 52 }),
            },
        };
        let index = if wanted.space == Space::Host { 52 } else { 51 };
        let seen = SeenLink {
            up: false,
            mtu: 1000,
            address_generation: Some(crate::plan::link::AddressGeneration::Kernel),
            ..link(index, kind)
        };
        match wanted.space {
            Space::Host => world.kernel.host.insert(wanted.name, seen),
            Space::Router => world.kernel.router.insert(wanted.name, seen),
        };
    }
    let steps = plan_links(&links(), &world.kernel).expect("ours");
    assert!(steps.len() > 15, "{steps:?}");
    for Planned { step, undo } in &steps {
        let Step::Kernel(step) = step else {
            panic!("a step of the kernel");
        };
        let without = matches!(
            step,
            KernelStep::SetLink {
                change: LinkChange::Up | LinkChange::EvpnPort,
                ..
            }
        );
        assert_eq!(undo.is_none(), without, "{step}");
    }
}

/// What goes when only these are wanted.
fn leftovers(wanted: &BTreeSet<Id>, seen: &SeenKernel) -> Vec<Id> {
    let both = [Space::Router, Space::Host].into_iter();
    let all = both.flat_map(|space| seen.links(space).iter().map(move |link| (space, link)));
    let ours = all.filter(|(space, (name, link))| is_ours(*space, name, link));
    let ids = ours.map(|(space, (name, _))| (space, name.clone()));
    removals(&ids.filter(|id| !wanted.contains(id)).collect(), seen)
}

#[test]
fn leftovers_go_ends_first_and_pairs_once() {
    let world = World::running(&intent([
        fabric("u", underlay()),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
        l3vni("blue", vrf_with_host("blue", 20, "192.169.11.0/24")),
    ]));
    let left: Vec<String> = leftovers(&BTreeSet::new(), &world.kernel)
        .into_iter()
        .map(|(space, name)| format!("{space} {name}"))
        .collect();
    assert_eq!(
        left,
        [
            "router pe-e-100",
            "router pe-e-20",
            "router vni100",
            "router vni20",
            "router br-pe-100",
            "router br-pe-20",
            "router blue",
            "router red",
        ]
    );
    let all: BTreeSet<Id> = links()
        .iter()
        .map(|own| (own.space, own.name.clone()))
        .collect();
    let left = leftovers(&all, &world.kernel);
    assert!(
        left.iter().all(|(_, name)| !name.as_str().contains("100")),
        "{left:?}"
    );
}

#[test]
fn what_is_seen_after_a_sweep_is_what_the_kernel_shows_then() {
    let mut world = World::running(&intent([
        fabric("u", underlay()),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
    ]));
    for gone in ["pe-e-100", "br-pe-100", "red", "vni100"] {
        let id = (Space::Router, name(gone));
        let expected = without(&world.kernel, std::slice::from_ref(&id));
        let (space, name) = id;
        let step = Step::Kernel(KernelStep::DeleteLink { space, name });
        assert_eq!(world.apply(&step), Ok(()));
        assert_eq!(world.kernel, expected, "without {gone}");
    }
}

#[test]
fn an_end_is_known_by_both_indices() {
    let veth = |index, peer| {
        link(
            index,
            SeenKind::Veth {
                peer_index: Some(peer),
            },
        )
    };
    let mut seen = SeenKernel::default();
    seen.router.insert(name("pe-e-100"), veth(5, 6));
    // The right index in the wrong pair.
    seen.host.insert(name("a"), veth(6, 7));
    assert_eq!(
        without(&seen, &[(Space::Router, name("pe-e-100"))]).host,
        seen.host
    );
    seen.host.insert(name("a"), veth(6, 5));
    assert!(
        without(&seen, &[(Space::Router, name("pe-e-100"))])
            .host
            .is_empty()
    );
    // Both ends in one namespace.
    seen.host.clear();
    seen.router.insert(name("b"), veth(6, 5));
    assert!(
        without(&seen, &[(Space::Router, name("pe-e-100"))])
            .router
            .is_empty()
    );
}

#[test]
fn what_went_with_its_other_end_is_not_deleted_again() {
    let ours = |index, peer| SeenLink {
        alias: "perouter: L3VNI default/old".to_owned(),
        ..link(
            index,
            SeenKind::Veth {
                peer_index: Some(peer),
            },
        )
    };
    // A veth of ours where the bridge belongs, and its other end where the host's veth does.
    let mut seen = SeenKernel::default();
    seen.router.insert(name("br-pe-100"), ours(5, 6));
    seen.host.insert(name("host-e-100"), ours(6, 5));
    let steps = shown(&plan_links(&links(), &seen).expect("ours"));
    let deletions: Vec<&String> = steps.iter().filter(|step| step.starts_with("- ")).collect();
    assert_eq!(deletions, ["- router: link br-pe-100"]);
}

/// Seen to fail: when only the alias marks a link.
#[test]
fn a_link_whose_maker_was_killed_before_it_had_an_alias_is_ours() {
    let mut world = World::new();
    for wanted in links() {
        world.links(wanted.space).insert(
            wanted.name,
            SeenLink {
                group: OWN_GROUP,
                ..link(50, SeenKind::Bridge)
            },
        );
    }
    // Of the same group, but by no name of ours.
    let other = SeenLink {
        group: OWN_GROUP,
        ..link(60, SeenKind::Bridge)
    };
    world.kernel.host.insert(name("br-lan"), other);
    let seen = &world.kernel;
    let marked = |space| {
        let links = seen.links(space).iter();
        links.filter(move |(name, link)| is_ours(space, name, link))
    };
    let found: Vec<&str> = [Space::Router, Space::Host]
        .into_iter()
        .flat_map(marked)
        .map(|(name, _)| name.as_str())
        .collect();
    // A VRF has a free name, so there its kind has to tell.
    assert_eq!(found, ["br-pe-100", "pe-e-100", "vni100", "host-e-100"]);
}

#[test]
fn names_follow_the_scheme_and_fit_the_kernel() {
    let names = Names::of(vni(16_777_215));
    for (space, name) in [
        (Space::Router, &names.bridge),
        (Space::Router, &names.vxlan),
        (Space::Router, &names.router_veth),
        (Space::Host, &names.host_veth),
    ] {
        assert!(name.as_str().len() <= 15);
        assert!(Names::is_ours(space, name.as_str()), "{name}");
    }
    for (space, text) in [
        (Space::Host, "br-pe-100"),
        (Space::Host, "vni100"),
        (Space::Router, "host-e-100"),
        (Space::Router, "vni"),
        (Space::Router, "vni0"),
        (Space::Router, "vni0100"),
        (Space::Router, "vni16777216"),
        (Space::Router, "vni+1"),
        (Space::Router, "br-pe-x"),
    ] {
        assert!(!Names::is_ours(space, text), "{text} in {space}");
    }
}

/// Seen to fail: when only VRFs count.
#[test]
fn a_table_that_others_use_is_for_no_new_vrf() {
    let mut world = World::new();
    let wanted = table(vni(100));
    let made = |world: &World| {
        let steps = plan_links(&links(), &world.kernel).expect("free names");
        shown(&steps)[0].clone()
    };
    world.kernel.tables_of_others = [253, 254, 255, wanted + 1].into();
    assert_eq!(
        made(&world),
        format!("+ router: link red type vrf table {wanted}")
    );
    // The next range is taken too, by another VRF.
    world.kernel.tables_of_others.insert(wanted);
    let green = SeenKind::Vrf {
        table: wanted + TABLE_STRIDE,
    };
    world.kernel.router.insert(name("green"), link(50, green));
    let free = wanted + 2 * TABLE_STRIDE;
    assert_eq!(
        made(&world),
        format!("+ router: link red type vrf table {free}")
    );
    // One that is there keeps the table that it has.
    let red = SeenKind::Vrf { table: wanted };
    world.kernel.router.insert(name("red"), link(51, red));
    let steps = plan_links(&links(), &world.kernel).expect("ours");
    let steps = shown(&steps);
    assert!(!steps.iter().any(|step| step.contains("vrf")), "{steps:?}");
}

#[test]
fn tables_are_clear_of_the_kernel_s_own_and_of_each_other() {
    assert_eq!(table(vni(1)), 1_000_001);
    assert_eq!(table(vni(16_777_215)), 17_777_215);
}
