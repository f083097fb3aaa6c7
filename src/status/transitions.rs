//! What changed in an object's standing on this node, worth telling whoever watches its events.
//!
//! What always holds: what is found when the agent starts and is well is no news, so that a
//! restart tells nothing; what is on its way is none yet; and the same standing is told once.

use std::collections::BTreeMap;

use super::condition::{Condition, ConditionStatus, ConditionType, Reason};
use super::report::{ObjectReport, Report};
use crate::api::ObjectKey;

/// How an object stands on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// All of it was verified, and found good.
    Ready,
    /// Something of it is not as it should be.
    NotReady,
    /// It was refused as written, and nothing of it is in force.
    Refused,
    /// It was refused as written, and the version before stays in force.
    LastGoodKept,
}

impl Standing {
    /// Its name in an event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Refused => "Rejected",
            Self::LastGoodKept => "LastGoodKept",
        }
    }
}

/// An object stands otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The object.
    pub object: ObjectKey,
    /// How it stands now.
    pub to: Standing,
    /// Why; empty where all is well.
    pub why: String,
}

/// How each object stood when it was told last.
#[derive(Clone, Debug, Default)]
pub struct Standings(Option<BTreeMap<ObjectKey, Standing>>);

impl Standings {
    /// What is new in a report. What cannot be told yet stands as it did. Before the first pass
    /// not all objects need be known.
    pub fn heed(&mut self, report: &Report) -> Vec<Transition> {
        if report.pass.is_none() {
            return Vec::new();
        }
        let first = self.0.is_none();
        let before = self.0.take().unwrap_or_default();
        let (mut now, mut news) = (BTreeMap::new(), Vec::new());
        for object in &report.objects {
            let key = &object.object;
            let assumed = first.then_some(Standing::Ready);
            let known = before.get(key).copied().or(assumed);
            let Some((to, why)) = standing(object) else {
                now.extend(known.map(|known| (key.clone(), known)));
                continue;
            };
            now.insert(key.clone(), to);
            if known != Some(to) {
                news.push(Transition {
                    object: key.clone(),
                    to,
                    why,
                });
            }
        }
        self.0 = Some(now);
        news
    }
}

/// How an object stands, and why; none while that cannot be told.
fn standing(object: &ObjectReport) -> Option<(Standing, String)> {
    let others = || {
        let all = object.conditions.iter();
        all.filter(|condition| condition.kind != ConditionType::Ready)
    };
    let is_false = |condition: &&Condition| condition.status == ConditionStatus::False;
    if let Some(bad) = others().find(is_false) {
        let to = match (bad.kind, bad.reason) {
            (ConditionType::Accepted, Reason::LastGoodKept) => Standing::LastGoodKept,
            (ConditionType::Accepted, _) => Standing::Refused,
            (
                ConditionType::Programmed
                | ConditionType::SessionsEstablished
                | ConditionType::RoutesExchanged
                | ConditionType::Ready,
                _,
            ) => Standing::NotReady,
        };
        return Some((to, bad.message.clone()));
    }
    let is_known = |condition: &Condition| condition.status == ConditionStatus::True;
    others()
        .all(is_known)
        .then(|| (Standing::Ready, String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Kept;
    use crate::status::report::tests::Scene;

    /// What is told of each scene in turn, by name and standing.
    fn told(scenes: &[&Scene]) -> Vec<Vec<(String, &'static str)>> {
        let (mut standings, mut last) = (Standings::default(), None);
        let tell = |(second, scene): (usize, &&Scene)| {
            let report = scene.report(last.as_ref(), i64::try_from(second).unwrap());
            let news = standings.heed(&report);
            last = Some(report);
            news.into_iter()
                .map(|news| (news.object.name, news.to.as_str()))
                .collect()
        };
        scenes.iter().enumerate().map(tell).collect()
    }

    fn broken() -> Scene {
        let mut scene = Scene::healthy();
        scene.break_kernel();
        scene
    }

    #[test]
    fn an_agent_that_starts_and_finds_all_well_tells_nothing() {
        let healthy = Scene::healthy();
        assert!(told(&[&healthy, &healthy]).concat().is_empty());
    }

    #[test]
    fn before_the_first_pass_nothing_is_told_and_nothing_is_known() {
        let mut early = broken().report(None, 1);
        early.pass = None;
        let mut standings = Standings::default();
        assert_eq!(standings.heed(&early), []);
        assert_eq!(standings.heed(&Scene::healthy().report(None, 2)), []);
    }

    #[test]
    fn an_object_that_is_new_is_told_once_it_is_ready() {
        let healthy = Scene::healthy().report(None, 1);
        let mut without = healthy.clone();
        without.objects.clear();
        let mut standings = Standings::default();
        assert_eq!(standings.heed(&without), []);
        let news = standings.heed(&healthy);
        assert_eq!(news.len(), healthy.objects.len());
        assert!(news.iter().all(|news| news.to == Standing::Ready));
    }

    #[test]
    fn a_break_is_told_once_and_its_mend_once() {
        let (healthy, broken) = (Scene::healthy(), broken());
        let told = told(&[&healthy, &broken, &broken, &healthy, &healthy]);
        let red = |standing| vec![("red".to_owned(), standing)];
        assert_eq!(
            told,
            [vec![], red("NotReady"), vec![], red("Ready"), vec![]]
        );
    }

    #[test]
    fn what_is_broken_at_the_start_is_told() {
        assert_eq!(
            told(&[&broken()]).concat(),
            [("red".to_owned(), "NotReady")]
        );
    }

    #[test]
    fn a_refused_edit_says_what_stays_in_force() {
        for (kept, standing) in [
            (Kept::LastGood, "LastGoodKept"),
            (Kept::Nothing, "Rejected"),
        ] {
            let mut refused = Scene::healthy();
            refused.reject(kept);
            let told = told(&[&Scene::healthy(), &refused]).concat();
            let standings: Vec<_> = told.iter().map(|(_, standing)| *standing).collect();
            assert_eq!(standings, [standing], "{told:?}");
        }
    }

    #[test]
    fn why_is_in_the_words_of_what_found_it() {
        let mut standings = Standings::default();
        let news = standings.heed(&broken().report(None, 1));
        assert!(news[0].why.contains("expected"), "{news:?}");
    }
}
