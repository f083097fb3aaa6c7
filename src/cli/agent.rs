//! `perouter agent`: the agent beside FRR.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::logging::{self, LogFormat};
use super::node::{NodeArgs, Northbound};
use crate::agent::cleanup::cleanup;
use crate::agent::{self, Kubernetes, Options};
use crate::status::serve::Listen;

/// Drives this node's FRR and kernel as the manifests say, and verifies that it is so
///
/// The agent makes the router's network namespace when it is missing, waits for FRR in it, and
/// from then on keeps kernel and FRR as the manifests say. Stopping or killing it changes
/// nothing: routes, sessions and links stay.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,

    /// The unix socket that `perouter status` and `perouter verify` ask
    #[arg(long, value_name = "PATH", default_value = crate::status::protocol::DEFAULT_SOCKET)]
    socket: PathBuf,

    /// Where probes, metrics and the page on this node are served over HTTP: an address and
    /// port, in brackets the address if it is of IPv6; a colon and a port for all; or off
    ///
    /// /livez, /readyz and /startupz answer a kubelet, /metrics answers Prometheus, and / is for
    /// people. Nothing can be changed there, and no password is asked for or shown: an address
    /// that others reach shows them what this node is. A port that is taken is tried again.
    #[arg(long, value_name = "ADDRESS", default_value = Listen::DEFAULT)]
    listen: Listen,

    /// How often everything is observed anew, whatever happened, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    resync: u64,

    /// The form of the log on standard error; PEROUTER_LOG says how much of it (as `info`, or
    /// `perouter=debug`)
    #[arg(long, value_enum, default_value_t, env = "PEROUTER_LOG_FORMAT")]
    log_format: LogFormat,

    /// Take objects from the Kubernetes API too, and write the node's status there
    ///
    /// By the credentials of the pod or of KUBECONFIG; index and labels are the Node object's.
    /// While the API is away, everything stays as it said last; so it does over a restart.
    #[arg(long)]
    kubernetes: bool,

    /// The namespace in which, with --kubernetes, the node's status is written, and Secrets and
    /// RawFRRConfigs are taken from
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        default_value = "perouter-system"
    )]
    namespace: String,

    /// Give everything back instead, for an uninstall: NICs with their addresses and routes,
    /// links, FRR's configuration, the namespace. Stop the agent first, and FRR if it is to end
    #[arg(long)]
    cleanup: bool,
}

/// Runs `perouter agent`.
pub(super) fn run(args: Args) -> ExitCode {
    if !nix::unistd::geteuid().is_root() {
        return super::fail("the agent makes namespaces and links: run it as root");
    }
    logging::start(args.log_format);
    let kubernetes = if args.kubernetes {
        Kubernetes::Watched {
            namespace: args.namespace,
        }
    } else {
        // Nobody else says.
        if let Err(message) = args.node.node().and(args.node.manifests()) {
            return super::fail(&message);
        }
        Kubernetes::Unused
    };
    let labels = args.node.labels();
    let NodeArgs {
        config_dir,
        node_name,
        node_index,
        node_labels: _,
        netns,
        frr_dir,
        northbound,
        state_dir,
    } = args.node;
    let options = Options {
        name: node_name,
        index: node_index,
        labels,
        manifests: config_dir,
        kubernetes,
        netns,
        frr_dir,
        northbound: Northbound::mode(northbound),
        socket: args.socket,
        listen: args.listen,
        state: state_dir,
        resync: Duration::from_secs(args.resync),
    };
    let done = super::runtime().and_then(|runtime| {
        if args.cleanup {
            let told = runtime.block_on(cleanup(&options, |plan| print!("{plan}")));
            told.map_err(|error| super::chain(&error))
        } else {
            let ran = runtime.block_on(agent::run(options));
            ran.map_err(|error| super::chain(&error))
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => super::fail(&message),
    }
}
