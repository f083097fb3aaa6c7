//! What changes is told at once, from both namespaces, and a loss is told as a loss.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use perouter::netlink::{Change, KernelEvent, Watch};
use perouter::plan::link::{LinkChange, LinkKind, Space};
use tokio::time::timeout;

use crate::bed::{Bed, link, name, veth};

/// Waits for an event that `wanted` takes.
async fn wait_for(watch: &mut Watch, wanted: impl Fn(&KernelEvent) -> bool) -> KernelEvent {
    timeout(Duration::from_secs(5), async {
        loop {
            let event = watch.next().await.expect("the watch ended");
            if wanted(&event) {
                return event;
            }
        }
    })
    .await
    .expect("the event did not come within five seconds")
}

fn is_link(event: &KernelEvent, of: Space, text: &str, what: Change) -> bool {
    matches!(
        event,
        KernelEvent::Link { space, name: Some(found), change, .. }
            if *space == of && *found == name(text) && *change == what
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_link_is_told_within_a_tenth_of_a_second() {
    let bed = Bed::new().await;
    bed.add(veth("pe-e-1", "host-e-1")).await;
    let mut watch = bed.kernel.watch().await.unwrap();
    let router = bed.router.name.clone();
    let deleted = tokio::task::spawn_blocking(move || {
        crate::bed::run("ip", &format!("-n {router} link del pe-e-1"));
        Instant::now()
    });
    // The other end goes with it, in the other namespace; which is told first is open.
    let ends = [(Space::Router, "pe-e-1"), (Space::Host, "host-e-1")];
    let mut gone = [false; 2];
    while gone != [true; 2] {
        let event = wait_for(&mut watch, |event| {
            matches!(
                event,
                KernelEvent::Link {
                    change: Change::Gone,
                    ..
                }
            )
        })
        .await;
        for (gone, (space, link)) in gone.iter_mut().zip(ends) {
            *gone |= is_link(&event, space, link, Change::Gone);
        }
    }
    let told = Instant::now();
    let deleted = deleted.await.unwrap();
    let late = told.saturating_duration_since(deleted);
    assert!(
        late < Duration::from_millis(100),
        "{late:?} after ip had ended"
    );
}

#[tokio::test]
async fn links_appear_change_and_go_by_name() {
    let bed = Bed::new().await;
    let mut watch = bed.kernel.watch().await.unwrap();
    bed.router.ip("link add br0 type bridge");
    wait_for(&mut watch, |event| {
        is_link(event, Space::Router, "br0", Change::Appeared)
    })
    .await;
    bed.router.ip("link set br0 up");
    wait_for(&mut watch, |event| {
        is_link(event, Space::Router, "br0", Change::Changed)
    })
    .await;
    bed.router.ip("link del br0");
    wait_for(&mut watch, |event| {
        is_link(event, Space::Router, "br0", Change::Gone)
    })
    .await;
}

#[tokio::test]
async fn a_port_that_leaves_its_bridge_is_not_gone() {
    let bed = Bed::new().await;
    bed.add(link("br0", LinkKind::Bridge)).await;
    bed.add(veth("pe-e-1", "host-e-1")).await;
    let master = LinkChange::Master(Some(name("br0")));
    bed.set(Space::Router, "pe-e-1", master).await;
    let mut watch = bed.kernel.watch().await.unwrap();
    bed.router.ip("link set pe-e-1 nomaster");
    bed.router.ip("link add last type bridge");
    let end = timeout(Duration::from_secs(5), async {
        loop {
            let event = watch.next().await.unwrap();
            assert!(!is_link(&event, Space::Router, "pe-e-1", Change::Gone));
            if is_link(&event, Space::Router, "last", Change::Appeared) {
                return;
            }
        }
    });
    end.await.unwrap();
}

#[tokio::test]
async fn addresses_are_told_with_their_link() {
    let bed = Bed::new().await;
    bed.add(link("br0", LinkKind::Bridge)).await;
    let mut watch = bed.kernel.watch().await.unwrap();
    for (command, wanted) in [("add", Change::Appeared), ("del", Change::Gone)] {
        for address in ["192.0.2.1/24", "2001:db8::1/64"] {
            bed.router
                .ip(&format!("address {command} {address} dev br0"));
            wait_for(&mut watch, |event| {
                matches!(
                    event,
                    KernelEvent::Address { space: Space::Router, name: Some(found), change, .. }
                        if *found == name("br0") && *change == wanted
                )
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_receiver_that_is_too_slow_learns_that_it_missed_something() {
    let bed = Bed::new().await;
    let mut watch = bed.kernel.watch().await.unwrap();
    // Nothing is received meanwhile: first the queue fills, then the kernel's buffer.
    let mut batch = String::new();
    for round in 0..40_000 {
        writeln!(batch, "link set lo group {}", round % 2 + 1).unwrap();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), batch).unwrap();
    bed.router.ip(&format!("-batch {}", file.path().display()));
    let event = wait_for(&mut watch, |event| {
        matches!(event, KernelEvent::Overrun { .. })
    })
    .await;
    assert_eq!(
        event,
        KernelEvent::Overrun {
            space: Space::Router
        }
    );
    // From then on nothing is missed: what was lost after the loss began is lost before it is
    // told.
    bed.router.ip("link add last type bridge");
    wait_for(&mut watch, |event| {
        is_link(event, Space::Router, "last", Change::Appeared)
    })
    .await;
}

#[tokio::test]
async fn dropping_the_watch_leaves_the_kernel_open() {
    let bed = Bed::new().await;
    drop(bed.kernel.watch().await.unwrap());
    assert!(bed.observe().await.router.contains_key(&name("lo")));
}
