//! The rival: `frr-reload.py` as OpenPERouter calls it, a run with `--test` and then one with
//! `--reload`, with the whole configuration in a file.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use perouter_harness::Frr;

use crate::Failure;

/// Who the rival is, in the table.
pub(crate) const NAME: &str = "frr-reload.py --test, then --reload";

/// A shell beside FRR's daemons that is there before a time is taken, so that entering the
/// namespaces does not count for the rival.
pub(crate) struct Reloader<'a> {
    real: &'a Frr,
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl<'a> Reloader<'a> {
    /// Starts the shell in the namespaces of an FRR.
    pub(crate) fn start(real: &'a Frr) -> Result<Self, Failure> {
        let mut shell = real
            .command(&["/bin/sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains of the folder that it was started in, which is not in its root.
            .stderr(Stdio::null())
            .spawn()?;
        let input = shell.stdin.take().ok_or("the shell has no input")?;
        let output = BufReader::new(shell.stdout.take().ok_or("the shell has no output")?);
        let mut reloader = Self {
            real,
            shell,
            input,
            output,
        };
        reloader.run("true")?;
        Ok(reloader)
    }

    /// Writes a configuration into a file that the rival sees, and answers its path there.
    pub(crate) fn save(&self, name: &str, configuration: &str) -> Result<String, Failure> {
        fs::write(self.real.tmp_dir().join(name), configuration)?;
        Ok(format!("/tmp/{name}"))
    }

    /// Lets the rival lead FRR to the configuration in a file. Answers the time for both runs.
    pub(crate) fn reload(&mut self, file: &str) -> Result<Duration, Failure> {
        let run = |mode: &str| format!("python3 /usr/lib/frr/frr-reload.py {mode} --stdout {file}");
        let command = format!("{} && {}", run("--test"), run("--reload"));
        let started = Instant::now();
        self.run(&command)?;
        Ok(started.elapsed())
    }

    /// Runs a command; its output goes to a file, and is the error when it fails.
    fn run(&mut self, command: &str) -> Result<(), Failure> {
        writeln!(
            self.input,
            "( cd / && {command} ) > /tmp/reload.log 2>&1; echo $?"
        )?;
        let mut status = String::new();
        self.output.read_line(&mut status)?;
        if status.trim() == "0" {
            return Ok(());
        }
        let log = fs::read_to_string(self.real.tmp_dir().join("reload.log")).unwrap_or_default();
        Err(format!("`{command}` ended with status {}:\n{log}", status.trim()).into())
    }
}

impl Drop for Reloader<'_> {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
