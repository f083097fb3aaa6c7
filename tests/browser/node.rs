//! Nodes to look at: what their agents would report.

use perouter::api::types::{Kind, ObjectKey, VrfName};
use perouter::intent::{Kept, NodeIndex, NodeIntent};
use perouter::status::condition::{Condition, Reason};
use perouter::status::report::{
    Counters, DaemonMode, FrrReport, Inputs, ObjectReport, Pass, RejectionReport, Repair,
    SegmentReport, SessionKind, SessionReport, Tally, VniReport,
};
use perouter::status::{ConditionStatus, ConditionType, Report, Timestamp, Verdict};
use perouter::verify::{Check, Finding, Outcome};

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap()
}

fn vrf(number: usize) -> VrfName {
    format!("tenant-{number}").parse().unwrap()
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: "perouter-system".to_owned(),
        name: name.to_owned(),
    }
}

fn object(kind: Kind, name: &str) -> ObjectReport {
    let kinds = [
        ConditionType::Accepted,
        ConditionType::Programmed,
        ConditionType::SessionsEstablished,
        ConditionType::RoutesExchanged,
        ConditionType::Ready,
    ];
    let condition = |kind| Condition {
        kind,
        status: ConditionStatus::True,
        reason: Reason::Verified,
        message: String::new(),
        observed_generation: Some(1),
        last_transition_time: ago(7300),
    };
    ObjectReport {
        object: key(kind, name),
        conditions: kinds.map(condition).to_vec(),
    }
}

fn session(kind: SessionKind, neighbor: &str, of: Option<VrfName>) -> SessionReport {
    SessionReport {
        kind,
        vrf: of,
        neighbor: neighbor.to_owned(),
        remote_as: 64512_u32.try_into().ok(),
        state: "Established".to_owned(),
        established_seconds: Some(7265),
        received: 128,
        sent: 64,
        families: Vec::new(),
        dropped: 1,
        last_reset: Some("Peer closed the session".to_owned()),
        last_reset_seconds: Some(7290),
    }
}

/// A node with so many VRFs that all work.
pub(crate) fn ready(vnis: usize) -> Report {
    let intent = NodeIntent::default();
    let inputs = Inputs {
        node: "node1",
        index: NodeIndex(1),
        pass: Some(Pass {
            number: 12,
            at: ago(31),
            took_ms: 42,
        }),
        listen: None,
        frr: FrrReport {
            version: Some("10.3".to_owned()),
            daemons: [
                ("bgpd".to_owned(), DaemonMode::Northbound),
                ("zebra".to_owned(), DaemonMode::Northbound),
            ]
            .into(),
        },
        counters: Counters {
            passes: 12,
            failures: 1,
            drift_repaired: 2,
            netlink_writes: 96,
            frr_writes: 240,
            vty_errors: 1,
            northbound_errors: 0,
        },
        intent: &intent,
        objects: &[],
        rejections: &[],
        repairs: &[],
        verified: None,
    };
    let mut report = Report::new(None, &inputs, ago(2));
    (report.verdict, report.cause) = (Verdict::Ready, String::new());
    report.since = ago(7300);
    report.verification = Some(perouter::status::report::Reading {
        at: ago(2),
        took_ms: 38,
    });
    report
        .sessions
        .push(session(SessionKind::Fabric, "192.168.11.2", None));
    report.sessions.push(session(
        SessionKind::Fabric,
        "fe80::5054:ff:fe12:3456",
        None,
    ));
    report.objects.push(object(Kind::Underlay, "underlay"));
    for number in 0..vnis {
        report.vnis.push(VniReport {
            vni: u32::try_from(100 + number).unwrap().try_into().unwrap(),
            vrf: vrf(number),
            state: "Up".to_owned(),
            router_mac: Some("f2:b3:e2:88:2e:8b".to_owned()),
            rd: Some(format!("10.0.0.1:{}", number + 2)),
            exported: 3,
            imported: 12,
        });
        let host = format!("192.169.{}.{}", number / 200, number % 200 + 2);
        report
            .sessions
            .push(session(SessionKind::Host, &host, Some(vrf(number))));
        report
            .objects
            .push(object(Kind::L3Vni, &format!("tenant-{number}")));
    }
    report.segments.push(SegmentReport {
        vni: 1100_u32.try_into().unwrap(),
        vrf: Some(vrf(0)),
        state: "Up".to_owned(),
        rd: Some("10.0.0.1:9".to_owned()),
    });
    report.checks = Check::ALL
        .map(|check| Tally {
            check,
            good: 3 * vnis as u64,
            bad: 0,
            pending: 0,
        })
        .to_vec();
    report
}

/// One on which little works.
pub(crate) fn broken() -> Report {
    let mut report = ready(3);
    report.verdict = Verdict::NotReady;
    report.since = ago(95);
    let object = key(Kind::L3Vni, "tenant-1");
    let bad = Finding {
        check: Check::RouteInKernel,
        object: Some(object.clone()),
        subject: "172.16.2.0/24 via 100.65.0.2".to_owned(),
        outcome: Outcome::Bad {
            expected: "the route in table 1101 by br-pe-101, onlink, to 100.65.0.2".to_owned(),
            seen: "no such route; zebra says that it is installed".to_owned(),
            hint: "see `ip route show vrf tenant-1` in the namespace perouter".to_owned(),
        },
        since: Some(Timestamp::now()),
    };
    report.cause = format!("{object}: {bad}");
    let pending = Finding {
        check: Check::NeighbourEntry,
        object: Some(object),
        subject: String::new(),
        outcome: Outcome::Pending {
            waiting_for: "route-in-kernel".to_owned(),
        },
        since: None,
    };
    report.findings = vec![pending, bad];
    for condition in &mut report.objects[2].conditions[3..] {
        condition.status = ConditionStatus::False;
        condition.message.clone_from(&report.cause);
        condition.last_transition_time = ago(95);
    }
    let down = &mut report.sessions[1];
    down.state = "Active".to_owned();
    (down.established_seconds, down.dropped) = (None, 4);
    down.last_reset = Some("Hold Timer Expired".to_owned());
    report.rejections.push(RejectionReport {
        object: Some(key(Kind::L2Vni, "storage")),
        source: "/etc/perouter/storage.yaml".to_owned(),
        message: "spec.vni: 100 is that of L3VNI perouter-system/tenant-0 already".to_owned(),
        kept: Kept::Nothing,
    });
    report.repairs.push(Repair {
        at: ago(610),
        steps: vec![
            "L3VNI perouter-system/tenant-0:".to_owned(),
            "  add the address 192.169.10.1/24 to pe-e-100 in the router's namespace".to_owned(),
        ],
    });
    for tally in &mut report.checks {
        if tally.check == Check::RouteInKernel {
            (tally.good, tally.bad) = (8, 1);
        } else if tally.check == Check::NeighbourEntry {
            (tally.good, tally.pending) = (8, 1);
        }
    }
    report
}

/// One whose names and words are long, and try to be more than text.
pub(crate) fn hostile() -> Report {
    let evil = format!(
        "</title></style><script>document.title='owned'</script><img src=http://192.0.2.1/x \
         onerror=alert(1)>\u{202e}{}",
        "x".repeat(300)
    );
    let mut report = broken();
    report.node.clone_from(&evil);
    report.cause.clone_from(&evil);
    report.frr.version = Some(evil.clone());
    for object in &mut report.objects {
        object.object.name.clone_from(&evil);
        for condition in &mut object.conditions {
            condition.status = ConditionStatus::False;
            condition.message.clone_from(&evil);
        }
    }
    for session in &mut report.sessions {
        session.neighbor.clone_from(&evil);
        session.state.clone_from(&evil);
        session.last_reset = Some(evil.clone());
    }
    for finding in &mut report.findings {
        finding.subject.clone_from(&evil);
        finding.outcome = Outcome::Bad {
            expected: evil.clone(),
            seen: evil.clone(),
            hint: evil.clone(),
        };
    }
    for rejection in &mut report.rejections {
        rejection.message.clone_from(&evil);
    }
    for repair in &mut report.repairs {
        repair.steps.push(evil.clone());
    }
    report
}
