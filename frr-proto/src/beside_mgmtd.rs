//! What becomes of a mapping that zebra was given over gRPC when mgmtd, which
//! does not know of it, speaks to zebra too. Run against real daemons, since
//! nothing of this is written down anywhere.
//!
//! In short: mgmtd sends the daemons behind it (zebra and staticd) its own
//! configuration, at every change the difference, and whenever any of them
//! connects to it, the whole to all of them. What it does not know is erased.
//! Where mgmtd runs, a mapping lasts only if mgmtd was told of it; gRPC is good
//! to check it beforehand and to read what zebra really has. Where mgmtd does
//! not run, and in daemons that are not behind it (bgpd, bfdd), what was
//! committed over gRPC lasts as long as the daemon.

use std::time::{Duration, Instant};

use perouter_harness::{Daemon as Which, Frr, Options};

use crate::{
    Driver, Edits, Outcome, Vni, VrfVnis,
    testing::{driver, router},
};

fn map(number: u32) -> Edits {
    Edits::new().map_vrf(&"red".parse().unwrap(), Vni::new(number).unwrap())
}

async fn red(zebra: &Driver) -> Option<u32> {
    zebra
        .daemon()
        .vrf_vnis()
        .await
        .unwrap()
        .get("red")
        .map(|vni| vni.get())
}

/// Waits until red has this mapping. Mgmtd answers before zebra has applied.
async fn becomes(zebra: &Driver, wanted: Option<u32>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while red(zebra).await != wanted {
        assert!(
            Instant::now() < deadline,
            "red has {:?}, not {wanted:?}",
            red(zebra).await
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Looks for half a second whether red keeps this mapping.
async fn stays(zebra: &Driver, wanted: Option<u32>) {
    for _ in 0..50 {
        assert_eq!(red(zebra).await, wanted);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Types something in the context of the VRF, into mgmtd.
fn type_in_vrf(frr: &Frr, commands: &[&str]) {
    let line = [&["configure", "vrf red"], commands, &["end"]].concat();
    frr.vty(Which::Mgmtd, &line).unwrap();
}

/// Waits until mgmtd has in its running configuration what was typed. It
/// answers before it has, and what is typed meanwhile is sent once more.
async fn mgmtd_has(frr: &Frr, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let running = frr.vty(Which::Mgmtd, &["show running-config"]).unwrap();
        if running.contains(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{running}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn mgmtd_and_zebra() -> std::sync::Arc<Frr> {
    router(&[Which::Mgmtd, Which::Zebra])
}

/// Whether zebra's configuration has the VRF, mapped or not.
async fn wait_for_vrf(zebra: &Driver) {
    let path = crate::DataPath::vrf(&"red".parse().unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while zebra
        .daemon()
        .get(&path, crate::DataType::Config)
        .await
        .is_err()
    {
        assert!(Instant::now() < deadline, "zebra never learns of the VRF");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn entering_the_vrf_erases_what_mgmtd_does_not_know() {
    let frr = mgmtd_and_zebra();
    let zebra = driver(&frr, Which::Zebra).await;
    zebra.commit(map(100)).await.unwrap();
    type_in_vrf(&frr, &[]);
    becomes(&zebra, None).await;
    stays(&zebra, None).await;
}

#[tokio::test]
async fn a_vrf_that_mgmtd_knows_first_keeps_its_mapping() {
    let frr = mgmtd_and_zebra();
    let zebra = driver(&frr, Which::Zebra).await;
    type_in_vrf(&frr, &[]);
    wait_for_vrf(&zebra).await;
    mgmtd_has(&frr, "vrf red\nexit-vrf\n").await;
    zebra.commit(map(100)).await.unwrap();
    // Mgmtd has nothing to take back, says so to nobody, and sends nothing.
    type_in_vrf(&frr, &["no vni 100"]);
    type_in_vrf(&frr, &[]);
    stays(&zebra, Some(100)).await;
    // Told of it as well, mgmtd changes nothing in zebra now …
    type_in_vrf(&frr, &["vni 100"]);
    stays(&zebra, Some(100)).await;
    // … and takes it back when it is told to.
    type_in_vrf(&frr, &["no vni 100"]);
    becomes(&zebra, None).await;
}

#[tokio::test]
async fn mgmtd_repeats_nothing_that_it_believes_to_be_so() {
    let frr = mgmtd_and_zebra();
    let zebra = driver(&frr, Which::Zebra).await;
    type_in_vrf(&frr, &["vni 300"]);
    becomes(&zebra, Some(300)).await;
    mgmtd_has(&frr, "vrf red\n vni 300\nexit-vrf\n").await;
    assert!(matches!(
        zebra.commit(map(302)).await.unwrap(),
        Outcome::Applied { .. }
    ));
    type_in_vrf(&frr, &["vni 300"]);
    stays(&zebra, Some(302)).await;
    type_in_vrf(&frr, &["vni 303"]);
    becomes(&zebra, Some(303)).await;
    // Taken back over gRPC, it can be taken back in mgmtd all the same.
    zebra
        .commit(Edits::new().unmap_vrf(&"red".parse().unwrap()))
        .await
        .unwrap();
    type_in_vrf(&frr, &["no vni 303"]);
    stays(&zebra, None).await;
}

#[tokio::test]
async fn a_new_life_of_zebra_has_what_mgmtd_knows_and_nothing_else() {
    let frr = mgmtd_and_zebra();
    let zebra = driver(&frr, Which::Zebra).await;
    type_in_vrf(&frr, &["vni 100"]);
    becomes(&zebra, Some(100)).await;
    let blue = Edits::new().map_vrf(&"blue".parse().unwrap(), Vni::new(200).unwrap());
    zebra.commit(blue).await.unwrap();
    frr.kill(Which::Zebra).unwrap();
    frr.start_daemon(Which::Zebra).unwrap();
    let zebra = driver(&frr, Which::Zebra).await;
    becomes(&zebra, Some(100)).await;
    let expected = VrfVnis::from([("red".to_owned(), Vni::new(100).unwrap())]);
    assert_eq!(zebra.daemon().vrf_vnis().await.unwrap(), expected);
}

#[tokio::test]
async fn what_a_new_life_of_zebra_is_told_too_early_is_erased() {
    let frr = mgmtd_and_zebra();
    let zebra = driver(&frr, Which::Zebra).await;
    type_in_vrf(&frr, &[]);
    wait_for_vrf(&zebra).await;
    frr.kill(Which::Zebra).unwrap();
    frr.start_daemon_unsynchronized(Which::Zebra).unwrap();
    let zebra = driver(&frr, Which::Zebra).await;
    // Until mgmtd has sent what it knows, that is not there, which is how to
    // see that it is too early; `show mgmt backend-adapter all` says it as well.
    zebra.commit(map(100)).await.unwrap();
    becomes(&zebra, None).await;
    zebra.commit(map(100)).await.unwrap();
    stays(&zebra, Some(100)).await;
}

async fn restart_staticd(frr: &Frr) {
    frr.kill(Which::Staticd).unwrap();
    frr.start_daemon(Which::Staticd).unwrap();
}

#[tokio::test]
async fn a_new_life_of_staticd_erases_what_zebra_was_told_over_grpc() {
    let frr = router(&[Which::Mgmtd, Which::Zebra, Which::Staticd]);
    let zebra = driver(&frr, Which::Zebra).await;
    // Mgmtd has never heard of red; it replaces all that zebra has.
    zebra.commit(map(100)).await.unwrap();
    restart_staticd(&frr).await;
    becomes(&zebra, None).await;
}

#[tokio::test]
async fn a_new_life_of_staticd_leaves_alone_what_mgmtd_knows_as_well() {
    let frr = router(&[Which::Mgmtd, Which::Zebra, Which::Staticd]);
    let zebra = driver(&frr, Which::Zebra).await;
    type_in_vrf(&frr, &["vni 100"]);
    becomes(&zebra, Some(100)).await;
    mgmtd_has(&frr, "vrf red\n vni 100\n").await;
    restart_staticd(&frr).await;
    stays(&zebra, Some(100)).await;
}

#[tokio::test]
async fn without_mgmtd_nobody_erases_anything() {
    let frr = router(&[Which::Zebra, Which::Staticd]);
    let zebra = driver(&frr, Which::Zebra).await;
    zebra.commit(map(100)).await.unwrap();
    restart_staticd(&frr).await;
    stays(&zebra, Some(100)).await;
}

#[test]
fn without_grpc_mgmtd_maps_and_zebra_shows() {
    let options = Options::default()
        .daemons([Which::Mgmtd, Which::Zebra])
        .without_grpc();
    let frr = Frr::start(options).unwrap();
    let shows = |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let shown = frr.vty(Which::Zebra, &["show vrf vni json"]).unwrap();
            if shown
                .split_whitespace()
                .collect::<String>()
                .contains(wanted)
            {
                break;
            }
            assert!(Instant::now() < deadline, "{shown}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    type_in_vrf(&frr, &["vni 100"]);
    shows(r#""vrf":"red","vni":100"#);
    let running = frr.vty(Which::Mgmtd, &["show running-config"]).unwrap();
    assert!(
        running.contains("vrf red\n vni 100\nexit-vrf\n"),
        "{running}"
    );

    let answers = frr
        .vty_answers(Which::Mgmtd, &["configure", "vrf blue", "vni 100", "end"])
        .unwrap();
    assert_eq!(answers[2].status, 13, "{answers:?}");
    assert!(
        answers[2]
            .text
            .contains("vni 100 is already mapped to another vrf"),
        "{answers:?}"
    );
    // Zebra's own command line has no such context.
    let answers = frr
        .vty_answers(Which::Zebra, &["configure", "vrf red"])
        .unwrap();
    assert_eq!(answers[1].status, 2, "{answers:?}");

    type_in_vrf(&frr, &["vni 101"]);
    shows(r#""vrf":"red","vni":101"#);
    // The number has to be the one that is set.
    type_in_vrf(&frr, &["no vni 101"]);
    shows(r#"{"vrfs":[]}"#);
    frr.vty(Which::Mgmtd, &["configure", "no vrf red", "end"])
        .unwrap();
    let running = frr.vty(Which::Mgmtd, &["show running-config"]).unwrap();
    assert!(!running.contains("vrf red"), "{running}");
}
