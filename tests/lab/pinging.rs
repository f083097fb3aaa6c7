//! Pings that go on while something happens.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::harness::Lab;
use crate::workloads::{shell, until};

/// Pings that are sent until they are stopped.
pub(crate) struct Pinging<'a> {
    lab: &'a Lab,
    node: &'static str,
    log: String,
}

/// What became of pings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pinged {
    /// How many were sent.
    pub(crate) sent: usize,
    /// How many had no answer, nor were on their way at the end.
    pub(crate) lost: usize,
    /// The longest time without an answer.
    pub(crate) gap: Duration,
}

impl<'a> Pinging<'a> {
    /// Starts to ping an address every 50 ms, with what stands before the command and with
    /// options, and returns once there are answers.
    pub(crate) fn start(lab: &'a Lab, node: &'static str, before: &str, to: &str) -> Self {
        Self::every("0.05", lab, node, before, to)
    }

    /// The same, with another number of seconds between two pings.
    pub(crate) fn every(
        seconds: &str,
        lab: &'a Lab,
        node: &'static str,
        before: &str,
        to: &str,
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let log = format!("/tmp/pings-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let ping = format!(
            "{before} stdbuf -oL ping -n -D -i {seconds} {to} > {log} 2>&1 & echo $! > {log}.pid"
        );
        shell(lab, node, &ping);
        let answers = format!("[ \"$(grep -c icmp_seq= {log})\" -ge 5 ]");
        until(lab, node, &format!("{to} answers"), &answers);
        Self { lab, node, log }
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Pinged {
        let Self { lab, node, log } = self;
        // One that came after the change, so that a gap at the end counts.
        let seen: usize = shell(lab, node, &format!("grep -c icmp_seq= {log}"))
            .trim()
            .parse()
            .unwrap();
        let more = format!("[ \"$(grep -c icmp_seq= {log})\" -gt {seen} ]");
        until(lab, node, "an answer after it", &more);
        let end = format!("kill -INT $(cat {log}.pid); sleep 0.3; cat {log}");
        read(&shell(lab, node, &end))
    }
}

/// Reads what `ping -D` printed.
fn read(printed: &str) -> Pinged {
    let answers = printed.lines().filter(|line| line.contains(" bytes from "));
    let numbered: Vec<(f64, usize)> = answers
        .filter_map(|line| {
            let (time, rest) = line.strip_prefix('[')?.split_once(']')?;
            let (_, rest) = rest.split_once("icmp_seq=")?;
            Some((time.parse().ok()?, rest.split(' ').next()?.parse().ok()?))
        })
        .collect();
    let gaps = numbered.windows(2).map(|pair| pair[1].0 - pair[0].0);
    // Whatever was sent after the last one that was answered may still be on its way.
    let sent = numbered.iter().map(|(_, number)| *number).max();
    let sent = sent.unwrap_or_default();
    Pinged {
        sent,
        lost: sent - numbered.len(),
        gap: Duration::from_secs_f64(gaps.fold(0.0, f64::max)),
    }
}
