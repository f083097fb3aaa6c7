//! What several sections are made of.

use std::time::Duration;

use maud::{Markup, html};

use super::{Length, Wishes};
use crate::status::Timestamp;
use crate::status::condition::{Condition, ConditionStatus};
use crate::status::report::DaemonMode;
use crate::verify::age::Age;

/// How something looks; it is always said in words too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Wait,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "badge good",
            Self::Bad => "badge bad",
            Self::Wait => "badge wait",
        }
    }

    /// Good or bad.
    pub(super) const fn judged(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// A word that is marked.
pub(super) fn badge(word: &str, tone: Tone) -> Markup {
    html! { span class=(tone.class()) { (word) } }
}

/// How long ago something was; nothing when it is to come, by a clock that was set.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Age {
    let seconds = now.as_second().saturating_sub(then.as_second());
    Age(Duration::from_secs(
        u64::try_from(seconds).unwrap_or_default(),
    ))
}

/// How a daemon is driven, in words.
pub(super) const fn mode(mode: DaemonMode) -> &'static str {
    match mode {
        DaemonMode::Northbound => "gRPC northbound",
        DaemonMode::Vty => "vty",
        DaemonMode::Unreachable => "nothing: not connected",
    }
}

/// A condition in a cell.
pub(super) fn condition(condition: Option<&Condition>) -> Markup {
    let Some(condition) = condition else {
        return html! { "-" };
    };
    let tone = match condition.status {
        ConditionStatus::True => Tone::Good,
        ConditionStatus::False => Tone::Bad,
        ConditionStatus::Unknown => Tone::Wait,
    };
    badge(condition.status.as_str(), tone)
}

/// A section under its heading, which links can lead to.
pub(super) fn section(id: &str, title: &str, count: usize, content: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) " " span.count { (count) } }
            (content)
        }
    }
}

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    Words(&'static str),
    Number(&'static str),
}

impl Head {
    fn cell(self) -> Markup {
        html! { @match self {
            Self::Words(title) => th scope="col" { (title) },
            Self::Number(title) => th.number scope="col" { (title) },
        } }
    }
}

/// A table that scrolls in itself where it is wider than the screen.
pub(super) fn table(id: &str, heads: &[Head], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby={ (id) "-title" } {
            table {
                thead { tr { @for head in heads { (head.cell()) } } }
                tbody { (rows) }
            }
        }
    }
}

/// Says how many of a list are not shown, and where all are.
pub(super) fn left_out(count: usize, wishes: Wishes) -> Markup {
    let hidden = count.saturating_sub(wishes.length.rows());
    let all = Wishes {
        length: Length::All,
        ..wishes
    };
    html! {
        @if hidden > 0 {
            p.more { "and " (hidden) " more: " a href=(all.address()) { "show all" } }
        }
    }
}
