//! What is answered to a kubelet.

use super::*;

fn well() -> Vitals {
    Vitals {
        silent: Duration::from_secs(2),
        allowed: Duration::from_secs(36),
        election: Election::Begun,
        unread: Vec::new(),
        webhook: None,
    }
}

/// The probes that fail.
fn failing(vitals: &Vitals) -> Vec<&'static str> {
    let fails = |probe: &Probe| {
        let (outcome, _) = answer(*probe, &Wishes::default(), vitals);
        outcome == Outcome::Failed
    };
    let failing = Probe::ALL.into_iter().filter(fails);
    failing.map(Probe::name).collect()
}

#[test]
fn each_probe_fails_for_its_own_reasons() {
    let none: [&str; 0] = [];
    assert_eq!(failing(&well()), none);
    let hung = Vitals {
        silent: Duration::from_secs(37),
        ..well()
    };
    assert_eq!(failing(&hung), ["livez", "readyz"]);
    let unread = Vitals {
        unread: vec!["Node".to_owned(), "L3VNI".to_owned()],
        ..well()
    };
    assert_eq!(failing(&unread), ["readyz"]);
    let without = Vitals {
        webhook: Some("there is no certificate yet".to_owned()),
        ..well()
    };
    assert_eq!(failing(&without), ["readyz"]);
    let pending = Vitals {
        election: Election::Pending,
        ..well()
    };
    assert_eq!(failing(&pending), ["startupz"]);
}

#[test]
fn a_failure_says_why() {
    let unread = Vitals {
        unread: vec!["Node".to_owned(), "L3VNI".to_owned()],
        ..well()
    };
    let (_, words) = answer(Probe::Ready, &Wishes::default(), &unread);
    assert_eq!(
        words,
        "[+]ping ok\n[+]election ok\n[-]watches failed: not read from the API yet: Node, L3VNI\n\
         [+]webhook ok\nreadyz check failed\n"
    );
    let exclude = Wishes {
        verbose: false,
        exclude: vec!["watches"],
    };
    let (outcome, words) = answer(Probe::Ready, &exclude, &unread);
    assert_eq!((outcome, &*words), (Outcome::Passed, "ok\n"));
}

#[test]
fn an_api_server_that_does_not_answer_is_no_hang() {
    let seconds = Duration::from_secs;
    let timing = Timing::new(seconds(15), seconds(10), seconds(2)).unwrap();
    assert!(allowed(timing) > timing.deadline() + timing.period());
}
