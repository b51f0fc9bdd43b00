//! The only module that prints or asks. The answer goes to stdout, everything else to stderr.
//!
//! Text comes in with its colours and foreign parts already escaped ([`crate::render`]); the colours are taken out here
//! unless they are wanted. A closed pipe is no error: whatever is still to print is dropped and the command goes on to
//! its own exit code, so that `vssctl apply | head -1` does not stop half way.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::{CliError, Exit};
use super::invocation::{Invocation, Medium};
use crate::aws::AwsError;
use crate::model::safe::SafeLines;
use crate::model::safe::escaped;

/// The colour of the word `error`.
const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The colour of the word `warning`.
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The colour of the word `hint`.
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A wait that is told of in a line of its own, and how often.
const WORTH_A_LINE: Duration = Duration::from_secs(5);
const BETWEEN_LINES: Duration = Duration::from_mins(1);

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` says no; everywhere if `CLICOLOR_FORCE` says so.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// One of the two output streams.
struct Stream {
    sink: Box<dyn Write + Send>,
    color: bool,
    closed: bool,
    error: Option<io::Error>,
}

impl Stream {
    fn new(sink: Box<dyn Write + Send>, color: bool) -> Self {
        Self { sink, color, closed: false, error: None }
    }

    fn write(&mut self, text: &str) {
        if self.closed {
            return;
        }
        let choice = if self.color { ColorChoice::AlwaysAnsi } else { ColorChoice::Never };
        let mut stream = AutoStream::new(Vec::new(), choice);
        if let Err(error) = stream.write_all(text.as_bytes()) {
            self.error = Some(error);
        }
        self.write_bytes(&stream.into_inner());
    }

    fn write_bytes(&mut self, bytes: &[u8]) {
        if self.closed {
            return;
        }
        if let Err(error) = self.sink.write_all(bytes).and_then(|()| self.sink.flush()) {
            self.closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.error = Some(error);
            }
        }
    }
}

/// The terminal, or what stands in for it.
pub struct Ui {
    out: Mutex<Stream>,
    err: Mutex<Stream>,
    interactive: bool,
    /// The answer goes to a terminal.
    shows: bool,
    silenced: bool,
    /// The last event of `--json` is written.
    reported: AtomicBool,
    width: usize,
    status: ProgressBar,
    /// What this run was given, for the command lines that are printed.
    invocation: Invocation,
    /// When it was last said in a line that AWS sets the pace.
    paced: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ui")
            .field("interactive", &self.interactive)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl Ui {
    /// Opens the streams of this process.
    pub fn new(color: Color) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let wants = |auto: ColorChoice| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => auto != ColorChoice::Never,
        };
        let (out_color, err_color) = (wants(AutoStream::choice(&out)), wants(AutoStream::choice(&err)));
        let shows = out.is_terminal();
        let width = if shows { terminal_width() } else { DEFAULT_WIDTH };
        // A status line is shown only where both streams are terminals: in a log it would be noise.
        let status = if err.is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        status.set_draw_target(if err.is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            status.set_style(style);
        }
        Self {
            out: Mutex::new(Stream::new(Box::new(out), out_color)),
            err: Mutex::new(Stream::new(Box::new(err), err_color)),
            interactive: io::stdin().is_terminal() && io::stderr().is_terminal(),
            shows,
            silenced: false,
            reported: AtomicBool::new(false),
            width,
            status,
            invocation: Invocation::default(),
            paced: Mutex::default(),
        }
    }

    /// Returns the columns that prose may take.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Takes the options of the run.
    pub(super) fn invoked(&mut self, invocation: Invocation) {
        self.invocation = invocation;
    }

    /// Returns the options of the run, for the command lines that are printed.
    pub(super) fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// Prints a part of the answer as it stands.
    pub fn answer(&self, text: &str) {
        self.status.suspend(|| lock(&self.out).write(text));
    }

    /// Prints an answer that a program reads. It has no colours, and not a character of it is changed, unless it goes
    /// to a terminal.
    pub fn data(&self, text: &str) {
        if self.shows {
            self.answer(&SafeLines(text).to_string());
        } else {
            self.status.suspend(|| lock(&self.out).write_bytes(text.as_bytes()));
        }
    }

    /// Prints a part of the answer that is for people: the command lines in it get the options of the run.
    pub fn tell(&self, text: &str) {
        self.answer(&self.worded(text, Medium::Text(self.width)));
    }

    /// Puts the options of the run into the command lines of a text.
    pub(super) fn worded(&self, text: &str, medium: Medium) -> String {
        self.invocation.worded(text, medium)
    }

    /// Prints a line that is not the answer.
    pub fn note(&self, text: &str) {
        // It is not wrapped: terminals do that.
        let text = self.worded(text, Medium::Text(usize::MAX));
        self.status.suspend(|| lock(&self.err).write(&format!("{text}\n")));
    }

    /// Prints text as it stands that is not the answer, but for the options of the run in its command lines.
    pub fn aside(&self, text: &str) {
        let text = &self.worded(text, Medium::Text(self.width));
        self.status.suspend(|| lock(&self.err).write(text));
    }

    /// Prints a warning.
    pub fn warn(&self, text: &str) {
        self.note(&format!("{WARNING}warning{WARNING:#}: {text}"));
    }

    /// Prints a hint.
    pub fn hint(&self, text: &str) {
        self.note(&format!("{HINT}hint{HINT:#}: {text}"));
    }

    /// Prints an error, the chain of its causes, and its hints.
    pub fn error(&self, error: &CliError) {
        let mut text = format!("{ERROR}error{ERROR:#}: {}", escaped(&error.to_string()));
        let mut source = std::error::Error::source(error);
        let mut last = error.to_string();
        while let Some(cause) = source {
            // What the SDK says of a failed call is one sentence, with the causes in it.
            let failed = AwsError::of(cause);
            let message = failed.map_or_else(|| cause.to_string(), AwsError::sentence);
            // Some libraries repeat their cause in their own text.
            if !last.contains(&message) {
                let _ = write!(text, "\n  because: {}", SafeLines(&message).to_string().replace('\n', "\n  "));
            }
            last = message;
            source = cause.source().filter(|_| failed.is_none());
        }
        self.note(&text);
        for hint in &error.hints {
            self.hint(&escaped(hint));
        }
    }

    /// Shows what is going on, on a terminal.
    pub fn status(&self, text: &str) {
        if self.status.is_hidden() {
            return;
        }
        if self.status.is_finished() {
            self.status.reset();
        }
        self.status.set_message(text.to_owned());
        self.status.enable_steady_tick(Duration::from_millis(120));
    }

    /// Says on the status line that AWS sets the pace; where there is none, once a minute, if it is worth a line.
    pub fn paced(&self, text: &str, left: Duration) {
        self.status(text);
        if !self.status.is_hidden() || left < WORTH_A_LINE {
            return;
        }
        let mut told = self.paced.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= BETWEEN_LINES) {
            *told = Some(Instant::now());
            self.note(&format!("{text}."));
        }
    }

    /// Takes the status line away.
    pub fn clear_status(&self) {
        self.status.disable_steady_tick();
        self.status.finish_and_clear();
    }

    /// Lets nobody be asked, as `--no-input` says.
    pub fn silence(&mut self, silenced: bool) {
        self.silenced = silenced;
    }

    /// Tells whether nobody is to be asked, whoever is there.
    pub fn is_silenced(&self) -> bool {
        self.silenced
    }

    /// Notes that the last event of `--json` is written.
    pub fn mark_reported(&self) {
        self.reported.store(true, Ordering::Relaxed);
    }

    /// Tells whether the last event of `--json` is written.
    pub fn has_reported(&self) -> bool {
        self.reported.load(Ordering::Relaxed)
    }

    /// Tells whether there is somebody to ask.
    pub fn interactive(&self) -> bool {
        self.interactive && !self.silenced
    }

    /// Asks for a line; an end of input is an empty answer.
    pub fn ask(&self, question: &str) -> Result<String, CliError> {
        self.put(question);
        self.take(read_line())
    }

    /// Asks for a line beside other work: whoever no longer waits for the answer is not held up by it.
    pub async fn ask_aside(&self, question: &str) -> Result<String, CliError> {
        self.put(question);
        let read = tokio::task::spawn_blocking(read_line).await;
        self.take(read.unwrap_or_else(|error| Err(io::Error::other(error))))
    }

    fn put(&self, question: &str) {
        self.clear_status();
        lock(&self.err).write(question);
    }

    fn take(&self, read: io::Result<Option<String>>) -> Result<String, CliError> {
        match read {
            Ok(Some(line)) => Ok(line.trim().to_owned()),
            Ok(None) => {
                lock(&self.err).write("\n");
                Ok(String::new())
            }
            Err(error) => Err(CliError::failed("could not read the answer").because(error)),
        }
    }

    /// Ends the run: an answer that could not be written is a failure, a closed pipe is none.
    pub fn finish(&self, exit: Exit) -> Exit {
        self.clear_status();
        let failed = lock(&self.out).error.take();
        match failed {
            Some(error) => {
                self.error(&CliError::failed("could not write the answer").because(error));
                if exit == Exit::Done || exit == Exit::Changes { Exit::Failed } else { exit }
            }
            None => exit,
        }
    }
}

/// Reads a line of the input; none at its end.
fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}

/// Columns where there is no terminal.
const DEFAULT_WIDTH: usize = 80;

/// Returns the terminal's columns, within what reads well.
fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0).clamp(40, 120))
}

fn lock(stream: &Mutex<Stream>) -> MutexGuard<'_, Stream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}
