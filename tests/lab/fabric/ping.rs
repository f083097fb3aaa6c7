//! Pings that go on while something happens.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use perouter::lab::client::{self, Finished};

use crate::fabric::{Fabric, Failure};
use crate::names::End;
use crate::wait::until;

/// A ping every 50 ms, until it is stopped.
pub(crate) struct Pinging {
    what: String,
    node: &'static str,
    pid_file: String,
    thread: JoinHandle<Result<Finished, client::ClientError>>,
}

/// What became of the pings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pinged {
    /// From whom to whom.
    what: String,
    /// How many were sent.
    pub(crate) sent: usize,
    /// How many had no answer, apart from the last ones, which were on their way.
    pub(crate) lost: usize,
    /// The longest time without an answer.
    pub(crate) gap: Duration,
}

/// The command line of a single ping, which waits `seconds` for its answer.
pub(crate) fn once(from: &End, to: &End, seconds: &'static str) -> [&'static str; 9] {
    let (source, target) = (from.address, to.address);
    ["ping", "-n", "-c", "1", "-W", seconds, "-I", source, target]
}

impl Pinging {
    /// Starts to ping, and returns once there are answers.
    pub(crate) fn start(fabric: &Fabric, from: &End, to: &End) -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid_file = format!("/tmp/ping-{count}.pid");
        let log = format!("/tmp/ping-{count}.log");
        let (source, target) = (from.address, to.address);
        let script = format!(
            "echo $$ > {pid_file}; exec stdbuf -oL ping -n -D -i 0.05 -I {source} {target} > {log}"
        );
        let (lab, node) = (fabric.name().to_owned(), from.node);
        let thread =
            std::thread::spawn(move || client::collect(&lab, node, &["bash", "-c", &script]));
        let pinging = Self {
            what: format!("{source} to {target}"),
            node,
            pid_file,
            thread,
        };
        until(Duration::from_secs(10), &pinging.what, || {
            let counted = fabric.run(node, &["grep", "-c", "icmp_seq=", &log])?;
            let answers = counted.output.trim().parse().unwrap_or(0);
            Ok(if answers >= 5 {
                Ok(())
            } else {
                Err(format!("{answers} answers"))
            })
        })?;
        Ok(pinging)
    }

    /// Ends it.
    pub(crate) fn stop(self, fabric: &Fabric) -> Result<Pinged, Failure> {
        let Self {
            what,
            node,
            pid_file,
            thread,
        } = self;
        fabric.shell(node, &format!("kill -INT $(cat {pid_file})"))?;
        thread.join().map_err(|_| "the thread that pings died")??;
        let log = pid_file.replace(".pid", ".log");
        read(what, &fabric.ask(node, &["cat", &log])?)
    }
}

/// Reads what `ping -D` printed.
fn read(what: String, output: &str) -> Result<Pinged, Failure> {
    let number_after = |line: &str, mark: &str, end: char| -> Option<f64> {
        let (_, rest) = line.split_once(mark)?;
        rest.split(end).next()?.parse().ok()
    };
    let mut answered = BTreeSet::new();
    let mut times = Vec::new();
    for line in output.lines().filter(|line| line.contains(" bytes from ")) {
        let sequence = number_after(line, "icmp_seq=", ' ').ok_or("a ping without a number")?;
        // ping counts far from where this would lose anything.
        answered.insert(sequence as usize);
        times.push(number_after(line, "[", ']').ok_or("a ping without a time")?);
    }
    let summary = output
        .lines()
        .find(|line| line.contains(" packets transmitted"))
        .ok_or_else(|| format!("ping did not say how many it sent: {output}"))?;
    let sent: usize = summary.split(' ').next().unwrap_or_default().parse()?;
    let last = answered.last().copied().unwrap_or_default();
    // What was sent in the last half second may still be on its way.
    let on_their_way = (sent - last).min(10);
    let gap = times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max);
    Ok(Pinged {
        what,
        sent,
        lost: sent - on_their_way - answered.len(),
        gap: Duration::from_secs_f64(gap),
    })
}

impl Pinged {
    /// Demands that none was lost.
    pub(crate) fn all_answered(&self) -> Result<(), Failure> {
        if self.lost == 0 {
            return Ok(());
        }
        let Self {
            what,
            sent,
            lost,
            gap,
        } = self;
        let gap = gap.as_secs_f64();
        Err(format!("{lost} of {sent} pings from {what} were lost, {gap:.2} s in a row").into())
    }
}
