//! Changes of a candidate, in the terms of the network.

use std::{fmt, net::IpAddr, time::Duration};

use crate::{
    Action, DataPath, PrefixListName, ProfileName, RouteMapName, Vni, VrfName,
    wire::{EditCandidateRequest, PathValue},
};

/// Some changes that are made to a candidate together.
///
/// FRR takes all that is set before all that is removed; [`Edits`] cannot say
/// otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edits {
    update: Vec<PathValue>,
    delete: Vec<PathValue>,
}

impl Edits {
    /// No change yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.update.is_empty() && self.delete.is_empty()
    }

    /// In zebra: makes this VNI the L3VNI of this VRF, as `vrf red` / `vni 100`
    /// does. The VRF is made in the configuration if it is not there; the
    /// kernel's device may come later.
    #[must_use]
    pub fn map_vrf(self, vrf: &VrfName, vni: Vni) -> Self {
        self.set(&DataPath::l3vni(vrf), &vni.to_string())
    }

    /// In zebra: takes the L3VNI from this VRF, as `no vni 100` does. It is an
    /// error of the edit if there is none.
    #[must_use]
    pub fn unmap_vrf(self, vrf: &VrfName) -> Self {
        self.remove(&DataPath::l3vni(vrf))
    }

    /// In bgpd: makes an entry without conditions in a route map, as
    /// `route-map allowall permit 1` does.
    #[must_use]
    pub fn permit_all(self, map: &RouteMapName, sequence: u16) -> Self {
        self.set(
            &DataPath::route_map_entry(map, sequence).child("action"),
            "permit",
        )
    }

    /// In bgpd: removes a route map with all its entries. It is an error of the
    /// edit if there is none.
    #[must_use]
    pub fn remove_route_map(self, map: &RouteMapName) -> Self {
        self.remove(&DataPath::route_map(map))
    }

    /// In bgpd: makes an entry of a prefix list, as `ip prefix-list N seq S permit P` does.
    #[must_use]
    pub fn prefix_list_entry(
        self,
        (version, list): (ListVersion, &PrefixListName),
        sequence: u32,
        action: Action,
        matches: PrefixMatch,
    ) -> Self {
        let entry =
            DataPath::prefix_list(version, list).child(&format!("entry[sequence='{sequence}']"));
        let edits = self.set(&entry.child("action"), action.as_str());
        let PrefixMatch::Prefix {
            address,
            length,
            at_least,
            at_most,
        } = matches
        else {
            return edits.set(&entry.child("any"), "");
        };
        let mut edits = edits.set(
            &entry.child(&format!("{version}-prefix")),
            &format!("{address}/{length}"),
        );
        for (leaf, bound) in [("greater-or-equal", at_least), ("lesser-or-equal", at_most)] {
            if let Some(bound) = bound {
                let leaf = format!("{version}-prefix-length-{leaf}");
                edits = edits.set(&entry.child(&leaf), &bound.to_string());
            }
        }
        edits
    }

    /// In bgpd: removes a prefix list with all its entries. It is an error of the edit if there
    /// is none.
    #[must_use]
    pub fn remove_prefix_list(self, version: ListVersion, list: &PrefixListName) -> Self {
        self.remove(&DataPath::prefix_list(version, list))
    }

    /// In bfdd: makes a profile, or makes it have these values.
    #[must_use]
    pub fn bfd_profile(mut self, name: &ProfileName, profile: &BfdProfile) -> Self {
        let BfdProfile {
            detect_multiplier,
            receive_interval,
            transmit_interval,
            echo_mode,
            echo_receive_interval,
            echo_transmit_interval,
            passive_mode,
            minimum_ttl,
        } = profile;
        let path = DataPath::bfd_profile(name);
        self = self.set(&path, "");
        for (leaf, value) in [
            (
                "detection-multiplier",
                detect_multiplier.map(|value| value.to_string()),
            ),
            (
                "required-receive-interval",
                receive_interval.map(BfdInterval::text),
            ),
            (
                "desired-transmission-interval",
                transmit_interval.map(BfdInterval::text),
            ),
            ("echo-mode", echo_mode.map(|value| value.to_string())),
            (
                "required-echo-receive-interval",
                echo_receive_interval.map(BfdInterval::text),
            ),
            (
                "desired-echo-transmission-interval",
                echo_transmit_interval.map(BfdInterval::text),
            ),
            ("passive-mode", passive_mode.map(|value| value.to_string())),
            ("minimum-ttl", minimum_ttl.map(|value| value.to_string())),
        ] {
            if let Some(value) = value {
                self = self.set(&path.child(leaf), &value);
            }
        }
        self
    }

    /// In bfdd: removes a profile. It is an error of the edit if there is none.
    #[must_use]
    pub fn remove_bfd_profile(self, name: &ProfileName) -> Self {
        self.remove(&DataPath::bfd_profile(name))
    }

    /// Sets one node. Containers and list entries have the empty value.
    #[must_use]
    pub fn set(mut self, path: &DataPath, value: &str) -> Self {
        self.update.push(PathValue {
            path: path.to_string(),
            value: value.to_owned(),
        });
        self
    }

    /// Removes one node with all below it. It is an error of the edit if there
    /// is none.
    #[must_use]
    pub fn remove(mut self, path: &DataPath) -> Self {
        self.delete.push(PathValue {
            path: path.to_string(),
            value: String::new(),
        });
        self
    }

    /// Adds other changes to these.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.update.extend(other.update);
        self.delete.extend(other.delete);
        self
    }

    /// As it goes over the wire.
    pub(crate) fn request(&self, candidate_id: u32) -> EditCandidateRequest {
        EditCandidateRequest {
            candidate_id,
            update: self.update.clone(),
            delete: self.delete.clone(),
        }
    }
}

/// Whose prefixes a list is about; IPv4 and IPv6 lists may have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListVersion {
    /// `ip prefix-list`.
    Ipv4,
    /// `ipv6 prefix-list`.
    Ipv6,
}

impl fmt::Display for ListVersion {
    /// As `frr-filter` writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        })
    }
}

/// What an entry of a prefix list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixMatch {
    /// Every prefix.
    Any,
    /// Prefixes within this one.
    Prefix {
        /// Its address, host bits zero.
        address: IpAddr,
        /// Its length.
        length: u8,
        /// How long they are at least; more than `length`.
        at_least: Option<u8>,
        /// How long they are at most. Without either bound only the prefix itself is meant.
        at_most: Option<u8>,
    },
}

/// An interval of BFD: whole microseconds, as in RFC 5880.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BfdInterval(u32);

impl BfdInterval {
    /// An interval in milliseconds, the unit of FRR's command line. One that
    /// does not fit is the longest there is, 71 minutes.
    #[must_use]
    pub const fn from_millis(millis: u32) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// The interval.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }

    fn text(self) -> String {
        self.0.to_string()
    }
}

/// What a BFD profile says (`frr-bfdd:bfdd/bfd/profile`); what it leaves out
/// has the default of FRR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BfdProfile {
    /// How many packets may be lost, 1 to 255; 3 by default.
    pub detect_multiplier: Option<u8>,
    /// The shortest interval between received packets; 300 ms by default.
    pub receive_interval: Option<BfdInterval>,
    /// The shortest interval between sent packets; 300 ms by default.
    pub transmit_interval: Option<BfdInterval>,
    /// Whether echo packets are used; not by default.
    pub echo_mode: Option<bool>,
    /// The shortest interval between received echo packets; 50 ms by default.
    pub echo_receive_interval: Option<BfdInterval>,
    /// The shortest interval between sent echo packets; 50 ms by default.
    pub echo_transmit_interval: Option<BfdInterval>,
    /// Whether to wait for the peer to begin; not by default.
    pub passive_mode: Option<bool>,
    /// The lowest TTL of packets from over several hops; 254 by default.
    pub minimum_ttl: Option<u8>,
}
