//! What a test wants of an instance.

use std::collections::{BTreeMap, BTreeSet};

use crate::Daemon;

/// Which daemons run, and how each of them is started.
///
/// The default is all five, gRPC on all but mgmtd (whose gRPC reaches no other
/// daemon), and no further module.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) daemons: BTreeSet<Daemon>,
    pub(crate) grpc: BTreeSet<Daemon>,
    pub(crate) arguments: BTreeMap<Daemon, Vec<String>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            daemons: Daemon::ALL.into(),
            grpc: [Daemon::Zebra, Daemon::Bgpd, Daemon::Staticd, Daemon::Bfdd].into(),
            arguments: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Starts these daemons only. None at all leaves a network namespace with
    /// the tools of the root in it, which is what a plain host is.
    #[must_use]
    pub fn daemons(mut self, daemons: impl IntoIterator<Item = Daemon>) -> Self {
        self.daemons = daemons.into_iter().collect();
        self
    }

    /// Loads the gRPC module in these daemons only.
    #[must_use]
    pub fn grpc(mut self, daemons: impl IntoIterator<Item = Daemon>) -> Self {
        self.grpc = daemons.into_iter().collect();
        self
    }

    /// Loads the gRPC module nowhere, as in a stock package of FRR.
    #[must_use]
    pub fn without_grpc(self) -> Self {
        self.grpc([])
    }

    /// Loads one more module in one daemon, with its arguments as FRR writes
    /// them: `bmp`, or `fpm:netlink`.
    #[must_use]
    pub fn module(self, daemon: Daemon, module: &str) -> Self {
        self.argument(daemon, "-M").argument(daemon, module)
    }

    /// Adds one argument to the command line of one daemon.
    #[must_use]
    pub fn argument(mut self, daemon: Daemon, argument: &str) -> Self {
        self.arguments
            .entry(daemon)
            .or_default()
            .push(argument.to_owned());
        self
    }

    /// The command line of one daemon, the program first.
    pub(crate) fn command(&self, daemon: Daemon) -> Vec<String> {
        let mut line = vec![
            format!("/usr/lib/frr/{daemon}"),
            "--log".to_owned(),
            "stdout".to_owned(),
            "--log-level".to_owned(),
            "informational".to_owned(),
        ];
        if self.grpc.contains(&daemon) {
            line.push("-M".to_owned());
            line.push(format!("grpc:{}", daemon.grpc_port()));
        }
        line.extend(self.arguments.get(&daemon).into_iter().flatten().cloned());
        line
    }
}
