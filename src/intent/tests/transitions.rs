//! What may not change of an object in a file, as it may not in an API server.

use super::{first, one_rejection, then, then_of_api};
use crate::api::{HostSession, Manifest};
use crate::intent::samples::{
    fabric, l2vni, l3passthrough, l3vni, routed_segment, underlay, vrf, vrf_with_host,
};
use crate::intent::{Kept, Resolution};

fn red(pool: &str) -> Manifest {
    l3vni("red", vrf_with_host("red", 100, pool))
}

fn host(pool: &str) -> Manifest {
    let session: Option<HostSession> = vrf_with_host("any", 1, pool).host_session;
    l3passthrough("host", session.expect("it has one"))
}

fn lan(gateway: &str) -> Manifest {
    l2vni("lan", routed_segment(110, "red", gateway))
}

/// A segment that is routed and has no gateway.
fn without_gateway() -> Manifest {
    let mut spec = routed_segment(110, "red", "10.20.0.1/24");
    spec.gateways = crate::api::Gateways::default();
    l2vni("lan", spec)
}

/// A node with all that has something that may not change.
fn all() -> [Manifest; 4] {
    [
        fabric("u", underlay()),
        red("192.169.10.0/24"),
        host("192.169.20.0/24"),
        lan("10.20.0.1/24"),
    ]
}

/// The same but for one object.
fn with(edit: &Manifest) -> Vec<Manifest> {
    let same = |it: &Manifest| it.key() == edit.key();
    let all = all().into_iter();
    all.map(|it| if same(&it) { edit.clone() } else { it })
        .collect()
}

fn told(resolution: &Resolution) -> Vec<(&str, Kept)> {
    let all = resolution.rejections.iter();
    all.map(|one| (one.message.as_str(), one.kept)).collect()
}

#[test]
fn what_may_not_change_stays_as_it_was_and_the_words_are_those_of_the_definition() {
    let before = first(all());
    assert_eq!(before.rejections, []);
    for (edit, words) in [
        (
            red("192.169.11.0/24"),
            "red.yaml: L3VNI default/red: spec.hostSession.localCIDR: localCIDR is immutable",
        ),
        (
            host("192.169.21.0/24"),
            "host.yaml: L3Passthrough default/host: spec.hostSession.localCIDR: localCIDR is \
             immutable",
        ),
        (
            lan("10.20.0.2/24"),
            "lan.yaml: L2VNI default/lan: spec.gatewayIPs: gatewayIPs is immutable",
        ),
        (
            without_gateway(),
            "lan.yaml: L2VNI default/lan: spec.gatewayIPs: gatewayIPs is immutable",
        ),
    ] {
        let after = then(&before, with(&edit));
        assert_eq!(told(&after), [(words, Kept::LastGood)]);
        assert_eq!(after.intent, before.intent);
        assert_eq!(after.accepted, before.accepted);
        // However often it is read.
        let again = then(&after, with(&edit));
        assert_eq!(
            (again.intent, again.rejections),
            (after.intent, after.rejections)
        );
        // Taken away and made again, it is a new one.
        let gone = with(&edit).into_iter().filter(|it| it.key() != edit.key());
        let anew = then(&then(&before, gone), with(&edit));
        assert_eq!(anew.rejections, []);
        assert_ne!(anew.intent, before.intent);
    }
}

#[test]
fn all_else_may_change_and_so_may_what_never_was_in_force() {
    let before = first(all());
    let mut other = vrf_with_host("red", 101, "192.169.10.0/24");
    other.import_rts = vec!["64512:100".parse().expect("a route target")];
    let after = then(&before, with(&l3vni("red", other)));
    assert_eq!(after.rejections, []);
    assert_eq!(after.intent.vnis[0].spec.vni.get(), 101);
    // A session goes and comes, as the definition has it.
    let without = then(&before, with(&l3vni("red", vrf("red", 100))));
    assert_eq!(without.rejections, []);
    let refused = first(with(&host("192.169.10.128/25")));
    assert_eq!(one_rejection(&refused).kept, Kept::Nothing);
    assert_eq!(then(&refused, all()).rejections, []);
}

/// Between two looks it may have gone and come again, which the API server alone knows.
#[test]
fn an_object_of_the_api_was_compared_there() {
    let before = first(all());
    let after = then_of_api(&before, with(&red("192.169.11.0/24")));
    assert_eq!(after.rejections, []);
    let leg = after.intent.vnis[0].legs[0].router;
    assert_eq!(leg.to_string(), "192.169.11.1/24");
}
