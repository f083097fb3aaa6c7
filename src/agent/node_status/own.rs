//! Whether the node's object is still there, and when to make it again.

use std::time::Duration;

use kube::api::PartialObjectMeta;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Scribe;
use crate::agent::source::follow;
use crate::api::v1alpha1::RouterNodeConfigurationStatus;

/// The pause before the object is made again, doubled up to the longest: what belongs to a Node
/// that is gone is taken away again and again until the agent goes too.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// How long it must have stayed for the next pause to be the first.
const STAYED: Duration = Duration::from_secs(600);

/// Watches the metadata of the object, until the handle is dropped. Tells whenever the object that
/// was there is not there any more.
pub(super) fn watch(scribe: &Scribe) -> (watch::Receiver<()>, AbortOnDropHandle<()>) {
    let only = watcher::Config::default().fields(&format!("metadata.name={}", scribe.node));
    let metadata: Api<PartialObjectMeta<RouterNodeConfigurationStatus>> =
        Api::namespaced(scribe.client.clone(), &scribe.namespace);
    let told = watcher::watcher(metadata, only);
    let (tell, gone) = watch::channel(());
    let mut seen = Seen::default();
    let heed = move |event| {
        if seen.heed(event) == Fate::Gone {
            tell.send_replace(());
        }
    };
    let what = "RouterNodeConfigurationStatus".to_owned();
    let task = follow(what, told, scribe.recovery.clone(), heed);
    (gone, AbortOnDropHandle::new(tokio::spawn(task)))
}

/// The object as it was seen last, by its UID.
#[derive(Debug, Default)]
struct Seen {
    uid: Option<String>,
    listed: Option<String>,
}

/// What came of the object that was there.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Same,
    Gone,
}

impl Seen {
    fn heed<K: Resource>(&mut self, event: watcher::Result<Event<K>>) -> Fate {
        match event {
            Ok(Event::Init) => {
                self.listed = None;
                Fate::Same
            }
            Ok(Event::InitApply(object)) => {
                self.listed.clone_from(&object.meta().uid);
                Fate::Same
            }
            Ok(Event::InitDone) => {
                let listed = self.listed.take();
                // One that was made and deleted unseen is missing as well.
                let is_missing = listed.is_none();
                if self.is_now(listed) == Fate::Gone || is_missing {
                    Fate::Gone
                } else {
                    Fate::Same
                }
            }
            Ok(Event::Apply(object)) => self.is_now(object.meta().uid.clone()),
            Ok(Event::Delete(_)) => self.is_now(None),
            Err(_) => Fate::Same,
        }
    }

    fn is_now(&mut self, uid: Option<String>) -> Fate {
        let before = std::mem::replace(&mut self.uid, uid);
        if before.is_some() && before != self.uid {
            Fate::Gone
        } else {
            Fate::Same
        }
    }
}

/// When the object came back.
#[derive(Debug, Default)]
pub(super) struct Returns {
    last: Option<(Instant, Duration)>,
}

impl Returns {
    /// How long to wait with it this time.
    pub(super) fn pause(&mut self, now: Instant) -> Duration {
        let pause = match self.last {
            Some((at, pause)) if now.duration_since(at) < STAYED => (pause * 2).min(LONGEST),
            Some(_) | None => FIRST,
        };
        self.last = Some((now, pause));
        pause
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Node;

    use super::*;

    fn object(uid: &str) -> Node {
        let mut object = Node::default();
        object.metadata.uid = Some(uid.to_owned());
        object
    }

    fn fates(events: Vec<Event<Node>>) -> Vec<bool> {
        let mut seen = Seen::default();
        let heard = events.into_iter().map(|it| seen.heed(Ok(it)) == Fate::Gone);
        heard.collect()
    }

    #[test]
    fn what_is_written_again_is_there_and_what_is_deleted_is_gone_once() {
        let told = fates(vec![
            Event::Init,
            Event::InitApply(object("a")),
            Event::InitDone,
            Event::Apply(object("a")),
            Event::Delete(object("a")),
            Event::Apply(object("b")),
            Event::Apply(object("b")),
        ]);
        assert_eq!(told, [false, false, false, false, true, false, false]);
    }

    #[test]
    fn what_was_replaced_or_deleted_unseen_is_gone() {
        let told = fates(vec![
            Event::Init,
            Event::InitDone,
            Event::Apply(object("a")),
            Event::Apply(object("b")),
            Event::Init,
            Event::InitApply(object("b")),
            Event::InitDone,
            Event::Init,
            Event::InitApply(object("c")),
            Event::InitDone,
            Event::Init,
            Event::InitDone,
        ]);
        let gone: Vec<usize> = (0..told.len()).filter(|at| told[*at]).collect();
        assert_eq!(gone, [1, 3, 9, 11]);
    }

    #[test]
    fn a_watch_that_fails_says_nothing_of_the_object() {
        let mut seen = Seen::default();
        let failure = || Err::<Event<Node>, _>(watcher::Error::NoResourceVersion);
        assert_eq!(seen.heed(Ok(Event::Apply(object("a")))), Fate::Same);
        assert_eq!(seen.heed(failure()), Fate::Same);
        assert_eq!(seen.heed(Ok(Event::Apply(object("a")))), Fate::Same);
    }

    #[test]
    fn who_deletes_it_over_and_over_sees_it_come_back_ever_later() {
        let (mut returns, begin) = (Returns::default(), Instant::now());
        let mut pause = |second| {
            let pause = returns.pause(begin + Duration::from_secs(second));
            pause.as_secs()
        };
        assert_eq!([0, 2, 5, 10].map(&mut pause), [1, 2, 4, 8]);
        assert_eq!([20, 40, 100, 170].map(&mut pause), [16, 32, 60, 60]);
        assert_eq!([770, 772].map(pause), [1, 2]);
    }
}
