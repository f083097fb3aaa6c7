//! The bare cost: the same final commands, typed into the daemons' sockets one by one, each
//! answer awaited. Whoever drives FRR by its command line cannot do with less work in FRR.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use perouter::plan::bgp::difference::{Command, ContextChange};
use perouter::plan::{Plan, Presence, SeenFrr, Step};
use perouter_harness::{Daemon, Frr};

use crate::Failure;

/// What FRR itself takes for a change, and what it takes to be looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// bgpd, for its commands.
    pub(crate) bgpd: Duration,
    /// mgmtd with zebra behind it, for one commit of all mappings.
    pub(crate) mgmtd: Duration,
}

impl Cost {
    pub(crate) fn total(self) -> Duration {
        self.bgpd + self.mgmtd
    }
}

/// Open connections to the daemons of one FRR.
pub(crate) struct Bare {
    bgpd: Vty,
    mgmtd: Vty,
    zebra: Vty,
}

impl Bare {
    pub(crate) fn connect(real: &Frr) -> Result<Self, Failure> {
        let connect = |daemon| Vty::connect(real, daemon);
        Ok(Self {
            bgpd: connect(Daemon::Bgpd)?,
            mgmtd: connect(Daemon::Mgmtd)?,
            zebra: connect(Daemon::Zebra)?,
        })
    }

    /// Types what a plan says: what is swept has its mappings first, what is made has them last.
    pub(crate) fn execute(&mut self, plan: &Plan, running: &SeenFrr) -> Result<Cost, Failure> {
        let units = plan
            .units
            .iter()
            .filter_map(|unit| unit.steps.as_ref().ok());
        let made = units.flatten().map(|planned| &planned.step);
        let mut cost = Cost::default();
        let swept = plan.sweep.iter().flat_map(|leftover| &leftover.steps);
        let swept = swept.map(|planned| &planned.step);
        let swept: Vec<&Step> = swept.chain(&plan.closing).collect();
        for steps in [swept, made.collect()] {
            let sweep = steps.iter().any(|step| is_removal(step));
            let mappings = mappings(&steps, running);
            if sweep {
                cost.mgmtd += self.mgmtd.type_all(&mappings)?;
            }
            cost.bgpd += self.bgpd.type_all(&instances(&steps)?)?;
            if !sweep {
                cost.mgmtd += self.mgmtd.type_all(&mappings)?;
            }
        }
        Ok(cost)
    }

    /// How long FRR takes to say what it runs: bgpd, and zebra.
    pub(crate) fn looks(&mut self) -> Result<[Duration; 2], Failure> {
        let look = |vty: &mut Vty, command: &str| -> Result<Duration, Failure> {
            let started = Instant::now();
            vty.command(command)?;
            Ok(started.elapsed())
        };
        Ok([
            look(&mut self.bgpd, "show running-config")?,
            look(&mut self.zebra, "show vrf vni json")?,
        ])
    }
}

fn is_removal(step: &Step) -> bool {
    match step {
        Step::MapVni { vni, .. } => vni.is_none(),
        Step::Bgp(change) => change.after.is_none(),
        Step::AllowAll(presence) => *presence == Presence::Absent,
        Step::Kernel(_) | Step::PrefixLists(_) | Step::BfdProfiles(_) | Step::Raw(_) => false,
    }
}

/// The lines for mgmtd: one commit, which is the cheapest way that there is.
fn mappings(steps: &[&Step], running: &SeenFrr) -> Vec<String> {
    let mut lines = Vec::new();
    for step in steps {
        if let Step::MapVni { vrf, vni } = step {
            lines.push(format!("vrf {vrf}"));
            let held = running.vnis.get(vrf);
            lines.extend(match (vni, held) {
                (Some(vni), _) => Some(format!("vni {vni}")),
                (None, Some(held)) => Some(format!("no vni {held}")),
                (None, None) => None,
            });
            lines.push("exit".to_owned());
        }
    }
    if lines.is_empty() {
        return lines;
    }
    let before = ["configure terminal file-lock", "XFRR_start_configuration"];
    let after = ["XFRR_end_configuration", "end"];
    let words = |lines: [&str; 2]| lines.map(str::to_owned).into_iter();
    words(before).chain(lines).chain(words(after)).collect()
}

/// The lines for bgpd.
fn instances(steps: &[&Step]) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for step in steps {
        match step {
            Step::Bgp(change) => lines.extend(lines_of(change)),
            Step::AllowAll(Presence::Present) => {
                lines.extend(["route-map allowall permit 1", "exit"].map(str::to_owned));
            }
            Step::AllowAll(Presence::Absent) => lines.push("no route-map allowall".to_owned()),
            Step::MapVni { .. } => {}
            Step::PrefixLists(_) | Step::BfdProfiles(_) | Step::Raw(_) | Step::Kernel(_) => {
                return Err(
                    format!("the plans that are measured hold no such step: {step}").into(),
                );
            }
        }
    }
    if !lines.is_empty() {
        lines.insert(0, "configure terminal".to_owned());
        lines.push("end".to_owned());
    }
    Ok(lines)
}

fn lines_of(change: &ContextChange) -> Vec<String> {
    let mut lines = Vec::new();
    for group in change.commands().chunk_by(|a, b| a.path == b.path) {
        let path = group.first().map(|first| &*first.path).unwrap_or_default();
        lines.extend(path.iter().map(ToString::to_string));
        lines.extend(group.iter().map(Command::text).map(String::from));
        lines.extend(path.iter().map(|_| "exit".to_owned()));
    }
    lines
}

/// One connection. It shares no code with the driver.
struct Vty {
    daemon: Daemon,
    stream: UnixStream,
    answer: Vec<u8>,
}

impl Vty {
    fn connect(real: &Frr, daemon: Daemon) -> Result<Self, Failure> {
        let mut vty = Self {
            daemon,
            stream: UnixStream::connect(real.vty_socket(daemon))?,
            answer: Vec::new(),
        };
        vty.command("enable")?;
        Ok(vty)
    }

    /// How long all lines took.
    fn type_all(&mut self, lines: &[String]) -> Result<Duration, Failure> {
        let started = Instant::now();
        for line in lines {
            self.command(line)?;
        }
        Ok(started.elapsed())
    }

    fn command(&mut self, line: &str) -> Result<(), Failure> {
        let mut chunk = [0; 64 * 1024];
        self.stream.write_all(&[line.as_bytes(), &[0]].concat())?;
        self.answer.clear();
        loop {
            match self.answer.as_slice() {
                [.., 0, 0, 0, 0] => return Ok(()),
                [text @ .., 0, 0, 0, status] => {
                    let (daemon, text) = (self.daemon, String::from_utf8_lossy(text));
                    return Err(format!("{daemon}: `{line}`: status {status}: {text}").into());
                }
                _ => match self.stream.read(&mut chunk)? {
                    0 => return Err(format!("{} closed its connection", self.daemon).into()),
                    read => self.answer.extend_from_slice(&chunk[..read]),
                },
            }
        }
    }
}
