//! What has to be verified again: everything, or some VRFs alone.
//!
//! What always holds: what cannot be told for certain to concern some VRFs alone is everything.

use std::collections::BTreeSet;

use crate::api::types::{InterfaceName, VrfName};
use crate::intent::NodeIntent;
use crate::netlink::{Place, Places};
use crate::plan::desired::Names;
use crate::plan::link::{SeenKernel, SeenKind};
use crate::verify::Finding;
use crate::verify::scope::is_separable;

/// As many VRFs are verified one by one; of more, everything is. A guess: with ten VRFs of a hundred
/// routes one costs an eighth of them all, and what all cost grows with their number.
const MOST: usize = 32;

/// What has to be verified again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The VNIs of these VRFs; perhaps none.
    Vrfs(BTreeSet<VrfName>),
    /// All that is verified at all.
    All,
}

impl Default for Scope {
    fn default() -> Self {
        Self::Vrfs(BTreeSet::new())
    }
}

impl Scope {
    /// A VRF alone, if it can be verified alone.
    pub(super) fn of_vrf(intent: &NodeIntent, vrf: &VrfName) -> Self {
        if is_separable(intent, vrf) {
            Self::Vrfs([vrf.clone()].into())
        } else {
            Self::All
        }
    }

    /// Where something changed in the kernel, whose links are as `seen`.
    pub(super) fn of_places(
        intent: &NodeIntent,
        seen: Option<&SeenKernel>,
        places: &Places,
    ) -> Self {
        let (Places::Some(places), Some(seen)) = (places, seen) else {
            return Self::All;
        };
        let mut scope = Self::default();
        for place in places {
            match vrf_of(intent, seen, *place) {
                Some(vrf) => scope.add(Self::of_vrf(intent, &vrf)),
                None => return Self::All,
            }
        }
        scope
    }

    /// Both this and that.
    pub(super) fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (Self::Vrfs(_), Self::All) => *self = Self::All,
            (Self::Vrfs(vrfs), Self::Vrfs(more)) => {
                vrfs.extend(more);
                if vrfs.len() > MOST {
                    *self = Self::All;
                }
            }
        }
    }

    /// What something was found of that is not as it should be.
    pub(super) fn of_trouble(intent: &NodeIntent, findings: &[Finding]) -> Self {
        let mut scope = Self::default();
        for finding in findings.iter().filter(|finding| !finding.is_good()) {
            let mut vnis = intent.vnis.iter();
            let own = vnis.find(|vni| Some(&vni.key) == finding.object.as_ref());
            match own {
                Some(own) => scope.add(Self::of_vrf(intent, &own.spec.vrf)),
                None => return Self::All,
            }
            if scope == Self::All {
                break;
            }
        }
        scope
    }
}

/// The VRF of ours that a place in the kernel belongs to.
fn vrf_of(intent: &NodeIntent, seen: &SeenKernel, place: Place) -> Option<VrfName> {
    let mut vnis = intent.vnis.iter();
    let own = match place {
        Place::Table(table) => {
            let is_table = |vrf: &VrfName| {
                let link = seen.router.get(&InterfaceName::from(vrf.clone()));
                link.is_some_and(|link| link.kind == SeenKind::Vrf { table })
            };
            vnis.find(|vni| is_table(&vni.spec.vrf))
        }
        Place::Link(index) => {
            let mut links = seen.router.iter();
            let (name, _) = links.find(|(_, link)| link.index == index)?;
            vnis.find(|vni| {
                let names = Names::of(vni.spec.vni);
                [&names.bridge, &names.vxlan, &names.router_veth].contains(&name)
            })
        }
    };
    own.map(|own| own.spec.vrf.clone())
}

#[cfg(test)]
mod tests;
