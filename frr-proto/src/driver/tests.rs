//! The driver against real daemons.

use std::sync::Arc;

use nix::sys::signal::Signal;
use perouter_harness::{Daemon as Which, Frr};

use super::*;
use crate::{
    Action, BfdInterval, BfdProfile, DataPath, DataType, GetError, ReadError, RouteMaps, Vni,
    VrfName, VrfVnis,
    testing::{DEADLINE, Raw, daemon, driver, router, stream},
};

fn vrf(name: &str) -> VrfName {
    name.parse().unwrap()
}

fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}

fn map(name: &str, number: u32) -> Edits {
    Edits::new().map_vrf(&vrf(name), vni(number))
}

fn applied() -> Outcome {
    Outcome::Applied {
        warnings: String::new(),
    }
}

fn vnis<const N: usize>(of: [(&str, u32); N]) -> VrfVnis {
    of.into_iter()
        .map(|(name, number)| (name.to_owned(), vni(number)))
        .collect()
}

async fn read(driver: &Driver) -> VrfVnis {
    driver.daemon().vrf_vnis().await.unwrap()
}

/// The highest number of a candidate so far, which every new one exceeds by one.
async fn candidates_made(frr: &Frr, which: Which) -> u32 {
    let raw = Raw::connect(frr, which).await;
    let id = raw.create().await;
    raw.delete(id).await.unwrap();
    id
}

/// Every candidate up to this number is gone.
async fn assert_all_deleted(frr: &Frr, which: Which) {
    let raw = Raw::connect(frr, which).await;
    for id in 1..candidates_made(frr, which).await {
        let error = raw.delete(id).await.unwrap_err();
        assert_eq!(
            error.code(),
            Code::NotFound,
            "candidate {id} is still there"
        );
    }
}

#[tokio::test]
async fn a_vrf_is_mapped_changed_and_unmapped() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    assert_eq!(read(&zebra).await, vnis([]));
    assert_eq!(
        zebra
            .commit(map("red", 100).and(map("blue", 200)))
            .await
            .unwrap(),
        applied()
    );
    assert_eq!(read(&zebra).await, vnis([("blue", 200), ("red", 100)]));
    assert_eq!(
        zebra.commit(map("red", 100)).await.unwrap(),
        Outcome::Unchanged
    );
    assert_eq!(zebra.commit(map("red", 101)).await.unwrap(), applied());
    assert_eq!(read(&zebra).await, vnis([("blue", 200), ("red", 101)]));
    // Zebra shows the mapping although the kernel has no such VRF.
    let shown = frr.vty(Which::Zebra, &["show vrf vni json"]).unwrap();
    assert!(
        shown.contains("\"vrf\":\"red\"") && shown.contains("\"vni\":101"),
        "{shown}"
    );
    assert_eq!(
        zebra
            .commit(Edits::new().unmap_vrf(&vrf("red")))
            .await
            .unwrap(),
        applied()
    );
    assert_eq!(read(&zebra).await, vnis([("blue", 200)]));
    assert_eq!(
        zebra.commit(Edits::new()).await.unwrap(),
        Outcome::Unchanged
    );
    assert_all_deleted(&frr, Which::Zebra).await;
}

#[tokio::test]
async fn refusals_carry_the_daemons_words_and_change_nothing() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    zebra.commit(map("red", 100)).await.unwrap();
    let taken = "vni 100 is already mapped to another vrf";

    let Err(PrepareError::Invalid { words }) = zebra.prepare(map("blue", 100)).await else {
        panic!("a VNI has one VRF");
    };
    assert_eq!(words, taken);
    let Err(CommitError::Invalid { words }) = zebra.commit(map("blue", 100)).await else {
        panic!("a VNI has one VRF");
    };
    assert_eq!(words, taken);

    let absent = zebra
        .prepare(Edits::new().unmap_vrf(&vrf("green")))
        .await
        .unwrap_err();
    assert!(matches!(absent, PrepareError::Invalid { .. }), "{absent:?}");
    assert!(absent.to_string().contains("l3vni-id"), "{absent}");
    let unknown = "/frr-no-such:thing".parse().unwrap();
    let unknown = zebra
        .commit(Edits::new().set(&unknown, "1"))
        .await
        .unwrap_err();
    assert!(
        matches!(unknown, CommitError::Invalid { .. }),
        "{unknown:?}"
    );
    let value = zebra
        .commit(Edits::new().set(&DataPath::l3vni(&vrf("red")), "many"))
        .await;
    assert!(
        matches!(value, Err(CommitError::Invalid { .. })),
        "{value:?}"
    );

    assert_eq!(read(&zebra).await, vnis([("red", 100)]));
    assert_all_deleted(&frr, Which::Zebra).await;
    assert!(frr.alive(Which::Zebra));
}

#[tokio::test]
async fn what_is_prepared_holds_nothing_in_the_daemon() {
    let frr = router(&[Which::Zebra]);
    let (one, other) = (
        driver(&frr, Which::Zebra).await,
        driver(&frr, Which::Zebra).await,
    );
    let prepared = one.prepare(map("red", 100)).await.unwrap();
    assert_eq!(prepared.edits(), &map("red", 100));
    assert_eq!(read(&one).await, vnis([]), "preparing changes nothing");
    assert_all_deleted(&frr, Which::Zebra).await;

    // Others are free, and what they commit in between stays.
    assert_eq!(other.commit(map("blue", 200)).await.unwrap(), applied());
    assert_eq!(prepared.apply().await.unwrap(), applied());
    assert_eq!(read(&one).await, vnis([("blue", 200), ("red", 100)]));

    drop(one.prepare(map("green", 300)).await.unwrap());
    let late = one.prepare(map("yellow", 400)).await.unwrap();
    other.commit(map("pink", 400)).await.unwrap();
    let late = late.apply().await.unwrap_err();
    assert!(matches!(late, CommitError::Invalid { .. }), "{late:?}");
    assert_eq!(
        read(&one).await,
        vnis([("blue", 200), ("pink", 400), ("red", 100)])
    );
}

#[tokio::test]
async fn a_dropped_future_leaves_the_daemon_usable() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    // Dropped at many different moments of the five calls of a commit.
    for round in 0..60_u32 {
        let after = Duration::from_micros(u64::from(round) * 60);
        let commit = zebra.commit(map("red", 1000 + round));
        let _ = tokio::time::timeout(after, commit).await;
        let prepare = zebra.prepare(map("blue", 1000 + round));
        let _ = tokio::time::timeout(after, prepare).await;
    }
    zebra.commit(map("red", 100)).await.unwrap();
    assert_eq!(read(&zebra).await, vnis([("red", 100)]));
    assert!(frr.alive(Which::Zebra));
    assert_all_deleted(&frr, Which::Zebra).await;
}

#[tokio::test]
async fn steps_of_one_driver_take_turns() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    let commits = (1..=40_u32).map(|number| {
        let zebra = zebra.clone();
        tokio::spawn(async move { zebra.commit(map(&format!("vrf{number}"), number)).await })
    });
    for commit in commits.collect::<Vec<_>>() {
        assert_eq!(commit.await.unwrap().unwrap(), applied());
    }
    assert_eq!(read(&zebra).await.len(), 40, "none has taken back another");
}

#[tokio::test]
async fn a_daemon_that_hangs_is_given_up_and_taken_up_again() {
    let frr = router(&[Which::Zebra]);
    let deadline = Duration::from_millis(300);
    let zebra = Driver::new(
        Daemon::connect(stream(&frr, Which::Zebra), deadline)
            .await
            .unwrap(),
    );
    zebra.commit(map("red", 100)).await.unwrap();

    frr.signal(Which::Zebra, Signal::SIGSTOP).unwrap();
    let hung = zebra.commit(map("red", 101)).await.unwrap_err();
    assert!(
        matches!(
            hung,
            CommitError::Call(CallError::TimedOut {
                rpc: Rpc::CreateCandidate,
                ..
            })
        ),
        "{hung:?}"
    );
    let hung = zebra.daemon().vrf_vnis().await.unwrap_err();
    assert!(
        matches!(
            hung,
            ReadError::Get(GetError::Call(CallError::TimedOut { .. }))
        ),
        "{hung:?}"
    );
    frr.signal(Which::Zebra, Signal::SIGCONT).unwrap();

    // The calls that nobody waits for are answered now; none was cancelled.
    zebra.daemon().settle().await;
    let patient = driver(&frr, Which::Zebra).await;
    assert_eq!(patient.commit(map("red", 102)).await.unwrap(), applied());
    assert_eq!(read(&patient).await, vnis([("red", 102)]));
    assert!(frr.alive(Which::Zebra));
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unknown_and_never_comes_late() {
    let frr = router(&[Which::Zebra]);
    let deadline = Duration::from_millis(150);
    // Stopped at many different moments, so that the lost answer is now the
    // creation's, now the edit's, now the commit's or the deletion's.
    let mut unknown = 0;
    for round in 0..30_u32 {
        let zebra = Driver::new(
            Daemon::connect(stream(&frr, Which::Zebra), deadline)
                .await
                .unwrap(),
        );
        let task = zebra.clone();
        let commit = tokio::spawn(async move { task.commit(map("red", 1000 + round)).await });
        tokio::time::sleep(Duration::from_micros(u64::from(round) * 100)).await;
        frr.signal(Which::Zebra, Signal::SIGSTOP).unwrap();
        let outcome = commit.await.unwrap();
        frr.signal(Which::Zebra, Signal::SIGCONT).unwrap();
        unknown += u32::from(matches!(outcome, Err(CommitError::Unknown(_))));
        // Whatever became of the first, the second is what is true at last.
        let mut second = zebra.commit(map("red", 5000 + round)).await;
        for _ in 0..20 {
            if second.is_ok() {
                break;
            }
            second = zebra.commit(map("red", 5000 + round)).await;
        }
        second.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(read(&zebra).await, vnis([("red", 5000 + round)]));
    }
    println!("{unknown} of 30 commits had an unknown outcome");
    assert!(frr.alive(Which::Zebra));
}

#[tokio::test]
async fn a_lost_daemon_is_known_to_be_lost_and_never_spoken_to_again() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    zebra.commit(map("red", 100)).await.unwrap();
    frr.kill(Which::Zebra).unwrap();
    for _ in 0..2 {
        let Err(CommitError::Call(error)) = zebra.commit(map("red", 101)).await else {
            panic!("the daemon is dead");
        };
        assert!(error.is_lost(), "{error:?}");
        // A new life of the daemon has other candidates under the same numbers.
        let _ = frr.start_daemon(Which::Zebra);
    }
    assert_eq!(
        candidates_made(&frr, Which::Zebra).await,
        1,
        "the old connection stays silent"
    );
    let zebra = driver(&frr, Which::Zebra).await;
    assert_eq!(
        read(&zebra).await,
        vnis([]),
        "without mgmtd, a restart forgets"
    );
}

#[tokio::test]
async fn a_forgotten_transaction_of_somebody_else_is_named() {
    let frr = router(&[Which::Bgpd]);
    let bgpd = driver(&frr, Which::Bgpd).await;
    let raw = Raw::connect(&frr, Which::Bgpd).await;
    let id = raw.create().await;
    let path = "/frr-route-map:lib/route-map[name='theirs']/entry[sequence='1']/action";
    raw.edit(id, path, "permit").await.unwrap();
    raw.commit(id, Phase::Prepare).await.unwrap();
    let ours = Edits::new().permit_all(&"ours".parse().unwrap(), 1);
    let Err(CommitError::Occupied { words }) = bgpd.commit(ours.clone()).await else {
        panic!("one transaction at a time");
    };
    assert_eq!(words, "there's already another transaction in progress");
    raw.commit(id, Phase::Abort).await.unwrap();
    assert_eq!(bgpd.commit(ours).await.unwrap(), applied());
}

#[tokio::test]
async fn a_transaction_that_ends_soon_is_waited_for() {
    let frr = router(&[Which::Bgpd]);
    let bgpd = driver(&frr, Which::Bgpd).await;
    let raw = Raw::connect(&frr, Which::Bgpd).await;
    let id = raw.create().await;
    let path = "/frr-route-map:lib/route-map[name='theirs']/entry[sequence='1']/action";
    raw.edit(id, path, "permit").await.unwrap();
    raw.commit(id, Phase::Prepare).await.unwrap();
    let ours = Edits::new().permit_all(&"ours".parse().unwrap(), 1);
    let task = bgpd.clone();
    let commit = tokio::spawn(async move { task.commit(ours).await });
    tokio::time::sleep(BETWEEN_ATTEMPTS * 3).await;
    assert!(!commit.is_finished());
    raw.commit(id, Phase::Apply).await.unwrap();
    assert_eq!(commit.await.unwrap().unwrap(), applied());
    let maps = bgpd.daemon().route_maps().await.unwrap();
    assert_eq!(maps.keys().collect::<Vec<_>>(), ["ours", "theirs"]);
}

#[tokio::test]
async fn route_maps_are_made_read_and_removed() {
    let frr = router(&[Which::Zebra, Which::Bgpd]);
    let bgpd = driver(&frr, Which::Bgpd).await;
    let name = "allowall".parse().unwrap();
    assert_eq!(bgpd.daemon().route_maps().await.unwrap(), RouteMaps::new());
    bgpd.commit(Edits::new().permit_all(&name, 1))
        .await
        .unwrap();
    let expected = RouteMaps::from([("allowall".to_owned(), [(1, Action::Permit)].into())]);
    assert_eq!(bgpd.daemon().route_maps().await.unwrap(), expected);
    let running = frr.vty(Which::Bgpd, &["show running-config"]).unwrap();
    assert!(
        running.contains("route-map allowall permit 1\nexit\n"),
        "{running}"
    );
    // Here the command line and the northbound are one: bgpd is not behind mgmtd.
    frr.vty(Which::Bgpd, &["configure", "route-map other deny 7", "end"])
        .unwrap();
    let both = bgpd.daemon().route_maps().await.unwrap();
    assert_eq!(both["other"], [(7, Action::Deny)].into());
    bgpd.commit(Edits::new().remove_route_map(&name))
        .await
        .unwrap();
    frr.vty(Which::Bgpd, &["configure", "no route-map other", "end"])
        .unwrap();
    assert_eq!(bgpd.daemon().route_maps().await.unwrap(), RouteMaps::new());
    let not_here = bgpd.daemon().vrf_vnis().await.unwrap_err();
    assert!(
        matches!(
            not_here,
            ReadError::NotImplemented {
                module: "frr-zebra"
            }
        ),
        "{not_here:?}"
    );
}

#[tokio::test]
async fn a_bfd_profile_is_made_and_removed() {
    let frr = router(&[Which::Bfdd]);
    let bfdd = driver(&frr, Which::Bfdd).await;
    let name = "neighbor-2001:db8::1".parse().unwrap();
    let profile = BfdProfile {
        detect_multiplier: Some(5),
        receive_interval: Some(BfdInterval::from_millis(250)),
        transmit_interval: Some(BfdInterval::from_millis(300)),
        echo_mode: Some(true),
        echo_receive_interval: Some(BfdInterval::from_millis(60)),
        echo_transmit_interval: Some(BfdInterval::from_millis(70)),
        passive_mode: Some(true),
        minimum_ttl: Some(200),
    };
    bfdd.commit(Edits::new().bfd_profile(&name, &profile))
        .await
        .unwrap();
    let running = frr.vty(Which::Bfdd, &["show running-config"]).unwrap();
    let expected = "\n profile neighbor-2001:db8::1\n  detect-multiplier 5\n  receive-interval 250\n  \
                    passive-mode\n  echo-mode\n  echo transmit-interval 70\n  \
                    echo receive-interval 60\n  minimum-ttl 200\n exit\n";
    assert!(running.contains(expected), "{running}");
    bfdd.commit(Edits::new().remove_bfd_profile(&name))
        .await
        .unwrap();
    let running = frr.vty(Which::Bfdd, &["show running-config"]).unwrap();
    assert!(!running.contains("profile"), "{running}");
}

#[tokio::test]
async fn absence_is_not_an_error_of_the_call() {
    let frr = router(&[Which::Zebra]);
    let zebra = daemon(&frr, Which::Zebra).await;
    assert_eq!(zebra.capabilities().version, "10.3");
    assert!(zebra.capabilities().implements("frr-zebra"));
    assert!(!zebra.capabilities().implements("frr-bgp"));
    let absent = zebra
        .get(&DataPath::vrf(&vrf("red")), DataType::Config)
        .await
        .unwrap_err();
    assert!(matches!(absent, GetError::NoData { .. }), "{absent:?}");
    let state = zebra.get(&DataPath::vrfs(), DataType::State).await.unwrap();
    assert!(state.contains("\"name\": \"default\""), "{state}");
}

#[tokio::test]
async fn many_vrfs_in_one_commit() {
    let frr = router(&[Which::Zebra]);
    let zebra = driver(&frr, Which::Zebra).await;
    let edits = (1..=300).fold(Edits::new(), |edits, n| {
        edits.and(map(&format!("vrf{n}"), n))
    });
    zebra.prepare(edits).await.unwrap().apply().await.unwrap();
    assert_eq!(read(&zebra).await.len(), 300);
    let all = read(&zebra).await;
    let edits = all
        .keys()
        .fold(Edits::new(), |edits, name| edits.unmap_vrf(&vrf(name)));
    zebra.commit(edits).await.unwrap();
    assert_eq!(read(&zebra).await, vnis([]));
}

#[tokio::test]
async fn what_is_not_a_northbound_is_not_connected_to() {
    let frr = Arc::new(router(&[Which::Zebra]));
    let vty = frr
        .within(|| std::net::TcpStream::connect(("127.0.0.1", 2601)))
        .unwrap();
    vty.set_nonblocking(true).unwrap();
    let vty = tokio::net::TcpStream::from_std(vty).unwrap();
    Daemon::connect(vty, DEADLINE).await.unwrap_err();
}
