//! `perouter plan`: what would change now.

use std::process::ExitCode;

use super::node::NodeArgs;
use crate::agent::preview;

/// Shows what the agent would change now, like a diff, and changes nothing
///
/// Exit status: 0 when nothing would change, 2 when something would, 1 when that cannot be told
/// or a manifest is not valid.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,
}

/// Runs `perouter plan`.
pub(super) fn run(args: Args) -> ExitCode {
    const CHANGES: u8 = 2;
    let node = args.node;
    let (of_node, manifests) = match (node.node(), node.manifests()) {
        (Ok(of_node), Ok(manifests)) => (of_node, manifests),
        (Err(message), _) | (_, Err(message)) => return super::fail(&message),
    };
    let options = preview::Options {
        node: of_node,
        manifests,
        netns: node.netns,
        frr_dir: node.frr_dir,
        state: node.state_dir,
    };
    let previewed = super::runtime().and_then(|runtime| {
        runtime
            .block_on(preview::preview(options))
            .map_err(|error| super::chain(&error))
    });
    match previewed {
        Ok(preview) => {
            for rejection in &preview.rejections {
                eprintln!("{}", rejection.message);
            }
            print!("{}", preview.plan);
            if !preview.rejections.is_empty() {
                ExitCode::FAILURE
            } else if preview.plan.is_empty() {
                println!("nothing to change");
                ExitCode::SUCCESS
            } else {
                ExitCode::from(CHANGES)
            }
        }
        Err(message) => super::fail(&message),
    }
}
