//! Named namespaces: made, found, deleted, made again, worked in.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use perouter::netlink::Kernel;
use perouter::netlink::namespace::{self, Ensured, NamespaceError, Netns};

use crate::bed::{Namespace, chain, run};

#[test]
fn a_namespace_is_made_once_and_found_afterwards() {
    let namespace = Namespace::new("twice");
    assert_eq!(namespace::ensure(&namespace.name).unwrap(), Ensured::Found);
    let listed = run("ip", "netns list");
    assert!(
        listed.lines().any(|line| line.starts_with(&namespace.name)),
        "{listed}"
    );
}

#[test]
fn the_directory_shares_its_mounts() {
    let _namespace = Namespace::new("shared");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let directory = mounts
        .lines()
        .find(|line| line.split(' ').nth(4) == Some(namespace::DIRECTORY))
        .unwrap_or_else(|| panic!("{} is no mount point", namespace::DIRECTORY));
    assert!(directory.contains(" shared:"), "{directory}");
}

#[test]
fn a_file_left_behind_is_no_namespace_and_becomes_one() {
    let namespace = Namespace::new("stale");
    // What remains when a machine or a container goes without unmounting.
    run("umount", namespace.path().to_str().unwrap());
    let error = Netns::open(&namespace.path()).unwrap_err();
    assert!(
        matches!(error, NamespaceError::NotANamespace { .. }),
        "{error:?}"
    );
    assert_eq!(
        namespace::ensure(&namespace.name).unwrap(),
        Ensured::Created
    );
    Netns::open(&namespace.path()).unwrap();
}

#[tokio::test]
async fn a_namespace_deleted_and_made_again_is_noticed() {
    let (host, router) = (Namespace::new("host"), Namespace::new("router"));
    let kernel = Kernel::open(&host.path(), &router.path()).await.unwrap();
    let first = Netns::open(&router.path()).unwrap();
    assert!(kernel.is_current());

    run("ip", &format!("netns delete {}", router.name));
    assert!(!kernel.is_current());

    assert_eq!(namespace::ensure(&router.name).unwrap(), Ensured::Created);
    assert!(
        !kernel.is_current(),
        "another namespace passes for the first"
    );
    let second = Netns::open(&router.path()).unwrap();
    assert_ne!(first.identity(), second.identity());
}

#[test]
fn names_that_are_no_file_names_are_refused() {
    for name in ["", ".", "..", "a/b", "../../etc/passwd", "a\0b"] {
        let error = namespace::ensure(name).unwrap_err();
        assert!(matches!(error, NamespaceError::Name { .. }), "{name:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_path() {
    let host = Namespace::new("host");
    let missing = namespace::path_of("prt-missing").unwrap();
    let error = Kernel::open(&host.path(), &missing).await.unwrap_err();
    let told = chain(&error);
    assert!(told.contains("router namespace"), "{told}");
    assert!(told.contains("/run/netns/prt-missing"), "{told}");
}

#[tokio::test]
async fn work_happens_inside_and_the_runtime_stays_outside() {
    let namespace = Namespace::new("work");
    namespace.ip("link add marker type bridge");
    let netns = Netns::open(&namespace.path()).unwrap();
    let outside = Netns::open(namespace::CURRENT.as_ref()).unwrap();

    let look = || fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    assert!(netns.run(look).await.unwrap().contains("marker"));
    assert!(netns.run_blocking(look).unwrap().contains("marker"));

    assert!(!look().contains("marker"));
    let after = Netns::open(namespace::CURRENT.as_ref()).unwrap();
    assert_eq!(outside.identity(), after.identity());
}

#[test]
fn a_panic_inside_is_an_error_outside() {
    let namespace = Namespace::new("panic");
    let netns = Netns::open(&namespace.path()).unwrap();
    let outcome: Result<(), _> = netns.run_blocking(|| panic!("on purpose"));
    assert!(matches!(outcome, Err(NamespaceError::Panicked)));
}

#[tokio::test]
async fn tcp_connects_to_a_listener_that_only_the_namespace_has() {
    let namespace = Namespace::new("tcp");
    let netns = Netns::open(&namespace.path()).unwrap();
    let listener = netns
        .run(|| TcpListener::bind("127.0.0.1:0").unwrap())
        .await
        .unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let greeter = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"inside").unwrap();
    });

    let stream = netns.connect_tcp(address).await.unwrap();
    let mut stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let mut greeting = String::new();
    stream.read_to_string(&mut greeting).unwrap();
    assert_eq!(greeting, "inside");
    greeter.join().unwrap();

    let outside = tokio::net::TcpStream::connect(address).await;
    assert!(outside.is_err(), "the port is open outside as well");
}
