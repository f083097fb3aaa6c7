//! What was committed, read back and typed.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Daemon, DataPath, DataType, GetError, ReadError, Vni};

/// What an entry of a route map does with what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is let through.
    Permit,
    /// It is not.
    Deny,
}

impl Action {
    /// As FRR writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
}

/// The L3VNI of each VRF that has one. The names are FRR's, whoever gave them.
pub type VrfVnis = BTreeMap<String, Vni>;

/// Route maps, each with its entries by their sequence numbers.
pub type RouteMaps = BTreeMap<String, BTreeMap<u16, Action>>;

impl Daemon {
    /// From zebra: the L3VNI of each VRF that was given one over this service
    /// or by the command line. VRFs without one are left out.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotImplemented`] when this daemon is not zebra.
    pub async fn vrf_vnis(&self) -> Result<VrfVnis, ReadError> {
        self.require("frr-vrf")?;
        self.require("frr-zebra")?;
        let path = DataPath::vrfs();
        let Some(json) = self.config(&path).await? else {
            return Ok(VrfVnis::new());
        };
        parse_vrf_vnis(&json).map_err(|source| ReadError::Unexpected { path, source })
    }

    /// From bgpd or zebra: the route maps that it knows. Conditions and
    /// actions of the entries are left out.
    ///
    /// # Errors
    ///
    /// [`ReadError::NotImplemented`] when this daemon has no route maps.
    pub async fn route_maps(&self) -> Result<RouteMaps, ReadError> {
        self.require("frr-route-map")?;
        let path = DataPath::route_maps();
        let Some(json) = self.config(&path).await? else {
            return Ok(RouteMaps::new());
        };
        parse_route_maps(&json).map_err(|source| ReadError::Unexpected { path, source })
    }

    fn require(&self, module: &'static str) -> Result<(), ReadError> {
        if self.capabilities().implements(module) {
            return Ok(());
        }
        Err(ReadError::NotImplemented { module })
    }

    /// The configuration at the root of a module that is implemented, so that
    /// no data means that there is none.
    async fn config(&self, path: &DataPath) -> Result<Option<String>, GetError> {
        match self.get(path, DataType::Config).await {
            Ok(json) => Ok(Some(json)),
            Err(GetError::NoData { .. }) => Ok(None),
            Err(error @ GetError::Call(_)) => Err(error),
        }
    }
}

type ParseError = serde_path_to_error::Error<serde_json::Error>;

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, ParseError> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(json))
}

fn parse_vrf_vnis(json: &str) -> Result<VrfVnis, ParseError> {
    let document: VrfDocument = parse(json)?;
    Ok(document
        .lib
        .vrf
        .into_iter()
        .filter_map(|vrf| Some((vrf.name, vrf.zebra.l3vni?)))
        .collect())
}

fn parse_route_maps(json: &str) -> Result<RouteMaps, ParseError> {
    let document: RouteMapDocument = parse(json)?;
    let maps = document.lib.route_map.into_iter().map(|map| {
        let entries = map
            .entry
            .into_iter()
            .map(|entry| (entry.sequence, entry.action))
            .collect();
        (map.name, entries)
    });
    Ok(maps.collect())
}

/// A document may hold other modules only, so that this one's root is not there.
#[derive(Deserialize)]
struct VrfDocument {
    #[serde(rename = "frr-vrf:lib", default)]
    lib: VrfLib,
}

#[derive(Deserialize, Default)]
struct VrfLib {
    #[serde(default)]
    vrf: Vec<Vrf>,
}

#[derive(Deserialize)]
struct Vrf {
    name: String,
    #[serde(rename = "frr-zebra:zebra", default)]
    zebra: VrfZebra,
}

#[derive(Deserialize, Default)]
struct VrfZebra {
    #[serde(rename = "l3vni-id")]
    l3vni: Option<Vni>,
}

#[derive(Deserialize)]
struct RouteMapDocument {
    #[serde(rename = "frr-route-map:lib", default)]
    lib: RouteMapLib,
}

#[derive(Deserialize, Default)]
struct RouteMapLib {
    #[serde(rename = "route-map", default)]
    route_map: Vec<RouteMap>,
}

#[derive(Deserialize)]
struct RouteMap {
    name: String,
    #[serde(default)]
    entry: Vec<RouteMapEntry>,
}

#[derive(Deserialize)]
struct RouteMapEntry {
    sequence: u16,
    action: Action,
}

#[cfg(test)]
mod tests;
