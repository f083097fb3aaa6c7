//! A watch of the Kubernetes API that goes on over failures.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use kube::runtime::watcher::{self, Event};

use super::recovery::Recovery;

/// The pause after a failure: what comes back is not kept waiting, and not stormed either.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// The HTTP status of what is not there.
const NOT_FOUND: u16 = 404;

/// Hands on what is told of `what`, failures too, and pauses after these.
pub(crate) async fn follow<K>(
    what: String,
    told: impl Stream<Item = watcher::Result<Event<K>>>,
    recovery: Recovery,
    mut heed: impl FnMut(watcher::Result<Event<K>>),
) {
    let mut told = std::pin::pin!(told);
    let mut pauses = recovery.pauses(PAUSE_FIRST, PAUSE_LONGEST);
    let mut complaint = None;
    loop {
        pauses.try_begins();
        let Some(event) = told.next().await else {
            return;
        };
        match &event {
            // It says so before it has asked.
            Ok(Event::Init) => {}
            Ok(Event::InitApply(_) | Event::InitDone | Event::Apply(_) | Event::Delete(_)) => {
                pauses.answered();
                if complaint.take().is_some() {
                    tracing::info!(%what, "the Kubernetes API answers again");
                    recovery.tell();
                }
            }
            Err(error) => {
                let said = Some(why(error));
                if complaint != said {
                    complaint = said;
                    let why = complaint.as_deref().unwrap_or_default();
                    tracing::warn!(%what, "the Kubernetes API cannot be watched: {why}");
                }
            }
        }
        let failed = event.is_err();
        heed(event);
        if failed {
            pauses.failed().await;
        }
    }
}

/// Why a kind cannot be read. Without its definition an API server says no more than that there is
/// no such page, in plain text, which leaves the client with nothing but the code.
pub(super) fn why(error: &watcher::Error) -> String {
    let said = crate::agent::chain(error);
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == NOT_FOUND => {
            format!(
                "the API server has no definition of this kind; apply deploy/crds of this version: \
                 {said}"
            )
        }
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchError(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => said,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::stream;
    use k8s_openapi::api::core::v1::Secret;
    use tokio::time::Instant;

    use super::*;

    type Told = watcher::Result<Event<Secret>>;

    fn failure() -> Told {
        Err(watcher::Error::NoResourceVersion)
    }

    /// When what was told was heard, in milliseconds from the start.
    async fn heard(told: Vec<Told>, recovery: Recovery) -> Vec<u128> {
        let begun = Instant::now();
        let times = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&times);
        let heed = move |_| note.lock().unwrap().push(begun.elapsed().as_millis());
        follow("Secret".to_owned(), stream::iter(told), recovery, heed).await;
        Arc::into_inner(times).unwrap().into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_that_cannot_be_reached_from_the_start_is_asked_ever_less() {
        let each = |_| [Ok(Event::Init), failure()];
        let told: Vec<Told> = (0..4).flat_map(each).collect();
        let times = heard(told, Recovery::default()).await;
        assert_eq!(times, [0, 0, 250, 250, 750, 750, 1750, 1750]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_begins_with_the_shortest_pause_again_and_tells_the_others() {
        let recovery = Recovery::default();
        let mut other = recovery.pauses(Duration::from_secs(60), PAUSE_LONGEST);
        let told = vec![
            failure(),
            failure(),
            Ok(Event::Init),
            Ok(Event::InitDone),
            failure(),
            Ok(Event::InitDone),
        ];
        let begun = Instant::now();
        let woken = async {
            other.failed().await;
            begun.elapsed().as_millis()
        };
        let (times, woken) = tokio::join!(heard(told, recovery.clone()), woken);
        assert_eq!(times, [0, 250, 750, 750, 750, 1000]);
        assert_eq!(woken, 750);
    }
}
