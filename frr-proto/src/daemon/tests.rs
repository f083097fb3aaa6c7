//! What the service does without the types of this crate, on a real daemon.
//!
//! These tests are the reason for the types: should one of them fail because a
//! later FRR lives on, the types may be loosened for that version.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use nix::sys::signal::Signal;
use perouter_harness::{Daemon as Which, Frr};

use crate::{
    testing::{CRASH_WITHIN, Raw, router},
    wire::{self, GetRequest, commit_request::Phase},
};

/// One step with a candidate.
#[derive(Debug, Clone, Copy)]
enum Step {
    Phase(Phase),
    Edit,
    Delete,
}

use Step::{Delete, Edit, Phase as Do};

const PROFILE: &str = "/frr-bfdd:bfdd/bfd/profile[name='p']/detection-multiplier";
const L3VNI: &str = "/frr-vrf:lib/vrf[name='red']/frr-zebra:zebra/l3vni-id";
const ENTRY: &str = "/frr-route-map:lib/route-map[name='a']/entry[sequence='1']/action";

/// Takes the steps with one edited candidate of a fresh daemon.
async fn take(which: Which, steps: &[Step]) -> (std::sync::Arc<Frr>, Raw) {
    let (path, values) = match which {
        Which::Zebra => (L3VNI, ["100", "101"]),
        Which::Bgpd => (ENTRY, ["permit", "deny"]),
        Which::Bfdd => (PROFILE, ["7", "8"]),
        Which::Mgmtd | Which::Staticd => panic!("{which} is not tested"),
    };
    let frr = router(&[which]);
    let raw = Raw::connect(&frr, which).await;
    let id = raw.create().await;
    raw.edit(id, path, values[0]).await.unwrap();
    for step in steps {
        // A refusal is as interesting as success, and a crash shows in what follows.
        let _ = match step {
            Do(phase) => raw.commit(id, *phase).await.map(drop),
            Edit => raw.edit(id, path, values[1]).await,
            Delete => raw.delete(id).await,
        };
    }
    (frr, raw)
}

async fn assert_dies(which: Which, steps: &[Step]) {
    let (frr, _raw) = take(which, steps).await;
    let status = frr.ended_within(which, CRASH_WITHIN);
    let signal = status.and_then(|status| status.signal());
    assert!(
        matches!(signal, Some(6 | 11)),
        "{which} lives on after {steps:?}: {status:?}"
    );
}

async fn assert_lives(which: Which, steps: &[Step]) {
    let (frr, raw) = take(which, steps).await;
    let id = raw.create().await;
    raw.delete(id).await.unwrap();
    let status = frr.ended_within(which, Duration::from_millis(300));
    assert_eq!(status, None, "{which} died of {steps:?}");
}

const DAEMONS: [Which; 3] = [Which::Zebra, Which::Bgpd, Which::Bfdd];

#[tokio::test]
async fn validate_and_all_can_be_followed_by_a_deletion() {
    for which in DAEMONS {
        assert_lives(which, &[Delete]).await;
        assert_lives(which, &[Do(Phase::Validate), Delete]).await;
        assert_lives(which, &[Do(Phase::All), Delete]).await;
        assert_lives(
            which,
            &[Do(Phase::Validate), Do(Phase::All), Delete, Delete],
        )
        .await;
        assert_lives(which, &[Do(Phase::All), Edit, Do(Phase::All), Delete]).await;
        assert_lives(which, &[Delete, Do(Phase::All), Edit]).await;
    }
}

#[tokio::test]
async fn a_candidate_that_was_applied_or_aborted_cannot_be_deleted() {
    for which in DAEMONS {
        assert_lives(which, &[Do(Phase::Prepare), Do(Phase::Apply)]).await;
        assert_dies(which, &[Do(Phase::Prepare), Do(Phase::Apply), Delete]).await;
        assert_lives(which, &[Do(Phase::Prepare), Do(Phase::Abort)]).await;
        assert_dies(which, &[Do(Phase::Prepare), Do(Phase::Abort), Delete]).await;
    }
}

/// What is read then was freed before, so that it need not happen every time.
#[tokio::test]
async fn zebra_can_die_when_a_prepared_candidate_is_deleted() {
    for _ in 0..20 {
        let (frr, _raw) = take(Which::Zebra, &[Do(Phase::Prepare), Delete]).await;
        if frr
            .ended_within(Which::Zebra, Duration::from_millis(500))
            .is_some()
        {
            return;
        }
    }
    panic!("zebra lived through 20 deletions of what was prepared");
}

/// Whether the server ends is a matter of luck, so it is only told; the daemon must live.
#[tokio::test]
async fn a_cancelled_call_can_end_the_server_but_not_the_daemon() {
    let frr = router(&[Which::Zebra]);
    for _ in 0..200 {
        let raw = Raw::connect(&frr, Which::Zebra).await;
        frr.signal(Which::Zebra, Signal::SIGSTOP).unwrap();
        let _ = tokio::time::timeout(Duration::from_millis(20), raw.create()).await;
        frr.signal(Which::Zebra, Signal::SIGCONT).unwrap();
        let _ =
            tokio::time::timeout(Duration::from_millis(1), raw.commit(1, Phase::Validate)).await;
        drop(raw);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if frr.log(Which::Zebra).contains("exiting from grpc pthread") {
            eprintln!("a cancelled call ended the server");
            break;
        }
    }
    assert!(frr.alive(Which::Zebra));
    frr.vty(Which::Zebra, &["show version"]).unwrap();
}

#[tokio::test]
async fn a_second_end_of_a_transaction_kills() {
    for second in [Phase::Apply, Phase::Abort] {
        assert_dies(
            Which::Bfdd,
            &[Do(Phase::Prepare), Do(Phase::Apply), Do(second)],
        )
        .await;
        assert_dies(
            Which::Bfdd,
            &[Do(Phase::Prepare), Do(Phase::Abort), Do(second)],
        )
        .await;
    }
}

#[tokio::test]
async fn an_edit_of_what_is_prepared_kills() {
    assert_dies(Which::Bfdd, &[Do(Phase::Prepare), Edit, Do(Phase::Apply)]).await;
}

#[tokio::test]
async fn an_end_without_a_beginning_is_refused() {
    assert_lives(Which::Bfdd, &[Do(Phase::Apply), Do(Phase::Abort), Delete]).await;
}

#[tokio::test]
async fn an_empty_path_kills() {
    let frr = router(&[Which::Bfdd]);
    let mut raw = Raw::connect(&frr, Which::Bfdd).await;
    let request = GetRequest {
        r#type: wire::get_request::DataType::Config.into(),
        encoding: wire::Encoding::Json.into(),
        with_defaults: false,
        path: vec![String::new()],
    };
    if let Ok(answers) = raw.client.get(request).await {
        let _ = answers.into_inner().message().await;
    }
    let status = frr.ended_within(Which::Bfdd, CRASH_WITHIN);
    assert!(
        status.is_some_and(|status| status.signal().is_some()),
        "{status:?}"
    );
}

#[tokio::test]
async fn what_is_prepared_keeps_the_command_line_out() {
    let (frr, raw) = take(Which::Bgpd, &[Do(Phase::Prepare)]).await;
    let answers = frr
        .vty_answers(Which::Bgpd, &["configure", "route-map b permit 1"])
        .unwrap();
    assert_eq!(answers[1].status, 13, "{answers:?}");
    assert!(
        answers[1]
            .text
            .contains("already another transaction in progress")
    );
    raw.commit(1, Phase::Abort).await.unwrap();
    frr.vty(Which::Bgpd, &["configure", "route-map b permit 1"])
        .unwrap();
}
