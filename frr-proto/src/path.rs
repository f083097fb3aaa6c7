//! YANG data paths.

use std::{fmt, str::FromStr};

use crate::{ListVersion, PrefixListName, ProfileName, RouteMapName, VrfName};

/// A YANG data path: absolute, not empty, and beginning with a module's name.
///
/// An empty path in a `Get` makes FRR 10.3 and 10.7.1 crash, and `/` alone is
/// refused; neither is a value of this type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DataPath(String);

/// Why a text is not a data path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with `/module:node`.
    #[error("a data path begins with /module:node, not as {0:?} does")]
    NoModule(String),
    /// It holds a control character.
    #[error("a data path holds no control character: {0:?}")]
    Control(String),
}

impl DataPath {
    /// All VRFs: `/frr-vrf:lib`.
    #[must_use]
    pub fn vrfs() -> Self {
        Self("/frr-vrf:lib".to_owned())
    }

    /// One VRF.
    #[must_use]
    pub fn vrf(name: &VrfName) -> Self {
        Self(format!("/frr-vrf:lib/vrf[name='{name}']"))
    }

    /// The VNI that one VRF is mapped to, in zebra.
    #[must_use]
    pub fn l3vni(vrf: &VrfName) -> Self {
        Self::vrf(vrf).child("frr-zebra:zebra/l3vni-id")
    }

    /// All route maps: `/frr-route-map:lib`.
    #[must_use]
    pub fn route_maps() -> Self {
        Self("/frr-route-map:lib".to_owned())
    }

    /// One route map.
    #[must_use]
    pub fn route_map(name: &RouteMapName) -> Self {
        Self(format!("/frr-route-map:lib/route-map[name='{name}']"))
    }

    /// One entry of a route map.
    #[must_use]
    pub fn route_map_entry(name: &RouteMapName, sequence: u16) -> Self {
        Self::route_map(name).child(&format!("entry[sequence='{sequence}']"))
    }

    /// One prefix list.
    #[must_use]
    pub fn prefix_list(version: ListVersion, name: &PrefixListName) -> Self {
        Self(format!(
            "/frr-filter:lib/prefix-list[type='{version}'][name='{name}']"
        ))
    }

    /// All of BFD: `/frr-bfdd:bfdd`.
    #[must_use]
    pub fn bfd() -> Self {
        Self("/frr-bfdd:bfdd".to_owned())
    }

    /// One BFD profile.
    #[must_use]
    pub fn bfd_profile(name: &ProfileName) -> Self {
        Self(format!("/frr-bfdd:bfdd/bfd/profile[name='{name}']"))
    }

    /// A node below this one, by a path that is known to be right.
    pub(crate) fn child(&self, relative: &str) -> Self {
        Self(format!("{self}/{relative}"))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DataPath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Self, PathError> {
        let known = path.strip_prefix('/').and_then(|rest| rest.split_once(':'));
        match known {
            Some((module, node)) if is_identifier(module) && !node.is_empty() => {}
            Some(_) | None => return Err(PathError::NoModule(path.to_owned())),
        }
        if path.chars().any(char::is_control) {
            return Err(PathError::Control(path.to_owned()));
        }
        Ok(Self(path.to_owned()))
    }
}

/// Whether a text is a YANG identifier (RFC 7950, section 14).
fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
