//! Pings that go on while something happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use perouter::lab::client::{self, Finished};
use perouter::status::Timestamp;

use crate::fabric::{Fabric, Failure};
use crate::names::End;
use crate::wait::until;

/// Pings, one after the other, until they are stopped.
pub(crate) struct Pinging {
    what: String,
    node: &'static str,
    pid_file: String,
    interval: Duration,
    thread: JoinHandle<Result<Finished, client::ClientError>>,
}

/// How often is pinged where nothing else is said.
pub(crate) const USUAL: Duration = Duration::from_millis(50);

/// How often is pinged where every packet counts.
pub(crate) const DENSE: Duration = Duration::from_millis(10);

/// How long a ping may be on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// What became of the pings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pinged {
    /// From whom to whom.
    pub(crate) what: String,
    /// The first one's number.
    first: usize,
    /// How many were sent.
    pub(crate) sent: usize,
    /// How many had no answer, apart from the last ones, which were on their way.
    pub(crate) lost: usize,
    /// The longest time without an answer.
    pub(crate) gap: Duration,
    /// How packets were led when it ended, if some were lost.
    ways: String,
    /// When answers came, in seconds since 1970, by the pings' numbers.
    answers: BTreeMap<usize, f64>,
}

/// The numbers of the last answered ping of each of `pings`, which are from one node.
pub(crate) fn marks<const N: usize>(
    fabric: &Fabric,
    pings: &[Pinging; N],
) -> Result<[usize; N], Failure> {
    let logs = pings.iter().map(|ping| ping.log());
    let tails: Vec<String> = logs
        .map(|log| format!("tail -n 3 {log}; echo =="))
        .collect();
    let node = pings.first().ok_or("no pings")?.node;
    let shown = fabric.shell(node, &tails.join("\n"))?;
    let mut found = [0; N];
    for (tail, found) in shown.split("==").zip(&mut found) {
        // The last line may be half written.
        let whole = tail.lines().filter(|line| line.ends_with(" ms"));
        let numbers = whole.filter_map(|line| number_after(line, "icmp_seq=", ' '));
        let last = numbers.map(|number| number as usize).max();
        *found = last.ok_or_else(|| format!("no answer to a ping in {tail:?}"))?;
    }
    Ok(found)
}

/// The command line of a single ping, which waits `seconds` for its answer.
pub(crate) fn once(from: &End, to: &End, seconds: &'static str) -> [&'static str; 9] {
    let (source, target) = (from.address, to.address);
    ["ping", "-n", "-c", "1", "-W", seconds, "-I", source, target]
}

impl Pinging {
    /// Starts to ping, and returns once there are answers.
    pub(crate) fn start(
        fabric: &Fabric,
        from: &End,
        to: &End,
        interval: Duration,
    ) -> Result<Self, Failure> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let pid_file = format!("/tmp/ping-{count}.pid");
        let log = format!("/tmp/ping-{count}.log");
        let (source, target) = (from.address, to.address);
        let script = format!(
            "echo $$ > {pid_file}
             exec stdbuf -oL ping -n -D -i {} -I {source} {target} > {log}",
            interval.as_secs_f64()
        );
        let (lab, node) = (fabric.name().to_owned(), from.node);
        let thread =
            std::thread::spawn(move || client::collect(&lab, node, &["bash", "-c", &script]));
        let pinging = Self {
            what: format!("{source} to {target}"),
            node,
            pid_file,
            interval,
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

    fn log(&self) -> String {
        self.pid_file.replace(".pid", ".log")
    }

    /// Ends it.
    pub(crate) fn stop(self, fabric: &Fabric) -> Result<Pinged, Failure> {
        let log = self.log();
        let Self {
            what,
            node,
            pid_file,
            interval,
            thread,
        } = self;
        fabric.shell(node, &format!("kill -INT $(cat {pid_file})"))?;
        thread.join().map_err(|_| "the thread that pings died")??;
        let pinged = read(what, interval, &fabric.ask(node, &["cat", &log])?)?;
        if pinged.lost == 0 {
            return Ok(pinged);
        }
        // They may be mended when somebody judges it.
        let ways = fabric.ways();
        Ok(Pinged { ways, ..pinged })
    }
}

/// The number that stands between a mark and a character.
fn number_after(line: &str, mark: &str, end: char) -> Option<f64> {
    let (_, rest) = line.split_once(mark)?;
    rest.split(end).next()?.parse().ok()
}

/// Reads what `ping -D` printed.
fn read(what: String, interval: Duration, output: &str) -> Result<Pinged, Failure> {
    let mut answers = BTreeMap::new();
    for line in output.lines().filter(|line| line.contains(" bytes from ")) {
        let sequence = number_after(line, "icmp_seq=", ' ').ok_or("a ping without a number")?;
        let time = number_after(line, "[", ']').ok_or("a ping without a time")?;
        // ping counts far from where this would lose anything.
        answers.entry(sequence as usize).or_insert(time);
    }
    let summary = output
        .lines()
        .find(|line| line.contains(" packets transmitted"))
        .ok_or_else(|| format!("ping did not say how many it sent: {output}"))?;
    let sent: usize = summary.split(' ').next().unwrap_or_default().parse()?;
    let last = answers.keys().last().copied().unwrap_or_default();
    let on_their_way = ON_ITS_WAY.div_duration_f64(interval) as usize;
    let on_their_way = (sent - last).min(on_their_way);
    Ok(Pinged {
        what,
        first: 1,
        sent,
        lost: sent - on_their_way - answers.len(),
        gap: longest_gap(answers.values()),
        ways: String::new(),
        answers,
    })
}

/// The longest time between two answers.
fn longest_gap<'a>(times: impl Iterator<Item = &'a f64>) -> Duration {
    let times: Vec<f64> = times.copied().collect();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_secs_f64(gaps.fold(0.0, f64::max))
}

impl Pinged {
    /// What became of those between two marks.
    pub(crate) fn between(&self, from: usize, to: usize) -> Self {
        let answers: BTreeMap<usize, f64> = self
            .answers
            .range(from..=to)
            .map(|(number, time)| (*number, *time))
            .collect();
        Self {
            what: self.what.clone(),
            first: from,
            sent: to - from + 1,
            lost: to - from + 1 - answers.len(),
            gap: longest_gap(answers.values()),
            ways: self.ways.clone(),
            answers,
        }
    }

    /// Those from the mark on.
    pub(crate) fn since(&self, from: usize) -> Self {
        // The last ones of `sent` that are not counted as lost were on their way.
        self.between(from, self.answers.len() + self.lost)
    }

    /// Demands that none was lost.
    pub(crate) fn all_answered(&self) -> Result<(), Failure> {
        if self.lost == 0 {
            return Ok(());
        }
        let Self {
            what, sent, lost, ..
        } = self;
        let gap = self.gap.as_secs_f64();
        let losses = self.losses();
        Err(format!(
            "{lost} of {sent} pings from {what} were lost, {gap:.2} s between two answers at \
             most: {losses}\n{}",
            self.ways
        )
        .into())
    }

    /// Which were lost, and when answers came again, as the logs write it.
    fn losses(&self) -> String {
        let mut told = Vec::new();
        let mut last = self.first - 1;
        for (number, time) in &self.answers {
            if *number > last + 1 {
                let after = Timestamp::from_second(*time as i64);
                let after = after.map_or_else(|error| error.to_string(), |it| it.to_string());
                told.push(format!("{} to {} until {after}", last + 1, number - 1));
            }
            last = *number;
        }
        if last + 1 < self.first + self.sent {
            told.push(format!("all from {} on", last + 1));
        }
        const MOST: usize = 10;
        if told.len() > MOST {
            let more = told.len() - MOST;
            told.truncate(MOST);
            told.push(format!("{more} times more"));
        }
        told.join(", ")
    }
}
