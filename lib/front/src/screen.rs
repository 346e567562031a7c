//! A run on a screen: what is recorded scrolls by, what is not is painted again below it, a question waits for a key.
//!
//! Where stdout is no terminal it gets the answer alone (or the log's lines as JSON), and stderr the story.

use ace_cli::When;
use ace_core::{State, TurnEnd};
use ace_host::Seen;
use ace_schema::data::BlobRef;
use ace_schema::{Line, ty};
use ace_storage::Blobs;
use ace_view::{CiView, Ledger, Next, RunView, SessionFacts, Style, Text, render};
use std::io::{IsTerminal, Write};
use std::time::Instant;

mod look;
mod status;
mod watch;

use crate::keys::{Begun, Keys};
use crate::modes::{KeyByKey, NOT_TOLD, TOLD, stands_within, was_stopped};
use crate::notice::Notice;
use crate::opening::clock;
use crate::paint::Painter;
use crate::stage::Stage;
use crate::typing::Typing;
pub use look::{listing, on_stderr, size_of_stderr};
use look::{size, style};
use status::status;
pub use watch::{subject, watch};

/// How a person wants to see a run.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent flag of the command line")]
pub struct Output {
    /// The log's own lines on stdout.
    pub json: bool,
    /// Errors only.
    pub quiet: bool,
    /// Reasoning whole.
    pub reasoning: bool,
    /// Colour.
    pub color: When,
    /// The prompt is shown, as no command line above shows it.
    pub show_prompt: bool,
    /// The recording is played: its cost is not paid.
    pub played: bool,
    /// The answer is JSON: what stands around it is left out where stdout gets it alone.
    pub shaped: bool,
    /// Turns follow each other, and whoever begins them prints the last answer alone.
    pub more: bool,
}

enum View {
    /// Painted on a terminal.
    Painted(Box<RunView>),
    /// Lines for a log file.
    Plain(Box<CiView>),
}

/// Where a run is shown.
pub struct Screen {
    view: View,
    output: Output,
    /// The story goes to stderr, since stdout is for the answer.
    aside: bool,
    painter: Painter,
    /// The run has ended: there is no tail any more.
    closed: bool,
    begun: Instant,
    began_at: i64,
    history: bool,
    /// The recorded lines of the running turn that make its answer: its start, its last answer, its end.
    turn: Vec<Vec<u8>>,
    keys: Option<Keys>,
    /// What a person types while the turn runs, where they sit at a prompt.
    typing: Option<Typing>,
    /// Whether the terminal is lent to another program, and what became final meanwhile.
    stage: Stage,
    meanwhile: Vec<Text>,
    /// The whole session added up, for the line that says how it stands.
    sums: Ledger,
    /// How a person is called who may look elsewhere.
    notice: Notice,
    /// Records up to this one were on this screen before; without it, all that stood there when the run began.
    known: Option<u64>,
    /// Id of a message that stands on this screen as it was typed.
    own: String,
    /// The head was shown, or is not wanted.
    headed: bool,
    /// A turn began or ended while this screen looked.
    happened: bool,
    /// Messages that wait, to be shown when their turn begins: id and text.
    said: Vec<(String, String)>,
    /// No key is echoed into what is painted.
    held: Option<KeyByKey>,
    /// Why stdout takes no events any more: mostly that nobody reads it.
    gone: Option<std::io::Error>,
}

impl Screen {
    /// A screen on this process's stdout, or on stderr if stdout is for the answer.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let aside = !std::io::stdout().is_terminal() || output.json;
        let mut style = style(output, aside);
        style.quiet |= output.json;
        let terminal = if aside { std::io::stderr().is_terminal() } else { true };
        let view = if terminal {
            View::Painted(Box::new(RunView::new(style)))
        } else {
            View::Plain(Box::new(CiView::new(style, progress_ms())))
        };
        let began_at = clock().now();
        Self {
            view,
            output,
            aside,
            painter: Painter::default(),
            closed: false,
            begun: Instant::now(),
            began_at,
            history: true,
            turn: Vec::new(),
            keys: None,
            typing: None,
            stage: Stage::default(),
            meanwhile: Vec::new(),
            sums: Ledger::default(),
            notice: Notice::default(),
            known: None,
            own: String::new(),
            headed: false,
            happened: false,
            said: Vec::new(),
            held: None,
            gone: None,
        }
    }

    /// The same at a prompt: what is typed goes to `typing`.
    #[must_use]
    pub fn with_typing(mut self, typing: Typing) -> Self {
        self.typing = Some(typing);
        self
    }

    /// The same with another way to call a person.
    #[must_use]
    pub fn with_notice(mut self, notice: Notice) -> Self {
        self.notice = notice;
        self
    }

    /// Goes on with a session of which all up to `known`, and the message `own`, was on this screen before: without its head lines.
    pub fn go_on(&mut self, facts: SessionFacts, known: u64, own: String) {
        (self.known, self.own) = (Some(known), own);
        self.enter(facts);
    }

    /// From here on it is this moment (ms since 1970), as it was when what is played was recorded.
    pub fn play_at(&mut self, moment: i64) {
        (self.begun, self.began_at) = (Instant::now(), moment);
    }

    /// Whether a person sits here who can answer.
    #[must_use]
    pub fn answerable(&self) -> bool {
        matches!(self.view, View::Painted(_))
            && std::io::stdin().is_terminal()
            && !self.output.json
            && !self.output.quiet
    }

    /// Whether lines are painted anew.
    fn is_painted(&self) -> bool {
        matches!(&self.view, View::Painted(view) if !view.style.plain)
    }

    /// Whether files were changed in what this screen has shown.
    fn has_changes(&self) -> bool {
        matches!(&self.view, View::Painted(view) if view.ledger().changes().0 > 0)
    }

    fn now(&self) -> i64 {
        self.began_at + i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(0)
    }

    /// The head lines.
    pub fn begin(&mut self, facts: SessionFacts) {
        if !self.headed {
            let lines = self.enter(facts);
            self.print(&lines);
        }
    }

    /// Takes the terminal; the head lines.
    fn enter(&mut self, mut facts: SessionFacts) -> Vec<ace_view::Text> {
        self.headed = true;
        facts.show_prompt = self.output.show_prompt;
        facts.played = self.output.played;
        facts.hide_answer = self.aside;
        facts.answerable = self.answerable();
        if matches!(&self.view, View::Painted(view) if !view.style.plain && !self.aside) {
            self.held = KeyByKey::begin();
            if self.typing.is_some() {
                self.write(TOLD);
            }
        }
        match &mut self.view {
            View::Painted(view) => view.begin(&facts),
            View::Plain(_) if self.output.quiet || self.output.json => Vec::new(),
            View::Plain(view) => view.begin(&facts),
        }
    }

    /// One thing that the star tells.
    pub fn see(&mut self, seen: Seen, state: &State) {
        if let View::Painted(view) = &mut self.view {
            view.style = Style { quiet: view.style.quiet, ..style(self.output, self.aside) };
        }
        match seen {
            Seen::Present => self.history = false,
            Seen::Line(bytes, line) => self.recorded(bytes, line),
            Seen::Chalk(bytes) => self.chalk(bytes),
            Seen::Note(note) => self.note(note),
            Seen::Tick => self.tick(),
        }
        if let Some(typing) = &self.typing {
            typing.watch(state);
        }
        if self.keys.as_ref().is_some_and(|keys| keys.watch(state)) {
            // Once for each question.
            let asked = state.asked().next().map(|call| format!("{} {}", call.tool, subject(call))).unwrap_or_default();
            self.call(&format!("{} asks: {asked}", state.name));
        }
    }

    fn recorded(&mut self, bytes: &[u8], line: &Line) {
        // Also the lines that stood there before the run began: what is printed is the log.
        let is_new = self.known.is_none() || line.seq > self.known;
        if self.output.json && self.gone.is_none() && is_new {
            let mut stdout = std::io::stdout().lock();
            self.gone = stdout.write_all(bytes).and_then(|()| stdout.flush()).err();
        }
        if self.typing.is_some() {
            self.sums.fold(line);
        }
        match &*line.ty {
            ty::TURN_STARTED => self.turn = vec![bytes.to_vec()],
            ty::MODEL_COMPLETED => {
                self.turn.truncate(1);
                self.turn.push(bytes.to_vec());
            }
            ty::TURN_COMPLETED => self.turn.push(bytes.to_vec()),
            _ => {}
        }
        let history = match self.known {
            Some(known) => line.seq.is_some_and(|seq| seq <= known),
            None => self.history,
        };
        let opening = if history { Vec::new() } else { self.opens(line) };
        self.print(&opening);
        let lines = match &mut self.view {
            View::Painted(view) if history => {
                view.history(line);
                return;
            }
            View::Plain(_) if history => return,
            View::Painted(view) => view.recorded(line),
            View::Plain(view) => {
                let told = view.recorded(line);
                if self.output.quiet || self.output.json { Vec::new() } else { told }
            }
        };
        self.print(&lines);
    }

    /// What a person said, shown when its turn begins, or at once if it steers: only where they sit at a prompt.
    fn opens(&mut self, line: &Line) -> Vec<ace_view::Text> {
        self.happened |=
            matches!(&*line.ty, ty::TURN_STARTED | ty::TURN_COMPLETED | ty::TURN_FAILED | ty::TURN_CANCELLED);
        if self.typing.is_none() {
            return Vec::new();
        }
        let mut text = None;
        if line.ty == ty::USER_MESSAGE && line.id != self.own {
            let Ok(said) = line.data::<ace_schema::data::UserMessage>() else { return Vec::new() };
            let mut words = match &said.blob {
                Some(blob) => format!("[{}]", ace_view::units::bytes(blob.bytes)),
                None if said.compact => format!("/compact {}", said.text).trim_end().to_owned(),
                None => said.text,
            };
            for image in &said.images {
                words += &format!("\n{}", ace_view::image(&image.media, image.bytes, None).words());
            }
            if said.now {
                text = Some(words);
            } else {
                self.said.push((line.id.to_string(), words));
            }
        } else if line.ty == ty::MESSAGE_WITHDRAWN {
            self.said.retain(|(id, _)| *id != line.cause);
        } else if matches!(&*line.ty, ty::TURN_STARTED | ty::MESSAGE_STEERED)
            && let Some(at) = self.said.iter().position(|(id, _)| *id == line.cause)
        {
            text = Some(self.said.remove(at).1);
        }
        match (&mut self.view, text) {
            (View::Painted(view), Some(text)) => view.said(&text),
            _ => Vec::new(),
        }
    }

    fn chalk(&mut self, bytes: &[u8]) {
        let now = self.now();
        let mut lines = Vec::new();
        for line in bytes.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
            if let (View::Painted(view), Ok(line)) = (&mut self.view, Line::parse(line)) {
                lines.extend(view.chalk(&line, now));
            }
        }
        self.print(&lines);
    }

    /// Calls the person, who may look elsewhere.
    fn call(&self, words: &str) {
        let away = self.typing.as_ref().is_some_and(Typing::is_away);
        self.write(&self.notice.call(words, away));
    }

    /// A line of a filter for people.
    pub fn note(&mut self, note: &str) {
        match &mut self.view {
            View::Painted(view) if !view.style.quiet => {
                let lines = view.note(note);
                self.print(&lines);
            }
            _ => {
                let _ = writeln!(std::io::stderr(), "{}", ace_view::clean(note));
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        let lines = match &mut self.view {
            View::Plain(view) if !self.output.quiet && !self.output.json => view.progress(now),
            _ => Vec::new(),
        };
        self.print(&lines);
    }

    /// Prints final lines above the tail and paints the tail again.
    fn print(&mut self, lines: &[ace_view::Text]) {
        if lines.is_empty() && matches!(self.view, View::Plain(_)) {
            return;
        }
        if self.stage.is_lent() && !self.closed {
            self.meanwhile.extend_from_slice(lines);
            return;
        }
        let meanwhile = std::mem::take(&mut self.meanwhile);
        let lines = &[&meanwhile, lines].concat()[..];
        let now = self.now();
        let mut out = String::new();
        match &self.view {
            View::Painted(view) => {
                if was_stopped() {
                    self.painter.forget();
                }
                if self.stage.take_redraw() {
                    self.painter.forget();
                    out.push_str("\x1b[H\x1b[2J");
                }
                let wanted = self.stage.is_wanted();
                let (columns, rows) = size(self.aside);
                let mut tail = if self.closed || wanted { Vec::new() } else { view.tail(now, rows.max(8)) };
                let begun = self.keys.as_ref().and_then(Keys::begun).filter(|_| !tail.is_empty());
                let mut within = begun.is_some();
                if let Some(begun) = begun {
                    let replies = self.keys.as_ref().is_some_and(Keys::replies);
                    let instead = match begun {
                        Begun::Words(words) if replies => vec![ace_view::ask::reply(&words)],
                        Begun::Words(words) => vec![ace_view::ask::instead(&words)],
                        Begun::Trying => vec![ace_view::ask::trying()],
                        Begun::Ruling(words) => vec![ace_view::ask::ruling(&words)],
                        Begun::Rule(scope, rule) => ace_view::ask::lasting(scope, &rule, &view.style),
                    };
                    tail = view.with_instead(tail, instead);
                }
                if let Some(typing) =
                    self.typing.as_ref().filter(|_| !(self.closed || wanted || within || view.style.plain))
                {
                    let asks = view.question().is_some();
                    if !asks || !typing.is_empty() {
                        tail.extend(typing.tail(&status(view.facts(), &self.sums, &view.style), &view.style));
                        within = true;
                    }
                }
                out += &self.painter.update(lines, &tail, within, &view.style, columns);
                stands_within(within);
            }
            View::Plain(_) => {
                let style = style(self.output, self.aside);
                for line in lines {
                    out.push_str(&render(line, &style));
                    out.push('\n');
                }
            }
        }
        self.write(&out);
        if self.stage.is_wanted() {
            self.stage.make_room();
        }
    }

    /// One write. A terminal that is gone is no reason to stop the session.
    fn write(&self, out: &str) {
        if out.is_empty() {
            return;
        }
        let _ = if self.aside {
            std::io::stderr().lock().write_all(out.as_bytes())
        } else {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush())
        };
    }

    /// Takes the tail away and gives the terminal back.
    pub fn close(&mut self) {
        self.closed = true;
        self.keys = None;
        self.print(&[]);
        self.release();
    }

    fn release(&mut self) {
        self.held = None;
        if matches!(&self.view, View::Painted(view) if self.typing.is_some() && !view.style.plain) {
            self.write(NOT_TOLD);
        }
    }

    /// Whether a person has read on this terminal why the turn did not end well.
    fn has_told(&self) -> bool {
        matches!(&self.view, View::Painted(view) if !view.style.quiet) && std::io::stderr().is_terminal()
    }

    /// The end of a run: the verdict, and on a stdout that is no terminal the answer.
    pub fn end(&mut self, state: &State, next: &[Next], blobs: &Blobs) -> std::io::Result<()> {
        self.closed = true;
        self.keys = None;
        let lines = match &mut self.view {
            View::Painted(_) if self.typing.is_some() && !self.happened => Vec::new(),
            View::Painted(view) => view.verdict(next),
            View::Plain(_) if self.output.quiet || self.output.json => Vec::new(),
            View::Plain(view) => view.verdict(),
        };
        self.print(&lines);
        self.release();
        let done = state.ended == Some(TurnEnd::Completed) && state.turn.is_none();
        if self.aside && !self.output.json && !self.output.more && done {
            let fetch = |b: &BlobRef| blobs.get(&b.sha).ok().map(|b| String::from_utf8_lossy(&b).into_owned());
            let parsed: Vec<Line> = self.turn.iter().filter_map(|l| Line::parse(l.trim_ascii_end()).ok()).collect();
            if let Some(text) = ace_view::answer(&parsed, &fetch) {
                let text = if self.output.shaped { ace_answers::extract(&text) } else { &text };
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(text.as_bytes())?;
                stdout.write_all(b"\n")?;
                return stdout.flush();
            }
        }
        std::io::stdout().flush()
    }
}

fn progress_ms() -> u64 {
    let seconds = std::env::var(ace_cli::variables::PROGRESS).ok().and_then(|v| v.parse::<u64>().ok());
    seconds.unwrap_or(10).saturating_mul(1000)
}
