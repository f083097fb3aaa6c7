//! `perouter lab`: up, status, exec, down, test, record.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::backend::Backend;
use crate::lab::checks::{self, Checks};
use crate::lab::client::{self, ClientError, Started};
use crate::lab::interrupt::Interrupt;
use crate::lab::plan::{Exec, Input, Kernel, Leash, Phase, Plan, Report};
use crate::lab::record::{self, Instance};
use crate::lab::table::Table;
use crate::lab::topology::{LabName, NodeName, Topology};
use crate::lab::{cell, chain, guest, node, root, supervisor};

/// Arguments of `perouter lab`.
#[derive(clap::Args)]
#[command(after_help = "\
The root file system that the nodes share is built once, into /var/cache/perouter: Debian with
FRR, its gRPC module, and User Mode Linux. A kernel without VRFs is no obstacle: the lab then
runs in User Mode Linux. All of it needs root, and no container engine.")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Start a lab and leave it running
    Up(Start),
    /// Show which labs run, and the state of their nodes
    ///
    /// The exit status is 0 only if every node is ready.
    Status {
        /// The lab's topology file or name; all labs if absent
        topology: Option<PathBuf>,
    },
    /// Run a command in a node, with its output, input and exit status
    Exec {
        /// The lab's topology file or name
        topology: PathBuf,
        /// The node
        node: NodeName,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Stop a lab; nothing remains of it
    Down {
        /// The lab's topology file or name
        topology: PathBuf,
    },
    /// Start a lab, check it, and stop it
    ///
    /// Waits until every agent says that all is ready, then sends the pings that are listed in
    /// checks.yaml, in the folder beside the topology that has its name. The exit status is 0
    /// only if all of that succeeds.
    Test {
        #[command(flatten)]
        start: Start,
        /// Leave the lab running afterwards
        #[arg(long)]
        keep: bool,
    },
    /// Write what a node's FRR and kernel say into files, for tests of parsers
    Record {
        /// The lab's topology file or name
        topology: PathBuf,
        /// The node
        node: NodeName,
        /// The folder for the files; it is made if need be
        folder: PathBuf,
        /// Record the FRR in the network namespace `perouter` of the node, not the node's own
        #[arg(long)]
        router: bool,
    },
    /// Build the root file system, if that has not been done, and print where it is
    Root,
    #[command(hide = true)]
    Supervisor,
    #[command(hide = true)]
    Janitor { folder: PathBuf },
    #[command(hide = true)]
    Cell { folder: PathBuf },
    #[command(hide = true)]
    Guest,
    #[command(hide = true)]
    Node,
}

/// How to start a lab.
#[derive(clap::Args)]
struct Start {
    /// The containerlab topology
    topology: PathBuf,
    /// Another root file system than the one that is built on demand
    #[arg(long, env = "PEROUTER_ROOT", value_name = "DIR")]
    root: Option<PathBuf>,
    /// Whose kernel runs the lab
    #[arg(long, value_enum, default_value = "auto")]
    backend: Backend,
    /// How long the lab may take to come up, and again to pass its checks
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    deadline: u64,
    /// Memory of User Mode Linux
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    memory: u32,
}

/// Runs `perouter lab`.
pub(super) fn run(args: Args) -> ExitCode {
    match dispatch(args.command) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("perouter lab: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err("must be run as root: it makes namespaces and mounts (try sudo)".into());
    }
    match command {
        Command::Up(start) => up(&start),
        Command::Status { topology } => status(topology.as_deref()),
        Command::Exec {
            topology,
            node,
            command,
        } => exec(&topology, node, command),
        Command::Down { topology } => down(&topology),
        Command::Test { start, keep } => test(&start, keep),
        Command::Record {
            topology,
            node,
            folder,
            router,
        } => {
            let instance = if router {
                Instance::Router
            } else {
                Instance::Host
            };
            let mut progress = Progress::start("record");
            let lab = lab_name(&topology)?;
            let count = record::record(&lab, node.as_str(), instance, &folder, |name| {
                progress.quietly(name);
            })?;
            progress.end();
            println!("{count} files in {}", folder.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Root => {
            let interrupt = Interrupt::watch()?;
            let mut progress = Progress::start("root");
            let place = root::ensure(&interrupt, |text| progress.tell(text))?;
            progress.end();
            println!("{}", place.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Supervisor => inner(supervisor::main()),
        Command::Janitor { folder } => inner(cell::janitor(&folder)),
        Command::Cell { folder } => inner(cell::main(&folder)),
        Command::Guest => inner(guest::main(Kernel::UserMode)),
        Command::Node => inner(node::main()),
    }
}

fn inner<E: std::error::Error + 'static>(result: Result<(), E>) -> Result<ExitCode, Failure> {
    result?;
    Ok(ExitCode::SUCCESS)
}

/// The lab that a topology file or a name means.
fn lab_name(topology: &Path) -> Result<String, Failure> {
    if topology.is_file() {
        return Ok(Topology::read(topology)?.name.as_str().to_owned());
    }
    let text = topology.to_string_lossy();
    match text.parse::<LabName>() {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err(format!("there is no topology {text}").into()),
    }
}

/// Reads the topology, finds the root and the kernel, and starts the lab.
fn start(
    start: &Start,
    topology: &Topology,
    leash: Leash,
    interrupt: &Interrupt,
    progress: &mut Progress,
) -> Result<Started, Failure> {
    let root = match &start.root {
        Some(root) => root::check(root)?,
        None => root::ensure(interrupt, |text| progress.tell(text))?,
    };
    let kernel = start.backend.choose(&root);
    progress.tell(match kernel {
        Kernel::Native => "starting on this machine's kernel",
        Kernel::UserMode => "starting in User Mode Linux",
    });
    let name = topology.name.as_str().to_owned();
    interrupt.then(move || {
        eprintln!("interrupted: taking the lab {name} down");
        // If it is not up yet, it goes when our connection breaks.
        let _ = client::down(&name);
    });
    let plan = Plan {
        topology: topology.clone(),
        kernel,
        root,
        executable: std::env::current_exe()?,
        memory_mib: start.memory,
        deadline: Duration::from_secs(start.deadline),
    };
    Ok(client::start(plan, leash, |text| progress.tell(text))?)
}

fn up(arguments: &Start) -> Result<ExitCode, Failure> {
    let interrupt = Interrupt::watch()?;
    let topology = Topology::read(&arguments.topology)?;
    let mut progress = Progress::start(topology.name.as_str());
    start(
        arguments,
        &topology,
        Leash::WhileBuilding,
        &interrupt,
        &mut progress,
    )?;
    progress.tell("up");
    Ok(ExitCode::SUCCESS)
}

fn status(topology: Option<&Path>) -> Result<ExitCode, Failure> {
    let labs = match topology {
        Some(topology) => vec![lab_name(topology)?],
        None => supervisor::names()?,
    };
    let mut table = Table::new(&["LAB", "KERNEL", "NODE", "IMAGE", "STATE"]);
    let mut ready = true;
    for lab in labs {
        let Report { kernel, nodes } = match client::status(&lab) {
            Ok(report) => report,
            // It went away just now, or was left by a machine that crashed.
            Err(ClientError::NotUp(_)) if topology.is_none() => continue,
            Err(error) => return Err(error.into()),
        };
        let kernel = match kernel {
            Kernel::Native => "native",
            Kernel::UserMode => "user mode",
        };
        for node in nodes {
            ready &= node.phase == Phase::Ready;
            let phase = phase(&node.phase);
            table.row([
                lab.as_str(),
                kernel,
                node.name.as_str(),
                node.image.name(),
                &phase,
            ]);
        }
    }
    print!("{table}");
    Ok(if ready {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Prepared => "prepared".to_owned(),
        Phase::Starting => "starting".to_owned(),
        Phase::Ready => "ready".to_owned(),
        Phase::Ended(status) => format!("entry point ended with status {status}"),
        Phase::Lost(reason) => format!("lost: {reason}"),
    }
}

fn exec(topology: &Path, node: NodeName, command: Vec<String>) -> Result<ExitCode, Failure> {
    let lab = lab_name(topology)?;
    // A terminal cannot be passed through; a command that waits for it would wait for ever.
    let input = if io::stdin().is_terminal() {
        Input::Empty
    } else {
        Input::Follows
    };
    let request = Exec {
        node,
        command,
        input,
    };
    let status = client::exec(&lab, request, io::stdout().lock(), io::stderr())?;
    Ok(ExitCode::from(status))
}

fn down(topology: &Path) -> Result<ExitCode, Failure> {
    client::down(&lab_name(topology)?)?;
    Ok(ExitCode::SUCCESS)
}

fn test(arguments: &Start, keep: bool) -> Result<ExitCode, Failure> {
    let interrupt = Interrupt::watch()?;
    let topology = Topology::read(&arguments.topology)?;
    let checks = Checks::read(&arguments.topology, &topology)?;
    let mut progress = Progress::start(topology.name.as_str());
    let leash = if keep {
        Leash::WhileBuilding
    } else {
        Leash::Always
    };
    let started = start(arguments, &topology, leash, &interrupt, &mut progress);
    let result = match &started {
        Ok(_) => check(&topology, &checks, arguments, &mut progress),
        Err(_) => Ok(ExitCode::FAILURE),
    };
    interrupt.settle();
    let lab = started?;
    if keep {
        progress.tell(&format!(
            "left running (perouter lab down {})",
            topology.name
        ));
    } else {
        lab.release()?;
        progress.tell("down");
    }
    progress.end();
    result
}

fn check(
    topology: &Topology,
    checks: &Checks,
    arguments: &Start,
    progress: &mut Progress,
) -> Result<ExitCode, Failure> {
    let deadline = Duration::from_secs(arguments.deadline);
    checks::await_ready(topology, deadline, |text| progress.tell(text)).map_err(explained)?;
    let pings = checks::pings(topology, checks, deadline, |text| progress.tell(text))?;
    // Routes that came after the first look count too.
    checks::await_ready(topology, deadline, |_| {}).map_err(explained)?;
    for (node, table) in checks::verified(topology).map_err(explained)? {
        println!("{node}\n{table}");
    }
    print!("{}", pings.table);
    if pings.failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!(
        "{} of {} pings have no answer",
        pings.failed,
        checks.pings.len()
    )
    .into())
}

/// Prints the findings that an error brings, for the error itself is one line.
fn explained(error: checks::CheckError) -> Failure {
    if let checks::CheckError::NotReady { findings, .. }
    | checks::CheckError::NotGood { findings, .. } = &error
    {
        println!("{findings}");
    }
    error.into()
}

/// Says on the standard error what is happening, and that it still is when it takes long.
struct Progress {
    said: Option<mpsc::Sender<Said>>,
    printer: Option<thread::JoinHandle<()>>,
}

enum Said {
    Line(String),
    /// Only worth a line if it takes long.
    Quietly(String),
}

impl Progress {
    fn start(what: &str) -> Self {
        let (said, lines) = mpsc::channel();
        let what = what.to_owned();
        let printer = thread::spawn(move || print_progress(&what, &lines));
        Self {
            said: Some(said),
            printer: Some(printer),
        }
    }

    fn say(&self, said: Said) {
        if let Some(sender) = &self.said {
            // The printer ends only after this.
            let _ = sender.send(said);
        }
    }

    fn tell(&mut self, text: &str) {
        self.say(Said::Line(text.to_owned()));
    }

    fn quietly(&mut self, text: &str) {
        self.say(Said::Quietly(text.to_owned()));
    }

    /// Prints what has been said, and nothing more.
    fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.said = None;
        if let Some(printer) = self.printer.take() {
            // A printer that died has nothing to print.
            let _ = printer.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn print_progress(what: &str, lines: &mpsc::Receiver<Said>) {
    const PATIENCE: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    let mut last = String::new();
    let mut pause = PATIENCE;
    let mut next_reminder = begin + pause;
    let print = |text: &str| {
        let seconds = begin.elapsed().as_secs_f64();
        // Progress that nobody reads is no failure.
        let _ = writeln!(io::stderr(), "{what}: {seconds:5.1} s  {text}");
    };
    loop {
        let patience = next_reminder.saturating_duration_since(Instant::now());
        match lines.recv_timeout(patience) {
            Ok(Said::Line(text)) => {
                print(&text);
                last = text;
                pause = PATIENCE;
                next_reminder = Instant::now() + pause;
            }
            Ok(Said::Quietly(text)) => last = text,
            Err(RecvTimeoutError::Timeout) => {
                print(&format!("… ({last})"));
                pause = (pause * 2).min(LONGEST);
                next_reminder = Instant::now() + pause;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
