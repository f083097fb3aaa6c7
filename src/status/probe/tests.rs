use super::*;
use crate::status::report::tests::Scene;

fn progress(silent: u64) -> Progress {
    Progress {
        work: Work::Verification,
        at_it: Duration::from_secs(silent + 3),
        silent: Duration::from_secs(silent),
    }
}

fn asked(probe: Probe, report: Option<&Report>, silent: u64) -> (Outcome, String) {
    answer(probe, &Wishes::default(), report, progress(silent))
}

#[test]
fn a_node_whose_fabric_is_broken_passes_every_probe() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    let report = scene.report(None, 1000);
    assert_eq!(report.verdict, crate::status::Verdict::NotReady);
    for probe in Probe::ALL {
        assert_eq!(
            asked(probe, Some(&report), 1),
            (Outcome::Passed, "ok\n".to_owned())
        );
    }
}

#[test]
fn before_the_first_pass_only_liveness_holds() {
    assert_eq!(asked(Probe::Live, None, 1).0, Outcome::Passed);
    assert_eq!(
        asked(Probe::Startup, None, 1),
        (
            Outcome::Failed,
            "[+]ping ok\n[-]pass failed: no pass has ended since the agent started\n\
             startupz check failed\n"
                .to_owned()
        )
    );
    let (outcome, text) = asked(Probe::Ready, None, 1);
    assert_eq!(outcome, Outcome::Failed);
    for line in [
        "[+]loop ok\n",
        "[-]pass failed: ",
        "[-]frr failed: not spoken with yet\n",
        "[-]verification failed: nothing was verified since the agent started\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn a_loop_that_hangs_is_not_alive() {
    let report = Scene::healthy().report(None, 1000);
    let deadline = DEADLINE.as_secs();
    assert_eq!(
        asked(Probe::Live, Some(&report), deadline).0,
        Outcome::Passed
    );
    let (outcome, text) = asked(Probe::Live, Some(&report), deadline + 1);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(
        text,
        "[+]ping ok\n[-]loop failed: no progress for 181 s, verifying for 184 s; 180 s are \
         allowed\nlivez check failed\n"
    );
    assert_eq!(
        asked(Probe::Ready, Some(&report), deadline + 1).0,
        Outcome::Failed
    );
}

#[test]
fn without_frr_the_agent_is_alive_and_not_ready() {
    let mut report = Scene::healthy().report(None, 1000);
    let zebra = "zebra".to_owned();
    report.frr.daemons.insert(zebra, DaemonMode::Unreachable);
    assert_eq!(asked(Probe::Live, Some(&report), 1).0, Outcome::Passed);
    let (outcome, text) = asked(Probe::Ready, Some(&report), 1);
    assert_eq!(outcome, Outcome::Failed);
    assert!(
        text.contains("[-]frr failed: not connected to zebra\n"),
        "{text}"
    );
}

#[test]
fn checks_are_listed_and_left_out_when_asked() {
    let report = Scene::healthy().report(None, 1000);
    let verbose = Wishes {
        verbose: true,
        exclude: Vec::new(),
    };
    assert_eq!(
        answer(Probe::Ready, &verbose, Some(&report), progress(0)),
        (
            Outcome::Passed,
            "[+]ping ok\n[+]loop ok\n[+]pass ok\n[+]frr ok\n[+]verification ok\n\
             readyz check passed\n"
                .to_owned()
        )
    );
    let wishes = Wishes {
        verbose: true,
        exclude: vec!["loop", "luck"],
    };
    assert_eq!(
        answer(Probe::Live, &wishes, Some(&report), progress(1000)),
        (
            Outcome::Passed,
            "[+]ping ok\n[+]loop excluded: ok\nwarn: there is no check \"luck\" to exclude\n\
             livez check passed\n"
                .to_owned()
        )
    );
}
