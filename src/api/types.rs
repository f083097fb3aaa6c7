//! Validated words: numbers and names that cannot hold what FRR or the kernel would refuse.
//!
//! Each is made by `FromStr` or `TryFrom`, prints in its canonical form, and reads back from
//! what it prints.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(test)]
mod tests;

/// Why a word was refused. Each says what was found and what would be right.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ValueError {
    /// Not a VXLAN network identifier.
    #[error("{found} is not a VNI; it must be 1 to {max}", max = Vni::MAX)]
    Vni {
        /// What was written.
        found: String,
    },
    /// Not an autonomous system number.
    #[error("{found} is not an AS number; it must be 1 to {max}", max = u32::MAX)]
    Asn {
        /// What was written.
        found: String,
    },
    /// Not a name that the kernel gives to a link.
    #[error(
        "{found:?} is not an interface name; it must have 1 to {max} printable ASCII characters \
         without spaces, '/' or ':', and not be '.' or '..'",
        max = InterfaceName::MAX_LEN
    )]
    InterfaceName {
        /// What was written.
        found: String,
    },
    /// Not a name for a VRF.
    #[error(
        "{found:?} is not a VRF name; it must have 1 to {max} letters, digits, '_' or '-', \
         and begin with a letter",
        max = VrfName::MAX_LEN
    )]
    VrfName {
        /// What was written.
        found: String,
    },
    /// Not a route target.
    #[error(
        "{found:?} is not a route target; it must be ASN:number with an AS number up to 65535 \
         and a number up to 4294967295, or ASN:number with a larger AS number and a number up \
         to 65535, or A.B.C.D:number with a number up to 65535"
    )]
    RouteTarget {
        /// What was written.
        found: String,
    },
    /// Not one of the kinds of this API group.
    #[error("{found:?} is not a known kind; known are {known}", known = Kind::listed())]
    Kind {
        /// What was written.
        found: String,
    },
    /// Not `<kind> <namespace>/<name>`.
    #[error("{found:?} does not name an object; it must read like \"L3VNI default/red\"")]
    ObjectKey {
        /// What was written.
        found: String,
    },
}

/// A VXLAN network identifier: 24 bits, never zero (RFC 7348).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Vni(NonZeroU32);

impl Vni {
    /// The largest VNI.
    pub const MAX: u32 = 0x00ff_ffff;

    /// The number itself, 1 to [`Self::MAX`].
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<i64> for Vni {
    type Error = ValueError;

    fn try_from(number: i64) -> Result<Self, ValueError> {
        u32::try_from(number)
            .ok()
            .filter(|vni| *vni <= Self::MAX)
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or_else(|| ValueError::Vni {
                found: number.to_string(),
            })
    }
}

impl TryFrom<u32> for Vni {
    type Error = ValueError;

    fn try_from(number: u32) -> Result<Self, ValueError> {
        Self::try_from(i64::from(number))
    }
}

impl FromStr for Vni {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        decimal(text)
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| ValueError::Vni {
                found: text.to_owned(),
            })
    }
}

impl From<Vni> for u32 {
    fn from(vni: Vni) -> Self {
        vni.get()
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An autonomous system number: 32 bits, never zero (RFC 6793, RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Asn(NonZeroU32);

impl Asn {
    /// The number itself, at least 1.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<i64> for Asn {
    type Error = ValueError;

    fn try_from(number: i64) -> Result<Self, ValueError> {
        u32::try_from(number)
            .ok()
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or_else(|| ValueError::Asn {
                found: number.to_string(),
            })
    }
}

impl TryFrom<u32> for Asn {
    type Error = ValueError;

    fn try_from(number: u32) -> Result<Self, ValueError> {
        Self::try_from(i64::from(number))
    }
}

impl FromStr for Asn {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        decimal(text)
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| ValueError::Asn {
                found: text.to_owned(),
            })
    }
}

impl From<Asn> for u32 {
    fn from(asn: Asn) -> Self {
        asn.get()
    }
}

impl fmt::Display for Asn {
    /// Prints plain decimal ("asplain", RFC 5396), as FRR does unless told otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads decimal digits and nothing else: `str::parse` would also take a sign.
fn decimal(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// Declares a newtype over a string with its check, its serde form and its printing.
macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $error:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ValueError;

            fn try_from(text: String) -> Result<Self, ValueError> {
                let check: fn(&str) -> bool = $check;
                if check(&text) { Ok(Self(text)) } else { Err(ValueError::$error { found: text }) }
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_newtype! {
    /// The name of a network interface, by the kernel's rules (`dev_valid_name`): 1 to 15
    /// bytes, no white space, no `/` or `:`, not `.` or `..`.
    ///
    /// The kernel would also take control characters and bytes outside ASCII. Those are
    /// refused here, because such a name cannot be written into an FRR command.
    InterfaceName, InterfaceName, |text| {
        (1..=InterfaceName::MAX_LEN).contains(&text.len())
            && text != "."
            && text != ".."
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
    }
}

impl InterfaceName {
    /// The kernel's `IFNAMSIZ`, less the closing NUL.
    pub const MAX_LEN: usize = 15;
}

text_newtype! {
    /// The name of a VRF, which is also the name of its link: `^[a-zA-Z][a-zA-Z0-9_-]*$`,
    /// at most 15 characters.
    VrfName, VrfName, |text| {
        text.len() <= VrfName::MAX_LEN
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    }
}

impl VrfName {
    /// The kernel's limit for the name of a link.
    pub const MAX_LEN: usize = InterfaceName::MAX_LEN;
}

impl From<VrfName> for InterfaceName {
    /// Every VRF name is a valid interface name, since its alphabet is narrower.
    fn from(vrf: VrfName) -> Self {
        Self(vrf.0)
    }
}

/// The kinds of the API group `network.openperouter.io`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Kind {
    /// The fabric: NICs, neighbours, tunnel endpoint.
    Underlay,
    /// A VRF over VXLAN, with Type-5 routes.
    #[serde(rename = "L3VNI")]
    L3Vni,
    /// A stretched layer 2 segment over VXLAN.
    #[serde(rename = "L2VNI")]
    L2Vni,
    /// A VRF over SRv6.
    #[serde(rename = "L3VPN")]
    L3Vpn,
    /// The host's own routes, in the default table.
    L3Passthrough,
    /// Lines of FRR configuration, as they are.
    #[serde(rename = "RawFRRConfig")]
    RawFrrConfig,
}

impl Kind {
    /// Every kind, in the order in which they are listed to people.
    pub const ALL: [Self; 6] = [
        Self::Underlay,
        Self::L3Vni,
        Self::L2Vni,
        Self::L3Vpn,
        Self::L3Passthrough,
        Self::RawFrrConfig,
    ];

    /// The kind as manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underlay => "Underlay",
            Self::L3Vni => "L3VNI",
            Self::L2Vni => "L2VNI",
            Self::L3Vpn => "L3VPN",
            Self::L3Passthrough => "L3Passthrough",
            Self::RawFrrConfig => "RawFRRConfig",
        }
    }

    /// All kinds in one line, for messages.
    fn listed() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ValueError::Kind {
                found: text.to_owned(),
            })
    }
}

/// Names one object. Prints like `L3VNI default/red`, everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey {
    /// The kind.
    pub kind: Kind,
    /// The namespace; a manifest without one is in `default`.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl FromStr for ObjectKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parts = text.split_once(' ').and_then(|(kind, rest)| {
            let (namespace, name) = rest.split_once('/')?;
            let word = |part: &str| !part.is_empty() && !part.contains([' ', '/']);
            (word(namespace) && word(name)).then_some((kind, namespace, name))
        });
        let (kind, namespace, name) = parts.ok_or_else(|| ValueError::ObjectKey {
            found: text.to_owned(),
        })?;
        Ok(Self {
            kind: kind.parse()?,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.to_string()
    }
}

/// Text that must never be seen: a BGP password.
///
/// It is not `Display` and not `Serialize`, and its `Debug` shows nothing of it, so it cannot
/// reach a log, a status or a plan by accident. [`Self::expose`] is the one way to it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Only for the place that hands it to FRR.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}
