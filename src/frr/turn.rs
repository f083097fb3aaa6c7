//! Whose turn it is to change an FRR: two drivers of one instance must not plan on what the
//! other is about to change.
//!
//! The turn is an advisory lock on a file in FRR's vty folder. The kernel releases it when its
//! holder dies, however that happens. Who waits for it does so on a thread of its own, and waits
//! on a second lock first, the queue, which who has just had the turn must get behind: so each
//! gets its turn, however busy the other is.
//!
//! The file holds a number that grows before each change. Who finds another one there than at
//! its last look knows that what it knew of FRR is old.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::vty::VtyError;
use super::{Daemon, FrrError};

/// The file whose lock is the turn.
const TURN: &str = "perouter.turn";

/// The file whose lock is the place at the head of the queue.
const QUEUE: &str = "perouter.queue";

/// The number in the file of turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u64);

/// The turn. It ends when the last copy is dropped.
#[derive(Clone, Debug)]
pub struct Turn(Arc<Held>);

#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    /// Locked for as long as it is open.
    file: Mutex<File>,
}

impl Turn {
    /// Takes the turn, waiting for it as long as another driver has it.
    ///
    /// # Errors
    /// [`FrrError::Turn`] when the files cannot be opened, written or locked.
    ///
    /// Cancel safe: a place in the queue is given up as soon as it is served.
    pub(super) async fn take(dir: &Path) -> Result<Self, FrrError> {
        let path = dir.join(TURN);
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::NotFound {
                // There is no folder, and so no FRR.
                return FrrError::Vty(VtyError::Connect {
                    daemon: Daemon::Bgpd,
                    path: Daemon::Bgpd.vty_socket(dir),
                    source,
                });
            }
            FrrError::Turn {
                path: path.clone(),
                source,
            }
        };
        let (queue, turn) = (open(&dir.join(QUEUE)), open(&path));
        let (queue, turn) = (queue.map_err(failed)?, turn.map_err(failed)?);
        let file = match free(&queue, &turn).map_err(failed)? {
            Taken::Yes => turn,
            Taken::No => wait(queue, turn).await.map_err(failed)?,
        };
        Ok(Self(Arc::new(Held {
            path,
            file: Mutex::new(file),
        })))
    }

    /// The turn, if it has not ended.
    pub(super) fn again(held: &std::sync::Weak<Held>) -> Option<Self> {
        held.upgrade().map(Self)
    }

    pub(super) fn downgrade(&self) -> std::sync::Weak<Held> {
        Arc::downgrade(&self.0)
    }

    /// What changed last, whoever did.
    pub(super) fn mark(&self) -> Result<Mark, FrrError> {
        self.0.with(read)
    }

    /// Tells every driver that something is about to change.
    pub(super) fn advance(&self) -> Result<Mark, FrrError> {
        self.0.with(|file| {
            let next = Mark(read(file)?.0.wrapping_add(1));
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&next.0.to_le_bytes())?;
            Ok(next)
        })
    }
}

impl Held {
    fn with<T>(&self, work: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, FrrError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut file).map_err(|source| FrrError::Turn {
            path: self.path.clone(),
            source,
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// The number; 0 in a file that was never written to, or not to its end.
fn read(file: &mut File) -> io::Result<Mark> {
    let mut bytes = [0; 8];
    file.seek(SeekFrom::Start(0))?;
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Mark(u64::from_le_bytes(bytes))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Mark(0)),
        Err(error) => Err(error),
    }
}

enum Taken {
    Yes,
    No,
}

/// Takes the turn if nobody has it or waits for it.
fn free(queue: &File, turn: &File) -> io::Result<Taken> {
    for file in [queue, turn] {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                queue.unlock()?;
                return Ok(Taken::No);
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    queue.unlock()?;
    Ok(Taken::Yes)
}

/// Waits for the turn on a thread that nobody has to wait for: a program that ends while another
/// driver has the turn just ends.
async fn wait(queue: File, turn: File) -> io::Result<File> {
    tracing::info!("another driver has the turn to change FRR; waiting for it");
    let (done, taken) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("turn".to_owned())
        .spawn(move || {
            let locked = queue.lock().and_then(|()| turn.lock());
            // Whoever asked may have gone: then the locks go with the files.
            let _ = done.send(locked.map(|()| turn));
        })?;
    taken
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_mark_grows_with_every_change_and_outlives_the_turn() {
        let dir = tempfile::tempdir().unwrap();
        let turn = Turn::take(dir.path()).await.unwrap();
        let before = turn.mark().unwrap();
        let after = turn.advance().unwrap();
        assert_ne!(before, after);
        assert_eq!(turn.mark().unwrap(), after);
        drop(turn);
        let turn = Turn::take(dir.path()).await.unwrap();
        assert_eq!(turn.mark().unwrap(), after);
    }

    #[tokio::test]
    async fn nobody_else_has_the_turn_until_its_last_copy_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let turn = Turn::take(dir.path()).await.unwrap();
        let copy = Turn::again(&turn.downgrade()).unwrap();
        let other = Turn::take(dir.path());
        tokio::pin!(other);
        let early = tokio::time::timeout(Duration::from_millis(50), &mut other).await;
        assert!(early.is_err());
        drop(turn);
        let early = tokio::time::timeout(Duration::from_millis(50), &mut other).await;
        assert!(early.is_err());
        drop(copy);
        other.await.unwrap();
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_the_queue() {
        let dir = tempfile::tempdir().unwrap();
        let turn = Turn::take(dir.path()).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(20), Turn::take(dir.path())).await;
        assert!(early.is_err());
        drop(turn);
        let soon = tokio::time::timeout(Duration::from_secs(10), Turn::take(dir.path())).await;
        soon.unwrap().unwrap();
    }

    /// Two that want the turn all the time have it in turns.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn neither_of_two_busy_ones_starves() {
        const EACH: usize = 50;
        let dir = tempfile::tempdir().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let start = Arc::new(tokio::sync::Barrier::new(2));
        let busy = |name: char| {
            let (dir, order, start) = (dir.path().to_owned(), order.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                for _ in 0..EACH {
                    let turn = Turn::take(&dir).await.unwrap();
                    order.lock().unwrap().push(name);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    drop(turn);
                }
            })
        };
        let (a, b) = (busy('a'), busy('b'));
        a.await.unwrap();
        b.await.unwrap();
        let order = order.lock().unwrap();
        let longest = order.chunk_by(|x, y| x == y).map(<[char]>::len).max();
        // One that is not quick enough to queue up again may miss a turn, but no more than some.
        assert!(longest.unwrap() < EACH / 2, "{order:?}");
    }
}
