//! Which kernel runs a lab: the host's where it has VRFs, User Mode Linux otherwise.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};

use super::plan::Kernel;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The host's kernel if it has VRFs, otherwise User Mode Linux
    Auto,
    /// The host's kernel, whatever it lacks
    Native,
    /// User Mode Linux
    Uml,
}

impl Backend {
    /// Decides; `root` is a root file system with `ip`.
    #[must_use]
    pub fn choose(self, root: &Path) -> Kernel {
        match self {
            Self::Native => Kernel::Native,
            Self::Uml => Kernel::UserMode,
            Self::Auto if has_vrf(root) => Kernel::Native,
            Self::Auto => Kernel::UserMode,
        }
    }
}

/// Whether a VRF can be made on the host's kernel: tried in a network namespace of a thread that
/// ends at once.
fn has_vrf(root: &Path) -> bool {
    let root = root.to_owned();
    let tried = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).ok()?;
        let mut ip = Command::new("chroot");
        ip.arg(&root).args([
            "/usr/sbin/ip",
            "link",
            "add",
            "probe",
            "type",
            "vrf",
            "table",
            "10",
        ]);
        ip.stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        ip.status().ok()
    });
    matches!(tried.join(), Ok(Some(status)) if status.success())
}
