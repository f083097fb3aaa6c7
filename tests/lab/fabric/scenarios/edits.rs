//! What an L3VNI says is edited: its VRF gets another name, its VNI another number, its host
//! another AS number. Each time the old things go, the ends reach
//! each other again, and the other L3VNI loses no session, no link and no ping.
//!
//! Seen to fail: with a session of blue cleared meanwhile.

use std::time::{Duration, Instant};

use crate::bgp;
use crate::fabric::{Fabric, Failure};
use crate::names::{AGENTS, BLUE, NODE1, RED};
use crate::ping::{Pinging, USUAL, once};
use crate::wait::{seconds, until};
use crate::witness::{self, Seen};

/// How long an edit may take to be in force, and its traffic to come back.
const DEADLINE: Duration = Duration::from_secs(40);

/// An edit of red's manifest, and what it makes of red.
struct Edit {
    what: &'static str,
    nodes: &'static [&'static str],
    /// The edit, as sed is told it.
    script: &'static str,
    /// What the host of node1 must say of its session from then on.
    host: &'static [&'static str],
    before: (&'static str, u32),
    after: (&'static str, u32),
}

const EDITS: [Edit; 3] = [
    Edit {
        what: "another name of the VRF",
        nodes: &[NODE1],
        script: "s/vrf: red/vrf: crimson/",
        host: &[],
        before: ("red", 100),
        after: ("crimson", 100),
    },
    // A VNI is the same on both sides; the leaf, which keeps the old one, is another VRF then.
    Edit {
        what: "another VNI",
        nodes: &AGENTS,
        script: "s/vni: 100/vni: 150/; s/64514:100/64514:150/",
        host: &[],
        before: ("crimson", 100),
        after: ("crimson", 150),
    },
    Edit {
        what: "another AS number of the host",
        nodes: &[NODE1],
        script: "s/hostASN: 64515/hostASN: 64516/",
        host: &["neighbor 192.169.10.1 local-as 64516 no-prepend replace-as"],
        before: ("crimson", 150),
        after: ("crimson", 150),
    },
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let [blue1, blue2] = BLUE;
    let before = bgp::sessions(fabric)?;
    let links = blue(fabric)?;
    let out = Pinging::start(fabric, &blue1, &blue2, USUAL)?;
    let back = Pinging::start(fabric, &blue2, &blue1, USUAL)?;
    let mut told = Vec::new();
    for edit in &EDITS {
        let took = make(fabric, edit).map_err(|error| format!("{}: {error}", edit.what))?;
        told.push(format!("{} in force after {}", edit.what, seconds(took)));
    }
    restore(fabric)?;
    let (out, back) = (out.stop(fabric)?, back.stop(fabric)?);
    out.all_answered()?;
    back.all_answered()?;
    let after = bgp::sessions(fabric)?;
    // Those of red with the hosts are what is edited.
    let sessions = bgp::undisturbed(&before, &after, |name| !name.contains(" 192.169.10."))?;
    if blue(fabric)? != links {
        return Err("the links of blue were made again".into());
    }
    Ok(format!(
        "{}; {sessions} other sessions undisturbed, 0 of {} pings lost",
        told.join(", "),
        out.sent + back.sent
    ))
}

/// Makes an edit; how long it took until what is new is there, what is old is not, and the ends
/// reach each other.
fn make(fabric: &Fabric, edit: &Edit) -> Result<Duration, Failure> {
    if !edit.host.is_empty() {
        let commands = [&["configure terminal", "router bgp 64515"], edit.host].concat();
        fabric.vtysh(NODE1, &commands)?;
    }
    let begin = Instant::now();
    for node in edit.nodes {
        let edited = format!(
            "sed -i '{}' red.yaml; ! cmp -s red.yaml /tmp/red.yaml",
            edit.script
        );
        let before = "cd /etc/perouter; cp red.yaml /tmp/red.yaml";
        fabric.shell(node, &format!("{before}; {edited}"))?;
    }
    let [(old_vrf, old_vni), (new_vrf, new_vni)] = [edit.before, edit.after];
    let new = witness::l3vni(new_vrf, new_vni);
    let old: Seen = &witness::l3vni(old_vrf, old_vni) - &new;
    until(DEADLINE, "the new is there, the old is gone", || {
        witness::has(fabric, NODE1, &new, &old)
    })?;
    for node in AGENTS {
        fabric.ready(node, DEADLINE)?;
    }
    let [red1, red2, _] = RED;
    for (from, to) in [(&red1, &red2), (&red2, &red1)] {
        until(DEADLINE, "red's ends reach each other", || {
            let ping = fabric.run(from.node, &once(from, to, "1"))?;
            Ok(match ping.status {
                0 => Ok(()),
                _ => Err(format!("{} does not reach {}", from.address, to.address)),
            })
        })?;
    }
    Ok(begin.elapsed())
}

/// All as it was.
fn restore(fabric: &Fabric) -> Result<(), Failure> {
    fabric.vtysh(
        NODE1,
        &[
            "configure terminal",
            "router bgp 64515",
            "no neighbor 192.169.10.1 local-as",
        ],
    )?;
    for node in AGENTS {
        fabric.shell(node, "cp /etc/lab/manifests/red.yaml /etc/perouter/")?;
    }
    let (red, edited) = (witness::l3vni("red", 100), witness::l3vni("crimson", 150));
    until(DEADLINE, "all is as it was", || {
        witness::has(fabric, NODE1, &red, &edited)
    })?;
    Ok(())
}

/// The links of blue in node1, with their numbers: a link that is made again has another.
fn blue(fabric: &Fabric) -> Result<Vec<String>, Failure> {
    let show = ["ip", "-o", "link"];
    let all = fabric.ask(NODE1, &show)? + &fabric.router(NODE1, &show)?;
    let names = all.lines().filter_map(|line| {
        let mut words = line.split([':', '@', ' ']).filter(|word| !word.is_empty());
        Some((words.next()?, words.next()?))
    });
    let of_blue = names.filter(|(_, name)| *name == "blue" || name.ends_with("200"));
    let links: Vec<_> = of_blue
        .map(|(index, name)| format!("{index} {name}"))
        .collect();
    if links.len() == 5 {
        return Ok(links);
    }
    Err(format!("of blue's links these are there: {links:?}").into())
}
