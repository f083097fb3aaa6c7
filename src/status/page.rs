//! The page on this node, for people: what `perouter status` says, in a browser.
//!
//! Pure: one document without scripts, whose only style is its own. What always holds: all that
//! comes from manifests, FRR or the kernel is text, and is escaped as such; what is wrong stands
//! before what is well; and long lists are cut, which is said with the number that is left out.

mod parts;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Timestamp;
use super::probe::{DEADLINE, LONGEST_PAUSE, Progress};
use super::report::{Report, Verdict};
use parts::{Tone, ago, badge};

/// The document's style.
const STYLE: &str = include_str!("page/style.css");

/// What a browser may do with the page: show it with its own style, and nothing else. The hash
/// is that of the style.
pub const POLICY: &str = "default-src 'none'; img-src data:; \
    style-src 'sha256-3hYyfwWdO8Bo9w/dDb5MkM2qkXRAtdzr3+U6RVteUfA='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How often the page is fetched anew, in seconds: as often as facts are.
const REFRESH: u32 = 10;

/// How old a report may be, in seconds, before the page says so, besides the pause that follows a
/// verification of everything.
const OLD: i64 = 60;

/// How many rows of a list are shown unless all are asked for.
const ROWS: usize = 50;

/// How much of long lists is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As much as is read at a glance.
    Short,
    /// Everything.
    All,
}

impl Length {
    const fn rows(self) -> usize {
        match self {
            Self::Short => ROWS,
            Self::All => usize::MAX,
        }
    }
}

/// Whether the page keeps itself up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It does.
    Itself,
    /// It stays as it is, for who reads slowly, or copies.
    Never,
}

/// How the page is asked for: `?all`, `?still`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// How much is shown.
    pub length: Length,
    /// Whether it keeps itself up to date.
    pub refresh: Refresh,
}

impl Wishes {
    /// The address of the page with these wishes.
    const fn address(self) -> &'static str {
        match (self.length, self.refresh) {
            (Length::Short, Refresh::Itself) => "/",
            (Length::All, Refresh::Itself) => "/?all",
            (Length::Short, Refresh::Never) => "/?still",
            (Length::All, Refresh::Never) => "/?all&still",
        }
    }
}

/// The page as HTML.
#[must_use]
pub fn render(
    report: Option<&Report>,
    progress: Progress,
    wishes: Wishes,
    now: Timestamp,
) -> String {
    let title = match report {
        Some(report) => format!("{} {}", verdict(report.verdict).0, report.node),
        None => "perouter is starting".to_owned(),
    };
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if wishes.refresh == Refresh::Itself {
                    meta http-equiv="refresh" content=(REFRESH);
                }
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                @match report {
                    Some(report) => (whole(report, progress, wishes, now)),
                    None => (starting(progress)),
                }
                (footer(wishes))
            }
        }
    };
    document.into_string()
}

/// The verdict in words, and how it looks.
const fn verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Ready => ("Ready", Tone::Good),
        Verdict::NotReady => ("Not ready", Tone::Bad),
    }
}

fn starting(progress: Progress) -> Markup {
    html! {
        header {
            h1 { (badge("Starting", Tone::Wait)) }
            p { "The agent has not finished its first pass yet: it is "
                (progress.work.as_str()) ", for " (progress.at_it.as_secs()) " s." }
        }
    }
}

fn whole(report: &Report, progress: Progress, wishes: Wishes, now: Timestamp) -> Markup {
    html! {
        header {
            (heading(report))
            (warnings(report, progress, now))
            (facts(report, now))
            (contents(report))
        }
        main {
            (tables::findings(report, wishes))
            (tables::rejections(report, wishes))
            (tables::sessions(report, wishes))
            (tables::vnis(report, wishes))
            (tables::segments(report, wishes))
            (tables::checks(report))
            (tables::objects(report, wishes))
            (tables::repairs(report))
            (tables::counters(report))
        }
    }
}

fn heading(report: &Report) -> Markup {
    let (word, tone) = verdict(report.verdict);
    html! {
        h1 { (badge(word, tone)) " " bdi { (report.node) } }
        @if !report.cause.is_empty() {
            p.cause { (report.cause) }
        }
    }
}

/// What makes the rest of the page worth less.
fn warnings(report: &Report, progress: Progress, now: Timestamp) -> Markup {
    let age = now.as_second() - report.at.as_second();
    // A pause is 19 times as long as the reading before it, up to the longest.
    let reading = report.verification.as_ref().map_or(0, |last| last.took_ms);
    let pause = Duration::from_millis(reading.saturating_mul(20)).min(LONGEST_PAUSE);
    let old = OLD + i64::try_from(pause.as_secs()).unwrap_or(i64::MAX - OLD);
    html! {
        @if age > old {
            p.warning {
                "What follows is " (ago(report.at, now)) " old. The agent is "
                (progress.work.as_str()) ", and took its last step "
                (progress.silent.as_secs()) " s ago; after "
                (DEADLINE.as_secs()) " s it counts as hung."
            }
        }
        @if let Some(listen) = &report.listen {
            @if let Some(error) = &listen.error {
                p.warning { "Not served at " (listen.address) ": " (error) }
            }
        }
    }
}

fn facts(report: &Report, now: Timestamp) -> Markup {
    let daemons = report.frr.daemons.iter();
    html! {
        dl.facts {
            div { dt { "Since" } dd { (ago(report.since, now)) } }
            div { dt { "Node index" } dd { (report.index) } }
            div { dt { "Last pass" } dd {
                @match &report.pass {
                    Some(pass) => { "number " (pass.number) ", " (ago(pass.at, now)) " ago, "
                        (pass.took_ms) " ms" },
                    None => "none yet",
                }
            } }
            div { dt { "Last verification" } dd {
                @match &report.verification {
                    Some(last) => { (ago(last.at, now)) " ago, " (last.took_ms) " ms" },
                    None => "none yet",
                }
            } }
            div { dt { "FRR" } dd {
                (report.frr.version.as_deref().unwrap_or("version not known"))
                @for (name, mode) in daemons {
                    ", " (name) " by " (parts::mode(*mode))
                }
            } }
        }
    }
}

/// What the page holds, with numbers, for who is in a hurry.
fn contents(report: &Report) -> Markup {
    let down = report.sessions.iter();
    let down = down.filter(|of| of.established_seconds.is_none()).count();
    let vnis_down = report.vnis.iter().filter(|of| of.state != "Up").count()
        + report.segments.iter().filter(|of| of.state != "Up").count();
    let unready = report.objects.iter().filter(|of| !of.is_ready()).count();
    let entries = [
        (
            "#findings",
            "findings",
            report.findings.len(),
            report.findings.len(),
            "",
        ),
        ("#sessions", "sessions", report.sessions.len(), down, "down"),
        (
            "#vnis",
            "VNIs",
            report.vnis.len() + report.segments.len(),
            vnis_down,
            "down",
        ),
        (
            "#objects",
            "objects",
            report.objects.len(),
            unready,
            "not ready",
        ),
        ("#repairs", "mended", report.repairs.len(), 0, ""),
    ];
    html! {
        nav aria-label="On this page" {
            @for (to, name, count, bad, word) in entries {
                a href=(to) class=[(bad > 0).then_some("bad")] {
                    b { (count) } " " (name)
                    @if bad > 0 && !word.is_empty() { ", " (bad) " " (word) }
                }
            }
        }
    }
}

fn footer(wishes: Wishes) -> Markup {
    let (other_length, length_words) = match wishes.length {
        Length::Short => (Length::All, "whole lists"),
        Length::All => (Length::Short, "short lists"),
    };
    let (other_refresh, refresh_words) = match wishes.refresh {
        Refresh::Itself => (Refresh::Never, "stop refreshing"),
        Refresh::Never => (Refresh::Itself, "refresh by itself"),
    };
    let long = Wishes {
        length: other_length,
        ..wishes
    };
    let still = Wishes {
        refresh: other_refresh,
        ..wishes
    };
    html! {
        footer {
            p {
                a href=(long.address()) { (length_words) } " "
                a href=(still.address()) { (refresh_words) } " "
                a href="/metrics" { "metrics" } " "
                a href="/readyz?verbose" { "readiness" } " "
                a href="/livez?verbose" { "liveness" }
            }
            p { "perouter " (env!("CARGO_PKG_VERSION")) }
        }
    }
}
