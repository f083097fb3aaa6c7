//! `perouter controller`: what one program does for a cluster.

use std::process::ExitCode;
use std::time::Duration;

use super::logging::{self, LogFormat};
use crate::controller::certificate::Wish;
use crate::controller::lease::Timing;
use crate::controller::{self, Options};
use crate::status::serve::Listen;

/// Gives nodes their indices, and objects their conditions over all nodes
///
/// One for a cluster acts; run two or more, and another takes over when the one that leads is
/// gone, which a Lease tells. It writes the annotation openpe.io/nodeindex of every Node,
/// .status.conditions of every object from what the nodes' agents say, and deletes the status of
/// a node that is no more. Agents go on without it with what they have. All that run answer the API
/// server whether an object fits beside the others, so that one that does not is refused when it is
/// written; while none runs, agents refuse the same, and conditions tell it.
///
/// It takes the credentials of the pod or of KUBECONFIG, and needs no privileges on its node.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The namespace of the lease and of the nodes' statuses, the only one for RawFRRConfigs
    #[arg(
        long,
        value_name = "NAME",
        env = "POD_NAMESPACE",
        default_value = "perouter-system"
    )]
    namespace: String,

    /// The name of the lease
    #[arg(long, value_name = "NAME", default_value = "perouter-controller")]
    lease_name: String,

    /// How long others wait for a leader that they hear nothing of, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = seconds())]
    lease_duration: u32,

    /// After how long a leader that cannot renew the lease stops, in seconds: less than
    /// --lease-duration
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = seconds())]
    renew_deadline: u32,

    /// The time between renewals, in seconds: less than half of --renew-deadline
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = seconds())]
    retry_period: u32,

    /// What this one is called in the lease, before what makes it unique; the host's name if not
    /// given
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: Option<String>,

    /// Where probes are served over HTTP: an address and port, in brackets the address if it is
    /// of IPv6; a colon and a port for all; or off
    ///
    /// /livez, /readyz and /startupz answer a kubelet.
    #[arg(long, value_name = "ADDRESS", default_value = ":9082")]
    health_listen: Listen,

    /// Where the API server is answered over HTTPS whether an object may be as somebody wants it, in
    /// the form of --health-listen; or off
    ///
    /// It is told of it by the ValidatingWebhookConfiguration `perouter`, which is in `deploy/`. The
    /// certificate is in the Secret `perouter-webhook` of the namespace; whoever leads makes and
    /// renews it, and writes into that configuration whom to trust.
    #[arg(long, value_name = "ADDRESS", default_value = ":9443")]
    webhook_listen: Listen,

    /// What the API server calls the webhook: a DNS name or an address, any number of times; the
    /// Service perouter-webhook of the namespace if not given
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    webhook_name: Vec<String>,

    /// For how long a certificate of the webhook is good, in seconds
    #[arg(long, hide = true, default_value_t = 90 * 86_400, value_parser = clap::value_parser!(u64).range(12..=315_360_000))]
    webhook_lifetime: u64,

    /// The form of the log on standard error; PEROUTER_LOG says how much of it (as `info`, or
    /// `perouter=debug`)
    #[arg(long, value_enum, default_value_t, env = "PEROUTER_LOG_FORMAT")]
    log_format: LogFormat,
}

fn server_name(text: &str) -> Result<String, String> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("it must be a DNS name or an address".to_owned()),
    }
}

fn seconds() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=3600)
}

/// Runs `perouter controller`.
pub(super) fn run(args: Args) -> ExitCode {
    logging::start(args.log_format);
    let done = options(args).and_then(|options| {
        let runtime = super::runtime()?;
        let ran = runtime.block_on(controller::run(options));
        ran.map_err(|error| super::chain(&error))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => super::fail(&message),
    }
}

fn options(args: Args) -> Result<Options, String> {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let timing = Timing::new(
        seconds(args.lease_duration),
        seconds(args.renew_deadline),
        seconds(args.retry_period),
    );
    let mut names = args.webhook_name;
    if names.is_empty() {
        names.push(format!("perouter-webhook.{}.svc", args.namespace));
    }
    Ok(Options {
        namespace: args.namespace,
        lease: args.lease_name,
        timing: timing.map_err(|error| error.to_string())?,
        identity: unique(args.identity)?,
        listen: args.health_listen,
        webhook: args.webhook_listen,
        certificates: Wish {
            names,
            lifetime: Duration::from_secs(args.webhook_lifetime),
        },
    })
}

/// A name that nobody else has, the same program before a restart included.
fn unique(name: Option<String>) -> Result<String, String> {
    let read = |path: &str| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        Ok::<_, String>(text.trim().to_owned())
    };
    let name = match name {
        Some(name) => name,
        None => read("/proc/sys/kernel/hostname")?,
    };
    Ok(format!("{name}_{}", read("/proc/sys/kernel/random/uuid")?))
}
