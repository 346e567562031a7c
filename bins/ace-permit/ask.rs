//! A person, or the program that asks them, answers what waits in a session that is run elsewhere: each question whole, each answer a
//! line. Whoever answers first is heard; what was answered elsewhere is told. It never runs anything.

use ace_cli::permit::Ask;
use ace_cli::{CallAddress, Complaint, Exit, When};
use ace_core::{Call, Effect, State};
use ace_front::{Opening, clock, random, words};
use ace_schema::data::{SessionConfigured, ToolCall};
use ace_schema::limits::{LINE_BYTES, NAME_BYTES};
use ace_schema::permission::{Decision, Scope};
use ace_schema::{Drafter, Kind, Line, ty};
use ace_storage::{Follower, Log, Pen};
use ace_view::ask::{self, Question};
use ace_view::{Ledger, SessionFacts, Step, Style, Text, clean, render};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::answers::{self, Spoken};
use crate::{PROGRAM, explain};

/// How often it is looked whether somebody else has answered.
const LOOK: Duration = Duration::from_millis(100);

/// Answers what waits.
pub fn answer_all(opening: &Opening, asked: &Ask) -> Result<Exit, Complaint> {
    if !asked.json && !std::io::stdin().is_terminal() {
        return Err(Complaint::new(PROGRAM, Exit::Usage, "no terminal to ask in")
            .hint(format!("{PROGRAM} allow {} @LINE, or --json for a program", asked.session)));
    }
    let log = opening.log(&opening.find(&asked.session)?);
    let name = asked.session.to_string();
    let follow = log.follow(0).map_err(|e| Complaint::io(PROGRAM, "cannot read the session", &e))?;
    let mut desk = Desk {
        opening,
        log: &log,
        name: &name,
        follow,
        state: State::new(),
        ledger: Ledger::default(),
        facts: SessionFacts::default(),
        style: ace_front::screen::on_stderr(When::Auto),
        json: asked.json,
        shown: None,
    };
    desk.read()?;
    let mut client = asked.client.as_deref().map(|client| Client::register(&desk, client)).transpose()?;
    let ended = desk.attend(&lines(), client.is_some());
    let left = client.as_mut().map_or(Ok(()), |client| client.say(""));
    ended.and_then(|exit| left.map(|()| exit))
}

/// A client that is asked in place of the user, as long as its pen is held.
struct Client {
    log: Log,
    pen: Pen,
    drafter: Drafter,
    session: String,
}

impl Client {
    fn register(desk: &Desk<'_>, name: &str) -> Result<Self, Complaint> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if name.is_empty() || name.len() > NAME_BYTES || name == "user" || !name.bytes().all(plain) {
            let what = format!("'{}' is no name of a client", clean(name).replace('\n', " "));
            return Err(Complaint::new(PROGRAM, Exit::Usage, what).hint("small letters, digits, - and _"));
        }
        let mut drafter = Drafter::new(PROGRAM, random());
        drafter.set_session(&desk.state.session);
        let pen = desk.log.append(clock()).and_then(|mut log| log.open_pen(Kind::Person));
        let pen = pen.map_err(|e| words::append(PROGRAM, desk.name, &e))?;
        let mut client = Self { log: desk.log.clone(), pen, drafter, session: desk.name.to_owned() };
        client.say(name).map(|()| client)
    }

    /// Records who is asked from here on; nobody by name for the user.
    fn say(&mut self, name: &str) -> Result<(), Complaint> {
        let data = SessionConfigured { asks: Some(name.to_owned()), ..SessionConfigured::default() };
        let (_, draft) = self.drafter.draft(0, "", ty::SESSION_CONFIGURED, &data);
        let said = self.log.append(clock()).and_then(|mut log| log.append(self.pen.nib(), &draft));
        said.map(drop).map_err(|e| words::append(PROGRAM, &self.session, &e))
    }
}

/// Lines of stdin as they come. One that is longer than any record ends them.
fn lines() -> Receiver<String> {
    let (sender, lines) = sync_channel(16);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        loop {
            let mut line = String::new();
            let read = stdin.by_ref().take(LINE_BYTES as u64).read_line(&mut line);
            if !read.is_ok_and(|n| n > 0) || !line.ends_with('\n') || sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What is answered, and where it is shown.
struct Desk<'a> {
    opening: &'a Opening,
    log: &'a Log,
    name: &'a str,
    follow: Follower,
    state: State,
    ledger: Ledger,
    facts: SessionFacts,
    style: Style,
    json: bool,
    /// The question that is open here: the call, and the effect that was shown with it.
    shown: Option<(String, String)>,
}

/// An answer of a program.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    call: String,
    decision: Decision,
    #[serde(default = "once")]
    scope: Scope,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    effect: Option<String>,
}

fn once() -> Scope {
    Scope::Once
}

impl Desk<'_> {
    /// Asks until nothing waits; who `stays` also hears what is asked later, until the turn has ended.
    fn attend(&mut self, lines: &Receiver<String>, stays: bool) -> Result<Exit, Complaint> {
        let mut answered = false;
        loop {
            self.read()?;
            let Some(call) = self.state.asked().next().cloned() else {
                if !stays || self.state.is_settled() {
                    return Ok(if stays || answered { Exit::Done } else { Exit::No });
                }
                match lines.recv_timeout(LOOK) {
                    // Nobody sits here any more.
                    Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Done),
                    Ok(line) if self.json => self.answer_json(&line)?,
                    _ => {}
                }
                continue;
            };
            let seen = if let Effect::Seen(id) = &call.effect { id.clone() } else { String::new() };
            if self.shown.as_ref() != Some(&(call.id.clone(), seen.clone())) {
                self.show(&call)?;
                self.shown = Some((call.id.clone(), seen.clone()));
                if !self.json {
                    // What was typed before it was seen approves nothing.
                    ace_front::forget_typed();
                    lines.try_iter().for_each(drop);
                }
            }
            answered = true;
            match lines.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Disconnected) => return Ok(Exit::Undecided),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(line) if self.json => self.answer_json(&line)?,
                Ok(line) => {
                    if let Err(complaint) = self.answer(&call, &seen, line.trim()) {
                        self.tell(&[Text::new().gap(2).plain(clean(&complaint.what).replace('\n', " "))]);
                    }
                }
            }
        }
    }

    /// Takes in what was recorded since, and tells how a question that stands here was answered.
    fn read(&mut self) -> Result<(), Complaint> {
        loop {
            let lines = self.follow.read().map_err(|e| Complaint::io(PROGRAM, "cannot read the session", &e))?;
            if lines.is_empty() {
                return Ok(());
            }
            let mut told = Vec::new();
            for line in ace_storage::split(lines).filter_map(|line| Line::parse(line).ok()) {
                self.state.fold(&line);
                let seq = line.seq.unwrap_or_default();
                match self.ledger.fold(&line) {
                    Step::Created(created) => self.facts = SessionFacts::of(&created),
                    Step::Decided { call, decided, .. }
                        if self.shown.as_ref().is_some_and(|(id, _)| *id == call.id) =>
                    {
                        self.shown = None;
                        told.push((call, decided, seq));
                    }
                    _ => {}
                }
            }
            self.facts.person = self.opening.person();
            self.facts.mode = self.state.mode.name().to_owned();
            for (call, decided, seq) in told {
                match self.json {
                    true => self.print(&json!({"call": call.id, "resolved": decided, "line": seq}))?,
                    false => self.tell(&[ask::answered(&call, &decided, seq, &self.facts, &self.style)]),
                }
            }
        }
    }

    /// The question, whole.
    fn show(&self, call: &Call) -> Result<(), Complaint> {
        let Some(drawn) = self.ledger.waiting().find(|one| one.id == call.id) else { return Ok(()) };
        let Some((line, asked)) = &drawn.asked else { return Ok(()) };
        if self.json {
            let typed: Option<ToolCall> = serde_json::from_str(&call.data).ok();
            let args: Value =
                typed.and_then(|c| c.args).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
            let mut out = json!({"call": call.id, "line": line, "tool": call.tool, "args": args, "digest": call.digest, "asked": asked});
            if let Some((seq, effect)) = &drawn.tried {
                out["effect"] = json!({"line": seq, "outcome": effect.outcome});
            }
            return self.print(&out);
        }
        let open = self.ledger.waiting().count();
        let at = self.ledger.waiting().position(|one| one.id == call.id).unwrap_or_default() + 1;
        let mut rows = vec![Text::new()];
        rows.extend(ask::block(
            &Question { call: drawn, asked, position: (at, open), patch: None },
            &self.facts,
            &self.style,
        ));
        rows.extend(ask::tried(drawn, &self.facts, &self.style));
        rows.extend(ask::typed_keys(drawn, asked.proposal.is_some(), self.facts.in_project, &self.style));
        self.tell(&rows);
        Ok(())
    }

    fn tell(&self, rows: &[Text]) {
        for row in rows {
            // Whoever closed it reads it no more.
            let _ = writeln!(std::io::stderr(), "{}", render(row, &self.style));
        }
    }

    fn print(&self, value: &Value) -> Result<(), Complaint> {
        explain::print(&format!("{value}\n"))
    }

    /// What a person typed at a question.
    fn answer(&mut self, call: &Call, seen: &str, line: &str) -> Result<(), Complaint> {
        let (word, rest) = line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()));
        let spoken =
            |decision, why| Spoken { decision, why, reply: None, scope: Scope::Once, rule: None, effect: Some(seen) };
        let lasting =
            |scope| Spoken { scope, rule: Some(rest).filter(|rule| !rule.is_empty()), ..spoken(Decision::Allow, "") };
        let is_question = call.tool == ace_schema::question::TOOL;
        let said = match word {
            "" => return Ok(()),
            "/n" if is_question => spoken(Decision::Deny, rest),
            _ if is_question => Spoken { reply: Some(line), ..spoken(Decision::Allow, "") },
            "y" | "yes" if rest.is_empty() => spoken(Decision::Allow, ""),
            "n" | "N" | "no" => spoken(Decision::Deny, rest),
            "s" => lasting(Scope::Session),
            "p" => lasting(Scope::Project),
            "a" => lasting(Scope::Always),
            "t" if rest.is_empty() => {
                return answers::wants_effect(self.opening, (self.log, self.name), &CallAddress::Id(call.id.clone()));
            }
            _ => {
                let what = format!("'{}' is no answer", clean(word));
                return Err(Complaint::new(PROGRAM, Exit::Usage, what));
            }
        };
        answers::answer(self.opening, (self.log, self.name), &CallAddress::Id(call.id.clone()), said)
    }

    /// What a program answered, and whether that counts.
    fn answer_json(&mut self, line: &str) -> Result<(), Complaint> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let typed: Typed = match serde_json::from_str(line) {
            Ok(typed) => typed,
            Err(e) => return self.print(&json!({"refused": format!("not an answer: {e}")})),
        };
        let at = (self.log, self.name);
        let said = Spoken {
            decision: typed.decision,
            why: &typed.why,
            reply: typed.answer.as_deref(),
            scope: typed.scope,
            rule: typed.rule.as_deref(),
            // Who has not seen what it does approves that it is run.
            effect: Some(typed.effect.as_deref().unwrap_or_default()),
        };
        let call = CallAddress::Id(typed.call.clone());
        let done = match typed.decision {
            Decision::Ask => answers::wants_effect(self.opening, at, &call),
            _ => answers::answer(self.opening, at, &call, said),
        };
        match done {
            Ok(()) => Ok(()),
            Err(complaint) => self.print(&json!({"call": typed.call, "refused": complaint.what})),
        }
    }
}
