//! The sections of the page, each a list of one kind of thing.

use std::time::Duration;

use maud::{Markup, html};

use super::Wishes;
use super::parts::Head::{Number, Words};
use super::parts::{Tone, ago, badge, condition, left_out, section, table};
use crate::intent::Kept;
use crate::status::condition::{ConditionStatus, ConditionType};
use crate::status::report::{ObjectReport, Repair, Report, SessionReport};
use crate::verify::age::Age;
use crate::verify::{Finding, Outcome};

/// What is well follows what is not; otherwise the order stays.
fn worst_first<T>(all: &[T], is_well: impl Fn(&T) -> bool) -> Vec<&T> {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by_key(|one| is_well(one));
    sorted
}

fn shown<'a, T>(all: &'a [&'a T], wishes: Wishes) -> impl Iterator<Item = &'a T> {
    all.iter().copied().take(wishes.length.rows())
}

/// What verification found that is not as it should be.
pub(super) fn findings(report: &Report, wishes: Wishes) -> Markup {
    let all = worst_first(&report.findings, |finding| !finding.is_bad());
    let content = html! {
        @if all.is_empty() {
            p { @if report.verification.is_some() {
                "None: everything that was verified is as it should be."
            } @else {
                "Nothing was verified yet."
            } }
        }
        ul.cards { @for one in shown(&all, wishes) { li { (finding(one)) } } }
        (left_out(all.len(), wishes))
    };
    section("findings", "Findings", all.len(), &content)
}

fn finding(finding: &Finding) -> Markup {
    let (word, tone) = match finding.outcome {
        Outcome::Bad { .. } | Outcome::MoreBad { .. } => ("bad", Tone::Bad),
        Outcome::Unsettled { .. } => ("not for long", Tone::Wait),
        Outcome::Good { .. } | Outcome::Pending { .. } => ("waiting", Tone::Wait),
    };
    html! {
        h3 {
            (badge(word, tone)) " " code { (finding.check) } " " bdi { (finding.subject) }
        }
        p.muted {
            @if let Some(object) = &finding.object { bdi { (object) } ": " }
            (finding.check.meaning())
            @if let Some(since) = finding.since { "; since " (format!("{since:.0}")) }
        }
        @match &finding.outcome {
            Outcome::Bad { expected, seen, hint }
            | Outcome::Unsettled { expected, seen, hint } => dl {
                dt { "expected" } dd { (expected) }
                dt { "seen" } dd { (seen) }
                @if !hint.is_empty() { dt { "next" } dd { (hint) } }
            },
            Outcome::MoreBad { count } => p { "and " (count) " more of the same check and object" },
            Outcome::Pending { waiting_for } => dl { dt { "for" } dd { (waiting_for) } },
            Outcome::Good { .. } => {},
        }
    }
}

/// What was not taken; nothing when all was.
pub(super) fn rejections(report: &Report, wishes: Wishes) -> Markup {
    let all: Vec<_> = report.rejections.iter().collect();
    if all.is_empty() {
        return Markup::default();
    }
    let content = html! {
        ul.cards { @for one in shown(&all, wishes) { li {
            h3 {
                (badge("rejected", Tone::Bad)) " "
                @match &one.object {
                    Some(object) => bdi { (object) },
                    None => bdi { (one.source) },
                }
            }
            dl {
                dt { "why" } dd { (one.message) }
                dt { "in force" } dd { @match one.kept {
                    Kept::LastGood => "the version before",
                    Kept::Nothing => "nothing",
                } }
            }
        } } }
        (left_out(all.len(), wishes))
    };
    section("rejections", "Not taken", all.len(), &content)
}

/// The BGP sessions.
pub(super) fn sessions(report: &Report, wishes: Wishes) -> Markup {
    let all = worst_first(&report.sessions, |of| of.established_seconds.is_some());
    let heads = [
        Words("Neighbour"),
        Words("State"),
        Words("For"),
        Words("VRF"),
        Words("With"),
        Number("AS"),
        Number("Received"),
        Number("Sent"),
        Number("Went down"),
        Words("Last down"),
    ];
    let rows = html! { @for one in shown(&all, wishes) { (session(one)) } };
    let content = html! {
        (table("sessions", &heads, &rows))
        (left_out(all.len(), wishes))
    };
    section("sessions", "BGP sessions", all.len(), &content)
}

fn session(session: &SessionReport) -> Markup {
    let up = session.established_seconds;
    let age = |seconds| Age(Duration::from_secs(seconds));
    html! {
        tr {
            th scope="row" { (session.neighbor) }
            td { (badge(&session.state, Tone::judged(up.is_some()))) }
            td { @match up { Some(seconds) => (age(seconds)), None => "-" } }
            td { @match &session.vrf { Some(vrf) => (vrf), None => "default" } }
            td { (session.kind.as_str()) }
            td.number { @match session.remote_as { Some(asn) => (asn), None => "-" } }
            td.number { (session.received) }
            td.number { (session.sent) }
            td.number { (session.dropped) "×" }
            td { @match (&session.last_reset, session.last_reset_seconds) {
                (Some(reason), Some(seconds)) => { (reason) ", " (age(seconds)) " ago" },
                (Some(reason), None) => (reason),
                (None, _) => "-",
            } }
        }
    }
}

/// The VNIs of VRFs.
pub(super) fn vnis(report: &Report, wishes: Wishes) -> Markup {
    let all = worst_first(&report.vnis, |of| of.state == "Up");
    let heads = [
        Words("VNI"),
        Words("State"),
        Words("VRF"),
        Number("Exported"),
        Number("Imported"),
        Words("Router MAC"),
        Words("RD"),
    ];
    let rows = html! { @for one in shown(&all, wishes) { tr {
        th scope="row" { (one.vni) }
        td { (badge(&one.state, Tone::judged(one.state == "Up"))) }
        td { (one.vrf) }
        td.number { (one.exported) }
        td.number { (one.imported) }
        td { (one.router_mac.as_deref().unwrap_or("-")) }
        td { (one.rd.as_deref().unwrap_or("-")) }
    } } };
    let content = html! {
        (table("vnis", &heads, &rows))
        (left_out(all.len(), wishes))
    };
    section("vnis", "VNIs of VRFs", all.len(), &content)
}

/// The layer 2 segments; nothing where there are none.
pub(super) fn segments(report: &Report, wishes: Wishes) -> Markup {
    let all = worst_first(&report.segments, |of| of.state == "Up");
    if all.is_empty() {
        return Markup::default();
    }
    let rows = html! { @for one in shown(&all, wishes) { tr {
        th scope="row" { (one.vni) }
        td { (badge(&one.state, Tone::judged(one.state == "Up"))) }
        td { @match &one.vrf { Some(vrf) => (vrf), None => "nobody" } }
        td { (one.rd.as_deref().unwrap_or("-")) }
    } } };
    let content = html! {
        (table("segments", &["VNI", "State", "Routed by VRF", "RD"].map(Words), &rows))
        (left_out(all.len(), wishes))
    };
    section("segments", "Layer 2 segments", all.len(), &content)
}

/// What was verified, check by check, in the order in which a packet needs it.
pub(super) fn checks(report: &Report) -> Markup {
    let rows = html! { @for tally in &report.checks { tr {
        th scope="row" { code { (tally.check) } }
        td { @match (tally.bad, tally.pending, tally.good) {
            (0, 0, 0) => "nothing to check",
            (0, 0, _) => (badge("good", Tone::Good)),
            (0, _, _) => (badge("waiting", Tone::Wait)),
            (_, _, _) => (badge("bad", Tone::Bad)),
        } }
        td.number { (tally.good) }
        td.number { (tally.bad) }
        td.number { (tally.pending) }
        td { (tally.check.meaning()) }
    } } };
    let heads = [
        Words("Check"),
        Words("Verdict"),
        Number("Good"),
        Number("Bad"),
        Number("Waiting"),
        Words("What it says"),
    ];
    let content = table("checks", &heads, &rows);
    section("checks", "Hop by hop", report.checks.len(), &content)
}

/// The objects and their conditions.
pub(super) fn objects(report: &Report, wishes: Wishes) -> Markup {
    let all = worst_first(&report.objects, ObjectReport::is_ready);
    let heads = [
        Words("Object"),
        Words("Ready"),
        Words("Accepted"),
        Words("Programmed"),
        Words("Sessions"),
        Words("Routes"),
        Words("For"),
        Words("Why not"),
    ];
    let kinds = [
        ConditionType::Ready,
        ConditionType::Accepted,
        ConditionType::Programmed,
        ConditionType::SessionsEstablished,
        ConditionType::RoutesExchanged,
    ];
    let rows = html! { @for one in shown(&all, wishes) { tr {
        th scope="row" { bdi { (one.object) } }
        @for kind in kinds { td { (condition(one.condition(kind))) } }
        @match one.condition(ConditionType::Ready) {
            Some(ready) => {
                td { (ago(ready.last_transition_time, report.at)) }
                td.words { @match ready.status {
                    ConditionStatus::True => "-",
                    ConditionStatus::False | ConditionStatus::Unknown => (ready.message),
                } }
            },
            None => { td { "-" } td { "-" } },
        }
    } } };
    let content = html! {
        (table("objects", &heads, &rows))
        (left_out(all.len(), wishes))
    };
    section("objects", "Objects", all.len(), &content)
}

/// What somebody else changed, and the agent mended; the latest first.
pub(super) fn repairs(report: &Report) -> Markup {
    let content = html! {
        @if report.repairs.is_empty() {
            p { "Nothing that belongs to perouter was changed by anybody else." }
        }
        ul.cards { @for repair in report.repairs.iter().rev() { li { (mended(repair, report)) } } }
    };
    section(
        "repairs",
        "Changed by somebody else, and mended",
        report.repairs.len(),
        &content,
    )
}

fn mended(repair: &Repair, report: &Report) -> Markup {
    html! {
        h3 { (ago(repair.at, report.at)) " ago" }
        pre tabindex="0" { (repair.steps.join("\n")) }
    }
}

/// What was done since the agent started.
pub(super) fn counters(report: &Report) -> Markup {
    let counters = &report.counters;
    let rows = [
        ("passes", counters.passes),
        ("passes in which something failed", counters.failures),
        (
            "steps that mended what somebody else had changed",
            counters.drift_repaired,
        ),
        ("writes to the kernel", counters.netlink_writes),
        ("writes to FRR", counters.frr_writes),
        ("errors of FRR's vty", counters.vty_errors),
        ("errors of FRR's northbound", counters.northbound_errors),
    ];
    html! {
        section id="counters" aria-labelledby="counters-title" {
            h2 id="counters-title" { "Since the agent started" }
            dl.counts { @for (name, count) in rows { div { dt { (name) } dd { (count) } } } }
        }
    }
}
