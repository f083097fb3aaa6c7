//! The mapping of VRFs to L3VNIs, as zebra holds it, and how it is set without northbound.

use std::collections::BTreeMap;

use perouter_parsers::evpn;

use super::{Daemon, Frr, FrrError};
use crate::api::types::{Vni, VrfName};

/// Shows what is configured, whichever way it came, and for VRFs without a device too.
const SHOW: &str = "show vrf vni json";

impl Frr {
    /// The L3VNI of every VRF that has one.
    pub(super) async fn mapped_vnis(&mut self) -> Result<BTreeMap<VrfName, Vni>, FrrError> {
        let text = self.show(Daemon::Zebra, SHOW).await?;
        let shown = evpn::vrf_vnis(text.as_bytes())
            .map_err(|source| FrrError::unreadable(Daemon::Zebra, SHOW, source))?;
        // A name that no object can have is nobody's here; it cannot be unmapped by us either.
        let ours = |shown: evpn::VrfVni| {
            Some((
                shown.vrf.parse().ok()?,
                Vni::try_from(shown.vni.get()).ok()?,
            ))
        };
        Ok(shown.into_iter().filter_map(ours).collect())
    }

    /// mgmtd takes the command where zebra's own vty does not, and tells zebra. What was set
    /// over zebra's northbound it does not know, and would not take away; so before that it is
    /// told.
    pub(super) async fn map_vnis_by_vty(
        &mut self,
        maps: &[(VrfName, Option<Vni>)],
    ) -> Result<(), FrrError> {
        let now = self.mapped_vnis().await?;
        for (vrf, vni) in maps {
            let context = format!("vrf {vrf}");
            let lines = match (vni, now.get(vrf)) {
                (Some(vni), _) => vec![format!("vni {vni}")],
                (None, Some(old)) => vec![format!("vni {old}"), format!("no vni {old}")],
                (None, None) => continue,
            };
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            self.type_in(Daemon::Mgmtd, &[&context], &lines).await?;
        }
        self.read_back(maps).await
    }

    /// mgmtd takes a mapping that zebra then refuses without saying so to us: only what zebra
    /// holds counts.
    async fn read_back(&mut self, maps: &[(VrfName, Option<Vni>)]) -> Result<(), FrrError> {
        let held = self.mapped_vnis().await?;
        for (vrf, wanted) in maps {
            let held = held.get(vrf);
            if held != wanted.as_ref() {
                let command = match wanted {
                    Some(vni) => format!("vrf {vrf} / vni {vni}"),
                    None => format!("vrf {vrf} / no vni"),
                };
                let words = match held {
                    Some(vni) => format!("zebra still maps {vrf} to VNI {vni}"),
                    None => format!("zebra maps {vrf} to no VNI"),
                };
                return Err(FrrError::refused(Daemon::Mgmtd, &command, &words));
            }
        }
        Ok(())
    }
}
