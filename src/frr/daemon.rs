//! The FRR daemons that are driven, and where each is reached.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// A daemon of the router's FRR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Daemon {
    /// The RIB, VRFs and VNIs.
    Zebra,
    /// BGP.
    Bgpd,
    /// Bidirectional forwarding detection.
    Bfdd,
    /// The front end of daemons whose configuration is YANG.
    Mgmtd,
}

impl Daemon {
    /// Its name, as its program and its socket are called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zebra => "zebra",
            Self::Bgpd => "bgpd",
            Self::Bfdd => "bfdd",
            Self::Mgmtd => "mgmtd",
        }
    }

    /// Its vty socket in `dir`.
    #[must_use]
    pub fn vty_socket(self, dir: &Path) -> PathBuf {
        dir.join(self.name()).with_extension("vty")
    }

    /// Whether it answers every line before it reads the next, so that several may be typed in
    /// one write (`vtysh_read` in FRR's `lib/vty.c`). One that waits for mgmtd before it answers
    /// loses what came in meanwhile.
    #[must_use]
    pub const fn answers_in_turn(self) -> bool {
        match self {
            Self::Bgpd | Self::Bfdd => true,
            Self::Zebra | Self::Mgmtd => false,
        }
    }

    /// Where its gRPC module listens;
    /// none for mgmtd, whose commits over gRPC reach no other daemon.
    #[must_use]
    pub const fn grpc_port(self) -> Option<u16> {
        match self {
            Self::Zebra => Some(50051),
            Self::Bgpd => Some(50052),
            Self::Bfdd => Some(50054),
            Self::Mgmtd => None,
        }
    }

    /// The address of its gRPC module inside the router's namespace.
    #[must_use]
    pub fn grpc_address(self) -> Option<SocketAddr> {
        self.grpc_port()
            .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
