//! Why there is nothing to follow.

use ipnet::IpNet;

use super::Target;
use crate::verify::facts::{Facts, Origin};
use crate::verify::sessions;
use crate::verify::vni::listed;

/// Why there is nothing to follow.
pub(super) fn explain(
    facts: &Facts,
    target: Target,
    fabric: &sessions::Fabric,
    notes: &mut Vec<String>,
) {
    const MOST: usize = 10;
    let is_meant = |prefix: &IpNet| match target {
        Target::Vni(_) => false,
        Target::Prefix(meant) => *prefix == meant,
        Target::Address(address) => prefix.contains(&address) && prefix.prefix_len() > 0,
    };
    if let Target::Vni(vni) = target {
        notes.push(format!("no L3VNI or L2VNI of this node has VNI {vni}"));
        return;
    }
    if fabric.evpn_peers.is_empty() {
        let waiting_for = &fabric.waiting_for;
        notes.push(format!("nothing comes in: waiting for {waiting_for}"));
    }
    match &facts.evpn {
        Ok(paths) => {
            let others = paths.iter().filter(|path| is_meant(&path.id.prefix));
            notes.extend(others.take(MOST).map(|path| {
                let from = match path.origin {
                    Origin::Local => "made here".to_owned(),
                    Origin::Peer(peer) => format!("from {peer}"),
                };
                let targets = listed(&path.targets);
                format!(
                    "EVPN has {}, {from}, but it is for no VNI of this node: RT {targets}",
                    path.id
                )
            }));
        }
        Err(unreadable) => notes.push(format!(
            "the EVPN table could not be read: {}",
            unreadable.words
        )),
    }
}
