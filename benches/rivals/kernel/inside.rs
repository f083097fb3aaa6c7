//! The measuring itself, on the kernel that this process runs on.

use std::time::Duration;

use super::rival::{Rival, What};
use super::router::{Passed, Router};
use super::{FromNothing, Nothing, OneMore, Ours, Report};
use crate::Failure;
use crate::node;
use crate::results::median_ms;

/// How many L3VNIs come from nothing, and how often.
const FROM_NOTHING: [(usize, usize); 4] = [(1, 9), (100, 5), (500, 3), (1000, 3)];

/// How many are there before one more comes.
const PRESENT: [usize; 2] = [10, 1000];

/// How often one more comes and goes.
const TIMES: usize = 9;

/// Measures everything, and prints it as JSON.
pub(crate) fn measure() -> Result<(), Failure> {
    let mut report = Report {
        starting_ip: starting_ip()?,
        ..Report::default()
    };
    for (vnis, times) in FROM_NOTHING {
        report.all_at_once(vnis, times)?;
    }
    for present in PRESENT {
        report.with_some_there(present)?;
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn starting_ip() -> Result<f64, Failure> {
    let rival = Rival::start("empty")?;
    let times: Result<Vec<_>, _> = (0..TIMES).map(|_| rival.nothing()).collect();
    median_ms(&times?)
}

impl Report {
    /// In turns, each in namespaces of its own.
    fn all_at_once(&mut self, vnis: usize, times: usize) -> Result<(), Failure> {
        let intent = node::intent(vnis)?;
        let (mut ours, mut bare, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..times {
            ours.push(Router::start("ours")?.pass(&intent)?);
            bare.push(Rival::start("bare")?.make(0..vnis, What::Links)?);
            whole.push(Rival::start("whole")?.make(0..vnis, What::Whole)?);
        }
        let took = Ours::of(&ours)?;
        eprintln!("{vnis} from nothing: {took:?}, bare {bare:?}, whole {whole:?}");
        self.from_nothing.push(FromNothing {
            vnis,
            ours: took,
            bare: self.without_starts(&bare, What::Links)?,
            whole: self.without_starts(&whole, What::Whole)?,
        });
        Ok(())
    }

    /// The rival's time without what `ip` takes to start.
    fn without_starts(&self, times: &[Duration], what: What) -> Result<f64, Failure> {
        Ok(median_ms(times)? - f64::from(what.starts()) * self.starting_ip)
    }

    /// One more in turns, and then nothing.
    fn with_some_there(&mut self, present: usize) -> Result<(), Failure> {
        let (before, after) = (node::intent(present)?, node::intent(present + 1)?);
        let mut router = Router::start("ours")?;
        router.pass(&before)?;
        let rival = Rival::start("bare")?;
        rival.make(0..present, What::Links)?;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            router.settle(&before)?;
            ours.push(router.pass(&after)?);
            bare.push(rival.make(std::iter::once(present), What::Links)?);
            router.settle(&after)?;
            router.pass(&before)?;
            rival.unmake(present)?;
        }
        let took = Ours::of(&ours)?;
        eprintln!("one more at {present}: {took:?}, bare {bare:?}");
        self.one_more.push(OneMore {
            present,
            ours: took,
            bare: self.without_starts(&bare, What::Links)?,
        });
        router.settle(&before)?;
        let dumped = router.dumps();
        let passes: Result<Vec<_>, _> = (0..TIMES).map(|_| router.pass(&before)).collect();
        let passes = passes?;
        let mut dumps = router.dumps();
        for (what, times) in &mut dumps {
            *times = (*times - dumped.get(what).copied().unwrap_or(0)).div_ceil(TIMES as u64);
        }
        let took: Vec<Duration> = passes.iter().map(|pass| pass.read_back).collect();
        self.nothing.push(Nothing {
            vnis: present,
            took: median_ms(&took)?,
            writes: passes.iter().map(|pass| pass.writes).sum(),
            dumps: dumps.values().sum(),
            repeated: dumps.values().map(|times| times.saturating_sub(1)).sum(),
        });
        eprintln!("nothing at {present}: {took:?}");
        Ok(())
    }
}

impl Ours {
    fn of(passes: &[Passed]) -> Result<Self, Failure> {
        let middle = |of: fn(&Passed) -> Duration| {
            let times: Vec<Duration> = passes.iter().map(of).collect();
            median_ms(&times)
        };
        if passes.iter().any(|pass| pass.steps == 0) {
            return Err("a pass that was timed had nothing to do".into());
        }
        Ok(Self {
            in_force: middle(|pass| pass.in_force)?,
            read_back: middle(|pass| pass.read_back)?,
            writes: passes.iter().map(|pass| pass.writes).max().unwrap_or(0),
        })
    }
}
