//! bfdd's profiles: by its northbound where it has one, else by its vty.

use perouter_frr_proto::{self as proto, BfdInterval, Edits, ProfileName};
use perouter_parsers::running_config::RunningConfig;

use super::{Daemon, Frr, FrrError};
use crate::api::BfdMode;
use crate::plan::bfd::{BfdProfile, ProfileChange, SeenBfd, SeenProfile};

impl Frr {
    /// The profiles that bfdd runs, if it runs.
    pub(super) async fn profiles(&mut self) -> Result<SeenBfd, FrrError> {
        const COMMAND: &str = "show running-config";
        let is_there = Daemon::Bfdd.vty_socket(self.dir()).exists();
        if !is_there || self.connections.is_pausing(Daemon::Bfdd) {
            return Ok(SeenBfd::NotRunning);
        }
        let text = match self.show(Daemon::Bfdd, COMMAND).await {
            Ok(text) => text,
            // FRR may have been started without it, and left a socket of another life.
            Err(error) if error.is_absence() => return Ok(SeenBfd::NotRunning),
            Err(error) => return Err(error),
        };
        text.parse::<RunningConfig>()
            .map(|running| SeenBfd::of(&running.config))
            .map_err(|source| self.cannot_read(Daemon::Bfdd, COMMAND, source))
    }

    /// Makes, changes or removes profiles.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn change_profiles(&mut self, changes: &[ProfileChange]) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        self.known.bfd = None;
        self.about_to_write(changes.len())?;
        let Err(refusal) = self.type_profiles(changes).await else {
            return Ok(());
        };
        Err(refusal.after(self.take_back_profiles(changes).await))
    }

    /// Leads the profiles back to what they were.
    async fn take_back_profiles(&mut self, changes: &[ProfileChange]) -> Result<(), FrrError> {
        let SeenBfd::Profiles(now) = self.profiles().await? else {
            return Ok(());
        };
        let changed = changes
            .iter()
            .filter(|change| now.get(&change.name) != change.before.as_ref());
        let back: Vec<ProfileChange> = changed.filter_map(ProfileChange::reversed).collect();
        if back.is_empty() {
            return Ok(());
        }
        self.type_profiles(&back).await
    }

    async fn type_profiles(&mut self, changes: &[ProfileChange]) -> Result<(), FrrError> {
        self.northbound.connect_to(Daemon::Bfdd).await?;
        if let Some(edits) = edits(changes)?
            && self.northbound.commit(Daemon::Bfdd, edits).await?
        {
            return Ok(());
        }
        let lines: Vec<String> = changes.iter().flat_map(ProfileChange::lines).collect();
        self.type_in(Daemon::Bfdd, Some("bfd"), &lines).await
    }
}

/// The changes as edits of the northbound; `None` where some can only be typed.
fn edits(changes: &[ProfileChange]) -> Result<Option<Edits>, FrrError> {
    let mut edits = Edits::new();
    for change in changes {
        let name: ProfileName =
            change
                .name
                .parse()
                .map_err(|error: proto::NameError| FrrError::Northbound {
                    daemon: Daemon::Bfdd,
                    source: error.into(),
                })?;
        edits = match (&change.before, &change.after) {
            // What else it says would stay.
            (Some(SeenProfile::Other), Some(_)) => return Ok(None),
            (_, Some(profile)) => edits.bfd_profile(&name, &said(profile)),
            (_, None) => edits.remove_bfd_profile(&name),
        };
    }
    Ok(Some(edits))
}

/// All of a profile said, so that nothing of what it was before stays.
fn said(profile: &BfdProfile) -> proto::BfdProfile {
    let BfdProfile {
        receive_interval,
        transmit_interval,
        detect_multiplier,
        mode,
        minimum_ttl,
    } = *profile;
    proto::BfdProfile {
        detect_multiplier: Some(detect_multiplier),
        receive_interval: Some(BfdInterval::from_millis(receive_interval)),
        transmit_interval: Some(BfdInterval::from_millis(transmit_interval)),
        passive_mode: Some(match mode {
            BfdMode::Active => false,
            BfdMode::Passive => true,
        }),
        minimum_ttl: Some(minimum_ttl),
        ..proto::BfdProfile::default()
    }
}
