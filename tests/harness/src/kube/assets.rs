//! The programs: where they are, how they are built, and how the server is started.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

use super::{KubeError, file_error, last_lines, url};

/// Where what was built is kept.
const CACHE: &str = "/var/cache/perouter";

/// The folder of a server that is not of this project's making.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Where the programs are.
#[derive(Clone, Debug)]
pub enum Assets {
    /// Kubernetes' own server, named by whoever runs the test.
    Named(PathBuf),
    /// The one that this project builds.
    Built(PathBuf),
}

impl Assets {
    /// Finds the programs, or builds them, which takes minutes.
    ///
    /// # Errors
    ///
    /// When a folder is named that has not all of them, or they cannot be built.
    pub fn find() -> Result<Self, KubeError> {
        match std::env::var_os(ASSETS) {
            Some(folder) => named(folder.into()),
            None => built(),
        }
    }

    /// The command line of an etcd that lives no longer than a test.
    #[must_use]
    pub fn etcd(&self, folder: &Path, port: u16, peer_port: u16) -> Command {
        let (own, peers) = (url("http", port), url("http", peer_port));
        let mut command = Command::new(self.folder().join("etcd"));
        command
            .args([
                "--listen-client-urls",
                &own,
                "--advertise-client-urls",
                &own,
            ])
            .args(["--listen-peer-urls", &peers, "--log-level", "error"])
            .args(["--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("default={peers}")])
            .arg("--unsafe-no-fsync")
            .arg("--data-dir")
            .arg(folder.join("etcd"));
        command
    }

    /// The program kubectl, for what needs no server.
    #[must_use]
    pub fn kubectl(&self) -> PathBuf {
        self.folder().join("kubectl")
    }

    /// The server's command line. In the folder are the [`Credentials`].
    #[must_use]
    pub fn server(&self, folder: &Path, etcd_port: u16, listen: SocketAddr) -> Command {
        let etcd = url("http", etcd_port);
        let (address, port) = (listen.ip().to_string(), listen.port().to_string());
        match self {
            Self::Built(assets) => {
                let mut command = Command::new(assets.join("kapi"));
                command
                    .args(["--etcd-servers", &etcd])
                    .args(["--bind-address", &address, "--secure-port", &port])
                    .arg("--token-auth-file")
                    .arg(tokens(folder))
                    .arg("--audit-policy-file")
                    .arg(folder.join(Audit::POLICY))
                    .arg("--audit-log-path")
                    .arg(folder.join(Audit::LOG))
                    .arg("--data-dir")
                    .arg(folder);
                command
            }
            Self::Named(assets) => {
                let mut command = upstream(&assets.join("kube-apiserver"), folder);
                command.args([&etcd, &address, &port, Audit::POLICY, Audit::LOG]);
                command
            }
        }
    }

    /// The folder that they are in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            Self::Named(folder) | Self::Built(folder) => folder,
        }
    }
}

fn named(folder: PathBuf) -> Result<Assets, KubeError> {
    for program in ["kube-apiserver", "etcd", "kubectl"] {
        if !folder.join(program).is_file() {
            return Err(KubeError::Assets {
                folder,
                missing: program,
            });
        }
    }
    Ok(Assets::Named(folder))
}

/// The file of tokens, each with whose it is.
fn tokens(folder: &Path) -> PathBuf {
    folder.join(Credentials::TOKENS)
}

/// The record of the calls that service accounts make.
#[derive(Clone, Copy, Debug)]
pub struct Audit;

impl Audit {
    /// The name of the file that says what is recorded, which the server looks for in its folder.
    pub const POLICY: &str = "audit.yaml";

    /// The name of the file with the calls, a JSON object (`audit.k8s.io/v1` Event) on each line.
    pub const LOG: &str = "audit.log";

    /// What is recorded: each call once, a watch when it begins.
    pub const WHAT: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ['system:serviceaccounts']
  - level: None
";
}

/// What an administrator has, and what the server knows him by. They outlive the server, whose
/// certificate may be another every time.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// His kubeconfig.
    pub kubeconfig: String,
    /// The file that the server looks for in its folder.
    pub tokens: String,
}

impl Credentials {
    /// The name of the file of tokens.
    pub const TOKENS: &str = "tokens";

    /// Those for a server at an address.
    #[must_use]
    pub fn of(server: SocketAddr) -> Self {
        const TOKEN: &str = "tests-alone";
        Self {
            kubeconfig: format!(
                "apiVersion: v1\n\
                 kind: Config\n\
                 current-context: test\n\
                 clusters: [{{name: test, cluster: {{server: 'https://{server}', insecure-skip-tls-verify: true}}}}]\n\
                 users: [{{name: admin, user: {{token: {TOKEN}}}}}]\n\
                 contexts: [{{name: test, context: {{cluster: test, user: admin}}}}]\n"
            ),
            tokens: format!("{TOKEN},admin,admin,system:masters\n"),
        }
    }
}

/// Kubernetes' own server, by the flags that all its versions have; the addresses are to follow.
/// The key that service accounts are signed with is made by a shell.
fn upstream(program: &Path, folder: &Path) -> Command {
    let script = r#"
        cd "$1"
        [ -e key ] || openssl genrsa -out key 2048
        exec "$2" --etcd-servers="$3" --bind-address="$4" --secure-port="$5" --cert-dir=certs \
            --token-auth-file=tokens --audit-policy-file="$6" --audit-log-path="$7" --authorization-mode=RBAC --service-account-key-file=key \
            --service-account-signing-key-file=key --service-account-issuer=https://localhost \
            --service-cluster-ip-range=10.0.0.0/24 --disable-admission-plugins=ServiceAccount"#;
    let mut command = Command::new("bash");
    command
        .args(["-euc", script, "server"])
        .arg(folder)
        .arg(program);
    command
}

/// The server that is built here, of this version of its source.
fn built() -> Result<Assets, KubeError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kube/apiserver");
    let folder = Path::new(CACHE).join(format!("kube-{:016x}", fingerprint(&source)?));
    fs::create_dir_all(CACHE).map_err(|error| file_error(Path::new(CACHE), error))?;
    // Tests that start at the same time build it once.
    let lock = folder.with_extension("lock");
    let file = File::create(&lock).map_err(|error| file_error(&lock, error))?;
    let _lock = Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| file_error(&lock, errno.into()))?;
    if !folder.is_dir() {
        build(&source.join("build"), &folder)?;
    }
    Ok(Assets::Built(folder))
}

fn build(script: &Path, folder: &Path) -> Result<(), KubeError> {
    // Past the test runner, which keeps what is printed to itself: it takes minutes.
    let said = writeln!(
        std::io::stderr(),
        "building a Kubernetes API server from Debian's packages, once: 3 to 6 minutes"
    );
    drop(said);
    let log = folder.with_extension("log");
    let out = File::create(&log).map_err(|error| file_error(&log, error))?;
    let errors = out.try_clone().map_err(|error| file_error(&log, error))?;
    let ended = Command::new(script)
        .arg(folder)
        .stdout(out)
        .stderr(errors)
        .status()
        .map_err(|source| KubeError::Program {
            program: script.to_owned(),
            source,
        })?;
    if ended.success() {
        Ok(())
    } else {
        Err(KubeError::Build {
            log: last_lines(&log),
        })
    }
}

/// Of everything that a build is made of.
fn fingerprint(source: &Path) -> Result<u64, KubeError> {
    let failed = |error| file_error(source, error);
    let entries = fs::read_dir(source).map_err(failed)?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for path in files {
        path.file_name().hash(&mut hasher);
        fs::read(&path)
            .map_err(|error| file_error(&path, error))?
            .hash(&mut hasher);
    }
    Ok(hasher.finish())
}
