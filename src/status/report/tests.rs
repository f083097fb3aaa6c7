use super::*;
use crate::intent::{Cause, SegmentIntent, samples};
use crate::verify::facts::Unreadable;
use crate::verify::tests::fixture::{self, net, peer, red, red_key, underlay_key};
use crate::verify::verify;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// All that a report is made of, owned, and as an agent has it when all is well.
pub(crate) struct Scene {
    pub(crate) intent: NodeIntent,
    pub(crate) facts: Facts,
    pub(crate) objects: Vec<ObjectInput>,
    pub(crate) rejections: Vec<Rejection>,
    pub(crate) repairs: Vec<Repair>,
    pub(crate) pass: Option<Pass>,
}

impl Scene {
    pub(crate) fn healthy() -> Self {
        let object = |key| ObjectInput {
            key,
            generation: Some(1),
            generation_in_force: Some(1),
            acceptance: Acceptance::Accepted,
            programming: Programming::Done,
        };
        Self {
            intent: fixture::intent(),
            facts: fixture::facts(),
            objects: [underlay_key(), red_key()].map(object).to_vec(),
            rejections: Vec::new(),
            repairs: Vec::new(),
            pass: Some(Pass {
                number: 7,
                at: at(995),
                took_ms: 41,
            }),
        }
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        verify(&self.intent, &self.facts)
    }

    pub(crate) fn report(&self, previous: Option<&Report>, now: i64) -> Report {
        let findings = self.findings();
        let verified = Some(Verified {
            facts: &self.facts,
            findings: &findings,
            reading: Reading {
                at: at(now - 1),
                took_ms: 12,
            },
        });
        self.report_of(previous, verified, now)
    }

    fn report_of(
        &self,
        previous: Option<&Report>,
        verified: Option<Verified<'_>>,
        now: i64,
    ) -> Report {
        let mode = |name: &str, mode| (name.to_owned(), mode);
        let inputs = Inputs {
            node: "worker-1",
            index: NodeIndex(1),
            pass: self.pass,
            listen: None,
            frr: FrrReport {
                version: Some("10.3".to_owned()),
                daemons: [
                    mode("bgpd", DaemonMode::Vty),
                    mode("zebra", DaemonMode::Northbound),
                ]
                .into(),
            },
            counters: Counters {
                passes: 7,
                failures: 1,
                drift_repaired: 2,
                netlink_writes: 31,
                frr_writes: 12,
                vty_errors: 3,
                northbound_errors: 1,
            },
            intent: &self.intent,
            objects: &self.objects,
            rejections: &self.rejections,
            repairs: &self.repairs,
            verified,
        };
        Report::new(previous, &inputs, at(now))
    }

    /// Asks for a layer 2 segment, of which FRR knows nothing.
    pub(crate) fn add_segment(&mut self, vni: u32) {
        self.intent.segments.push(SegmentIntent {
            key: samples::key(Kind::L2Vni, "segment"),
            spec: samples::segment(vni),
            vrf: None,
        });
    }

    /// Takes the remote routes out of the kernel.
    pub(crate) fn break_kernel(&mut self) {
        let vrf = self.facts.vrfs.get_mut(&red()).unwrap();
        let table = vrf.table.as_mut().unwrap();
        table.retain(|to| to.destination != net("172.16.2.0/24"));
    }

    pub(crate) fn reject(&mut self, kept: Kept) {
        let message = "red.yaml: L3VNI default/red: spec.vni: 0 is not a VNI".to_owned();
        self.objects[1].acceptance = Acceptance::Rejected {
            message: message.clone(),
            kept,
        };
        self.rejections.push(Rejection {
            object: Some(red_key()),
            source: "red.yaml".to_owned(),
            message,
            kept,
            cause: Cause::Invalid,
        });
    }
}

/// The report of a healthy node with so many VNIs, each with a session with the host.
pub(crate) fn many(vnis: usize) -> Report {
    let mut report = Scene::healthy().report(None, 1000);
    let (vni, host) = (report.vnis[0].clone(), report.sessions[1].clone());
    let object = report.objects[1].clone();
    for number in 1..vnis {
        let vrf: VrfName = format!("vrf{number}").parse().unwrap();
        let of_vrf = format!("192.169.{}.{}", number / 250, number % 250);
        report.vnis.push(VniReport {
            vni: u32::try_from(1000 + number).unwrap().try_into().unwrap(),
            vrf: vrf.clone(),
            ..vni.clone()
        });
        report.sessions.push(SessionReport {
            vrf: Some(vrf),
            neighbor: of_vrf,
            ..host.clone()
        });
        let mut object = object.clone();
        object.object.name = format!("vrf{number}");
        report.objects.push(object);
    }
    report
}

#[test]
fn a_healthy_node_is_ready() {
    let report = Scene::healthy().report(None, 1000);
    assert_eq!(
        (report.verdict, report.cause.as_str()),
        (Verdict::Ready, "")
    );
    assert!(report.objects.iter().all(ObjectReport::is_ready));
    assert_eq!(report.findings, []);
    assert_eq!(report.since, at(1000));
    let host = &report.sessions[1];
    assert_eq!(host.vrf, Some(red()));
    assert_eq!((host.received, host.state.as_str()), (1, "Established"));
    let vni = &report.vnis[0];
    assert_eq!(
        (vni.exported, vni.imported, vni.state.as_str()),
        (5, 5, "Up")
    );
    assert_eq!(vni.router_mac.as_deref(), Some("f2:b3:e2:88:2e:8b"));
}

#[test]
fn the_cause_is_the_first_in_the_order_of_dependence() {
    type Break = fn(&mut Scene);
    let session_down: Break = |scene| {
        let sessions = scene.facts.fabric_sessions.as_mut().unwrap();
        sessions.get_mut(&peer()).unwrap().state = SessionState::Down {
            state: "Active".to_owned(),
        };
    };
    let cases: [(&str, Break); 7] = [
        (
            "L3VNI default/red: route-in-kernel 172.16.2.0/24: expected via",
            Scene::break_kernel,
        ),
        (
            "Underlay default/fabric: underlay-session 10.0.1.1: expected Established",
            session_down,
        ),
        (
            "facts-readable show vrf vni json: expected an answer; seen: no zebra",
            |scene| scene.facts.zebra_vnis = Err(Unreadable::new("no zebra")),
        ),
        ("L3VNI default/red: Accepted: red.yaml", |scene| {
            scene.reject(Kept::LastGood)
        }),
        ("L3VNI default/red: Programmed: vni 100 is", |scene| {
            scene.break_kernel();
            scene.objects[1].programming = Programming::Failed {
                message: "vni 100 is already mapped to another vrf".to_owned(),
            };
        }),
        ("broken.yaml: not YAML", |scene| {
            scene.rejections.push(Rejection {
                object: None,
                source: "broken.yaml".to_owned(),
                message: "not YAML".to_owned(),
                kept: Kept::Nothing,
                cause: Cause::Unread,
            });
        }),
        ("the agent has not completed its first pass", |scene| {
            scene.pass = None;
        }),
    ];
    for (cause, broken) in cases {
        let mut scene = Scene::healthy();
        broken(&mut scene);
        let report = scene.report(None, 1000);
        assert_eq!(report.verdict, Verdict::NotReady, "{cause}");
        assert!(report.cause.starts_with(cause), "{cause}: {}", report.cause);
    }
}

#[test]
fn a_session_that_is_down_comes_before_what_it_takes_with_it() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    let sessions = scene.facts.fabric_sessions.as_mut().unwrap();
    sessions.clear();
    let report = scene.report(None, 1000);
    assert!(
        report.cause.contains("underlay-session"),
        "{}",
        report.cause
    );
}

#[test]
fn nothing_is_ready_before_the_first_verification() {
    let scene = Scene::healthy();
    let report = scene.report_of(None, None, 1000);
    assert_eq!(report.verdict, Verdict::NotReady);
    assert!(
        report.cause.contains("not verified yet"),
        "{}",
        report.cause
    );
    assert_eq!(report.sessions[0].state, "unknown");
}

#[test]
fn an_object_that_came_after_the_verification_is_not_verified() {
    let mut scene = Scene::healthy();
    let findings = scene.findings();
    let mut late = scene.objects[1].clone();
    late.key = "L3VNI default/blue".parse().unwrap();
    scene.objects.push(late);
    let verified = Verified {
        facts: &scene.facts,
        findings: &findings,
        reading: Reading {
            at: at(999),
            took_ms: 12,
        },
    };
    let report = scene.report_of(None, Some(verified), 1000);
    assert!(report.objects[1].is_ready());
    assert!(!report.objects[2].is_ready());
    assert!(report.cause.contains("default/blue"), "{}", report.cause);
}

#[test]
fn raw_lines_are_ready_once_they_are_in_force_and_anything_was_verified() {
    let mut scene = Scene::healthy();
    let mut raw = scene.objects[1].clone();
    raw.key = "RawFRRConfig default/own".parse().unwrap();
    scene.objects.push(raw);
    assert!(!scene.report_of(None, None, 1000).objects[2].is_ready());
    assert!(scene.report(None, 1000).objects[2].is_ready());
    scene.objects[2].programming = Programming::Failed {
        message: "bgpd refused `router bgp 64514 / nonsense`".to_owned(),
    };
    let report = scene.report(None, 1000);
    assert!(!report.objects[2].is_ready());
    assert!(report.cause.contains("nonsense"), "{}", report.cause);
}

#[test]
fn times_stay_while_nothing_changes() {
    let mut scene = Scene::healthy();
    let first = scene.report(None, 1000);
    let second = scene.report(Some(&first), 2000);
    assert_eq!((second.since, second.at), (at(1000), at(2000)));
    assert_eq!(second.objects, first.objects);
    scene.break_kernel();
    let third = scene.report(Some(&second), 3000);
    assert_eq!(third.since, at(3000));
    let fourth = scene.report(Some(&third), 4000);
    assert_eq!(fourth.since, at(3000));
    assert_eq!(fourth.objects, third.objects);
}

#[test]
fn a_node_without_objects_is_ready() {
    let mut scene = Scene::healthy();
    scene.intent = NodeIntent::default();
    scene.objects.clear();
    assert_eq!(scene.report(None, 1000).verdict, Verdict::Ready);
}

#[test]
fn json_and_yaml_read_back() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.reject(Kept::LastGood);
    let report = scene.report(None, 1000);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    let yaml = serde_saphyr::to_string(&report).unwrap();
    assert_eq!(serde_saphyr::from_str::<Report>(&yaml).unwrap(), report);
}

#[test]
fn json_has_stable_names() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.reject(Kept::LastGood);
    let json = serde_json::to_value(scene.report(None, 1000)).unwrap();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.sort();
        names
    };
    let mut top = names(&json);
    top.sort();
    let expected = [
        "node",
        "index",
        "verdict",
        "cause",
        "since",
        "at",
        "pass",
        "verification",
        "listen",
        "frr",
        "counters",
        "objects",
        "sessions",
        "vnis",
        "segments",
        "checks",
        "findings",
        "repairs",
        "rejections",
    ];
    assert_eq!(top, sorted(&expected));
    assert_eq!(json["verdict"], "NotReady");
    assert_eq!(json["frr"]["daemons"]["zebra"], "northbound");
    assert_eq!(json["pass"]["tookMs"], 41);
    assert_eq!(json["counters"]["driftRepaired"], 2);
    assert_eq!(json["objects"][1]["object"], "L3VNI default/red");
    assert_eq!(
        json["objects"][1]["conditions"][0]["reason"],
        "LastGoodKept"
    );
    assert_eq!(json["sessions"][0]["establishedSeconds"], 12);
    assert_eq!(json["sessions"][0]["kind"], "fabric");
    assert_eq!(json["sessions"][1]["kind"], "host");
    assert_eq!(json["sessions"][1]["families"][0]["family"], "ipv4Unicast");
    assert_eq!(json["verification"]["tookMs"], 12);
    assert_eq!(json["checks"][0]["check"], "facts-readable");
    assert_eq!(json["rejections"][0]["kept"], "lastGood");
    assert_eq!(json["findings"][0]["check"], "route-in-kernel");
    assert_eq!(json["findings"][0]["outcome"], "bad");
}

#[test]
fn a_passthrough_has_its_host_session_in_the_default_instance() {
    let mut scene = Scene::healthy();
    let session = samples::vrf_with_host("red", 100, "192.168.7.0/24").host_session;
    let own = samples::passthrough(session.unwrap());
    let host = own.legs[0].host.addr();
    scene.intent.passthrough = Some(own);
    let mut of_fabric = scene.facts.fabric_sessions.clone().unwrap();
    let session = of_fabric.values().next().unwrap().clone();
    of_fabric.insert(Peer::Address(host), session);
    scene.facts.fabric_sessions = Ok(of_fabric);
    let report = scene.report(None, 1000);
    let row = report
        .sessions
        .iter()
        .find(|row| row.neighbor == host.to_string());
    let row = row.expect("it is listed");
    assert_eq!((row.kind, &row.vrf), (SessionKind::Host, &None));
    assert_eq!(row.state, "Established");
}

#[test]
fn a_vni_without_a_leg_has_no_session() {
    let mut scene = Scene::healthy();
    scene.intent.vnis[0].legs.clear();
    assert_eq!(scene.report(None, 1000).sessions.len(), 1);
}
