//! What wakes the loop, and the watch over the manifests' directory.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use perouter_parsers::bmp::Message;
use tokio::sync::mpsc;

use crate::netlink::Stirred;

/// Why a pass runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The agent has just started.
    Start,
    /// Manifests changed.
    Manifests,
    /// A link or an address changed in one of the namespaces.
    Kernel,
    /// A daemon of FRR closed its connection.
    DaemonLost,
    /// A daemon of FRR opened its socket.
    DaemonBack,
    /// What failed is tried again.
    Retry,
    /// Verification found something that is not as it should be.
    Broken,
    /// All is observed anew now and then, whatever happened.
    Resync,
    /// Somebody asked for it.
    Request,
}

/// What it takes to read all facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readings {
    /// So little that it is done after every pass.
    Cheap,
    /// Seconds, of FRR's time too.
    Dear,
}

impl Readings {
    /// By how long the last one took.
    pub(super) fn of(took: Duration) -> Self {
        if took < DEAR { Self::Cheap } else { Self::Dear }
    }
}

/// What reads for longer is dear.
const DEAR: Duration = Duration::from_millis(500);

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Manifests,
        Self::Kernel,
        Self::DaemonLost,
        Self::DaemonBack,
        Self::Retry,
        Self::Broken,
        Self::Resync,
        Self::Request,
    ];

    /// Whether the facts are read after a pass that changed nothing. Much happens in the kernel of a
    /// node whose pods come and go that is no reason to ask at once for all that FRR knows, where that
    /// takes long.
    pub(super) const fn always_looks(self, readings: Readings) -> bool {
        match (self, readings) {
            // In their own time.
            (Self::Broken, _) | (Self::Kernel | Self::Resync, Readings::Dear) => false,
            (Self::Kernel | Self::Resync, Readings::Cheap)
            | (
                Self::Start
                | Self::Manifests
                | Self::DaemonLost
                | Self::DaemonBack
                | Self::Retry
                | Self::Request,
                _,
            ) => true,
        }
    }

    /// Why the pass runs when manifests have changed besides: they may be refused, which is to be told
    /// at once, though nothing is written for it.
    pub(super) const fn or_manifests(self) -> Self {
        match self {
            Self::Kernel => Self::Manifests,
            Self::Start
            | Self::Manifests
            | Self::DaemonLost
            | Self::DaemonBack
            | Self::Retry
            | Self::Broken
            | Self::Resync
            | Self::Request => self,
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Manifests => "manifests",
            Self::Kernel => "kernel",
            Self::DaemonLost => "daemon-lost",
            Self::DaemonBack => "daemon-back",
            Self::Retry => "retry",
            Self::Broken => "broken",
            Self::Resync => "resync",
            Self::Request => "request",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the loop hears of what happens in FRR and the kernel.
#[derive(Clone, Debug)]
pub(super) struct Tell {
    /// What bgpd tells of its sessions.
    pub(super) sessions: mpsc::Sender<Message>,
    /// Where what packets are forwarded by has changed.
    pub(super) stirred: Stirred,
}

/// What of a directory is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Whatever changes in it.
    Changes,
    /// What is new in it.
    Arrivals,
}

impl Interest {
    fn covers(self, kind: notify::EventKind) -> bool {
        match self {
            Self::Changes => !kind.is_access(),
            Self::Arrivals => kind.is_create(),
        }
    }
}

/// Watches a directory. Not being able to is no failure: what is in it is looked at again at
/// every resync.
///
/// The watcher lives as long as what is returned.
pub(super) fn watch_directory(
    path: &Path,
    interest: Interest,
    changed: mpsc::Sender<()>,
) -> Option<notify::RecommendedWatcher> {
    let handler = move |event: notify::Result<notify::Event>| {
        let matters = event.is_ok_and(|event| interest.covers(event.kind));
        if matters {
            // A full channel means that the loop is going to look anyway.
            let _ = changed.try_send(());
        }
    };
    let watched = notify::recommended_watcher(handler).and_then(|mut watcher| {
        watcher.watch(path, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    match watched {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(
                "cannot watch {}: {error}; changes are seen at the next resync",
                path.display()
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_alone_is_no_reason_for_a_dear_reading() {
        let looks = |took| {
            let readings = Readings::of(Duration::from_millis(took));
            let looks = |cause: &Cause| cause.always_looks(readings);
            Cause::ALL.into_iter().filter(looks).collect::<Vec<_>>()
        };
        let (cheap, dear) = (looks(499), looks(500));
        let without = |left_out: &[Cause]| {
            let mut all = Cause::ALL.to_vec();
            all.retain(|cause| !left_out.contains(cause));
            all
        };
        assert_eq!(cheap, without(&[Cause::Broken]));
        let in_their_time = [Cause::Broken, Cause::Kernel, Cause::Resync];
        assert_eq!(dear, without(&in_their_time));
    }

    #[test]
    fn manifests_that_changed_besides_are_the_reason() {
        assert_eq!(Cause::Kernel.or_manifests(), Cause::Manifests);
        assert_eq!(Cause::DaemonBack.or_manifests(), Cause::DaemonBack);
    }
}
