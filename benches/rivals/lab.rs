//! The agent at rest, and a verification, in a fabric in which everything is ready.
//!
//! Two fabrics: the one of `make lab`, with two L3VNIs, on this machine's kernel where that has
//! VRFs and in User Mode Linux otherwise; and one of a spine and a node with an underlay alone,
//! which any kernel runs, so that at least its figures are never those of an emulation.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::progress::Progress;
use crate::results::{Results, Unit, median_ms};

/// How long a fabric may take until every agent is ready.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// How long the agent is left alone before it is looked at: what it did to come up is no rest.
const CALM: Duration = Duration::from_secs(5);

/// How long it is looked at: a resync, six verifications, and enough of the clock's ticks.
const REST: Duration = Duration::from_secs(60);

/// How often a verification is asked for.
const VERIFICATIONS: usize = 15;

/// Prints what the kernel says of the agent: its memory, and the time on a processor in
/// nanoseconds.
const LOOK: &str = r#"
for process in /proc/[0-9]*; do
    [ "$(tr '\0' ' ' 2>/dev/null < $process/cmdline | cut -d' ' -f1,2)" = 'perouter agent' ] || continue
    grep -h '^VmRSS:\|^RssAnon:' $process/status
    grep -h '^Pss:' $process/smaps_rollup
    cat $process/task/*/schedstat | awk '{ total += $1 } END { printf "Schedstat: %d\n", total }'
    exit 0
done
echo 'no agent runs' >&2
exit 1
"#;

/// A spine and a node of the fabric of `make lab`, with the underlay alone.
const UNDERLAY_ONLY: &str = "\
name: NAME
topology:
  defaults:
    kind: linux
    image: perouter/lab-frr:latest
    network-mode: none
    binds:
      - evpn-l3/daemons:/etc/frr/daemons:ro
  nodes:
    spine:
      binds:
        - evpn-l3/spine/frr.conf:/etc/frr/frr.conf:ro
        - spine-before-frr:/etc/lab/before-frr:ro
    node1:
      image: perouter/lab-node:latest
      env:
        NODE_INDEX: 0
      binds:
        - evpn-l3/node1/frr.conf:/etc/frr/frr.conf:ro
        - evpn-l3/node1/before-frr:/etc/lab/before-frr:ro
        - evpn-l3/manifests/node1/underlay.yaml:/etc/lab/manifests/underlay.yaml:ro
  links:
    - endpoints: [\"spine:eth1\", \"node1:eth1\"]
";

/// The spine's one link in that fabric.
const SPINE_LINK: &str = "\
until [ -e /sys/class/net/eth1 ]; do sleep 0.1; done
ip address add 10.0.1.1/24 dev eth1
";

/// Measures in both fabrics.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    let fabric = fs::read_to_string(shipped().join("evpn-l3.clab.yml"))?;
    let fabric = fabric.replacen("name: evpn-l3\n", "name: NAME\n", 1);
    let small = Lab::up("underlay", UNDERLAY_ONLY, "native", progress)?;
    let large = Lab::up("evpn", &fabric, "auto", progress)?;
    let kernel = large.kernel()?;
    let labs = [(&small, 0, Kernel::Own), (&large, 2, kernel)];
    // Without routes a verification takes less than the millisecond that the agent counts in.
    verification(&large, results, 2, kernel, progress)?;
    at_rest(&labs, results, progress)?;
    large.down()?;
    small.down()
}

/// Whose kernel a lab runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// This machine's.
    Own,
    /// One that runs as a process: it counts the time of its own processes in steps of 10 ms,
    /// and what is shorter than a step not at all.
    UserMode,
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "this kernel",
            Self::UserMode => "User Mode Linux",
        })
    }
}

fn verification(
    lab: &Lab,
    results: &mut Results,
    vnis: usize,
    kernel: Kernel,
    progress: &Progress,
) -> Result<(), Failure> {
    progress.tell(format!("verifying {VERIFICATIONS} times"));
    let mut times = Vec::new();
    for _ in 0..VERIFICATIONS {
        let report: Value =
            serde_json::from_str(&lab.exec(&["perouter", "verify", "-o", "json"])?)?;
        let took = report["tookMs"]
            .as_u64()
            .ok_or("the verification does not say how long it took")?;
        times.push(Duration::from_millis(took));
    }
    let name = format!("one verification, hop by hop, {kernel}");
    results.alone(&name, vnis, Unit::Milliseconds, median_ms(&times)?);
    Ok(())
}

/// What the kernel says of a process.
struct Look {
    at: Instant,
    memory: [(&'static str, f64); 3],
    on_processor: Duration,
}

/// Watches agents at rest, all at the same time.
fn at_rest(
    labs: &[(&Lab, usize, Kernel)],
    results: &mut Results,
    progress: &Progress,
) -> Result<(), Failure> {
    progress.tell("leaving the agents alone");
    std::thread::sleep(CALM);
    let look = || {
        labs.iter()
            .map(|(lab, _, _)| lab.look())
            .collect::<Result<Vec<_>, _>>()
    };
    let before = look()?;
    progress.tell(format!(
        "watching the agents at rest for {} s",
        REST.as_secs()
    ));
    std::thread::sleep(REST);
    let after = look()?;
    for ((_, vnis, kernel), (before, after)) in labs.iter().zip(before.iter().zip(&after)) {
        for (name, kibibytes) in after.memory {
            let name = format!("agent at rest, {name}, {kernel}");
            results.alone(&name, *vnis, Unit::Kibibytes, kibibytes);
        }
        match kernel {
            Kernel::Own => {
                let busy = after.on_processor.saturating_sub(before.on_processor);
                let span = after.at.duration_since(before.at);
                let share = 100.0 * busy.as_secs_f64() / span.as_secs_f64();
                let name = format!("agent at rest, processor time, {kernel}");
                results.alone(&name, *vnis, Unit::CorePercent, share);
            }
            Kernel::UserMode => progress.tell(
                "no processor time of the agent in User Mode Linux, whose clock is too coarse",
            ),
        }
    }
    Ok(())
}

/// A running lab of our own name, taken down when dropped.
pub(crate) struct Lab {
    topology: PathBuf,
    /// Whether it still is to be taken down.
    stands: bool,
    _folder: TempDir,
}

impl Lab {
    /// Starts a lab and waits until the agent of node1 says that all is ready.
    fn up(what: &str, topology: &str, backend: &str, progress: &Progress) -> Result<Self, Failure> {
        let lab = Self::start(what, topology, backend, progress)?;
        progress.tell("waiting until the agent is ready");
        lab.wait_ready()?;
        Ok(lab)
    }

    /// Starts a lab.
    pub(crate) fn start(
        what: &str,
        topology: &str,
        backend: &str,
        progress: &Progress,
    ) -> Result<Self, Failure> {
        Self::start_with(what, topology, &["--backend", backend], &[], progress)
    }

    /// Starts a lab as these options of `perouter lab up` say, with these files beside its
    /// topology.
    pub(crate) fn start_with(
        what: &str,
        topology: &str,
        options: &[&str],
        files: &[(String, String)],
        progress: &Progress,
    ) -> Result<Self, Failure> {
        let name = format!("bench-{what}-{}", std::process::id());
        let folder = tempfile::tempdir()?;
        copy(&shipped().join("evpn-l3"), &folder.path().join("evpn-l3"))?;
        fs::write(folder.path().join("spine-before-frr"), SPINE_LINK)?;
        for (name, text) in files {
            let path = folder.path().join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, text)?;
        }
        let file = folder.path().join(format!("{name}.clab.yml"));
        fs::write(&file, topology.replacen("NAME", &name, 1))?;
        progress.tell(format!("starting the lab {name}"));
        let lab = Self {
            topology: file,
            stands: true,
            _folder: folder,
        };
        succeed(perouter(["lab", "up"]).args(options).arg(&lab.topology))?;
        Ok(lab)
    }

    fn wait_ready(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let status = self.try_exec(&["perouter", "status"])?;
            if status.status.success() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let words = String::from_utf8_lossy(&status.stdout);
                return Err(format!(
                    "the agent is not ready after {} s:\n{words}",
                    READY_WITHIN.as_secs()
                )
                .into());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Runs a command in node1, whatever comes of it.
    pub(crate) fn try_exec(&self, command: &[&str]) -> Result<Output, Failure> {
        self.try_exec_in("node1", command)
    }

    fn try_exec_in(&self, node: &str, command: &[&str]) -> Result<Output, Failure> {
        let mut exec = perouter(["lab", "exec"]);
        exec.arg(&self.topology).args([node, "--"]).args(command);
        Ok(exec.stdin(Stdio::null()).output()?)
    }

    pub(crate) fn exec(&self, command: &[&str]) -> Result<String, Failure> {
        self.exec_in("node1", command)
    }

    /// Runs a command in a node, which has to succeed.
    pub(crate) fn exec_in(&self, node: &str, command: &[&str]) -> Result<String, Failure> {
        checked(&command.join(" "), self.try_exec_in(node, command)?)
    }

    /// Whose kernel the lab runs on.
    pub(crate) fn kernel(&self) -> Result<Kernel, Failure> {
        let table = succeed(perouter(["lab", "status"]).arg(&self.topology))?;
        let user_mode = table.contains("user mode");
        Ok(if user_mode {
            Kernel::UserMode
        } else {
            Kernel::Own
        })
    }

    fn look(&self) -> Result<Look, Failure> {
        let text = self.exec(&["sh", "-c", LOOK])?;
        let at = Instant::now();
        let number = |key: &str| kernels_number(&text, key);
        Ok(Look {
            at,
            memory: [
                ("resident memory", number("VmRSS:")? as f64),
                ("of that its own (anonymous)", number("RssAnon:")? as f64),
                ("proportional memory (PSS)", number("Pss:")? as f64),
            ],
            on_processor: Duration::from_nanos(number("Schedstat:")?),
        })
    }

    pub(crate) fn down(mut self) -> Result<(), Failure> {
        self.stands = false;
        succeed(perouter(["lab", "down"]).arg(&self.topology)).map(drop)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.stands {
            // It may not have come up at all; the failure that led here is told.
            let _ = perouter(["lab", "down"]).arg(&self.topology).output();
        }
    }
}

/// The topologies that ship.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("containerlab")
}

/// The binary, as optimised as it ships.
fn perouter<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perouter"));
    command.args(arguments);
    command
}

fn succeed(command: &mut Command) -> Result<String, Failure> {
    let words = format!("{command:?}");
    checked(&words, command.stdin(Stdio::null()).output()?)
}

fn checked(command: &str, output: Output) -> Result<String, Failure> {
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!(
        "{command}: {}:\n{}",
        output.status,
        String::from_utf8_lossy(&text)
    )
    .into())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The number that stands after `key` at the beginning of a line, in what the kernel says of a process.
pub(crate) fn kernels_number(text: &str, key: &str) -> Result<u64, Failure> {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    let word = word.ok_or_else(|| format!("the kernel does not say {key}"))?;
    Ok(word.parse()?)
}
