//! The webhook as the API server asks it, and kubectl shows its answers.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::process::{Controller, add_node, becomes};
use crate::bed::{Bed, NAMESPACE, l3vni, l3vpn, underlay};

/// The way to controllers, as a Service is it: a connection goes to the first that takes it.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    behind: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Service {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behind: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let all = Arc::clone(&behind);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let all = all.lock().unwrap().clone();
                let server = all.iter().find_map(|at| TcpStream::connect(at).ok());
                if let (Ok(client), Some(server)) = (client, server) {
                    join(&client, &server).unwrap();
                }
            }
        });
        Self { address, behind }
    }

    pub(super) fn add(&self, controller: &Controller) {
        let address = controller.webhook();
        self.behind.lock().unwrap().push(address);
    }
}

/// Carries bytes both ways until either end has had enough.
fn join(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            // An end that goes is what a service has to bear.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
    Ok(())
}

/// Tells the API server of a webhook at an address, in place of a Service that it cannot find here.
pub(super) fn configure(bed: &Bed, address: SocketAddr, failure_policy: &str) {
    let deployed = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/webhook.yaml"),
    );
    let mut all: Vec<Value> = serde_saphyr::from_multiple(&deployed.unwrap()).unwrap();
    let mut configuration = all.remove(1);
    assert_eq!(configuration["kind"], "ValidatingWebhookConfiguration");
    let webhook = &mut configuration["webhooks"][0];
    webhook["clientConfig"] = json!({"url": format!("https://{address}/validate")});
    // A stranger's machine may be slow.
    webhook["timeoutSeconds"] = json!(30);
    webhook["failurePolicy"] = json!(failure_policy);
    bed.feed(&["apply", "-f", "-"], &configuration.to_string());
}

/// Times of an election by which nobody is soon replaced.
const SLOW: [&str; 3] = ["60", "40", "1"];

fn controller(bed: &Bed, name: &'static str, lifetime: &str) -> Controller {
    let more = [
        "--webhook-listen=127.0.0.1:0",
        "--webhook-name=127.0.0.1",
        "--webhook-lifetime",
        lifetime,
        "--namespace",
        NAMESPACE,
    ];
    Controller::start_with(bed, name, SLOW, &more)
}

pub(super) fn is_ready(controller: &Controller) {
    let ready = || controller.probe("/readyz").0;
    becomes("ready", ready, |status| status.contains("200"));
}

const LONG: &str = "7776000";

/// One controller that answers, on a cluster of three nodes; the API server insists on answers.
fn answered() -> (Bed, Controller, Service) {
    let bed = Bed::new();
    for name in ["node1", "node2", "node3"] {
        add_node(&bed, name, None);
    }
    let service = Service::new();
    configure(&bed, service.address, "Fail");
    let controller = controller(&bed, "a", LONG);
    service.add(&controller);
    is_ready(&controller);
    // Until the API server has heard whom to trust.
    let trial = || try_out(&bed, &l3vni("trial", 1)).worked;
    becomes("asked", trial, |it| *it);
    (bed, controller, service)
}

const TRY: [&str; 4] = ["apply", "--dry-run=server", "-f", "-"];

fn try_out(bed: &Bed, object: &str) -> crate::bed::Said {
    bed.kubectl(&TRY, object)
}

/// Tries it until the refusal says this: what was written before is known a moment later.
pub(super) fn refused(bed: &Bed, object: &Value, words: &str) {
    let said = || try_out(bed, &object.to_string()).errors;
    let said = becomes(words, said, |said| said.contains(words));
    let by = "admission webhook \"validate.network.openperouter.io\" denied the request";
    assert!(said.contains(by), "{said}");
}

fn taken(bed: &Bed, object: &Value) -> String {
    let said = try_out(bed, &object.to_string());
    assert!(said.worked, "{object}: {}", said.errors);
    said.errors
}

fn apply(bed: &Bed, object: &Value) {
    bed.feed(&["apply", "-f", "-"], &object.to_string());
}

fn vni(name: &str, vrf: &str, number: u32) -> Value {
    let mut object: Value = serde_json::from_str(&l3vni(name, number)).unwrap();
    object["spec"]["vrf"] = json!(vrf);
    object
}

fn with_host(mut object: Value, cidr: &str) -> Value {
    object["spec"]["hostSession"] =
        json!({"asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": cidr}});
    object
}

fn on(mut object: Value, node: &str) -> Value {
    let selector = json!({"matchLabels": {"kubernetes.io/hostname": node}});
    object["spec"]["nodeSelector"] = selector;
    object
}

fn fabric(name: &str) -> Value {
    let mut fabric = underlay();
    fabric["metadata"]["name"] = json!(name);
    fabric["spec"]["tunnelEndpoint"] = json!({"cidrs": ["100.65.0.0/24"]});
    fabric
}

fn passthrough(name: &str) -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3Passthrough",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"hostSession": {
            "asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": "192.169.20.0/24"},
        }},
    })
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason_and_its_neighbour_is_taken() {
    let (bed, _controller, _service) = answered();
    let red = with_host(vni("red", "red", 100), "192.169.10.0/24");
    for object in [fabric("fabric"), red] {
        apply(&bed, &object);
    }
    let red = format!("L3VNI {NAMESPACE}/red");
    refused(
        &bed,
        &vni("blue", "blue", 100),
        &format!(
            "L3VNI {NAMESPACE}/blue: spec.vni: 100 is already used by {red}: take another VNI, or \
             different nodes with spec.nodeSelector (nodes node1, node2, node3)"
        ),
    );
    assert_eq!(taken(&bed, &vni("blue", "blue", 200)), "");
    let words = format!("spec.vrf: red already has the L3VNI of {red}");
    refused(&bed, &vni("blue", "red", 200), &words);
    let overlapping = with_host(vni("blue", "blue", 200), "192.169.10.128/25");
    let words = format!("192.169.10.128/25 overlaps 192.169.10.0/24 of {red}");
    refused(&bed, &overlapping, &words);
    taken(
        &bed,
        &with_host(vni("blue", "blue", 200), "192.169.11.0/24"),
    );
    let words = format!("a VRF cannot be named eth1: that is a NIC of Underlay {NAMESPACE}/fabric");
    refused(&bed, &vni("blue", "eth1", 200), &words);
    refused(
        &bed,
        &vni("blue", "vni7", 200),
        "links of VNIs are named so",
    );
    let words = format!("this node already has Underlay {NAMESPACE}/fabric");
    refused(&bed, &on(fabric("other"), "node2"), &words);
    apply(&bed, &passthrough("one"));
    let words = format!("this node already has L3Passthrough {NAMESPACE}/one");
    refused(&bed, &passthrough("two"), &words);
    // An edit is held against the others too, and what it does to them.
    let mut edited = fabric("fabric");
    edited["spec"]["interfaces"] = json!([
        {"type": "NetworkDevice", "networkDevice": {"interfaceName": "red"}},
    ]);
    refused(
        &bed,
        &edited,
        &format!("{red}: spec.vrf: a VRF cannot be named red"),
    );
    edited["spec"]["interfaces"][0]["networkDevice"]["interfaceName"] = json!("eth7");
    taken(&bed, &edited);
    // Nothing keeps anybody from a deletion.
    bed.run(&["-n", NAMESPACE, "delete", "underlay/fabric"]);
}

#[test]
fn what_is_missing_is_shown_as_a_warning() {
    let (bed, _controller, _service) = answered();
    let shown = taken(&bed, &vni("red", "red", 100));
    assert!(
        shown.contains(&format!(
            "Warning: L3VNI {NAMESPACE}/red: no valid Underlay selects this node; create one first"
        )),
        "{shown}"
    );
    let shown = taken(&bed, &on(fabric("fabric"), "node9"));
    let words = "spec.nodeSelector: selects none of the 3 nodes";
    assert!(
        shown.contains("Warning: ") && shown.contains(words),
        "{shown}"
    );
}

/// Each way an API server without the webhook takes, and after both the prefix is another.
#[test]
fn a_host_session_neither_comes_nor_goes_while_its_object_is_there() {
    let (bed, _controller, _service) = answered();
    let without = || vni("red", "red", 100);
    let with = || with_host(without(), "192.169.10.0/24");
    for object in [fabric("fabric"), with()] {
        apply(&bed, &object);
    }
    refused(&bed, &without(), "spec.hostSession: cannot be taken from");
    bed.run(&["-n", NAMESPACE, "delete", "l3vni/red"]);
    apply(&bed, &without());
    refused(&bed, &with(), "spec.hostSession: cannot be given to");
    bed.run(&["-n", NAMESPACE, "delete", "l3vni/red"]);
    assert_eq!(taken(&bed, &with()), "");
}

#[test]
fn lines_of_configuration_are_taken_in_the_routers_own_namespace_with_a_warning() {
    let (bed, _controller, _service) = answered();
    let lines = |namespace: &str| {
        json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "RawFRRConfig",
            "metadata": {"name": "lines", "namespace": namespace},
            "spec": {"rawConfig": "ip prefix-list lines permit any"},
        })
    };
    refused(
        &bed,
        &lines("default"),
        &format!(
            "RawFRRConfig default/lines: metadata.namespace: its lines would go into routers as \
             they are, so it counts only in {NAMESPACE}, the namespace of the router itself; \
             create it there"
        ),
    );
    let shown = taken(&bed, &lines(NAMESPACE));
    let words = "Warning: RawFRRConfig is there to try things out";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn an_l3vpn_is_taken_with_a_warning_at_each_write_and_refused_for_what_else_is_wrong() {
    let (bed, _controller, _service) = answered();
    let words = "Warning: VRFs over SRv6 are not supported yet: an L3VPN is taken, and nothing is \
                 made of it on any node";
    let vpn = l3vpn("violet");
    let mut labelled = vpn.clone();
    labelled["metadata"]["labels"] = json!({"team": "a"});
    let mut edited = vpn.clone();
    edited["spec"]["rdAssignedNumber"] = json!(200);
    for object in [vpn, labelled, edited] {
        let shown = taken(&bed, &object);
        assert!(shown.contains(words), "{shown}");
        apply(&bed, &object);
    }
    let mut wrong = l3vpn("wrong");
    wrong["spec"]["importRTs"] = json!(["64514:4294967296"]);
    let why = "spec.importRTs[0]: \"64514:4294967296\" is not a route target";
    refused(&bed, &wrong, why);
    // It has nothing that another object could miss.
    apply(&bed, &fabric("fabric"));
    let shown = || taken(&bed, &vni("violet", "violet", 100));
    becomes("taken without a word", shown, String::is_empty);
    bed.run(&["-n", NAMESPACE, "delete", "l3vpn/violet"]);
}

#[test]
fn a_mend_passes_while_something_else_is_broken() {
    let bed = Bed::new();
    for object in [
        fabric("fabric"),
        vni("blue", "blue", 100),
        vni("red", "red", 100),
    ] {
        apply(&bed, &object);
    }
    add_node(&bed, "node1", None);
    let service = Service::new();
    configure(&bed, service.address, "Fail");
    let controller = controller(&bed, "a", LONG);
    service.add(&controller);
    let trial = || try_out(&bed, &l3vni("trial", 1)).worked;
    becomes("asked", trial, |it| *it);
    refused(
        &bed,
        &vni("white", "white", 100),
        "spec.vni: 100 is already used by",
    );
    // Others, the broken one with its fault, and the mend.
    apply(&bed, &vni("green", "green", 300));
    let mut targets = vni("red", "red", 100);
    targets["spec"]["importRTs"] = json!(["64514:100"]);
    apply(&bed, &targets);
    apply(&bed, &vni("red", "red", 101));
}

#[test]
fn the_other_answers_when_the_leader_is_killed_and_without_both_all_is_taken() {
    let (bed, mut first, service) = answered();
    configure(&bed, service.address, "Ignore");
    let mut second = controller(&bed, "b", LONG);
    service.add(&second);
    is_ready(&second);
    apply(&bed, &vni("red", "red", 100));
    let words = "spec.vni: 100 is already used by";
    refused(&bed, &vni("blue", "blue", 100), words);
    first.says("denied", 1);
    first.end(Signal::SIGKILL);
    // At once, long before it leads.
    refused(&bed, &vni("blue", "blue", 100), words);
    second.says("denied", 1);
    assert_eq!(
        second.log().matches("leads lease=").count(),
        0,
        "{}",
        second.log()
    );
    second.end(Signal::SIGKILL);
    taken(&bed, &vni("blue", "blue", 100));
}

/// A value in the Secret.
pub(super) fn secret(bed: &Bed, key: &str) -> String {
    let path = format!("jsonpath={{.data.{}}}", key.replace('.', "\\."));
    let secret = "secret/perouter-webhook";
    bed.kubectl(&["-n", NAMESPACE, "get", secret, "-o", &path], "")
        .out
}

#[test]
fn a_certificate_is_renewed_under_calls_of_which_none_fails() {
    let bed = Bed::new();
    let service = Service::new();
    configure(&bed, service.address, "Fail");
    // Renewed after 100 s, with 12 s between the steps: a busy machine is late by some of them.
    let first = controller(&bed, "a", "150");
    let second = controller(&bed, "b", "150");
    for controller in [&first, &second] {
        service.add(controller);
        is_ready(controller);
    }
    let trial = || try_out(&bed, &l3vni("trial", 1)).worked;
    becomes("asked", trial, |it| *it);
    let before = secret(&bed, "tls.crt");
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Each reaches the other one of the two.
                service.behind.lock().unwrap().reverse();
                let said = try_out(&bed, &l3vni("red", 100));
                assert!(said.worked, "{}", said.errors);
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
        let begin = Instant::now();
        let retired = || {
            let said = [first.log(), second.log()].concat();
            said.contains("step=Retire") && secret(&bed, "tls.crt") != before
        };
        while !retired() && !caller.is_finished() {
            assert!(begin.elapsed() < Duration::from_secs(300), "not renewed");
            std::thread::sleep(Duration::from_millis(500));
        }
        // And some with the new one alone.
        std::thread::sleep(Duration::from_secs(5));
        stop.store(true, Ordering::Relaxed);
        if let Err(why) = caller.join() {
            std::panic::resume_unwind(why);
        }
    });
    let calls = calls.into_inner();
    eprintln!("{calls} calls over a rotation");
    assert!(calls > 50, "{calls}");
    for controller in [&first, &second] {
        controller.says("the webhook has another certificate", 2);
    }
}

#[test]
fn a_secret_that_is_broken_or_gone_is_made_anew() {
    let (bed, _controller, _service) = answered();
    let made = secret(&bed, "tls.crt");
    bed.run(&["-n", NAMESPACE, "delete", "secret/perouter-webhook"]);
    let now = || secret(&bed, "tls.crt");
    let again = becomes("made", now, |now| !now.is_empty() && *now != made);
    bed.spoil_webhook_key(NAMESPACE);
    becomes("mended", now, |now| *now != again);
    let trial = || try_out(&bed, &l3vni("trial", 1)).worked;
    becomes("answered again", trial, |it| *it);
}
