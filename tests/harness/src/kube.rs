//! A real Kubernetes API server with an etcd of its own, for tests.
//!
//! The programs are those in the folder `KUBEBUILDER_ASSETS`, where that is set, as is the custom
//! of Kubernetes' own tests; else they are built once from Debian's packages and kept. When a
//! server is dropped its processes are killed; they die with the thread that started it too.

use std::fs;
use std::io::{self, Seek as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

mod assets;

pub use assets::{Assets, Audit, Credentials};

/// How long etcd and the server may take to answer, on a slow machine.
const START: Duration = Duration::from_secs(60);

/// Why there is no API server.
#[derive(Debug, thiserror::Error)]
pub enum KubeError {
    /// The folder that was named has not all the programs.
    #[error(
        "KUBEBUILDER_ASSETS is {}, where there is no {missing}; unset it, and a server is built \
         from Debian's packages",
        folder.display()
    )]
    Assets {
        /// The folder.
        folder: PathBuf,
        /// The program that is missing.
        missing: &'static str,
    },
    /// The programs cannot be built.
    #[error(
        "the API server cannot be built from Debian's packages; set KUBEBUILDER_ASSETS to a folder \
         with kube-apiserver, etcd and kubectl. The end of what the build said:\n{log}"
    )]
    Build {
        /// The last lines.
        log: String,
    },
    /// A file cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A program cannot be run.
    #[error("cannot run {}", program.display())]
    Program {
        /// Which.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The server does not get ready.
    #[error("the API server is not ready after {} s; it said:\n{log}", START.as_secs())]
    NotReady {
        /// The last lines of the logs.
        log: String,
    },
}

/// A running API server.
#[derive(Debug)]
pub struct ApiServer {
    assets: Assets,
    folder: TempDir,
    etcd_port: u16,
    port: u16,
    etcd: Option<Child>,
    server: Option<Child>,
}

impl ApiServer {
    /// Starts one, and waits until it is ready. Without any object but the usual namespaces.
    ///
    /// # Errors
    ///
    /// When the programs are not there and cannot be built, or do not get ready.
    pub fn start() -> Result<Self, KubeError> {
        let assets = Assets::find()?;
        let folder = tempfile::tempdir().map_err(|source| KubeError::File {
            path: std::env::temp_dir(),
            source,
        })?;
        let [etcd_port, peer_port, port] = free_ports().map_err(|source| KubeError::File {
            path: "127.0.0.1:0".into(),
            source,
        })?;
        let mut this = Self {
            assets,
            folder,
            etcd_port,
            port,
            etcd: None,
            server: None,
        };
        this.write_credentials()?;
        this.etcd = Some(this.start_etcd(peer_port)?);
        this.start_server()?;
        Ok(this)
    }

    /// The credentials of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// All calls that service accounts have made, in the order in which they ended: lines of JSON,
    /// each an Event of `audit.k8s.io/v1`.
    ///
    /// # Errors
    ///
    /// When the server has not written down any.
    pub fn calls(&self) -> Result<String, KubeError> {
        let log = self.folder.path().join(Audit::LOG);
        fs::read_to_string(&log).map_err(|source| file_error(&log, source))
    }

    /// Runs kubectl as an administrator, with this on its input.
    ///
    /// # Errors
    ///
    /// When it cannot be run; what it says is in the output, however it ends.
    pub fn kubectl(&self, arguments: &[&str], input: &str) -> Result<Output, KubeError> {
        let stdin = self.holding(input);
        let stdin = stdin.map_err(|source| file_error(self.folder.path(), source))?;
        let program = self.assets.kubectl();
        Command::new(&program)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            // It keeps what servers can do there, by their addresses, which are used again here.
            .env("KUBECACHEDIR", self.folder.path().join("kubectl"))
            .stdin(stdin)
            .output()
            .map_err(|source| KubeError::Program { program, source })
    }

    /// A file of its own for each call, of which there may be several at once, without a name.
    fn holding(&self, input: &str) -> io::Result<fs::File> {
        let mut file = tempfile::tempfile_in(self.folder.path())?;
        file.write_all(input.as_bytes())?;
        file.rewind()?;
        Ok(file)
    }

    /// Kills the server, but not etcd: all objects stay.
    pub fn kill(&mut self) {
        end(self.server.take());
    }

    /// Starts the server again where it was.
    ///
    /// # Errors
    ///
    /// When it does not get ready.
    pub fn start_server(&mut self) -> Result<(), KubeError> {
        let command = self
            .assets
            .server(self.folder.path(), self.etcd_port, self.listen());
        self.server = Some(spawn(&command, &self.log("server"))?);
        let begin = Instant::now();
        while !self.is_ready() {
            if begin.elapsed() > START {
                let log = last_lines(&self.log("etcd")) + &last_lines(&self.log("server"));
                return Err(KubeError::NotReady { log });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn listen(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn write_credentials(&self) -> Result<(), KubeError> {
        let Credentials { kubeconfig, tokens } = Credentials::of(self.listen());
        let file = |name| self.folder.path().join(name);
        for (path, text) in [
            (self.kubeconfig(), kubeconfig.as_str()),
            (file(Credentials::TOKENS), &tokens),
            (file(Audit::POLICY), Audit::WHAT),
        ] {
            fs::write(&path, text).map_err(|source| file_error(&path, source))?;
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        let asked = self.kubectl(&["get", "--raw", "/readyz"], "");
        asked.is_ok_and(|answer| answer.stdout.starts_with(b"ok"))
    }

    fn start_etcd(&self, peer_port: u16) -> Result<Child, KubeError> {
        let command = self
            .assets
            .etcd(self.folder.path(), self.etcd_port, peer_port);
        spawn(&command, &self.log("etcd"))
    }

    fn log(&self, program: &str) -> PathBuf {
        self.folder.path().join(format!("{program}.log"))
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        end(self.server.take());
        end(self.etcd.take());
    }
}

fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://127.0.0.1:{port}")
}

/// Ports that nobody listens at now.
fn free_ports() -> io::Result<[u16; 3]> {
    let all = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(all) {
        *port = listener?.local_addr()?.port();
    }
    Ok(ports)
}

/// Starts a program that says what it says into a file, and dies with this thread.
fn spawn(command: &Command, log: &Path) -> Result<Child, KubeError> {
    let open = || fs::File::options().create(true).append(true).open(log);
    let out = open().map_err(|source| file_error(log, source))?;
    let errors = open().map_err(|source| file_error(log, source))?;
    let program = PathBuf::from("setpriv");
    let mut leashed = Command::new(&program);
    leashed
        .args(["--pdeathsig", "KILL"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .spawn()
        .map_err(|source| KubeError::Program { program, source })
}

fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn file_error(path: &Path, source: io::Error) -> KubeError {
    KubeError::File {
        path: path.to_owned(),
        source,
    }
}

/// The last lines of a file, as far as it can be read.
fn last_lines(path: &Path) -> String {
    const MOST: usize = 30;
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(MOST)..];
    last.iter().map(|line| format!("{line}\n")).collect()
}
