//! One more L3VNI on a router that has many, and a look at one where nothing changed.
//!
//! Ours is what the agent does with FRR: observe, plan, execute, observe again and plan again,
//! which must come out empty. The kernel's part is left out on both sides. Both are measured on
//! FRRs that run the same, and after each change another client looks whether it is in force.

use std::time::{Duration, Instant};

use perouter::intent::NodeIntent;
use perouter::plan::link::SeenKernel;
use perouter::plan::{self, NicMemory, SeenFrr};
use perouter_harness::Daemon;

use crate::Failure;
use crate::node;
use crate::progress::Progress;
use crate::reload::{self, Reloader};
use crate::results::{Results, Rival, Unit, median_ms};
use crate::router::{Router, Way};

/// How many L3VNIs there are before the one more, and how often the rival is measured.
const SIZES: [(usize, usize); 4] = [(10, 5), (100, 5), (400, 3), (1000, 3)];

/// How often ours is measured.
const TIMES: usize = 15;

/// An intent, and a kernel that is as it wants it.
struct Wanted {
    intent: NodeIntent,
    kernel: SeenKernel,
}

impl Wanted {
    fn new(vnis: usize) -> Result<Self, Failure> {
        let intent = node::intent(vnis)?;
        Ok(Self {
            kernel: node::kernel(&intent)?,
            intent,
        })
    }
}

/// Times of one way.
#[derive(Default)]
struct Times {
    change: Vec<Duration>,
    unchanged: Vec<Duration>,
}

/// Measures all sizes.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    for (present, rival_times) in SIZES {
        let before = Wanted::new(present)?;
        let after = Wanted::new(present + 1)?;
        progress.tell(format!("{present} L3VNIs: a real FRR with the gRPC module"));
        let (mut northbound, bulk) = router(Way::Northbound, &before)?;
        progress.tell(format!(
            "{present} L3VNIs: one more, by gRPC and vty, {TIMES} times"
        ));
        let by_northbound = ours(&mut northbound, &before, &after)?;
        let running = northbound.observe()?;
        drop(northbound);
        progress.tell(format!("{present} L3VNIs: a real FRR without the module"));
        let (mut stock, _) = router(Way::Vty, &before)?;
        progress.tell(format!("{present} L3VNIs: one more, by vty, {TIMES} times"));
        let by_vty = ours(&mut stock, &before, &after)?;
        progress.tell(format!(
            "{present} L3VNIs: one more, by frr-reload.py, {rival_times} times"
        ));
        let rival = rival(&mut stock, &before, &after, rival_times)?;
        add(
            results,
            present,
            &[("gRPC and vty", by_northbound), ("vty alone", by_vty)],
            &rival,
        )?;
        results.alone(
            "all L3VNIs into an empty FRR, gRPC and vty",
            present,
            Unit::Milliseconds,
            median_ms(&[bulk])?,
        );
        planning(results, present, &before, &running)?;
    }
    Ok(())
}

fn add(
    results: &mut Results,
    present: usize,
    ours: &[(&str, Times)],
    rival: &Times,
) -> Result<(), Failure> {
    let (change, unchanged) = (median_ms(&rival.change)?, median_ms(&rival.unchanged)?);
    for (way, times) in ours {
        let rival = Rival {
            name: reload::NAME,
            value: change,
        };
        let name = format!("one more L3VNI in FRR, {way}");
        results.against(
            &name,
            present,
            Unit::Milliseconds,
            median_ms(&times.change)?,
            rival,
        );
    }
    for (way, times) in ours {
        let rival = Rival {
            name: reload::NAME,
            value: unchanged,
        };
        let name = format!("nothing changed in FRR, {way}");
        results.against(
            &name,
            present,
            Unit::Milliseconds,
            median_ms(&times.unchanged)?,
            rival,
        );
    }
    Ok(())
}

/// A router that runs what is wanted, and how long it took to get there from nothing.
fn router(way: Way, wanted: &Wanted) -> Result<(Router, Duration), Failure> {
    let mut router = Router::start(way)?;
    router.observe()?;
    let started = Instant::now();
    router.pass(&wanted.intent, &wanted.kernel)?;
    let taken = started.elapsed();
    let vnis = wanted.intent.vnis.len();
    if router.observe()?.vnis.len() != vnis {
        return Err(format!("FRR does not run {vnis} L3VNIs").into());
    }
    Ok((router, taken))
}

fn ours(router: &mut Router, before: &Wanted, after: &Wanted) -> Result<Times, Failure> {
    let mut times = Times::default();
    for _ in 0..TIMES {
        let started = Instant::now();
        let steps = router.pass(&after.intent, &after.kernel)?;
        times.change.push(started.elapsed());
        if steps == 0 {
            return Err("one more L3VNI took no step".into());
        }
        witness(router, before.intent.vnis.len())?;
        let started = Instant::now();
        let steps = router.pass(&after.intent, &after.kernel)?;
        times.unchanged.push(started.elapsed());
        if steps != 0 {
            return Err("an unchanged intent took steps".into());
        }
        router.pass(&before.intent, &before.kernel)?;
    }
    Ok(times)
}

fn rival(
    router: &mut Router,
    before: &Wanted,
    after: &Wanted,
    times: usize,
) -> Result<Times, Failure> {
    // What FRR itself prints with one more is the file that the rival has least to do with.
    router.pass(&after.intent, &after.kernel)?;
    let printed = router.real.vtysh(&["show running-config"])?;
    let configuration = without_heading(&printed)?;
    router.pass(&before.intent, &before.kernel)?;
    let mut taken = Times::default();
    for _ in 0..times {
        let (change, unchanged) = {
            let mut reloader = Reloader::start(&router.real)?;
            let file = reloader.save("one-more.conf", configuration)?;
            (reloader.reload(&file)?, reloader.reload(&file)?)
        };
        taken.change.push(change);
        taken.unchanged.push(unchanged);
        witness(router, before.intent.vnis.len())?;
        if router.pass(&after.intent, &after.kernel)? != 0 {
            return Err("the rival left something to be done".into());
        }
        router.pass(&before.intent, &before.kernel)?;
    }
    Ok(taken)
}

/// The configuration without the words that vtysh prints before it.
fn without_heading(printed: &str) -> Result<&str, Failure> {
    let start = printed
        .find("frr version")
        .ok_or("vtysh printed no configuration")?;
    printed
        .get(start..)
        .ok_or_else(|| "vtysh printed no configuration".into())
}

/// Lets another client look whether the L3VNI with this number is in force.
fn witness(router: &Router, number: usize) -> Result<(), Failure> {
    let (vrf, vni) = node::vrf_and_vni(number);
    let running = router.real.vty(Daemon::Bgpd, &["show running-config"])?;
    let instance = format!("router bgp {} vrf {vrf}\n", node::ASN);
    let mapped: serde_json::Value =
        serde_json::from_str(&router.real.vty(Daemon::Zebra, &["show vrf vni json"])?)?;
    let mut entries = mapped["vrfs"].as_array().into_iter().flatten();
    let is_mapped = entries.any(|entry| entry["vrf"] == *vrf && entry["vni"] == vni);
    if running.contains(&instance) && is_mapped {
        Ok(())
    } else {
        Err(format!("FRR does not run VRF {vrf} with VNI {vni}").into())
    }
}

/// Planning alone, from what a real FRR runs.
fn planning(
    results: &mut Results,
    present: usize,
    wanted: &Wanted,
    running: &SeenFrr,
) -> Result<(), Failure> {
    let plan =
        |running: &SeenFrr| plan::plan(&wanted.intent, &wanted.kernel, running, &NicMemory::new());
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let folder = tempfile::tempdir()?;
    node::write_manifests(folder.path(), present)?;
    for _ in 0..TIMES {
        let started = Instant::now();
        let nothing = plan(running)?;
        times[0].push(started.elapsed());
        let started = Instant::now();
        let everything = plan(&SeenFrr::default())?;
        times[1].push(started.elapsed());
        if !nothing.is_empty() || everything.steps() < present {
            return Err("the plans that were timed are not those that were meant".into());
        }
        let started = Instant::now();
        node::read_manifests(folder.path())?;
        times[2].push(started.elapsed());
    }
    let names = [
        "a plan, nothing to do",
        "a plan, everything to do",
        "reading and resolving all manifests",
    ];
    for (name, times) in names.iter().zip(&times) {
        results.alone(name, present, Unit::Milliseconds, median_ms(times)?);
    }
    Ok(())
}
