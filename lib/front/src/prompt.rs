//! The prompt: `ace` without a command on a terminal, and `ace resume`. It reads a line while the session is idle; while a turn
//! runs, the run's own screen stands there. Invariant: all that it does to a session is a record that anybody may add.

use ace_cli::{Complaint, Exit, SessionOptions, When};
use ace_core::{State, Until};
use ace_schema::Line;
use ace_storage::{Follower, Found, Log};
use ace_view::{Ledger, Role, SessionFacts, Text, render, units, visible};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

mod command;
mod completion;
mod editor;
mod history;
mod look;
mod shell;

use crate::modes::KeyByKey;
use crate::notice::Notice;
use crate::opening::{Opening, shown};
use crate::screen::{Output, Screen, listing, watch};
use crate::typing::Typing;
use crate::{begin, image, modes, redaction, say, words};
use ace_host::Picture;
use command::{Own, Typed};
use completion::Words;
use editor::{Editor, Read};

/// A turn that takes longer rings when it has ended.
const LONG: Duration = Duration::from_secs(10);

/// The session that is open, read up to its end.
struct Session {
    id: String,
    log: Log,
    follow: Follower,
    state: State,
    ledger: Ledger,
}

impl Session {
    fn open(id: String, log: Log) -> std::io::Result<Self> {
        let follow = log.follow(0)?;
        let mut session = Self { id, log, follow, state: State::new(), ledger: Ledger::default() };
        session.catch_up()?;
        Ok(session)
    }

    /// Takes in what was recorded since.
    fn catch_up(&mut self) -> std::io::Result<()> {
        loop {
            let lines = self.follow.read()?;
            if lines.is_empty() {
                return Ok(());
            }
            for line in ace_storage::split(lines).filter_map(|l| Line::parse(l).ok()) {
                self.state.fold(&line);
                self.ledger.fold(&line);
            }
        }
    }

    /// What a screen says of it now.
    fn facts(&self, opening: &Opening) -> SessionFacts {
        let created = &self.state.created;
        let place = match (&created.worktree, &created.repository) {
            (Some(_), Some(repository)) => {
                format!("{} (worktree of {})", shown(repository.root.as_ref()), created.name)
            }
            _ => shown(created.cwd.as_ref()),
        };
        SessionFacts {
            name: self.state.name.clone(),
            model: self.state.model.clone(),
            mode: self.state.mode.name().to_owned(),
            window: begin::window(opening, &self.state),
            budget: Some(self.state.limits.money).filter(|money| *money > 0),
            place,
            ..SessionFacts::of(created)
        }
    }
}

/// What a line led to.
enum Then {
    /// The prompt again.
    Prompt,
    /// The session goes on.
    Run,
    /// Out.
    Leave,
}

/// The prompt of one person.
struct Desk {
    opening: Opening,
    color: When,
    session: Option<Session>,
    editor: Editor,
    words: Words,
    own: Own,
    /// What goes with the next message: the person's own commands and what they printed.
    context: Vec<String>,
    /// Records up to this one stand on the screen.
    known: Option<u64>,
    /// Id of the message that stands there already, as it was typed.
    own_message: String,
    /// A line that somebody broke into.
    typed: String,
    /// ^C was pressed where nothing was to stop.
    leaving: bool,
    /// What is typed while no line is read waits for the next one, unseen.
    held: Option<KeyByKey>,
}

/// Reads lines and runs turns until the person leaves.
///
/// # Errors
/// In words: the session cannot be read.
pub fn interactive(opening: Opening, found: Option<&Found>, color: When) -> Result<Exit, Complaint> {
    modes::remember();
    modes::ignore_interrupts();
    let project = ace_host::project_file(&opening.cwd).and_then(|f| f.parent().map(std::path::Path::to_owned));
    let own = Own::new(&opening.settings.user, project.as_deref());
    let mut commands: Vec<String> = command::COMMANDS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    commands.extend(own.names());
    let words = Words { commands, ..Words::default() };
    words.look_in(opening.cwd.clone());
    make_home(&opening);
    let redactor = redaction::redactor(&opening, "")?;
    let editor = Editor::new(&opening.home().path().join("history"), color, words.clone(), redactor);
    let mut desk = Desk {
        opening,
        color,
        session: None,
        editor,
        words,
        own,
        context: Vec::new(),
        known: None,
        own_message: String::new(),
        typed: String::new(),
        leaving: false,
        held: None,
    };
    let mut then = Then::Prompt;
    if let Some(found) = found {
        let log = desk.opening.log(found);
        let session = Session::open(found.id.clone(), log).map_err(|e| desk.unreadable(&e))?;
        desk.words.look_in(PathBuf::from(&session.state.created.cwd));
        if session.state.is_settled() {
            desk.known = Some(session.state.head);
        } else {
            then = Then::Run;
        }
        desk.session = Some(session);
        if matches!(then, Then::Prompt) {
            desk.stands();
        }
    }
    loop {
        then = match then {
            Then::Run => desk.run()?,
            Then::Prompt => desk.read()?,
            Then::Leave => return Ok(desk.leave()),
        };
    }
}

/// The history wants a folder; whoever cannot make it has none, and learns why with the first message.
fn make_home(opening: &Opening) {
    use std::os::unix::fs::DirBuilderExt;
    let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(opening.home().path());
}

impl Desk {
    fn unreadable(&self, e: &std::io::Error) -> Complaint {
        Complaint::io(self.opening.program, "cannot read the log", e)
    }

    /// Lines of our own on the screen.
    fn show(&self, lines: &[Text]) {
        let style = listing(self.color);
        let text: String =
            lines.iter().flat_map(|l| l.wrap(style.width, 2)).map(|l| render(&l, &style) + "\n").collect();
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn tell(&self, words: impl AsRef<str>) {
        self.show(&[Text::of(Role::Plain, words)]);
    }

    fn complain(&self, complaint: &Complaint) {
        let _ = ace_cli::complain(complaint, self.color);
    }

    /// Runs the session until its turn has ended.
    fn run(&mut self) -> Result<Then, Complaint> {
        // The screen takes the terminal itself.
        self.held = None;
        let (notice, folders) = (self.notice(), self.folders());
        let Some(session) = &mut self.session else { return Ok(Then::Prompt) };
        let typing = Typing::begin(&std::mem::take(&mut self.typed)).in_folders(folders);
        let output = Output { color: self.color, ..Output::default() };
        let mut screen = Screen::new(output).with_typing(typing.clone()).with_notice(notice);
        let facts = session.facts(&self.opening);
        if let Some(known) = self.known {
            screen.go_on(facts.clone(), known, std::mem::take(&mut self.own_message));
        }
        let begun = Instant::now();
        let plan = begin::plan(&self.opening, session.log.clone(), Until::Turn)?;
        if let Err(complaint) = watch(self.opening.program, plan, screen, move |_| facts, |_, _| Vec::new()) {
            let _ = ace_cli::complain(&complaint, self.color);
        }
        modes::ignore_interrupts();
        self.held = KeyByKey::begin();
        let away = typing.is_away();
        let read = session.catch_up();
        self.known = Some(session.state.head);
        read.map_err(|e| self.unreadable(&e))?;
        self.editor.insert(&typing.take());
        self.stands();
        if begun.elapsed() > LONG {
            // Whoever looks elsewhere by now hears that it has ended.
            let name = self.session.as_ref().map_or("", |s| s.state.name.as_str());
            print!("{}", notice.call(&format!("{name} has ended its turn"), away));
        }
        Ok(Then::Prompt)
    }

    /// How the person wants to be called.
    fn notice(&self) -> Notice {
        let config = &self.opening.settings.config;
        Notice::new(config.bell, config.desktop, |name| std::env::var(name).ok())
    }

    /// How the session stands, above the prompt.
    fn stands(&self) {
        let Some(session) = &self.session else { return };
        let state = &session.state;
        let mut line = Text::of(Role::Dim, "").and(visible(&state.name, Role::Bold));
        line = line.dim(format!("  {}  turn {}", state.mode.name(), state.turns));
        if session.ledger.model_calls > 0 {
            let limit = Some(state.limits.money).filter(|money| *money > 0);
            let limit = limit.map(|money| format!(" of {}", units::limit(money))).unwrap_or_default();
            line = line.dim(format!("  {}{limit}", units::cost(session.ledger.cost())));
        }
        if !state.waiting.is_empty() {
            line = line.dim(format!("  {} queued: Enter begins", state.waiting.len()));
        } else if state.turn.is_some() {
            line = line.dim("  stopped in mid-turn: Enter goes on");
        }
        self.show(&[line]);
    }

    /// Reads a line and does what it says.
    fn read(&mut self) -> Result<Then, Complaint> {
        let listener = self.session.as_ref().and_then(|s| listen(&s.follow, self.editor.breaker()));
        self.held = None;
        let read = self.editor.read();
        self.held = KeyByKey::begin();
        if let Some(stop) = listener {
            stop.store(true, Ordering::Relaxed);
        }
        let leaving = std::mem::take(&mut self.leaving);
        if let Some(session) = &mut self.session {
            let caught_up = session.catch_up();
            caught_up.map_err(|e| self.unreadable(&e))?;
        }
        match read {
            Read::Line(line) => Ok(self.take(&line)),
            Read::Ended => Ok(Then::Leave),
            Read::Output => {
                self.output();
                Ok(Then::Prompt)
            }
            Read::Interrupted if leaving => Ok(Then::Leave),
            Read::Interrupted => {
                self.leaving = true;
                let stays = if self.session.is_some() { ", the session stays" } else { "" };
                self.tell(format!("^C again or ^D leaves{stays}"));
                Ok(Then::Prompt)
            }
            // Somebody else said something or began a turn: it is shown as it happens.
            Read::Broken(typed) => {
                self.typed = typed;
                Ok(Then::Run)
            }
        }
    }

    fn take(&mut self, line: &str) -> Then {
        match command::parse(line) {
            Typed::Empty => match &self.session {
                Some(session) if !session.state.is_settled() => Then::Run,
                _ => Then::Prompt,
            },
            Typed::Message(text) => self.say(text),
            Typed::Shell(command) => {
                self.shell(command);
                Then::Prompt
            }
            Typed::Command(name, rest) => self.command(name, rest),
        }
    }

    /// A message: the first one begins the session.
    fn say(&mut self, words: &str) -> Then {
        let context = std::mem::take(&mut self.context);
        let text = if context.is_empty() { words.to_owned() } else { format!("{}\n\n{words}", context.join("\n\n")) };
        let files = image::named_in(words, &self.folders());
        let said = image::load(self.opening.program, &files, &self.opening.cwd).and_then(|images| {
            let own = match &self.session {
                None => self.create(words, text, files),
                Some(session) => self.message(session, &text, &images),
            };
            own.map(|own| (own, images))
        });
        match said {
            Ok((own, images)) => {
                let lines = images.iter().map(|i| ace_view::image(&i.media, i.bytes.len() as u64, Some(i.size)));
                self.show(&lines.collect::<Vec<_>>());
                self.own_message = own;
                Then::Run
            }
            Err(complaint) => {
                self.context = context;
                self.complain(&complaint);
                Then::Prompt
            }
        }
    }

    /// A session named after the person's own words, not after what goes with them.
    fn create(&mut self, words: &str, text: String, images: Vec<PathBuf>) -> Result<String, Complaint> {
        // The name is no place for a secret either.
        let clean = redaction::cleaned(&self.opening, words)?;
        let name = ace_host::name_of(&ace_schema::redaction::without(&clean));
        let options = SessionOptions { name: Some(name), images, ..SessionOptions::default() };
        begin::key(&self.opening)?;
        let made = begin::make(&self.opening, text, &options, self.color)?;
        let log = self.opening.home().log(&made.id);
        let session = Session::open(made.id, log).map_err(|e| self.unreadable(&e))?;
        self.words.look_in(PathBuf::from(&session.state.created.cwd));
        self.session = Some(session);
        Ok(String::new())
    }

    /// Where a file may be that the person names: where they stand, and where the session works.
    fn folders(&self) -> Vec<PathBuf> {
        let session = self.session.as_ref().map(|s| PathBuf::from(&s.state.created.cwd));
        std::iter::once(self.opening.cwd.clone()).chain(session).collect()
    }

    /// Records a message; its id.
    fn message(&self, session: &Session, text: &str, images: &[Picture]) -> Result<String, Complaint> {
        let program = self.opening.program;
        if text.len() > ace_schema::limits::PROMPT_BYTES {
            let what =
                format!("the message has {} bytes, the limit is {}", text.len(), ace_schema::limits::PROMPT_BYTES);
            return Err(Complaint::new(program, Exit::Usage, what));
        }
        let text = redaction::said(&self.opening, &session.id, text.to_owned(), self.color)?;
        let said = say::message(&session.log, &session.id, (&text, images), &self.opening.person(), false, None);
        said.map(|(id, _)| id).map_err(|e| words::append(program, &session.state.name, &e))
    }

    fn shell(&mut self, command: &str) {
        if command.is_empty() {
            self.tell("!COMMAND runs a command of yours; what it prints goes with the next message");
            return;
        }
        let folder =
            self.session.as_ref().map_or_else(|| self.opening.cwd.clone(), |s| PathBuf::from(&s.state.created.cwd));
        self.held = None;
        let ran = shell::run(command, &folder);
        self.held = KeyByKey::begin();
        match ran {
            Ok(context) => {
                self.context.push(context);
                self.show(&[Text::of(Role::Dim, "goes with the next message")]);
            }
            Err(e) => self.complain(&Complaint::io(self.opening.program, "cannot run the shell", &e)),
        }
    }

    fn leave(&self) -> Exit {
        if let Some(session) = &self.session {
            let line = Text::of(Role::Plain, "the session stays: ")
                .with(Role::Typed, format!("ace resume {}", session.state.name));
            self.show(&[line]);
        }
        Exit::Done
    }
}

/// Breaks into the editor when something is recorded by somebody else; setting the flag ends it.
fn listen(follow: &Follower, breaker: Arc<AtomicBool>) -> Option<Arc<AtomicBool>> {
    let mut follow = follow.fork().ok()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    breaker.store(false, Ordering::Relaxed);
    let listening = std::thread::Builder::new().spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            match follow.wait(Duration::from_millis(200)) {
                Ok(false) => {}
                Ok(true) => {
                    if !stopped.load(Ordering::Relaxed) {
                        editor::break_in(&breaker);
                    }
                    return;
                }
                Err(_) => return,
            }
        }
    });
    listening.ok().map(|_| stop)
}
