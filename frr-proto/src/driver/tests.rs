use crate::{testing::*, wire::*, *};
use perouter_harness::Daemon as Which;

#[tokio::test]
async fn explore() {
    let frr = router(&Which::ALL);
    let d = driver(&frr, Which::Zebra).await;
    println!("caps {:?}", d.daemon().capabilities());
    println!("empty: {:?}", d.daemon().vrf_vnis().await);
    println!(
        "get: {:?}",
        d.daemon().get(&DataPath::vrfs(), DataType::Config).await
    );
    let red: VrfName = "red".parse().unwrap();
    let blue: VrfName = "blue".parse().unwrap();
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().map_vrf(&red, Vni::new(100).unwrap()))
        .await
        .unwrap()
        .commit("x")
        .await;
    println!("map {r:?}");
    println!(
        "get: {:?}",
        d.daemon().get(&DataPath::vrfs(), DataType::Config).await
    );
    println!(
        "zebra vrf vni: {}",
        frr.vty(Which::Zebra, &["show vrf vni json"]).unwrap()
    );
    println!(
        "zebra vrf : {}",
        frr.vty(Which::Zebra, &["show vrf"]).unwrap()
    );
    println!(
        "zebra running: {}",
        frr.vty(Which::Zebra, &["show running-config"]).unwrap()
    );
    println!(
        "vtysh running: {}",
        frr.vtysh(&["show running-config"]).unwrap()
    );
    println!(
        "mgmtd running: {}",
        frr.vty(Which::Mgmtd, &["show running-config"]).unwrap()
    );
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().map_vrf(&red, Vni::new(100).unwrap()))
        .await
        .unwrap()
        .commit("x")
        .await;
    println!("again {r:?}");
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().map_vrf(&blue, Vni::new(100).unwrap()))
        .await
        .unwrap()
        .commit("x")
        .await;
    println!("dup {r:?}");
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().map_vrf(&blue, Vni::new(100).unwrap()))
        .await
        .unwrap()
        .prepare("x")
        .await;
    println!("dup prepare {r:?}");
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().unmap_vrf(&blue))
        .await;
    println!("unmap absent {r:?}");
    drop(r);
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().map_vrf(&red, Vni::new(101).unwrap()))
        .await
        .unwrap()
        .commit("x")
        .await;
    println!("change 100->101 {r:?} {:?}", d.daemon().vrf_vnis().await);
    println!("== mgmtd vty `no vni 101` when set by grpc");
    println!(
        "{:?}",
        frr.vty_answers(Which::Mgmtd, &["configure", "vrf red", "no vni 101", "end"])
    );
    println!("{:?}", d.daemon().vrf_vnis().await);
    println!(
        "zebra: {:?}",
        frr.vty_answers(
            Which::Zebra,
            &["configure", "vrf red", "no vni 101", "vni 101", "end"]
        )
    );
    println!("{:?}", d.daemon().vrf_vnis().await);
    let r = d
        .candidate()
        .await
        .unwrap()
        .edit(Edits::new().unmap_vrf(&red))
        .await
        .unwrap()
        .commit("x")
        .await;
    println!("unmap {r:?}  {:?}", d.daemon().vrf_vnis().await);
    println!(
        "get: {:?}",
        d.daemon().get(&DataPath::vrfs(), DataType::Config).await
    );
    println!(
        "== mgmtd set: {:?}",
        frr.vty_answers(Which::Mgmtd, &["configure", "vrf red", "vni 100", "end"])
    );
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{:?}", d.daemon().vrf_vnis().await);
    println!(
        "zebra vrf vni: {}",
        frr.vty(Which::Zebra, &["show vrf vni json"]).unwrap()
    );
    println!(
        "zebra running: {}",
        frr.vty(Which::Zebra, &["show running-config"]).unwrap()
    );
    println!(
        "mgmtd running: {}",
        frr.vty(Which::Mgmtd, &["show running-config"]).unwrap()
    );
    println!(
        "grpc edits 100->102 over mgmtd's: {:?}",
        d.candidate()
            .await
            .unwrap()
            .edit(Edits::new().map_vrf(&red, Vni::new(102).unwrap()))
            .await
            .unwrap()
            .commit("x")
            .await
    );
    println!("{:?}", d.daemon().vrf_vnis().await);
    println!(
        "== mgmtd no vni 100: {:?}",
        frr.vty_answers(Which::Mgmtd, &["configure", "vrf red", "no vni 100", "end"])
    );
    std::thread::sleep(std::time::Duration::from_millis(300));
    println!("{:?}", d.daemon().vrf_vnis().await);
    println!(
        "mgmtd running: {}",
        frr.vty(Which::Mgmtd, &["show running-config"]).unwrap()
    );
    println!(
        "== mgmtd no vrf: {:?}",
        frr.vty_answers(Which::Mgmtd, &["configure", "no vrf red", "end"])
    );
    println!(
        "get: {:?}",
        d.daemon().get(&DataPath::vrfs(), DataType::Config).await
    );
    println!("logs {}", frr.logs());
}
#[tokio::test]
async fn explore2() {
    let frr = router(&Which::ALL);
    let d = driver(&frr, Which::Bgpd).await;
    let m = "allowall".parse().unwrap();
    println!("{:?}", d.daemon().route_maps().await);
    println!(
        "{:?}",
        d.candidate()
            .await
            .unwrap()
            .edit(Edits::new().permit_all(&m, 1))
            .await
            .unwrap()
            .commit("x")
            .await
    );
    println!(
        "{:?}",
        d.daemon()
            .get(&DataPath::route_maps(), DataType::Config)
            .await
    );
    println!("{:?}", d.daemon().route_maps().await);
    println!(
        "bgpd running: {}",
        frr.vty(Which::Bgpd, &["show running-config"]).unwrap()
    );
    println!(
        "bgpd route-map: {}",
        frr.vty(Which::Bgpd, &["show route-map"]).unwrap()
    );
    println!(
        "{:?}",
        d.candidate()
            .await
            .unwrap()
            .edit(Edits::new().remove_route_map(&m))
            .await
            .unwrap()
            .commit("x")
            .await
    );
    println!("{:?}", d.daemon().route_maps().await);
    println!(
        "bgpd vty {:?}",
        frr.vty_answers(
            Which::Bgpd,
            &["configure", "route-map allowall permit 1", "end"]
        )
        .unwrap()
    );
    println!("{:?}", d.daemon().route_maps().await);
    println!(
        "bgpd vty {:?}",
        frr.vty_answers(Which::Bgpd, &["configure", "no route-map allowall", "end"])
            .unwrap()
    );
    println!("{:?}", d.daemon().route_maps().await);
    let d = driver(&frr, Which::Bfdd).await;
    let p = "p:1".parse().unwrap();
    let prof = BfdProfile {
        detect_multiplier: Some(5),
        receive_interval: Some(BfdInterval::from_millis(250)),
        passive_mode: Some(true),
        minimum_ttl: Some(200),
        echo_mode: Some(true),
        echo_receive_interval: Some(BfdInterval::from_millis(60)),
        echo_transmit_interval: Some(BfdInterval::from_millis(70)),
        transmit_interval: Some(BfdInterval::from_millis(300)),
    };
    println!(
        "{:?}",
        d.candidate()
            .await
            .unwrap()
            .edit(Edits::new().bfd_profile(&p, &prof))
            .await
            .unwrap()
            .commit("x")
            .await
    );
    println!(
        "{:?}",
        d.daemon().get(&DataPath::bfd(), DataType::Config).await
    );
    println!(
        "bfdd running: {}",
        frr.vty(Which::Bfdd, &["show running-config"]).unwrap()
    );
    println!(
        "{:?}",
        d.candidate()
            .await
            .unwrap()
            .edit(Edits::new().remove_bfd_profile(&p))
            .await
            .unwrap()
            .commit("x")
            .await
    );
    println!(
        "{:?}",
        d.daemon().get(&DataPath::bfd(), DataType::Config).await
    );
    println!(
        "bfdd vty {:?}",
        frr.vty_answers(
            Which::Bfdd,
            &[
                "configure",
                "bfd",
                "profile x",
                "detect-multiplier 4",
                "end"
            ]
        )
        .unwrap()
    );
    println!(
        "{:?}",
        d.daemon().get(&DataPath::bfd(), DataType::Config).await
    );
}
