//! The changes that are made to fail: from where, to where.

use perouter::api::RemoteAs;
use perouter::intent::{NodeIntent, VniIntent};

use crate::intents::{addressed, asn, bare_vni, changed, vni_with_host, with_vnis};

/// One edit of the manifests.
pub(super) struct Change {
    pub(super) name: &'static str,
    pub(super) from: NodeIntent,
    pub(super) to: NodeIntent,
}

/// All changes, in two parts that take about as long as each other. In all but the first change
/// a VNI stands beside, which none of them concerns.
pub(super) fn all() -> [Vec<Change>; 2] {
    let change = |name, from, to| Change { name, from, to };
    let nothing = NodeIntent::default();
    let with_red = |own, host, import: &[&str]| with_vnis([beside(), red(own, host, import)]);
    let alone = || with_vnis([beside()]);
    let whole = || with_red(64515, 64900, &["64514:100", "65000:7"]);
    let edited = with_red(64515, 64901, &["64514:200"]);
    let other_as = with_red(64516, 64900, &["64514:100", "65000:7"]);
    let other_neighbour = changed(alone(), |underlay| {
        underlay.spec.neighbors[0].peer = addressed("10.9.0.3");
    });
    [
        vec![
            change("underlay from nothing", nothing, crate::intents::evpn()),
            change("VNI added", alone(), whole()),
            change("VNI edited", whole(), edited),
            change("neighbour replaced", alone(), other_neighbour),
        ],
        vec![
            change("VNI removed", whole(), alone()),
            change("VNI with another AS", whole(), other_as),
        ],
    ]
}

fn beside() -> VniIntent {
    bare_vni("blue", 200)
}

/// A VNI with a session with the host and with route targets.
fn red(own: u32, host: u32, import: &[&str]) -> VniIntent {
    let mut intent = vni_with_host("red", 100, own, RemoteAs::Number(asn(host)));
    let targets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    intent.spec.import_rts = targets(import);
    intent.spec.export_rts = targets(&["64514:100"]);
    intent
}
