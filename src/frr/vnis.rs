//! The mapping of VRFs to L3VNIs, as zebra holds it, and how it is set without northbound.

use std::collections::BTreeMap;

use super::{Daemon, Frr, FrrError};
use crate::api::types::{Vni, VrfName};

/// Shows what is configured, whichever way it came, and for VRFs without a device too.
const SHOW: &str = "show vrf vni json";

impl Frr {
    /// The L3VNI of every VRF that has one.
    pub(super) async fn mapped_vnis(&mut self) -> Result<BTreeMap<VrfName, Vni>, FrrError> {
        let text = self.show(Daemon::Zebra, SHOW).await?;
        let shown: Shown = serde_json::from_str(&text)
            .map_err(|source| FrrError::unreadable(Daemon::Zebra, SHOW, source))?;
        let mut vnis = BTreeMap::new();
        for entry in shown.vrfs {
            if let (Ok(vrf), Ok(vni)) = (entry.vrf.parse(), Vni::try_from(entry.vni)) {
                vnis.insert(vrf, vni);
            }
        }
        Ok(vnis)
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

#[derive(serde::Deserialize)]
struct Shown {
    #[serde(default)]
    vrfs: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    vrf: String,
    vni: u32,
}
