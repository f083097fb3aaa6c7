//! What can be followed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api::types::Vni;

/// What routes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// All of a VNI.
    Vni(Vni),
    /// Those to exactly this prefix, which has no host bits.
    Prefix(IpNet),
    /// In each VRF the one by which this address is reached: the longest match.
    Address(IpAddr),
}

/// Text that names no routes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a VNI (100), a prefix (172.16.2.0/24) nor an address (172.16.2.7)")]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, UnknownTarget> {
        let vni = text.parse().map(Self::Vni).ok();
        let prefix = || {
            text.parse()
                .map(|net: IpNet| Self::Prefix(net.trunc()))
                .ok()
        };
        let address = || {
            let address = text.parse().ok();
            address.map(|address: IpAddr| Self::Address(address.to_canonical()))
        };
        vni.or_else(prefix)
            .or_else(address)
            .ok_or_else(|| UnknownTarget(text.to_owned()))
    }
}

impl TryFrom<String> for Target {
    type Error = UnknownTarget;

    fn try_from(text: String) -> Result<Self, UnknownTarget> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vni(vni) => vni.fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}
