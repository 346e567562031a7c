//! From typed arguments to values, pages and complaints. Clap finds what is meant and what is wrong; the words are ours.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser};

use crate::{Complaint, Exit, When, help};

/// The arguments of one program.
pub trait Program: Parser {
    /// Its name, as it speaks: `ace-log`.
    const NAME: &'static str;
}

/// Why there are no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Early {
    /// Help was asked for: the page of this command (`ace-log`, `ace-log follow`).
    Help(Vec<String>),
    /// The version was asked for.
    Version,
    /// Nothing that can be done.
    Wrong(Complaint),
}

/// The arguments of this process. When they ask for help or the version, or make no sense, that is said and the code to exit
/// with comes back.
pub fn parse<P: Program>() -> Result<P, ExitCode> {
    let args: Vec<OsString> = std::env::args_os().collect();
    let color = When::of_arguments(&args);
    parse_from(args).map_err(|early| match early {
        Early::Version => print(P::NAME, &format!("{} {}\n", P::NAME, crate::VERSION)),
        Early::Help(path) => {
            print(P::NAME, &help::page(&P::command(), &path, color.colours(std::io::stdout().is_terminal())))
        }
        Early::Wrong(complaint) => crate::complain(&complaint, color),
    })
}

/// The values in `args`, the program's name first.
///
/// # Errors
/// [`Early`] when there are none.
pub fn parse_from<P: Program>(args: Vec<OsString>) -> Result<P, Early> {
    // Before the tree of commands is built, which takes longer than the rest of the program.
    if matches!(args.get(1).and_then(|a| a.to_str()), Some("--version" | "-V")) {
        return Err(Early::Version);
    }
    P::try_parse_from(&args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => Early::Help(asked_page::<P>(&args)),
        ErrorKind::DisplayVersion => Early::Version,
        _ => Early::Wrong(complaint::<P>(&error, &args)),
    })
}

/// The arguments of the program of that name, for what is made from them.
#[must_use]
pub fn command(program: &str) -> Option<clap::Command> {
    Some(match program {
        crate::ace::Ace::NAME => crate::ace::Ace::command(),
        crate::session::Session::NAME => crate::session::Session::command(),
        crate::model::Model::NAME => crate::model::Model::command(),
        crate::permit::Permit::NAME => crate::permit::Permit::command(),
        crate::fetch::Fetch::NAME => crate::fetch::Fetch::command(),
        crate::quota::Quota::NAME => crate::quota::Quota::command(),
        crate::redact::Redact::NAME => crate::redact::Redact::command(),
        crate::replay::Replay::NAME => crate::replay::Replay::command(),
        crate::tool::Tool::NAME => crate::tool::Tool::command(),
        crate::log::Log::NAME => crate::log::Log::command(),
        crate::serve::Serve::NAME => crate::serve::Serve::command(),
        crate::many::Many::NAME => crate::many::Many::command(),
        crate::worktree::Worktree::NAME => crate::worktree::Worktree::command(),
        _ => return None,
    })
}

impl crate::ace::Ace {
    /// `ace help WORD`: the page on stdout. A verb that is another program's shows that program's page.
    #[must_use]
    pub fn help(word: Option<&str>, color: When) -> ExitCode {
        let coloured = color.colours(std::io::stdout().is_terminal());
        match help::about(word, coloured) {
            Ok(text) => print(Self::NAME, &text),
            Err(complaint) => crate::complain(&complaint, color),
        }
    }
}

/// A reader that has gone ends the program quietly, with its own code.
fn print(program: &str, text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done.into(),
        Err(error) => crate::complain(&Complaint::io(program, "cannot print", &error), When::Auto),
    }
}

/// Which command's help was asked for: clap does not say, so it is asked again with a tree whose pages are their own names.
fn asked_page<P: Program>(args: &[OsString]) -> Vec<String> {
    let named = name_pages(P::command().color(clap::ColorChoice::Never), P::NAME.to_owned());
    let text = named.try_get_matches_from(args).err().map(|e| e.render().to_string()).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn name_pages(command: clap::Command, path: String) -> clap::Command {
    let page = path.clone();
    command
        .mut_subcommands(|sub| {
            let path = format!("{path} {}", sub.get_name());
            name_pages(sub, path)
        })
        .override_help(page)
}

fn complaint<P: Program>(error: &clap::Error, args: &[OsString]) -> Complaint {
    let get = |kind| error.get(kind).map(words).unwrap_or_default();
    let (arg, value) = (get(ContextKind::InvalidArg), get(ContextKind::InvalidValue));
    let what = match error.kind() {
        ErrorKind::UnknownArgument => format!("unexpected argument '{arg}'"),
        ErrorKind::InvalidSubcommand => format!("unknown command '{}'", get(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "no command given".to_owned()
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("no value for '{arg}'"),
        ErrorKind::InvalidValue => format!("'{value}' is no value for '{arg}'"),
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(source) => format!("'{value}' is no value for '{arg}': {source}"),
            None => format!("'{value}' is no value for '{arg}'"),
        },
        ErrorKind::MissingRequiredArgument if arg.contains(", ") => format!("{arg} are missing"),
        ErrorKind::MissingRequiredArgument => format!("{arg} is missing"),
        ErrorKind::ArgumentConflict => match get(ContextKind::PriorArg) {
            prior if prior.is_empty() || prior == arg => format!("'{arg}' is there twice"),
            prior => format!("'{arg}' and '{prior}' exclude each other"),
        },
        ErrorKind::TooManyValues => format!("too many values for '{arg}'"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => format!("too few values for '{arg}'"),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        kind => kind.as_str().unwrap_or("wrong usage").to_owned(),
    };
    Complaint::new(P::NAME, Exit::Usage, what).hint(hint::<P>(error, &arg, args))
}

/// The nearest thing that exists, else what may stand there, else where to read on.
fn hint<P: Program>(error: &clap::Error, arg: &str, args: &[OsString]) -> String {
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue] {
        if let Some(near) = error.get(kind).map(first) {
            return format!("did you mean '{near}'?");
        }
    }
    if let Some(valid) = error.get(ContextKind::ValidValue).map(words).filter(|v| !v.is_empty()) {
        return format!("one of {valid}");
    }
    let command = P::command();
    let typed = args.iter().skip(1).filter_map(|a| a.to_str());
    let sub = typed.map_while(|word| command.find_subcommand(word)).next().map(|s| s.get_name());
    let takes_prompt = matches!(sub, Some("run" | "ask" | "new" | "once" | "say"));
    if error.kind() == ErrorKind::UnknownArgument && takes_prompt && !arg.starts_with('-') {
        return "a prompt of several words stands in quotes".to_owned();
    }
    match sub {
        Some(sub) => format!("{} {sub} -h", P::NAME),
        None => format!("{} -h", P::NAME),
    }
}

fn first(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.first().cloned().unwrap_or_default(),
        other => words(other),
    }
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::String(one) => bare(one),
        ContextValue::Strings(all) => all.iter().map(|a| bare(a)).collect::<Vec<_>>().join(", "),
        ContextValue::Number(n) => n.to_string(),
        ContextValue::StyledStr(text) => text.to_string(),
        _ => String::new(),
    }
}

/// Clap's `<S>` is `S` here, as in the help.
fn bare(text: &str) -> String {
    text.replace(['<', '>'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ace::Ace, log::Log, permit::Permit, session::Session, tool::Tool, worktree::Worktree};

    fn args(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn wrong<P: Program>(line: &str, what: &str, hint: &str) {
        match parse_from::<P>(args(line)) {
            Err(Early::Wrong(c)) => {
                assert_eq!((c.what.as_str(), c.hint.as_deref()), (what, Some(hint)), "{line}");
                assert_eq!((c.exit, c.program.as_str()), (Exit::Usage, P::NAME), "{line}");
            }
            other => panic!("{line}: {:?}", other.map(|_| "values")),
        }
    }

    #[test]
    fn wrong_usage_is_one_line_and_the_nearest_match() {
        wrong::<Log>("ace-log --foo", "unexpected argument '--foo'", "ace-log -h");
        wrong::<Log>("ace-log append @last --te", "unexpected argument '--te'", "did you mean '--tee'?");
        wrong::<Log>("ace-log folow @last", "unknown command 'folow'", "did you mean 'follow'?");
        wrong::<Log>("ace-log", "no command given", "ace-log -h");
        wrong::<Log>("ace-log follow", "S is missing", "ace-log follow -h");
        wrong::<Log>("ace-log cat fix@0", "'fix@0' is no value for 'S': lines count from 1", "ace-log cat -h");
        wrong::<Log>(
            "ace-log follow x --until turm",
            "'turm' is no value for '--until turn|idle'",
            "did you mean 'turn'?",
        );
        wrong::<Log>("ace-log follow x --until", "no value for '--until turn|idle'", "one of turn, idle");
        wrong::<Log>("ace-log join x", "FILTER... is missing", "ace-log join -h");
        wrong::<Ace>("ace run --mode yolo", "'yolo' is no value for '--mode MODE'", "one of plan, ask, edit, auto");
        wrong::<Ace>(
            "ace run --max-turns 0 x",
            "'0' is no value for '--max-turns N': 0 is not in 1..=20000",
            "ace run -h",
        );
        wrong::<Ace>("ace run make tests", "unexpected argument 'tests'", "a prompt of several words stands in quotes");
        wrong::<Ace>("ace run --carry --no-worktree", "'--carry' and '--no-worktree' exclude each other", "ace run -h");
        wrong::<Ace>("ace run -m a/b -m c/d", "'--model NAME/MODEL' is there twice", "ace run -h");
        wrong::<Permit>("ace-permit allow", "S, ID are missing", "ace-permit allow -h");
    }

    #[test]
    fn help_and_version_are_early() {
        let page = |line: &str| match parse_from::<Ace>(args(line)) {
            Err(Early::Help(path)) => path.join(" "),
            other => panic!("{line}: {:?}", other.map(|_| "values")),
        };
        assert_eq!(page("ace -h"), "ace");
        assert_eq!(page("ace --help"), "ace");
        assert_eq!(page("ace run -m x/y -h"), "ace run");
        assert_eq!(parse_from::<Ace>(args("ace --version")).err(), Some(Early::Version));
        assert_eq!(parse_from::<Ace>(args("ace -q --version")).err(), Some(Early::Version));
        let path = |line: &str| parse_from::<Log>(args(line)).err();
        assert_eq!(path("ace-log help follow"), Some(Early::Help(vec!["ace-log".into(), "follow".into()])));
    }

    #[test]
    fn what_follows_a_foreign_word_belongs_to_it() {
        let ace: Ace = parse_from(args("ace -x diff fix --json -h --version")).unwrap();
        let Some(crate::ace::Command::Other(words)) = ace.command else { panic!("not foreign") };
        assert_eq!(words, args("diff fix --json -h --version"));
        assert!(ace.explain && !ace.json);
        let log: Log = parse_from(args("ace-log join S -- awk --help")).unwrap();
        assert!(matches!(log.command, crate::log::Command::Join { filter, .. } if filter == args("awk --help")));
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let ace: Ace = parse_from(args("ace run --json -q --color=never --mode auto x")).unwrap();
        assert!(ace.json && ace.quiet && ace.color == When::Never);
        let Some(crate::ace::Command::Run(run)) = ace.command else { panic!("not run") };
        assert_eq!(run.options.mode, Some(ace_schema::permission::Mode::Auto));
        assert_eq!(run.prompt.as_deref(), Some("x"));
    }

    #[test]
    fn filters_need_no_command() {
        assert!(parse_from::<Permit>(args("ace-permit --drafts-only")).unwrap().command.is_none());
        let tool: Tool = parse_from(args("ace-tool --drafts-only --unrecorded --unsandboxed")).unwrap();
        assert!(tool.filter.drafts_only && tool.unrecorded && tool.unsandboxed);
        assert!(matches!(
            parse_from::<Tool>(args("ace-tool worker")).unwrap().command,
            Some(crate::tool::Command::Worker)
        ));
        assert!(parse_from::<Session>(args("ace-session step --drafts-only")).is_ok());
        assert!(parse_from::<Worktree>(args("ace-worktree prune -n")).is_ok());
    }

    #[test]
    fn every_tree_is_sound() {
        for row in crate::suite::SUITE.iter().filter(|r| r.group == crate::suite::Group::Parts) {
            command(row.name).unwrap().debug_assert();
        }
    }
}
