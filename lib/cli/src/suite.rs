//! The suite as one table: every program and every verb of the front, from which help, man pages, completions and law tests are
//! made. A verb that is not built yet is not listed.

use crate::{Complaint, Exit};

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The front command.
    Front,
    /// Events in, the same events and its own drafts out.
    Filter,
    /// Events in, the same events out, drafts rewritten.
    Gate,
    /// A filter that also begins sessions.
    Source,
    /// The keeper of the record: takes drafts, gives events and views.
    Keeper,
    /// A program beside the pipe.
    Tool,
    /// A verb of the front itself.
    Own,
    /// A verb that is another program with arguments.
    Alias,
}

/// What a verb is for, as the front's help groups it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// One prompt, or many.
    Work,
    /// What happened.
    Look,
    /// Back, sideways, and why.
    Travel,
    /// What may be done.
    Decide,
    /// Bring it home.
    Keep,
    /// This machine.
    SetUp,
    /// The programs of the pipe.
    Parts,
}

impl Group {
    /// The groups of verbs in the order of the help.
    pub const VERBS: [Self; 6] = [Self::Work, Self::Look, Self::Travel, Self::Decide, Self::Keep, Self::SetUp];

    /// Its head.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Work => "Work",
            Self::Look => "Look",
            Self::Travel => "Travel",
            Self::Decide => "Decide",
            Self::Keep => "Keep",
            Self::SetUp => "Set up",
            Self::Parts => "Parts",
        }
    }

    /// What it answers.
    #[must_use]
    pub fn gloss(self) -> &'static str {
        match self {
            Self::Work => "one prompt, or many",
            Self::Look => "what happened, its cost",
            Self::Travel => "back, sideways, and why",
            Self::Decide => "what may be done",
            Self::Keep => "bring it home, tidy up",
            Self::SetUp => "this machine",
            Self::Parts => "the programs of the pipe",
        }
    }
}

/// One program or verb.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Verb (`diff`) or program (`ace-worktree`).
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The program that does it.
    pub program: &'static str,
    /// The arguments before those that were typed.
    pub args: &'static [&'static str],
    /// What it does, one line, lower case.
    pub line: &'static str,
    /// Where the help shows it.
    pub group: Group,
}

const fn own(name: &'static str, group: Group, line: &'static str) -> Row {
    Row { name, kind: Kind::Own, program: "ace", args: &[], line, group }
}

const fn verb(
    name: &'static str,
    group: Group,
    program: &'static str,
    args: &'static [&'static str],
    line: &'static str,
) -> Row {
    Row { name, kind: Kind::Alias, program, args, line, group }
}

const fn part(name: &'static str, kind: Kind, line: &'static str) -> Row {
    Row { name, kind, program: name, args: &[], line, group: Group::Parts }
}

/// Every program and verb. Within a group in the order of the help.
pub const SUITE: &[Row] = &[
    own("run", Group::Work, "work until the turn has ended"),
    own("ask", Group::Work, "one answer, no tools"),
    verb("say", Group::Work, "ace-session", &["say"], "queue a message, or steer the running turn"),
    verb("unsay", Group::Work, "ace-session", &["unsay"], "take back the newest message that waits"),
    own("resume", Group::Work, "go on with what is due, then the prompt"),
    verb("attach", Group::Work, "ace-session", &["attach"], "watch a session that runs elsewhere"),
    verb("compact", Group::Work, "ace-session", &["compact"], "make the conversation shorter, now"),
    verb("cancel", Group::Work, "ace-session", &["cancel"], "stop the running turn"),
    verb("map", Group::Work, "ace-many", &["map"], "a session for each line of tasks"),
    verb("race", Group::Work, "ace-many", &["race"], "one task several times, the first to pass wins"),
    verb("relay", Group::Work, "ace-many", &["relay"], "one task: a plan, the work, a review"),
    own("ls", Group::Look, "sessions: what runs, what waits, what it cost"),
    own("show", Group::Look, "one session, or one recorded line of it"),
    verb("diff", Group::Look, "ace-worktree", &["diff"], "what a session changed"),
    verb("cost", Group::Look, "ace-log", &["cost"], "what it cost, by turn and model"),
    verb("log", Group::Look, "ace-log", &["show"], "a line a record"),
    verb("text", Group::Look, "ace-log", &["text"], "the answers alone"),
    verb("search", Group::Look, "ace-log", &["search"], "words over all sessions"),
    verb("blame", Group::Look, "ace-log", &["blame"], "which call wrote a line, and why"),
    verb("query", Group::Look, "ace-log", &["query"], "all sessions in SQL"),
    verb("verify", Group::Look, "ace-log", &["verify"], "whether a log is whole"),
    verb("laws", Group::Look, "ace-log", &["laws"], "whether a filter of yours keeps the laws"),
    verb("fork", Group::Travel, "ace-session", &["fork"], "a session with that past, and its files"),
    verb("rewind", Group::Travel, "ace-session", &["rewind"], "conversation and files back to a line"),
    verb("bisect", Group::Travel, "ace-worktree", &["bisect"], "the first step after which a command fails"),
    verb("replay", Group::Travel, "ace-replay", &[], "play a session, run it again, check scenarios"),
    verb("what-if", Group::Travel, "ace-replay", &["what-if"], "how often it passes with something changed"),
    verb("compare", Group::Travel, "ace-many", &["compare"], "one task several times, side by side"),
    verb("rebase", Group::Travel, "ace-worktree", &["rebase"], "leave a step out, or put them in another order"),
    verb("undo", Group::Travel, "ace-session", &["undo"], "take the last turn back, files too"),
    verb("allow", Group::Decide, "ace-permit", &["allow"], "let a waiting call run"),
    verb("deny", Group::Decide, "ace-permit", &["deny"], "refuse a waiting call"),
    verb("land", Group::Keep, "ace-worktree", &["land"], "bring a session's work to its branch of origin"),
    verb("archive", Group::Keep, "ace-session", &["archive"], "put a session away, its log stays"),
    verb("pack", Group::Keep, "ace-session", &["pack"], "a session as one file"),
    verb("unpack", Group::Keep, "ace-session", &["unpack"], "take in a packed session, to be looked at"),
    verb("rm", Group::Keep, "ace-session", &["rm"], "remove a session for good"),
    verb("prune", Group::Keep, "ace-worktree", &["prune"], "remove worktrees nobody needs"),
    own("trust", Group::Decide, "let a project start what its configuration names"),
    own("config", Group::SetUp, "what is configured, and where it was said"),
    own("doctor", Group::SetUp, "what this machine gives: sandbox, home, git, keys"),
    verb("model", Group::SetUp, "ace-model", &[], "models: list what there is, check that one answers"),
    verb("serve", Group::SetUp, "ace-serve", &[], "sessions in a browser, and over HTTP"),
    own("demo", Group::SetUp, "play a recorded session, here, for nothing"),
    part("ace", Kind::Front, "the front command: prompts, views and every verb"),
    part("ace-session", Kind::Source, "begin sessions and take their turns"),
    part("ace-quota", Kind::Filter, "keep model calls within their limits"),
    part("ace-model", Kind::Filter, "answer contexts: a provider, or a recording"),
    part("ace-permit", Kind::Filter, "decide each call: allow, deny or ask"),
    part("ace-tool", Kind::Filter, "run the calls that were allowed"),
    part("ace-fetch", Kind::Filter, "fetch the pages of the web that were allowed"),
    part("ace-redact", Kind::Gate, "take secrets out of drafts before they are kept"),
    part("ace-log", Kind::Keeper, "keep, read and check the log of a session"),
    part("ace-replay", Kind::Tool, "play a session, run it again, check scenarios"),
    part("ace-serve", Kind::Tool, "the workspace in a browser, and the API behind it"),
    part("ace-many", Kind::Tool, "many sessions at once, a worktree each"),
    part("ace-worktree", Kind::Tool, "a worktree and a branch for each session"),
];

/// The row of a verb of the front (not of a program).
#[must_use]
pub fn verb_named(name: &str) -> Option<&'static Row> {
    SUITE.iter().find(|r| r.name == name && r.group != Group::Parts)
}

/// What a word behind `ace` that is none of its own verbs starts: the program and all its arguments. A verb of the table wins;
/// any other word is the program `ace-WORD`, looked for beside `ace` and then on the PATH.
#[must_use]
pub fn resolve(word: &str) -> (String, &'static [&'static str]) {
    match verb_named(word) {
        Some(row) if row.kind == Kind::Alias => (row.program.to_owned(), row.args),
        _ => (format!("ace-{word}"), &[]),
    }
}

/// What to say when there is no program for the word.
#[must_use]
pub fn unknown(word: &str) -> Complaint {
    let verbs = SUITE.iter().filter(|r| r.group != Group::Parts).map(|r| r.name);
    let complaint =
        Complaint::new("ace", Exit::Usage, format!("unknown command '{word}', and no ace-{word} on the PATH"));
    match ace_config::nearest(word, verbs) {
        Some(near) => complaint.hint(format!("did you mean '{near}'? ace -h shows all")),
        None => complaint.hint("ace -h shows all, ace run \"...\" takes a prompt"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_resolve_to_programs_and_other_words_to_their_own() {
        assert_eq!(resolve("diff"), ("ace-worktree".to_owned(), &["diff"][..]));
        assert_eq!(resolve("cancel"), ("ace-session".to_owned(), &["cancel"][..]));
        assert_eq!(resolve("lint"), ("ace-lint".to_owned(), &[][..]));
    }

    #[test]
    fn a_slip_of_the_finger_gets_the_nearest_verb() {
        assert_eq!(unknown("dif").hint.as_deref(), Some("did you mean 'diff'? ace -h shows all"));
        assert_eq!(unknown("frobnicate").hint.as_deref(), Some("ace -h shows all, ace run \"...\" takes a prompt"));
    }

    #[test]
    fn every_row_stands_once_and_names_a_command_of_its_program() {
        for (i, row) in SUITE.iter().enumerate() {
            assert!(SUITE[..i].iter().all(|r| r.name != row.name), "{} twice", row.name);
            assert!(!row.line.ends_with('.') && row.line.len() <= 60, "{}", row.name);
            let command = crate::command(row.program).unwrap_or_else(|| panic!("no program {}", row.program));
            let sub = if row.kind == Kind::Own { Some(row.name) } else { row.args.first().copied() };
            if let Some(sub) = sub {
                assert!(command.find_subcommand(sub).is_some(), "{} has no {sub}", row.program);
            }
        }
    }

    #[test]
    fn own_verbs_of_the_front_are_all_in_the_table() {
        for sub in crate::command("ace").unwrap().get_subcommands().filter(|s| s.get_name() != "help") {
            assert_eq!(verb_named(sub.get_name()).map(|r| r.kind), Some(Kind::Own), "{}", sub.get_name());
        }
    }
}
