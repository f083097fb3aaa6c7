//! Every change with every fault at every step.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use perouter::frr::Frr;
use perouter_harness::proxy::{Fault, Faults};

use super::changes::{self, Change};
use super::router::{Objects, Router, Setup, remaining};

/// Long enough to be late, and short enough for all steps.
const DELAY: Duration = Duration::from_millis(60);

/// No change has as many steps.
const ENDLESS: usize = 500;

/// Which way of the driver into FRR a fault is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Vty,
    Northbound,
}

const AT_VTY: [(&str, Fault); 4] = [
    (
        "vty refused",
        Fault::Refused {
            status: 13,
            words: "refused by the test",
        },
    ),
    ("vty closed before", Fault::ClosedBefore),
    ("vty closed after", Fault::ClosedAfter),
    ("vty late", Fault::Late(DELAY)),
];

const AT_NORTHBOUND: [(&str, Fault); 5] = [
    (
        "gRPC INVALID_ARGUMENT",
        Fault::Refused {
            status: 3,
            words: "refused by the test",
        },
    ),
    (
        "gRPC UNAVAILABLE",
        Fault::Refused {
            status: 14,
            words: "refused by the test",
        },
    ),
    ("gRPC closed before", Fault::ClosedBefore),
    ("gRPC closed after", Fault::ClosedAfter),
    ("gRPC late", Fault::Late(DELAY)),
];

/// What the objects of a change were after a fault.
#[derive(Clone, Default)]
struct Row {
    change: &'static str,
    fault: &'static str,
    steps: usize,
    old: usize,
    new: usize,
    /// What must not be, in words, one text a case.
    wrong: Vec<String>,
    took: Duration,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            change,
            fault,
            steps,
            old,
            new,
            wrong,
            took,
        } = self;
        write!(
            f,
            "{change:<22} {fault:<22} {steps:>5} {old:>5} {new:>5} {:>5} {:>6.1} s",
            wrong.len(),
            took.as_secs_f32()
        )
    }
}

/// Runs all of it, prints the table, and demands that nothing was wrong.
pub(super) async fn run(setup: Setup) {
    let [one, other] = changes::all();
    let parts = tokio::join!(part(setup, &one), part(setup, &other));
    let rows = [parts.0, parts.1].concat();
    print!("{}", table(setup, &rows));
    let wrong: Vec<String> = rows.iter().flat_map(|row| row.wrong.clone()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lets the answer to the last request that ends with `request` come after the driver has given
/// it up, in the change that adds a VNI. The daemon has done it, and the driver cannot know.
pub(super) async fn given_up(setup: Setup, wire: Wire, request: &str, after: Duration) {
    let [changes, _] = changes::all();
    let change = &changes[1];
    let mut router = Router::start(setup).await;
    let (old, new) = ends(&mut router, change).await;
    let mut case = Case {
        change,
        old: &old,
        new: &new,
        wire,
        at: ENDLESS,
        fault: Fault::Late(after),
    };
    router.reset(&change.from).await;
    case.at = case.position(&router, request).await;
    let started = Instant::now();
    let end = case.run(&mut router).await.expect("it is among the steps");
    assert!(end.wrong.is_empty(), "{}", end.wrong.join("\n"));
    assert_eq!((end.old, end.new), (1, 0), "{request}");
    println!(
        "given up: {request}, {:.1} s",
        started.elapsed().as_secs_f32()
    );
}

/// Some changes, one after the other, with one FRR for all of them.
async fn part(setup: Setup, changes: &[Change]) -> Vec<Row> {
    let mut router = Router::start(setup).await;
    let mut rows = Vec::new();
    for change in changes {
        let (old, new) = ends(&mut router, change).await;
        for (wire, fault) in faults(setup) {
            rows.push(row(&mut router, change, wire, fault, &old, &new).await);
        }
    }
    rows
}

fn faults(setup: Setup) -> Vec<(Wire, (&'static str, Fault))> {
    let vty = AT_VTY.map(|fault| (Wire::Vty, fault));
    let northbound = AT_NORTHBOUND.map(|fault| (Wire::Northbound, fault));
    match setup {
        Setup::Northbound | Setup::WithoutMgmtd => vty.into_iter().chain(northbound).collect(),
        Setup::VtyAlone => vty.into(),
    }
}

fn table(setup: Setup, rows: &[Row]) -> String {
    let mut text = format!(
        "faults at every step, {setup}\n{:<22} {:<22} {:>5} {:>5} {:>5} {:>5}\n",
        "change", "fault", "steps", "old", "new", "wrong"
    );
    for row in rows {
        let _ = writeln!(text, "{row}");
    }
    text
}

/// What FRR runs before and after a change that does not fail.
async fn ends(router: &mut Router, change: &Change) -> (Objects, Objects) {
    router.reset(&change.from).await;
    let old = router.objects();
    router.reset(&change.to).await;
    let new = router.objects();
    assert_ne!(old, new, "{} changes nothing", change.name);
    (old, new)
}

async fn row(
    router: &mut Router,
    change: &Change,
    wire: Wire,
    (name, fault): (&'static str, Fault),
    old: &Objects,
    new: &Objects,
) -> Row {
    let started = Instant::now();
    let mut row = Row {
        change: change.name,
        fault: name,
        ..Row::default()
    };
    for at in 1..ENDLESS {
        let case = Case {
            change,
            old,
            new,
            wire,
            at,
            fault,
        };
        let Some(end) = case.run(router).await else {
            break;
        };
        row.steps = at;
        row.old += end.old;
        row.new += end.new;
        if !end.wrong.is_empty() {
            let wrong = end.wrong.join("\n  ");
            row.wrong
                .push(format!("{}, {name} at {at}: {wrong}", change.name));
        }
    }
    // Neither a way that is not used, nor a change without an end.
    assert!((1..ENDLESS - 1).contains(&row.steps), "{row}");
    row.took = started.elapsed();
    row
}

/// One fault at one step.
struct Case<'a> {
    change: &'a Change,
    old: &'a Objects,
    new: &'a Objects,
    wire: Wire,
    at: usize,
    fault: Fault,
}

/// How a case ended: objects that the change concerns, and what must not be.
#[derive(Default)]
struct End {
    old: usize,
    new: usize,
    wrong: Vec<String>,
}

impl Case<'_> {
    /// None when the change needs fewer steps, and so did not fail.
    async fn run(&self, router: &mut Router) -> Option<End> {
        router.reset(&self.change.from).await;
        let mut driver = router.through_proxies();
        let faults = self.faults(router).clone();
        faults.arm(self.at, self.fault);
        let said = router.pass(&mut driver, &self.change.to).await;
        let (seen, struck) = (faults.seen(), faults.struck());
        faults.disarm();
        let Some(struck) = struck else {
            assert_eq!(said, Ok(()), "{}: without a fault", self.change.name);
            assert_eq!(router.objects(), *self.new, "{}", self.change.name);
            return None;
        };
        let mut end = self.compare(&router.objects());
        if said.is_ok() && end.old > 0 {
            end.wrong.push("the pass says that all is well".to_owned());
        }
        if self.fault == Fault::Late(DELAY) && said.is_err() {
            end.wrong.push("a late answer is one".to_owned());
        }
        if !end.wrong.is_empty() {
            end.wrong.push(format!(
                "struck `{struck}`; the pass said {said:?}; requests:\n  {}",
                seen.join("\n  ")
            ));
        }
        if let Err(wrong) = self.converges(router, &mut driver).await {
            end.wrong
                .push(format!("after `{struck}` ({said:?}): {wrong}"));
        }
        driver.settle().await;
        Some(end)
    }

    /// Which of the requests of the change that is, the first being 1. The change is made.
    async fn position(&self, router: &Router, request: &str) -> usize {
        let faults = self.faults(router);
        faults.disarm();
        let mut driver = router.through_proxies();
        let made = router.pass(&mut driver, &self.change.to).await;
        assert_eq!(made, Ok(()), "{}", self.change.name);
        driver.settle().await;
        let seen = faults.seen();
        let found = seen.iter().rposition(|seen| seen.ends_with(request));
        1 + found.unwrap_or_else(|| panic!("{request} is none of {seen:?}"))
    }

    fn faults<'r>(&self, router: &'r Router) -> &'r Faults {
        match self.wire {
            Wire::Vty => router.vty_faults(),
            Wire::Northbound => router.northbound_faults().expect("driven by northbound"),
        }
    }

    /// Every object is whole, as it was or as it shall be.
    fn compare(&self, now: &Objects) -> End {
        let mut end = End::default();
        let mut names: Vec<&String> = self
            .old
            .keys()
            .chain(self.new.keys())
            .chain(now.keys())
            .collect();
        names.sort();
        names.dedup();
        for name in names {
            let (old, new, now) = (self.old.get(name), self.new.get(name), now.get(name));
            match (now == old, now == new) {
                (true, true) => {}
                (true, false) => end.old += 1,
                (false, true) => end.new += 1,
                (false, false) => end.wrong.push(format!(
                    "{name} is neither; old: {old:?}; new: {new:?}; now: {now:?}"
                )),
            }
        }
        end
    }

    /// One more pass, through the same driver, makes it so, and then nothing remains.
    async fn converges(&self, router: &Router, driver: &mut Frr) -> Result<(), String> {
        let again = |error| format!("the next pass fails: {error}");
        let intent = &self.change.to;
        router.pass(driver, intent).await.map_err(again)?;
        let left = remaining(driver, intent).await.map_err(again)?;
        if !left.is_empty() {
            return Err(format!("the next pass leaves to do:\n{left}"));
        }
        let now = router.objects();
        if now != *self.new {
            return Err(format!("it converges to {now:?} instead of {:?}", self.new));
        }
        let (believed, mapped) = (router.believed(), router.mapped());
        match believed.as_ref().is_none_or(|believed| *believed == mapped) {
            true => Ok(()),
            false => Err(format!(
                "mgmtd believes {believed:?}, and zebra holds {mapped:?}"
            )),
        }
    }
}
