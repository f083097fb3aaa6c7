//! Links of every kind and each of their attributes: executed, observed, and seen by `ip`.

use perouter::plan::link::{
    AddressGeneration, KernelStep, LinkChange, LinkKind, Mac, OWN_GROUP, SeenKind, Space,
};

use crate::bed::{Bed, link, name, veth, vxlan};

#[tokio::test]
async fn a_bridge() {
    let bed = Bed::new().await;
    let mut wanted = link("br-pe-100", LinkKind::Bridge);
    wanted.mtu = Some(1450);
    wanted.address_generation = AddressGeneration::Off;
    bed.add(wanted.clone()).await;

    let seen = bed.seen(Space::Router, "br-pe-100").await;
    assert_eq!(seen.kind, SeenKind::Bridge);
    assert_eq!(seen.alias, wanted.alias);
    assert_eq!(seen.mtu, 1450);
    assert_eq!(seen.address_generation, Some(AddressGeneration::Off));
    assert!(!seen.up);
    assert_eq!(seen.group, OWN_GROUP);
    assert_eq!(seen.master, None);
    assert_eq!(seen.evpn_port, None);

    let shown = bed.router.ip_link("br-pe-100");
    assert_eq!(shown["linkinfo"]["info_kind"], "bridge");
    assert_eq!(shown["mtu"], 1450);
    assert_eq!(shown["ifalias"], wanted.alias.as_str());
    assert_eq!(shown["inet6_addr_gen_mode"], "none");
    assert_eq!(shown["ifindex"], seen.index);
    assert_eq!(shown["address"], seen.mac.unwrap().to_string().as_str());
}

#[tokio::test]
async fn the_ethernet_address_of_a_bridge_is_made_and_changed() {
    let bed = Bed::new().await;
    let (first, second) = (Mac([0, 0xf3, 0, 0, 0, 0x6f]), Mac([0, 0xf3, 0, 0, 0, 0x70]));
    let mut wanted = link("br-pe-110", LinkKind::Bridge);
    wanted.mac = Some(first);
    bed.add(wanted.clone()).await;
    assert_eq!(bed.seen(Space::Router, "br-pe-110").await.mac, Some(first));
    // A port would lend the bridge its own, had it none that was set.
    bed.add(veth("pe-e-110", "host-e-110")).await;
    let master = LinkChange::Master(Some(name("br-pe-110")));
    bed.set(Space::Router, "pe-e-110", master).await;
    assert_eq!(
        bed.router.ip_link("br-pe-110")["address"],
        "00:f3:00:00:00:6f"
    );
    bed.set(Space::Router, "br-pe-110", LinkChange::Mac(second))
        .await;
    assert_eq!(
        bed.router.ip_link("br-pe-110")["address"],
        "00:f3:00:00:00:70"
    );
}

#[tokio::test]
async fn a_vxlan_device_over_ipv6() {
    let bed = Bed::new().await;
    let local = "fd00:65::1".parse().unwrap();
    let kind = LinkKind::Vxlan {
        vni: "100".parse().unwrap(),
        local,
        port: 4789,
    };
    bed.add(link("vni100", kind)).await;
    let seen = bed.seen(Space::Router, "vni100").await;
    let wanted = SeenKind::Vxlan {
        vni: 100,
        local: Some(local),
        port: 4789,
        learning: false,
    };
    assert_eq!(seen.kind, wanted);
    let shown = bed.router.ip_link("vni100");
    assert_eq!(shown["linkinfo"]["info_data"]["local6"], "fd00:65::1");
}

#[tokio::test]
async fn a_vxlan_device() {
    let bed = Bed::new().await;
    bed.add(vxlan("vni100")).await;

    let seen = bed.seen(Space::Router, "vni100").await;
    let wanted = SeenKind::Vxlan {
        vni: 100,
        local: Some("100.65.0.1".parse().unwrap()),
        port: 4789,
        learning: false,
    };
    assert_eq!(seen.kind, wanted);

    let shown = bed.router.ip_link("vni100");
    let data = &shown["linkinfo"]["info_data"];
    assert_eq!(data["id"], 100);
    assert_eq!(data["local"], "100.65.0.1");
    assert_eq!(data["port"], 4789);
    assert_eq!(data["learning"], false);
}

#[tokio::test]
async fn a_veth_pair_has_its_ends_where_they_belong() {
    let bed = Bed::new().await;
    let wanted = veth("pe-e-100", "host-e-100");
    bed.add(wanted.clone()).await;

    let seen = bed.observe().await;
    let inner = &seen.router[&name("pe-e-100")];
    let outer = &seen.host[&name("host-e-100")];
    let peer = |index| SeenKind::Veth {
        peer_index: Some(index),
    };
    assert_eq!(inner.kind, peer(outer.index));
    assert_eq!(outer.kind, peer(inner.index));
    assert_eq!(inner.alias, wanted.alias);
    assert_eq!(
        outer.alias, wanted.alias,
        "the other end looks like foreign"
    );

    let shown = bed.host.ip_link("host-e-100");
    assert_eq!(shown["linkinfo"]["info_kind"], "veth");
    assert_eq!(shown["link_index"], inner.index);
    assert!(!seen.host.contains_key(&name("pe-e-100")));
    assert!(!seen.router.contains_key(&name("host-e-100")));
}

#[tokio::test]
async fn a_veth_pair_from_the_host_side_and_one_within_a_namespace() {
    let bed = Bed::new().await;
    let mut outer = veth("host-e-1", "pe-e-1");
    outer.space = Space::Host;
    outer.kind = LinkKind::Veth {
        peer_space: Space::Router,
        peer: name("pe-e-1"),
    };
    bed.add(outer).await;
    let mut within = veth("left", "right");
    within.kind = LinkKind::Veth {
        peer_space: Space::Router,
        peer: name("right"),
    };
    bed.add(within).await;

    let seen = bed.observe().await;
    assert!(seen.host.contains_key(&name("host-e-1")));
    for inside in ["pe-e-1", "left", "right"] {
        assert!(seen.router.contains_key(&name(inside)), "{inside}");
    }
}

#[tokio::test]
async fn each_attribute_that_can_change() {
    let bed = Bed::new().await;
    bed.add(link("br0", LinkKind::Bridge)).await;
    bed.add(vxlan("vni100")).await;
    let shown = || bed.router.ip_link("vni100");
    let before = bed.seen(Space::Router, "vni100").await;
    assert_eq!(
        before.address_generation,
        Some(AddressGeneration::Kernel),
        "the default"
    );

    bed.set(Space::Router, "vni100", LinkChange::Up).await;
    assert!(bed.seen(Space::Router, "vni100").await.up);
    assert!(shown()["flags"].as_array().unwrap().contains(&"UP".into()));

    bed.set(Space::Router, "vni100", LinkChange::Mtu(1400))
        .await;
    assert_eq!(bed.seen(Space::Router, "vni100").await.mtu, 1400);
    assert_eq!(shown()["mtu"], 1400);

    let master = LinkChange::Master(Some(name("br0")));
    bed.set(Space::Router, "vni100", master).await;
    let seen = bed.seen(Space::Router, "vni100").await;
    assert_eq!(seen.master, Some(name("br0")));
    assert_eq!(
        seen.evpn_port,
        Some(false),
        "a bridge port learns by default"
    );
    assert_eq!(shown()["master"], "br0");

    bed.set(Space::Router, "vni100", LinkChange::EvpnPort).await;
    assert_eq!(
        bed.seen(Space::Router, "vni100").await.evpn_port,
        Some(true)
    );
    let port = shown()["linkinfo"]["info_slave_data"].take();
    assert_eq!(port["learning"], false);
    assert_eq!(port["neigh_suppress"], true);

    let mode = LinkChange::AddressGeneration(AddressGeneration::Off);
    bed.set(Space::Router, "vni100", mode).await;
    assert_eq!(
        bed.seen(Space::Router, "vni100").await.address_generation,
        Some(AddressGeneration::Off)
    );
    assert_eq!(shown()["inet6_addr_gen_mode"], "none");
    let mode = LinkChange::AddressGeneration(AddressGeneration::Kernel);
    bed.set(Space::Router, "vni100", mode).await;
    assert_eq!(shown()["inet6_addr_gen_mode"], "eui64");

    let alias = LinkChange::Alias("another name".to_owned());
    bed.set(Space::Router, "vni100", alias).await;
    assert_eq!(
        bed.seen(Space::Router, "vni100").await.alias,
        "another name"
    );

    bed.set(Space::Router, "vni100", LinkChange::Group(77))
        .await;
    assert_eq!(bed.seen(Space::Router, "vni100").await.group, 77);
    assert_eq!(shown()["group"], "77");

    bed.set(Space::Router, "vni100", LinkChange::Master(None))
        .await;
    let seen = bed.seen(Space::Router, "vni100").await;
    assert_eq!((seen.master, seen.evpn_port), (None, None));
    assert!(shown()["master"].is_null());
}

#[tokio::test]
async fn a_link_that_is_there_already_is_left_as_it_is() {
    let bed = Bed::new().await;
    for wanted in [
        link("br0", LinkKind::Bridge),
        vxlan("vni100"),
        veth("pe-e-1", "host-e-1"),
    ] {
        let name = wanted.name.as_str().to_owned();
        bed.add(wanted.clone()).await;
        let first = bed.seen(Space::Router, &name).await;
        let writes = bed.kernel.writes();
        bed.add(wanted.clone()).await;
        assert_eq!(bed.seen(Space::Router, &name).await, first);
        // Nothing but the creation that the kernel refused.
        assert_eq!(bed.kernel.writes(), writes + 1, "{name}");

        bed.router.ip(&format!("link set {name} alias other"));
        bed.add(wanted).await;
        assert_eq!(bed.seen(Space::Router, &name).await, first);
    }
}

#[tokio::test]
async fn another_link_under_the_wanted_name_is_no_success() {
    let bed = Bed::new().await;
    bed.router.ip("link add vni100 type bridge");
    let told = bed
        .refusal(KernelStep::AddLink(Box::new(vxlan("vni100"))))
        .await;
    assert!(told.contains("there is already a link vni100"), "{told}");
    assert!(told.contains("Bridge"), "{told}");

    bed.router
        .ip("link add pe-e-1 type veth peer name elsewhere");
    let wanted = veth("pe-e-1", "host-e-1");
    let told = bed.refusal(KernelStep::AddLink(Box::new(wanted))).await;
    assert!(told.contains("there is already a link pe-e-1"), "{told}");

    bed.router.ip("link del vni100");
    bed.router
        .ip("link add vni100 type vxlan id 101 local 100.65.0.1 dstport 4789 nolearning");
    let told = bed
        .refusal(KernelStep::AddLink(Box::new(vxlan("vni100"))))
        .await;
    assert!(told.contains("vni: 101"), "{told}");
}

#[tokio::test]
async fn a_refusal_carries_the_kernels_own_words() {
    let bed = Bed::new().await;
    bed.add(vxlan("vni100")).await;
    // The same VNI once more, under another name.
    let told = bed
        .refusal(KernelStep::AddLink(Box::new(vxlan("other"))))
        .await;
    assert!(
        told.starts_with("cannot add link other in the router namespace"),
        "{told}"
    );
    assert!(
        told.contains("the VXLAN device vni100 in the router namespace has VNI 100 already"),
        "{told}"
    );
    assert!(told.contains("EEXIST"), "{told}");
    assert!(
        told.contains("A VXLAN device with the specified VNI already exists"),
        "{told}"
    );

    let told = bed
        .refusal(KernelStep::SetLink {
            space: Space::Router,
            name: name("vni100"),
            change: LinkChange::Mtu(10),
        })
        .await;
    assert!(told.contains("mtu less than device minimum"), "{told}");

    let told = bed
        .refusal(KernelStep::SetLink {
            space: Space::Router,
            name: name("vni100"),
            change: LinkChange::Master(Some(name("nowhere"))),
        })
        .await;
    assert!(told.contains("there is no link nowhere"), "{told}");
}

#[tokio::test]
async fn a_link_that_cannot_be_finished_is_not_left_behind() {
    let bed = Bed::new().await;
    let mut wanted = veth("pe-e-1", "host-e-1");
    wanted.mtu = Some(10);
    let told = bed.refusal(KernelStep::AddLink(Box::new(wanted))).await;
    assert!(told.contains("mtu"), "{told}");
    let seen = bed.observe().await;
    assert!(!seen.router.contains_key(&name("pe-e-1")));
    assert!(!seen.host.contains_key(&name("host-e-1")));
}

#[tokio::test]
async fn deleting_a_link_that_is_gone_succeeds() {
    let bed = Bed::new().await;
    bed.add(veth("pe-e-1", "host-e-1")).await;
    let deletion = KernelStep::DeleteLink {
        space: Space::Router,
        name: name("pe-e-1"),
    };
    bed.execute(deletion.clone()).await;
    let seen = bed.observe().await;
    assert!(!seen.router.contains_key(&name("pe-e-1")));
    assert!(!seen.host.contains_key(&name("host-e-1")));
    bed.execute(deletion).await;
}

#[tokio::test]
async fn links_of_other_kinds_are_told_by_their_kind() {
    let bed = Bed::new().await;
    bed.host.ip("link add base type bridge");
    bed.host
        .ip("link add mv0 link base type macvlan mode bridge");
    let seen = bed.seen(Space::Host, "mv0").await;
    let kind = SeenKind::Other {
        name: "macvlan".to_owned(),
    };
    assert_eq!(seen.kind, kind);
    let lo = bed.seen(Space::Host, "lo").await;
    let hardware = SeenKind::Other {
        name: String::new(),
    };
    assert_eq!(lo.kind, hardware);
    assert!(lo.up);
}

#[tokio::test]
async fn a_thousand_links_are_seen_whole() {
    let bed = Bed::new().await;
    let batch: String = (0..1000)
        .map(|number| format!("link add l{number} type bridge\n"))
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), batch).unwrap();
    bed.router.ip(&format!("-batch {}", file.path().display()));
    let seen = bed.observe().await;
    assert_eq!(seen.router.len(), 1001, "a thousand and lo");
    assert!(
        seen.router
            .iter()
            .all(|(name, link)| name.as_str() == "lo" || link.kind == SeenKind::Bridge)
    );
}
