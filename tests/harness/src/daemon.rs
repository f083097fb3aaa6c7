//! The FRR daemons that the harness knows.

use std::fmt;

/// One FRR daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// The management daemon: the front end of the daemons that are converted to it.
    Mgmtd,
    /// The RIB, and the only one that speaks to the kernel.
    Zebra,
    /// BGP.
    Bgpd,
    /// Static routes.
    Staticd,
    /// Bidirectional forwarding detection.
    Bfdd,
}

impl Daemon {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 5] = [
        Self::Mgmtd,
        Self::Zebra,
        Self::Bgpd,
        Self::Staticd,
        Self::Bfdd,
    ];

    /// The name of the program, which is also the stem of its vty socket.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mgmtd => "mgmtd",
            Self::Zebra => "zebra",
            Self::Bgpd => "bgpd",
            Self::Staticd => "staticd",
            Self::Bfdd => "bfdd",
        }
    }

    /// The TCP port on which this daemon serves gRPC when it is asked to.
    #[must_use]
    pub const fn grpc_port(self) -> u16 {
        match self {
            Self::Zebra => 50051,
            Self::Bgpd => 50052,
            Self::Staticd => 50053,
            Self::Bfdd => 50054,
            Self::Mgmtd => 50057,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
