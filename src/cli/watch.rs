//! `perouter status --watch`: the report as it changes.
//!
//! The agent is asked over and over, which is cheap: it has its report at hand. So an agent that
//! is started again, or one that hangs, needs no care of its own. What always holds: on a
//! terminal each frame is written in one go over the one before, and the terminal is as it was
//! when this ends, by a signal too; elsewhere nothing is written unless something changed.

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::output::{self, Output};
use crate::status::client::{AskError, Client};
use crate::status::render::{self, Colour};
use crate::status::{Report, Timestamp, Verdict};
use crate::verify::age::Age;

mod screen;

#[cfg(test)]
mod tests;

use screen::Screen;

/// Watches until a signal ends it, or nobody reads any more.
pub(super) fn run(
    client: Client,
    every: Duration,
    output: Output,
) -> Result<ExitCode, output::Error<AskError>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(output::Error::Write)?;
    let face = if output == Output::Table && screen::is_possible() {
        Face::Screen(Screen::new(io::stdout(), screen::size).map_err(output::Error::Write)?)
    } else {
        Face::Lines(output, io::stdout(), io::stderr())
    };
    let watch = Watch {
        client,
        every,
        colour: output::colour(),
        face,
        last: None,
        away: None,
    };
    let ended = runtime.block_on(async { watch.until(stop()?).await });
    // A question that waits for its answer must not hold up the end.
    runtime.shutdown_background();
    ended
}

/// Waits for a signal that ends programs.
fn stop() -> Result<impl Future<Output = ()>, output::Error<AskError>> {
    let signal = |kind| signal(kind).map_err(output::Error::Write);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// Where reports are shown.
enum Face<W: Write, E: Write> {
    /// A terminal, in place.
    Screen(Screen<W>),
    /// A file or a pipe, with what is no report beside it when programs read it.
    Lines(Output, W, E),
}

struct Watch<W: Write, E: Write> {
    client: Client,
    every: Duration,
    colour: Colour,
    face: Face<W, E>,
    /// The last report, or none since the agent went.
    last: Option<Report>,
    /// Since when the agent gives no report, and why.
    away: Option<(Timestamp, String)>,
}

/// Whether the watch goes on.
type Goes = Result<output::Reader, output::Error<AskError>>;

impl<W: Write, E: Write> Watch<W, E> {
    async fn until(
        mut self,
        stop: impl Future<Output = ()>,
    ) -> Result<ExitCode, output::Error<AskError>> {
        tokio::pin!(stop);
        loop {
            let client = self.client.clone();
            let asked = tokio::task::spawn_blocking(move || client.status());
            let asked = tokio::select! {
                asked = asked => asked.map_err(|error| output::Error::Write(error.into()))?,
                () = &mut stop => break,
            };
            if self.heard(asked, Timestamp::now())? == output::Reader::Gone {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = &mut stop => break,
            }
        }
        Ok(self.exit())
    }

    /// As `perouter status` would end now.
    fn exit(&self) -> ExitCode {
        match (&self.away, &self.last) {
            (None, Some(report)) => match report.verdict {
                Verdict::Ready => ExitCode::SUCCESS,
                Verdict::NotReady => ExitCode::from(1),
            },
            (Some(_), _) | (None, None) => ExitCode::from(2),
        }
    }

    fn heard(&mut self, asked: Result<Report, AskError>, now: Timestamp) -> Goes {
        match asked {
            Ok(report) => {
                let was_away = self.away.take().is_some();
                let before = self.last.replace(report);
                self.show_report(before.filter(|_| !was_away).as_ref(), now)
            }
            // That does not change by waiting.
            Err(error @ AskError::Permission { .. }) => Err(output::Error::Asked(error)),
            Err(
                error @ (AskError::NotRunning { .. }
                | AskError::Silent { .. }
                | AskError::Broken { .. }
                | AskError::Unreadable { .. }
                | AskError::Refused { .. }),
            ) => {
                let words = super::chain(&error);
                let is_news = self.away.is_none();
                let since = self.away.take().map_or(now, |(since, _)| since);
                self.away = Some((since, words));
                self.show_away(is_news, now)
            }
        }
    }

    fn show_report(&mut self, before: Option<&Report>, now: Timestamp) -> Goes {
        let Some(report) = &self.last else {
            return Ok(output::Reader::There);
        };
        match &mut self.face {
            Face::Screen(screen) => told(screen.draw(&frame(
                self.every,
                self.away.as_ref(),
                Some(report),
                self.colour,
                now,
            ))),
            Face::Lines(output, to, _) => {
                if before.is_some_and(|before| news(before) == news(report)) {
                    return Ok(output::Reader::There);
                }
                let text = document(*output, report, self.colour)?;
                told(to.write_all(text.as_bytes()).and_then(|()| to.flush()))
            }
        }
    }

    fn show_away(&mut self, is_news: bool, now: Timestamp) -> Goes {
        let away = self.away.as_ref();
        match &mut self.face {
            Face::Screen(screen) => told(screen.draw(&frame(
                self.every,
                away,
                self.last.as_ref(),
                self.colour,
                now,
            ))),
            Face::Lines(output, to, beside) => {
                let Some((since, words)) = away.filter(|_| is_news) else {
                    return Ok(output::Reader::There);
                };
                let text = format!("agent is away since {}: {words}\n", second(*since));
                told(match output {
                    Output::Table => to.write_all(text.as_bytes()).and_then(|()| to.flush()),
                    // A reader of documents is not to find anything else among them.
                    Output::Json | Output::Yaml => beside.write_all(text.as_bytes()),
                })
            }
        }
    }
}

fn told(written: io::Result<()>) -> Goes {
    match written {
        Ok(()) => Ok(output::Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(output::Reader::Gone),
        Err(error) => Err(output::Error::Write(error)),
    }
}

/// A moment without its fractions.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A report as one of a stream of documents: in JSON one a line.
fn document(
    output: Output,
    report: &Report,
    colour: Colour,
) -> Result<String, output::Error<AskError>> {
    Ok(match output {
        Output::Table => {
            let at = second(report.at);
            format!("--- {at}\n{}\n", render::report(report, colour))
        }
        Output::Json => serde_json::to_string(report).map_err(output::Error::Json)? + "\n",
        Output::Yaml => {
            let text = serde_saphyr::to_string(report).map_err(output::Error::Yaml)?;
            format!("---\n{text}")
        }
    })
}

/// A report without what changes by itself: the time, and what is counted.
fn news(report: &Report) -> Report {
    let mut news = report.clone();
    news.at = news.since;
    news.pass = None;
    news.counters = Default::default();
    for session in &mut news.sessions {
        session.established_seconds = session.established_seconds.map(|_| 0);
        session.last_reset_seconds = session.last_reset_seconds.map(|_| 0);
    }
    news
}

/// What a terminal shows.
fn frame(
    every: Duration,
    away: Option<&(Timestamp, String)>,
    report: Option<&Report>,
    colour: Colour,
    now: Timestamp,
) -> String {
    let head = format!(
        "every {}s, {}; Ctrl-C ends it\n\n",
        every.as_secs(),
        second(now)
    );
    let away = away.map(|(since, words)| {
        let age = Duration::try_from(now.duration_since(*since)).unwrap_or_default();
        let age = Age(age);
        let line = format!("agent is away since {} ({age}): {words}", second(*since));
        render::alert(&line, colour) + "\n"
    });
    let of_old = match (&away, report) {
        (Some(_), Some(report)) => format!("it said at {}:\n\n", second(report.at)),
        (None, _) | (_, None) => String::new(),
    };
    let told = report.map(|report| render::report(report, colour));
    [
        head,
        away.unwrap_or_default(),
        of_old,
        told.unwrap_or_default(),
    ]
    .concat()
}
