//! Hooks that hear of calls that have run and of the end of a turn: each in a sandbox of its own, like the one that calls run in. It
//! decides nothing about what they say.

use ace_config::Hooked;
use ace_host::deciders::name;
use ace_permissions::CallFacts;
use ace_permissions::decider::Ended;
use ace_permissions::hooks::{self, Place, Said};
use ace_schema::data::{HookCompleted, SessionCreated, ToolCompleted};
use ace_schema::hook::{Hook, Verdict};
use ace_schema::limits::REPLY_BYTES;
use ace_schema::permission::Mode;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::confined::{Heard, Reach, Wants, planned};

/// How long a sandbox may take beside what runs in it.
const AROUND: Duration = Duration::from_secs(20);

/// Where hooks run and for whom.
#[derive(Clone)]
pub struct Hooks {
    /// Those that are heard here.
    pub all: Arc<[Hooked]>,
    /// The home of ace.
    pub ace_home: PathBuf,
    /// Whether a sandbox holds them.
    pub sandboxed: bool,
    /// What they reach: what tools do, but for the proxy.
    pub reach: Reach,
    /// The last turn that was stopped: what runs for it ends.
    pub stopped: Arc<AtomicU32>,
}

/// What hooks say of a call that has run.
#[derive(Debug, Default)]
pub struct Feedback {
    /// Some have run, which may change files.
    pub heard: bool,
    /// To the model.
    pub told: String,
    /// Why the turn must not go on.
    pub stops: String,
}

/// The session they hear of.
#[derive(Clone, Copy)]
pub struct Where<'a> {
    /// How it was made.
    pub created: &'a SessionCreated,
    /// Its id.
    pub id: &'a str,
    /// Turn.
    pub turn: u32,
    /// Its mode.
    pub mode: Mode,
}

impl Where<'_> {
    fn cwd(&self) -> &str {
        self.created.worktree.as_ref().map_or(&self.created.cwd, |tree| &tree.path)
    }

    fn place(&self) -> Place<'_> {
        Place { session: self.id, cwd: self.cwd(), mode: self.mode.name() }
    }
}

impl Hooks {
    /// Whether any is heard of calls of this tool.
    pub fn hear_of(&self, tool: &str) -> bool {
        self.of(tool).next().is_some()
    }

    fn of(&self, tool: &str) -> impl Iterator<Item = &Hooked> {
        let names = ace_permissions::decider::names(tool);
        self.all.iter().filter(move |one| one.on == Hook::PostToolUse && one.hears_of(&names))
    }

    /// Lets hooks hear of a call that has run. It has: one that fails is told of, and undoes nothing.
    pub fn after_call(
        &self,
        at: Where<'_>,
        (call, tool, args): (&str, &str, &serde_json::Value),
        done: &ToolCompleted,
    ) -> Feedback {
        let facts = CallFacts { tool, args, cwd: at.cwd(), tmp: "", sandboxed: self.sandboxed, unsandboxed: false };
        let request = hooks::after_call(at.place(), call, &facts, done);
        let mut feedback = Feedback { heard: true, ..Feedback::default() };
        for (_, said) in self.say(self.of(tool), at, &request) {
            hooks::join(&mut feedback.told, &said.why);
            hooks::join(&mut feedback.told, &said.context);
            if let Some(stops) = said.stops {
                feedback.stops = stops;
                break;
            }
        }
        feedback
    }

    /// Lets hooks hear the last answer of a turn: the first that does not let it end decides.
    pub fn at_end(&self, at: Where<'_>, held: u32, last: &str) -> HookCompleted {
        let began = Instant::now();
        let request = hooks::stop(at.place(), held > 0, last);
        let decisive = self
            .say(self.all.iter().filter(|one| one.on == Hook::Stop), at, &request)
            .find(|(_, said)| said.verdict != Verdict::Passes || said.stops.is_some());
        let (hook, said) = decisive.unwrap_or_default();
        let ms = ace_front::took(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        HookCompleted { on: Hook::Stop, verdict: said.verdict, why: said.why, hook, ms }
    }

    fn say<'s>(
        &'s self,
        them: impl Iterator<Item = &'s Hooked>,
        at: Where<'s>,
        request: &'s str,
    ) -> impl Iterator<Item = (String, Said)> {
        them.map(move |one| {
            let name = name(&one.argv);
            (name.to_owned(), hooks::heard(one.on, name, &self.run(one, at, request)))
        })
    }

    fn run(&self, one: &Hooked, at: Where<'_>, request: &str) -> Ended {
        let created = at.created;
        let root = created.repository.as_ref().map_or(&created.cwd, |repository| &repository.root).into();
        let hook = Some(Heard { argv: one.argv.clone(), root, ms: one.ms });
        let wants = Wants { commits: false, hook };
        let started = planned(created, at.id, &self.ace_home, &self.reach, wants).and_then(|mut command| {
            let command = command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            command.spawn().map_err(|e| format!("no sandbox for it: {e}"))
        });
        match started {
            Ok(child) => self.wait(child, one.ms, at.turn, request),
            Err(why) => Ended::NotStarted(why),
        }
    }

    /// What the sandbox tells of it, in time and while the turn goes on.
    fn wait(&self, mut child: Child, ms: u64, turn: u32, request: &str) -> Ended {
        let until = Instant::now() + Duration::from_millis(ms) + AROUND;
        if let Some(mut stdin) = child.stdin.take() {
            let request = request.to_owned();
            // Who does not read it says so by its end.
            std::thread::spawn(move || drop(stdin.write_all(request.as_bytes())));
        }
        let stdout = child.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut told = Vec::new();
            let _ = stdout.map(|out| out.take(REPLY_BYTES as u64).read_to_end(&mut told));
            told
        });
        let mut late = false;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > until || self.stopped.load(Ordering::Relaxed) >= turn {
                late = true;
                // Its whole tree ends with it.
                let _ = child.kill();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.wait();
        let told = reader.join().unwrap_or_default();
        match serde_json::from_slice(&told) {
            Ok(ended) if !late => ended,
            _ if late => Ended::Late,
            _ => Ended::NotStarted("its sandbox could not be made".to_owned()),
        }
    }
}
