//! What was measured: a table for people, and JSON for programs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::Failure;

/// The unit of a number; for all but one, less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Millions of bytes a second; more is better.
    #[serde(rename = "MB/s")]
    Throughput,
    /// Kibibytes.
    #[serde(rename = "KiB")]
    Kibibytes,
    /// Hundredths of one processor core's time.
    #[serde(rename = "% of a core")]
    CorePercent,
    /// Versions of objects that the API server has made.
    #[serde(rename = "writes/s")]
    WritesPerSecond,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Milliseconds => "ms",
            Self::Throughput => "MB/s",
            Self::Kibibytes => "KiB",
            Self::CorePercent => "% of a core",
            Self::WritesPerSecond => "writes/s",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
struct Row {
    name: String,
    n: u64,
    unit: Unit,
    ours: f64,
    rival: Option<f64>,
    rival_name: Option<String>,
    /// How many times better we are: faster, or smaller.
    ratio: Option<f64>,
    /// What the same final commands cost, typed one by one.
    bare: Option<f64>,
}

/// A rival's number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rival<'a> {
    /// Who it is, and what was done.
    pub(crate) name: &'a str,
    /// The number, in the unit of the row.
    pub(crate) value: f64,
}

/// All that was measured, what is of one name together.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Results {
    rows: Vec<Row>,
    goals: Vec<Goal>,
}

/// What was aimed at, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    /// The goal, in words, with how it is judged.
    pub(crate) what: String,
    /// The number that was aimed at.
    pub(crate) aim: String,
    /// The number that was measured.
    pub(crate) measured: String,
    /// Whether that is as good or better.
    pub(crate) verdict: Verdict,
    /// Where the time goes, of one that was missed.
    pub(crate) why: Option<String>,
}

/// What became of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// It was reached in this run.
    Reached,
    /// It was not.
    Missed,
}

impl Verdict {
    /// The verdict on whether something holds.
    pub(crate) fn of(holds: bool) -> Self {
        if holds { Self::Reached } else { Self::Missed }
    }
}

impl Results {
    /// Adds a number that has no rival. `n` is how many things there were.
    pub(crate) fn alone(&mut self, name: &str, n: usize, unit: Unit, ours: f64) {
        self.add(name, n, unit, ours, None, None);
    }

    /// Adds milliseconds beside a rival's, where it could do it, and beside the bare cost.
    pub(crate) fn beside(
        &mut self,
        name: &str,
        n: usize,
        ours: f64,
        rival: Option<Rival<'_>>,
        bare: Option<f64>,
    ) {
        self.add(name, n, Unit::Milliseconds, ours, rival, bare);
    }

    /// Adds a goal.
    pub(crate) fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// Adds a number beside a rival's.
    pub(crate) fn against(
        &mut self,
        name: &str,
        n: usize,
        unit: Unit,
        ours: f64,
        rival: Rival<'_>,
    ) {
        self.add(name, n, unit, ours, Some(rival), None);
    }

    fn add(
        &mut self,
        name: &str,
        n: usize,
        unit: Unit,
        ours: f64,
        rival: Option<Rival<'_>>,
        bare: Option<f64>,
    ) {
        let ratio = rival.map(|rival| match unit {
            Unit::Throughput => ours / rival.value,
            Unit::Milliseconds | Unit::Kibibytes | Unit::CorePercent | Unit::WritesPerSecond => {
                rival.value / ours
            }
        });
        let alike = self.rows.iter().rposition(|row| row.name == name);
        let place = alike.map_or(self.rows.len(), |last| last + 1);
        let row = Row {
            name: name.to_owned(),
            n: n as u64,
            unit,
            ours,
            rival: rival.map(|rival| rival.value),
            rival_name: rival.map(|rival| rival.name.to_owned()),
            ratio: ratio.filter(|ratio| ratio.is_finite()),
            bare,
        };
        self.rows.insert(place, row);
    }

    /// Writes `target/bench/results.json`.
    pub(crate) fn write(&self) -> Result<PathBuf, Failure> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
            PathBuf::from,
        );
        let folder = target.join("bench");
        let path = folder.join("results.json");
        let text = serde_json::to_string_pretty(&self)? + "\n";
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = crate::table::Table::new(
            &[
                "what",
                "n",
                "perouter",
                "rival",
                "unit",
                "times better",
                "bare",
                "of bare",
                "the rival",
            ],
            self.rows.iter().map(Row::cells),
        );
        write!(f, "{table}")?;
        if !self.goals.is_empty() {
            let heading = ["goal", "aim", "measured", "verdict"];
            let goals = crate::table::Table::words(&heading, self.goals.iter().map(Goal::cells));
            write!(f, "\n{goals}")?;
        }
        let missed = self
            .goals
            .iter()
            .filter_map(|goal| Some((&goal.what, goal.why.as_ref()?)));
        for (what, why) in missed {
            writeln!(f, "\nmissed: {what}\n  {why}")?;
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> [String; 9] {
        let Self {
            name,
            n,
            unit,
            ours,
            rival,
            rival_name,
            ratio,
            bare,
        } = self;
        [
            name.clone(),
            n.to_string(),
            number(*ours),
            rival.map(number).unwrap_or_default(),
            unit.to_string(),
            ratio
                .map(|ratio| format!("{}×", number(ratio)))
                .unwrap_or_default(),
            bare.map(number).unwrap_or_default(),
            bare.map(|bare| format!("{}×", number(ours / bare)))
                .unwrap_or_default(),
            rival_name.clone().unwrap_or_default(),
        ]
    }
}

impl Goal {
    fn cells(&self) -> [String; 4] {
        let verdict = match self.verdict {
            Verdict::Reached => "reached",
            Verdict::Missed => "MISSED",
        };
        [
            self.what.clone(),
            self.aim.clone(),
            self.measured.clone(),
            verdict.to_owned(),
        ]
    }
}

/// Three digits that count, and no false precision.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// The middle of several times, in milliseconds: of an even number of times the mean of the two
/// in the middle.
pub(crate) fn median_ms(times: &[Duration]) -> Result<f64, Failure> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let half = sorted.len() / 2;
    let lower = half.saturating_sub(usize::from(sorted.len().is_multiple_of(2)));
    let middle = sorted.get(lower..=half).ok_or("nothing was timed")?;
    let total: f64 = middle.iter().map(Duration::as_secs_f64).sum();
    Ok(1000.0 * total / middle.len() as f64)
}
