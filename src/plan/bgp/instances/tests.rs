//! The changes of objects that share an instance.

use perouter_parsers::running_config::Context;

use super::*;
use crate::api::Kind;
use crate::intent::samples::key;

const HEADER: &str = "router bgp 1";

fn body(text: &str) -> Config {
    text.parse().expect("a configuration")
}

fn part(name: &str, text: &str) -> DesiredBgp {
    let header = Line::new(HEADER).expect("a line");
    DesiredBgp {
        key: key(Kind::L3Passthrough, name),
        instance: Context::with_body(header, body(text)),
    }
}

fn bgpd(header: &str, text: &str) -> Config {
    let mut config = Config::new();
    let header = Line::new(header).expect("a line");
    config.push_context(Context::with_body(header, body(text)));
    config
}

/// The commands of each part in turn, the owner first.
fn changes(wanted: &[DesiredBgp], raw: &Config, running: &Config) -> Vec<Vec<String>> {
    let instances = Instances::new(wanted.iter(), raw, running);
    let shown = |part: &DesiredBgp| match instances.step(part).map(|planned| planned.step) {
        Some(Step::Bgp(change)) => {
            let commands = change.commands();
            let texts = commands.iter().map(ToString::to_string);
            texts
                .map(|text| text.replace("router bgp 1 / ", ""))
                .collect()
        }
        Some(other) => panic!("{other}"),
        None => Vec::new(),
    };
    wanted.iter().map(shown).collect()
}

const FABRIC: &str = "bgp router-id 1.1.1.1\nneighbor 10.0.0.1 remote-as 2\n\
                      address-family ipv4 unicast\n neighbor 10.0.0.1 activate\n\
                      exit-address-family\n";
const HOST: &str = "neighbor 10.9.0.2 remote-as 3\naddress-family ipv4 unicast\n \
                    neighbor 10.9.0.2 activate\nexit-address-family\n";

fn both() -> [DesiredBgp; 2] {
    [part("owner", FABRIC), part("other", HOST)]
}

#[test]
fn each_object_types_its_own_part_of_a_new_instance() {
    let told = changes(&both(), &Config::new(), &Config::new());
    assert_eq!(
        told,
        [
            [
                "bgp router-id 1.1.1.1",
                "neighbor 10.0.0.1 remote-as 2",
                "address-family ipv4 unicast / neighbor 10.0.0.1 activate",
            ]
            .as_slice(),
            &[
                "neighbor 10.9.0.2 remote-as 3",
                "address-family ipv4 unicast / neighbor 10.9.0.2 activate",
            ],
        ]
    );
}

#[test]
fn nothing_is_typed_when_both_parts_stand() {
    let running = bgpd(HEADER, &format!("{FABRIC}{HOST}")).merged();
    let none = [Vec::<String>::new(), Vec::new()];
    assert_eq!(changes(&both(), &Config::new(), &running), none);
}

#[test]
fn the_owner_takes_away_what_nobody_wants_and_leaves_the_others_part() {
    let running = bgpd(
        HEADER,
        &format!("timers bgp 3 9\nneighbor 10.7.0.1 remote-as 9\n{FABRIC}{HOST}"),
    )
    .merged();
    let told = changes(&both(), &Config::new(), &running);
    let gone = ["no timers bgp 3 9", "no neighbor 10.7.0.1 remote-as 9"];
    assert_eq!(told, [gone.as_slice(), &[]]);
}

#[test]
fn without_the_other_object_its_part_goes_with_the_owners_change() {
    let running = bgpd(HEADER, &format!("{FABRIC}{HOST}")).merged();
    let told = changes(&both()[..1], &Config::new(), &running);
    assert_eq!(told, [["no neighbor 10.9.0.2 remote-as 3"]]);
}

/// Were the old AS number taken away with the owner's change, all lines of the neighbour would
/// go with it, and its session would be down until the other object's turn.
#[test]
fn another_as_number_in_the_others_part_is_the_others_change_alone() {
    let running = bgpd(HEADER, &format!("{FABRIC}{HOST}")).merged();
    let wanted = [
        part("owner", FABRIC),
        part("other", &HOST.replace("remote-as 3", "remote-as 4")),
    ];
    let told = changes(&wanted, &Config::new(), &running);
    assert_eq!(told, [&[][..], &["neighbor 10.9.0.2 remote-as 4"]]);
}

#[test]
fn the_owners_value_counts_where_both_set_the_same() {
    let wanted = [
        part("owner", "bgp router-id 1.1.1.1\n"),
        part("other", HOST),
    ];
    let running = bgpd(HEADER, &format!("bgp router-id 2.2.2.2\n{HOST}"));
    let told = changes(&wanted, &Config::new(), &running);
    assert_eq!(told, [&["bgp router-id 1.1.1.1"][..], &[]]);
}

#[test]
fn lines_of_raw_objects_stay_in_the_instance_and_are_not_typed_with_it() {
    let own = part("owner", FABRIC);
    let raw = bgpd(HEADER, "timers bgp 3 9\nbgp bestpath compare-routerid\n");
    let running = bgpd(
        HEADER,
        &format!("timers bgp 3 9\nbgp fast-convergence\n{FABRIC}"),
    );
    let told = changes(std::slice::from_ref(&own), &raw, &running);
    assert_eq!(told, [["no bgp fast-convergence"]]);
    let elsewhere = bgpd("router bgp 1 vrf red", "timers bgp 3 9\n");
    let told = changes(&[own], &elsewhere, &running);
    assert_eq!(told, [["no timers bgp 3 9", "no bgp fast-convergence"]]);
}

#[test]
fn what_an_object_did_is_taken_back_by_its_undo() {
    let running = bgpd(HEADER, &format!("timers bgp 3 9\n{FABRIC}"));
    let (wanted, raw) = (both(), Config::new());
    let instances = Instances::new(wanted.iter(), &raw, &running);
    for part in &wanted {
        let planned = instances.step(part).expect("a change");
        let Step::Bgp(change) = planned.step else {
            panic!("another step");
        };
        assert_eq!(planned.undo, Some(Step::Bgp(change.reversed())));
    }
}

/// Which is another instance: the sweep takes the old one away.
#[test]
fn an_instance_with_another_as_number_is_typed_as_a_new_one() {
    let running = bgpd("router bgp 7", FABRIC);
    let own = [part("owner", "bgp router-id 1.1.1.1\n")];
    let told = changes(&own, &Config::new(), &running);
    assert_eq!(told, [["bgp router-id 1.1.1.1"]]);
}
