//! One L3VNI more or less on a router that has many, all of them at once, and a look at one
//! where nothing changed.
//!
//! Ours is what the agent does with FRR: plan on what is known, execute, observe and plan again,
//! which must come out empty. The kernel's part is left out on all sides. All are measured on
//! FRRs that run the same, and after each change another client looks whether it is in force.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perouter::intent::NodeIntent;
use perouter::plan::link::SeenKernel;
use perouter::plan::{self, Memory, SeenFrr};
use perouter_harness::Daemon;

use crate::Failure;
use crate::bare::{Bare, Cost};
use crate::goals::{self, Measured};
use crate::node;
use crate::progress::Progress;
use crate::reload::{self, Reloader};
use crate::results::{Results, Rival, Unit, median_ms};
use crate::router::{Router, Way, plan_for_frr};

/// How many L3VNIs there are before the one more, and how often the rival is measured.
const SIZES: [(usize, usize); 4] = [(10, 5), (100, 5), (400, 3), (1000, 3)];

/// How often ours is measured, and the bare cost.
const TIMES: usize = 15;

/// How often everything comes and goes.
const BULK_TIMES: usize = 2;

/// What is done to a router with so and so many L3VNIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    OneMore,
    OneLess,
    Nothing,
    All,
    NoneLeft,
}

impl Change {
    const EACH: [Self; 5] = [
        Self::OneMore,
        Self::OneLess,
        Self::Nothing,
        Self::All,
        Self::NoneLeft,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::OneMore => "one more L3VNI",
            Self::OneLess => "one L3VNI removed",
            Self::Nothing => "nothing changed",
            Self::All => "everything from empty",
            Self::NoneLeft => "everything away",
        }
    }
}

/// An intent, and a kernel that is as it wants it.
struct Wanted {
    intent: NodeIntent,
    kernel: Arc<SeenKernel>,
}

impl Wanted {
    fn new(vnis: usize) -> Result<Self, Failure> {
        let intent = node::intent(vnis)?;
        Ok(Self {
            kernel: Arc::new(node::kernel(&intent)?),
            intent,
        })
    }

    /// No manifest, and a kernel with nothing of ours.
    fn nothing() -> Self {
        Self {
            intent: NodeIntent::default(),
            kernel: Arc::default(),
        }
    }
}

/// The three things that a router is led to.
struct Intents {
    present: usize,
    nothing: Wanted,
    before: Wanted,
    after: Wanted,
}

impl Intents {
    /// Where a change begins, and where it leads.
    fn of(&self, change: Change) -> (&Wanted, &Wanted) {
        match change {
            Change::OneMore => (&self.before, &self.after),
            Change::OneLess => (&self.after, &self.before),
            Change::Nothing => (&self.after, &self.after),
            Change::All => (&self.nothing, &self.before),
            Change::NoneLeft => (&self.before, &self.nothing),
        }
    }
}

/// Times by what was done.
type Times = BTreeMap<Change, Vec<Duration>>;

/// Ours: until it is in force, and until it is read back.
#[derive(Default)]
struct Ours {
    in_force: Times,
    read_back: Times,
}

/// The bare cost by what was done, and what looking costs.
#[derive(Default)]
struct BareTimes {
    change: Times,
    bgpd: Times,
    mgmtd: Times,
    looks: [Vec<Duration>; 2],
}

/// Measures all sizes.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    let mut all = Vec::new();
    for (present, rival_times) in SIZES {
        let intents = Intents {
            present,
            nothing: Wanted::nothing(),
            before: Wanted::new(present)?,
            after: Wanted::new(present + 1)?,
        };
        progress.tell(format!("{present} L3VNIs: ours, by gRPC and vty"));
        let mut northbound = Router::start(Way::Northbound)?;
        let by_northbound = ours(&mut northbound, &intents)?;
        drop(northbound);
        progress.tell(format!("{present} L3VNIs: ours, by vty alone"));
        let mut stock = Router::start(Way::Vty)?;
        let by_vty = ours(&mut stock, &intents)?;
        progress.tell(format!("{present} L3VNIs: the bare commands"));
        let bare = bare(&mut stock, &intents)?;
        stock.pass(&intents.before.intent, &intents.before.kernel)?;
        let running = stock.observe()?;
        progress.tell(format!(
            "{present} L3VNIs: frr-reload.py, {rival_times} times"
        ));
        let rival = rival(&mut stock, &intents, rival_times, progress)?;
        drop(stock);
        let ways = [("gRPC and vty", &by_northbound), ("vty alone", &by_vty)];
        add(results, present, &ways, &rival, &bare)?;
        all.push(measured(present, &by_northbound, &rival, &bare)?);
        planning(results, present, &intents.before, &running)?;
    }
    goals::judge(results, &all);
    Ok(())
}

fn middle(times: &Times, change: Change) -> Result<Option<f64>, Failure> {
    times.get(&change).map(|times| median_ms(times)).transpose()
}

fn add(
    results: &mut Results,
    present: usize,
    ours: &[(&str, &Ours)],
    rival: &Times,
    bare: &BareTimes,
) -> Result<(), Failure> {
    for change in Change::EACH {
        let beside = middle(&bare.change, change)?;
        let rival = middle(rival, change)?.map(|value| Rival {
            name: reload::NAME,
            value,
        });
        for (way, ours) in ours {
            for (until, times) in [("in force", &ours.in_force), ("read back", &ours.read_back)] {
                if change == Change::Nothing && until == "in force" {
                    continue;
                }
                let value = middle(times, change)?.ok_or("nothing was timed")?;
                let name = format!("{}, {until}, {way}", change.name());
                results.beside(&name, present, value, rival, beside);
            }
        }
    }
    Ok(())
}

/// What the goals look at.
fn measured(
    present: usize,
    ours: &Ours,
    rival: &Times,
    bare: &BareTimes,
) -> Result<Measured, Failure> {
    let needed = |times: &Times, change| -> Result<f64, Failure> {
        middle(times, change)?.ok_or_else(|| "nothing was timed".into())
    };
    Ok(Measured {
        present,
        one_more_in_force: needed(&ours.in_force, Change::OneMore)?,
        one_more_read_back: needed(&ours.read_back, Change::OneMore)?,
        nothing: needed(&ours.read_back, Change::Nothing)?,
        all: needed(&ours.in_force, Change::All)?,
        all_read_back: needed(&ours.read_back, Change::All)?,
        rival_one_more: needed(rival, Change::OneMore)?,
        rival_nothing: needed(rival, Change::Nothing)?,
        bare_one_more: needed(&bare.change, Change::OneMore)?,
        bare_one_more_bgpd: needed(&bare.bgpd, Change::OneMore)?,
        bare_one_more_mgmtd: needed(&bare.mgmtd, Change::OneMore)?,
        bare_all: needed(&bare.change, Change::All)?,
        bgpd_shows: median_ms(&bare.looks[0])?,
        zebra_shows: median_ms(&bare.looks[1])?,
    })
}

fn ours(router: &mut Router, intents: &Intents) -> Result<Ours, Failure> {
    let mut ours = Ours::default();
    router.observe()?;
    // As the agent has done before anything changes.
    router.pass(&intents.nothing.intent, &intents.nothing.kernel)?;
    let bulk = [Change::All, Change::NoneLeft].repeat(BULK_TIMES);
    let single = [Change::OneMore, Change::Nothing, Change::OneLess].repeat(TIMES);
    for change in bulk.into_iter().chain([Change::All]).chain(single) {
        let (_, to) = intents.of(change);
        let passed = router.pass(&to.intent, &to.kernel)?;
        if (passed.steps == 0) != (change == Change::Nothing) {
            return Err(format!("{}: {} steps", change.name(), passed.steps).into());
        }
        witness(router, intents, change)?;
        ours.in_force
            .entry(change)
            .or_default()
            .push(passed.in_force);
        ours.read_back
            .entry(change)
            .or_default()
            .push(passed.read_back);
    }
    Ok(ours)
}

/// The bare cost, on a router that runs what ours has left there.
fn bare(router: &mut Router, intents: &Intents) -> Result<BareTimes, Failure> {
    let mut times = BareTimes::default();
    let mut bare = Bare::connect(&router.real)?;
    let single = [Change::OneMore, Change::OneLess].repeat(TIMES);
    let bulk = [Change::NoneLeft, Change::All].repeat(BULK_TIMES);
    for change in single.into_iter().chain(bulk) {
        let (_, to) = intents.of(change);
        let running = router.observe()?;
        let plan = plan_for_frr(&to.intent, &to.kernel, &running)?;
        let cost: Cost = bare.execute(&plan, &running)?;
        // mgmtd answers a moment before zebra has it.
        std::thread::sleep(Duration::from_millis(20));
        witness(router, intents, change)?;
        times.change.entry(change).or_default().push(cost.total());
        times.bgpd.entry(change).or_default().push(cost.bgpd);
        times.mgmtd.entry(change).or_default().push(cost.mgmtd);
        if change == Change::OneMore {
            for (times, look) in times.looks.iter_mut().zip(bare.looks()?) {
                times.push(look);
            }
        }
    }
    Ok(times)
}

fn rival(
    router: &mut Router,
    intents: &Intents,
    times: usize,
    progress: &Progress,
) -> Result<Times, Failure> {
    // What FRR itself prints is the file that the rival has least to do with.
    let mut files = BTreeMap::new();
    for (name, wanted) in [("before", &intents.before), ("after", &intents.after)] {
        router.pass(&wanted.intent, &wanted.kernel)?;
        let printed = router.real.vtysh(&["show running-config"])?;
        files.insert(name, without_heading(&printed)?.to_owned());
    }
    router.pass(&intents.before.intent, &intents.before.kernel)?;
    let mut taken = Times::default();
    for _ in 0..times {
        for change in [Change::OneMore, Change::Nothing, Change::OneLess] {
            let file = if change == Change::OneLess {
                "before"
            } else {
                "after"
            };
            let text = files.get(file).map(String::as_str).unwrap_or_default();
            reloaded(router, intents, change, text, &mut taken, progress)?;
        }
    }
    let heading = "frr defaults traditional\nhostname lab\n!\nend\n";
    reloaded(
        router,
        intents,
        Change::NoneLeft,
        heading,
        &mut taken,
        progress,
    )?;
    let all = files.get("before").map(String::as_str).unwrap_or_default();
    reloaded(router, intents, Change::All, all, &mut taken, progress)?;
    Ok(taken)
}

/// Lets the rival do it. Where it fails, that is told, and ours does it.
fn reloaded(
    router: &mut Router,
    intents: &Intents,
    change: Change,
    text: &str,
    times: &mut Times,
    progress: &Progress,
) -> Result<(), Failure> {
    let outcome = {
        let mut reloader = Reloader::start(&router.real)?;
        let file = reloader.save("wanted.conf", text)?;
        reloader.reload(&file)
    };
    let done = outcome.and_then(|taken| witness(router, intents, change).map(|()| taken));
    match done {
        Ok(taken) => times.entry(change).or_default().push(taken),
        Err(error) => {
            let words = error.to_string();
            let words: String = words.chars().take(200).collect();
            progress.tell(format!(
                "the rival did not do it: {}: {words}",
                change.name()
            ));
        }
    }
    let (_, to) = intents.of(change);
    router.observe()?;
    let left = router.pass(&to.intent, &to.kernel)?.steps;
    if left != 0 && change == Change::OneMore {
        return Err("the rival left something to be done".into());
    }
    Ok(())
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

/// Lets another client look whether a change is in force.
fn witness(router: &Router, intents: &Intents, change: Change) -> Result<(), Failure> {
    let there = match change {
        Change::OneMore | Change::Nothing => intents.present + 1,
        Change::OneLess | Change::All => intents.present,
        Change::NoneLeft => 0,
    };
    let running = router.real.vty(Daemon::Bgpd, &["show running-config"])?;
    let instances = running
        .lines()
        .filter(|line| line.starts_with("router bgp "));
    let vrfs = instances.filter(|line| line.contains(" vrf ")).count();
    let mapped: serde_json::Value =
        serde_json::from_str(&router.real.vty(Daemon::Zebra, &["show vrf vni json"])?)?;
    let entries = mapped["vrfs"].as_array().map_or(0, Vec::len);
    let last = there.checked_sub(1).map(node::vrf_and_vni);
    let is_there = last.is_none_or(|(vrf, vni)| {
        let instance = format!("router bgp {} vrf {vrf}\n", node::ASN);
        let mut entries = mapped["vrfs"].as_array().into_iter().flatten();
        running.contains(&instance)
            && entries.any(|entry| entry["vrf"] == *vrf && entry["vni"] == vni)
    });
    if (vrfs, entries) == (there, there) && is_there {
        Ok(())
    } else {
        Err(format!("FRR runs {vrfs} VRFs and {entries} VNIs in place of {there}").into())
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
        |running: &SeenFrr| plan::plan(&wanted.intent, &wanted.kernel, running, &Memory::default());
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
