//! A report as people read it: the verdict first, then aligned tables.

use std::fmt::Write;
use std::time::Duration;

use super::condition::{Condition, ConditionStatus, ConditionType};
use super::protocol::VerifyReport;
use super::report::{ListenReport, Report, SessionReport, Verdict};
use crate::intent::Kept;
use crate::verify::age::Age;
use crate::verify::{Check, Finding, Outcome};

pub mod cluster;
pub mod explain;
pub mod walk;

pub use walk::Signs;

#[cfg(test)]
pub(super) mod tests;

/// Whether to mark good and bad by colour (ANSI escape sequences).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Mark them.
    On,
    /// Plain text.
    Off,
}

/// How a cell is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Plain,
    Good,
    Bad,
    Unsure,
    Head,
}

impl Mark {
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Unsure => Some("33"),
            Self::Head => Some("1"),
        }
    }
}

/// Text with a mark.
#[derive(Clone, Debug)]
struct Cell {
    text: String,
    mark: Mark,
}

impl Cell {
    fn plain(text: impl ToString) -> Self {
        Self::marked(text, Mark::Plain)
    }

    fn marked(text: impl ToString, mark: Mark) -> Self {
        // One cell is one line, whatever FRR's words are.
        let text = text.to_string().replace(['\n', '\r', '\x1b'], " ");
        Self { text, mark }
    }

    /// `true` and its like are good, the rest as `other` says.
    fn judged(text: impl ToString, good: bool, other: Mark) -> Self {
        Self::marked(text, if good { Mark::Good } else { other })
    }

    fn painted(&self, colour: Colour) -> String {
        match (colour, self.mark.code()) {
            (Colour::On, Some(code)) => format!("\x1b[{code}m{}\x1b[0m", self.text),
            (Colour::On, None) | (Colour::Off, _) => self.text.clone(),
        }
    }
}

/// Rows under one heading, each column as wide as its widest cell; the last one is free.
struct Table {
    title: &'static str,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    fn new(title: &'static str, columns: &[&str]) -> Self {
        let heads = columns.iter().map(|head| Cell::marked(head, Mark::Head));
        Self {
            title,
            rows: vec![heads.collect()],
        }
    }

    fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(cells.into());
    }

    /// Prints the table after an empty line, unless it has no rows.
    fn print(&self, colour: Colour, out: &mut String) {
        if self.rows.len() < 2 {
            return;
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.text.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        let title = Cell::marked(self.title, Mark::Head);
        line(out, &format!("\n{}", title.painted(colour)));
        for row in &self.rows {
            let mut text = String::from("  ");
            for (column, cell) in row.iter().enumerate() {
                text.push_str(&cell.painted(colour));
                if column + 1 < row.len() {
                    let width = widths.get(column).copied().unwrap_or_default();
                    let used = cell.text.chars().count();
                    text.extend(std::iter::repeat_n(' ', width.saturating_sub(used) + 2));
                }
            }
            line(out, text.trim_end());
        }
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

/// A report for people. The first line is the verdict.
#[must_use]
pub fn report(report: &Report, colour: Colour) -> String {
    let mut out = String::new();
    let verdict = match report.verdict {
        Verdict::Ready => Cell::marked("Ready", Mark::Good),
        Verdict::NotReady => Cell::marked(format!("Not ready: {}", report.cause), Mark::Bad),
    };
    line(&mut out, &verdict.painted(colour));
    line(&mut out, &header(report));
    objects(report).print(colour, &mut out);
    sessions(report).print(colour, &mut out);
    vnis(report).print(colour, &mut out);
    not_good(&report.findings, report.at).print(colour, &mut out);
    rejections(report).print(colour, &mut out);
    repairs(report).print(colour, &mut out);
    out.push_str(&hint(&report.findings));
    out
}

/// A line that nobody is to miss.
#[must_use]
pub fn alert(text: &str, colour: Colour) -> String {
    Cell::marked(text, Mark::Bad).painted(colour)
}

fn header(report: &Report) -> String {
    let mut text = format!(
        "node {} (index {}), {} for {}",
        report.node,
        report.index,
        match report.verdict {
            Verdict::Ready => "ready",
            Verdict::NotReady => "not ready",
        },
        between(report.since, report.at)
    );
    // Writing into a string cannot fail.
    let _ = match &report.pass {
        Some(pass) => write!(
            text,
            "; pass {} {} ago, {} ms",
            pass.number,
            between(pass.at, report.at),
            pass.took_ms
        ),
        None => write!(text, "; no complete pass yet"),
    };
    let version = report.frr.version.as_deref().unwrap_or("not known");
    let daemons = report.frr.daemons.iter();
    let modes: Vec<String> = daemons
        .map(|(name, mode)| format!("{name} {}", mode.as_str()))
        .collect();
    let _ = write!(text, "\nFRR {version}: {}", or_dash(&modes.join(", ")));
    let counters = &report.counters;
    let _ = write!(
        text,
        "\npasses {}, failed {}, drift repaired {}, writes to the kernel {}, to FRR {}",
        counters.passes,
        counters.failures,
        counters.drift_repaired,
        counters.netlink_writes,
        counters.frr_writes
    );
    if let Some(ListenReport {
        address,
        error: Some(error),
    }) = &report.listen
    {
        let _ = write!(text, "\nno probes and metrics at {address}: {error}");
    }
    text
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// The time between two moments; none when the later one is earlier, by a clock that was set.
fn between(from: super::Timestamp, to: super::Timestamp) -> Age {
    let seconds = to.as_second().saturating_sub(from.as_second());
    Age(Duration::from_secs(
        u64::try_from(seconds).unwrap_or_default(),
    ))
}

fn objects(report: &Report) -> Table {
    let kinds = [
        ConditionType::Accepted,
        ConditionType::Programmed,
        ConditionType::SessionsEstablished,
        ConditionType::RoutesExchanged,
        ConditionType::Ready,
    ];
    let columns = [
        "OBJECT",
        "ACCEPTED",
        "PROGRAMMED",
        "SESSIONS",
        "ROUTES",
        "READY",
        "SINCE",
    ];
    let mut table = Table::new("Objects", &columns);
    for object in &report.objects {
        let mut row = vec![Cell::plain(&object.object)];
        let conditions = kinds.map(|kind| object.condition(kind));
        row.extend(conditions.map(condition));
        let ready = object.condition(ConditionType::Ready);
        row.push(Cell::plain(ready.map_or_else(
            || "-".to_owned(),
            |ready| between(ready.last_transition_time, report.at).to_string(),
        )));
        table.row(row);
    }
    table
}

fn condition(condition: Option<&Condition>) -> Cell {
    let Some(condition) = condition else {
        return Cell::plain("-");
    };
    let mark = match condition.status {
        ConditionStatus::True => Mark::Good,
        ConditionStatus::False => Mark::Bad,
        ConditionStatus::Unknown => Mark::Unsure,
    };
    Cell::marked(condition.status.as_str(), mark)
}

fn sessions(report: &Report) -> Table {
    let columns = [
        "VRF",
        "NEIGHBOR",
        "AS",
        "STATE",
        "FOR",
        "RECEIVED",
        "SENT",
        "LAST DOWN",
    ];
    let mut table = Table::new("BGP sessions", &columns);
    for session in &report.sessions {
        let vrf = session.vrf.as_ref().map_or("-", |vrf| vrf.as_str());
        let asn = session.remote_as.map(|asn| asn.to_string());
        let up = session.established_seconds;
        let age = |seconds| Age(Duration::from_secs(seconds)).to_string();
        table.row([
            Cell::plain(vrf),
            Cell::plain(&session.neighbor),
            Cell::plain(asn.as_deref().unwrap_or("-")),
            Cell::judged(&session.state, up.is_some(), Mark::Bad),
            Cell::plain(up.map_or_else(|| "-".to_owned(), age)),
            Cell::plain(session.received),
            Cell::plain(session.sent),
            Cell::plain(last_reset(session)),
        ]);
    }
    table
}

fn last_reset(session: &SessionReport) -> String {
    match (&session.last_reset, session.last_reset_seconds) {
        (Some(reason), Some(seconds)) => {
            format!("{reason}, {} ago", Age(Duration::from_secs(seconds)))
        }
        (Some(reason), None) => reason.clone(),
        (None, _) => "-".to_owned(),
    }
}

fn vnis(report: &Report) -> Table {
    let columns = [
        "VNI",
        "VRF",
        "STATE",
        "ROUTER MAC",
        "RD",
        "EXPORTED",
        "IMPORTED",
    ];
    let mut table = Table::new("VNIs", &columns);
    for vni in &report.vnis {
        table.row([
            Cell::plain(vni.vni),
            Cell::plain(&vni.vrf),
            Cell::judged(&vni.state, vni.state == "Up", Mark::Bad),
            Cell::plain(vni.router_mac.as_deref().unwrap_or("-")),
            Cell::plain(vni.rd.as_deref().unwrap_or("-")),
            Cell::plain(vni.exported),
            Cell::plain(vni.imported),
        ]);
    }
    table
}

fn not_good(findings: &[Finding], at: super::Timestamp) -> Table {
    let columns = ["CHECK", "VERDICT", "SINCE", "OBJECT", "WHAT"];
    let mut table = Table::new("Not as it should be", &columns);
    for finding in findings.iter().filter(|finding| !finding.is_good()) {
        let (verdict, mark) = match finding.outcome {
            Outcome::Bad { .. } | Outcome::MoreBad { .. } => ("bad", Mark::Bad),
            Outcome::Unsettled { .. } => ("not for long", Mark::Unsure),
            Outcome::Good { .. } | Outcome::Pending { .. } => ("waiting", Mark::Unsure),
        };
        let since = finding.since.map(|since| between(since, at).to_string());
        table.row([
            Cell::plain(finding.check),
            Cell::marked(verdict, mark),
            Cell::plain(since.as_deref().unwrap_or("-")),
            object_cell(finding),
            Cell::plain(words(finding)),
        ]);
    }
    table
}

/// Where the first root cause among the findings is explained; nothing when none is bad.
fn hint(findings: &[Finding]) -> String {
    let bad = findings.iter().filter(|finding| finding.is_bad());
    bad.map(|finding| finding.check)
        .min()
        .map(explain_hint)
        .unwrap_or_default()
}

fn explain_hint(check: Check) -> String {
    format!("\nwhat it means, and how to mend it: perouter explain {check}\n")
}

fn object_cell(finding: &Finding) -> Cell {
    match &finding.object {
        Some(object) => Cell::plain(object),
        None => Cell::plain("-"),
    }
}

/// What a finding says beside its check and object.
fn words(finding: &Finding) -> String {
    let text = finding.to_string();
    let rest = text.strip_prefix(finding.check.name()).unwrap_or(&text);
    rest.trim_start_matches([':', ' ']).to_owned()
}

fn rejections(report: &Report) -> Table {
    let mut table = Table::new("Rejected", &["OBJECT", "IN FORCE", "WHY"]);
    for rejection in &report.rejections {
        let name = match &rejection.object {
            Some(object) => object.to_string(),
            None => rejection.source.clone(),
        };
        table.row([
            Cell::plain(name),
            Cell::plain(match rejection.kept {
                Kept::LastGood => "version before",
                Kept::Nothing => "nothing",
            }),
            Cell::plain(&rejection.message),
        ]);
    }
    table
}

/// What was changed behind our back: a line for each time, with its first step.
fn repairs(report: &Report) -> Table {
    let mut table = Table::new(
        "Changed by somebody else, and mended",
        &["AGO", "STEPS", "WHAT"],
    );
    for repair in &report.repairs {
        // Lines that end in a colon name the object; the steps are indented below it.
        let (objects, steps): (Vec<&String>, Vec<&String>) =
            repair.steps.iter().partition(|line| line.ends_with(':'));
        let object = objects.first().map_or("", |line| line.as_str());
        let first = steps.first().map_or("", |line| line.trim());
        table.row([
            Cell::plain(between(repair.at, report.at)),
            Cell::plain(steps.len()),
            Cell::plain(format!("{object} {first}")),
        ]);
    }
    table
}

/// How many things are good, bad and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    good: u64,
    bad: u64,
    unsettled: u64,
    waiting: u64,
}

impl Count {
    fn of<'a>(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let mut all = Self::default();
        for finding in findings {
            match finding.outcome {
                Outcome::Good { count, .. } => all.good += count,
                Outcome::Bad { .. } => all.bad += 1,
                Outcome::MoreBad { count } => all.bad += count,
                Outcome::Unsettled { .. } => all.unsettled += 1,
                Outcome::Pending { .. } => all.waiting += 1,
            }
        }
        all
    }

    fn verdict(self) -> Cell {
        let Self {
            good,
            bad,
            unsettled,
            waiting,
        } = self;
        let rest = format!("{good} good, {unsettled} not for long, {waiting} waiting");
        match (bad, unsettled, waiting) {
            (0, 0, 0) => Cell::marked(format!("Good: {good} verified"), Mark::Good),
            (0, _, _) => Cell::marked(format!("Undecided: {rest}"), Mark::Unsure),
            (_, _, _) => Cell::marked(format!("Bad: {bad} bad, {rest}"), Mark::Bad),
        }
    }

    fn word(self) -> Cell {
        match (self.bad, self.unsettled, self.waiting) {
            (0, 0, 0) => Cell::marked("good", Mark::Good),
            (0, 0, _) => Cell::marked("waiting", Mark::Unsure),
            (0, _, _) => Cell::marked("not for long", Mark::Unsure),
            (_, _, _) => Cell::marked("bad", Mark::Bad),
        }
    }
}

/// A verification for people: the verdict, one line a check, and all that is not good.
#[must_use]
pub fn verification(report: &VerifyReport, colour: Colour) -> String {
    let mut out = String::new();
    let verdict = Count::of(report.findings.iter()).verdict();
    line(&mut out, &verdict.painted(colour));
    line(
        &mut out,
        &format!(
            "node {}, read and verified in {} ms at {}",
            report.node, report.took_ms, report.at
        ),
    );
    let columns = [
        "CHECK",
        "VERDICT",
        "GOOD",
        "BAD",
        "NOT FOR LONG",
        "WAITING",
        "MEANING",
    ];
    let mut table = Table::new("Checks", &columns);
    for check in Check::ALL {
        let of_check = || report.findings.iter().filter(|of| of.check == check);
        let count = Count::of(of_check());
        table.row([
            Cell::plain(check),
            match of_check().next() {
                Some(_) => count.word(),
                None => Cell::plain("not asked"),
            },
            Cell::plain(count.good),
            Cell::plain(count.bad),
            Cell::plain(count.unsettled),
            Cell::plain(count.waiting),
            Cell::plain(check.meaning()),
        ]);
    }
    table.print(colour, &mut out);
    not_good(&report.findings, report.at).print(colour, &mut out);
    out.push_str(&hint(&report.findings));
    out
}
