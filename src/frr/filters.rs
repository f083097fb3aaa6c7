//! bgpd's prefix lists: new ones by the northbound, where bgpd has one; else, and for what
//! somebody else has changed, by the vty.

use std::collections::BTreeSet;

use perouter_frr_proto::{Action, Edits, ListVersion, PrefixListName, PrefixMatch};

use super::{Daemon, Frr, FrrError};
use crate::api::{Family, PrefixRule};
use crate::plan::bgp::filter::{Entry, ListChange, ListId, PrefixList};

impl Frr {
    /// Makes, mends or removes prefix lists.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn change_prefix_lists(&mut self, changes: &[ListChange]) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        self.known.bgp = None;
        self.about_to_write(changes.len())?;
        let Err(refusal) = self.type_lists(changes).await else {
            return Ok(());
        };
        Err(refusal.after(self.take_back_lists(changes).await))
    }

    /// Removes what there is of lists that were to be made.
    async fn take_back_lists(&mut self, changes: &[ListChange]) -> Result<(), FrrError> {
        let now = self.running_bgp().await?;
        let lists: BTreeSet<ListId> = now.lines().iter().filter_map(ListId::of).collect();
        let made = changes.iter().filter_map(|change| match change {
            ListChange::Create(list) if lists.contains(&list.id) => {
                Some(ListChange::Remove(list.id.clone()))
            }
            ListChange::Create(_) | ListChange::Mend { .. } | ListChange::Remove(_) => None,
        });
        let made: Vec<ListChange> = made.collect();
        if made.is_empty() {
            return Ok(());
        }
        self.type_lists(&made).await
    }

    async fn type_lists(&mut self, changes: &[ListChange]) -> Result<(), FrrError> {
        if let Some(edits) = edits(changes)?
            && self.northbound.commit(Daemon::Bgpd, edits).await?
        {
            return Ok(());
        }
        let lines: Vec<String> = changes.iter().flat_map(ListChange::lines).collect();
        self.type_in(Daemon::Bgpd, None, &lines).await
    }
}

/// The changes as edits of the northbound; `None` where some can only be typed.
fn edits(changes: &[ListChange]) -> Result<Option<Edits>, FrrError> {
    let mut edits = Edits::new();
    for change in changes {
        edits = match change {
            ListChange::Create(list) => created(edits, list)?,
            ListChange::Remove(id) => edits.remove_prefix_list(version(id), &name(id)?),
            // A changed entry would keep what the new one does not say.
            ListChange::Mend { .. } => return Ok(None),
        };
    }
    Ok(Some(edits))
}

fn created(edits: Edits, list: &PrefixList) -> Result<Edits, FrrError> {
    let key = (version(&list.id), &name(&list.id)?);
    Ok(list.entries().fold(edits, |edits, (sequence, entry)| {
        let (action, matches) = match entry {
            Entry::DenyAny => (Action::Deny, PrefixMatch::Any),
            Entry::Permit(rule) => (Action::Permit, matches(rule)),
        };
        edits.prefix_list_entry(key, sequence, action, matches)
    }))
}

fn matches(rule: &PrefixRule) -> PrefixMatch {
    let PrefixRule {
        prefix,
        min_length,
        max_length,
    } = *rule;
    let length = prefix.prefix_len();
    PrefixMatch::Prefix {
        address: prefix.addr(),
        length,
        at_least: (min_length > length).then_some(min_length),
        at_most: (max_length > length).then_some(max_length),
    }
}

fn version(id: &ListId) -> ListVersion {
    match id.family {
        Family::Ipv4Unicast | Family::Evpn => ListVersion::Ipv4,
        Family::Ipv6Unicast => ListVersion::Ipv6,
    }
}

fn name(id: &ListId) -> Result<PrefixListName, FrrError> {
    id.name.parse().map_err(
        |error: perouter_frr_proto::NameError| FrrError::Northbound {
            daemon: Daemon::Bgpd,
            source: error.into(),
        },
    )
}
