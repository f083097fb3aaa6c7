//! A cluster as people read it: the verdict first, then a line for each node and each object.

use super::{Cell, Colour, Mark, Table, between, explain_hint, line};
use crate::api::v1alpha1::node_status::UpOfAll;
use crate::status::Timestamp;
use crate::status::cluster::routers::{Answer, Answers, Outcome, Told};
use crate::status::cluster::{ClusterReport, NodeRow, ObjectRow, OfAll};
use crate::status::condition::{ConditionStatus, ConditionType};
use crate::status::protocol::{VerifyReport, WalkReport};
use crate::status::report::Verdict;
use crate::verify::walk::{Direction, Hop, State, VniWalk};
use crate::verify::{Check, Finding};

#[cfg(test)]
mod tests;

/// A cluster for people. The first line is the verdict.
#[must_use]
pub fn report(report: &ClusterReport, colour: Colour) -> String {
    let mut out = String::new();
    let verdict = match report.verdict {
        Verdict::Ready => {
            let (nodes, objects) = (report.nodes.len(), report.objects.len());
            Cell::marked(
                format!(
                    "Ready: {}, {}",
                    count(nodes, "node"),
                    count(objects, "object")
                ),
                Mark::Good,
            )
        }
        Verdict::NotReady => Cell::marked(format!("Not ready: {}", report.cause), Mark::Bad),
    };
    line(&mut out, &verdict.painted(colour));
    nodes(report).print(colour, &mut out);
    objects(report).print(colour, &mut out);
    out
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn nodes(report: &ClusterReport) -> Table {
    let columns = [
        "NODE",
        "READY",
        "SINCE",
        "SESSIONS",
        "VNIS",
        "FIRST FINDING",
    ];
    let mut table = Table::new("Nodes", &columns);
    for row in &report.nodes {
        let NodeRow {
            node,
            ready,
            since,
            sessions,
            vnis,
            finding,
        } = row;
        table.row([
            Cell::plain(node),
            status(*ready),
            Cell::plain(ago(*since, report.at)),
            up_of_all(*sessions),
            up_of_all(*vnis),
            Cell::plain(finding),
        ]);
    }
    table
}

fn objects(report: &ClusterReport) -> Table {
    let kinds = [
        (ConditionType::Accepted, "ACCEPTED"),
        (ConditionType::Programmed, "PROGRAMMED"),
        (ConditionType::SessionsEstablished, "SESSIONS"),
        (ConditionType::RoutesExchanged, "ROUTES"),
        (ConditionType::Ready, "READY"),
    ];
    let heads = kinds.map(|(_, head)| head);
    let columns = [&["OBJECT"][..], &heads, &["SINCE", "NOT READY"]].concat();
    let mut table = Table::new("Objects", &columns);
    for row in &report.objects {
        let ObjectRow { object, conditions } = row;
        let of = |kind| conditions.get(&kind).map(|it: &OfAll| it.status);
        let ready = conditions.get(&ConditionType::Ready);
        let mut cells = vec![Cell::plain(object)];
        cells.extend(kinds.map(|(kind, _)| of(kind).map_or_else(|| Cell::plain("-"), status)));
        cells.push(Cell::plain(ago(ready.map(|it| it.since), report.at)));
        cells.push(Cell::plain(row.what()));
        table.row(cells);
    }
    table
}

fn status(status: ConditionStatus) -> Cell {
    let mark = match status {
        ConditionStatus::True => Mark::Good,
        ConditionStatus::False => Mark::Bad,
        ConditionStatus::Unknown => Mark::Unsure,
    };
    Cell::marked(status.as_str(), mark)
}

fn ago(since: Option<Timestamp>, at: Timestamp) -> String {
    since.map_or_else(|| "-".to_owned(), |since| between(since, at).to_string())
}

fn up_of_all(numbers: Option<UpOfAll>) -> Cell {
    match numbers {
        Some(UpOfAll { up, all }) => Cell::judged(format!("{up}/{all}"), up == all, Mark::Bad),
        None => Cell::plain("-"),
    }
}

/// What all nodes answered, for people. The first line is the verdict.
#[must_use]
pub fn answers(answers: &Answers, colour: Colour) -> String {
    let what = answers
        .target
        .map_or_else(|| "everything".to_owned(), |it| it.to_string());
    let (word, mark) = match answers.outcome() {
        Outcome::Whole => ("Whole", Mark::Good),
        Outcome::NoRoute => ("No route", Mark::Bad),
        Outcome::Broken => ("Broken", Mark::Bad),
        Outcome::Silent => ("No answer", Mark::Bad),
    };
    let mut out = String::new();
    let verdict = format!("{word}: {what}{}", tally(answers));
    line(&mut out, &Cell::marked(verdict, mark).painted(colour));
    let columns = ["NODE", "VERDICT", "ROUTE", "ENDS AT", "WHAT"];
    let mut table = Table::new("Nodes", &columns);
    for answer in &answers.nodes {
        rows(answer, &mut table);
    }
    table.print(colour, &mut out);
    if let Some(check) = answers.nodes.iter().find_map(first_check) {
        out.push_str(&explain_hint(check));
    }
    out
}

/// How many nodes said what.
fn tally(answers: &Answers) -> String {
    let words = [
        (Outcome::Whole, "whole"),
        (Outcome::Broken, "broken"),
        (Outcome::NoRoute, "without such a route"),
        (Outcome::Silent, "without an answer"),
    ];
    let told = words.iter().filter_map(|(outcome, word)| {
        let these = answers.nodes.iter().filter(|it| it.outcome() == *outcome);
        let number = these.count();
        (number > 0).then(|| format!("{} {word}", count(number, "node")))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        " (no node has a router)".to_owned()
    } else {
        format!(" ({})", told.join(", "))
    }
}

fn rows(answer: &Answer, table: &mut Table) {
    let (word, mark) = match answer.outcome() {
        Outcome::Whole => ("whole", Mark::Good),
        Outcome::NoRoute => ("no route", Mark::Unsure),
        Outcome::Broken => ("broken", Mark::Bad),
        Outcome::Silent => ("no answer", Mark::Bad),
    };
    let ends = match &answer.told {
        Told::Walk(report) => ends_of_walk(report),
        Told::Verification(report) => ends_of_verification(report),
        Told::Error(why) => vec![End::whole("-", why.clone())],
    };
    for End { route, at, what } in ends {
        table.row([
            Cell::plain(&answer.node),
            Cell::marked(word, mark),
            Cell::plain(route),
            Cell::plain(at),
            Cell::plain(what),
        ]);
    }
}

/// Where a route ends.
struct End {
    route: String,
    at: String,
    what: String,
}

impl End {
    fn whole(route: &str, what: String) -> Self {
        Self {
            route: route.to_owned(),
            at: "-".to_owned(),
            what,
        }
    }

    fn at(route: String, hop: &Hop) -> Self {
        let what = match &hop.state {
            State::Whole => hop.seen.clone(),
            State::Broken { expected, hint: _ } => {
                format!("expected {expected}; seen: {}", hop.seen)
            }
            State::Unknown { waiting_for } => format!("waiting for {waiting_for}"),
        };
        Self {
            route,
            at: hop.stage.to_string(),
            what,
        }
    }
}

/// Each route that does not go through, or one line for all that do.
fn ends_of_walk(report: &WalkReport) -> Vec<End> {
    let walk = &report.walk;
    let mut ends: Vec<End> = walk.vnis.iter().flat_map(ends_of_vni).collect();
    if !ends.is_empty() {
        return ends;
    }
    if walk.vnis.is_empty() {
        let why = walk.notes.join("; ");
        return vec![End::whole("-", why)];
    }
    for vni in &walk.vnis {
        if !vni.has_routes() {
            ends.push(End::whole(&count(vni.hops.len(), "hop"), vni.names()));
            continue;
        }
        let routes = vni.routes.len() as u64 + vni.more_whole;
        let routes = usize::try_from(routes).unwrap_or(usize::MAX);
        ends.push(End::whole(&count(routes, "route"), vni.names()));
    }
    ends
}

fn ends_of_vni(vni: &VniWalk) -> Vec<End> {
    if !vni.has_routes() {
        let broken = vni.hops.iter().filter(|hop| !hop.is_whole());
        let name = format!("VNI {}", vni.vni);
        return broken.map(|hop| End::at(name.clone(), hop)).collect();
    }
    let of_all = vni.hops.iter().find(|hop| !hop.is_whole());
    let of_all = of_all.map(|hop| End::at(format!("all of VNI {}", vni.vni), hop));
    let of_routes = vni.routes.iter().filter_map(|route| {
        let hop = route.hops.iter().find(|hop| !hop.is_whole())?;
        let way = match route.direction {
            Direction::In => "in",
            Direction::Out => "out",
        };
        Some(End::at(format!("{} {way}", route.prefix), hop))
    });
    let more = (vni.more_broken > 0)
        .then(|| End::whole(&format!("{} more, broken", vni.more_broken), String::new()));
    of_all.into_iter().chain(of_routes).chain(more).collect()
}

/// The first of each check that is not good, or one line when all are.
fn ends_of_verification(report: &VerifyReport) -> Vec<End> {
    let mut ends: Vec<End> = Vec::new();
    let mut last = None;
    let not_good = report.findings.iter().filter(|finding| !finding.is_good());
    for finding in not_good {
        if last.replace(finding.check) != Some(finding.check) {
            ends.push(End {
                route: finding
                    .object
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), ToString::to_string),
                at: finding.check.to_string(),
                what: super::words(finding),
            });
        }
    }
    if ends.is_empty() {
        let good: u64 = report.findings.iter().map(Finding::good_ones).sum();
        ends.push(End::whole("-", format!("{good} verified")));
    }
    ends
}

/// The first check that found something.
fn first_check(answer: &Answer) -> Option<Check> {
    let is_broken = |hop: &&Hop| matches!(hop.state, State::Broken { .. });
    match &answer.told {
        Told::Walk(report) => {
            let mut hops = report.walk.vnis.iter().flat_map(|vni| {
                let of_routes = vni.routes.iter().flat_map(|route| &route.hops);
                vni.hops.iter().chain(of_routes)
            });
            hops.find(is_broken).map(|hop| hop.check)
        }
        Told::Verification(report) => {
            let bad = report.findings.iter().filter(|finding| finding.is_bad());
            bad.map(|finding| finding.check).min()
        }
        Told::Error(_) => None,
    }
}
