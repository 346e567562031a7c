//! What people's rules say of one call: each command and each written file of it is judged by itself, layer by layer.
//!
//! In a layer a deny beats all; between allow and ask the narrower rule counts, and at a draw the ask. Of the layers that say
//! something the narrowest decision holds, so a weaker one can only narrow. A call is allowed when every part of it is.

use std::cmp::Reverse;

use ace_schema::permission::{Decision, Mode, Risk};
use ace_schema::tool::Tool;
use serde_json::Value;

use crate::decide::{About, CallFacts, Verdict, by_mode, typed, verdict};
use crate::denied::each::{Visitor, each};
use crate::effect::{self, Effect};
use crate::path::{Reach, reach};
use crate::reading::{self, Arg, Reading, Segment};
use crate::rules::{Layer, Rule, Rulebook, Sure, of_url};
use crate::shell::Word;

/// All that is known of the call.
pub struct Context<'a> {
    /// The rules.
    pub book: &'a Rulebook,
    /// The mode.
    pub mode: Mode,
    /// The call.
    pub call: &'a CallFacts<'a>,
    /// Where it comes from.
    pub about: &'a About<'a>,
    /// The local tool; `None` for one of an MCP server.
    pub tool: Option<&'static Tool>,
}

/// What came of it.
pub struct Judgement {
    /// What the rules say; `None` if that is the mode's to say.
    pub said: Option<Verdict>,
    /// What the call could do at worst.
    pub effect: Effect,
}

/// What one rule says.
#[derive(Clone, Copy)]
struct Hit<'a> {
    decision: Decision,
    rule: &'a Rule,
}

/// Judges the call.
pub fn judge(context: &Context<'_>) -> Judgement {
    match (context.tool, context.call.args.get("command").and_then(Value::as_str)) {
        (Some(tool), Some(command)) if tool.name == "shell" => shell(context, command),
        (Some(tool), _) if tool.name == "job" => match typed(context.call) {
            Some(text) => typing(context, text),
            None => local(context, tool),
        },
        (Some(tool), _) => local(context, tool),
        (None, _) => foreign(context),
    }
}

/// The paths that a call names.
fn paths(call: &CallFacts<'_>, tool: &Tool) -> Vec<String> {
    let text = |key: &str| call.args.get(key).and_then(Value::as_str);
    match (tool.name, text("path"), text("patch")) {
        ("patch", _, Some(text)) => ace_schema::patch::parse(text)
            .map(|files| files.iter().flat_map(ace_schema::patch::paths).map(ToString::to_string).collect())
            .unwrap_or_default(),
        (_, Some(path), _) => vec![path.to_owned()],
        (..) if tool.reads && !matches!(tool.name, "job" | "ask_user") => vec![".".to_owned()],
        _ => Vec::new(),
    }
}

/// A file tool, or one that fetches.
fn local(context: &Context<'_>, tool: &Tool) -> Judgement {
    let url = context.call.args.get("url").and_then(Value::as_str);
    let effect = match (tool.reads, url) {
        (_, Some(_)) => plain(Risk::Network, "reaches for another machine"),
        (true, None) => plain(Risk::Read, "only reads"),
        (false, None) if tool.name == "shell" => plain(Risk::Execute, "runs a command"),
        (false, None) => plain(Risk::Write, "changes a file"),
    };
    let (host, paths) = (url.and_then(of_url), paths(context.call, tool));
    // A patch is an edit of each of its files: what is said of edits is said of it.
    let names =
        |r: &Rule| r.names_tool(tool.name) || (tool.name == "patch" && (r.names_tool("edit") || r.names_tool("write")));
    let hits = context.in_force().filter(|r| names(r) && r.commands().is_empty() && r.fits(effect.risk)).filter(|r| {
        let allows = r.decision == Decision::Allow;
        let by_path = r.paths().is_none_or(|places| match allows {
            true => !paths.is_empty() && paths.iter().all(|p| places.covers(p, context.call.cwd)),
            false => paths.iter().any(|p| places.meets(p, context.call.cwd)),
        });
        let by_host = r.hosts().is_empty()
            || match &host {
                Some(host) => r.hosts().iter().any(|h| h.covers(host)),
                // What cannot be read for sure is never allowed, and denied or asked as if it were that host.
                None => !allows && url.is_some(),
            };
        by_path && by_host
    });
    let hits: Vec<Hit<'_>> = hits.map(|rule| Hit { decision: rule.decision, rule }).collect();
    Judgement { said: strongest(&hits).map(said), effect }
}

/// Something typed into a running command: no rule allows it, and what denies or asks about commands is met by it.
fn typing(context: &Context<'_>, text: &str) -> Judgement {
    let effect = plain(Risk::Execute, "types into a running command");
    Judgement { said: strongest(&context.met(text)).map(said), effect }
}

/// A tool of an MCP server.
fn foreign(context: &Context<'_>) -> Judgement {
    let effect = match context.about.destructive {
        true => plain(Risk::Destructive, "its server says that it destroys"),
        false => plain(Risk::Execute, "runs in an MCP server"),
    };
    let names = |r: &&Rule| r.names_mcp(context.about.server, context.call.tool) && r.fits(effect.risk);
    // What says of itself that it destroys is asked each time, but for a rule that names this very tool.
    let exact =
        |r: &&Rule| r.decision != Decision::Allow || !context.about.destructive || r.names_this_mcp(context.call.tool);
    let hits: Vec<Hit<'_>> =
        context.in_force().filter(names).filter(exact).map(|rule| Hit { decision: rule.decision, rule }).collect();
    Judgement { said: strongest(&hits).map(said), effect }
}

fn shell(context: &Context<'_>, command: &str) -> Judgement {
    let reading = reading::read(command);
    let effects: Vec<Effect> = reading.segments.iter().map(effect::of).collect();
    let mut worst = effects.iter().cloned().reduce(Effect::worse).unwrap_or_else(|| plain(Risk::Read, "does nothing"));
    if let Some(doubt) = reading.doubts.first() {
        worst = worst.worse(plain(Risk::Execute, doubt));
    }
    let said = context.mode_or(command, &reading, &effects);
    Judgement { said, effect: worst }
}

fn plain(risk: Risk, why: &str) -> Effect {
    Effect { risk, why: why.to_owned(), hazard: None }
}

fn said(hit: Hit<'_>) -> Verdict {
    let rule = hit.rule;
    let why = match (rule.why.is_empty(), hit.decision) {
        (false, decision) if decision == rule.decision => rule.why.clone(),
        (_, Decision::Allow) => "a rule allows it".to_owned(),
        (_, Decision::Deny) => "a rule denies it".to_owned(),
        (_, Decision::Ask) if rule.decision == Decision::Deny => "cannot be told from what a rule denies".to_owned(),
        (_, Decision::Ask) => "a rule asks about it".to_owned(),
    };
    let effect = rule.effect && hit.decision == Decision::Ask;
    Verdict { layer: rule.layer, effect, ..verdict(hit.decision, &rule.id, why.trim_end_matches('.')) }
}

fn narrowness(decision: Decision) -> u8 {
    match decision {
        Decision::Deny => 2,
        Decision::Ask => 1,
        Decision::Allow => 0,
    }
}

/// Of the hits on one part of a call the one that counts.
fn strongest<'a>(hits: &[Hit<'a>]) -> Option<Hit<'a>> {
    let in_layer = |layer: Layer| {
        let hits = hits.iter().filter(|h| h.rule.layer == layer);
        hits.max_by_key(|h| (h.decision == Decision::Deny, h.rule.specificity(), narrowness(h.decision))).copied()
    };
    // At a draw the stronger layer speaks.
    let layers = [Layer::Operator, Layer::User, Layer::Project];
    layers.into_iter().filter_map(in_layer).min_by_key(|h| Reverse(narrowness(h.decision)))
}

impl Rule {
    fn fits(&self, risk: Risk) -> bool {
        self.risks.is_empty() || self.risks.contains(&risk)
    }

    fn about_shell(&self) -> bool {
        self.names_tool("shell")
    }

    /// Whether it keeps files from being read, by whatever tool.
    fn denies_reading(&self) -> bool {
        self.decision != Decision::Allow
            && self.paths().is_some()
            && (self.about_shell() || self.tools().iter().any(|t| t == "read"))
    }

    /// Whether it keeps files from being written.
    fn denies_writing(&self) -> bool {
        self.decision != Decision::Allow
            && self.paths().is_some()
            && self.tools().iter().any(|t| t == "write" || t == "edit")
    }

    fn names_this_mcp(&self, tool: &str) -> bool {
        self.mcp_tools().any(|t| t == tool)
    }
}

impl<'a> Context<'a> {
    fn in_force(&self) -> impl Iterator<Item = &'a Rule> {
        let (mode, about) = (self.mode, self.about);
        self.book.rules().iter().filter(move |r| r.holds(mode, about.source, about.project))
    }

    /// What the rules say of a command line; `None` leaves it to the mode.
    fn mode_or(&self, command: &str, reading: &Reading, effects: &[Effect]) -> Option<Verdict> {
        let met = self.met(command);
        if let Some(denied) =
            strongest(&met.iter().copied().filter(|h| h.decision == Decision::Deny).collect::<Vec<_>>())
        {
            return Some(said(denied));
        }
        if reading.crowded {
            return Some(verdict(Decision::Ask, "too-many-commands", "holds more commands than anybody reads"));
        }
        if self.book.is_empty() {
            return None;
        }
        let parts = self.parts(command, reading, effects, &met);
        self.all(&parts)
    }

    /// All parts together: one that is asked asks, and all must be allowed.
    fn all(&self, parts: &[Part<'a>]) -> Option<Verdict> {
        let asks = parts.iter().find_map(|part| match part {
            Part::Rule(hit) if hit.decision == Decision::Ask => Some(said(*hit)),
            _ => None,
        });
        if asks.is_some() {
            return asks;
        }
        // A file that nobody spoke of is asked as a file, once the command itself is allowed.
        let allowed = parts.iter().find_map(|part| match part {
            Part::Rule(hit) => Some(*hit),
            _ => None,
        })?;
        let open = parts.iter().any(|part| matches!(part, Part::Command));
        let written = parts.iter().find_map(|part| match part {
            Part::Written(verdict) => Some(verdict.clone()),
            _ => None,
        });
        match (open, written) {
            (true, _) => None,
            (false, Some(verdict)) => Some(verdict),
            (false, None) => Some(said(allowed)),
        }
    }

    /// Each command and each written file, and who speaks for it.
    fn parts(&self, command: &str, reading: &Reading, effects: &[Effect], met: &[Hit<'a>]) -> Vec<Part<'a>> {
        let line: Vec<Hit<'a>> = self
            .in_force()
            .filter(|r| r.decision == Decision::Allow && r.about_shell() && r.paths().is_none() && r.hosts().is_empty())
            .filter(|r| r.commands().iter().any(|p| p.is_line(command)))
            .map(|rule| Hit { decision: Decision::Allow, rule })
            .collect();
        if !reading.is_sure() || reading.segments.is_empty() {
            let hits: Vec<Hit<'a>> = line.into_iter().chain(met.iter().copied()).collect();
            return vec![strongest(&hits).map_or(Part::Command, Part::Rule)];
        }
        let mut parts = Vec::new();
        // What may be one of several commands is asked whatever the others are; the rest belongs to its own command.
        let loose = met.iter().copied().filter(|h| h.rule.decision == Decision::Deny);
        parts.extend(strongest(&loose.collect::<Vec<_>>()).map(Part::Rule));
        for (segment, effect) in reading.segments.iter().zip(effects) {
            let allows = self.in_force().filter(|r| r.decision == Decision::Allow && self.allows(r, segment, effect));
            let asks = self.in_force().filter(|r| r.decision == Decision::Ask && self.asks(r, segment, effect));
            let hits = allows.chain(asks).map(|rule| Hit { decision: rule.decision, rule }).chain(line.iter().copied());
            parts.push(strongest(&hits.collect::<Vec<_>>()).map_or(Part::Command, Part::Rule));
            let targets = segment.writes.iter().filter(|w| line.is_empty() && !effect::is_nowhere(&w.text));
            parts.extend(targets.filter_map(|target| self.written(target)));
        }
        parts
    }

    fn allows(&self, rule: &Rule, segment: &Segment, effect: &Effect) -> bool {
        // A written file is judged by itself: without it the class of the command is its program's own.
        let own = || effect::of(&Segment { writes: Vec::new(), ..segment.clone() }).risk;
        let speaks = !rule.commands().is_empty()
            || !rule.risks.is_empty()
            || (rule.tools().len() == 1 && rule.paths().is_none());
        let operand = |w: &&Arg| !w.text.starts_with('-');
        let by_path = rule.paths().is_none_or(|places| {
            let mut operands = segment.words.iter().skip(1).filter(operand).peekable();
            operands.peek().is_some()
                && segment.words.iter().skip(1).all(|w| w.is_exact() && (operand(&w) || !w.text.contains('/')))
                && operands.all(|w| places.covers(&w.text, self.call.cwd))
                && !segment.moved
        });
        let by_host = rule.hosts().is_empty() || {
            let urls: Vec<&Arg> = segment.words.iter().filter(|w| w.text.contains("://")).collect();
            !urls.is_empty()
                && urls.iter().all(|w| of_url(&w.text).is_some_and(|h| rule.hosts().iter().any(|r| r.covers(&h))))
        };
        rule.about_shell()
            && speaks
            && (rule.commands().is_empty() || rule.commands().iter().any(|p| p.covers(segment, effect)))
            && (rule.risks.is_empty() || rule.fits(own()))
            && segment.doubts.is_empty()
            && by_path
            && by_host
    }

    fn asks(&self, rule: &Rule, segment: &Segment, effect: &Effect) -> bool {
        let words: Vec<Word> = segment
            .words
            .iter()
            .map(|a| Word { text: a.text.clone(), dynamic: a.unknown, inner: Vec::new() })
            .collect();
        let Some((program, args)) = words.split_first() else { return false };
        let name = crate::denied::name(program);
        let by_path = rule.paths().is_none_or(|_| {
            let all = words.iter().chain(&[]).map(|w| (w.text.as_str(), w.dynamic));
            all.chain(segment.reads.iter().chain(&segment.writes).map(|a| (a.text.as_str(), a.unknown)))
                .any(|(text, dynamic)| self.word_meets(rule, text, dynamic) != Sure::No)
        });
        let shell = rule.about_shell() || rule.denies_reading();
        shell
            && (rule.commands().is_empty() || rule.commands().iter().any(|p| p.meets(&name, args) != Sure::No))
            && rule.fits(effect.risk)
            && by_path
            && (rule.hosts().is_empty() || words.iter().any(|w| rule.hosts().iter().any(|h| h.is_in(&w.text))))
    }

    /// Who speaks for a file that a redirection writes. Inside the worktree that is the edit it amounts to.
    fn written(&self, target: &Arg) -> Option<Part<'a>> {
        let hits = self.in_force().filter(|r| {
            let writes = r.names_tool("write") || r.names_tool("edit");
            let place = r.paths().is_none_or(|p| match r.decision {
                Decision::Allow => p.covers(&target.text, self.call.cwd),
                _ => p.meets(&target.text, self.call.cwd),
            });
            let says = r.paths().is_some() || r.tools().iter().any(|t| t == "write");
            r.commands().is_empty() && r.hosts().is_empty() && r.fits(Risk::Write) && writes && says && place
        });
        let hits: Vec<Hit<'a>> = hits.map(|rule| Hit { decision: rule.decision, rule }).collect();
        if let Some(hit) = strongest(&hits) {
            return Some(Part::Rule(hit));
        }
        let inside = reach(&target.text, self.call.cwd, self.call.tmp) == Reach::Inside;
        if self.mode != Mode::Auto && !inside {
            return Some(Part::Written(verdict(Decision::Ask, "redirect-outside", "writes out of the worktree")));
        }
        let by_mode = ace_schema::tool::find("write").map(|write| by_mode(self.mode, write, self.call))?;
        (by_mode.decision != Decision::Allow).then_some(Part::Written(by_mode))
    }

    /// Whether a word of a command names a path that the rule keeps.
    fn word_meets(&self, rule: &Rule, text: &str, dynamic: bool) -> Sure {
        let Some(places) = rule.paths() else { return Sure::No };
        let behind = [
            Some(text),
            text.split_once('=').map(|(_, v)| v),
            text.get(2..).filter(|_| text.starts_with('-')),
            text.strip_prefix('@'),
        ];
        let sure = behind
            .into_iter()
            .flatten()
            .any(|p| !p.is_empty() && places.meets(p.trim_start_matches('@'), self.call.cwd));
        let glob = text.contains(['*', '?', '[', '{']);
        match () {
            () if sure => Sure::Yes,
            () if (dynamic || glob) && places.could_meet(text, dynamic, self.call.cwd) => Sure::Maybe,
            () => Sure::No,
        }
    }

    /// The rules that deny or ask and are met anywhere in the line, wherever it hides there.
    fn met(&self, command: &str) -> Vec<Hit<'a>> {
        if self.in_force().all(|r| r.decision == Decision::Allow) {
            return Vec::new();
        }
        let mut finder = Finder { context: self, found: Vec::new() };
        if !each(command, &mut finder) {
            // What was not read to its end could be any of them whose program is named at all.
            let lower = command.to_lowercase();
            for rule in self.book.about_commands() {
                if rule.commands().iter().any(|p| lower.contains(&p.program())) {
                    finder.find(rule, Sure::Maybe);
                }
            }
        }
        let mut hits = finder.found;
        // Rules without words, paths or hosts hold for every command of the tool.
        let whole = self.in_force().filter(|r| {
            let bare = r.commands().is_empty() && r.paths().is_none() && r.hosts().is_empty() && r.risks.is_empty();
            r.decision != Decision::Allow && bare && r.about_shell()
        });
        hits.extend(whole.map(|rule| Hit { decision: rule.decision, rule }));
        hits.extend(self.by_risk(command));
        hits
    }

    /// Rules that deny or ask about a class whatever the words are. What is not understood could be of any class.
    fn by_risk(&self, command: &str) -> Vec<Hit<'a>> {
        let bare =
            |r: &&Rule| r.commands().is_empty() && r.paths().is_none() && r.hosts().is_empty() && !r.risks.is_empty();
        let rules: Vec<&Rule> =
            self.in_force().filter(|r| r.decision != Decision::Allow && r.about_shell()).filter(bare).collect();
        if rules.is_empty() {
            return Vec::new();
        }
        let reading = reading::read(command);
        let risks: Vec<Risk> = reading.segments.iter().map(|s| effect::of(s).risk).collect();
        let hit = |rule: &'a Rule| match risks.iter().any(|r| rule.fits(*r)) {
            true => Some(Hit { decision: rule.decision, rule }),
            false if !reading.is_sure() => Some(Hit { decision: Decision::Ask, rule }),
            false => None,
        };
        rules.into_iter().filter_map(hit).collect()
    }
}

/// One part of a command line.
enum Part<'a> {
    /// A rule speaks for it.
    Rule(Hit<'a>),
    /// A command of which no rule says anything.
    Command,
    /// A file that is written, of which no rule says anything, and what the mode says.
    Written(Verdict),
}

struct Finder<'c, 'a> {
    context: &'c Context<'a>,
    found: Vec<Hit<'a>>,
}

impl<'a> Finder<'_, 'a> {
    fn find(&mut self, rule: &'a Rule, sure: Sure) {
        let context = self.context;
        if sure == Sure::No || !rule.holds(context.mode, context.about.source, context.about.project) {
            return;
        }
        let decision = if sure == Sure::Yes { rule.decision } else { Decision::Ask };
        match self.found.iter_mut().find(|h| std::ptr::eq(h.rule, rule)) {
            Some(hit) if narrowness(decision) > narrowness(hit.decision) => hit.decision = decision,
            Some(_) => {}
            None => self.found.push(Hit { decision, rule }),
        }
    }

    fn place(&mut self, word: &Word, writes: bool) {
        let context = self.context;
        for rule in context.book.rules() {
            let kept = rule.denies_reading() || (writes && rule.denies_writing());
            if kept && rule.commands().is_empty() && rule.hosts().is_empty() {
                self.find(rule, context.word_meets(rule, &word.text, word.dynamic));
            }
        }
    }
}

impl Visitor for Finder<'_, '_> {
    fn program(&mut self, name: &str, args: &[Word]) {
        let book = self.context.book;
        let plain = |r: &&Rule| r.paths().is_none() && r.hosts().is_empty();
        if name.is_empty() {
            let all: Vec<&Rule> = book.about_commands().filter(plain).collect();
            return all.into_iter().for_each(|r| self.find(r, Sure::Maybe));
        }
        for rule in book.of_program(name) {
            let sure = rule.commands().iter().map(|p| p.meets(name, args)).max().unwrap_or(Sure::No);
            let by_path = rule.paths().is_none()
                || args.iter().any(|w| self.context.word_meets(rule, &w.text, w.dynamic) != Sure::No);
            let by_host = rule.hosts().is_empty() || args.iter().any(|w| rule.hosts().iter().any(|h| h.is_in(&w.text)));
            if by_path && by_host {
                self.find(rule, sure);
            }
        }
        // Arguments of programs that write: a rule that keeps files from being written speaks of them too.
        if book.rules().iter().any(Rule::denies_writing) && !reads(name) {
            args.iter().for_each(|w| self.place(w, true));
        }
    }

    fn word(&mut self, word: &Word) {
        self.place(word, false);
        let hosts = self.context.book.rules().iter().filter(|r| {
            r.decision != Decision::Allow && r.commands().is_empty() && !r.hosts().is_empty() && r.about_shell()
        });
        let met: Vec<&Rule> = hosts.filter(|r| r.hosts().iter().any(|h| h.is_in(&word.text))).collect();
        met.into_iter().for_each(|r| self.find(r, Sure::Yes));
    }

    fn written(&mut self, word: &Word) {
        self.place(word, true);
    }
}

fn reads(program: &str) -> bool {
    let segment = Segment { words: vec![Arg::exact(program)], ..Segment::default() };
    effect::of(&segment).risk == Risk::Read
}
