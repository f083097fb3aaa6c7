//! Pings that go on while something happens.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{shell, until};
use crate::harness::Lab;

/// A ping every 50 ms, until it is stopped.
pub(super) struct Pinging<'a> {
    lab: &'a Lab,
    node: &'static str,
    log: String,
}

impl<'a> Pinging<'a> {
    /// Starts to ping an address, with what stands before the command and with options, and
    /// returns once there are answers.
    pub(super) fn start(lab: &'a Lab, node: &'static str, before: &str, to: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let log = format!("/tmp/pings-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let ping = format!(
            "{before} stdbuf -oL ping -n -D -i 0.05 {to} > {log} 2>&1 & echo $! > {log}.pid"
        );
        shell(lab, node, &ping);
        let answers = format!("[ \"$(grep -c icmp_seq= {log})\" -ge 5 ]");
        until(lab, node, &format!("{to} answers"), &answers);
        Self { lab, node, log }
    }

    /// Ends it; the longest time without an answer.
    pub(super) fn stop(self) -> Duration {
        let Self { lab, node, log } = self;
        // One that came after the change, so that a gap at the end counts.
        let seen: usize = shell(lab, node, &format!("grep -c icmp_seq= {log}"))
            .trim()
            .parse()
            .unwrap();
        let more = format!("[ \"$(grep -c icmp_seq= {log})\" -gt {seen} ]");
        until(lab, node, "an answer after it", &more);
        let printed = shell(lab, node, &format!("kill -INT $(cat {log}.pid); cat {log}"));
        let answers = printed.lines().filter(|line| line.contains("icmp_seq="));
        let times: Vec<f64> = answers
            .filter_map(|line| line.strip_prefix('[')?.split(']').next()?.parse().ok())
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        Duration::from_secs_f64(gaps.fold(0.0, f64::max))
    }
}
