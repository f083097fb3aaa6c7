//! Which node gets which index.
//!
//! Pure. What always holds: what a node has and nobody older claims it keeps, since all its
//! addresses follow from it; no two nodes are given one; and who has none gets the lowest that is
//! free.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use crate::intent::NodeIndex;

#[cfg(test)]
mod tests;

/// What a node claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Its name.
    pub node: &'a str,
    /// When it came.
    pub created: Option<Timestamp>,
    /// The index that it has, as it is written; none when it has none.
    pub written: Option<&'a str>,
}

impl<'a> Claim<'a> {
    /// Who has it of two with the same index: the older, or the first by name.
    fn seniority(&self) -> (bool, Option<Timestamp>, &'a str) {
        (self.created.is_none(), self.created, self.node)
    }

    fn index(&self) -> Option<NodeIndex> {
        self.written?.parse().ok().map(NodeIndex)
    }
}

/// The indices that are to be written, by node: none when all is well.
#[must_use]
pub fn assign<'a>(claims: &[Claim<'a>]) -> BTreeMap<&'a str, NodeIndex> {
    let mut claims = claims.to_vec();
    claims.sort_by_key(Claim::seniority);
    let mut taken = BTreeSet::new();
    let mut without = Vec::new();
    for claim in claims {
        let kept = claim.index().is_some_and(|index| taken.insert(index.0));
        if !kept {
            without.push(claim.node);
        }
    }
    let mut free = (0..=u32::MAX).filter(|index| !taken.contains(index));
    without
        .into_iter()
        .zip(free.by_ref().map(NodeIndex))
        .collect()
}
