//! Process 1 of a lab: builds nodes and links, and hands requests on to the nodes.
//!
//! It runs in the cell, on the host's kernel, or is the first process of User Mode Linux. It
//! ends with the line to the supervisor, and everything in the lab ends with it.

mod build;
mod nodes;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use nix::fcntl::OFlag;
use nix::sys::termios::{FlushArg, SetArg, cfmakeraw, tcflush, tcgetattr, tcsetattr};

use self::nodes::Nodes;
use super::mounts::{self, MountError};
use super::pace::Heard;
use super::plan::{GuestRequest, Kernel};
use super::reaper::Reaper;
use super::wire::{self, Body, Channel, Outcome, Sender};

/// Modules of the kernel that labs use, loaded at once: each `modprobe` is a process.
const MODULES: [&str; 8] = [
    "overlay",
    "vrf",
    "vxlan",
    "bridge",
    "veth",
    "dummy",
    "macvlan",
    "nf_tables",
];

/// The serial line of User Mode Linux that leads to the supervisor.
const SERIAL_LINE: &str = "/dev/ttyS0";

/// Why the guest cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// A mount failed.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The line to the supervisor failed.
    #[error("the line to the supervisor failed")]
    Line(#[source] io::Error),
    /// The kernel's modules cannot be loaded.
    #[error("cannot load the kernel's modules: {0}")]
    Modules(String),
}

/// Serves the supervisor until the line ends.
///
/// # Errors
/// When the guest cannot make its own surroundings, or the line breaks.
pub fn main(kernel: Kernel) -> Result<(), GuestError> {
    let line = match kernel {
        Kernel::Native => File::from(super::standard_input().map_err(GuestError::Line)?),
        Kernel::UserMode => {
            for kind in [("proc", "/proc"), ("sysfs", "/sys")] {
                mounts::kernel(kind.0, Path::new(kind.1))?;
            }
            // Usually the kernel has mounted it already.
            if !Path::new(SERIAL_LINE).exists() {
                mounts::kernel("devtmpfs", Path::new("/dev"))?;
            }
            serial_line().map_err(GuestError::Line)?
        }
    };
    mounts::memory(Path::new("/run"), 0o755)?;
    let reaper = Reaper::start().map_err(GuestError::Line)?;
    match kernel {
        Kernel::Native => {}
        Kernel::UserMode => load_modules(&reaper)?,
    }
    serve(line, &reaper).map_err(GuestError::Line)
}

/// Opens the serial line so that every byte passes as it is.
fn serial_line() -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits());
    let line = options.open(SERIAL_LINE)?;
    let mut settings = tcgetattr(&line)?;
    cfmakeraw(&mut settings);
    tcsetattr(&line, SetArg::TCSANOW, &settings)?;
    tcflush(&line, FlushArg::TCIOFLUSH)?;
    Ok(line)
}

fn load_modules(reaper: &Reaper) -> Result<(), GuestError> {
    let failed = |error: &dyn std::fmt::Display| GuestError::Modules(error.to_string());
    let mut command = std::process::Command::new("/usr/sbin/modprobe");
    command
        .arg("--all")
        .args(MODULES)
        .stdin(std::process::Stdio::null());
    let (_, ended) = reaper.spawn(&mut command).map_err(|error| failed(&error))?;
    match ended.recv() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(&format!("modprobe: {status}; see the kernel's log"))),
        Err(error) => Err(failed(&error)),
    }
}

fn serve(line: File, reaper: &Reaper) -> io::Result<()> {
    let upstream = Sender::new(line.try_clone()?);
    let heard = upstream.clone();
    let mut line = io::BufReader::new(Heard::new(line, move |count| {
        heard.send(Channel(0), &Body::Request(GuestRequest::Heard(count)))
    }));
    upstream.send(Channel(0), &Body::Request(GuestRequest::Hello))?;
    let nodes = Arc::new(Nodes::new(reaper.clone(), upstream.clone()));
    while let Some((channel, body)) = wire::read::<GuestRequest>(&mut line)? {
        match body {
            Body::Request(GuestRequest::Hello | GuestRequest::Heard(_)) => {}
            Body::Request(GuestRequest::Build(plan)) => {
                let (nodes, upstream) = (nodes.clone(), upstream.clone());
                thread::spawn(move || {
                    let outcome = match build::build(&nodes, &plan, &upstream, channel) {
                        Ok(()) => Outcome::Success,
                        Err(error) => Outcome::Failure(super::chain(&error)),
                    };
                    nodes.finish(channel, outcome);
                });
            }
            Body::Request(GuestRequest::Exec(exec)) => nodes.exec(channel, exec),
            Body::Request(GuestRequest::Status) => {
                let nodes = nodes.clone();
                thread::spawn(move || nodes.report(channel));
            }
            other @ (Body::Input(_)
            | Body::InputEnd
            | Body::Cancel
            | Body::Output(_)
            | Body::Errors(_)
            | Body::Note(_)
            | Body::Done(_)) => nodes.forward(channel, other),
        }
    }
    Ok(())
}
