//! Two namespaces a test, the kernel opened on them, and programs that bear witness.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use perouter::api::InterfaceName;
use perouter::netlink::{Kernel, namespace};
use perouter::plan::link::{
    AddressGeneration, KernelStep, Link, LinkChange, LinkKind, Master, SeenKernel, SeenLink, Space,
};
use serde_json::Value;

/// A namespace with a name of its own, which goes with the value.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    pub(crate) fn new(role: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("prt-{}-{count}-{role}", std::process::id());
        let made = namespace::ensure(&name).expect("these tests make namespaces: run them as root");
        assert_eq!(
            made,
            namespace::Ensured::Created,
            "{name} was there already"
        );
        let this = Self { name };
        this.ip("link set lo up");
        this
    }

    pub(crate) fn path(&self) -> PathBuf {
        namespace::path_of(&self.name).unwrap()
    }

    /// Runs `ip` inside, and demands that it succeeds.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        run("ip", &format!("-n {} {arguments}", self.name))
    }

    /// Runs `ip` inside; what it printed, or what it said when it failed.
    pub(crate) fn try_ip(&self, arguments: &str) -> Result<String, String> {
        try_run("ip", &format!("-n {} {arguments}", self.name))
    }

    /// What `ip -j -d` says inside.
    pub(crate) fn ip_json(&self, arguments: &str) -> Value {
        parse(&self.ip(&format!("-j -d {arguments}")))
    }

    /// What `ip -j -d link show dev NAME` says of one link.
    pub(crate) fn ip_link(&self, name: &str) -> Value {
        self.ip_json(&format!("link show dev {name}"))[0].take()
    }

    /// The addresses that `ip` knows of a link, but IPv6 link-local ones.
    pub(crate) fn ip_addresses(&self, name: &str) -> BTreeSet<String> {
        let shown = self.ip_json(&format!("address show dev {name}"));
        shown[0]["addr_info"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|info| format!("{}/{}", info["local"].as_str().unwrap(), info["prefixlen"]))
            .filter(|address| !address.starts_with("fe80:"))
            .collect()
    }

    /// Runs a program inside, and demands that it succeeds.
    pub(crate) fn exec(&self, program: &str, arguments: &str) -> String {
        run(
            "nsenter",
            &format!("--net={} {program} {arguments}", self.path().display()),
        )
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = namespace::remove(&self.name) {
            eprintln!("namespace {} is left behind: {error}", self.name);
        }
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

/// Runs a program, demands that it succeeds, and gives what it printed.
pub(crate) fn run(program: &str, arguments: &str) -> String {
    let ran = try_run(program, arguments);
    ran.unwrap_or_else(|errors| panic!("{program} {arguments}: {errors}"))
}

fn try_run(program: &str, arguments: &str) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}; install it"));
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The namespaces of one test, with the kernel opened on them.
pub(crate) struct Bed {
    pub(crate) host: Namespace,
    pub(crate) router: Namespace,
    pub(crate) kernel: Kernel,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let (host, router) = (Namespace::new("host"), Namespace::new("router"));
        let kernel = Kernel::open(&host.path(), &router.path()).await.unwrap();
        Self {
            host,
            router,
            kernel,
        }
    }

    pub(crate) async fn execute(&self, step: KernelStep) {
        if let Err(error) = self.kernel.execute(&step).await {
            panic!("{step:?}: {}", chain(&error));
        }
    }

    /// Executes a step that has to fail, and gives the whole chain of its errors.
    pub(crate) async fn refusal(&self, step: KernelStep) -> String {
        match self.kernel.execute(&step).await {
            Ok(()) => panic!("{step:?} succeeded"),
            Err(error) => chain(&error),
        }
    }

    pub(crate) async fn add(&self, link: Link) {
        self.execute(KernelStep::AddLink(Box::new(link))).await;
    }

    pub(crate) async fn set(&self, space: Space, link: &str, change: LinkChange) {
        let name = name(link);
        self.execute(KernelStep::SetLink {
            space,
            name,
            change,
        })
        .await;
    }

    /// Observes, and demands that this wrote nothing.
    pub(crate) async fn observe(&self) -> SeenKernel {
        self.observe_nics(&[]).await
    }

    pub(crate) async fn observe_nics(&self, nics: &[InterfaceName]) -> SeenKernel {
        let before = self.kernel.writes();
        let seen = self.kernel.observe(nics, &[]).await.unwrap();
        assert_eq!(self.kernel.writes(), before, "observing wrote something");
        seen
    }

    pub(crate) async fn seen(&self, space: Space, link: &str) -> SeenLink {
        let mut seen = self.observe().await;
        let links = match space {
            Space::Host => &mut seen.host,
            Space::Router => &mut seen.router,
        };
        links
            .remove(&name(link))
            .unwrap_or_else(|| panic!("no {link} in the {space} namespace"))
    }
}

/// An error with all its causes, as a condition or the log would tell it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

pub(crate) fn name(text: &str) -> InterfaceName {
    text.parse().unwrap()
}

/// A link in the router's namespace with nothing special about it.
pub(crate) fn link(text: &str, kind: LinkKind) -> Link {
    Link {
        space: Space::Router,
        name: name(text),
        kind,
        master: Master::None,
        mtu: None,
        mac: None,
        address_generation: AddressGeneration::Kernel,
        evpn_port: false,
        addresses: BTreeSet::new(),
        alias: format!("perouter test {text}"),
    }
}

/// A VXLAN link for VNI 100 from 100.65.0.1.
pub(crate) fn vxlan(text: &str) -> Link {
    let kind = LinkKind::Vxlan {
        vni: "100".parse().unwrap(),
        local: "100.65.0.1".parse().unwrap(),
        port: 4789,
    };
    link(text, kind)
}

/// A veth pair with one end in either namespace.
pub(crate) fn veth(text: &str, peer: &str) -> Link {
    let kind = LinkKind::Veth {
        peer_space: Space::Host,
        peer: name(peer),
    };
    link(text, kind)
}
