//! The mapping of VRFs to L3VNIs: zebra holds it, and mgmtd believes to own it.
//!
//! mgmtd sends zebra all that it was told whenever a daemon connects to it, and with that erases
//! every mapping that zebra was given over its northbound alone. So mgmtd is always told the
//! same, and only what zebra holds in the end counts:
//!
//! 1. zebra's northbound, where there is one, is asked whether a change is valid that gives a
//!    VNI to two VRFs: the one thing that it refuses, and it says so in good words;
//! 2. mgmtd is led from what it believes to what shall be, in one commit of its own;
//! 3. zebra's northbound is given what has not reached zebra that way;
//! 4. zebra is read back.
//!
//! What mgmtd believes is asked for only when it may be another thing than it was told: at the
//! first time, on a new connection, after a failure or another driver's turn, or when zebra does
//! not hold the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use perouter_parsers::evpn;
use perouter_parsers::running_config::RunningConfig;

use super::vty::{Status, Typed, VtyError};
use super::{Daemon, Frr, FrrError};
use crate::api::types::{Vni, VrfName};

/// Shows what is configured, whichever way it came, and for VRFs without a device too.
const SHOW: &str = "show vrf vni json";

/// mgmtd answers a moment before zebra has what it was told.
const REACHES_ZEBRA: Duration = Duration::from_millis(1500);

/// The first pause before another look, doubled up to the longest.
const LOOK_AGAIN: Duration = Duration::from_micros(250);
const LOOK_RARELY: Duration = Duration::from_millis(20);

/// mgmtd refuses for a moment while another commit, or a daemon that connects, holds its lock.
const LOCKED: Status = Status::Other(255);
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The L3VNI of every VRF that has one.
pub(super) type Mapping = BTreeMap<VrfName, Vni>;

/// What one commit takes and gives.
struct Changes {
    removed: Mapping,
    added: Mapping,
}

impl Changes {
    fn between(now: &Mapping, wanted: &Mapping) -> Self {
        let missing_in = |from: &Mapping, held: &Mapping| -> Mapping {
            let missing = from
                .iter()
                .filter(|(vrf, vni)| held.get(*vrf) != Some(*vni));
            missing.map(|(vrf, vni)| (vrf.clone(), *vni)).collect()
        };
        Self {
            removed: missing_in(now, wanted),
            added: missing_in(wanted, now),
        }
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }
}

/// Whether mgmtd could be told.
enum Told {
    Yes,
    ItDoesNotRun,
}

/// Whether a VNI belongs to two VRFs, which zebra refuses (`lib_vrf_zebra_l3vni_id_modify` in
/// FRR's `zebra/zebra_nb_config.c`; it refuses nothing else).
fn has_doubles(mapping: &Mapping) -> bool {
    let vnis: BTreeSet<&Vni> = mapping.values().collect();
    vnis.len() != mapping.len()
}

impl Frr {
    /// Maps VRFs to their L3VNIs, or unmaps them.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words; nothing of the batch is in force then, as far as FRR
    /// could be spoken with.
    pub async fn map_vnis(&mut self, maps: &[(VrfName, Option<Vni>)]) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        let before = match &self.known.vnis {
            Some(known) if self.is_fresh([Daemon::Zebra]) => known.clone(),
            Some(_) | None => self.mapped_vnis().await?,
        };
        let mut wanted = before.clone();
        for (vrf, vni) in maps {
            match vni {
                Some(vni) => wanted.insert(vrf.clone(), *vni),
                None => wanted.remove(vrf),
            };
        }
        self.known.vnis = None;
        self.about_to_write(maps.len())?;
        match self.lead_mapping(&before, &wanted).await {
            Ok(()) => Ok(()),
            Err(refusal) => Err(refusal.after(self.restore_mapping(&before).await)),
        }
    }

    async fn restore_mapping(&mut self, before: &Mapping) -> Result<(), FrrError> {
        // The northbound may be what failed, and where mgmtd does not run it is the only way.
        self.northbound.connect().await?;
        let now = self.mapped_vnis().await?;
        self.lead_mapping(&now, before).await
    }

    async fn lead_mapping(&mut self, now: &Mapping, wanted: &Mapping) -> Result<(), FrrError> {
        let changes = Changes::between(now, wanted);
        let northbound = self.northbound.has_mappings();
        if has_doubles(wanted) {
            self.northbound.validate_mapping(&edits(&changes)).await?;
        }
        let mut held = match self.tell_mgmtd(now, wanted, northbound).await? {
            Told::Yes => self.settled_mapping(wanted).await?,
            Told::ItDoesNotRun => now.clone(),
        };
        if northbound && held != *wanted {
            let rest = Changes::between(&held, wanted);
            self.northbound.commit_mapping(&edits(&rest)).await?;
            held = self.settled_mapping(wanted).await?;
        }
        read_back(&held, wanted)
    }

    /// What zebra holds, once that is `wanted` or the time for it is over.
    async fn settled_mapping(&mut self, wanted: &Mapping) -> Result<Mapping, FrrError> {
        let deadline = tokio::time::Instant::now() + REACHES_ZEBRA;
        let mut pause = LOOK_AGAIN;
        loop {
            let held = self.mapped_vnis().await?;
            if held == *wanted || tokio::time::Instant::now() >= deadline {
                return Ok(held);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_RARELY);
        }
    }

    /// What zebra holds.
    pub(super) async fn mapped_vnis(&mut self) -> Result<Mapping, FrrError> {
        let text = self.show(Daemon::Zebra, SHOW).await?;
        let shown = evpn::vrf_vnis(text.as_bytes())
            .map_err(|source| self.cannot_read(Daemon::Zebra, SHOW, source))?;
        // A name that no object can have is nobody's here; it cannot be unmapped by us either.
        let ours = |shown: evpn::VrfVni| {
            let vni = Vni::try_from(shown.vni.get()).ok()?;
            Some((shown.vrf.parse().ok()?, vni))
        };
        Ok(shown.into_iter().filter_map(ours).collect())
    }

    /// Leads mgmtd from what it believes to `wanted`. Where zebra has a northbound, mgmtd need
    /// not run; but one that runs and is not told gives zebra the old mapping some day.
    async fn tell_mgmtd(
        &mut self,
        zebra: &Mapping,
        wanted: &Mapping,
        northbound: bool,
    ) -> Result<Told, FrrError> {
        // One that was never started is not waited for.
        if northbound && !Daemon::Mgmtd.vty_socket(self.dir()).exists() {
            return Ok(Told::ItDoesNotRun);
        }
        let mut believed = match self.believed_mapping(zebra).await {
            Ok(believed) => believed,
            Err(FrrError::Vty(VtyError::Connect { .. })) if northbound => {
                return Ok(Told::ItDoesNotRun);
            }
            Err(error) => return Err(error),
        };
        // mgmtd does not repeat what it believes to be so: what zebra lacks is taken back first.
        let lost = believed
            .iter()
            .filter(|(vrf, vni)| wanted.get(*vrf) == Some(*vni) && zebra.get(*vrf) != Some(*vni));
        let lost: Mapping = lost.map(|(vrf, vni)| (vrf.clone(), *vni)).collect();
        if !northbound && !lost.is_empty() {
            believed.retain(|vrf, _| !lost.contains_key(vrf));
            let taken = Changes {
                removed: lost,
                added: Mapping::new(),
            };
            self.commit_to_mgmtd(&taken).await?;
        }
        self.commit_to_mgmtd(&Changes::between(&believed, wanted))
            .await?;
        self.remember_believed(wanted);
        Ok(Told::Yes)
    }

    /// Keeps what mgmtd was told, for the next time.
    fn remember_believed(&mut self, told: &Mapping) {
        if self.is_fresh([Daemon::Mgmtd]) {
            self.known.believed = Some(told.clone());
        }
    }

    /// What mgmtd believes that zebra holds. It is taken to be what it was told last only if
    /// zebra does hold that.
    async fn believed_mapping(&mut self, zebra: &Mapping) -> Result<Mapping, FrrError> {
        const COMMAND: &str = "show running-config";
        // A commit that fails leaves nobody knowing what it believes.
        let known = self.known.believed.take();
        if let Some(known) = known.filter(|known| known == zebra)
            && self.is_fresh([Daemon::Mgmtd])
        {
            return Ok(known);
        }
        let text = self.show(Daemon::Mgmtd, COMMAND).await?;
        let running = text
            .parse::<RunningConfig>()
            .map_err(|source| self.cannot_read(Daemon::Mgmtd, COMMAND, source))?;
        let mapped = |context: &perouter_parsers::running_config::Context| {
            let vrf = context.header().as_str().strip_prefix("vrf ")?;
            let mut lines = context.body().lines().iter();
            let vni = lines.find_map(|line| line.as_str().strip_prefix("vni "))?;
            Some((vrf.parse().ok()?, vni.split(' ').next()?.parse().ok()?))
        };
        Ok(running
            .config
            .contexts()
            .iter()
            .filter_map(mapped)
            .collect())
    }

    /// One commit of mgmtd: all of it or nothing.
    async fn commit_to_mgmtd(&mut self, changes: &Changes) -> Result<(), FrrError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.unlocked("configure terminal file-lock").await?;
        let outcome = self.type_batch(changes).await;
        let left = self.leave_configuration(Daemon::Mgmtd).await;
        outcome.and(left)
    }

    async fn type_batch(&mut self, changes: &Changes) -> Result<(), FrrError> {
        self.type_one("XFRR_start_configuration", "start of a batch")
            .await?;
        let removed = changes
            .removed
            .iter()
            .map(|(vrf, vni)| (vrf, format!("no vni {vni}")));
        let added = changes
            .added
            .iter()
            .map(|(vrf, vni)| (vrf, format!("vni {vni}")));
        let mut shown = Vec::new();
        for (vrf, line) in removed.chain(added) {
            let context = format!("vrf {vrf}");
            let both = format!("{context} / {line}");
            self.type_one(&context, &context).await?;
            self.type_one(&line, &both).await?;
            self.type_one("exit", "exit").await?;
            shown.push(both);
        }
        self.type_one("XFRR_end_configuration", &shown.join(", "))
            .await
    }

    async fn type_one(&mut self, line: &str, shown: &str) -> Result<(), FrrError> {
        let typed = Typed {
            text: line.into(),
            shown: shown.into(),
        };
        self.accepted(Daemon::Mgmtd, &typed).await
    }

    /// Types a command that needs mgmtd's lock, until it has it.
    async fn unlocked(&mut self, command: &str) -> Result<(), FrrError> {
        let mut tries = 0;
        loop {
            let answer = self.ask(Daemon::Mgmtd, &Typed::plain(command)).await?;
            tries += 1;
            match answer.status {
                Status::Success => return Ok(()),
                LOCKED | Status::Warning | Status::ConfigFailed if tries < LOCK_TRIES => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Status::Warning
                | Status::NoMatch
                | Status::Ambiguous
                | Status::Incomplete
                | Status::ConfigFailed
                | Status::Other(_) => {
                    return Err(FrrError::refused(Daemon::Mgmtd, command, &answer.text));
                }
            }
        }
    }
}

/// The changes as edits of the northbound: removals first, so that a VNI can change its VRF.
fn edits(changes: &Changes) -> Vec<(VrfName, Option<Vni>)> {
    let unmapped = changes
        .removed
        .keys()
        .filter(|vrf| !changes.added.contains_key(*vrf));
    let unmapped = unmapped.map(|vrf| (vrf.clone(), None));
    let mapped = changes
        .added
        .iter()
        .map(|(vrf, vni)| (vrf.clone(), Some(*vni)));
    unmapped.chain(mapped).collect()
}

/// Only what zebra holds counts.
fn read_back(held: &Mapping, wanted: &Mapping) -> Result<(), FrrError> {
    if held == wanted {
        return Ok(());
    }
    let differs = |vrf: &&VrfName| held.get(*vrf) != wanted.get(*vrf);
    let Some(vrf) = wanted.keys().chain(held.keys()).find(differs) else {
        return Ok(());
    };
    let command = match wanted.get(vrf) {
        Some(vni) => format!("vrf {vrf} / vni {vni}"),
        None => format!("vrf {vrf} / no vni"),
    };
    let words = match held.get(vrf) {
        Some(vni) => format!("it took the command, but still maps {vrf} to VNI {vni}"),
        None => format!("it took the command, but maps {vrf} to no VNI"),
    };
    Err(FrrError::refused(Daemon::Zebra, &command, &words))
}
