//! Rules of people: what stands in their files, in which layer, and which of them a call meets.
//!
//! It knows no file: texts come in with the name of their layer. What the rules together mean for a call is said in [`crate::decide`].

mod file;
mod host;
mod pattern;
mod place;

use std::collections::HashMap;

use ace_schema::data::{Proposal, Source};
use ace_schema::permission::{Decision, Mode, Risk};

pub use file::{Example, Problem};
pub(crate) use host::of_url;
pub(crate) use pattern::Sure;

use host::Host;
use pattern::Pattern;
use place::Places;

/// Who stands behind a rule, from the strongest. A weaker layer narrows what a stronger one says and never widens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Who runs this machine.
    Operator,
    /// The person, in their own file or by an answer.
    User,
    /// The repository: it may deny and ask, not allow.
    Project,
    /// Modes, and what no mode lifts.
    BuiltIn,
}

impl Layer {
    /// The word that records and explanations have.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::User => "user",
            Self::Project => "project",
            Self::BuiltIn => "built-in",
        }
    }
}

/// One file of rules.
#[derive(Debug, Clone)]
pub struct RuleText {
    /// Whose.
    pub layer: Layer,
    /// As a person would write it; for problems.
    pub file: String,
    /// TOML.
    pub text: String,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name in records.
    pub id: String,
    /// Whose it is.
    pub layer: Layer,
    /// What it says.
    pub decision: Decision,
    /// Why, for people and for the model; may be empty.
    pub why: String,
    /// Calls whose decision under all rules is known.
    pub examples: Vec<Example>,
    tools: Vec<String>,
    commands: Vec<Pattern>,
    paths: Option<Places>,
    hosts: Vec<Host>,
    mcp: Vec<(String, String)>,
    sources: Vec<Source>,
    modes: Vec<Mode>,
    pub(crate) risks: Vec<Risk>,
    project: String,
    /// What it asks about is run in a copy first.
    pub(crate) effect: bool,
}

/// All rules that are in force.
#[derive(Debug, Clone, Default)]
pub struct Rulebook {
    rules: Vec<Rule>,
    /// Rules that deny or ask about a command, by the small letters of their program.
    by_program: HashMap<String, Vec<usize>>,
    /// What a project said and may not: the rule's id, and why.
    pub ignored: Vec<(String, &'static str)>,
}

impl Rulebook {
    /// The rules of these texts.
    ///
    /// # Errors
    /// Everything that is wrong in any of them; no rule is in force then, so that a deny with a slip is not lost in silence.
    pub fn read(texts: &[RuleText]) -> Result<Self, Vec<Problem>> {
        let (mut book, mut problems) = (Self::default(), Vec::new());
        for text in texts {
            match file::read(text) {
                Ok(rules) => rules.into_iter().for_each(|r| book.add(r)),
                Err(wrong) => problems.extend(wrong),
            }
        }
        if problems.is_empty() { Ok(book) } else { Err(problems) }
    }

    fn add(&mut self, rule: Rule) {
        if rule.layer == Layer::Project && rule.decision == Decision::Allow {
            return self.ignored.push((rule.id, "a project may only narrow: its rules deny or ask"));
        }
        if rule.decision != Decision::Allow {
            for pattern in &rule.commands {
                self.by_program.entry(pattern.program()).or_default().push(self.rules.len());
            }
        }
        self.rules.push(rule);
    }

    /// Adds what a person granted by an answer. `false` if it is nothing that a rule could say.
    pub fn grant(&mut self, proposal: &Proposal, id: &str) -> bool {
        let command = if proposal.command.is_empty() { Vec::new() } else { vec![proposal.command.as_str()] };
        let Ok(commands) = command.iter().map(|c| Pattern::parse(c)).collect::<Result<Vec<_>, _>>() else {
            return false;
        };
        let paths = Places::parse(&proposal.paths).ok().filter(|_| !proposal.paths.is_empty());
        if commands.is_empty() && paths.is_none() {
            return false;
        }
        self.add(Rule {
            id: id.to_owned(),
            layer: Layer::User,
            decision: Decision::Allow,
            why: String::new(),
            examples: Vec::new(),
            tools: vec![proposal.tool.clone()],
            commands,
            paths,
            hosts: Vec::new(),
            mcp: Vec::new(),
            sources: Vec::new(),
            modes: Vec::new(),
            risks: Vec::new(),
            project: String::new(),
            effect: false,
        });
        true
    }

    /// Hosts that any command may reach: those of rules that allow them without a further condition, less those that another rule
    /// denies or asks about.
    #[must_use]
    pub fn open_hosts(&self) -> Vec<String> {
        let about = |rule: &&Rule| !rule.hosts.is_empty() && rule.names_tool("shell");
        let is_bare = |r: &&Rule| {
            let is_for_all = r.sources.is_empty() && r.modes.is_empty() && r.risks.is_empty() && r.project.is_empty();
            r.decision == Decision::Allow && r.commands.is_empty() && r.paths.is_none() && is_for_all
        };
        let closed: Vec<&Host> = self
            .rules
            .iter()
            .filter(about)
            .filter(|r| r.decision != Decision::Allow)
            .flat_map(|rule| &rule.hosts)
            .collect();
        let open = self.rules.iter().filter(about).filter(is_bare).flat_map(|rule| &rule.hosts);
        let texts = open.filter(|host| !closed.iter().any(|c| c == host || c.meets(host))).map(Host::text);
        texts.collect()
    }

    /// Every rule, strongest layer first only if the texts came so.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rules that deny or ask about commands of this program, by its name in small letters.
    pub(crate) fn of_program(&self, program: &str) -> impl Iterator<Item = &Rule> {
        self.by_program.get(program).into_iter().flatten().map(|at| &self.rules[*at])
    }

    /// The rules that deny or ask about commands.
    pub(crate) fn about_commands(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|r| r.decision != Decision::Allow && !r.commands.is_empty())
    }
}

impl Rule {
    /// Whether it holds for calls of that origin, here and now.
    pub(crate) fn holds(&self, mode: Mode, source: Source, project: &str) -> bool {
        let mode_fits = match self.modes.as_slice() {
            // Plan mode only reads, unless a rule says 'plan' itself.
            [] => mode != Mode::Plan || self.decision != Decision::Allow,
            modes => modes.contains(&mode),
        };
        let source_fits = self.sources.is_empty() || self.sources.contains(&source);
        mode_fits && source_fits && (self.project.is_empty() || self.project == project)
    }

    /// The modes it names; none for all of them.
    #[must_use]
    pub fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// Whether it speaks of this local tool.
    pub(crate) fn names_tool(&self, tool: &str) -> bool {
        self.mcp.is_empty() && (self.tools.is_empty() || self.tools.iter().any(|t| t == tool))
    }

    /// Whether it speaks of this tool of an MCP server. A rule about local tools never does, whatever a server calls its own.
    pub(crate) fn names_mcp(&self, server: &str, tool: &str) -> bool {
        self.mcp.iter().any(|(s, t)| s == server && (t == tool || t == "*"))
    }

    pub(crate) fn mcp_tools(&self) -> impl Iterator<Item = &str> {
        self.mcp.iter().map(|(_, tool)| tool.as_str())
    }

    pub(crate) fn commands(&self) -> &[Pattern] {
        &self.commands
    }

    pub(crate) fn paths(&self) -> Option<&Places> {
        self.paths.as_ref()
    }

    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(crate) fn tools(&self) -> &[String] {
        &self.tools
    }

    /// How narrow it is: the whole command before an open one, then more words, longer paths, more conditions.
    pub(crate) fn specificity(&self) -> (bool, usize, usize, usize) {
        let words = self.commands.iter().map(Pattern::words).max().unwrap_or(0);
        let exact = !self.commands.is_empty() && self.commands.iter().all(|p| !p.is_open());
        let conditions = [
            !self.tools.is_empty(),
            !self.hosts.is_empty(),
            !self.mcp.is_empty(),
            !self.sources.is_empty(),
            !self.modes.is_empty(),
            !self.risks.is_empty(),
            !self.project.is_empty(),
        ];
        (exact, words, self.paths.as_ref().map_or(0, Places::literal), conditions.iter().filter(|c| **c).count())
    }
}
