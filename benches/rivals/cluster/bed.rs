//! An API server with the objects, and the controller beside it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use perouter::api::{Kind, ObjectKey};
use perouter_harness::kube::ApiServer;
use procfs::process::Process;
use tempfile::TempDir;

use super::{L2VNIS, L3VNIS};
use crate::Failure;
use crate::node;
use crate::progress::Progress;

/// Where the objects are, and the statuses of nodes.
pub(super) const NAMESPACE: &str = "perouter-system";

/// Both programs, until it is dropped.
pub(super) struct Bed {
    controller: Child,
    server: ApiServer,
    _folder: TempDir,
}

/// What the kernel says of the controller: KiB, and seconds on a processor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) resident: f64,
    pub(super) peak: f64,
    pub(super) on_processor: f64,
}

impl Bed {
    pub(super) fn start(progress: &Progress) -> Result<Self, Failure> {
        progress.tell("starting an API server");
        let server = ApiServer::start()?;
        let folder = tempfile::tempdir()?;
        let run = |arguments: &[&str], input: &str| -> Result<(), Failure> {
            let output = server.kubectl(arguments, input)?;
            if output.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("kubectl {}: {said}", arguments.join(" ")).into())
        };
        run(&["create", "namespace", NAMESPACE], "")?;
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds");
        let crds = crds.to_str().ok_or("the path is not text")?;
        run(&["apply", "--server-side", "-f", crds], "")?;
        let established = ["wait", "--for=condition=Established", "crd", "--all"];
        run(&established, "")?;
        progress.tell("making the objects");
        let manifests = folder.path().join("manifests");
        fs::create_dir(&manifests)?;
        node::write_manifests(&manifests, L3VNIS)?;
        fs::write(manifests.join("others.yaml"), others())?;
        let manifests = manifests.to_str().ok_or("the path is not text")?;
        let create = ["create", "--validate=false", "-f", manifests];
        run(&create, "")?;
        let controller = controller(&server, folder.path())?;
        Ok(Self {
            controller,
            server,
            _folder: folder,
        })
    }

    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let kubeconfig = Kubeconfig::read_from(self.server.kubeconfig())?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
        Ok(Client::try_from(config)?)
    }

    pub(super) fn look(&self) -> Result<Look, Failure> {
        let process = Process::new(self.controller.id().try_into()?)?;
        let status = process.status()?;
        let stat = process.stat()?;
        let ticks = (stat.utime + stat.stime) as f64;
        let gone = || "the controller has ended";
        Ok(Look {
            resident: status.vmrss.ok_or_else(gone)? as f64,
            peak: status.vmhwm.ok_or_else(gone)? as f64,
            on_processor: ticks / procfs::ticks_per_second() as f64,
        })
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.controller.kill();
        let _ = self.controller.wait();
    }
}

/// The program as it is deployed, by the election's usual times.
fn controller(server: &ApiServer, folder: &Path) -> Result<Child, Failure> {
    let log = File::create(folder.join("controller.log"))?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_perouter"));
    command
        .args(["controller", "--namespace", NAMESPACE])
        .args(["--health-listen", "off"])
        .env("KUBECONFIG", server.kubeconfig())
        .stdin(Stdio::null())
        .stderr(log);
    Ok(command.spawn()?)
}

/// Segments that nobody routes, and lines of configuration.
fn others() -> String {
    let l2vnis = (0..L2VNIS).map(|number| {
        format!(
            "---\napiVersion: network.openperouter.io/v1alpha1\nkind: L2VNI\n\
             metadata: {{name: {}, namespace: {NAMESPACE}}}\nspec: {{vni: {}}}\n",
            segment(number),
            20_000 + number
        )
    });
    let raw = format!(
        "---\napiVersion: network.openperouter.io/v1alpha1\nkind: RawFRRConfig\n\
         metadata: {{name: {RAW}, namespace: {NAMESPACE}}}\n\
         spec: {{rawConfig: \"ip prefix-list more seq 5 permit 10.0.0.0/8\"}}\n"
    );
    l2vnis.chain([raw]).collect()
}

const RAW: &str = "more";

fn segment(number: usize) -> String {
    format!("segment{number}")
}

/// An object of ours.
pub(super) fn key(kind: &str, name: &str) -> Result<ObjectKey, Failure> {
    let kind: Kind = serde_json::from_value(kind.into())?;
    Ok(ObjectKey {
        kind,
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
    })
}
