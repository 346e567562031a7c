//! The commands of the prompt: what they show, and what they change.

use ace_cli::{Complaint, Exit};
use ace_config::split_model;
use ace_host::{NewFork, Programs};
use ace_schema::data::SessionConfigured;
use ace_schema::permission::Mode;
use ace_view::{Role, Text, units, visible};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::command::COMMANDS;
use super::{Desk, Session, Then};
use crate::modes;
use crate::opening::{clock, machine, random, shown};
use crate::{pager, say, words};

/// The provider that is no provider: answers come from a recording.
const RECORDED: &str = "recorded";

impl Desk {
    /// Does what a command says.
    pub(super) fn command(&mut self, name: &str, rest: &str) -> Then {
        match name {
            "help" | "?" => self.help(),
            "quit" | "exit" => return Then::Leave,
            "model" => self.model(rest),
            "mode" => self.mode(rest),
            "cost" => self.cost(),
            "permissions" => self.permissions(),
            "diff" => self.page("ace-worktree", "diff"),
            "log" => self.page("ace-log", "show"),
            "undo" => self.go_back(None),
            "rewind" => match rest.trim_start_matches('@').parse() {
                Ok(line) => self.go_back(Some(line)),
                Err(_) => self.tell("/rewind LINE, a number as /log shows them"),
            },
            "fork" => match rest.trim_start_matches('@').parse() {
                Ok(line) => self.fork(Some(line)),
                Err(_) if rest.is_empty() => self.fork(None),
                Err(_) => self.tell("/fork LINE, a number as /log shows them; without one from here on"),
            },
            "compact" => return self.compact(rest),
            "now" if !rest.is_empty() => return self.say(rest),
            _ => return self.own(name, rest),
        }
        Then::Prompt
    }

    /// Takes the last turn back, or goes back to a line.
    fn go_back(&mut self, to: Option<u64>) {
        let Some(session) = &mut self.session else {
            self.tell("there is no session yet");
            return;
        };
        let (home, person) = (self.opening.home(), self.opening.person());
        let done = match to {
            Some(to) => ace_host::rewind(home, &session.log, to, &person, &clock(), random()),
            None => ace_host::undo(home, &session.log, &person, &clock(), random()),
        };
        let name = session.state.name.clone();
        // A log that cannot be read is complained about by whoever reads it next.
        let _ = session.catch_up();
        self.known = Some(session.state.head);
        match done {
            Ok(done) => self.tell(crate::sessions::went_back(&name, &done)),
            Err(e) => self.complain(&crate::words::travel(self.opening.program, &name, &e)),
        }
    }

    /// Goes on in a new session with the past of this one, up to a line; what is open is left as it is.
    fn fork(&mut self, seq: Option<u64>) {
        let Some(session) = &self.session else {
            self.tell("there is no session yet");
            return;
        };
        let (program, parent) = (self.opening.program, session.state.name.clone());
        let new = NewFork {
            seq,
            owner: self.opening.person(),
            host: machine(),
            client: program.to_owned(),
            ..NewFork::default()
        };
        let home = self.opening.home();
        let made = match ace_host::fork(home, &session.log, &new, &clock(), (random(), random())) {
            Ok(made) => made,
            Err(e) => return self.complain(&words::travel(program, &parent, &e)),
        };
        for note in &made.notes {
            let (what, hint) = words::note(note);
            ace_cli::note(program, &what, hint, self.color);
        }
        let session = match Session::open(made.id.clone(), home.log(&made.id)) {
            Ok(session) => session,
            Err(e) => return self.complain(&self.unreadable(&e)),
        };
        let mut line = Text::of(Role::Dim, "session ").and(visible(&made.created.name, Role::Bold));
        if let Some(tree) = &made.created.worktree {
            line = line.dim("  branch ").and(visible(&tree.branch, Role::Plain));
        }
        let at = made.created.forked_from.as_ref().map_or(0, |from| from.seq);
        line = line.dim("  from ").and(visible(&format!("{parent}@{at}"), Role::Plain));
        self.show(&[line]);
        self.words.look_in(PathBuf::from(&session.state.created.cwd));
        self.known = Some(session.state.head);
        self.session = Some(session);
        self.stands();
    }

    /// Makes the conversation shorter.
    fn compact(&mut self, keep: &str) -> Then {
        let Some(session) = self.session.as_ref().filter(|session| session.state.turns > 0) else {
            self.tell("nothing is said yet");
            return Then::Prompt;
        };
        match say::shorten(&self.opening, &session.log, &session.state, keep) {
            Ok(order) => {
                self.own_message = order;
                Then::Run
            }
            Err(complaint) => {
                self.complain(&complaint);
                Then::Prompt
            }
        }
    }

    /// A command of the person's own, or none.
    fn own(&mut self, name: &str, rest: &str) -> Then {
        if let Some(text) = self.own.find(name, rest) {
            self.show(&[Text::of(Role::Dim, format!("from {}", shown(&text.file)))]);
            if text.foreign {
                // The project's words are seen before they are said.
                self.editor.insert(&text.text);
                return Then::Prompt;
            }
            return self.say(&text.text);
        }
        let own = self.own.names();
        let names = COMMANDS.iter().map(|(name, ..)| *name).chain(own.iter().map(String::as_str));
        let hint = match ace_config::nearest(name, names) {
            Some(near) => format!("did you mean /{near}? /help shows all"),
            None => "/help shows all".to_owned(),
        };
        let what = format!("unknown command '/{name}'");
        self.complain(&Complaint::new(self.opening.program, Exit::Usage, what).hint(hint));
        Then::Prompt
    }

    fn help(&self) {
        let row = |name: &str, does: &str| Text::new().gap(2).with(Role::Typed, name).to(24).gap(1).plain(does);
        let mut lines: Vec<Text> = Vec::new();
        for (name, arguments, does) in COMMANDS {
            lines.push(row(format!("/{name} {arguments}").trim_end(), does));
        }
        lines.push(row("!COMMAND", "your own shell; its output goes with the next message"));
        for name in self.own.names() {
            lines.push(row(&format!("/{name}"), "yours"));
        }
        for (keys, does) in [
            ("Enter", "send; while a turn runs: queue for the next one"),
            ("Alt-Enter", "a new line, as ^J; while a turn runs: steer it"),
            ("Tab", "complete /commands and @files"),
            ("Up, ^R", "what was typed before"),
            ("Enter, Up", "while a turn runs, with nothing typed: steer with what is queued, or take it back"),
            ("^O", "the last call's whole output in $PAGER"),
            ("^L", "paint the screen anew"),
            ("Esc, ^C", "stop the turn, keep the session"),
            ("^D", "leave, the session stays"),
        ] {
            lines.push(row(keys, does));
        }
        self.show(&lines);
    }

    fn model(&mut self, name: &str) {
        let now = match &self.session {
            Some(session) => session.state.model.clone(),
            None => self.opening.settings.config.model.clone().unwrap_or_else(|| "whose key is there".to_owned()),
        };
        if name.is_empty() {
            self.tell(format!("model {now}"));
            return;
        }
        let wrong = |what: String, hint: String| {
            self.complain(&Complaint::new(self.opening.program, Exit::Usage, what).hint(hint));
        };
        let name = ace_config::models().full(name);
        let shown = ace_view::clean(name);
        let Some((provider, _)) = split_model(name) else {
            return wrong(format!("'{shown}' is no model"), "/model NAME/MODEL".to_owned());
        };
        let known = &self.opening.settings.config.providers;
        if provider != RECORDED && !known.contains_key(provider) {
            let names = known.keys().map(String::as_str);
            let hint = ace_config::nearest(provider, names).map(|near| format!("did you mean '{near}'?"));
            let all = || format!("known: {}", known.keys().cloned().collect::<Vec<_>>().join(", "));
            return wrong(format!("no provider of '{shown}' is configured"), hint.unwrap_or_else(all));
        }
        let change = SessionConfigured { model: Some(name.to_owned()), ..SessionConfigured::default() };
        if self.session.is_none() {
            self.opening.settings.config.model = Some(name.to_owned());
        }
        self.configure(&change, format!("model {name} from here on"));
    }

    fn mode(&mut self, name: &str) {
        let now = self.session.as_ref().map_or(self.opening.settings.config.mode, |s| s.state.mode);
        if name.is_empty() {
            self.tell(format!("mode {}", now.name()));
            return;
        }
        let Some(mode) = Mode::parse(name) else {
            let names: Vec<&str> = Mode::ALL.iter().map(|m| m.name()).collect();
            let what = format!("'{}' is no mode", ace_view::clean(name));
            let hint = format!("/mode {}", names.join("|"));
            self.complain(&Complaint::new(self.opening.program, Exit::Usage, what).hint(hint));
            return;
        };
        let change = SessionConfigured { mode: Some(mode), ..SessionConfigured::default() };
        if self.session.is_none() {
            self.opening.settings.config.mode = mode;
        }
        self.configure(&change, format!("mode {} from here on", mode.name()));
    }

    /// Records a change; before the first message there is nothing to record it in.
    fn configure(&mut self, change: &SessionConfigured, done: String) {
        if let Some(session) = &mut self.session {
            if let Err(e) = say::configure(&session.log, &session.id, change) {
                let complaint = words::append(self.opening.program, &session.state.name, &e);
                self.complain(&complaint);
                return;
            }
            // A log that cannot be read is found out with the next line.
            let _ = session.catch_up();
        }
        self.tell(done);
    }

    fn cost(&self) {
        let Some(session) = &self.session else {
            self.tell("nothing was asked yet: $0.0000");
            return;
        };
        let (sums, usage) = (&session.ledger, &session.ledger.usage);
        let row = |label: &str, value: String| Text::new().gap(2).dim(label).to(11).plain(value);
        let cached = units::percent(usage.cache_read, sums.input().max(1));
        self.show(&[
            row("cost", units::cost(sums.cost())),
            row("input", format!("{} tokens ({cached} cached)", units::tokens(sums.input()))),
            row("output", format!("{} tokens", units::tokens(usage.output))),
            row(
                "calls",
                format!("{} of the model, {} of tools", units::count(sums.model_calls), units::count(sums.tool_calls)),
            ),
        ]);
    }

    fn permissions(&self) {
        let mode = self.session.as_ref().map_or(self.opening.settings.config.mode, |s| s.state.mode);
        let reach = self.session.as_ref().map_or("", |s| match s.state.created.sandbox.as_str() {
            _ if s.state.created.unsandboxed => "off",
            profile => profile,
        });
        let free = match mode {
            Mode::Plan => "reading is free, all else is refused",
            Mode::Ask => "reading is free, edits and commands are asked",
            Mode::Edit => "reading and edits in the worktree are free, commands are asked",
            Mode::Auto => "all inside the sandbox is free, what would leave it is asked",
        };
        let row = |label: &str, value: &str| Text::new().gap(2).dim(label).to(11).plain(value);
        self.show(&[
            row("mode", &format!("{}: {free}", mode.name())),
            row(
                "sandbox",
                match reach {
                    "off" => "off",
                    "read-only" => "tools read the worktree, write nothing and see no network",
                    "network" => "tools see the worktree, and hosts through a proxy",
                    _ => "tools see the worktree and no network",
                },
            ),
            row("never", "downloads piped into a shell, removing everything, git's hooks, raw disks"),
            row("never", "writing what git and ace believe: .git, the sessions, their configuration"),
        ]);
    }

    /// A page of another program about the session, in the person's pager if they have one.
    fn page(&mut self, program: &str, verb: &str) {
        let Some(session) = &self.session else {
            self.tell("there is no session yet: the first message begins it");
            return;
        };
        let mut command = Command::new(Programs::beside_this().find(program));
        command.arg(verb).arg(&session.id).stdin(Stdio::null());
        // A page that fits is read where it stands; without a wish for a pager every page is.
        let wished = std::env::var_os("PAGER").is_some_and(|p| !p.is_empty());
        let run = match pager::command().filter(|_| wished) {
            None => command.status().map(drop),
            Some(mut pages) => command.stdout(Stdio::piped()).spawn().and_then(|mut child| {
                pages.stdin(child.stdout.take().map_or_else(Stdio::null, Stdio::from));
                let shown = modes::lend(|| pages.status());
                child.wait()?;
                shown.map(drop)
            }),
        };
        if let Err(e) = run {
            self.complain(&Complaint::io(self.opening.program, &format!("cannot start '{program}'"), &e));
        }
    }

    /// The whole output of the last call.
    pub(super) fn output(&self) {
        let text = match self.session.as_ref().map(|session| pager::last_output(&session.log)) {
            None | Some(Ok(None)) => return self.tell("no call has printed anything yet"),
            Some(Ok(Some(text))) => text,
            Some(Err(e)) => {
                return self.complain(&Complaint::io(self.opening.program, "cannot read the output", &e));
            }
        };
        if let Err(e) = modes::lend(|| pager::show(&text)) {
            self.complain(&Complaint::io(self.opening.program, "cannot start the pager", &e));
        }
    }
}
