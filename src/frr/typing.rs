//! Types configuration: as few round trips as keep every line in the context it is meant for.
//!
//! bgpd takes many lines in one write and answers each. So a write holds all that can be typed
//! without knowing an answer, and ends with the line that opens the next context: only when that
//! one is accepted are the lines of that context sent, because a line that FRR does not find in
//! its context is looked for in those around it, and `bgp graceful-restart` exists there too.
//!
//! The first refusal counts. Lines that were sent after it in the same write may have taken
//! effect; whoever asked for the change undoes all of it.

use perouter_parsers::running_config::Line;

use super::vty::{Answer, Status, Typed};
use super::{Daemon, Frr, FrrError};
use crate::plan::bgp::difference::{Command, Verb};

/// How many lines a write holds at most: enough that round trips do not count, few enough that
/// a refusal is noticed before much more was typed.
const LINES_AT_ONCE: usize = 128;

impl Frr {
    /// Types commands into a daemon's configuration, entering their contexts.
    pub(super) async fn configure(
        &mut self,
        daemon: Daemon,
        commands: &[Command],
    ) -> Result<(), FrrError> {
        if commands.is_empty() {
            return Ok(());
        }
        self.about_to_write(commands.len())?;
        let mut outcome = Ok(());
        for write in writes(commands) {
            outcome = self.all_accepted(daemon, &write).await;
            if outcome.is_err() {
                break;
            }
        }
        match outcome {
            Ok(()) => Ok(()),
            // Not where it could not be spoken with: the next connection begins outside.
            Err(error) if error.is_absence() => Err(error),
            Err(refusal) => {
                // The refusal says more than that this failed too.
                let _given_up = self.leave_configuration(daemon).await;
                Err(refusal)
            }
        }
    }

    /// Types commands whose effect bgpd's running configuration does not show.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn type_hidden(&mut self, commands: &[Command]) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        self.configure(Daemon::Bgpd, commands).await
    }

    /// Types one line of the outermost level, which holds no secret.
    pub(super) async fn type_outside(
        &mut self,
        daemon: Daemon,
        line: &str,
    ) -> Result<(), FrrError> {
        let lines = ["configure terminal", line].map(Typed::plain);
        let outcome = self.all_accepted(daemon, &lines).await;
        let left = self.leave_configuration(daemon).await;
        outcome.and(left)
    }

    /// Types lines without secrets, one after the other, inside a context or outside of all.
    pub(super) async fn type_in(
        &mut self,
        daemon: Daemon,
        context: Option<&str>,
        lines: &[String],
    ) -> Result<(), FrrError> {
        let outcome = self.type_all_in(daemon, context, lines).await;
        match outcome {
            // The next connection begins outside.
            Err(error) if error.is_absence() => Err(error),
            outcome => outcome.and(self.leave_configuration(daemon).await),
        }
    }

    async fn type_all_in(
        &mut self,
        daemon: Daemon,
        context: Option<&str>,
        lines: &[String],
    ) -> Result<(), FrrError> {
        self.accepted(daemon, &Typed::plain("configure terminal"))
            .await?;
        let lines = lines.iter().map(String::as_str);
        for line in context.into_iter().chain(lines) {
            self.accepted(daemon, &Typed::plain(line)).await?;
        }
        Ok(())
    }

    /// A connection that stays in the configuration knows no other command: it is given up.
    pub(super) async fn leave_configuration(&mut self, daemon: Daemon) -> Result<(), FrrError> {
        let left = self.accepted(daemon, &Typed::plain("end")).await;
        if left.is_err() {
            self.connections.forget(daemon);
        }
        left
    }

    /// Types lines, all at once where the daemon takes that, until one is refused.
    async fn all_accepted(&mut self, daemon: Daemon, lines: &[Typed<'_>]) -> Result<(), FrrError> {
        if !daemon.answers_in_turn() {
            for line in lines {
                self.accepted(daemon, line).await?;
            }
            return Ok(());
        }
        let answers = self.connections.ask(daemon, lines).await?;
        let taken = lines
            .iter()
            .zip(&answers)
            .try_for_each(|(line, answer)| taken(daemon, line, answer));
        self.count_refusal(taken)
    }

    pub(super) async fn accepted(
        &mut self,
        daemon: Daemon,
        line: &Typed<'_>,
    ) -> Result<(), FrrError> {
        let answer = self.ask(daemon, line).await?;
        self.count_refusal(taken(daemon, line, &answer))
    }

    fn count_refusal(&mut self, taken: Result<(), FrrError>) -> Result<(), FrrError> {
        self.refused += u64::from(taken.is_err());
        taken
    }
}

/// Whether the daemon took a line, as its answer says.
fn taken(daemon: Daemon, line: &Typed<'_>, answer: &Answer) -> Result<(), FrrError> {
    match answer.status {
        Status::Success => Ok(()),
        Status::Warning
        | Status::NoMatch
        | Status::Ambiguous
        | Status::Incomplete
        | Status::ConfigFailed
        | Status::Other(_) => {
            let words = if line.text == line.shown {
                answer.text.clone()
            } else {
                without_password(&answer.text)
            };
            Err(FrrError::refused(daemon, &line.shown, &words))
        }
    }
}

/// FRR may repeat the command that it refuses, and so the password in it: whatever follows the
/// word is left out.
fn without_password(words: &str) -> String {
    let hide = |line: &str| match line.split_once("password") {
        Some((before, _)) => format!("{before}password ********"),
        None => line.to_owned(),
    };
    words.lines().map(hide).collect::<Vec<_>>().join("\n")
}

/// The commands with all that leads to their contexts and out of them, write by write: the
/// answers to one are awaited before the next.
fn writes(commands: &[Command]) -> Vec<Vec<Typed<'_>>> {
    let mut writer = Writer {
        writes: Vec::new(),
        write: vec![Typed::plain("configure terminal")],
        within: Vec::new(),
    };
    for command in commands {
        writer.go_to(&command.path);
        writer.command(command);
    }
    writer.write.push(Typed::plain("end"));
    writer.writes.push(writer.write);
    writer.writes
}

struct Writer<'a> {
    writes: Vec<Vec<Typed<'a>>>,
    /// The one that is being filled.
    write: Vec<Typed<'a>>,
    /// The contexts that are open where the next line is typed.
    within: Vec<&'a Line>,
}

impl<'a> Writer<'a> {
    fn go_to(&mut self, path: &'a [Line]) {
        let pairs = self.within.iter().zip(path);
        let common = pairs.take_while(|(open, wanted)| *open == wanted).count();
        for _ in self.within.drain(common..) {
            self.write.push(Typed::plain("exit"));
        }
        for header in path.get(common..).unwrap_or_default() {
            self.open(header, Typed::plain(header.as_str()));
        }
    }

    fn command(&mut self, command: &'a Command) {
        let typed = Typed {
            text: command.text(),
            shown: command.to_string().into(),
        };
        match command.verb {
            // It is a context without content, and leads into it.
            Verb::Add if command.line.opens_context() => self.open(&command.line, typed),
            Verb::Add | Verb::Remove => {
                self.write.push(typed);
                if self.write.len() >= LINES_AT_ONCE {
                    self.send();
                }
            }
        }
    }

    /// Types what opens a context, and waits for the answer.
    fn open(&mut self, header: &'a Line, typed: Typed<'a>) {
        self.write.push(typed);
        self.within.push(header);
        self.send();
    }

    fn send(&mut self) {
        self.writes.push(std::mem::take(&mut self.write));
    }
}

#[cfg(test)]
mod tests;
