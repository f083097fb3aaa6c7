//! Verification at scale: a full one and that of one VRF, the agent's memory, and what it takes of
//! the processor while nothing happens.
//!
//! The lab's node is a whole one: the agent, a real FRR that it drives, a kernel with VRFs. The
//! fabric is a BGP speaker that announces Type-5 routes of as many VNIs as the node has, from a few
//! VTEPs. The L3VNIs have no leg to the host: a thousand sessions more would measure the host.

mod answers;
mod speaker;

use std::time::{Duration, Instant};

use perouter::status::Timestamp;
use serde_json::Value;

use crate::Failure;
use crate::goals;
use crate::lab::{Kernel, Lab, kernels_number};
use crate::progress::Progress;
use crate::results::{Results, Unit, median_ms};

/// How the program is called inside the lab: as the fabric, to ask that, and to ask the daemons.
const SPEAKER: &str = "verify-speaker";
const TELL: &str = "verify-tell";
const ANSWERS: &str = "verify-answers";

/// Where the nodes see it.
const PROGRAM: &str = "/usr/bin/rivals";

/// The L3VNIs, and the Type-5 routes of each.
const SIZES: [usize; 3] = [10, 100, 1000];
const ROUTES: usize = 100;

/// The environment's variable that names other numbers of L3VNIs, in ascending order: `100,1000`.
const SIZES_WANTED: &str = "PEROUTER_BENCH_L3VNIS";

/// Prints what FRR said last, which tells why it did not answer.
const FRR_SAID: &str = "tail -n 20 /var/log/perouter/bgpd.log /var/log/perouter/zebra.log";

/// How many L3VNIs are added at once: zebra of User Mode Linux takes half a minute for a thousand,
/// and is taken for dead.
const AT_ONCE: usize = 100;

/// How many a file holds.
const PER_FILE: usize = 10;

/// How often a full verification is asked for, and how often one route comes and goes.
const FULL: usize = 3;
const CHANGES: usize = 5;

/// How long all may take until the agent has verified it.
const READY_WITHIN: Duration = Duration::from_secs(420);

/// How long the agent is left alone before it is watched, and how long it is watched.
const CALM: Duration = Duration::from_secs(15);
const REST: Duration = Duration::from_secs(60);

/// How long one change may take until it is verified.
const VERIFIED_WITHIN: Duration = Duration::from_secs(60);

/// What the agent logs, and the words of the lines that tell of a verification.
const LOG: &str = "/var/log/perouter/agent.log";
const VERIFIED: &str = "\"message\":\"verified\"";

/// The word of the line that tells that the node is no longer ready, with the reason.
const NOT_READY: &str = "\"message\":\"not ready: ";

/// What that reason names when the fabric's session is lost.
const OF_SESSION: &str = "underlay-session";

/// The words of the line that tells that bgpd has told of it (BMP).
const TOLD: &str = "bgpd tells: session with";

/// Begins to measure the agent's peak of memory anew (`proc_pid_clear_refs(5)`).
const FORGET_PEAK: &str = "echo 5 > /proc/$(pgrep -fx 'perouter agent .*')/clear_refs";

/// Prints what the kernel says of the agent: its memory, and the time on a processor in
/// nanoseconds.
const LOOK: &str = r#"
agent=/proc/$(pgrep -fx 'perouter agent .*')
grep -h '^VmRSS:\|^VmHWM:' $agent/status
cat $agent/task/*/schedstat | awk '{ total += $1 } END { printf "Schedstat: %d\n", total }'
"#;

/// Memory of User Mode Linux.
const MEMORY_MIB: &str = "6144";

const TOPOLOGY: &str = "\
name: NAME
topology:
  defaults:
    kind: linux
    network-mode: none
    binds:
      - EXECUTABLE:/usr/bin/rivals:ro
  nodes:
    spine:
      image: perouter/lab-frr:latest
      entrypoint: /bin/sh
      cmd: -c 'until [ -e /sys/class/net/eth1 ]; do sleep 0.1; done; ip address add 10.0.1.1/24 dev eth1; touch /run/lab-ready; exec /usr/bin/rivals verify-speaker'
    node1:
      image: perouter/lab-node:latest
      env:
        NODE_INDEX: 0
        PEROUTER_LOG: info,perouter::agent=debug
        PEROUTER_LOG_FORMAT: json
      binds:
        - evpn-l3/daemons:/etc/frr/daemons:ro
        - evpn-l3/node1/before-frr:/etc/lab/before-frr:ro
        - evpn-l3/manifests/node1/underlay.yaml:/etc/lab/manifests/underlay.yaml:ro
        - vnis:/etc/lab/vnis:ro
  links:
    - endpoints: [\"spine:eth1\", \"node1:eth1\"]
";

/// One Type-5 route of the fabric.
#[derive(Clone, Copy, Debug)]
struct Route {
    /// The number of its L3VNI.
    vni: usize,
    number: usize,
}

/// The VNI of the L3VNI with this number.
const fn vni(number: usize) -> usize {
    10_000 + number
}

fn manifest(number: usize) -> String {
    let vni = vni(number);
    format!(
        "apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata: {{name: vrf{number}, namespace: perouter-system}}
spec:
  vrf: vrf{number}
  vni: {vni}
  importRTs: [\"64512:{vni}\"]
  exportRTs: [\"64512:{vni}\"]
"
    )
}

/// Measures all sizes in one lab, in which the VNIs become more.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let topology = TOPOLOGY.replace("EXECUTABLE", &program.display().to_string());
    let sizes = sizes()?;
    let files: Vec<_> = (0..sizes.iter().copied().max().unwrap_or(0))
        .step_by(PER_FILE)
        .map(|from| {
            let text: Vec<String> = (from..from + PER_FILE).map(manifest).collect();
            (format!("vnis/{from}.yaml"), text.join("---\n"))
        })
        .collect();
    let lab = Lab::start_with(
        "verify",
        &topology,
        &["--memory", MEMORY_MIB],
        &files,
        progress,
    )?;
    let mut scale = Scale {
        kernel: lab.kernel()?,
        lab,
        results,
        progress,
        there: 0,
    };
    let before = scale.look()?;
    scale.alone(
        "agent without VNIs, resident memory",
        0,
        Unit::Kibibytes,
        before.resident,
    );
    let mut all = Vec::new();
    let measured = sizes.iter().try_for_each(|vnis| {
        all.push(scale.size(*vnis)?);
        Ok(())
    });
    let measured = measured.and_then(|()| scale.lose());
    let measured = measured.map_err(|error| scale.with_logs(&error));
    scale.lab.down()?;
    goals::judge_verification(results, &all);
    measured
}

fn sizes() -> Result<Vec<usize>, Failure> {
    let Ok(wanted) = std::env::var(SIZES_WANTED) else {
        return Ok(SIZES.to_vec());
    };
    let sizes = wanted.split(',').map(|size| size.trim().parse());
    let sizes: Result<Vec<usize>, _> = sizes.collect();
    sizes.map_err(|error| format!("{SIZES_WANTED} is {wanted:?}: {error}").into())
}

/// What is measured with, and what there is already.
struct Scale<'a> {
    lab: Lab,
    kernel: Kernel,
    results: &'a mut Results,
    progress: &'a Progress,
    there: usize,
}

/// The agent, as the kernel sees it.
struct Look {
    at: Instant,
    resident: f64,
    peak: f64,
    on_processor: Duration,
}

/// What a verification took, as the agent logged it.
struct Verified {
    /// Seconds from the change until the agent had verified it.
    after: Duration,
    /// How long the verification itself took.
    took: Duration,
}

/// The first verification of the log that was over after a moment, in nanoseconds since 1970, and
/// found as many routes in the kernel as there are in what it looked at.
fn first_after(
    log: &str,
    at: u128,
    expected: [(&str, u64); 2],
) -> Result<Option<Verified>, Failure> {
    for line in log.lines() {
        let line: Value = serde_json::from_str(line)?;
        let Some(after) = since(&line, at)? else {
            continue;
        };
        let is_it =
            |(scope, routes): &(&str, u64)| line["scope"] == **scope && line["routes"] == *routes;
        if expected.iter().any(is_it) {
            let took = line["took_us"]
                .as_u64()
                .ok_or("it does not say how long it took")?;
            return Ok(Some(Verified {
                after,
                took: Duration::from_micros(took),
            }));
        }
    }
    Ok(None)
}

/// How long after the moment the first line of the log with these words was written.
fn first_with(words: &str, log: &str, at: u128) -> Result<Option<Duration>, Failure> {
    for line in log.lines().filter(|line| line.contains(words)) {
        if let Some(after) = since(&serde_json::from_str(line)?, at)? {
            return Ok(Some(after));
        }
    }
    Ok(None)
}

/// How long after a moment, in nanoseconds since 1970, the log's line was written; nothing for one
/// that is older.
fn since(line: &Value, at: u128) -> Result<Option<Duration>, Failure> {
    let text = line["timestamp"].as_str();
    let text = text.ok_or("a line of the log has no time")?;
    let written: Timestamp = text.parse()?;
    let after = u64::try_from(written.as_nanosecond() - i128::try_from(at)?);
    Ok(after.ok().map(Duration::from_nanos))
}

/// How many routes the agent found in the kernel, of all VNIs.
fn routes_in_kernel(report: &Value) -> u64 {
    let mut checks = report["checks"].as_array().into_iter().flatten();
    let tally = checks.find(|tally| tally["check"] == "route-in-kernel");
    tally.and_then(|tally| tally["good"].as_u64()).unwrap_or(0)
}

fn ms(time: Duration) -> f64 {
    1000.0 * time.as_secs_f64()
}

/// What this program does in the lab, if it is called to do something there.
pub(crate) fn inside(arguments: &[String]) -> Option<Result<(), Failure>> {
    let (verb, rest) = arguments.split_first()?;
    match verb.as_str() {
        SPEAKER => Some(speaker::serve()),
        TELL => Some(speaker::ask(rest)),
        ANSWERS => Some(answers::measure(rest)),
        _ => None,
    }
}

impl Scale<'_> {
    fn alone(&mut self, name: &str, vnis: usize, unit: Unit, value: f64) {
        let name = format!("{name}, {}", self.kernel);
        self.results.alone(&name, vnis, unit, value);
    }

    /// Measures one size. Each number is told as soon as there is one: a later one may fail.
    fn size(&mut self, vnis: usize) -> Result<goals::Verification, Failure> {
        let ms = Unit::Milliseconds;
        self.grow(vnis)?;
        self.lab.exec(&["sh", "-c", FORGET_PEAK])?;
        let full = median_ms(&self.full(vnis)?)?;
        self.tell("a full verification", vnis, ms, full);
        self.progress
            .tell(format!("{vnis} L3VNIs: what the daemons take to answer"));
        let answers: answers::Answers =
            serde_json::from_str(&self.lab.exec(&[PROGRAM, ANSWERS, &vnis.to_string()])?)?;
        let (bgpd, zebra) = (answers.bgpd, answers.zebra);
        self.tell("of that bgpd answers the same questions", vnis, ms, bgpd);
        self.tell("of that zebra answers the same, meanwhile", vnis, ms, zebra);
        let rest = self.rest(vnis)?;
        let look = self.look()?;
        let (resident, peak) = (look.resident, look.peak);
        let memory = Unit::Kibibytes;
        self.tell("agent at rest, resident memory", vnis, memory, resident);
        self.tell("agent, peak of resident memory", vnis, memory, peak);
        let processor = Unit::CorePercent;
        self.tell("agent at rest, processor time", vnis, processor, rest);
        let changes = self.changes(vnis)?;
        let after: Vec<Duration> = changes.iter().map(|one| one.after).collect();
        let took: Vec<Duration> = changes.iter().map(|one| one.took).collect();
        let (after_change, incremental) = (median_ms(&after)?, median_ms(&took)?);
        let until = "one route changed, until it is verified";
        self.tell(until, vnis, ms, after_change);
        let alone = "one route changed, the verification";
        self.tell(alone, vnis, ms, incremental);
        Ok(goals::Verification {
            vnis,
            routes: vnis * ROUTES,
            full,
            bgpd,
            zebra,
            after_change,
            incremental,
            peak,
            rest,
        })
    }

    /// The failure, with what FRR has to say to it.
    fn with_logs(&self, failure: &Failure) -> Failure {
        let failure = crate::chain(&**failure);
        match self.lab.exec(&["sh", "-c", FRR_SAID]) {
            Ok(said) => format!("{failure}\nFRR said:\n{said}").into(),
            Err(error) => format!("{failure}\nFRR's logs cannot be read: {error}").into(),
        }
    }

    fn tell(&mut self, name: &str, vnis: usize, unit: Unit, value: f64) {
        let routes = vnis * ROUTES;
        self.alone(&format!("{name}, {routes} routes"), vnis, unit, value);
    }

    /// Has everything verified a few times.
    fn full(&self, vnis: usize) -> Result<Vec<Duration>, Failure> {
        self.progress
            .tell(format!("{vnis} L3VNIs: verifying all, {FULL} times"));
        let verify = |_| {
            let report: Value =
                serde_json::from_str(&self.lab.exec(&["perouter", "verify", "-o", "json"])?)?;
            let took = report["tookMs"].as_u64();
            let took = took.ok_or("it does not say how long it took")?;
            Ok(Duration::from_millis(took))
        };
        (0..FULL).map(verify).collect()
    }

    /// One route of a VRF in the middle goes and comes again, a few times.
    fn changes(&self, vnis: usize) -> Result<Vec<Verified>, Failure> {
        self.progress
            .tell(format!("{vnis} L3VNIs: one route, {CHANGES} times"));
        let mut changes = Vec::new();
        for _ in 0..CHANGES {
            changes.push(self.change("withdraw", vnis / 2, ROUTES * vnis - 1)?);
            changes.push(self.change("again", vnis / 2, ROUTES * vnis)?);
        }
        Ok(changes)
    }

    /// Adds L3VNIs and their routes, and waits until all of it is verified.
    fn grow(&mut self, vnis: usize) -> Result<(), Failure> {
        self.progress.tell(format!("{vnis} L3VNIs: applying"));
        let begun = Instant::now();
        let mut from = self.there;
        while from < vnis {
            let to = vnis.min((from / AT_ONCE + 1) * AT_ONCE);
            let names = (from..to)
                .step_by(PER_FILE)
                .map(|first| format!("{first}.yaml"));
            let names: Vec<String> = names.collect();
            let copy = format!("cd /etc/lab/vnis && cp {} /etc/perouter/", names.join(" "));
            self.lab.exec(&["sh", "-c", &copy])?;
            self.wait(to, self.there * ROUTES)?;
            self.progress.tell(format!("{to} L3VNIs are ready"));
            from = to;
        }
        self.alone(
            "applied and verified",
            vnis,
            Unit::Milliseconds,
            ms(begun.elapsed()),
        );
        let routes = vnis * ROUTES;
        self.progress
            .tell(format!("{vnis} L3VNIs: {routes} routes"));
        let words = [
            "announce",
            &self.there.to_string(),
            &(vnis - self.there).to_string(),
            &ROUTES.to_string(),
        ]
        .map(str::to_owned);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.ask_speaker(&words)?;
        self.wait(vnis, routes)?;
        self.there = vnis;
        Ok(())
    }

    /// Has the fabric do something; when that was, in nanoseconds since 1970.
    fn ask_speaker(&self, words: &[&str]) -> Result<u128, Failure> {
        let command = [&[PROGRAM, TELL], words].concat();
        Ok(self.lab.exec_in("spine", &command)?.trim().parse()?)
    }

    /// Waits until the agent is ready with so many VNIs and so many routes in the kernel.
    fn wait(&self, vnis: usize, routes: usize) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let status = self.lab.try_exec(&["perouter", "status", "-o", "json"])?;
            let report: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            let there = report["vnis"].as_array().map_or(0, Vec::len);
            let good = routes_in_kernel(&report);
            if report["verdict"] == "Ready" && (there, good) == (vnis, routes as u64) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "{there} VNIs and {good} routes are ready: {}",
                    report["cause"]
                )
                .into());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// One route changes; how long until the agent has verified it.
    fn change(&self, verb: &str, number: usize, routes: usize) -> Result<Verified, Failure> {
        let at = self.ask_speaker(&[verb, &number.to_string(), "7"])?;
        let begun = Instant::now();
        let own = ROUTES - usize::from(verb == "withdraw");
        let vrf = format!("vrf{number}");
        let verified = loop {
            let log = self.lab.exec(&["grep", VERIFIED, LOG])?;
            let expected = [("all", routes as u64), (&vrf, own as u64)];
            if let Some(verified) = first_after(&log, at, expected)? {
                break verified;
            }
            if begun.elapsed() > VERIFIED_WITHIN {
                return Err(format!(
                    "the agent has not verified {verb} in {vrf} within {} s; it verified:\n{}",
                    VERIFIED_WITHIN.as_secs(),
                    self.lab.exec(&["tail", "-n", "20", LOG])?
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(500));
        };
        // It is the whole truth: all else is as it was.
        self.wait(routes.div_ceil(ROUTES), routes)?;
        Ok(verified)
    }

    /// Ends the fabric's session: all routes go, and the node says that it is not ready.
    fn lose(&mut self) -> Result<(), Failure> {
        let vnis = self.there;
        self.progress
            .tell(format!("{vnis} L3VNIs: the session is lost"));
        let at = self.ask_speaker(&["drop"])?;
        let begun = Instant::now();
        let (told, after) = loop {
            let log = self
                .lab
                .try_exec(&["grep", "-e", NOT_READY, "-e", TOLD, LOG])?;
            let log = String::from_utf8_lossy(&log.stdout);
            let [told, known] = [TOLD, OF_SESSION].map(|words| first_with(words, &log, at));
            if let Some(known) = known? {
                break (told?.ok_or("bgpd did not tell of the lost session")?, known);
            }
            if begun.elapsed() > VERIFIED_WITHIN {
                return Err("the agent does not tell of the lost session".into());
            }
            std::thread::sleep(Duration::from_millis(500));
        };
        let name = "the session lost, until the node is not ready";
        self.tell(name, vnis, Unit::Milliseconds, ms(after));
        let name = "of that until bgpd tells of it";
        self.tell(name, vnis, Unit::Milliseconds, ms(told));
        goals::judge_loss(self.results, vnis * ROUTES, ms(after), ms(told));
        Ok(())
    }

    fn rest(&self, vnis: usize) -> Result<f64, Failure> {
        self.progress
            .tell(format!("{vnis} L3VNIs: at rest for {} s", REST.as_secs()));
        std::thread::sleep(CALM);
        let before = self.look()?;
        std::thread::sleep(REST);
        let after = self.look()?;
        let busy = after.on_processor.saturating_sub(before.on_processor);
        let span = after.at.duration_since(before.at);
        Ok(100.0 * busy.as_secs_f64() / span.as_secs_f64())
    }

    fn look(&self) -> Result<Look, Failure> {
        let text = self.lab.exec(&["sh", "-c", LOOK])?;
        let at = Instant::now();
        let number = |key: &str| kernels_number(&text, key);
        Ok(Look {
            at,
            resident: number("VmRSS:")? as f64,
            peak: number("VmHWM:")? as f64,
            on_processor: Duration::from_nanos(number("Schedstat:")?),
        })
    }
}
