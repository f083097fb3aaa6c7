//! What is asked of kubectl.

use std::future::Future;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::process::Command;

use super::ClusterArgs;
use crate::status::cluster::UnknownList;
use crate::status::cluster::routers::{
    Answer, CONTAINER, PodName, Router, SELECTOR, Said, Told, answer,
};
use crate::verify::Target;

/// Our kinds, each with its group: others may have some of the same name.
const STATUSES: &str = "routernodeconfigurationstatuses.network.openperouter.io";
const OBJECTS: [&str; 6] = [
    "underlays.network.openperouter.io",
    "l3vnis.network.openperouter.io",
    "l2vnis.network.openperouter.io",
    "l3vpns.network.openperouter.io",
    "l3passthroughs.network.openperouter.io",
    "rawfrrconfigs.network.openperouter.io",
];

/// How many nodes are asked at once.
const AT_ONCE: usize = 16;

/// Why the cluster cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// There is no kubectl, or it cannot be run.
    #[error("cannot run kubectl")]
    Program(#[source] io::Error),
    /// It failed.
    #[error("kubectl {what}: {words}")]
    Refused {
        /// What it was to do.
        what: String,
        /// What it says.
        words: String,
    },
    /// It printed something else.
    #[error(transparent)]
    List(#[from] UnknownList),
    /// A node that was named has no router.
    #[error("no router is on node {node}; there are: {known}")]
    NoRouter {
        /// The node.
        node: String,
        /// Those that have one.
        known: String,
    },
    /// No threads, or no timers.
    #[error("{0}")]
    Runtime(String),
}

/// kubectl, of one cluster.
pub(super) struct Kubectl {
    cluster: Vec<String>,
    namespace: Vec<String>,
}

impl Kubectl {
    pub(super) fn new(args: ClusterArgs) -> Self {
        let ClusterArgs {
            context,
            kubeconfig,
            namespace,
        } = args;
        // A value that begins with a dash stays a value.
        let flag = |name: &str, value: Option<String>| value.map(|it| format!("--{name}={it}"));
        let cluster = [flag("context", context), flag("kubeconfig", kubeconfig)];
        let namespace = flag("namespace", namespace);
        Self {
            cluster: cluster.into_iter().flatten().collect(),
            namespace: vec![namespace.unwrap_or_else(|| "--all-namespaces".to_owned())],
        }
    }

    /// All statuses of nodes and all objects, as a list.
    pub(super) async fn kinds(&self) -> Result<String, AskError> {
        let kinds = [&[STATUSES][..], &OBJECTS].concat().join(",");
        self.get(&[&kinds]).await
    }

    /// All statuses of nodes, as a list.
    pub(super) async fn statuses(&self) -> Result<String, AskError> {
        self.get(&[STATUSES]).await
    }

    /// The routers' pods, as a list.
    pub(super) async fn pods(&self) -> Result<String, AskError> {
        self.get(&["pods", "--selector", SELECTOR]).await
    }

    async fn get(&self, what: &[&str]) -> Result<String, AskError> {
        let mut command = self.command();
        command.arg("get").args(what).args(&self.namespace);
        let (status, said) = run(command.args(["--output", "json"])).await?;
        if status.success() {
            return Ok(said.out);
        }
        Err(AskError::Refused {
            what: format!("get {}", what.join(" ")),
            words: said.errors.trim().to_owned(),
        })
    }

    /// Asks the agents of these nodes, in their order.
    pub(super) async fn verify(
        &self,
        routers: Vec<Router>,
        target: Option<Target>,
        within: Duration,
    ) -> Vec<Answer> {
        let asked = routers.into_iter().map(|router| async move {
            let Router { node, pod } = router;
            let told = match pod {
                Ok(pod) => self.verify_in(&pod, target, within).await,
                Err(why) => Err(why),
            };
            match told {
                Ok(said) => answer(&node, target, &said),
                Err(why) => Answer {
                    node,
                    told: Told::Error(why),
                },
            }
        });
        futures::stream::iter(asked)
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn verify_in(
        &self,
        pod: &PodName,
        target: Option<Target>,
        within: Duration,
    ) -> Result<Said, String> {
        let mut command = self.command();
        command
            .arg("exec")
            .arg(format!("--namespace={}", pod.namespace))
            .args([&pod.name, "--container", CONTAINER, "--"])
            .args(["perouter", "verify", "--output", "json"])
            .args(target.map(|target| target.to_string()));
        match tokio::time::timeout(within, run(&mut command)).await {
            Ok(Ok((_, said))) => Ok(said),
            Ok(Err(error)) => Err(super::super::chain(&error)),
            Err(_) => Err(format!("no answer within {} s", within.as_secs())),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("kubectl");
        command.args(&self.cluster);
        command
    }
}

/// Runs a program to its end; one that is given up is killed.
async fn run(command: &mut Command) -> Result<(ExitStatus, Said), AskError> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(AskError::Program)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let said = Said {
        out: text(output.stdout),
        errors: text(output.stderr),
    };
    Ok((output.status, said))
}

/// The routers of the nodes that were named; all when none was.
pub(super) fn choose(all: Vec<Router>, nodes: &[String]) -> Result<Vec<Router>, AskError> {
    let is_known = |node: &&String| all.iter().any(|router| router.node == **node);
    if let Some(node) = nodes.iter().find(|node| !is_known(node)) {
        let known: Vec<&str> = all.iter().map(|router| &*router.node).collect();
        return Err(AskError::NoRouter {
            node: node.clone(),
            known: known.join(", "),
        });
    }
    let is_chosen = |router: &Router| nodes.is_empty() || nodes.contains(&router.node);
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// Waits for an answer.
pub(super) fn blocking<T>(
    answer: impl Future<Output = Result<T, AskError>>,
) -> Result<T, AskError> {
    let runtime = super::super::runtime().map_err(AskError::Runtime)?;
    runtime.block_on(answer)
}
