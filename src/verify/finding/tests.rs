use super::*;

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        kind: crate::api::types::Kind::L3Vni,
        namespace: "perouter-system".to_owned(),
        name: name.to_owned(),
    }
}

fn finding(object: &str, check: Check, subject: &str, outcome: Outcome) -> Finding {
    Finding {
        check,
        object: Some(key(object)),
        subject: subject.to_owned(),
        outcome,
        since: None,
    }
}

fn bad() -> Outcome {
    Outcome::Bad {
        expected: "via 100.65.0.1 dev br-pe-100 onlink".to_owned(),
        seen: "not there".to_owned(),
        hint: String::new(),
    }
}

fn good() -> Outcome {
    Outcome::Good {
        count: 1,
        seen: String::new(),
    }
}

fn missing(object: &str, prefix: &str) -> Finding {
    finding(object, Check::RouteInKernel, prefix, bad())
}

const PREFIXES: [&str; 2] = ["172.16.2.0/24", "fd00:2::/64"];

fn both() -> Stalled {
    let routes = PREFIXES.map(|prefix| prefix.parse().expect("a prefix"));
    Stalled::Some(StalledOnes {
        routes: routes.to_vec(),
        ..StalledOnes::default()
    })
}

#[test]
fn routes_that_the_kernel_dropped_are_named_whether_others_are_there_or_not() {
    let mut findings = PREFIXES.map(|prefix| missing("red", prefix)).to_vec();
    assert_eq!(stalled(&findings), BTreeMap::from([(&key("red"), both())]));
    findings.push(finding("red", Check::RouteInKernel, "", good()));
    assert_eq!(stalled(&findings), BTreeMap::from([(&key("red"), both())]));
}

#[test]
fn only_when_more_than_are_listed_are_gone_and_none_is_there_it_is_all() {
    let more = finding(
        "red",
        Check::RouteInKernel,
        "",
        Outcome::MoreBad { count: 900 },
    );
    let mut findings = vec![
        missing("red", PREFIXES[0]),
        missing("red", PREFIXES[1]),
        more,
    ];
    assert_eq!(
        stalled(&findings),
        BTreeMap::from([(&key("red"), Stalled::All)])
    );
    findings.push(finding("red", Check::RouteInKernel, "", good()));
    assert_eq!(stalled(&findings), BTreeMap::from([(&key("red"), both())]));
}

#[test]
fn neighbours_that_the_kernel_dropped_stand_beside_the_routes() {
    let lost = finding("red", Check::NeighbourEntry, "100.65.0.1", bad());
    let vtep = IpAddr::from([100, 65, 0, 1]);
    let mut wanted = StalledOnes {
        neighbours: vec![vtep],
        ..StalledOnes::default()
    };
    let mut findings = vec![
        lost,
        finding("red", Check::NeighbourEntry, "", good()),
        finding("red", Check::RouteInKernel, "", good()),
    ];
    assert_eq!(
        stalled(&findings),
        BTreeMap::from([(&key("red"), Stalled::Some(wanted.clone()))])
    );
    findings.push(missing("red", PREFIXES[0]));
    wanted.routes.push(PREFIXES[0].parse().expect("a prefix"));
    assert_eq!(
        stalled(&findings),
        BTreeMap::from([(&key("red"), Stalled::Some(wanted))])
    );
}

#[test]
fn an_object_whose_remote_routers_mac_leads_nowhere_is_unforwarded() {
    let of = |outcome| {
        [finding(
            "red",
            Check::FdbEntry,
            "02:00:00:00:00:01",
            outcome,
        )]
    };
    assert_eq!(unforwarded(&of(bad())), BTreeSet::from([&key("red")]));
    assert_eq!(unforwarded(&of(good())), BTreeSet::new());
    assert_eq!(unforwarded(&[missing("red", PREFIXES[0])]), BTreeSet::new());
}

#[test]
fn other_checks_other_verdicts_and_other_objects_do_not_count() {
    let unsettled = Outcome::Unsettled {
        expected: String::new(),
        seen: String::new(),
        hint: String::new(),
    };
    let waiting = Outcome::Pending {
        waiting_for: "zebra".to_owned(),
    };
    let findings = [
        finding("red", Check::RouteInRib, PREFIXES[0], bad()),
        finding("red", Check::RouteInKernel, PREFIXES[0], unsettled),
        finding("red", Check::RouteInKernel, PREFIXES[1], waiting),
        finding("red", Check::RouteInKernel, "", good()),
        missing("blue", PREFIXES[0]),
        missing("blue", PREFIXES[1]),
    ];
    assert_eq!(stalled(&findings), BTreeMap::from([(&key("blue"), both())]));
}
