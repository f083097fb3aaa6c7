//! `perouter verify`: one full verification, every check named; or some routes, every hop named.

use std::process::ExitCode;

use super::output::{self, Output};
use super::status::Agent;
use crate::status::client::{AskError, Client};
use crate::status::protocol::VerifyReport;
use crate::status::render;
use crate::verify::Target;
use crate::verify::walk::Verdict;

/// Reads FRR's and the kernel's tables back and names every check, or every hop of some routes
///
/// The agent compares what it reads with what this node should be. Without an argument it makes
/// a pass and then everything is looked at: every check is named, with how many things are good
/// and bad. Of a route that is broken only the first broken hop is listed, which is the root
/// cause.
///
/// With a VNI, a prefix or an address its routes are followed hop by hop, as they are at this
/// moment: a route in from the EVPN table over the VRF's BGP table, zebra's RIB, the kernel's
/// route and neighbour entry to the forwarding entry; a route out from the VRF over its Type-5
/// route to each neighbour that it is sent to. Each ends with the hop that is broken. Of a layer 2
/// VNI it is the gateway, the own hosts and their Type-2 routes, the flood list and the remote
/// hosts that are followed, and everything is named that is broken.
///
/// Exit status: 0 when everything is good, 1 when something is bad or cannot be told, 2 when the
/// agent cannot be asked or there is no such route.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A VNI (100), a prefix (172.16.2.0/24), or an address (172.16.2.7), whose longest match
    /// is followed in each VRF
    #[arg(value_name = "VNI|PREFIX|ADDRESS")]
    target: Option<Target>,
    #[command(flatten)]
    agent: Agent,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs `perouter verify`.
pub(super) fn run(args: Args) -> ExitCode {
    let Args {
        target,
        agent,
        output,
    } = args;
    let client = Client::new(&agent.socket);
    let done = match target {
        Some(target) => walk(&client, target, output),
        None => everything(&client, output),
    };
    output::finish("verify", done)
}

fn everything(client: &Client, output: Output) -> Result<ExitCode, output::Error<AskError>> {
    let report = client.verify().map_err(output::Error::Asked)?;
    output::print(output, &report, |colour| {
        render::verification(&report, colour)
    })?;
    Ok(exit(&report))
}

fn exit(report: &VerifyReport) -> ExitCode {
    if report.findings.iter().all(|finding| finding.is_good()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn walk(
    client: &Client,
    target: Target,
    output: Output,
) -> Result<ExitCode, output::Error<AskError>> {
    let report = client.walk(target).map_err(output::Error::Asked)?;
    output::print(output, &report, |colour| {
        render::walk::walk(&report, colour, output::signs())
    })?;
    Ok(match report.walk.verdict() {
        Verdict::Whole => ExitCode::SUCCESS,
        Verdict::Broken => ExitCode::from(1),
        Verdict::NoRoute => ExitCode::from(2),
    })
}
