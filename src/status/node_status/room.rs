//! How much of each part a node's status has room for.

use std::io;

use crate::api::v1alpha1::NodeStatus;
use crate::api::v1alpha1::node_status::{FailedResource, NotTrue};

/// The most bytes of a status as JSON. What stands around it is a few thousand, and etcd takes
/// 1.5 MiB in all.
const WHOLE: usize = 1_000_000;

/// The longest messages, in bytes, from which there is less and less room.
const MESSAGES: [usize; 4] = [500, 200, 80, 0];

/// How much of each part is told at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of a message.
    pub(super) message: usize,
    /// Objects that failed.
    pub(super) failed: usize,
    /// Objects in all.
    pub(super) objects: usize,
}

impl Room {
    /// All that a status may have.
    pub(super) const MOST: Self = Self {
        message: MESSAGES[0],
        failed: 1024,
        objects: 4096,
    };

    /// The next less: what is worth least goes first. None when nothing is left to go.
    pub(super) fn less(self) -> Option<Self> {
        let shorter = MESSAGES.into_iter().find(|it| *it < self.message);
        match (shorter, self.failed, self.objects) {
            (Some(message), ..) => Some(Self { message, ..self }),
            (None, 0, 0) => None,
            (None, 0, objects) => Some(Self {
                objects: objects / 2,
                ..self
            }),
            (None, failed, _) => Some(Self {
                failed: failed / 2,
                ..self
            }),
        }
    }
}

/// Whether the status is small enough. It is written out only when it may well not be.
pub(super) fn fits(status: &NodeStatus) -> bool {
    at_most(status) <= WHOLE || size(status) <= WHOLE
}

/// More bytes than it has as JSON, where a byte may take six.
fn at_most(status: &NodeStatus) -> usize {
    /// Names of fields, and marks.
    const AROUND: usize = 128;
    const ESCAPED: usize = 6;
    let failed = status.failed_resources.iter();
    let failed = failed.map(
        |FailedResource {
             kind,
             namespace,
             name,
             message,
             reason: _,
         }| {
            AROUND + ESCAPED * (kind.len() + namespace.len() + name.len() + message.len())
        },
    );
    let alike = status.objects.iter().map(|alike| {
        let not_true = alike.not_true.iter();
        let not_true = not_true.map(
            |NotTrue {
                 kind,
                 status,
                 reason,
                 message,
             }| {
                AROUND + ESCAPED * (kind.len() + status.len() + reason.len() + message.len())
            },
        );
        AROUND + ESCAPED * alike.named.len() + not_true.sum::<usize>()
    });
    let conditions = status.conditions.iter();
    let conditions = conditions.map(|it| 2 * AROUND + ESCAPED * it.message.len());
    2 * AROUND + failed.chain(alike).chain(conditions).sum::<usize>()
}

/// Its bytes as JSON.
fn size(status: &NodeStatus) -> usize {
    let mut bytes = Bytes(0);
    match serde_json::to_writer(&mut bytes, status) {
        Ok(()) => bytes.0,
        // What cannot be written is not written, whatever its size.
        Err(_) => 0,
    }
}

/// Counts what is written, and keeps nothing.
struct Bytes(usize);

impl io::Write for Bytes {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0 += written.len();
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
