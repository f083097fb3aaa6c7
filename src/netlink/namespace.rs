//! Network namespaces: making them outlive every process, and doing things inside them.
//!
//! One thing always holds: no thread of the runtime ever enters another namespace. What must
//! happen inside one happens on a thread of its own, which enters it, does its work and ends.
//! A socket opened there stays in that namespace for its whole life, whoever uses it later.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::statfs::{FsType, fstatfs};

/// Where named namespaces live, as iproute2 has it.
pub const DIRECTORY: &str = "/run/netns";

/// The namespace that the calling thread is in.
pub const CURRENT: &str = "/proc/thread-self/ns/net";

/// `NSFS_MAGIC` of the kernel: the file system that namespace files are on.
const NSFS: FsType = FsType(0x6e73_6673);

/// What [`ensure`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// It was not there and is now.
    Created,
    /// It was there already.
    Found,
}

/// Why a namespace cannot be made, opened, entered or removed.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// Not a name for a file in [`DIRECTORY`].
    #[error("{name:?} is not a name for a network namespace; it must be a plain file name")]
    Name {
        /// What was given.
        name: String,
    },
    /// A file cannot be made, opened or removed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A mount was refused.
    #[error("cannot {action} {}", path.display())]
    Mount {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
    /// The file is there, but no namespace stands behind it.
    #[error(
        "{} is not a network namespace; a namespace that was unmounted leaves such a file behind",
        path.display()
    )]
    NotANamespace {
        /// The file.
        path: PathBuf,
    },
    /// A new namespace cannot be made.
    #[error("cannot make a new network namespace; CAP_SYS_ADMIN is needed")]
    Unshare(#[source] Errno),
    /// The namespace cannot be entered.
    #[error("cannot enter the network namespace {}; CAP_SYS_ADMIN is needed", path.display())]
    Enter {
        /// The path it was opened by.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: Errno,
    },
    /// No thread can be started.
    #[error("cannot start a thread to work in a network namespace")]
    Thread(#[source] io::Error),
    /// The thread ended without a result.
    #[error("the thread that worked in a network namespace panicked")]
    Panicked,
}

/// Which namespace it is, however it is named: device and inode of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// An open network namespace. It lives as long as any clone of this value does, even when its
/// name is gone.
#[derive(Clone, Debug)]
pub struct Netns {
    file: Arc<File>,
    path: Arc<Path>,
    identity: Identity,
}

impl Netns {
    /// Opens the namespace behind `path`, such as `/run/netns/perouter` or
    /// `/proc/self/ns/net`.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is not a namespace.
    pub fn open(path: &Path) -> Result<Self, NamespaceError> {
        let failed = |source| NamespaceError::File {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if !is_namespace(&file) {
            return Err(NamespaceError::NotANamespace {
                path: path.to_owned(),
            });
        }
        let identity = identity_of(&file).map_err(failed)?;
        Ok(Self {
            file: Arc::new(file),
            path: path.into(),
            identity,
        })
    }

    /// Which namespace this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open namespace file, for `IFLA_NET_NS_FD` and `setns`.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether the path still leads to this namespace. It does not once the namespace was
    /// deleted, or deleted and made again.
    #[must_use]
    pub fn is_current(&self) -> bool {
        File::open(&self.path)
            .ok()
            .filter(is_namespace)
            .and_then(|file| identity_of(&file).ok())
            .is_some_and(|identity| identity == self.identity)
    }

    /// Runs `work` inside the namespace, on a thread that ends with it, and waits for it.
    ///
    /// This blocks; in asynchronous code use [`Self::run`].
    ///
    /// # Errors
    ///
    /// When no thread can be started or the namespace cannot be entered.
    pub fn run_blocking<T, F>(&self, work: F) -> Result<T, NamespaceError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let inside = self.clone();
        on_own_thread(move || inside.enter().map(|()| work()))?
            .join()
            .map_err(|_| NamespaceError::Panicked)?
    }

    /// Runs `work` inside the namespace, on a thread that ends with it.
    ///
    /// Dropping the future does not stop the work; its result is then lost.
    ///
    /// # Errors
    ///
    /// When no thread can be started or the namespace cannot be entered.
    pub async fn run<T, F>(&self, work: F) -> Result<T, NamespaceError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let inside = self.clone();
        let (done, outcome) = tokio::sync::oneshot::channel();
        on_own_thread(move || {
            let result = inside.enter().map(|()| work());
            // Nobody waits any more when the future was dropped.
            drop(done.send(result));
        })?;
        outcome.await.map_err(|_| NamespaceError::Panicked)?
    }

    /// Opens a TCP connection from inside the namespace.
    ///
    /// Only the socket is made inside; connecting happens on the caller's runtime, which must
    /// have I/O enabled.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and what the kernel says to the connection.
    pub async fn connect_tcp(&self, address: SocketAddr) -> io::Result<tokio::net::TcpStream> {
        self.tcp_socket(address).await?.connect(address).await
    }

    /// Listens for TCP connections inside the namespace.
    ///
    /// # Errors
    ///
    /// As [`Self::run`], and what the kernel says, as where somebody else listens there.
    pub async fn listen_tcp(&self, address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
        /// Connections that wait to be taken.
        const BACKLOG: u32 = 1024;
        let socket = self.tcp_socket(address).await?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    }

    async fn tcp_socket(&self, address: SocketAddr) -> io::Result<tokio::net::TcpSocket> {
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::Inet,
            SocketAddr::V6(_) => AddressFamily::Inet6,
        };
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = self
            .run(move || socket(family, SockType::Stream, flags, None))
            .await
            .map_err(io::Error::other)??;
        Ok(tokio::net::TcpSocket::from_std_stream(TcpStream::from(fd)))
    }

    fn enter(&self) -> Result<(), NamespaceError> {
        setns(&*self.file, CloneFlags::CLONE_NEWNET).map_err(|source| NamespaceError::Enter {
            path: self.path.to_path_buf(),
            source,
        })
    }
}

/// Where the namespace called `name` lives.
///
/// # Errors
///
/// When `name` is not a plain file name.
pub fn path_of(name: &str) -> Result<PathBuf, NamespaceError> {
    let plain = !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.contains(['/', '\0']);
    if plain {
        Ok(Path::new(DIRECTORY).join(name))
    } else {
        Err(NamespaceError::Name {
            name: name.to_owned(),
        })
    }
}

/// Makes the namespace `name` under [`DIRECTORY`] unless it is there, so that it outlives
/// every process, exactly as `ip netns add` does.
///
/// This blocks for some milliseconds.
///
/// # Errors
///
/// When a file, a mount or the namespace itself cannot be made.
pub fn ensure(name: &str) -> Result<Ensured, NamespaceError> {
    let path = path_of(name)?;
    let _alone = prepare_directory()?;
    if File::open(&path).is_ok_and(|file| is_namespace(&file)) {
        return Ok(Ensured::Found);
    }
    // A plain file that an unmounted namespace left behind is mounted over as it is.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o444)
        .open(&path)
        .map_err(|source| NamespaceError::File {
            action: "make",
            path: path.clone(),
            source,
        })?;
    let made = in_new_namespace({
        let path = path.clone();
        move || bind(Path::new(CURRENT), &path)
    });
    match made.and_then(|mounted| mounted) {
        Ok(()) => Ok(Ensured::Created),
        Err(error) => {
            // Best effort: the error that matters is the first one.
            drop(fs::remove_file(&path));
            Err(error)
        }
    }
}

/// Removes the name `name` and its file. The namespace itself ends when nothing uses it any
/// more. A name that is not there is no error.
///
/// # Errors
///
/// When the file cannot be unmounted or removed.
pub fn remove(name: &str) -> Result<(), NamespaceError> {
    let path = path_of(name)?;
    match umount2(&path, MntFlags::MNT_DETACH) {
        // Not mounted, or not there at all.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(source) => {
            return Err(NamespaceError::Mount {
                action: "unmount",
                path,
                source,
            });
        }
    }
    match fs::remove_file(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(NamespaceError::File {
            action: "remove",
            path,
            source,
        }),
    }
}

/// Runs `work` in a network namespace made for it, which ends with it. This blocks.
///
/// # Errors
///
/// When no thread can be started or no namespace made.
pub fn in_new_namespace<T, F>(work: F) -> Result<T, NamespaceError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    on_own_thread(move || {
        unshare(CloneFlags::CLONE_NEWNET).map_err(NamespaceError::Unshare)?;
        Ok(work())
    })?
    .join()
    .map_err(|_| NamespaceError::Panicked)?
}

fn on_own_thread<T, F>(work: F) -> Result<thread::JoinHandle<T>, NamespaceError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    thread::Builder::new()
        .name("netns".to_owned())
        .spawn(work)
        .map_err(NamespaceError::Thread)
}

/// Makes [`DIRECTORY`], a mount point whose mounts reach other mount namespaces (containers
/// that share it), and locks it against others who are at the same. The lock ends with the
/// value.
fn prepare_directory() -> Result<Flock<File>, NamespaceError> {
    let path = Path::new(DIRECTORY);
    let failed = |action| {
        move |source| NamespaceError::File {
            action,
            path: path.to_owned(),
            source,
        }
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(failed("make"))?;
    let directory = File::open(path).map_err(failed("open"))?;
    let lock = Flock::lock(directory, FlockArg::LockExclusive)
        .map_err(|(_, errno)| failed("lock")(errno.into()))?;
    match share(path) {
        // It is no mount point yet: it becomes one by being mounted on itself.
        Err(Errno::EINVAL) => {
            bind(path, path)?;
            share(path)
        }
        outcome => outcome,
    }
    .map_err(|source| NamespaceError::Mount {
        action: "share the mounts of",
        path: path.to_owned(),
        source,
    })?;
    Ok(lock)
}

fn share(path: &Path) -> nix::Result<()> {
    let none: Option<&str> = None;
    mount(none, path, none, MsFlags::MS_SHARED | MsFlags::MS_REC, none)
}

fn bind(from: &Path, to: &Path) -> Result<(), NamespaceError> {
    let none: Option<&str> = None;
    mount(
        Some(from),
        to,
        none,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        none,
    )
    .map_err(|source| NamespaceError::Mount {
        action: "mount a namespace or directory on",
        path: to.to_owned(),
        source,
    })
}

fn is_namespace(file: &File) -> bool {
    fstatfs(file).is_ok_and(|file_system| file_system.filesystem_type() == NSFS)
}

fn identity_of(file: &File) -> io::Result<Identity> {
    let metadata = file.metadata()?;
    Ok(Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}
