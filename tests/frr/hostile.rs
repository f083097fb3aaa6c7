//! The nastiest values that a manifest may hold, typed into a real bgpd: each is read back as it
//! was, and afterwards bgpd runs what was intended and not a line more.

use perouter::api::{self, Manifest, Object, Underlay};
use perouter::frr::Mode;
use perouter::intent::NodeIntent;
use perouter::plan::bgp::desired::{Monitoring, desired};
use perouter_harness::Daemon;
use perouter_parsers::running_config::{Config, Line, RunningConfig};
use serde_json::json;

use crate::bed::Bed;
use crate::intents::{changed, evpn, plain, vni_with_targets, with_vnis};

/// Passwords of which FRR's reader of commands could make something else.
fn passwords() -> Vec<String> {
    let mut all: Vec<String> = [
        "!comment",
        "#comment",
        "!",
        "%s%n%d",
        "a|include",
        "x|",
        "||",
        "\"quoted\"",
        "'single'",
        "\"",
        "back\\slash\\",
        "\\n\\0",
        "$(reboot)`reboot`;reboot&",
        "?",
        "<cr>",
        "exit",
        "end",
        "no",
        "8",
        "-1",
        "{}[]()<>~^*=+,.:@_",
    ]
    .map(str::to_owned)
    .into();
    // As long as the kernel takes, and every character that may stand in one.
    all.push("!".repeat(80));
    let printable: String = (b'!'..=b'~').map(char::from).collect();
    all.push(printable[..47].to_owned());
    all.push(printable[47..].to_owned());
    all
}

/// The underlay of a manifest with one neighbour for each password: what people write, with all
/// the checks that it passes through.
fn underlay(passwords: &[String]) -> Underlay {
    let neighbors: Vec<_> = passwords
        .iter()
        .zip(2_u8..)
        .map(|(password, last)| {
            json!({"asn": 64512, "address": format!("10.9.0.{last}"), "password": password})
        })
        .collect();
    let manifest = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "Underlay",
        "metadata": {"name": "fabric"},
        "spec": {
            "asn": 64514,
            "neighbors": neighbors,
            "interfaces": [{"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}}],
        },
    });
    let mut parsed = api::parse_file("fabric.json", &manifest.to_string());
    assert_eq!(parsed.errors, []);
    match parsed.objects.remove(0).outcome.expect("accepted") {
        Manifest::Underlay(Object { spec, .. }) => spec,
        Manifest::L3Vni(_)
        | Manifest::L2Vni(_)
        | Manifest::L3Passthrough(_)
        | Manifest::RawFrrConfig(_) => panic!("another kind"),
    }
}

/// What bgpd runs, once it was led to an intent.
async fn led(what: &str, intent: &NodeIntent) -> String {
    let mut bed = Bed::new(Mode::Off);
    bed.lead(what, intent).await;
    bed.running()
}

/// The BGP instances of a running configuration, and how many lines stand beside them.
fn instances(running: &str) -> (Config, usize) {
    let running: RunningConfig = running.parse().expect("a running configuration");
    let mut instances = Config::new();
    let mut beside = Config::new();
    for line in running.config.lines() {
        beside.push_line(line.clone());
    }
    for context in running.config.contexts() {
        let bgp = context.header().as_str().starts_with("router bgp ");
        let into = if bgp { &mut instances } else { &mut beside };
        into.push_context(context.clone());
    }
    (instances, beside.commands().len())
}

/// The BGP instances of an intent.
fn intended(intent: &NodeIntent) -> Config {
    let mut config = Config::new();
    for bgp in desired(intent, Monitoring::Unavailable).expect("typeable") {
        config.push_context(bgp.instance);
    }
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_passwords_are_read_back_as_they_are() {
    let strange = passwords();
    let plain_ones: Vec<String> = (0..strange.len()).map(|n| format!("plain-{n}")).collect();
    let intent = |passwords: &[String]| {
        let spec = underlay(passwords);
        changed(plain(), |underlay| underlay.spec = spec)
    };
    let (nasty, harmless) = (intent(&strange), intent(&plain_ones));
    let running = led("strange passwords", &nasty).await;
    let told = |password: &String| format!("password {password}");
    let found: Vec<&str> = running
        .lines()
        .filter_map(|line| line.split_once(" password "))
        .map(|(_, password)| password)
        .collect();
    assert_eq!(found, strange, "{running}");
    // But for them, each line is that of a bgpd with plain ones.
    let mut expected = led("plain passwords", &harmless).await;
    for (plain, strange) in plain_ones.iter().zip(&strange).rev() {
        expected = expected.replace(&told(plain), &told(strange));
    }
    assert_eq!(running, expected);
    assert!(
        instances(&running).0.equivalent(&intended(&nasty)),
        "{running}"
    );
}

/// Names as long as they may be, names that are words of FRR, and the largest numbers.
#[tokio::test(flavor = "multi_thread")]
async fn strange_names_are_read_back_as_they_are() {
    let names = [
        "Z-_9-_9-_9-_9-_",
        "exit",
        "end",
        "no",
        "vrf",
        "x--",
        "NULL",
        "view",
    ];
    let targets = [
        "255.255.255.255:65535",
        "4294967295:65535",
        "65535:4294967295",
    ];
    let vnis = names.iter().zip((1_u32..=16_777_215).rev());
    let nasty = with_vnis(vnis.map(|(name, vni)| vni_with_targets(name, vni, &targets, &targets)));
    let running = led("strange names", &nasty).await;
    let (bgp, beside) = instances(&running);
    assert!(bgp.equivalent(&intended(&nasty)), "{running}");
    let headers = running
        .lines()
        .filter(|line| line.starts_with("router bgp "))
        .count();
    assert_eq!(headers, 1 + names.len(), "{running}");
    // Beside the instances stand the route map, and for each VRF its mapping, names or not.
    let plain_names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let vnis = plain_names.iter().zip(1_u32..);
    let harmless =
        with_vnis(vnis.map(|(name, vni)| vni_with_targets(name, vni, &targets, &targets)));
    let expected = led("plain names", &harmless).await;
    assert_eq!(beside, instances(&expected).1, "{running}\n{expected}");
    assert_eq!(
        running.lines().count(),
        expected.lines().count(),
        "{running}\n{expected}"
    );
    assert!(
        !instances(&expected).0.equivalent(&intended(&evpn())),
        "the comparison sees VNIs"
    );
}

/// Why [`Line`] refuses more than the whole words: bgpd takes their first letters too, and what
/// follows lands in another context.
#[test]
fn first_letters_of_an_exit_leave_a_context() {
    let bed = Bed::new(Mode::Off);
    for word in ["exit", "exi", "ex", "quit", "qui", "q", "end", "en"] {
        let commands = [
            "enable",
            "configure terminal",
            "router bgp 64514",
            word,
            "bgp router-id 10.0.0.1",
        ];
        let answers = bed.real.vty_answers(Daemon::Bgpd, &commands).unwrap();
        let statuses: Vec<u8> = answers.iter().map(|answer| answer.status).collect();
        let [taken @ .., outside] = statuses.as_slice() else {
            panic!("no answers")
        };
        // The last command is none outside of the instance.
        assert!(*outside >= 2 && taken == [0; 4], "{word}: {statuses:?}");
        assert!(Line::new(word).is_err(), "{word}");
    }
}
