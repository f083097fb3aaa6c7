use perouter_harness::Daemon as Which;
use crate::{testing::*, *};
fn nap(n: u64) { std::thread::sleep(std::time::Duration::from_millis(n)); }
async fn prep(d: &Driver) -> Prepared {
    match d.candidate().await.unwrap().edit(Edits::new().map_vrf(&"green".parse().unwrap(), Vni::new(7).unwrap())).await.unwrap().prepare("x").await.unwrap() { Preparation::Ready(p) => p, Preparation::Unchanged => panic!() }
}
#[tokio::test]
async fn explore() {
  for abort in [false, true] { for cmd in ["vrf yellow", "interface eth9", "ip route 10.0.0.0/24 blackhole"] {
    println!("######## {abort} {cmd}");
    let frr = router(&Which::ALL);
    let d = driver(&frr, Which::Zebra).await;
    let p = prep(&d).await;
    println!("{:?}", frr.vty_answers(Which::Mgmtd, &["configure", cmd, "end"]));
    nap(300);
    println!("mgmtd {} zebra {}", frr.alive(Which::Mgmtd), frr.alive(Which::Zebra));
    if abort { println!("{:?}", p.abort().await); } else { println!("{:?}", p.apply().await); }
    nap(500);
    println!("mgmtd {:?} zebra {:?}", frr.ended_within(Which::Mgmtd, Default::default()), frr.ended_within(Which::Zebra, Default::default()));
    println!("{:?}", d.daemon().vrf_vnis().await);
    println!("zebra log {}", frr.log(Which::Zebra));
    println!("mgmtd log {}", frr.log(Which::Mgmtd));
  }}
    println!("######## other daemon's own vty while prepared");
    let frr = router(&Which::ALL);
    let d = driver(&frr, Which::Bgpd).await;
    let p = d.candidate().await.unwrap().edit(Edits::new().permit_all(&"a".parse().unwrap(), 1)).await.unwrap().prepare("x").await.unwrap();
    println!("{:?}", frr.vty_answers(Which::Bgpd, &["configure", "route-map b permit 1", "end"]));
    println!("{:?}", frr.vty_answers(Which::Bgpd, &["configure", "router bgp 65000", "neighbor 10.0.0.1 remote-as 1", "end"]));
    if let Preparation::Ready(p) = p { println!("{:?}", p.apply().await); }
    nap(300);
    println!("{:?} {:?}", d.daemon().route_maps().await, frr.ended_within(Which::Bgpd, Default::default()));
    println!("{:?}", frr.vty_answers(Which::Bgpd, &["configure", "route-map b permit 1", "end"]));
    println!("{:?} {:?}", d.daemon().route_maps().await, frr.ended_within(Which::Bgpd, Default::default()));
    println!("bgpd log {}", frr.log(Which::Bgpd));
}
