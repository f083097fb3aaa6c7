//! The names in a topology: each is checked once, where it is read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("«{name}» {reason}")]
pub struct NameError {
    name: String,
    reason: &'static str,
}

fn refuse<T>(name: &str, reason: &'static str) -> Result<T, NameError> {
    Err(NameError {
        name: name.to_owned(),
        reason,
    })
}

/// What containerlab's schema allows for the names of labs and nodes, and what fits into a host
/// name and a socket's path.
fn check_name(name: &str) -> Result<(), NameError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !name.bytes().all(allowed) {
        return refuse(name, "may hold only letters, digits, «-», «.» and «_»");
    }
    if !name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric())
    {
        return refuse(name, "must begin with a letter or a digit");
    }
    if name.len() > 60 {
        return refuse(name, "is longer than 60 characters");
    }
    Ok(())
}

macro_rules! name {
    ($(#[$documentation:meta])* $type:ident, $check:expr) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(name)?;
                Ok(Self(name.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                name.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }
    };
}

name!(
    /// The name of a lab.
    LabName,
    check_name
);
name!(
    /// The name of a node.
    NodeName,
    check_name
);
name!(
    /// The name of a network interface: at most 15 bytes, as the kernel demands.
    InterfaceName,
    |name| {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':');
        if name.is_empty() || name.len() > 15 || !name.bytes().all(allowed) {
            return refuse(name, "is no interface name (1 to 15 characters, no «/», «:», blanks)");
        }
        if matches!(name, "." | "..") {
            return refuse(name, "is no interface name");
        }
        Ok(())
    }
);
name!(
    /// A hardware address, six octets in hexadecimal.
    MacAddress,
    |text| {
        let octets: Vec<&str> = text.split([':', '-']).collect();
        let octet = |octet: &&str| octet.len() == 2 && u8::from_str_radix(octet, 16).is_ok();
        if octets.len() != 6 || !octets.iter().all(octet) {
            return refuse(text, "is no hardware address (aa:bb:cc:dd:ee:ff)");
        }
        Ok(())
    }
);

/// The images that the runner knows how to start without a container engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Image {
    /// `perouter/lab-frr`: a router or host, configured by files in `/etc/frr`.
    Frr,
    /// `perouter/lab-node`: a Kubernetes node in small: FRR as the host's speaker, the agent,
    /// and the router's own FRR in the namespace `perouter`.
    Node,
}

impl Image {
    /// Its name without the tag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Frr => "perouter/lab-frr",
            Self::Node => "perouter/lab-node",
        }
    }

    /// What the image starts: a shell script.
    #[must_use]
    pub fn entrypoint(self) -> &'static str {
        match self {
            Self::Frr => include_str!("../../../containerlab/images/lab-frr/entrypoint"),
            Self::Node => include_str!("../../../containerlab/images/lab-node/entrypoint"),
        }
    }
}

impl FromStr for Image {
    type Err = NameError;

    fn from_str(reference: &str) -> Result<Self, NameError> {
        let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
        if tag != "latest" {
            return refuse(
                reference,
                "has a tag; the lab runs «:latest», the program you call",
            );
        }
        match name {
            "perouter/lab-frr" => Ok(Self::Frr),
            "perouter/lab-node" => Ok(Self::Node),
            _ => refuse(
                reference,
                "is not an image that runs here; perouter/lab-frr and perouter/lab-node do",
            ),
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
