//! The supervisor: a daemon for each lab, between its clients and its guest.
//!
//! Its life is the lab's. It ends, and the lab with it, when a client asks for that, when the
//! client that started the lab goes away before the lab is built (or at all, if it holds the
//! lab on a leash), when the build fails, or when the guest dies.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use super::cell::PLAN_FILE;
use super::pace::{Credit, Paced};
use super::plan::{ClientRequest, GuestRequest, Leash, Plan};
use super::topology::LabName;
use super::wire::{self, Body, Channel, Outcome, Sender};

/// Where the folders of all labs are.
const FOLDERS: &str = "/run/perouter-lab";

/// The folder of the lab `name`: its socket, its log.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    Path::new(FOLDERS).join(name)
}

/// The socket that the clients of the lab `name` connect to.
#[must_use]
pub fn socket(name: &str) -> PathBuf {
    folder(name).join("socket")
}

/// The names of all labs that have a folder.
///
/// # Errors
/// When the folders cannot be listed.
pub fn names() -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(FOLDERS) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Why a lab cannot be supervised.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// Whoever started the supervisor did not say what to do.
    #[error("no lab to supervise")]
    NoPlan,
    /// A lab of this name runs.
    #[error("a lab named {0} is up already (perouter lab down {0})")]
    AlreadyUp(LabName),
    /// The lab's folder cannot be made.
    #[error("cannot prepare {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The line to a client or to the guest failed.
    #[error("connection")]
    Line(#[source] io::Error),
}

/// Where an answer goes.
#[derive(Clone)]
struct Client {
    sender: Sender,
}

impl Client {
    fn say(&self, body: &Body<ClientRequest>) {
        // A client that has gone is noticed where its connection is read.
        let _ = self.sender.send(Channel(0), body);
    }

    fn fail(&self, reason: String) {
        self.say(&Body::Done(Outcome::Failure(reason)));
    }
}

/// Why the lab ends.
enum End {
    /// A client wants it, and waits until it is done.
    Asked(Client),
    /// Nobody waits for it any more.
    Abandoned,
    /// The guest is gone.
    GuestDied,
    /// The build failed, and the client that waits for it is told why.
    BuildFailed(String),
}

/// What the supervisor's threads share.
struct Shared {
    guest: Sender,
    /// How much may be sent to the guest.
    credit: Credit,
    clients: Mutex<HashMap<Channel, Client>>,
    next: AtomicU32,
    end: mpsc::Sender<End>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<Channel, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, end: End) {
        // Only the first end counts; later ones find nobody.
        let _ = self.end.send(end);
    }
}

/// How long after the deadline the guest may still say what it is waiting for, before it counts
/// as hung.
const GRACE: Duration = Duration::from_secs(5);

/// The conversation of the build, the first on the line to the guest.
const BUILD: Channel = Channel(1);

/// Supervises the lab that the client on the standard input asks for, until the lab's end.
///
/// # Errors
/// When the lab cannot even be begun; the client has been told.
pub fn main() -> Result<(), SupervisorError> {
    // A session of its own: signals from the terminal are for the client.
    let _ = nix::unistd::setsid();
    let mut line = UnixStream::from(super::standard_input().map_err(SupervisorError::Line)?);
    let client = Client {
        sender: Sender::new(line.try_clone().map_err(SupervisorError::Line)?),
    };
    let Some((_, Body::Request(ClientRequest::Start(plan, leash)))) =
        wire::read(&mut line).map_err(SupervisorError::Line)?
    else {
        return Err(SupervisorError::NoPlan);
    };
    let begun = begin(&plan);
    let begun = match begun {
        Ok(begun) => begun,
        Err(error) => {
            client.fail(super::chain(&error));
            return Err(error);
        }
    };
    supervise(&plan, leash, (line, client), begun)
}

/// What the supervisor holds of a lab that has begun.
struct Begun {
    janitor: Child,
    guest: UnixStream,
    listener: UnixListener,
    /// Readable even after the janitor has removed the folder.
    log: File,
}

/// Takes the lab's lock, makes its folder, and starts its janitor.
fn begin(plan: &Plan) -> Result<Begun, SupervisorError> {
    let name = &plan.topology.name;
    let lock = SocketAddr::from_abstract_name(format!("perouter-lab/{name}"))
        .and_then(|address| UnixListener::bind_addr(&address))
        .map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                SupervisorError::AlreadyUp(name.clone())
            } else {
                SupervisorError::Line(error)
            }
        })?;
    let path = folder(name.as_str());
    let failed = |source| SupervisorError::Folder {
        path: path.clone(),
        source,
    };
    // With the lock held, what is there was left by a lab whose janitor was killed.
    if path.exists() {
        fs::remove_dir_all(&path).map_err(failed)?;
    }
    fs::create_dir_all(&path).map_err(failed)?;
    let started = || -> io::Result<Begun> {
        fs::write(path.join(PLAN_FILE), serde_json::to_vec(plan)?)?;
        let log_path = path.join("log");
        let for_janitor = File::create(&log_path)?;
        let log = File::open(&log_path)?;
        let listener = UnixListener::bind(socket(name.as_str()))?;
        let (ours, theirs) = UnixStream::pair()?;
        let janitor = Command::new("/proc/self/exe")
            .arg0("perouter")
            .args(["lab", "janitor"])
            .arg(&path)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(OwnedFd::from(lock)))
            .stderr(for_janitor)
            .spawn()?;
        Ok(Begun {
            janitor,
            guest: ours,
            listener,
            log,
        })
    };
    started().map_err(|source| {
        let _ = fs::remove_dir_all(&path);
        SupervisorError::Folder {
            path: path.clone(),
            source,
        }
    })
}

fn supervise(
    plan: &Plan,
    leash: Leash,
    (first_line, first): (UnixStream, Client),
    begun: Begun,
) -> Result<(), SupervisorError> {
    let Begun {
        mut janitor,
        guest,
        listener,
        mut log,
    } = begun;
    let (end, ends) = mpsc::channel();
    let to_guest = guest.try_clone().map_err(SupervisorError::Line)?;
    let credit = Credit::default();
    let shared = Arc::new(Shared {
        guest: Sender::new(Paced::new(to_guest, credit.clone())),
        credit,
        clients: Mutex::new(HashMap::from([(BUILD, first.clone())])),
        next: AtomicU32::new(BUILD.0 + 1),
        end,
    });
    let (built, is_built) = mpsc::channel();
    let from_guest = guest.try_clone().map_err(SupervisorError::Line)?;
    let (of_guest, of_build) = (shared.clone(), Box::new(plan.clone()));
    thread::spawn(move || listen_to_guest(&of_guest, from_guest, of_build, &built));
    let of_leash = shared.clone();
    thread::spawn(move || hold_leash(&of_leash, leash, first_line, &is_built));
    let of_clients = shared.clone();
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let shared = of_clients.clone();
            thread::spawn(move || serve_client(&shared, connection));
        }
    });

    let (of_deadline, deadline) = (shared.clone(), plan.deadline + GRACE);
    thread::spawn(move || {
        thread::sleep(deadline);
        if of_deadline.lock().contains_key(&BUILD) {
            let reason = format!("the lab was not up after {} s", deadline.as_secs());
            of_deadline.finish(End::BuildFailed(reason));
        }
    });

    let end = ends.recv().unwrap_or(End::Abandoned);
    // The janitor sees the line break, ends the cell, and removes the folder.
    let _ = guest.shutdown(std::net::Shutdown::Both);
    let _ = janitor.wait();
    match end {
        End::Asked(client) => client.say(&Body::Done(Outcome::Success)),
        End::Abandoned => {}
        End::GuestDied => {
            let mut text = Vec::new();
            // What cannot be read cannot be told.
            let _ = log.read_to_end(&mut text);
            let text = String::from_utf8_lossy(&text);
            first.fail(format!("the lab died\n{}", super::tail(&text, 60)));
        }
        End::BuildFailed(reason) => first.fail(reason),
    }
    Ok(())
}

/// Hands on what the guest says, and has it build the lab as soon as it is there.
fn listen_to_guest(shared: &Shared, line: UnixStream, plan: Box<Plan>, built: &mpsc::Sender<()>) {
    let mut plan = Some(plan);
    let mut line = io::BufReader::new(line);
    while let Ok(Some((channel, body))) = wire::read::<GuestRequest>(&mut line) {
        match body {
            Body::Request(GuestRequest::Hello) => {
                if let Some(plan) = plan.take() {
                    // Not from here: whoever sends may have to wait for what is read here.
                    let guest = shared.guest.clone();
                    thread::spawn(move || {
                        guest.send(BUILD, &Body::Request(GuestRequest::Build(plan)))
                    });
                }
            }
            Body::Request(GuestRequest::Heard(count)) => shared.credit.heard(count),
            Body::Done(Outcome::Failure(reason)) if channel == BUILD => {
                shared.finish(End::BuildFailed(reason));
            }
            body @ (Body::Request(_)
            | Body::Input(_)
            | Body::InputEnd
            | Body::Cancel
            | Body::Output(_)
            | Body::Errors(_)
            | Body::Note(_)
            | Body::Done(_)) => {
                let last = matches!(body, Body::Done(_));
                let client = shared.lock().get(&channel).cloned();
                if last {
                    shared.lock().remove(&channel);
                    if channel == BUILD {
                        // The leash may have been cut just now.
                        let _ = built.send(());
                    }
                }
                if let (Some(client), Some(body)) = (client, body.retarget()) {
                    client.say(&body);
                }
            }
        }
    }
    shared.credit.close();
    shared.finish(End::GuestDied);
}

/// Ends the lab when the client that started it goes, unless the lab may outlive it.
fn hold_leash(shared: &Shared, leash: Leash, mut line: UnixStream, is_built: &mpsc::Receiver<()>) {
    // It says nothing more, so whatever is read here is the end of its connection.
    while let Ok(Some(_)) = wire::read::<ClientRequest>(&mut line) {}
    match (leash, is_built.try_recv()) {
        (Leash::WhileBuilding, Ok(())) => {}
        (Leash::WhileBuilding, Err(_)) | (Leash::Always, _) => shared.finish(End::Abandoned),
    }
}

/// Serves one client: one request, and what belongs to it.
fn serve_client(shared: &Shared, connection: UnixStream) {
    let Ok(writer) = connection.try_clone() else {
        return;
    };
    let client = Client {
        sender: Sender::new(writer),
    };
    let mut line = io::BufReader::new(connection);
    let request = match wire::read::<ClientRequest>(&mut line) {
        Ok(Some((_, Body::Request(request)))) => request,
        Ok(_) => return,
        Err(error) => return client.fail(format!("the request cannot be read: {error}")),
    };
    let request = match request {
        ClientRequest::Start(..) => return client.fail("the lab is up already".to_owned()),
        ClientRequest::Down => return shared.finish(End::Asked(client)),
        ClientRequest::Exec(exec) => GuestRequest::Exec(exec),
        ClientRequest::Status => GuestRequest::Status,
    };
    let channel = Channel(shared.next.fetch_add(1, Ordering::Relaxed));
    shared.lock().insert(channel, client);
    if shared.guest.send(channel, &Body::Request(request)).is_err() {
        return;
    }
    while let Ok(Some((_, body))) = wire::read::<ClientRequest>(&mut line) {
        if let Some(body) = body.retarget::<GuestRequest>()
            && shared.guest.send(channel, &body).is_err()
        {
            return;
        }
    }
    // It is gone: if its command still runs, nobody wants it any more.
    if shared.lock().remove(&channel).is_some() {
        let _ = shared.guest.send::<GuestRequest>(channel, &Body::Cancel);
    }
}
