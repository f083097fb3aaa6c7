//! What the daemons take for their answers alone: the questions of a full verification, asked in
//! the same way, and nobody reads the answers.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Instant;

use perouter::frr::Daemon;
use perouter::frr::query::Query;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// Where the router's daemons listen.
const SOCKETS: &str = "/run/frr/perouter";

/// Milliseconds of each daemon; both are asked at the same time, as the agent does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Answers {
    pub(super) bgpd: f64,
    pub(super) zebra: f64,
    /// Bytes of each daemon's answers.
    pub(super) bgpd_bytes: u64,
    pub(super) zebra_bytes: u64,
}

/// Measures, and prints it as JSON.
pub(super) fn measure(arguments: &[String]) -> Result<(), Failure> {
    let vnis: usize = arguments
        .first()
        .ok_or("how many VNIs are there?")?
        .parse()?;
    let bgpd = thread::spawn(move || ask(Daemon::Bgpd, &of_bgpd(vnis)));
    let zebra = thread::spawn(move || ask(Daemon::Zebra, &of_zebra(vnis)));
    let panicked = |_| Failure::from("a thread died");
    let (bgpd, bgpd_bytes) = bgpd.join().map_err(panicked)??;
    let (zebra, zebra_bytes) = zebra.join().map_err(panicked)??;
    let answers = Answers {
        bgpd,
        zebra,
        bgpd_bytes,
        zebra_bytes,
    };
    println!("{}", serde_json::to_string(&answers)?);
    Ok(())
}

fn of_bgpd(vnis: usize) -> Vec<String> {
    let all = [
        "show bgp neighbors json",
        "show bgp l2vpn evpn vni json",
        "show bgp nexthop json",
        "show bgp l2vpn evpn route type 5 json",
    ];
    let of_vrf = |number| {
        let of = format!("show bgp vrf vrf{number}");
        ["neighbors", "ipv4 unicast", "ipv6 unicast"].map(|what| format!("{of} {what} json"))
    };
    let all = all.map(str::to_owned).into_iter();
    all.chain((0..vnis).flat_map(of_vrf)).collect()
}

fn of_zebra(vnis: usize) -> Vec<String> {
    let all = [
        "show vrf vni json",
        "show ip nht json",
        "show ipv6 nht json",
    ];
    let of_vrf = |number| ["ip", "ipv6"].map(|ip| format!("show {ip} route vrf vrf{number} json"));
    let all = all.map(str::to_owned).into_iter();
    all.chain((0..vnis).flat_map(of_vrf)).collect()
}

/// How long all answers take in milliseconds, and how long they are.
fn ask(daemon: Daemon, commands: &[String]) -> Result<(f64, u64), String> {
    let begun = Instant::now();
    let mut bytes = 0;
    for command in commands {
        let asked = Query::ask(daemon, Path::new(SOCKETS), command);
        let mut answer = asked.map_err(|error| error.to_string())?;
        let read = io::copy(&mut answer, &mut io::sink());
        bytes += read.map_err(|error| format!("{command}: {error}"))?;
    }
    Ok((1000.0 * begun.elapsed().as_secs_f64(), bytes))
}
