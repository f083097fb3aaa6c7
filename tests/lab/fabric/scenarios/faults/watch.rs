//! Watches traffic and sessions while one fault follows another, and tells what each has cost.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::bgp::{self, Sessions};
use crate::fabric::{Fabric, Failure};
use crate::names::{BLUE, NODE1, RED};
use crate::ping::{self, DENSE, Pinged, Pinging};
use crate::wait::{seconds, until};

/// How long pings may take to be answered again once all is said to be well.
const ANSWERED: Duration = Duration::from_secs(30);

/// The pings: from node1 to node2 and to the router behind the leaf in VRF red, and to node2 in
/// VRF blue. An answer crosses everything in the other direction.
const STREAMS: usize = 3;

/// Whose sessions are looked at.
#[derive(Clone, Copy)]
pub(super) enum Concern {
    /// All of the fabric, from every side.
    All,
    /// Those of node1's router, which is one look instead of seven.
    Router,
}

/// What goes on while faults happen.
pub(super) struct Watch<'a> {
    fabric: &'a Fabric,
    concern: Concern,
    pings: [Pinging; STREAMS],
    marks: [usize; STREAMS],
    sessions: Sessions,
    spans: Vec<Span>,
}

/// One fault, until all was well again.
struct Span {
    what: String,
    back: Duration,
    from: [usize; STREAMS],
    to: [usize; STREAMS],
    down: Vec<String>,
}

/// What one fault has cost.
pub(super) struct Cost {
    pub(super) what: String,
    /// How long it took until all was well again.
    back: Duration,
    /// The pings in VRF red, to node2 and beyond the leaf.
    pub(super) red: [Pinged; 2],
    /// The pings in VRF blue.
    pub(super) blue: Pinged,
    /// The sessions that went down, if only for a moment.
    pub(super) down: Vec<String>,
}

impl<'a> Watch<'a> {
    /// Begins, when all is well.
    pub(super) fn start(fabric: &'a Fabric, concern: Concern) -> Result<Self, Failure> {
        let [red1, red2, ext] = RED;
        let [blue1, blue2] = BLUE;
        let pings = [
            Pinging::start(fabric, &red1, &red2, DENSE)?,
            Pinging::start(fabric, &red1, &ext, DENSE)?,
            Pinging::start(fabric, &blue1, &blue2, DENSE)?,
        ];
        Ok(Self {
            fabric,
            concern,
            marks: ping::marks(fabric, &pings)?,
            pings,
            sessions: sessions(fabric, concern)?,
            spans: Vec::new(),
        })
    }

    /// Notes that a fault is over; what happens from now on belongs to the next.
    pub(super) fn over(&mut self, what: &str, back: Duration) -> Result<(), Failure> {
        let seen = ping::marks(self.fabric, &self.pings)?;
        let (marks, _) = until(ANSWERED, "pings are answered again", || {
            let now = ping::marks(self.fabric, &self.pings)?;
            let all = now.iter().zip(&seen).all(|(now, then)| now > then);
            Ok(if all {
                Ok(now)
            } else {
                Err(format!("{now:?}"))
            })
        })?;
        let sessions = sessions(self.fabric, self.concern)?;
        self.spans.push(Span {
            what: what.to_owned(),
            back,
            from: self.marks,
            to: marks,
            down: bgp::went_down(&self.sessions, &sessions),
        });
        self.marks = marks;
        self.sessions = sessions;
        Ok(())
    }

    /// Ends it, and tells what each fault has cost.
    pub(super) fn costs(self) -> Result<Vec<Cost>, Failure> {
        let [red, ext, blue] = self.pings;
        let red = [red.stop(self.fabric)?, ext.stop(self.fabric)?];
        let blue = blue.stop(self.fabric)?;
        let costs = self.spans.into_iter().map(|span| {
            let Span {
                what,
                back,
                from,
                to,
                down,
            } = span;
            Cost {
                what,
                back,
                red: [
                    red[0].between(from[0], to[0]),
                    red[1].between(from[1], to[1]),
                ],
                blue: blue.between(from[2], to[2]),
                down,
            }
        });
        Ok(costs.collect())
    }
}

fn sessions(fabric: &Fabric, concern: Concern) -> Result<Sessions, Failure> {
    match concern {
        Concern::All => bgp::sessions(fabric),
        Concern::Router => bgp::of_router(fabric, NODE1),
    }
}

impl Cost {
    /// The longest time without an answer in any of the streams.
    pub(super) fn gap(&self) -> Duration {
        let [red, ext] = &self.red;
        red.gap.max(ext.gap).max(self.blue.gap)
    }

    /// How many pings were lost in all.
    pub(super) fn lost(&self) -> usize {
        let [red, ext] = &self.red;
        red.lost + ext.lost + self.blue.lost
    }

    /// What it says to people.
    pub(super) fn tell(&self) {
        let of = |pinged: &Pinged| {
            let Pinged {
                lost, sent, gap, ..
            } = pinged;
            if *lost == 0 {
                format!("0/{sent}")
            } else {
                format!("{lost}/{sent} (gap {})", seconds(*gap))
            }
        };
        let [red, ext] = &self.red;
        // The families of one session go down together.
        let sessions = self.down.iter().filter_map(|name| name.rsplit_once(' '));
        let sessions: BTreeSet<&str> = sessions.map(|(session, _)| session).collect();
        let down = if sessions.is_empty() {
            "none".to_owned()
        } else {
            let names: Vec<&str> = sessions.iter().copied().collect();
            format!("{} ({})", names.len(), names.join(", "))
        };
        crate::say(&format!(
            "  {:<36} ready {:>7}, lost to node2 {}, to ext {}, blue {}; sessions down: {down}",
            self.what,
            seconds(self.back),
            of(red),
            of(ext),
            of(&self.blue)
        ));
    }
}

/// Tells all costs, and demands of each what `check` says; a line that sums up.
pub(super) fn tell(
    costs: &[Cost],
    check: impl Fn(&Cost) -> Result<(), String>,
) -> Result<String, Failure> {
    costs.iter().for_each(Cost::tell);
    let wrong = costs.iter().filter_map(|cost| {
        let why = check(cost).err()?;
        Some(format!("{}: {why}", cost.what))
    });
    let wrong: Vec<String> = wrong.collect();
    if !wrong.is_empty() {
        return Err(wrong.join("; ").into());
    }
    let worst = costs.iter().map(Cost::gap).max().unwrap_or_default();
    let lost: usize = costs.iter().map(Cost::lost).sum();
    Ok(format!(
        "{} faults, each as fresh afterwards; {lost} pings lost, at most {} in a row",
        costs.len(),
        seconds(worst)
    ))
}
