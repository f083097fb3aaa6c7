//! `kubectl perouter`: the cluster as a whole, from wherever kubectl works.
//!
//! The program called `kubectl-perouter` is this. It asks by kubectl alone, which called it: so it
//! reaches what kubectl reaches, by the same credentials, proxies and plugins, and is allowed what its
//! user is allowed.

mod ask;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use super::output::{self, Output};
use crate::status::cluster::ClusterReport;
use crate::status::cluster::routers::{self, Answers, Outcome};
use crate::status::render::cluster as render;
use crate::status::{Timestamp, Verdict};
use crate::verify::Target;
use ask::{AskError, Kubectl};

#[cfg(test)]
mod tests;

/// What the program is called for kubectl to find it.
pub(super) const NAME: &str = "kubectl-perouter";

/// Provider Edge routing on all nodes of a cluster
///
/// A plugin of kubectl: as `kubectl-perouter` on PATH it is called by `kubectl perouter`.
#[derive(Parser)]
#[command(
    name = NAME,
    bin_name = "kubectl perouter",
    version,
    propagate_version = true
)]
pub(super) struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Status(StatusArgs),
    Verify(VerifyArgs),
    Completions(CompletionsArgs),
}

/// Which cluster is asked.
#[derive(clap::Args)]
struct ClusterArgs {
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<String>,
    /// Only what is in this namespace
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
}

/// Prints what is true of all nodes and objects, as their agents and the controller wrote it
///
/// The verdict comes first, then the nodes, each with its first finding, and the objects with their
/// conditions over all nodes that they concern. It reads RouterNodeConfigurationStatus, perouter's
/// other kinds and which nodes have a router's pod, and nothing else; a node whose agent died shows
/// what it wrote last, and one that never wrote is not ready.
///
/// Exit status: 0 when everything is ready, 1 when something is not, 2 when the cluster cannot be
/// asked.
#[derive(clap::Args)]
struct StatusArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Has the agent of every node verify now, and shows where routes end on each
///
/// It runs `perouter verify` in the pod of each node's router, by `kubectl exec`. Without an
/// argument every check is made; with a VNI, a prefix or an address its routes are followed hop by
/// hop. A node without a pod, or whose agent does not answer, has its line too.
///
/// Exit status: 0 when everything is good, 1 when something is bad or cannot be told, 2 when no node
/// can be asked or there is no such route on any.
#[derive(clap::Args)]
struct VerifyArgs {
    /// A VNI (100), a prefix (172.16.2.0/24), or an address (172.16.2.7)
    #[arg(value_name = "VNI|PREFIX|ADDRESS")]
    target: Option<Target>,
    /// Only this node; may be given several times
    #[arg(long = "node", value_name = "NAME", value_delimiter = ',')]
    nodes: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How long each node may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Prints the completion script of a shell, for kubectl-perouter
#[derive(clap::Args)]
struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the plugin.
pub(super) fn main() -> ExitCode {
    match Plugin::parse().command {
        Command::Status(args) => finish("status", status(args)),
        Command::Verify(args) => finish("verify", verify(args)),
        Command::Completions(args) => finish(
            "completions",
            output::write(&String::from_utf8_lossy(&script(args.shell))).map(|_| ExitCode::SUCCESS),
        ),
    }
}

/// The script of a shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = Plugin::command().bin_name(NAME);
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    script
}

fn status(args: StatusArgs) -> Result<ExitCode, output::Error<AskError>> {
    let StatusArgs { cluster, output } = args;
    let kubectl = Kubectl::new(cluster);
    let report = ask::blocking(async {
        let list = kubectl.kinds().await?;
        let routers = match kubectl.pods().await {
            Ok(pods) => routers::of_pods(&pods)?,
            // Who may read our kinds may not be allowed to read pods.
            Err(error) => {
                let why = super::chain(&error);
                eprintln!("kubectl perouter status: nodes without a status are not shown: {why}");
                Vec::new()
            }
        };
        Ok(ClusterReport::read(&list, &routers, Timestamp::now())?)
    });
    let report = report.map_err(output::Error::Asked)?;
    output::print(output, &report, |colour| render::report(&report, colour))?;
    Ok(match report.verdict {
        Verdict::Ready => ExitCode::SUCCESS,
        Verdict::NotReady => ExitCode::from(1),
    })
}

fn verify(args: VerifyArgs) -> Result<ExitCode, output::Error<AskError>> {
    let VerifyArgs {
        target,
        nodes,
        cluster,
        timeout,
        output,
    } = args;
    let kubectl = Kubectl::new(cluster);
    let timeout = std::time::Duration::from_secs(timeout);
    let answers = ask::blocking(async {
        let (pods, statuses) = (kubectl.pods().await?, kubectl.statuses().await?);
        let all = routers::routers(&pods, &statuses)?;
        let chosen = ask::choose(all, &nodes)?;
        let nodes = kubectl.verify(chosen, target, timeout).await;
        Ok(Answers { target, nodes })
    });
    let answers = answers.map_err(output::Error::Asked)?;
    output::print(output, &answers, |colour| render::answers(&answers, colour))?;
    Ok(match answers.outcome() {
        Outcome::Whole => ExitCode::SUCCESS,
        Outcome::Broken => ExitCode::from(1),
        Outcome::NoRoute | Outcome::Silent => ExitCode::from(2),
    })
}

/// Says why a subcommand failed, with all causes, and gives its exit status, 2.
fn finish(name: &str, result: Result<ExitCode, output::Error<AskError>>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("kubectl perouter {name}: {}", super::chain(&error));
        ExitCode::from(2)
    })
}
